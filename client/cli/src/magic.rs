//! First bytes of image files. Tells formats apart; never decides whether an image is sound.

/// Bytes that [`of`] looks at.
pub const LEN: usize = 16;

/// The family of formats that a file begins like, if any is known here. The daemon may handle more, and less.
pub fn of(head: &[u8]) -> Option<&'static str> {
    let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(what));
    let family = match head {
        _ if at(0, b"\xff\xd8\xff") => "jpeg",
        _ if at(0, b"\x89PNG\r\n\x1a\n") => "png",
        _ if at(0, b"RIFF") && at(8, b"WEBP") => "webp",
        _ if at(0, b"GIF87a") || at(0, b"GIF89a") => "gif",
        _ if at(0, b"II*\0") || at(0, b"MM\0*") => "tiff",
        _ if at(4, b"ftyp") && [&b"avif"[..], b"avis"].iter().any(|b| at(8, b)) => "avif",
        _ if at(4, b"ftyp")
            && [&b"heic"[..], b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"]
                .iter()
                .any(|b| at(8, b)) =>
        {
            "heif"
        }
        _ => return None,
    };
    Some(family)
}

/// Whether an answer begins like the file it replaces. Of formats that are not known here, it must be unknown too: the
/// daemon has compared the magic, and a format may have several.
pub fn same(before: &[u8], after: &[u8]) -> bool {
    match of(before) {
        Some(family) => of(after) == Some(family),
        None => !after.is_empty() && of(after).is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        assert_eq!(of(b"\xff\xd8\xff\xe0"), Some("jpeg"));
        assert_eq!(of(b"RIFF\x10\0\0\0WEBPVP8 "), Some("webp"));
        assert_eq!(of(b"RIFF\x10\0\0\0WAVEfmt "), None);
        assert_eq!(of(b"\0\0\0\x20ftypavif\0\0\0\0"), Some("avif"));
        assert_eq!(of(b""), None);
    }

    #[test]
    fn an_answer_of_another_kind_is_seen() {
        assert!(same(b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xdb"));
        assert!(!same(b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"));
        assert!(same(b"P3 1 1", b"P6 1 1"));
        assert!(!same(b"P3 1 1", b"\xff\xd8\xff\xe0"));
        assert!(!same(b"BM123", b""));
        assert!(!same(b"", b""));
    }
}
