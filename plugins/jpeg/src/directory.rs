//! The container directory in XMP (GContainer): which items follow the primary picture, and how long they are.
//!
//! Reads only what is needed to find and resize a gain map: the `Item:` attributes of each element. What XMP means else
//! is not its business.

/// An item of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// `Primary`, `GainMap`, `MotionPhoto`, ...
    pub semantic: String,
    /// Length in bytes; 0 where it is not told.
    pub length: usize,
    /// Bytes between this item and the next.
    pub padding: usize,
}

/// The items in order.
pub fn entries(packet: &[u8]) -> Vec<Item> {
    let text = String::from_utf8_lossy(packet);
    let mut items = Vec::new();
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        if let Some(semantic) = attribute(tag, "Semantic") {
            let number = |name| attribute(tag, name).and_then(|v| v.parse().ok()).unwrap_or(0);
            items.push(Item {
                semantic: semantic.into(),
                length: number("Length"),
                padding: number("Padding"),
            });
        }
    }
    items
}

/// The packet with the length of one item changed; `None` unless exactly one item has the old length.
pub fn resized(packet: &[u8], old: usize, new: usize) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(packet).ok()?;
    let (from, to) = (format!(":Length=\"{old}\""), format!(":Length=\"{new}\""));
    (text.matches(&from).count() == 1).then(|| text.replace(&from, &to).into_bytes())
}

/// Whether an item has this length.
pub fn names_length(packet: &[u8], length: usize) -> bool {
    entries(packet).iter().any(|i| i.length == length)
}

/// The value of `prefix:name="value"`, whatever the prefix.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some((_, after)) = rest.split_once(':') {
        if let Some(value) = after.strip_prefix(name)
            && let Some(value) = value.trim_start().strip_prefix('=')
            && let Some(quote @ ('"' | '\'')) = value.trim_start().chars().next()
        {
            return value.trim_start().get(1..)?.split(quote).next();
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: &[u8] = br#"<rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"
        Item:Mime="image/jpeg"/></rdf:li><rdf:li><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg"
        Item:Length="91043"/></rdf:li></rdf:Seq>"#;

    #[test]
    fn items_are_read_in_order() {
        let all = entries(PACKET);
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].semantic.as_str(), all[0].length), ("Primary", 0));
        assert_eq!((all[1].semantic.as_str(), all[1].length), ("GainMap", 91043));
    }

    #[test]
    fn one_length_is_changed() {
        let changed = resized(PACKET, 91043, 7).unwrap();
        assert_eq!(entries(&changed)[1].length, 7);
        assert!(resized(PACKET, 5, 7).is_none());
    }
}
