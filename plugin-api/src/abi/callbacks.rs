//! The host's callbacks behind the safe traits that a plugin sees.

use super::convert::raw_item;
use super::types::*;
use crate::{
    Candidate, FrameHeader, FrameSink, Host, ImageHeader, Kind, LogLevel, MetadataItem, Stop, StopReason,
    Verdict,
};

pub(super) struct RawHost(pub(super) SqzHost);

// SAFETY: the contract says that the host's functions may be called from any thread of the job.
unsafe impl Sync for RawHost {}

impl Host for RawHost {
    fn offer(&self, c: &Candidate<'_>) -> Verdict {
        let labels = |list: &[(Kind, String)]| -> Vec<SqzLabel> {
            list.iter()
                .map(|(kind, name)| SqzLabel {
                    struct_size: size_of::<SqzLabel>() as u32,
                    kind: *kind as u32,
                    name: SqzBytes::new(name.as_bytes()),
                })
                .collect()
        };
        let (kept, dropped) = (labels(c.kept), labels(c.dropped));
        let raw = SqzCandidate {
            struct_size: size_of::<SqzCandidate>() as u32,
            quality: u32::from(c.quality),
            lossless: u32::from(c.lossless),
            rank: c.rank,
            bytes: SqzBytes::new(c.bytes),
            method: SqzBytes::new(c.method.as_bytes()),
            kept: SqzList::new(&kept),
            dropped: SqzList::new(&dropped),
        };
        let Some(f) = self.0.offer else { return Verdict::Rejected };
        // SAFETY: the host's function with the host's context.
        Verdict::from_u32(unsafe { f(self.0.ctx, &raw) }).unwrap_or(Verdict::Rejected)
    }
    fn bytes_to_beat(&self, lossless: bool) -> u64 {
        // SAFETY: the host's function with the host's context.
        self.0.bytes_to_beat.map_or(u64::MAX, |f| unsafe { f(self.0.ctx, u32::from(lossless)) })
    }
    fn floor(&self) -> u64 {
        // SAFETY: the host's function with the host's context.
        self.0.floor.map_or(0, |f| unsafe { f(self.0.ctx) })
    }
    fn stop(&self) -> Option<StopReason> {
        // SAFETY: the host's function with the host's context.
        match self.0.stop.map_or(0, |f| unsafe { f(self.0.ctx) }) {
            0 => None,
            // A reason that is not known is still a wish to stop.
            n => Some(StopReason::from_u32(n).unwrap_or(StopReason::Cancelled)),
        }
    }
    fn progress(&self, permille: u32) {
        if let Some(f) = self.0.progress {
            // SAFETY: the host's function with the host's context.
            unsafe { f(self.0.ctx, permille) };
        }
    }
    fn max_threads(&self) -> u32 {
        // SAFETY: the host's function with the host's context.
        self.0.max_threads.map_or(1, |f| unsafe { f(self.0.ctx) })
    }
    fn reserve(&self, bytes: u64) -> bool {
        // SAFETY: the host's function with the host's context.
        self.0.reserve.is_none_or(|f| unsafe { f(self.0.ctx, bytes) } == 1)
    }
    fn score(&self, bytes: &[u8]) -> Option<f32> {
        // SAFETY: the host's function with the host's context.
        let score = self.0.score.map_or(f64::NAN, |f| unsafe { f(self.0.ctx, SqzBytes::new(bytes)) });
        (!score.is_nan()).then_some(score as f32)
    }
    fn log(&self, level: LogLevel, text: &str) {
        if let Some(f) = self.0.log {
            // SAFETY: the host's function with the host's context.
            unsafe { f(self.0.ctx, level as u32, SqzBytes::new(text.as_bytes())) };
        }
    }
}

pub(super) struct RawSink(pub(super) SqzFrameSink);

fn go_on(answer: Option<u32>) -> Result<(), Stop> {
    match answer {
        None | Some(0) => Ok(()),
        Some(_) => Err(Stop),
    }
}

impl FrameSink for RawSink {
    fn image(&mut self, h: &ImageHeader) -> Result<(), Stop> {
        let raw = SqzImageHeader {
            struct_size: size_of::<SqzImageHeader>() as u32,
            width: h.width,
            height: h.height,
            loop_count: h.loop_count,
        };
        // SAFETY: the host's function with the host's context.
        go_on(self.0.image.map(|f| unsafe { f(self.0.ctx, &raw) }))
    }
    fn frame(&mut self, h: &FrameHeader) -> Result<(), Stop> {
        let raw = SqzFrameHeader {
            struct_size: size_of::<SqzFrameHeader>() as u32,
            role: h.role as u32,
            width: h.width,
            height: h.height,
            duration_num: h.duration.0,
            duration_den: h.duration.1,
            sample: h.layout.sample as u32,
            color: h.layout.color as u32,
            channels: u32::from(h.layout.channels),
            bits: u32::from(h.layout.bits),
            alpha: h.layout.alpha as u32,
            reserved: 0,
        };
        // SAFETY: the host's function with the host's context.
        go_on(self.0.frame.map(|f| unsafe { f(self.0.ctx, &raw) }))
    }
    fn rows(&mut self, count: u32, stride: usize, data: &[u8]) -> Result<(), Stop> {
        // SAFETY: the host's function with the host's context.
        go_on(self.0.rows.map(|f| unsafe { f(self.0.ctx, count, stride as u64, SqzBytes::new(data)) }))
    }
    fn metadata(&mut self, item: &MetadataItem, value: &[u8]) -> Result<(), Stop> {
        // SAFETY: the host's function with the host's context.
        go_on(self.0.metadata.map(|f| unsafe { f(self.0.ctx, &raw_item(item), SqzBytes::new(value)) }))
    }
    fn warning(&mut self, text: &str) -> Result<(), Stop> {
        // SAFETY: the host's function with the host's context.
        go_on(self.0.warning.map(|f| unsafe { f(self.0.ctx, SqzBytes::new(text.as_bytes())) }))
    }
}
