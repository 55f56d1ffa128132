//! `stufpack diff`: two exports, or two packages, by meaning.

mod text;

use super::exit::Failure;
use super::verify::Trusting;
use super::{Outcome, PageFormat, output, report, usage, word};
use crate::compare::{self, Compared, Comparison, Named};
use crate::model::{CheckedExport, Finding, Timestamp};
use crate::read::Looks;
use crate::{check, open, plan, read, show};
use clap::Args;
use std::path::{Path, PathBuf};

/// Compares two exports, or two packages, by meaning; ends with 6 where they differ, and with 7 where nothing differs and not
/// everything could be compared that an export by ./migrate or the kit has: what none of them has is told, and counts for nothing.
#[derive(Debug, Args)]
pub struct Diff {
    /// The old export (a folder, a zip of one, a single document, or `-` for standard input) or package (zip, encrypted zip, or
    /// unpacked folder)
    old: PathBuf,
    /// The new one, of the same kind
    new: PathBuf,
    /// Of exports: target of the old one's migration; NEW is held against what the ledger promises, and what that explains is
    /// told apart
    #[arg(long, value_name = "TARGET")]
    target: Option<PathBuf>,
    /// Of packages: who may sign, in OpenSSH's allowed_signers format with namespaces=; both are verified before anything is
    /// told
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// Public keys that are not trusted any more, one per line
    #[arg(long, value_name = "FILE", requires = "signers")]
    revoked: Option<PathBuf>,
    /// age identity for encrypted packages
    #[arg(long, value_name = "KEY", requires = "signers")]
    identity: Option<PathBuf>,
    /// Judge validity and expiry at this time instead of now, such as 2026-11-19T21:04:00Z
    #[arg(long, value_name = "TIME", value_parser = word::<Timestamp>, requires = "signers")]
    at: Option<Timestamp>,
    /// Differences of single objects that are listed; all of them are counted
    #[arg(long, value_name = "NUMBER", default_value_t = compare::LISTED)]
    objects: usize,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
}

impl Diff {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let inputs = [Some(&self.old), Some(&self.new), self.target.as_ref()];
        if inputs.into_iter().flatten().filter(|input| *input == Path::new("-")).count() > 1 {
            return Err(read::Error::StandardInputTwice.into());
        }
        let comparison = match (self.kind()?, &self.signers, &self.target) {
            (Compared::Packages, Some(signers), None) => self.packages(signers)?,
            (Compared::Packages, ..) => {
                let why = "--target is for exports: each package brings its own ledger; next: leave it out";
                return Err(Failure::Usage(why.to_owned()));
            }
            (Compared::Exports, _, Some(target)) => self.round_trip(target)?,
            (Compared::Exports, _, None) => self.plainly()?,
        };
        match self.format {
            PageFormat::Text => output::write(&text::of(&comparison))?,
            PageFormat::Json => output::json(&comparison)?,
            PageFormat::Html => output::write(&show::comparison_page(&comparison)?)?,
        }
        match comparison.counts.all() {
            0 if comparison.is_whole() => Ok(()),
            0 => Err(Failure::NotCompared),
            _ => Err(Failure::Different),
        }
    }

    /// What the two are: by their looks, and where those tell nothing by whether anybody is to be trusted.
    fn kind(&self) -> Result<Compared, Failure> {
        let signed = self.signers.is_some();
        let wrong = |text: String| Err(Failure::Usage(text));
        let (old, new) = (report::path(&self.old), report::path(&self.new));
        match (read::looks(&self.old), read::looks(&self.new)) {
            (Some(Looks::Package), Some(Looks::Export)) => wrong(mixed(&old, &new)),
            (Some(Looks::Export), Some(Looks::Package)) => wrong(mixed(&new, &old)),
            (Some(Looks::Package), _) | (_, Some(Looks::Package)) if !signed => wrong(format!(
                "packages are verified before anything is told of them; next: {}",
                usage::add("--signers")
            )),
            (Some(Looks::Export), _) | (_, Some(Looks::Export)) if signed => wrong(
                "nobody signs an export, so --signers is for packages alone; next: leave it out".to_owned(),
            ),
            _ if signed => Ok(Compared::Packages),
            _ => Ok(Compared::Exports),
        }
    }

    fn packages(&self, signers: &Path) -> Result<Comparison, Failure> {
        let trusting = |package: &Path| Trusting {
            package: package.to_owned(),
            signers: signers.to_owned(),
            revoked: self.revoked.clone(),
            identity: self.identity.clone(),
            at: self.at,
        };
        // Read once, since both may come through pipes.
        let (identities, trust) = trusting(&self.old).given()?;
        let verified = |path: &Path| open::verify(path, identities.as_ref(), &trust);
        let (old, new) = (verified(&self.old)?, verified(&self.new)?);
        for (path, package) in [(&self.old, &old), (&self.new, &new)] {
            trusting(path).warn_if_expired(package);
        }
        let name = |path: &Path| path.display().to_string();
        let (old_name, new_name) = (name(&self.old), name(&self.new));
        let old = Named { name: &old_name, verified: &old };
        let new = Named { name: &new_name, verified: &new };
        Ok(compare::packages(old, new, self.objects)?)
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
        if warnings > 0 && self.format == PageFormat::Text {
            output::complain(&format!(
                "{warnings} warning(s), shown by: stufpack check, given each export\n"
            ));
        }
    }
}

/// What to do with a package and an export.
fn mixed(package: &str, export: &str) -> String {
    format!(
        "{package} is a package and {export} an export, which do not say the same things; next: compare two exports, or compile \
         {export} and compare two packages"
    )
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
