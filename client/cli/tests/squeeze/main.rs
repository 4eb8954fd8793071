//! `squeeze` as a user meets it: the real program, a real daemon or one of a few lines, real files.

mod autostart;
mod bench;
mod commands;
mod disk;
mod exits;
mod fake;
mod files;
mod interrupts;
mod kills;
mod outputs;
mod owners;
mod picture;
mod watch;
mod world;
