//! The command line: one file per command, exit codes in `exit`, words in `report`.

mod check;
mod compile;
mod diff;
mod exit;
mod glass;
mod inspect;
mod kit;
mod manual;
mod output;
mod plan;
pub mod reference;
mod report;
mod schema;
mod target;
mod typed;
mod unpack;
mod usage;
mod verify;

use crate::model::{AgeRecipient, Timestamp, Word, placeholder};
use crate::{render, scratch};
use clap::{Parser, Subcommand, ValueEnum};
use exit::Failure;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use typed::Typed;

/// Compiles an exported STUF configuration into a signed migration package, and records it in a code-under-glass
/// repository.
#[derive(Debug, Parser)]
#[command(name = "stufpack", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = exit::summary())]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a commented target to begin with
    #[command(subcommand)]
    Target(target::Target),
    /// Shows every finding of an export and a target; writes nothing
    Check(check::Check),
    /// Prints the migration plan
    Plan(plan::Plan),
    /// Compiles an export and a target into a signed package
    Compile(compile::Compile),
    /// Verifies a package (zip, encrypted zip, or unpacked folder) or a source kit
    Verify(verify::Verify),
    /// Verifies a package, then tells what is in it, what it needs, and what it will do to which side
    Inspect(inspect::Inspect),
    /// Verifies a package, then unpacks it into a new folder
    Unpack(unpack::Unpack),
    /// Compares two exports, or two packages, by meaning; ends with 6 where they differ, with 7 where not everything could be
    /// compared that an export by ./migrate or the kit has
    Diff(diff::Diff),
    /// Records and verifies the history of one STUF
    #[command(subcommand)]
    Glass(glass::Glass),
    /// Writes what the operator installs on the hosted side
    #[command(subcommand)]
    Kit(kit::Kit),
    /// Prints a published JSON Schema
    Schema(schema::Schema),
    /// Prints completions for a shell
    Completions(reference::Completions),
}

/// What only packagers and `tools/golden` type. Help, completions, man pages and reference are made of [`Arguments`], which has
/// none of it: what is merely hidden there would be completed all the same.
#[derive(Debug, Parser)]
#[command(name = "stufpack")]
struct Making {
    #[command(subcommand)]
    page: Page,
}

#[derive(Debug, Subcommand)]
enum Page {
    /// Writes man pages into a folder
    ManPages(manual::ManPages),
    /// Prints the command-line reference in Markdown
    Reference,
}

impl Page {
    fn run(&self) -> Outcome {
        match self {
            Self::ManPages(command) => command.run(),
            Self::Reference => output::write(&reference::markdown()),
        }
    }
}

/// How a command prints its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document on standard output.
    Json,
}

/// How a command prints a result that one can also look at in a browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PageFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document on standard output.
    Json,
    /// One page that needs nothing beside itself.
    Html,
}

impl PageFormat {
    /// In which format a failure is told.
    fn of_failure(self) -> OutputFormat {
        match self {
            Self::Text | Self::Html => OutputFormat::Text,
            Self::Json => OutputFormat::Json,
        }
    }
}

/// Reads an argument that has the shape of a [`Word`].
fn word<W: Word>(text: &str) -> Result<W, String> {
    W::parse(text).ok_or_else(|| format!("expected {}", W::EXPECTED))
}

/// Reads an age recipient, which has to be somebody's own.
fn recipient(text: &str) -> Result<AgeRecipient, String> {
    let recipient: AgeRecipient = word(text)?;
    match placeholder::find(recipient.as_str()) {
        Some(example) => {
            let command = example.command.unwrap_or_default();
            Err(format!("{}; next: name what this prints: {command}", example.problem()))
        }
        None => Ok(recipient),
    }
}

/// Runs the program: `arguments` as the system gives them, the program's own name first. Returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    std::panic::set_hook(Box::new(|_| {}));
    // Without the handler a signal ends the program all the same, and the next run takes away what it leaves.
    let _ = scratch::remove_when_stopped();
    match std::panic::catch_unwind(|| dispatch(&arguments)) {
        Ok(code) => code,
        Err(_) => {
            output::complain(report::DEFECT);
            70
        }
    }
}

fn dispatch(arguments: &[OsString]) -> u8 {
    if arguments.get(1).and_then(|word| word.to_str()).is_some_and(Page::has_subcommand) {
        return match Making::try_parse_from(arguments) {
            Ok(making) => exit::finish(making.page.run(), Typed(arguments), OutputFormat::Text),
            Err(error) => exit::misunderstood(&error, Typed(arguments), OutputFormat::Text),
        };
    }
    if arguments.get(1).is_some_and(|word| word == "compile") {
        // Nothing that is typed or read changes the templates: somebody else makes them ready meanwhile.
        rayon::spawn(render::prepare);
    }
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return exit::misunderstood(&error, Typed(arguments), asked_format(arguments)),
    };
    sweep(&parsed.command);
    let typed = Typed(arguments);
    let result = match &parsed.command {
        Command::Target(command) => command.run(),
        Command::Check(command) => command.run(typed),
        Command::Plan(command) => command.run(),
        Command::Compile(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Unpack(command) => command.run(),
        Command::Diff(command) => command.run(),
        Command::Glass(command) => command.run(),
        Command::Kit(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(),
    };
    exit::finish(result, typed, format_of(&parsed.command))
}

/// The clock, for validity and expiry only; nothing that is made depends on it.
fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now())
}

/// Takes away what killed runs left in the places that a command works in, and says so.
fn sweep(command: &Command) {
    let mut places = match command {
        Command::Check(_) | Command::Plan(_) | Command::Diff(_) => vec![],
        Command::Compile(command) => command.places(),
        Command::Unpack(command) => command.places(),
        Command::Glass(command) => command.places(),
        Command::Kit(command) => command.places(),
        _ => return,
    };
    places.push(std::env::temp_dir());
    for folder in places.iter().flat_map(|place| scratch::sweep(place)) {
        output::complain(&format!(
            "removed what a run that was killed left behind: {}\n",
            report::path(&folder)
        ));
    }
}

/// The folder that `path` stands in.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The format asked for on a command line that could not be understood.
fn asked_format(arguments: &[OsString]) -> OutputFormat {
    let pairs = arguments.iter().zip(arguments.iter().skip(1));
    let asked = arguments.iter().any(|argument| argument == "--format=json")
        || pairs.into_iter().any(|(option, value)| option == "--format" && value == "json");
    if asked { OutputFormat::Json } else { OutputFormat::Text }
}

/// In which format a failure is told: the one asked for the result.
fn format_of(command: &Command) -> OutputFormat {
    match command {
        Command::Check(command) => command.format,
        Command::Plan(command) => command.failure_format(),
        Command::Compile(command) => command.format,
        Command::Verify(command) => command.format,
        Command::Inspect(command) => command.format.of_failure(),
        Command::Unpack(command) => command.format,
        Command::Diff(command) => command.format.of_failure(),
        Command::Glass(command) => command.format(),
        Command::Kit(command) => command.format(),
        _ => OutputFormat::Text,
    }
}

/// What a command returns: done, or why not.
type Outcome = Result<(), Failure>;
