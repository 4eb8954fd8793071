//! The plugin's side of the ABI: turns an [`Optimizer`] into a function table. Panics end here.

use std::sync::OnceLock;

use super::callbacks::{RawHost, RawSink};
use super::convert::{raw_info, raw_item, safe_info, safe_options};
use super::described::Described;
use super::guard::{catch, guard};
use super::types::*;
use crate::{Error, ErrorCode, Job, Optimizer};

/// Names the one value of a plugin type; [`crate::export_plugin!`] implements it.
pub trait Instance: Optimizer + Sized {
    /// The value that serves all calls.
    fn instance() -> &'static Self;
    /// Where its description is kept for the ABI.
    fn description() -> &'static OnceLock<Described>;
}

/// Exports a plugin: `export_plugin!(Png);` where `Png` is a unit struct that implements [`crate::Optimizer`].
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ident) => {
        impl $crate::abi::Instance for $plugin {
            fn instance() -> &'static Self {
                static PLUGIN: $plugin = $plugin;
                &PLUGIN
            }
            fn description() -> &'static ::std::sync::OnceLock<$crate::abi::Described> {
                static KEPT: ::std::sync::OnceLock<$crate::abi::Described> = ::std::sync::OnceLock::new();
                &KEPT
            }
        }

        /// The entry of this plugin.
        #[unsafe(no_mangle)]
        pub extern "C" fn squeezed_plugin_entry() -> *const $crate::abi::SqzPlugin {
            static TABLE: $crate::abi::SqzPlugin = $crate::abi::table::<$plugin>();
            &TABLE
        }
    };
}

/// The function table of a plugin.
pub const fn table<P: Instance>() -> SqzPlugin {
    SqzPlugin {
        magic: SQZ_MAGIC,
        struct_size: size_of::<SqzPlugin>() as u32,
        abi_major: SQZ_ABI_MAJOR,
        abi_minor: SQZ_ABI_MINOR,
        reserved: 0,
        describe: Some(describe::<P>),
        inspect: Some(inspect::<P>),
        plan: Some(plan::<P>),
        decode: Some(decode::<P>),
        optimize: Some(optimize::<P>),
        estimate: Some(estimate::<P>),
    }
}

fn bad_call() -> Error {
    Error::failed("the host passed a null pointer or an unknown value")
}

unsafe extern "C" fn describe<P: Instance>() -> *const SqzDescription {
    // Null tells the host to refuse the plugin; there is no callback here that could take the text.
    match catch(|| P::description().get_or_init(|| Described::new(P::instance().describe()))) {
        Ok(d) => d.raw(),
        Err(text) => {
            eprintln!("plugin panicked in describe: {text}");
            std::ptr::null()
        }
    }
}

unsafe extern "C" fn inspect<P: Instance>(
    input: SqzBytes,
    sink: *const SqzInspectSink,
    out: *mut SqzImageInfo,
) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    let (Some(sink), input) = (unsafe { (read_struct(sink), input.as_slice()) }) else {
        return ErrorCode::Failed as u32;
    };
    guard(sink.ctx, sink.fail, || {
        let info = P::instance().inspect(input, &mut |item| {
            if let Some(f) = sink.item {
                // SAFETY: the host's function with the host's context.
                unsafe { f(sink.ctx, &raw_item(&item)) };
            }
        })?;
        // SAFETY: the host owns a struct of the size it wrote there.
        unsafe { write_struct(out, &raw_info(&info)) }
    })
}

unsafe extern "C" fn plan<P: Instance>(
    input: SqzBytes,
    info: *const SqzImageInfo,
    options: *const SqzOptions,
    host: *const SqzHost,
    out: *mut SqzPlan,
) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    unsafe {
        with_job(input, info, options, host, |job| {
            let p = P::instance().plan(job)?;
            let raw = SqzPlan {
                struct_size: size_of::<SqzPlan>() as u32,
                useful_threads: p.useful_threads.max(1),
                peak_bytes: p.peak_bytes,
                bytes_per_thread: p.bytes_per_thread,
                expected_ns: p.expected_ns,
                stop_gap_ns: p.stop_gap_ns,
            };
            write_struct(out, &raw)
        })
    }
}

unsafe extern "C" fn optimize<P: Instance>(
    input: SqzBytes,
    info: *const SqzImageInfo,
    options: *const SqzOptions,
    host: *const SqzHost,
) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    unsafe { with_job(input, info, options, host, |job| P::instance().optimize(job)) }
}

unsafe extern "C" fn estimate<P: Instance>(
    input: SqzBytes,
    info: *const SqzImageInfo,
    options: *const SqzOptions,
    host: *const SqzHost,
    out: *mut SqzEstimate,
) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    unsafe {
        with_job(input, info, options, host, |job| {
            let e = P::instance().estimate(job)?.unwrap_or_default();
            let raw = SqzEstimate {
                struct_size: size_of::<SqzEstimate>() as u32,
                lossless: u32::from(e.lossless),
                bytes: e.bytes,
            };
            write_struct(out, &raw)
        })
    }
}

unsafe extern "C" fn decode<P: Instance>(input: SqzBytes, sink: *const SqzFrameSink) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    let (Some(raw), input) = (unsafe { (read_struct(sink), input.as_slice()) }) else {
        return ErrorCode::Failed as u32;
    };
    guard(raw.ctx, raw.fail, || P::instance().decode(input, &mut RawSink(raw)))
}

/// # Safety
/// All pointers are null or name valid structs for the time of the call.
unsafe fn with_job(
    input: SqzBytes,
    info: *const SqzImageInfo,
    options: *const SqzOptions,
    host: *const SqzHost,
    body: impl FnOnce(&Job<'_>) -> Result<(), Error>,
) -> u32 {
    // SAFETY: the caller vouches for them.
    let read = unsafe { (read_struct(host), read_struct(info), read_struct(options), input.as_slice()) };
    let (Some(host), Some(info), Some(options), input) = read else { return ErrorCode::Failed as u32 };
    guard(host.ctx, host.fail, || {
        let info = safe_info(&info).ok_or_else(bad_call)?;
        // SAFETY: the lists in the options live as long as the call.
        let options = unsafe { safe_options(&options) }?;
        body(&Job::new(input, &info, &options, &RawHost(host)))
    })
}

/// # Safety
/// `out` must be null or name a struct that begins with its true size.
unsafe fn write_struct<T: Copy>(out: *mut T, value: &T) -> Result<(), Error> {
    if out.is_null() {
        return Err(bad_call());
    }
    // SAFETY: the host wrote the size it has room for; only that much is written, and the size stays the host's.
    unsafe {
        let room = out.cast::<u32>().read_unaligned() as usize;
        std::ptr::copy_nonoverlapping(
            std::ptr::from_ref(value).cast::<u8>(),
            out.cast(),
            room.min(size_of::<T>()),
        );
        out.cast::<u32>().write_unaligned(room as u32);
    }
    Ok(())
}
