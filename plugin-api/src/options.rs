//! What one job was asked for.

/// How much may be lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// Pixels stay identical.
    Lossless,
    /// Lossy at this quality, 1 to 100; `docs/formats.md` maps it to each codec's parameters.
    Quality(u8),
    /// The smallest file whose SSIMULACRA2 score is at least this. Reserved; the host does not ask for it yet.
    Target(f32),
}

/// What metadata stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum Metadata {
    /// Everything, trailing data included.
    #[default]
    All = 0,
    /// What changes how the picture looks, rights and capture time: [`crate::Kind::is_display`].
    Display = 1,
}

/// How much CPU one job may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum Effort {
    /// A first good result.
    Fast = 0,
    /// The usual choice.
    #[default]
    Balanced = 1,
    /// Everything that pays.
    Best = 2,
}

/// JPEG scan order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum Progressive {
    /// Whichever is smaller.
    #[default]
    Auto = 0,
    /// Always progressive.
    On = 1,
    /// Always sequential.
    Off = 2,
}

/// Bounds on what an input may ask for; each has a configuration key of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of one canvas.
    pub pixels: u64,
    /// Frames.
    pub frames: u64,
    /// Frames times pixels.
    pub total_pixels: u64,
    /// Bytes of metadata after decompression.
    pub metadata_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pixels: 100_000_000, frames: 4096, total_pixels: 1_000_000_000, metadata_bytes: 16 << 20 }
    }
}

/// Everything that steers one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Lossless or lossy.
    pub mode: Mode,
    /// Metadata policy.
    pub metadata: Metadata,
    /// CPU to spend.
    pub effort: Effort,
    /// JPEG scan order.
    pub progressive: Progressive,
    /// Capped mode: a lossy result saves at most this many percent of the best lossless result.
    pub max_reduction: Option<f64>,
    /// Bounds.
    pub limits: Limits,
    /// Options of one plugin alone. A key that a plugin does not know is an error ([`crate::ErrorCode::BadOption`]).
    pub extra: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Lossless,
            metadata: Metadata::All,
            effort: Effort::Balanced,
            progressive: Progressive::Auto,
            max_reduction: None,
            limits: Limits::default(),
            extra: Vec::new(),
        }
    }
}

impl Options {
    /// The asked quality in lossy mode.
    pub fn quality(&self) -> Option<u8> {
        match self.mode {
            Mode::Quality(q) => Some(q),
            Mode::Lossless | Mode::Target(_) => None,
        }
    }
}
