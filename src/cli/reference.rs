//! Completions, man pages and the command-line reference, all from the same definitions as the help.

use super::{Arguments, Outcome, exit::Failure, output};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use std::fmt::Write as _;
use std::path::PathBuf;

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

/// Writes man pages.
#[derive(Debug, Args)]
pub struct ManPages {
    /// Folder to write them into
    folder: PathBuf,
}

impl ManPages {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(Arguments::command(), &self.folder))
            .map_err(|source| Failure::Output { place: self.folder.display().to_string(), source })
    }
}

/// The command-line reference in Markdown (`docs/reference.md`), from the definitions.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Command line\n\nMade from the definitions in `src/cli`; `make golden` rewrites it.\n\n\
         Exit codes: 0 done · 1 could not (I/O, tool) · 2 usage · 3 the input is invalid · 4 verification failed ·\n\
         5 refused by a gate (secret found, person named, setting unaccounted for) · 6 the two differ (`diff`) ·\n\
         7 nothing differs, and not everything could be compared (`diff`) · 70 a defect of stufpack.\n\
         What cannot be told since standard output takes nothing ends with 1, whatever it would have been; a closed pipe is no\n\
         failure.\n",
    );
    let mut root = Arguments::command();
    root.build();
    for command in
        root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
    {
        section(&mut out, command, "stufpack");
    }
    out
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
