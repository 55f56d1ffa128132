//! Compiles an exported STUF configuration into a signed migration package.
//!
//! ```text
//! read ──▶ check ──▶ plan ──▶ render ──▶ pack ──▶ record
//! Source   Checked   Plan     Files      Package  Commit in the glass
//! ```
//!
//! What exists already is looked at by a second, shorter flow on the same types: `open ──▶ verify ──▶ compare | show`.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::print_stdout, clippy::print_stderr)]

pub mod check;
pub mod cli;
pub mod compare;
pub mod embedded;
pub mod model;
pub mod open;
pub mod pack;
pub mod plan;
pub mod read;
pub mod record;
pub mod render;
pub mod scratch;
mod threads;
