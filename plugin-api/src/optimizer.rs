//! The trait that a format implements.

use crate::{Description, Error, FrameSink, ImageInfo, Job, MetadataItem};

/// What a job will need, for these options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// Peak bytes beside the input and the best candidates, with one thread.
    pub peak_bytes: u64,
    /// Bytes for each further thread.
    pub bytes_per_thread: u64,
    /// Expected CPU nanoseconds with one thread.
    pub expected_ns: u64,
    /// Threads that would help; at least 1.
    pub useful_threads: u32,
    /// The longest time between two looks at `stop`, in nanoseconds; 0 if unknown.
    pub stop_gap_ns: u64,
}

/// A guess at what `optimize` would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// Expected size of the result in bytes.
    pub bytes: u64,
    /// Whether it would be lossless.
    pub lossless: bool,
}

/// A format optimizer. Everything is synchronous and CPU-bound; one value serves all jobs of a process, from many
/// threads at once.
pub trait Optimizer: Send + Sync + 'static {
    /// What this plugin is. Called once.
    fn describe(&self) -> Description;

    /// Reads headers and structure only, in at most 1 ms per MiB. `items` receives the metadata.
    ///
    /// # Errors
    /// `BadImage` where the structure is broken, `UnsupportedFeature` where it is of a kind that cannot be read.
    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error>;

    /// What the job will need.
    ///
    /// # Errors
    /// `BadOption` for an unknown option.
    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error>;

    /// Decodes every frame in its own depth.
    ///
    /// # Errors
    /// `BadImage` where picture data is missing or wrong.
    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error>;

    /// Offers candidates to the job, cheapest first. Without an offer the file comes back unchanged.
    ///
    /// # Errors
    /// As their codes say; what was offered before an error may still be used for `Stopped`.
    fn optimize(&self, job: &Job<'_>) -> Result<(), Error>;

    /// A quick guess at the result. `None` leaves it to the host, which runs `optimize` at effort fast, unjudged.
    ///
    /// # Errors
    /// As `optimize`.
    fn estimate(&self, job: &Job<'_>) -> Result<Option<Estimate>, Error> {
        let _ = job;
        Ok(None)
    }
}
