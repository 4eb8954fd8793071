//! What the format plugins share: reading and thinning out metadata blocks that many formats embed, the labels of
//! candidates, tables of costs, and the running of trials.
//!
//! Nothing here knows a format: containers, segments and chunks are the plugins' own business. Every function takes
//! bytes that nobody has checked and gives an answer for any of them.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod c2pa;
pub mod costs;
pub mod exif;
pub mod icc;
pub mod iptc;
pub mod labels;
pub mod trials;
pub mod xmp;
