//! Reads the headers of AV1 bitstreams: what a picture is, and how coarsely it was coded. Decodes nothing.

mod bits;
mod frame;
pub mod obu;
mod sequence;

pub use frame::Frame;
pub use sequence::Sequence;

use obu::kind;

/// The sequence header of a temporal unit.
pub fn sequence(unit: &[u8]) -> Option<Sequence> {
    let all = obu::split(unit)?;
    let found = all.iter().find(|o| o.kind == kind::SEQUENCE)?;
    Sequence::read(found.payload)
}

/// The sequence header and the first frame of a temporal unit, where that refers to no other frame.
pub fn headers(unit: &[u8]) -> Option<(Sequence, Frame)> {
    let all = obu::split(unit)?;
    let sequence = Sequence::read(all.iter().find(|o| o.kind == kind::SEQUENCE)?.payload)?;
    let frame = all.iter().find(|o| matches!(o.kind, kind::FRAME | kind::FRAME_HEADER))?;
    let frame = Frame::read(&sequence, (frame.temporal, frame.spatial), frame.payload)?;
    Some((sequence, frame))
}
