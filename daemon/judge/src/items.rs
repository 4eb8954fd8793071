//! Whether a candidate carries the metadata that the policy asks for. Knows items and policies, not files.

use std::collections::HashMap;

use squeezed_plugin_api::{Kind, Metadata, MetadataItem};

use crate::Defect;

/// Compares what `inspect` found in source and candidate.
pub(crate) fn compare(
    source: &[MetadataItem],
    candidate: &[MetadataItem],
    policy: Metadata,
) -> Result<(), Defect> {
    let keeps = |kind: Kind| policy == Metadata::All || kind.is_display();
    if let Some(left) = candidate.iter().find(|i| !keeps(i.kind)) {
        return Err(Defect::MetadataNotRemoved { kind: left.kind, name: left.name.clone() });
    }
    // Counted, not searched: a file may have tens of thousands.
    let mut rest: HashMap<_, usize> = HashMap::new();
    for item in candidate {
        *rest.entry(key(item)).or_default() += 1;
    }
    for item in source.iter().filter(|i| keeps(i.kind)) {
        match rest.get_mut(&key(item)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => return Err(Defect::MetadataLost { kind: item.kind, name: item.name.clone() }),
        }
    }
    let invented = |i: &&MetadataItem| {
        matches!(i.kind, Kind::Icc | Kind::ColorSpace | Kind::Orientation)
            && rest.get(&key(i)).is_some_and(|left| *left > 0)
    };
    match candidate.iter().find(invented) {
        Some(new) => Err(Defect::MetadataInvented { kind: new.kind, name: new.name.clone() }),
        None => Ok(()),
    }
}

/// What makes two items the same.
fn key(i: &MetadataItem) -> (Kind, &str, Option<u64>) {
    (i.kind, &i.name, (!i.kind.holds_offsets()).then_some(i.hash))
}

/// Compares ICC profiles as an independent decoder read them, inflated.
pub(crate) fn compare_profiles(source: Option<&[u8]>, candidate: Option<&[u8]>) -> Result<(), Defect> {
    let (kind, name) = (Kind::Icc, "icc".to_owned());
    match (source, candidate) {
        (a, b) if a == b => Ok(()),
        (None, Some(_)) => Err(Defect::MetadataInvented { kind, name }),
        _ => Err(Defect::MetadataLost { kind, name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: Kind, value: &[u8]) -> MetadataItem {
        MetadataItem::new(kind, kind.name(), value)
    }

    #[test]
    fn all_keeps_everything_and_twice_what_was_twice() {
        let text = item(Kind::Text, b"a");
        let two = [text.clone(), text.clone()];
        assert_eq!(compare(&two, &two, Metadata::All), Ok(()));
        let lost = compare(&two, std::slice::from_ref(&text), Metadata::All).unwrap_err();
        assert_eq!(lost.to_string(), "metadata-lost (text text)");
        assert!(compare(&[text], &[item(Kind::Text, b"b")], Metadata::All).is_err());
    }

    #[test]
    fn display_keeps_what_shows_and_nothing_else() {
        let (gps, rights) = (item(Kind::Gps, b"here"), item(Kind::Rights, b"me"));
        let both = [gps.clone(), rights.clone()];
        assert_eq!(compare(&both, std::slice::from_ref(&rights), Metadata::Display), Ok(()));
        let kept = compare(&both, &both, Metadata::Display).unwrap_err();
        assert_eq!(kept.to_string(), "metadata-not-removed (gps gps)");
        let lost = compare(&both, &[], Metadata::Display).unwrap_err();
        assert_eq!(lost.to_string(), "metadata-lost (rights rights)");
    }

    #[test]
    fn offsets_may_change_and_looks_may_not_be_added() {
        let (a, b) = (item(Kind::GainMap, b"at 100"), item(Kind::GainMap, b"at 90"));
        assert_eq!(compare(&[a], &[b], Metadata::All), Ok(()));
        let new = compare(&[], &[item(Kind::Icc, b"p")], Metadata::All).unwrap_err();
        assert_eq!(new.name(), "metadata-invented");
        assert_eq!(compare(&[], &[item(Kind::Density, b"72")], Metadata::All), Ok(()));
    }
}
