//! The words of the header's `command` line. Knows their spelling alone.

use squeezed_plugin_api::Error;

use crate::Lie;

/// What `optimize` does, or another call where the name says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `honest`: offers the file without its padding, lossless.
    Honest,
    /// `honest-lossy`: offers half the padding dropped, lossless; then all of it with slightly changed samples, lossy.
    HonestLossy,
    /// Offers a candidate that is not what it claims.
    Lie(Lie),
    /// `panic`.
    Panic,
    /// `fail`: the codec failed.
    Fail,
    /// `bad-image`: says so though the image is sound.
    BadImage,
    /// `unsupported`: cannot keep a feature.
    Unsupported,
    /// `would-degrade`: offers nothing and says why.
    WouldDegrade,
    /// `hang`: runs for ever, but looks at `stop`.
    Hang,
    /// `offer-then-hang`: offers one good candidate first.
    OfferThenHang,
    /// `sleep=MS`: sleeps, looks at `stop`, reports progress, then is honest.
    Sleep(u64),
    /// `burn=MS`: as `sleep`, with the CPU busy.
    Burn(u64),
    /// `cpu=MS`: as `burn`, until the thread has used so much CPU time, however long it waits for it.
    Cpu(u64),
    /// `deaf=MS`: sleeps without looking at `stop`, then is honest.
    Deaf(u64),
    /// `slow-inspect=MS`: `inspect` takes so long.
    SlowInspect(u64),
    /// `grow`: offers a larger file.
    Grow,
    /// `garbage`: offers bytes of the right magic that cannot be read.
    Garbage,
    /// `other-format`: offers bytes of no format.
    OtherFormat,
    /// `offer-many`: offers smaller and smaller candidates, 64 at most.
    OfferMany,
    /// `alloc=MIB`: asks for so much memory, then is honest.
    Alloc(u64),
    /// `huge-dims`: `inspect` says that each side has a thousand million pixels.
    HugeDims,
    /// `inspect-panic`: `inspect` panics.
    InspectPanic,
    /// `decode-panic`: `decode` panics.
    DecodePanic,
}

impl Command {
    /// Reads the command.
    ///
    /// # Errors
    /// `BadImage` for an unknown one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (name, value) = text.split_once('=').unwrap_or((text, "0"));
        let number = value.parse().map_err(|_| Error::bad_image(format!("{value:?} is not a number")))?;
        Ok(match name {
            "honest" => Self::Honest,
            "honest-lossy" => Self::HonestLossy,
            "panic" => Self::Panic,
            "fail" => Self::Fail,
            "bad-image" => Self::BadImage,
            "unsupported" => Self::Unsupported,
            "would-degrade" => Self::WouldDegrade,
            "hang" => Self::Hang,
            "offer-then-hang" => Self::OfferThenHang,
            "sleep" => Self::Sleep(number),
            "burn" => Self::Burn(number),
            "cpu" => Self::Cpu(number),
            "deaf" => Self::Deaf(number),
            "slow-inspect" => Self::SlowInspect(number),
            "grow" => Self::Grow,
            "garbage" => Self::Garbage,
            "other-format" => Self::OtherFormat,
            "offer-many" => Self::OfferMany,
            "alloc" => Self::Alloc(number),
            "huge-dims" => Self::HugeDims,
            "inspect-panic" => Self::InspectPanic,
            "decode-panic" => Self::DecodePanic,
            _ => Self::Lie(Lie::parse(name).ok_or_else(|| Error::bad_image(format!("no command {name:?}")))?),
        })
    }
}
