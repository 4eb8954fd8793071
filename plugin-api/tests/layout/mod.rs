//! Size, alignment and field offsets of every struct of the ABI, as this build has them.

use std::mem::{align_of, offset_of, size_of};

use squeezed_plugin_api::abi::*;

/// One struct.
pub struct Layout {
    pub name: &'static str,
    pub size: usize,
    pub align: usize,
    pub fields: Vec<(&'static str, usize)>,
}

macro_rules! layouts {
    ($($name:ident { $($field:ident),* $(,)? })*) => {
        /// Every struct of `abi/types.rs`. A field that is missing here does not compile.
        pub fn all() -> Vec<Layout> {
            $(let _ = |s: &$name| {
                let $name { $($field: _),* } = s;
            };)*
            vec![$(Layout {
                name: stringify!($name),
                size: size_of::<$name>(),
                align: align_of::<$name>(),
                fields: vec![$((stringify!($field), offset_of!($name, $field))),*],
            }),*]
        }
    };
}

layouts! {
    SqzBytes { ptr, len }
    SqzList { items, count, stride }
    SqzMagic { struct_size, offset, bytes, mask }
    SqzMagicSet { struct_size, reserved, magic }
    SqzFormat { struct_size, reserved, name, mime, extensions, magic }
    SqzCost { struct_size, lossy, effort, ns_per_pixel, bytes_per_pixel, reserved }
    SqzDescription { struct_size, reserved, id, version, licence, codecs, formats, capabilities, costs }
    SqzImageInfo {
        struct_size, width, height, frames, loop_count, orientation, color, channels, sample, bits, alpha,
        source_quality, flags, reserved,
    }
    SqzItem { struct_size, kind, name, length, hash }
    SqzLabel { struct_size, kind, name }
    SqzPair { key, value }
    SqzOptions {
        struct_size, mode, quality, metadata, effort, progressive, target, max_reduction, max_pixels, max_frames,
        max_total_pixels, max_metadata_bytes, extra,
    }
    SqzPlan { struct_size, useful_threads, peak_bytes, bytes_per_thread, expected_ns, stop_gap_ns }
    SqzEstimate { struct_size, lossless, bytes }
    SqzCandidate { struct_size, quality, lossless, rank, bytes, method, kept, dropped }
    SqzHost {
        struct_size, reserved, ctx, offer, bytes_to_beat, floor, stop, progress, max_threads, reserve, score, log,
        fail,
    }
    SqzInspectSink { struct_size, reserved, ctx, item, fail }
    SqzImageHeader { struct_size, width, height, loop_count }
    SqzFrameHeader {
        struct_size, role, width, height, duration_num, duration_den, sample, color, channels, bits, alpha,
        reserved,
    }
    SqzFrameSink { struct_size, reserved, ctx, image, frame, rows, metadata, warning, fail }
    SqzPlugin {
        magic, struct_size, abi_major, abi_minor, reserved, describe, inspect, plan, decode, optimize, estimate,
    }
}
