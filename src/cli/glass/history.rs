//! `stufpack glass log` and `diff`: what happened, and what became different.

use super::super::typed::command;
use super::super::verify::Trusting;
use super::super::{Outcome, OutputFormat, exit::Failure, output, parent, report, usage, word};
use super::{Known, made_at};
use crate::model::Timestamp;
use crate::open;
use crate::record::{self, Area, Changed, Entry, History, Meaning, Trust, Verdict};
use crate::render;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How a history is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Printed {
    /// For people, as the commits tell it.
    #[default]
    Text,
    /// One JSON document on standard output, as the commits tell it.
    Json,
    /// Pages for people, after the history was verified.
    Html,
}

impl Printed {
    /// In which format a failure is told.
    pub fn of_failure(self) -> OutputFormat {
        if self == Self::Json { OutputFormat::Json } else { OutputFormat::Text }
    }
}

/// Tells the operations.
#[derive(Debug, Args)]
pub struct Log {
    /// The glass
    repository: PathBuf,
    /// How to print them; pages take --out and --signers
    #[arg(long, value_enum, default_value_t)]
    pub format: Printed,
    /// Folder of the pages: a timeline, a page for each operation, and every setting with who changed it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace other pages that stand there
    #[arg(long, requires = "out")]
    force: bool,
    /// Who may sign, since no page tells what nobody checked: OpenSSH's allowed_signers format with namespaces=
    #[arg(long, value_name = "FILE", requires = "out")]
    signers: Option<PathBuf>,
    /// Public keys that are not trusted any more, one per line
    #[arg(long, value_name = "FILE", requires = "out")]
    revoked: Option<PathBuf>,
    #[command(flatten)]
    known: Known,
    /// The time of the check, such as 2026-11-19T21:04:00Z; otherwise now
    #[arg(long, value_name = "TIME", value_parser = word::<Timestamp>, requires = "out")]
    at: Option<Timestamp>,
}

/// Compares two operations, or a package with its record.
#[derive(Debug, Args)]
pub struct Diff {
    /// The glass
    repository: PathBuf,
    /// Number of an operation; or a package, to compare with its record
    #[arg(value_name = "FROM_OR_PACKAGE")]
    first: PathBuf,
    /// Number of a later operation
    #[arg(value_name = "TO")]
    second: Option<u32>,
    /// Who may sign: needed for a package, and for a page; OpenSSH's allowed_signers format with namespaces=
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// Public keys that are not trusted any more, one per line
    #[arg(long, value_name = "FILE")]
    revoked: Option<PathBuf>,
    /// age identity for an encrypted package
    #[arg(long, value_name = "KEY")]
    identity: Option<PathBuf>,
    /// Judge validity and expiry at this time instead of now, such as 2026-11-19T21:04:00Z
    #[arg(long, value_name = "TIME", value_parser = word::<Timestamp>)]
    at: Option<Timestamp>,
    #[command(flatten)]
    known: Known,
    /// How to print the result; a page compares operations, verifies the history first and goes to standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: Printed,
}

/// Of one area, as text; all of them stand in JSON. More are told by their kind; of files, whose names tell little, fewer are.
const MOST_LINES: usize = 40;
const MOST_FILES: usize = 10;
/// Characters of a value, as text.
const LONGEST: usize = 100;

impl Log {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        match (self.format, &self.out) {
            (Printed::Html, Some(out)) => return self.site(out),
            (Printed::Html, None) => {
                let why = "pages are many files, which need a folder";
                return Err(Failure::Usage(format!("{why}; next: add --out DIR")));
            }
            (_, Some(_)) => {
                let why = "--out is a folder for pages, which nobody asked for";
                return Err(Failure::Usage(format!("{why}; next: add --format html, or take --out away")));
            }
            (_, None) => self.known.is_for_pages()?,
        }
        let entries = record::log(&self.repository)?;
        if self.format == Printed::Json {
            return output::json(
                &serde_json::json!({ "schema": 1, "verified": false, "operations": entries }),
            );
        }
        let mut text = String::new();
        for entry in &entries {
            tell(&mut text, entry);
        }
        let verify = command([OsStr::new("glass"), OsStr::new("verify"), self.repository.as_os_str()]);
        let _ = writeln!(
            text,
            "As the commits tell it; whether that is true: {verify} --signers FILE --pin ROOT"
        );
        output::write(&text)
    }

    /// Where the pages are put together.
    pub fn places(&self) -> Vec<PathBuf> {
        self.out.iter().map(|out| parent(out)).collect()
    }

    /// Verifies the history, then writes its pages, whatever was found: they tell it.
    fn site(&self, out: &Path) -> Outcome {
        let checked = Checking {
            repository: &self.repository,
            signers: self.signers.as_deref(),
            revoked: self.revoked.as_deref(),
            known: &self.known,
            at: self.at,
        };
        let history = checked.history()?;
        let pages = record::pages(&history)?;
        let written = record::publish(&pages, out, self.force)?;
        let state = if written { "written" } else { "unchanged: the same pages stood there" };
        let told = match history.audit.verdict {
            Verdict::Pass => "verified",
            Verdict::Unverifiable if self.known.pin.is_empty() => {
                "not proven as a whole: --pin COMMIT is missing, a commit of it that is known by another way; \
                 what else is missing stands on the first page"
            }
            Verdict::Unverifiable => "not proven as a whole; what is missing stands on the first page",
            Verdict::Fail => "NOT VERIFIED; what is wrong stands on the first page and at each operation",
        };
        output::write(&format!(
            "{}: {} pages of {} operations ({state})\n  history  {told}\nnext: open {}\n",
            report::path(out),
            pages.len(),
            history.commits.len(),
            report::path(&out.join("index.html")),
        ))?;
        proven(&history)
    }
}

/// A history, and what it is held against.
struct Checking<'a> {
    repository: &'a Path,
    signers: Option<&'a Path>,
    revoked: Option<&'a Path>,
    known: &'a Known,
    at: Option<Timestamp>,
}

impl Checking<'_> {
    fn history(&self) -> Result<History, Failure> {
        let signers = self.signers.ok_or_else(|| {
            let why = "no page tells what nobody checked";
            Failure::Usage(format!("{why}; next: {}", usage::add("--signers")))
        })?;
        let now = self.at.map_or_else(made_at, Ok)?;
        let trusted = open::Trust::read(signers, self.revoked, now)?;
        let trust = Trust {
            signers: &trusted.signers,
            revoked: &trusted.revoked,
            pins: &self.known.pin,
            last_seen: self.known.last_seen(now)?,
            now,
        };
        Ok(record::history(self.repository, &trust)?)
    }
}

/// Ends a command that has told a history: well only if that is proven.
fn proven(history: &History) -> Outcome {
    if history.audit.verdict == Verdict::Pass { Ok(()) } else { Err(Failure::Unproven) }
}

fn tell(text: &mut String, entry: &Entry) {
    let _ =
        writeln!(text, "{:>4}  {}  {}  {}", entry.operation, entry.at, entry.commit, entry.event.as_str());
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(text, "      {name:<12} {}", report::printable(value));
        }
    };
    line("by", Some(&entry.by));
    line("phase", entry.ran.as_ref().map(phase).as_deref());
    let times = entry.ran.as_ref().map(|ran| format!("{} to {}", ran.started, ran.ended));
    line("ran", times.as_deref());
    line("name", entry.name.as_deref());
    let package = entry.package.as_ref().map(|package| format!("{} ({})", package.number, package.sha256));
    line("package", package.as_deref());
    let validation = (entry.validation != record::Validation::NotRun).then(|| entry.validation.as_str());
    line("validation", validation);
    line("requested by", entry.requested_by.as_deref());
    line("approved by", entry.approved_by.as_deref());
    line("ticket", entry.ticket.as_deref());
}

impl Diff {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        match self.second {
            Some(second) => self.operations(second),
            None => self.package(),
        }
    }

    fn operations(&self, second: u32) -> Outcome {
        let first = self.number().ok_or_else(|| {
            let first = report::path(&self.first);
            Failure::Usage(format!(
                "{first} is no number of an operation; next: stufpack glass log tells them"
            ))
        })?;
        if self.format == Printed::Html {
            return self.page(first, second);
        }
        self.known.is_for_pages()?;
        let meaning = record::meaning(&self.repository, first, second)?;
        if self.format == Printed::Json {
            return output::json(&serde_json::json!({ "schema": 1, "verified": false, "meaning": meaning }));
        }
        output::write(&told(&meaning))
    }

    /// Verifies the history, then prints the page, whatever was found: it tells it.
    fn page(&self, first: u32, second: u32) -> Outcome {
        let checked = Checking {
            repository: &self.repository,
            signers: self.signers.as_deref(),
            revoked: self.revoked.as_deref(),
            known: &self.known,
            at: self.at,
        };
        let history = checked.history()?;
        let meaning = record::meaning(&self.repository, first, second)?;
        output::write(&record::comparison(&history, &meaning)?)?;
        proven(&history)
    }

    /// The number of an operation, if that was named first.
    fn number(&self) -> Option<u32> {
        self.first.to_str()?.parse().ok()
    }

    fn package(&self) -> Outcome {
        super::in_order(&self.repository, &self.first)?;
        if self.format == Printed::Html {
            let why = "a page compares two operations; a package and its record are compared as text or JSON";
            return Err(Failure::Usage(format!(
                "{why}; next: name two operations, or take --format html away"
            )));
        }
        self.known.is_for_pages()?;
        if let Some(number) = self.number().filter(|_| !self.first.exists()) {
            let [from, to] = [number, number.saturating_add(1)].map(|number| number.to_string());
            let words = ["glass".as_ref(), "diff".as_ref(), self.repository.as_os_str()];
            let diff = command(words.into_iter().chain([OsStr::new(&from), OsStr::new(&to)]));
            return Err(Failure::Usage(format!(
                "operation {number} is compared with a later one; next: name the later operation too: {diff}"
            )));
        }
        let signers = self.signers.clone().ok_or_else(|| {
            let first = report::path(&self.first);
            Failure::Usage(format!("{first} is not compared unverified; next: {}", usage::add("--signers")))
        })?;
        let trusting = Trusting {
            package: self.first.clone(),
            signers,
            revoked: self.revoked.clone(),
            identity: self.identity.clone(),
            at: self.at,
        };
        let verified = trusting.verified()?;
        let comparison = record::diff(&self.repository, &verified.package)?;
        if self.format == Printed::Json {
            output::json(&serde_json::json!({ "schema": 1, "comparison": comparison }))?;
        } else {
            let mut text = match (&comparison.commit, comparison.operation) {
                (Some(commit), Some(operation)) => {
                    format!("recorded as operation {operation}, commit {commit}\n")
                }
                _ => "nobody recorded a package of this number\n".to_owned(),
            };
            for (path, difference) in &comparison.differences {
                let word = match difference {
                    record::Difference::Changed => "changed",
                    record::Difference::Missing => "missing in the glass",
                    record::Difference::Unexpected => "only in the glass",
                };
                let _ = writeln!(text, "  {}: {word}", report::printable(path));
            }
            if comparison.is_equal() {
                let sealed = verified.package.files().values().filter(|file| file.personal).count();
                let _ = writeln!(
                    text,
                    "clear files equal, byte for byte; {sealed} encrypted ones not compared: only a recipient can read them"
                );
            }
            output::write(&text)?;
        }
        if comparison.is_equal() { Ok(()) } else { Err(Failure::Unproven) }
    }
}

/// The difference between two operations, for people.
fn told(meaning: &Meaning) -> String {
    let mut text = String::new();
    for (word, entry) in [("from", &meaning.from), ("to", &meaning.to)] {
        let _ = writeln!(text, "{word:<5} {}", line(entry));
    }
    if !meaning.between.is_empty() {
        let _ = writeln!(text, "between");
    }
    for entry in &meaning.between {
        let _ = writeln!(text, "  {}", line(entry));
    }
    for area in Area::ALL {
        let changes: Vec<&Changed> = meaning.changes.iter().filter(|change| change.area == area).collect();
        if changes.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{} ({})", area.as_str(), changes.len());
        let most = if is_files(area) { MOST_FILES } else { MOST_LINES };
        let lines: Vec<String> = if changes.len() > most && !is_files(area) {
            by_kind(&changes)
        } else {
            changes.iter().map(|change| way(change)).collect()
        };
        for line in lines.iter().take(most) {
            let _ = writeln!(text, "  {line}");
        }
        if changes.len() > most {
            let rest = lines.len().saturating_sub(most);
            let more = if rest > 0 { format!("and {rest} more: ") } else { String::new() };
            let _ = writeln!(text, "  {more}--format json tells all");
        }
    }
    if meaning.changes.is_empty() {
        text.push_str("nothing changed\n");
    }
    text
}

/// Changes of one kind, such as those of every step's command, on one line.
fn by_kind(changes: &[&Changed]) -> Vec<String> {
    let mut kinds: BTreeMap<String, Vec<&Changed>> = BTreeMap::new();
    for change in changes {
        kinds.entry(kind(&change.what)).or_default().push(change);
    }
    let told = kinds.into_iter().filter_map(|(kind, changes)| {
        let first = way(changes.first()?);
        let count = changes.len();
        Some(if count == 1 {
            first
        } else {
            format!("{} ({count}), such as {first}", report::printable(&kind))
        })
    });
    told.collect()
}

/// A place without the names of the things on the way to it: `steps[].command` of `steps[deploy/start-api].command`.
fn kind(place: &str) -> String {
    let (mut kind, mut depth) = (String::with_capacity(place.len()), 0_usize);
    for character in place.chars() {
        if character == ']' {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            kind.push(character);
        }
        if character == '[' {
            depth += 1;
        }
    }
    kind
}

/// Whether what changes there is known as files only.
fn is_files(area: Area) -> bool {
    matches!(area, Area::Code | Area::Documents | Area::Personal)
}

/// `settings.json: a.b: 1 -> 2`; of files, whose values are digests, only what became of them.
fn way(change: &Changed) -> String {
    let what = report::printable(&change.what);
    let value =
        |text: &Option<String>| text.as_deref().map(|text| report::printable(text).replace('\n', " "));
    let (before, after) = (value(&change.before), value(&change.after));
    let bare = is_files(change.area);
    match render::cut(before.as_deref(), after.as_deref(), LONGEST) {
        (Some(_), Some(_)) if bare => format!("{what}: changed"),
        (None, _) if bare => format!("{what}: new"),
        (_, None) if bare => format!("{what}: gone"),
        (Some(before), Some(after)) => format!("{what}: {before} -> {after}"),
        (None, Some(after)) => format!("{what}: new, {after}"),
        (Some(before), None) => format!("{what}: gone, was {before}"),
        (None, None) => what,
    }
}

/// One operation on one line.
fn line(entry: &Entry) -> String {
    let ran = entry.ran.as_ref().map(|ran| format!(": {}", phase(ran)));
    let name = entry.name.as_ref().map(|name| format!(": {name}"));
    let said = ran.or(name).unwrap_or_default();
    let text = format!("{} {}{said}, {}, by {}", entry.event.as_str(), entry.operation, entry.at, entry.by);
    report::printable(&text)
}

/// `deploy, run 3: finished`.
fn phase(ran: &record::Ran) -> String {
    let mut text = ran.phase.clone();
    if let Some(run) = ran.run {
        let _ = write!(text, ", run {run}");
    }
    if let Some(result) = ran.result {
        let _ = write!(text, ": {}", result.as_str().replace('_', " "));
    }
    text
}
