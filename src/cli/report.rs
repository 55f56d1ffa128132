//! Text and JSON of findings and errors, for people and for machines. No other file words them.

use super::exit::Failure;
use super::typed::{Typed, command};
use crate::model::{Finding, Instead, Severity, Shown, Timestamp, is_invisible, shell};
use crate::plan::figures::count;
use crate::{open, read, record, render};
use serde::Serialize;
use std::error::Error as _;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

/// Colour of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Escape sequences of ANSI X3.64.
    Ansi,
    /// Plain text; everything is clear without colour.
    Plain,
}

/// Every finding as text: one paragraph each, then how many there are, what the state of things is and what to type.
///
/// `typed` is to be typed again once the findings are mended.
pub fn findings(findings: &[Finding], typed: Typed<'_>, colour: Colour) -> String {
    let mut out = String::new();
    for finding in findings {
        paragraph(&mut out, finding, colour);
    }
    let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, refused, warnings) = (of(Severity::Error), of(Severity::Refused), of(Severity::Warning));
    let mut parts = Vec::new();
    for (number, one, many) in
        [(errors, "error", "errors"), (refused, "refusal", "refusals"), (warnings, "warning", "warnings")]
    {
        if number > 0 {
            parts.push(count(number as u64, one, many));
        }
    }
    if errors + refused > 0 {
        let _ = writeln!(out, "{}. Nothing was written.", parts.join(", "));
        let again = typed.instead(findings.iter().filter_map(|finding| finding.instead.as_ref()));
        let named_alone = findings.iter().all(|finding| finding.instead.is_some());
        let mend = if named_alone { "" } else { "mend what stands above, then: " };
        let _ = writeln!(out, "next: {mend}{again}");
    } else if warnings > 0 {
        let _ = writeln!(out, "{}.", parts.join(", "));
    }
    out
}

/// The warning that a package would be of no use any more at `now`; nothing before that.
///
/// It depends on the clock, so it is no finding and stands in nothing that is made.
pub fn expired(expires_at: Timestamp, now: Timestamp, what: &str, next: &str, colour: Colour) -> String {
    if now <= expires_at {
        return String::new();
    }
    let mut out = String::new();
    head_of(&mut out, "warning[package.expired]", 33, colour);
    let _ = writeln!(
        out,
        ": {what} expired at {expires_at}\n  judged at {now}\n./migrate begins no phase that changes anything with it.\nnext: {next}\n"
    );
    out
}

fn head_of(out: &mut String, head: &str, code: u8, colour: Colour) {
    match colour {
        Colour::Ansi => {
            let _ = write!(out, "\u{1b}[1;{code}m{head}\u{1b}[0m");
        }
        Colour::Plain => out.push_str(head),
    }
}

fn paragraph(out: &mut String, finding: &Finding, colour: Colour) {
    let (word, code) = match finding.severity {
        Severity::Error => ("error", 31),
        Severity::Refused => ("refused", 31),
        Severity::Warning => ("warning", 33),
    };
    head_of(out, &format!("{word}[{}]", finding.code.0), code, colour);
    let _ = writeln!(out, ": {}", printable(&finding.message));
    let at = &finding.at;
    let _ = write!(out, "  at {}", printable(&at.file));
    if at.line > 0 {
        let _ = write!(out, ":{}", at.line);
    }
    if at.column > 0 {
        let _ = write!(out, ":{}", at.column);
    }
    if !at.path.is_empty() {
        let _ = write!(out, ", {}", printable(&at.path));
    }
    out.push('\n');
    match &finding.found {
        Shown::Text(text) => {
            let _ = writeln!(out, "  found {}", quoted(text));
        }
        Shown::Shape(shape) => {
            let _ = writeln!(out, "  found {shape}");
        }
        Shown::Hidden { kind, length } => {
            let _ = writeln!(out, "  found {kind} of {length} characters (not shown)");
        }
        Shown::Absent => {}
    }
    if !finding.expected.is_empty() {
        let _ = writeln!(out, "  expected {}", printable(&finding.expected));
    }
    if !finding.next.is_empty() {
        let _ = writeln!(out, "  next: {}", printable(&finding.next));
    }
    out.push('\n');
}

/// `text` with what a terminal would obey, and what nobody would see, made visible.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) && !matches!(character, '\n' | '\u{a0}') {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// A path for people.
pub fn path(path: &std::path::Path) -> String {
    printable(&path.display().to_string())
}

/// `text` on one line in backticks, shortened to 60 characters.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = printable(&text.replace('\n', "\\n"));
    if line.chars().count() > LONGEST {
        let short: String = line.chars().take(LONGEST).collect();
        format!("`{short}…`")
    } else {
        format!("`{line}`")
    }
}

/// The JSON of a command that ended with findings.
#[derive(Debug, Serialize)]
pub struct FindingsReport<'a> {
    /// Version of this shape.
    pub schema: u32,
    /// Whether the input can be used.
    pub usable: bool,
    /// Every finding.
    pub findings: &'a [Finding],
}

impl<'a> FindingsReport<'a> {
    /// The report of `findings`.
    pub fn new(findings: &'a [Finding]) -> Self {
        Self { schema: 1, usable: findings.iter().all(|f| f.severity == Severity::Warning), findings }
    }
}
/// Said when the program itself is wrong.
pub const DEFECT: &str = "error[defect]: stufpack stopped because of a mistake of its own\n  \
    Nothing was written that was not whole before. No input can cause this without our fault.\n\
    next: report it with the command and, where you may share it, the input\n";

/// An error in its parts. Errors say what to do after `; next: `; the advice of the innermost cause is the most exact.
struct Told {
    message: String,
    causes: Vec<String>,
    next: Option<String>,
}

impl Told {
    fn of(failure: &Failure, typed: Typed<'_>) -> Self {
        let mut next = None;
        let mut what = |text: String| match text.split_once("; next: ") {
            Some((what, advice)) => {
                next = Some(advice.to_owned());
                what.to_owned()
            }
            None => text,
        };
        let message = what(failure.to_string());
        let mut causes = Vec::new();
        let mut cause = failure.source();
        while let Some(error) = cause {
            causes.push(what(error.to_string()));
            cause = error.source();
        }
        Self { message, causes, next: next.or_else(|| advice(failure, typed)) }
    }
}

const NAME_A_PACKAGE: &str = "name the zip, or the folder that holds manifest.json";
/// Of the packages in a folder that is none.
const MOST_NAMED: usize = 5;

/// What to do about errors that say nothing of it themselves: it is told as part of others too, or depends on what was typed.
fn advice(failure: &Failure, typed: Typed<'_>) -> Option<String> {
    let instead = |named: &Path, meant: &Path| Instead {
        option: None,
        named: named.display().to_string(),
        meant: meant.display().to_string(),
    };
    Some(match failure {
        Failure::Swapped { glass, package } => {
            typed.instead(&[instead(package, glass), instead(glass, package)])
        }
        Failure::Open(open::Error::Elsewhere { path, packages }) => match &packages[..] {
            [] => NAME_A_PACKAGE.to_owned(),
            [only] => typed.instead(&[instead(path, only)]),
            several => {
                let shown: Vec<String> = several.iter().take(MOST_NAMED).map(|path| shell::path(path)).collect();
                let more = if several.len() > MOST_NAMED { " and more" } else { "" };
                format!("{NAME_A_PACKAGE}; here are: {}{more}", shown.join(", "))
            }
        },
        Failure::Open(open::Error::Glass { path }) => {
            let options = ["--signers", "FILE", "--pin", "COMMIT"].map(OsStr::new);
            let words = ["glass".as_ref(), "verify".as_ref(), path.as_os_str()];
            let verify = command(words.into_iter().chain(options));
            format!(
                "{verify} proves its history; to run what stands in it, unpack a clone as ./migrate there says \
                 (docs/glass.md, Unpack it)"
            )
        }
        Failure::Record(record::Error::Untrusted { path, findings }) => findings.first()?.next(path),
        Failure::Record(record::Error::NotAGlass { .. }) => {
            "name a glass, or make one: stufpack glass init REPOSITORY --sign-key KEY --signers FILE".to_owned()
        }
        Failure::Record(record::Error::Foreign { given, .. }) => format!(
            "name the glass of {given}, or make one: stufpack glass init stuf-{given} --sign-key KEY --signers FILE"
        ),
        Failure::Record(record::Error::NoPackage { folder, .. }) => format!(
            "{} --recipient RECIPIENT records it, where PACKAGE is the zip or the unpacked folder; then repeat the command",
            typed.instead(&[instead(folder, Path::new("PACKAGE"))])
        ),
        Failure::Record(record::Error::Order(order)) => match order.as_ref() {
            record::Order::Early { folder, waiting } => {
                let first = waiting.first()?;
                format!(
                    "{}, then repeat the command; to leave it out of this glass for good, move {} elsewhere instead",
                    typed.instead(&[instead(folder, first)]),
                    shell::path(first)
                )
            }
            record::Order::Late { .. }
            | record::Order::Twice { .. }
            | record::Order::Another { .. }
            | record::Order::Anew { .. } => return None,
        },
        Failure::Record(record::Error::Key(_)) => {
            "list the key in the signers file, as customer/NAME with namespaces=\"git\", or as issuer/NAME with \
             namespaces=\"git,stufpack\" if it signs packages too; or sign with one that is listed so: --sign-key KEY"
                .to_owned()
        }
        Failure::Record(record::Error::Io { .. } | record::Error::Git(_)) => {
            "mend what the reason says, then repeat the command".to_owned()
        }
        _ => return None,
    })
}

/// What stopped a command, as text.
pub fn failure(failure: &Failure, typed: Typed<'_>, colour: Colour) -> String {
    match failure {
        Failure::Findings(list) => findings(list, typed, colour),
        Failure::Open(open::Error::Problems(list)) => problems(list, colour),
        Failure::Render(render::Error::Personal(leaks) | render::Error::Secret(leaks)) => {
            let mut out = format!("{}: {failure}\n", head("refused", "gate", colour));
            for leak in leaks {
                let _ = writeln!(out, "  {}: {} (not shown)", leak.path, leak.what);
            }
            // Batches hold keys of objects and no text.
            let by_key = leaks.iter().all(|leak| leak.path.starts_with("content/"));
            let what = if by_key {
                "have the objects whose keys hold it renamed at the source, and a new export made"
            } else {
                "take it out of the export's texts"
            };
            let _ = writeln!(out, "Nothing was written.\nnext: {what}, then: {}", typed.again());
            out
        }
        other => {
            let told = Told::of(other, typed);
            let mut out = format!("{}: {}\n", head("error", kind(other), colour), printable(&told.message));
            for cause in &told.causes {
                let _ = writeln!(out, "  because: {}", printable(cause));
            }
            if let Some(next) = &told.next {
                let _ = writeln!(out, "next: {}", printable(next));
            }
            out
        }
    }
}

fn problems(problems: &[open::Problem], colour: Colour) -> String {
    let mut out = String::new();
    for problem in problems {
        let _ = writeln!(out, "{}: {}", head("error", problem.code.0, colour), printable(&problem.message));
        if !problem.path.is_empty() {
            let _ = writeln!(out, "  at {}", printable(&problem.path));
        }
        let _ = writeln!(out, "  next: {}\n", problem.next);
    }
    let problems = count(problems.len() as u64, "problem", "problems");
    let _ = writeln!(out, "{problems}. Nothing of it was shown or written.");
    out
}

fn head(word: &str, code: &str, colour: Colour) -> String {
    match colour {
        Colour::Ansi => format!("\u{1b}[1;31m{word}[{code}]\u{1b}[0m"),
        Colour::Plain => format!("{word}[{code}]"),
    }
}

/// The family of a failure that is no list.
fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Findings(_) => "input",
        Failure::Usage(_)
        | Failure::Swapped { .. }
        | Failure::Read(
            read::Error::StandardInputTwice
            | read::Error::TargetIsFolder { .. }
            | read::Error::Endless { .. },
        )
        | Failure::Open(
            open::Error::Elsewhere { .. } | open::Error::Endless { .. } | open::Error::Glass { .. },
        ) => "usage",
        Failure::Read(_) => "read",
        Failure::Accounting(_) => "gate.ledger",
        Failure::Render(_) => "render",
        Failure::Pack(_) => "pack",
        Failure::Open(_) => "verify",
        Failure::Show(_) => "show",
        Failure::Identity(_) => "identity",
        Failure::Record(error) => error.code(),
        Failure::NoGlass { .. } => "glass.none",
        Failure::Unproven => "glass.unproven",
        Failure::Compare(_) => "compare",
        Failure::Different => "different",
        Failure::NotCompared => "not-compared",
        Failure::Output { .. } => "output",
    }
}

/// The JSON of a command that was stopped.
#[derive(Debug, Serialize)]
pub struct FailureReport<'a> {
    schema: u32,
    exit: u8,
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [open::Problem],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    leaks: &'a [render::Leak],
}

impl<'a> FailureReport<'a> {
    /// The report of `failure`, which ends with exit code `exit`.
    pub fn new(failure: &'a Failure, typed: Typed<'_>, exit: u8) -> Self {
        let (mut findings, mut problems, mut leaks): (&[_], &[_], &[_]) = (&[], &[], &[]);
        match failure {
            Failure::Findings(list) => findings = list,
            Failure::Open(open::Error::Problems(list)) => problems = list,
            Failure::Render(render::Error::Personal(list) | render::Error::Secret(list)) => leaks = list,
            _ => {}
        }
        let Told { message, causes, next } = Told::of(failure, typed);
        Self { schema: 1, exit, kind: kind(failure), message, causes, next, findings, problems, leaks }
    }
}
