//! `stufpack diff`: two exports by meaning.

use super::exit::Failure;
use super::report::{path, printable};
use super::{Outcome, OutputFormat, output};
use crate::compare::{self, Change, Class, Comparison, Difference, Explained, Value};
use crate::model::{CheckedExport, Finding};
use crate::{check, plan, read};
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Characters of a value that the text shows; JSON shows all of it.
const LONGEST: usize = 100;

/// Compares two exports by meaning; ends with 6 where they differ, and with 7 where nothing differs and not everything could be
/// compared.
#[derive(Debug, Args)]
pub struct Diff {
    /// The old export: a folder, a zip of one, a single document, or `-` for standard input
    old: PathBuf,
    /// The new export
    new: PathBuf,
    /// Target of the old export's migration: NEW is held against what the ledger promises, and what that explains is told
    /// apart
    #[arg(long, value_name = "TARGET")]
    target: Option<PathBuf>,
    /// Differences of single objects that are listed; all of them are counted
    #[arg(long, value_name = "NUMBER", default_value_t = compare::LISTED)]
    objects: usize,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

impl Diff {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let inputs = [Some(&self.old), Some(&self.new), self.target.as_ref()];
        if inputs.into_iter().flatten().filter(|input| *input == Path::new("-")).count() > 1 {
            return Err(read::Error::StandardInputTwice.into());
        }
        let comparison = match &self.target {
            Some(target) => self.round_trip(target)?,
            None => self.plainly()?,
        };
        match self.format {
            OutputFormat::Json => output::json(&comparison)?,
            OutputFormat::Text => output::write(&text(&comparison))?,
        }
        match comparison.counts.all() {
            0 if comparison.is_whole() => Ok(()),
            0 => Err(Failure::NotCompared),
            _ => Err(Failure::Different),
        }
    }

    fn plainly(&self) -> Result<Comparison, Failure> {
        let old = read::source(&self.old, None)?;
        let new = read::source(&self.new, None)?;
        let (old, new) = both(check::export(old), check::export(new))?;
        lacking(&old, &new)?;
        self.warn(old.warnings.len() + new.warnings.len());
        Ok(compare::exports(&old, &new, self.objects)?)
    }

    fn round_trip(&self, target: &Path) -> Result<Comparison, Failure> {
        let old = read::source(&self.old, Some(target))?;
        let new = read::source(&self.new, None)?;
        let name = old.folder.clone();
        let ((old, left_out), new) = both(check::all_with_left_out(old), check::export(new))?;
        if !new.lacks.is_empty() {
            return Err(Failure::Findings(new.lacks));
        }
        self.warn(old.warnings.len() + new.warnings.len());
        let plan = plan::compile(&old, &plan::Numbering { package: 1 });
        plan::account(&plan, &old)?;
        Ok(compare::round_trip(&name, &old, &left_out, &plan.ledger, &new, self.objects)?)
    }

    fn warn(&self, warnings: usize) {
        if warnings > 0 && self.format == OutputFormat::Text {
            output::complain(&format!("{warnings} warning(s), shown by: stufpack check EXPORT\n"));
        }
    }
}

/// Both, or the findings of both.
fn both<A, B>(old: Result<A, Vec<Finding>>, new: Result<B, Vec<Finding>>) -> Result<(A, B), Failure> {
    match (old, new) {
        (Ok(old), Ok(new)) => Ok((old, new)),
        (old, new) => {
            let findings = old.err().into_iter().chain(new.err()).flatten();
            Err(Failure::Findings(findings.collect()))
        }
    }
}

/// What one export lacks and the other has cannot be compared; what both lack is said.
fn lacking(old: &CheckedExport, new: &CheckedExport) -> Result<(), Failure> {
    let has = |side: &CheckedExport, finding: &Finding| {
        !side.lacks.iter().any(|lacking| lacking.code == finding.code)
    };
    let alone = |side: &CheckedExport, other: &CheckedExport| -> Vec<Finding> {
        side.lacks.iter().filter(|finding| has(other, finding)).cloned().collect()
    };
    let findings = [alone(old, new), alone(new, old)].concat();
    if findings.is_empty() { Ok(()) } else { Err(Failure::Findings(findings)) }
}

/// A comparison as people read it.
fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    for (word, which) in [("old", &comparison.old), ("new", &comparison.new)] {
        let name = path(Path::new(&which.name));
        let _ = writeln!(out, "{word}: {name}, {} at {}", which.installation, which.exported_at);
    }
    for class in Class::ALL {
        let count = comparison.counts.of(class);
        if count > 0 {
            let _ = writeln!(out, "\n{} ({count}): {}", class.as_str(), class.meaning());
            let listed = comparison.differences.iter().filter(|difference| difference.class == class);
            listed.for_each(|difference| one(&mut out, difference));
        }
    }
    explained(&mut out, &comparison.explained);
    out.push('\n');
    if let Some(objects) = &comparison.objects {
        let _ = writeln!(
            out,
            "Objects: {} and {}; {} added, {} removed, {} changed, {} with another time alone.",
            objects.old, objects.new, objects.added, objects.removed, objects.changed, objects.touched
        );
        if objects.without_digest > 0 {
            let count = objects.without_digest;
            let _ = writeln!(
                out,
                "Bytes not compared: {count} object(s) of which an export has no digest. An export with digests: \
                 ./migrate export --digests; of the source kit, where its settings have export.sha256."
            );
        }
        if objects.not_listed > 0 {
            let count = objects.not_listed;
            let _ = writeln!(out, "Not listed: {count} difference(s) of objects; --objects lists more.");
        }
    }
    for part in &comparison.not_compared {
        let _ = writeln!(out, "Not compared, since neither export has it: {part}.");
    }
    if !comparison.not_counted.is_empty() {
        let paths: Vec<&str> = comparison.not_counted.iter().map(|fact| fact.path).collect();
        let _ = writeln!(out, "Not counted, since it differs in every export: {}.", paths.join(", "));
    }
    let differing = match comparison.counts.all() {
        0 => "No difference".to_owned(),
        total => format!("{total} difference(s)"),
    };
    let compared = if comparison.is_whole() { "" } else { " in what was compared" };
    let unexplained = if comparison.migrated { " that the ledger does not explain" } else { "" };
    let _ = writeln!(out, "{differing}{compared}{unexplained}.");
    out
}

fn one(out: &mut String, difference: &Difference) {
    let sign = match difference.change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
        Change::Unchanged => '=',
    };
    let _ = writeln!(out, "  {sign} {}", printable(&difference.path.replace('\n', "\\n")));
    let values = [("old", &difference.old), ("new", &difference.new)];
    for (word, value) in values {
        if let Some(value) = value {
            let _ = writeln!(out, "      {word}       {}", shown(value));
        }
    }
    if let Some(promise) = &difference.promised {
        let expected = match &promise.expected {
            Some(compare::Afterwards::Value(value)) => format!("{}, ", short(&value.to_string())),
            Some(compare::Afterwards::Absent) => "nothing, ".to_owned(),
            Some(compare::Afterwards::Encrypted) => "an encryption, ".to_owned(),
            _ => String::new(),
        };
        let _ = writeln!(out, "      promised  {expected}{}", promise.why.words());
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Plain(value) => short(&value.to_string()),
        Value::Hidden(hidden) => match hidden.length {
            Some(length) => format!("{} of {length} characters (not shown)", hidden.kind),
            None => format!("{} (not shown)", hidden.kind),
        },
    }
}

fn short(text: &str) -> String {
    let text = printable(text);
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}

/// What the ledger explains, by its reason.
fn explained(out: &mut String, explained: &[Explained]) {
    let mut groups: BTreeMap<String, (u64, &str)> = BTreeMap::new();
    for entry in explained {
        let group = groups.entry(entry.why.words()).or_insert((0, &entry.setting));
        group.0 += entry.count;
    }
    if groups.is_empty() {
        return;
    }
    let total: u64 = groups.values().map(|(count, _)| count).sum();
    let _ = writeln!(out, "\nexplained by the ledger ({total}):");
    for (reason, (count, example)) in groups {
        let _ = writeln!(out, "  {reason}: {count}, such as {}", short(&example.replace('\n', "\\n")));
    }
}
