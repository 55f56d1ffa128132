//! Compiles an exported STUF configuration into a signed migration package.
//!
//! ```text
//! read ──▶ check ──▶ plan ──▶ render ──▶ pack ──▶ record
//! Source   Checked   Plan     Files      Package  Commit in the glass
//! ```
//!
//! What exists already is looked at by a second, shorter flow on the same types: `open ──▶ verify ──▶ compare | show`.
//!
//! Each arrow is the module of its name, each box a plain type. The program `stufpack` is [`cli`] on top of them and can do
//! nothing that a caller of this library cannot; for the program itself, `docs/guide.md` is the page to begin with.
//!
//! # From an export to a package, and back
//!
//! ```
//! use std::path::Path;
//! use stufpack::model::{Timestamp, Word as _};
//! use stufpack::pack::{self, Signer};
//! use stufpack::plan::{self, Numbering};
//! use stufpack::{check, open, read};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! # let key = ssh_key::PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&[7; 32]));
//! # key.write_openssh_file(&folder.join("issuer"), ssh_key::LineEnding::LF)?;
//! // Every finding at once, or a value that no later step checks again.
//! let example = Path::new("examples/minimal");
//! let source = read::source(&example.join("export"), Some(&example.join("target.yaml")))?;
//! let checked = check::all(source).expect("nothing but warnings");
//!
//! // The plan is data: documents, playbook tags and timetable are views of it.
//! let plan = plan::compile(&checked, &Numbering { package: 1 });
//! assert!(plan.runs("deploy") && plan.steps().count() > 50);
//!
//! // Plan, render and seal in one; the same arguments make the same bytes.
//! let signer = Signer::from_file(&folder.join("issuer"))?;
//! let package = stufpack::compile(&checked, &signer, 1, None)?;
//! let written = pack::write(&package, &signer, &folder.join("out"), &pack::Output::default())?;
//!
//! // Who receives it knows the signer by another way, and sees nothing of what is not verified.
//! let signers = folder.join("signers");
//! std::fs::write(&signers, signer.allowed_line(&signer.issuer(&checked.export.installation)))?;
//! let at = Timestamp::parse("2026-11-20T12:00:00Z").expect("a time");
//! let trust = open::Trust::read(&signers, None, at)?;
//! let verified = open::verify(&written.package, None, &trust)?;
//! assert_eq!(verified.package.sha256(), package.sha256());
//! # Ok(())
//! # }
//! ```
//!
//! `cargo run --example findings` and `--example package` are programs of that kind, for a pipeline to begin with.
//!
//! # Where to look
//!
//! | to | begin with | and get |
//! |---|---|---|
//! | read an export, as folder, zip or stream | [`read::source`] | [`model::Source`], trees with positions |
//! | know what is wrong with it | [`check::all`] | every [`model::Finding`], or [`model::Checked`] |
//! | see what a migration would do | [`plan::compile`] | [`plan::Plan`]: phases, steps, ledger, timetable |
//! | make a package | [`compile`], then [`pack::write`] | [`pack::Package`], and its zip with `VERIFY.txt` |
//! | believe a package | [`open::verify`] | [`open::Verified`], or every [`open::Problem`] |
//! | know what changed between two exports | [`compare`] | [`compare::Comparison`] by consequence |
//! | keep a history, or prove one | [`record::init()`], [`record::record()`], [`record::verify()`] | a commit; an [`record::Audit`] |
//!
//! # What to rely on
//!
//! - **A type says what was done.** A [`model::Checked`] comes from [`check`], a [`pack::Package`] from sealing or verification
//!   alone, so nothing later checks it again.
//! - **What is wrong with an input is data**, collected to the end: [`model::Finding`], [`open::Problem`], [`record::Finding`].
//!   What stopped the work is the enum `Error` of its module. No function has a bare text as its error.
//! - **A secret is a type of its own** ([`model::Secret`]): it cannot be printed or serialised by mistake.
//! - **No clock, no network, no process.** Times come in as arguments; only `read`, `open`, `pack` and `record` touch the disk,
//!   and what they write appears whole or not at all. Call [`scratch::remove_when_stopped`] once in a program that may be
//!   stopped by a signal, so that nothing half-made stays.
//! - **Unix.** Modes and links of files are part of the promises. Work is spread over rayon's threads.
//! - **The interface is listed** in `docs/reference/public-interface.txt`, and a change of it shows there. Until 1.0 each release
//!   may change it; `CHANGELOG.md` says how.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::print_stdout, clippy::print_stderr)]

pub mod check;
pub mod cli;
pub mod compare;
pub mod embedded;
mod flow;
pub mod model;
mod named;
pub mod open;
pub mod pack;
pub mod plan;
pub mod provider;
pub mod read;
pub mod record;
pub mod render;
pub mod scratch;
pub mod show;
mod threads;

pub use flow::{Error, compile};
