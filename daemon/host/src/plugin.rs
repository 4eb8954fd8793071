//! A loaded plugin as an [`Optimizer`]: every call goes through the C table and comes back as safe values.
//!
//! This is the seam for isolation: a plugin in a process of its own is an [`Optimizer`] too.

use std::path::{Path, PathBuf};

use squeezed_plugin_api::abi::{
    SqzBytes, SqzEstimate, SqzHost, SqzImageInfo, SqzOptions, SqzPair, SqzPlan, SqzPlugin,
};
use squeezed_plugin_api::{
    Description, Error, Estimate, FrameSink, ImageInfo, Job, MetadataItem, Optimizer, Plan,
};

use crate::callbacks::{InspectCtx, JobCtx, SinkCtx};
use crate::{LoadError, convert, library};

/// A plugin in this process.
pub struct Plugin {
    table: SqzPlugin,
    description: Description,
    path: PathBuf,
    build: [u8; 32],
}

impl Plugin {
    /// What tells this build from another of the same version: a hash of its file.
    pub fn build(&self) -> &[u8] {
        &self.build
    }

    /// Loads the plugin in this file.
    ///
    /// # Errors
    /// Why the file is not used.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let (table, path) = library::open(path)?;
        let describe = table.describe.ok_or(LoadError::Missing("describe"))?;
        // SAFETY: the plugin's own function; what it returns is valid for ever.
        let description = unsafe { convert::description(describe()) }?;
        let build = build_of(&path);
        Ok(Self { table, description, path, build })
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Where it was loaded from, links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `call` with the C forms of a job; what the plugin told `fail` becomes the error.
    fn with_job(
        &self,
        job: &Job<'_>,
        call: impl FnOnce(SqzBytes, *const SqzImageInfo, *const SqzOptions, *const SqzHost) -> u32,
    ) -> Result<(), Error> {
        let mut pairs: Vec<SqzPair> = Vec::new();
        let options = convert::options(job.options, &mut pairs);
        let info = SqzImageInfo::from_info(job.info);
        let ctx = JobCtx::new(job);
        let host = ctx.table();
        let code = call(SqzBytes::new(job.input), &info, &options, &host);
        ctx.check(code)
    }
}

impl Optimizer for Plugin {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let mut ctx = InspectCtx::new(items);
        let sink = ctx.table();
        let mut out = SqzImageInfo { struct_size: size_of::<SqzImageInfo>() as u32, ..EMPTY_INFO };
        let call = self.table.inspect.ok_or_else(missing)?;
        // SAFETY: structs as the ABI says, alive for the call.
        let code = unsafe { call(SqzBytes::new(input), &sink, &mut out) };
        ctx.check(code)?;
        let info = out
            .to_info()
            .ok_or_else(|| Error::failed("the plugin described the image with unknown values"))?;
        if info.width == 0 || info.height == 0 || info.frames == 0 {
            return Err(Error::bad_image("an image without pixels"));
        }
        Ok(info)
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        let call = self.table.plan.ok_or_else(missing)?;
        let mut out = SqzPlan {
            struct_size: size_of::<SqzPlan>() as u32,
            useful_threads: 1,
            peak_bytes: 0,
            bytes_per_thread: 0,
            expected_ns: 0,
            stop_gap_ns: 0,
        };
        // SAFETY: structs as the ABI says, alive for the call.
        self.with_job(job, |input, info, options, host| unsafe {
            call(input, info, options, host, &mut out)
        })?;
        Ok(Plan {
            peak_bytes: out.peak_bytes,
            bytes_per_thread: out.bytes_per_thread,
            expected_ns: out.expected_ns,
            useful_threads: out.useful_threads.max(1),
            stop_gap_ns: out.stop_gap_ns,
        })
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        let mut ctx = SinkCtx::new(sink);
        let raw = ctx.table();
        let call = self.table.decode.ok_or_else(missing)?;
        // SAFETY: structs as the ABI says, alive for the call.
        let code = unsafe { call(SqzBytes::new(input), &raw) };
        ctx.check(code)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        let call = self.table.optimize.ok_or_else(missing)?;
        // SAFETY: structs as the ABI says, alive for the call.
        self.with_job(job, |input, info, options, host| unsafe { call(input, info, options, host) })
    }

    fn estimate(&self, job: &Job<'_>) -> Result<Option<Estimate>, Error> {
        let Some(call) = self.table.estimate else { return Ok(None) };
        let mut out = SqzEstimate { struct_size: size_of::<SqzEstimate>() as u32, lossless: 0, bytes: 0 };
        // SAFETY: structs as the ABI says, alive for the call.
        self.with_job(job, |input, info, options, host| unsafe {
            call(input, info, options, host, &mut out)
        })?;
        Ok((out.bytes > 0).then_some(Estimate { bytes: out.bytes, lossless: out.lossless == 1 }))
    }
}

/// Hash of a file; zeros where it cannot be read any more, which only costs cached results.
fn build_of(path: &Path) -> [u8; 32] {
    std::fs::read(path).map(|bytes| *blake3::hash(&bytes).as_bytes()).unwrap_or_default()
}

const EMPTY_INFO: SqzImageInfo = SqzImageInfo {
    struct_size: 0,
    width: 0,
    height: 0,
    frames: 0,
    loop_count: 1,
    orientation: 1,
    color: 2,
    channels: 0,
    sample: 1,
    bits: 0,
    alpha: 0,
    source_quality: 0,
    flags: 0,
    reserved: 0,
};

fn missing() -> Error {
    Error::failed("the plugin lacks this function")
}
