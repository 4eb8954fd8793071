//! The (kind, name) lists that a candidate carries. They tell a person what happened; the judge looks for itself.

use std::collections::HashSet;

use squeezed_plugin_api::{Kind, Metadata, MetadataItem};

/// The most entries of one list; a file with a thousand text chunks need not fill a receipt.
pub const MAX_LABELS: usize = 64;

/// What a metadata policy keeps and drops.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// What stays.
    pub kept: Vec<(Kind, String)>,
    /// What goes.
    pub dropped: Vec<(Kind, String)>,
}

/// Sorts `items` by policy: under `all` everything is kept, under `display` only what [`Kind::is_display`] names. Equal
/// labels count once; each list ends after [`MAX_LABELS`].
pub fn split(items: &[MetadataItem], policy: Metadata) -> Labels {
    let mut labels = Labels::default();
    let mut seen = HashSet::new();
    for item in items {
        let keep = policy == Metadata::All || item.kind.is_display();
        let list = if keep { &mut labels.kept } else { &mut labels.dropped };
        if list.len() < MAX_LABELS && seen.insert((item.kind, item.name.as_str())) {
            list.push(item.label());
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<MetadataItem> {
        vec![
            MetadataItem::new(Kind::Icc, "icc", b"1"),
            MetadataItem::new(Kind::Gps, "gps", b"2"),
            MetadataItem::new(Kind::Gps, "gps", b"3"),
        ]
    }

    #[test]
    fn policies_split_once_per_label() {
        let all = split(&items(), Metadata::All);
        assert_eq!(all.kept.len(), 2);
        assert!(all.dropped.is_empty());
        let display = split(&items(), Metadata::Display);
        assert_eq!(display.kept, [(Kind::Icc, "icc".to_string())]);
        assert_eq!(display.dropped, [(Kind::Gps, "gps".to_string())]);
    }

    #[test]
    fn lists_are_bounded() {
        let many: Vec<_> = (0..1000).map(|i| MetadataItem::new(Kind::Text, format!("t{i}"), b"")).collect();
        assert_eq!(split(&many, Metadata::Display).dropped.len(), MAX_LABELS);
    }
}
