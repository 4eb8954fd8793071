//! What can be wrong with a candidate, under stable names. Knows nothing of how it was found.

use squeezed_plugin_api::Kind;

/// The first thing found wrong with a candidate: a defect of the plugin that made it, never of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// The candidate's bytes are of another format than the source.
    #[error("format")]
    Format,
    /// The candidate cannot be read.
    #[error("undecodable ({0})")]
    Undecodable(String),
    /// Another canvas or frame size; of which frame, if not of the canvas.
    #[error("dimensions ({found_width}x{found_height} instead of {width}x{height}{})", at(*.frame))]
    Dimensions {
        /// The frame; `None` is the canvas.
        frame: Option<usize>,
        /// The source's.
        width: u32,
        /// The source's.
        height: u32,
        /// The candidate's.
        found_width: u32,
        /// The candidate's.
        found_height: u32,
    },
    /// Another number of frames or pages.
    #[error("frame-count {found} != {expected}")]
    FrameCount {
        /// The source's.
        expected: usize,
        /// The candidate's.
        found: usize,
    },
    /// A frame has another purpose (a page became a thumbnail).
    #[error("frame-role (frame {0})")]
    FrameRole(usize),
    /// A frame is shown for another time.
    #[error("duration (frame {0})")]
    Duration(usize),
    /// The animation plays another number of times.
    #[error("loop-count {found} != {expected}")]
    LoopCount {
        /// The source's; 0 is for ever.
        expected: u32,
        /// The candidate's.
        found: u32,
    },
    /// Another orientation, so the picture would be shown turned or mirrored.
    #[error("orientation {found} != {expected}")]
    Orientation {
        /// The source's.
        expected: u8,
        /// The candidate's.
        found: u8,
    },
    /// Fewer bits to a sample.
    #[error("depth {found} < {expected} (frame {frame})")]
    Depth {
        /// The frame.
        frame: usize,
        /// The source's.
        expected: u8,
        /// The candidate's.
        found: u8,
    },
    /// Another colour model, so samples cannot be compared (CMYK became RGB).
    #[error("color-model (frame {0})")]
    ColorModel(usize),
    /// The source has transparent pixels in this frame and the candidate has none, or no alpha at all.
    #[error("alpha-lost (frame {0})")]
    AlphaLost(usize),
    /// Claimed lossless, but a sample differs in this frame.
    #[error("pixels-differ (frame {0})")]
    PixelsDiffer(usize),
    /// Lossy and too far from the source.
    #[error("looks-different (frame {frame} {place})")]
    LooksDifferent {
        /// The frame.
        frame: usize,
        /// Which bound was passed and where.
        place: String,
    },
    /// An item that the policy keeps is gone or changed.
    #[error("metadata-lost ({} {name})", .kind.name())]
    MetadataLost {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// An item that the policy removes is still there.
    #[error("metadata-not-removed ({} {name})", .kind.name())]
    MetadataNotRemoved {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// An item that the source does not have, of a kind that changes how the picture is shown.
    #[error("metadata-invented ({} {name})", .kind.name())]
    MetadataInvented {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// The source is not signed and the candidate says that it is, or the other way round under `all`.
    #[error("signed")]
    Signed,
}

impl Defect {
    /// The stable name, for receipts and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Defect::Format => "format",
            Defect::Undecodable(_) => "undecodable",
            Defect::Dimensions { .. } => "dimensions",
            Defect::FrameCount { .. } => "frame-count",
            Defect::FrameRole(_) => "frame-role",
            Defect::Duration(_) => "duration",
            Defect::LoopCount { .. } => "loop-count",
            Defect::Orientation { .. } => "orientation",
            Defect::Depth { .. } => "depth",
            Defect::ColorModel(_) => "color-model",
            Defect::AlphaLost(_) => "alpha-lost",
            Defect::PixelsDiffer(_) => "pixels-differ",
            Defect::LooksDifferent { .. } => "looks-different",
            Defect::MetadataLost { .. } => "metadata-lost",
            Defect::MetadataNotRemoved { .. } => "metadata-not-removed",
            Defect::MetadataInvented { .. } => "metadata-invented",
            Defect::Signed => "signed",
        }
    }
}

fn at(frame: Option<usize>) -> String {
    frame.map_or_else(String::new, |f| format!(", frame {f}"))
}
