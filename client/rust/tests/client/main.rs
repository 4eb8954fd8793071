//! The client against a daemon of a few lines.

mod blocking;
mod fake;
mod requests;
