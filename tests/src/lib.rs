//! What the black-box tests share: a daemon of their own, a client that can break the protocol, pictures made in code.

mod daemon;
mod pictures;
mod raw;

pub use daemon::{Builder, TestDaemon, binary, nobody, plugin, target_dir, wait_for_listener};
pub use pictures::{fixture, fixtures, noise_png, png_of, png_with_text};
pub use raw::{Raw, Reply};
