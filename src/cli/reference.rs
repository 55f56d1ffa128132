//! Completions and the command-line reference, from the same definitions as the help.

use super::{Arguments, Outcome, exit, output};
use clap::{Arg, Args, CommandFactory as _};
use clap_complete::Shell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Prints completions.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let mut out = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "stufpack", &mut out);
        output::write(&String::from_utf8_lossy(&out))
    }
}

/// A word, and what it means.
pub(super) struct Definition {
    /// The word.
    pub(super) term: String,
    /// A phrase in Markdown, without the full stop.
    pub(super) meaning: String,
}

impl Definition {
    fn new(term: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { term: term.into(), meaning: meaning.into() }
    }
}

/// What the environment says, beside the options that name a variable of their own.
const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "SOURCE_DATE_EPOCH",
        "seconds since 1970, taken for the time at which something is recorded; otherwise now",
    ),
    ("TMPDIR", "folder in which zips and inventories are laid out while they are read; otherwise `/tmp`"),
    ("NO_COLOR", "not empty: messages without colour, which only terminals get"),
    ("RAYON_NUM_THREADS", "how many threads work; otherwise one for each processor"),
];

/// Files that people meet, each by the arguments that name it or the folder it stands in.
const FILES: [(&str, &[&str], &str); 4] = [
    (
        "export.yaml, realm.json, inventory.csv, branding/",
        &["export", "old"],
        "what an export's folder holds; `stufpack schema export` prints the form of the first",
    ),
    ("target.yaml", &["target"], "a target; `stufpack target init` prints one to begin with"),
    (
        "VERIFY.txt",
        &["out"],
        "beside each package: the signer's line, the fingerprint and the stock commands, to be given by another way",
    ),
    (
        "signers",
        &["signers"],
        "who may sign: the format ALLOWED SIGNERS of ssh-keygen(1), each line with `namespaces=`; no default place is looked into",
    ),
];

/// The arguments of `command` and of the commands in it.
fn arguments(command: &clap::Command) -> Vec<&Arg> {
    command.get_arguments().chain(command.get_subcommands().flat_map(arguments)).collect()
}

/// The exit codes that `command` can end with, or one in it.
pub(super) fn exit_status(command: &clap::Command) -> Vec<Definition> {
    let name = command.get_display_name().unwrap_or_default();
    let is_whole = name.is_empty() || name == "stufpack";
    let ends_with =
        |only: Option<&str>| only.is_none_or(|only| is_whole || name == format!("stufpack-{only}"));
    let codes = exit::CODES.iter().filter(|meaning| ends_with(meaning.only));
    codes.map(|meaning| Definition::new(meaning.code.to_string(), meaning.full)).collect()
}

/// The variables that `command` looks at, or one in it.
pub(super) fn environment(command: &clap::Command) -> Vec<Definition> {
    let variable =
        |argument: &Arg| Some((argument.get_env()?.to_str()?.to_owned(), argument.get_long()?.to_owned()));
    let own: BTreeMap<_, _> = arguments(command).into_iter().filter_map(variable).collect();
    let own = own.into_iter().map(|(variable, option)| {
        Definition::new(variable, format!("taken where `--{option}` is not given"))
    });
    own.chain(ENVIRONMENT.map(|(variable, meaning)| Definition::new(variable, meaning))).collect()
}

/// The files that arguments of `command` name, or of one in it.
pub(super) fn files(command: &clap::Command) -> Vec<Definition> {
    let arguments = arguments(command);
    let has = |names: &[&str]| arguments.iter().any(|argument| names.contains(&argument.get_id().as_str()));
    let files = FILES.iter().filter(|(_, names, _)| has(names));
    files.map(|(file, _, meaning)| Definition::new(*file, *meaning)).collect()
}

/// The command-line reference in Markdown (`docs/reference.md`), from the definitions.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Command line\n\nMade from the definitions in `src/cli`, as the man pages are; `make golden` rewrites it.\n",
    );
    let mut root = Arguments::command();
    root.build();
    let codes = exit::CODES.iter().map(|meaning| {
        let only = meaning.only.map_or_else(String::new, |command| format!(" (`{command}`)"));
        Definition::new(meaning.code.to_string(), format!("{}{only}", meaning.full))
    });
    table(&mut out, "Exit status", "code", codes.collect());
    out.push_str("\nA closed pipe is no failure.\n");
    table(&mut out, "Environment", "variable", environment(&root));
    table(&mut out, "Files", "file", files(&root));
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        section(&mut out, command, "stufpack");
    }
    out
}

fn table(out: &mut String, heading: &str, first: &str, rows: Vec<Definition>) {
    let _ = write!(out, "\n## {heading}\n\n| {first} | meaning |\n|---|---|\n");
    for Definition { term, meaning } in rows {
        let _ = writeln!(out, "| `{term}` | {meaning} |");
    }
}

fn section(out: &mut String, command: &clap::Command, before: &str) {
    let name = format!("{before} {}", command.get_name());
    let inner: Vec<_> = command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
    if inner.is_empty() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").to_owned();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(
            out,
            "\n## {name}\n\n{about}.\n\n```text\n{usage}\n```\n\n| argument | meaning |\n|---|---|\n"
        );
        for argument in
            command.get_arguments().filter(|a| !["help", "version"].contains(&a.get_id().as_str()))
        {
            let label = match argument.get_long() {
                Some(long) => format!("--{long}"),
                None => argument
                    .get_value_names()
                    .and_then(<[_]>::first)
                    .map_or_else(String::new, ToString::to_string),
            };
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
            let _ = writeln!(out, "| `{label}` | {help} |");
        }
    }
    for command in inner {
        section(out, command, &name);
    }
}
