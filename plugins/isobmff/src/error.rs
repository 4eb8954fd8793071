//! What can be wrong with a container.

use squeezed_plugin_api::Error;

use crate::FourCc;

/// A structure that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A box goes on behind the end of what holds it.
    #[error("the file ends before its boxes do")]
    Truncated,
    /// A box says that it is smaller than its own header.
    #[error("the box {0} is smaller than its header")]
    Size(FourCc),
    /// A structure ends early.
    #[error("a box is too short for what it should hold")]
    Short,
    /// A box that must be there is not.
    #[error("the box {0} is missing")]
    Missing(FourCc),
    /// Something in `meta` contradicts itself.
    #[error("{0}")]
    Meta(&'static str),
    /// The data of an item lies outside of the file.
    #[error("the data of item {0} lies outside of the file")]
    Outside(u32),
    /// An item that something refers to is not there.
    #[error("item {0} is missing")]
    NoItem(u32),
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        Error::bad_image(broken.to_string())
    }
}
