//! The header of a lossless bitstream. Knows five bytes and no more.

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Width, 1 to 16384.
    pub width: u32,
    /// Height, 1 to 16384.
    pub height: u32,
    /// Whether some pixel is said not to be opaque.
    pub alpha: bool,
}

/// Reads the header; `None` where it is none.
pub fn header(data: &[u8]) -> Option<Header> {
    let [0x2f, bits @ ..] = data.first_chunk::<5>()? else { return None };
    let bits = u32::from_le_bytes(*bits);
    // The version must be 0.
    if bits >> 29 != 0 {
        return None;
    }
    Some(Header { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1, alpha: bits >> 28 & 1 == 1 })
}
