//! `stufpack compile`: the whole flow, from an export to a signed package and its record.

use super::report::{self, path};
use super::typed::command;
use super::{Outcome, OutputFormat, exit::Failure, output};
use crate::model::{Checked, Timestamp};
use crate::open::{self, Signers, Trust};
use crate::pack::age::Identities;
use crate::pack::{self, Package, Previous, Signer, Written};
use crate::record::{self, Glass, Locked, Recorded, Recording, Staged, Value};
use crate::threads::at_once;
use crate::{check, read};
use clap::Args;
use serde::Serialize;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Compiles an export and a target into a signed package.
#[derive(Debug, Args)]
pub struct Compile {
    /// Export: a folder, a zip of one, a single document, or `-` for standard input
    export: PathBuf,
    /// Target document
    #[arg(long, value_name = "TARGET")]
    target: PathBuf,
    /// Folder for the package and VERIFY.txt; appears whole or not at all
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// OpenSSH private key that signs package and record; its comment, if it is a principal such as `issuer/acme`, names
    /// the issuer, otherwise that is `issuer/INSTALLATION`, and the signers file must call the key so
    #[arg(long, value_name = "KEY", env = "STUFPACK_SIGN_KEY", hide_env_values = true)]
    sign_key: PathBuf,
    /// Encrypt the zip to the target's recipients
    #[arg(long)]
    encrypt: bool,
    /// Overwrite what stands in DIR under the same names
    #[arg(long)]
    force: bool,
    /// The installation's last package, whose number and digest this one follows, verified with `--signers`; without
    /// a glass and without it, the package has number 1
    #[arg(long, value_name = "PACKAGE", requires = "signers", conflicts_with = "glass")]
    previous: Option<PathBuf>,
    /// age identity for a previous package that is encrypted
    #[arg(long, value_name = "KEY", requires = "previous")]
    identity: Option<PathBuf>,
    /// Record the package in this glass, which also gives its number
    #[arg(long, value_name = "REPO", requires = "signers")]
    glass: Option<PathBuf>,
    /// Who may sign: OpenSSH's allowed_signers format with namespaces=
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// Who asked for the package, for the record
    #[arg(long, value_name = "W", requires = "glass")]
    requested_by: Option<String>,
    /// Where it was discussed, for the record
    #[arg(long, value_name = "T", requires = "glass")]
    ticket: Option<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// What was made.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    package: String,
    verify_text: String,
    name: String,
    number: u32,
    package_id: String,
    package_sha256: String,
    unchanged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<RecordReport>,
    warnings: usize,
}

#[derive(Debug, Serialize)]
struct RecordReport {
    commit: String,
    operation: u32,
    new: bool,
    /// Whom the glass encrypted to until now, where that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<String>,
}

/// Reads and checks an input; every finding, or a value that needs no further check.
pub fn checked(export: &Path, target: &Path) -> Result<Checked, Failure> {
    let source = read::source(export, Some(target))?;
    check::all(source).map_err(Failure::Findings)
}

/// Says that a package would be of no use any more, judged at `SOURCE_DATE_EPOCH` or now.
pub fn warn_if_expired(expires_at: Timestamp) -> Result<(), Failure> {
    let next = "make the export anew, or raise spec.validity in the target";
    let what = "a package of this export and target";
    let now = super::glass::made_at()?;
    output::complain(&report::expired(expires_at, now, what, next, output::colour()));
    Ok(())
}

/// Whether `path`, which need not be there yet, is `folder` or lies in it.
fn is_inside(path: &Path, folder: &Path) -> bool {
    let there = path.ancestors().map(|part| if part.as_os_str().is_empty() { Path::new(".") } else { part });
    let place = there.into_iter().find_map(|part| part.canonicalize().ok());
    let folder = folder.canonicalize().ok().filter(|folder| folder.is_dir());
    place.zip(folder).is_some_and(|(place, folder)| place.starts_with(folder))
}

impl Compile {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        if self.signers.is_some() && self.glass.is_none() && self.previous.is_none() {
            return Err(Failure::Usage(
                "--signers means nothing without --glass or --previous; next: leave it out".to_owned(),
            ));
        }
        let own = self.glass.as_deref().and_then(|path| Glass::open(path).ok());
        if own.is_some_and(|glass| glass.folders().any(|folder| is_inside(&self.out, folder))) {
            return Err(Failure::Usage(format!(
                "{} lies in the glass, which holds what its commits say and nothing else; next: choose another --out",
                self.out.display()
            )));
        }
        let signer = Signer::from_file(&self.sign_key)?;
        let mut checked = checked(&self.export, &self.target)?;
        if is_inside(&self.out, &self.export) {
            return Err(Failure::Usage(format!(
                "{} lies in the export, which would hold the package from then on; next: choose another --out",
                self.out.display()
            )));
        }
        let prospect = check::Prospect::of(&checked.export, &checked.target);
        warn_if_expired(prospect.expires_at)?;
        if self.encrypt && checked.target.recipients.is_empty() {
            return Err(Failure::Usage(
                "--encrypt needs spec.recipients in the target; next: add an age recipient (age-keygen -o KEY prints one)"
                    .to_owned(),
            ));
        }
        let glass = self.open_glass(&checked)?;
        let (number, previous) = self.number(&checked, &signer, glass.as_ref())?;
        let package = crate::compile(&checked, &signer, number, previous)?;
        let recipients: &[_] = if self.encrypt { &checked.target.recipients } else { &[] };
        let options = pack::Output { recipients, force: self.force };
        // Both lie complete on the disk, made at once, before either counts. The record stands first: a package with a number
        // that the glass gave to nobody would soon be a second package of that number.
        let (prepared, staged) = at_once(
            || pack::prepare(&package, &signer, &self.out, &options),
            || {
                let opened = glass.as_ref();
                opened
                    .map(|(glass, signers)| self.stage(glass, signers, &package, &signer, &checked))
                    .transpose()
            },
        );
        let prepared = prepared?;
        let recorded = staged?.map(Staged::record).transpose()?;
        let written = prepared.publish()?;
        self.tell(&package, &prospect, written, recorded, checked.warnings.len())?;
        // Here the program ends, and what was read goes with it, without being taken apart value by value. The folder that
        // an archive was unpacked into has to go.
        drop(checked.unpacked.take());
        std::mem::forget((checked, package));
        Ok(())
    }

    /// Opens the glass, checks what it is and that nothing newer is known, and holds its lock until the record stands.
    fn open_glass(&self, checked: &Checked) -> Result<Option<(Locked, Signers)>, Failure> {
        let (Some(path), Some(signers)) = (&self.glass, &self.signers) else { return Ok(None) };
        if checked.target.recipients.is_empty() {
            return Err(Failure::Usage(
                "a glass keeps personal files encrypted, and the target has no spec.recipients; next: add an age recipient"
                    .to_owned(),
            ));
        }
        let known = Trust::read(signers, None, checked.export.exported_at)?;
        let trust = record::Trust {
            signers: &known.signers,
            revoked: &known.revoked,
            pins: &[],
            last_seen: None,
            now: super::glass::made_at()?,
        };
        let opened = Glass::open(path).map_err(|error| match error {
            record::Error::NotAGlass { path, why } => {
                let make = self.making(&path, signers, checked.export.project.slug.as_str());
                Failure::NoGlass { path, why, make }
            }
            other => other.into(),
        });
        let glass = opened?.lock()?.trusted(&trust)?;
        Ok(Some((glass, known.signers)))
    }

    /// What to do where no glass is at `path`: the command that makes one, there or where there is room.
    fn making(&self, path: &Path, signers: &Path, slug: &str) -> String {
        let usual = format!("stuf-{slug}");
        let is_empty = path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        let place = match path.symlink_metadata() {
            Ok(_) if is_empty => path.to_owned(),
            Ok(_) if path.is_dir() => path.join(&usual),
            Ok(_) => super::parent(path).join(&usual),
            Err(_) => path.to_owned(),
        };
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let words = ["glass".as_ref(), "init".as_ref(), place.as_os_str()];
        let options =
            ["--sign-key".as_ref(), self.sign_key.as_os_str(), "--signers".as_ref(), signers.as_os_str()];
        let slug = if name.trim_end_matches(".git") == usual {
            vec![]
        } else {
            vec!["--slug".as_ref(), OsStr::new(slug)]
        };
        let make = command(words.into_iter().chain(slug).chain(options));
        if place == path { make } else { format!("name a glass, or make one here and name that: {make}") }
    }

    /// Where it writes: into the folder, or beside it.
    pub fn places(&self) -> Vec<PathBuf> {
        vec![super::parent(&self.out), self.out.clone()]
    }

    /// The package's number and what it follows.
    fn number(
        &self,
        checked: &Checked,
        signer: &Signer,
        glass: Option<&(Locked, Signers)>,
    ) -> Result<(u32, Option<Previous>), Failure> {
        if let Some((glass, _)) = glass {
            let installation = &checked.export.installation;
            let numbers = glass.numbers(&signer.issuer(installation), installation)?;
            return Ok(numbers.of(&checked.export_digest, &checked.target_digest));
        }
        let (Some(path), Some(signers)) = (&self.previous, &self.signers) else { return Ok((1, None)) };
        let trust = Trust::read(signers, None, checked.export.exported_at)?;
        let identities = self.identity.as_deref().map(Identities::from_file).transpose();
        let identities = identities.map_err(Failure::Identity)?;
        let previous = open::verify(path, identities.as_ref(), &trust)?.package;
        let identity = &previous.manifest().package;
        let number = identity.number;
        let installation = &checked.export.installation;
        if identity.slug != checked.export.project.slug
            || identity.installation != *installation
            || identity.issuer != signer.issuer(installation)
        {
            return Err(Failure::Usage(format!(
                "{} is of {} and {}, by {}: packages are numbered per issuer and installation; next: name this installation's \
                 last package",
                path.display(),
                identity.slug,
                identity.installation,
                identity.issuer.as_str(),
            )));
        }
        Ok((number + 1, Some(Previous { number, sha256: previous.sha256() })))
    }

    fn stage<'s>(
        &self,
        glass: &'s Locked,
        signers: &Signers,
        package: &'s Package,
        signer: &Signer,
        checked: &Checked,
    ) -> Result<Staged<'s>, Failure> {
        let value = |trailer: &'static str, text: &Option<String>| {
            text.as_deref().map(|text| Value::parse(trailer, text)).transpose()
        };
        let recording = Recording {
            key: signer,
            signers,
            recipients: &checked.target.recipients,
            requested_by: value("Requested-By", &self.requested_by)?,
            approved_by: None,
            ticket: value("Ticket", &self.ticket)?,
        };
        Ok(glass.stage_package(package, &recording)?)
    }

    fn tell(
        &self,
        package: &Package,
        prospect: &check::Prospect,
        written: Written,
        recorded: Option<Recorded>,
        warnings: usize,
    ) -> Outcome {
        let manifest = package.manifest();
        let report = Report {
            schema: 1,
            package: written.package.display().to_string(),
            verify_text: written.verify_text.display().to_string(),
            name: package.name(),
            number: manifest.package.number,
            package_id: manifest.package.id.to_string(),
            package_sha256: package.sha256().to_string(),
            unchanged: written.unchanged,
            recorded: recorded.as_ref().map(|recorded| RecordReport {
                commit: recorded.commit.to_string(),
                operation: recorded.operation,
                new: recorded.new,
                replaced: recorded.replaced.iter().map(ToString::to_string).collect(),
            }),
            warnings,
        };
        if self.format == OutputFormat::Json {
            return output::json(&report);
        }
        let state = if report.unchanged { "unchanged: the same bytes stood there" } else { "written" };
        let mut text =
            format!("{} ({state})\n  Package-SHA256  {}\n", path(&written.package), report.package_sha256);
        text.push_str(&format!("  moves           {}\n", prospect.moves));
        let replaced = recorded.as_ref().map_or_else(String::new, super::glass::replaced);
        if let Some(recorded) = &report.recorded {
            let again = if recorded.new { "" } else { " (recorded before)" };
            text.push_str(&format!(
                "  glass           operation {}, commit {}{again}\n",
                recorded.operation, recorded.commit
            ));
            text.push_str(&replaced);
        }
        if warnings > 0 {
            let (export, target) = (self.export.as_os_str(), self.target.as_os_str());
            let check = command([OsStr::new("check"), export, OsStr::new("--target"), target]);
            text.push_str(&format!("  {warnings} warning(s), shown by: {check}\n"));
        }
        text.push_str(&format!(
            "next: give {} to the Trust Architect by another way than the package\n",
            path(&written.verify_text)
        ));
        output::write(&text)
    }
}
