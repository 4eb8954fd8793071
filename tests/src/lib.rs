//! What the black-box tests share: a daemon of their own, a client that can break the protocol, pictures made in code.

mod daemon;
mod line;
mod pictures;
mod proc;
mod raw;
mod sample;

pub use daemon::{Builder, TestDaemon, binary, nobody, plugin, target_dir, wait_for_listener};
pub use line::{Line, wait_until};
pub use pictures::{fixture, fixtures, noise_png, photo, png_of, png_with_text};
pub use proc::{Thread, cpu_of, descriptors, peak_rss, process_cpu, threads};
pub use raw::{Raw, Reply};
pub use sample::{Rng, Sample};
