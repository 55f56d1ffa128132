//! A comparison as text.

use crate::cli::report::printable;
use crate::compare::{Change, Class, Code, Comparison, Difference};
use crate::render;
use crate::show::{self, Reason};
use std::fmt::Write as _;

/// Characters of a value that the text shows; JSON shows all of it.
const LONGEST: usize = 100;

/// A comparison as people read it.
pub(super) fn of(comparison: &Comparison) -> String {
    let mut out = String::new();
    for (word, which) in [("old", &comparison.old), ("new", &comparison.new)] {
        let name = one_line(&which.name);
        let _ = writeln!(out, "{word}: {name}, {} at {}", which.installation, which.exported_at);
        if let Some(package) = &which.package {
            let _ = writeln!(out, "     {}, signed by {}", package.name, package.principal);
        }
    }
    for class in Class::ALL {
        let count = comparison.counts.of(class);
        if count > 0 {
            let _ = writeln!(out, "\n{} ({count}): {}", class.as_str(), class.meaning());
            let listed = comparison.differences.iter().filter(|difference| difference.class == class);
            listed.for_each(|difference| one(&mut out, difference));
        }
    }
    explained(&mut out, &show::reasons(&comparison.explained));
    out.push('\n');
    if let Some(code) = &comparison.code {
        self::code(&mut out, code);
    }
    for note in show::notes(comparison) {
        let _ = writeln!(out, "{}", one_line(&note));
    }
    let _ = writeln!(out, "{}", show::result(comparison));
    out
}

fn sign(change: Change) -> char {
    match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
        Change::Unchanged => '=',
    }
}

fn one_line(text: &str) -> String {
    printable(&text.replace('\n', "\\n"))
}

/// The code of two packages: one line where it is the same.
fn code(out: &mut String, code: &Code) {
    if code.equal {
        let _ = writeln!(out, "Code: the same in both, {}.", code.new);
        return;
    }
    let count = code.files.len();
    let _ =
        writeln!(out, "Code: {count} file(s) differ, which one version of stufpack has alike for everyone:");
    for file in &code.files {
        let _ = writeln!(out, "  {} {}", sign(file.change), one_line(&file.path));
    }
}

fn one(out: &mut String, difference: &Difference) {
    let _ = writeln!(out, "  {} {}", sign(difference.change), one_line(&difference.path));
    let value = |value: &Option<_>| value.as_ref().map(|value| one_line(&show::value(value)));
    let (old, new) = (value(&difference.old), value(&difference.new));
    let (old, new) = render::cut(old.as_deref(), new.as_deref(), LONGEST);
    for (word, value) in [("old", old), ("new", new)] {
        if let Some(value) = value {
            let _ = writeln!(out, "      {word}       {value}");
        }
    }
    if !difference.also.is_empty() {
        let _ = writeln!(out, "      also in   {}", one_line(&difference.also.join(", ")));
    }
    if let Some(promise) = &difference.promised {
        let (expected, why) = show::promise(promise);
        let expected = expected.map(|expected| format!("{}, ", short(&expected))).unwrap_or_default();
        let _ = writeln!(out, "      promised  {expected}{why}");
    }
}

fn short(text: &str) -> String {
    let text = one_line(text);
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}

fn explained(out: &mut String, reasons: &[Reason]) {
    if reasons.is_empty() {
        return;
    }
    let total: u64 = reasons.iter().map(|reason| reason.count).sum();
    let _ = writeln!(out, "\nexplained by the ledger ({total}):");
    for Reason { words, count, example } in reasons {
        let _ = writeln!(out, "  {words}: {count}, such as {}", short(example));
    }
}
