//! The text that cameras of the 1990s wrote into APP12: lines of `key=value` under `[picture info]`. Knows where it tells
//! the capture time, nothing of segments.
//!
//! Form: ExifTool's description of the APP12 "Picture Info" tags, <https://exiftool.org/TagNames/APP12.html>.

use squeezed_plugin_api::{Kind, MetadataItem};

const SECTION: &[u8] = b"[picture info]";
const TIME: &[u8] = b"TimeDate=";

/// Whether an APP12 segment is one.
pub fn is_picture_info(body: &[u8]) -> bool {
    find(body, SECTION).is_some()
}

/// The capture time and the rest.
pub fn items(body: &[u8], out: &mut dyn FnMut(MetadataItem)) {
    let time = time(body);
    if let Some(time) = time {
        out(MetadataItem::new(Kind::CaptureTime, "picture-info-time", time));
    }
    if display(body).is_none_or(|kept| kept != body) {
        out(MetadataItem::new(Kind::Unknown, "app12-picture-info", body));
    }
}

/// The body with the capture time alone; nothing where it tells none.
pub fn display(body: &[u8]) -> Option<Vec<u8>> {
    Some([SECTION, b"\r\n", TIME, time(body)?, b"\r\n"].concat())
}

fn time(body: &[u8]) -> Option<&[u8]> {
    let rest = body.get(find(body, TIME)? + TIME.len()..)?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    rest.get(..digits).filter(|t| !t.is_empty())
}

fn find(body: &[u8], what: &[u8]) -> Option<usize> {
    body.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(body: &[u8]) -> Vec<(Kind, String, u64)> {
        let mut all = Vec::new();
        items(body, &mut |i| all.push((i.kind, i.name, i.hash)));
        all
    }

    #[test]
    fn what_display_keeps_is_the_capture_time_of_the_whole() {
        let body =
            b"OLYMPUS\0[picture info]\r\nTimeDate=909698819\r\nShutter=3\r\n[camera info]\r\nType=SR55\r\n";
        let kept = display(body).unwrap();
        assert!(is_picture_info(&kept));
        let (whole, thin) = (list(body), list(&kept));
        assert_eq!((whole.len(), thin.len()), (2, 1));
        assert_eq!(whole[0], thin[0]);
        assert_eq!(display(&kept), Some(kept));
    }

    #[test]
    fn without_a_time_nothing_is_kept() {
        assert_eq!(display(b"[picture info]\r\nTimeDate=\r\n"), None);
        assert_eq!(list(b"[picture info]\r\nZoom=x1\r\n").len(), 1);
        assert!(!is_picture_info(b"Ducky\0"));
    }
}
