//! `stufpack glass`: the history of one STUF.

mod history;

use super::typed::command;
use super::verify::Trusting;
use super::{Outcome, OutputFormat, exit::Failure, output, report, word};
use crate::model::{AgeRecipient, Slug, Timestamp, Word as _};
use crate::open::{self, Signers};
use crate::pack::Signer;
use crate::record::{self, Glass as Repository, Recording, Seen, Trust, Value, Verdict};
use clap::{Args, Subcommand};
use git2::Oid;
use history::{Diff, Log};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Commands about a glass.
#[derive(Debug, Subcommand)]
pub enum Glass {
    /// Makes a new glass and signs its root
    Init(Init),
    /// Records a verified package, or the folder of an operation, as one signed commit
    Record(Record),
    /// Tells the operations, oldest first
    Log(Log),
    /// Walks the whole history: signatures, order, trees, append-only paths
    Verify(Verify),
    /// Tells what changed between two operations, or compares a package with its record byte for byte
    Diff(Diff),
}

/// Makes a new glass.
#[derive(Debug, Args)]
pub struct Init {
    /// Folder of the new repository
    repository: PathBuf,
    /// Slug of the STUF; otherwise the folder's name without `stuf-`
    #[arg(long, value_name = "SLUG", value_parser = word::<Slug>)]
    slug: Option<Slug>,
    /// OpenSSH private key that signs the root
    #[arg(long, value_name = "KEY", env = "STUFPACK_SIGN_KEY", hide_env_values = true)]
    sign_key: PathBuf,
    /// Who may sign: OpenSSH's allowed_signers format with namespaces=
    #[arg(long, value_name = "FILE")]
    signers: PathBuf,
    /// Without a work tree, as servers have it
    #[arg(long)]
    bare: bool,
    /// Who asked for it, for the record
    #[arg(long, value_name = "W")]
    requested_by: Option<String>,
    /// Where it was discussed, for the record
    #[arg(long, value_name = "T")]
    ticket: Option<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// Records a package or an operation.
#[derive(Debug, Args)]
pub struct Record {
    /// The glass
    repository: PathBuf,
    #[command(flatten)]
    trusting: Trusting,
    /// OpenSSH private key that signs the commit
    #[arg(long, value_name = "KEY", env = "STUFPACK_SIGN_KEY", hide_env_values = true)]
    sign_key: PathBuf,
    /// Encrypt personal files to this age recipient; may be repeated; otherwise those of the last package
    #[arg(long, value_name = "RECIPIENT", value_parser = super::recipient)]
    recipient: Vec<AgeRecipient>,
    /// Who asked for it
    #[arg(long, value_name = "W")]
    requested_by: Option<String>,
    /// Who approved it
    #[arg(long, value_name = "W")]
    approved_by: Option<String>,
    /// Where it was discussed
    #[arg(long, value_name = "T")]
    ticket: Option<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// Verifies a history.
#[derive(Debug, Args)]
pub struct Verify {
    /// The glass: a full clone
    repository: PathBuf,
    /// Who may sign: OpenSSH's allowed_signers format with namespaces=
    #[arg(long, value_name = "FILE")]
    signers: PathBuf,
    /// Public keys that are not trusted any more, one per line
    #[arg(long, value_name = "FILE")]
    revoked: Option<PathBuf>,
    #[command(flatten)]
    known: Known,
    /// The time of the check, such as 2026-11-19T21:04:00Z; otherwise now
    #[arg(long, value_name = "TIME", value_parser = word::<Timestamp>)]
    at: Option<Timestamp>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// What somebody knows of a history by another way than the glass.
#[derive(Debug, Args)]
pub struct Known {
    /// A commit that must stand in the history, known by another way: the root, or an earlier head; may be repeated
    #[arg(long, value_name = "COMMIT", value_parser = commit)]
    pin: Vec<Oid>,
    /// The head that was seen last; `COMMIT` or `COMMIT@TIME`
    #[arg(long, value_name = "COMMIT", value_parser = seen)]
    last_seen: Option<Seen>,
}

impl Known {
    /// Refuses what a command would not look at, where it prints no page.
    fn is_for_pages(&self) -> Outcome {
        if self.pin.is_empty() && self.last_seen.is_none() {
            return Ok(());
        }
        let why =
            "--pin and --last-seen are for a history that is verified, and text and JSON tell it as it is";
        Err(Failure::Usage(format!("{why}; next: add --format html, or run stufpack glass verify")))
    }

    /// The head that was seen last, which nobody can have seen after `now`.
    fn last_seen(&self, now: Timestamp) -> Result<Option<Seen>, Failure> {
        match self.last_seen.and_then(|seen| seen.at).filter(|at| *at > now) {
            None => Ok(self.last_seen),
            Some(at) => Err(Failure::Usage(format!(
                "--last-seen says {at}, which is later than this check ({now}): nobody can have seen the head then; \
                 next: give the time at which it was seen"
            ))),
        }
    }
}

fn commit(text: &str) -> Result<Oid, String> {
    let whole = text.len() == 40;
    Oid::from_str(text)
        .ok()
        .filter(|_| whole)
        .ok_or_else(|| {
            "expected a whole commit id, 40 hexadecimal digits: of a shortened one somebody can make a second commit; \
             next: take it as it was given to you, or from a clone that you trust: git -C CLONE rev-parse COMMIT"
                .to_owned()
        })
}

fn seen(text: &str) -> Result<Seen, String> {
    match text.split_once('@') {
        Some((id, at)) => Ok(Seen { commit: commit(id)?, at: Some(word(at)?) }),
        None => Ok(Seen { commit: commit(text)?, at: None }),
    }
}

/// The time of what is made here: `SOURCE_DATE_EPOCH`, or now. Who sets it wants no other time, so a wrong one is an error.
pub fn made_at() -> Result<Timestamp, Failure> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else {
        return Ok(Timestamp(jiff::Timestamp::now()));
    };
    let seconds = text
        .to_str()
        .and_then(|text| text.parse::<u64>().ok())
        .and_then(|seconds| i64::try_from(seconds).ok());
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map(Timestamp).ok_or_else(|| {
        let text = text.to_string_lossy();
        Failure::Usage(format!(
            "SOURCE_DATE_EPOCH is {text}, no number of seconds since 1970; next: correct or unset it"
        ))
    })
}

fn value(trailer: &'static str, text: Option<&str>) -> Result<Option<Value>, Failure> {
    Ok(text.map(|text| Value::parse(trailer, text)).transpose()?)
}

/// Refuses a glass and a package, each in the other's place.
fn in_order(glass: &Path, package: &Path) -> Outcome {
    let is_repository = |path: &Path| path.join(".git").exists() || path.join("objects").is_dir();
    if is_repository(package) && !is_repository(glass) {
        return Err(Failure::Swapped { glass: package.to_owned(), package: glass.to_owned() });
    }
    Ok(())
}

impl Glass {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        match self {
            Self::Init(command) => command.run(),
            Self::Record(command) => command.run(),
            Self::Log(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Diff(command) => command.run(),
        }
    }

    /// Where a new glass, or the pages of one, are put together.
    pub fn places(&self) -> Vec<PathBuf> {
        match self {
            Self::Init(command) => vec![super::parent(&command.repository)],
            Self::Log(command) => command.places(),
            _ => vec![],
        }
    }

    /// In which format a failure is told.
    pub fn format(&self) -> OutputFormat {
        match self {
            Self::Init(command) => command.format,
            Self::Record(command) => command.format,
            Self::Log(command) => command.format.of_failure(),
            Self::Verify(command) => command.format,
            Self::Diff(command) => command.format.of_failure(),
        }
    }
}

impl Init {
    fn run(&self) -> Outcome {
        let key = Signer::from_file(&self.sign_key)?;
        // Read once: what is recorded is what was judged, from a pipe too.
        let text = open::signers_text(&self.signers)?;
        let signers = Signers::parse(&text, &self.signers.display().to_string());
        let signers = signers.map_err(open::Error::Problems)?;
        let slug = self.slug()?;
        let founding = record::Founding {
            slug: &slug,
            signers: &signers,
            allowed_signers: &String::from_utf8_lossy(&text),
            key: &key,
            at: made_at()?,
            bare: self.bare,
            requested_by: value("Requested-By", self.requested_by.as_deref())?,
            ticket: value("Ticket", self.ticket.as_deref())?,
        };
        let root = record::init(&self.repository, &founding)?;
        if self.format == OutputFormat::Json {
            return output::json(&serde_json::json!({
                "schema": 1,
                "repository": self.repository.display().to_string(),
                "slug": slug.as_str(),
                "root": root.to_string(),
            }));
        }
        output::write(&format!(
            "{}: a glass, root {root}\nGive the root to everyone who will check this glass, by another way.\nnext: {} (or compile with --glass)\n",
            report::path(&self.repository),
            self.recording(),
        ))
    }

    /// The command that records the first package.
    fn recording(&self) -> String {
        let [key, signers] = [&self.sign_key, &self.signers].map(|path| path.as_os_str());
        let words = ["glass".as_ref(), "record".as_ref(), self.repository.as_os_str(), OsStr::new("PACKAGE")];
        let options = ["--sign-key".as_ref(), key, "--signers".as_ref(), signers];
        let recipient = ["--recipient", "RECIPIENT"].map(OsStr::new);
        command(words.into_iter().chain(options).chain(recipient))
    }

    fn slug(&self) -> Result<Slug, Failure> {
        if let Some(slug) = &self.slug {
            return Ok(slug.clone());
        }
        let name = self.repository.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.strip_suffix(".git").unwrap_or(name);
        name.strip_prefix("stuf-").and_then(Slug::parse).ok_or_else(|| {
            Failure::Usage(format!(
                "the slug cannot be told from the folder's name {name}; next: name it stuf-SLUG, or add --slug SLUG"
            ))
        })
    }
}

impl Record {
    fn run(&self) -> Outcome {
        in_order(&self.repository, &self.trusting.package)?;
        let key = Signer::from_file(&self.sign_key)?;
        let now = self.trusting.at.map_or_else(made_at, Ok)?;
        let known = open::Trust::read(&self.trusting.signers, self.trusting.revoked.as_deref(), now)?;
        if known.revoked.contains(key.public_key().key_data()) {
            let why = format!("the signing key ({}) may not sign: it was revoked", key.fingerprint());
            return Err(record::Error::Key(why).into());
        }
        let recording = Recording {
            key: &key,
            signers: &known.signers,
            recipients: &self.recipient,
            requested_by: value("Requested-By", self.requested_by.as_deref())?,
            approved_by: value("Approved-By", self.approved_by.as_deref())?,
            ticket: value("Ticket", self.ticket.as_deref())?,
        };
        let folder = &self.trusting.package;
        let trust =
            Trust { signers: &known.signers, revoked: &known.revoked, pins: &[], last_seen: None, now };
        let glass = || Repository::open(&self.repository)?.lock()?.trusted(&trust);
        let recorded = if folder.join("operation.json").is_file() {
            let secrets = record::secrets_beside(folder)?;
            // A note that stays is taken away by the next recording.
            let _ = record::forget_notes(&self.repository, folder, None);
            let recorded = glass()?.record_operation(folder, &secrets, &recording);
            if let Err(record::Error::Behind(behind)) = &recorded
                && behind.diverged
            {
                let _ = record::forget_notes(&self.repository, folder, Some(behind.there));
            }
            let recorded = recorded?;
            note(folder, &recorded);
            self.is_for(&recorded, recorded.uncompared > 0, OF_AN_OPERATION)?;
            recorded
        } else {
            was_written(folder)?;
            let verified = self.trusting.verified()?;
            let recorded = glass()?.record_package(&verified.package, &recording)?;
            self.trusting.warn_if_expired(&verified);
            self.is_for(&recorded, true, OF_A_PACKAGE)?;
            recorded
        };
        if self.format == OutputFormat::Json {
            return output::json(&serde_json::json!({
                "schema": 1,
                "commit": recorded.commit.to_string(),
                "operation": recorded.operation,
                "new": recorded.new,
                "uncompared": recorded.uncompared,
                "left_out": recorded.left_out,
                "recipients": recorded.recipients,
                "replaced": recorded.replaced,
            }));
        }
        let state = if recorded.new { "recorded" } else { "was recorded before" };
        let (repository, signers) = (self.repository.as_os_str(), self.trusting.signers.as_os_str());
        let commit = recorded.commit.to_string();
        let words = ["glass".as_ref(), "verify".as_ref(), repository];
        let options = ["--signers".as_ref(), signers, "--pin".as_ref(), OsStr::new(&commit)];
        let verify = command(words.into_iter().chain(options));
        let mut text = format!("operation {} {state}: commit {commit}\n", recorded.operation);
        if recorded.uncompared > 0 {
            let _ = writeln!(
                text,
                "  {} personal file(s) stand encrypted there, so these were not compared with them",
                recorded.uncompared
            );
        }
        if !recorded.recipients.is_empty() {
            let names: Vec<&str> = recorded.recipients.iter().map(AgeRecipient::as_str).collect();
            let whose = match self.recipient.is_empty() {
                true => ": those of the glass; where one has lost the identity, --recipient names others",
                false => "",
            };
            let _ = writeln!(text, "  personal files encrypted to {}{whose}", names.join(", "));
        }
        text.push_str(&replaced(&recorded));
        if !recorded.left_out.is_empty() {
            let _ = writeln!(
                text,
                "  without {}, which ran before it and has no folder here: of that this glass will have the lines of the journal, \
                 and no more",
                report::printable(&recorded.left_out.join(", "))
            );
        }
        let _ = writeln!(
            text,
            "Write this commit down, with today's date: it is the next check's pin.\nnext: {verify}"
        );
        output::write(&text)
    }

    /// Says that naming recipients did nothing, where what was recorded before, with personal files, may be encrypted to others.
    fn is_for(&self, recorded: &record::Recorded, has_personal: bool, next: &'static str) -> Outcome {
        if recorded.new || self.recipient.is_empty() || !has_personal {
            return Ok(());
        }
        let of_then = record::recipients_at(&self.repository, recorded.commit)?;
        let [given, of_then] = [&self.recipient, &of_then].map(|list| list.iter().collect::<BTreeSet<_>>());
        if given == of_then {
            return Ok(());
        }
        let record::Recorded { operation, commit, .. } = *recorded;
        Err(record::Error::Encrypted { operation, commit, next }.into())
    }
}

/// How others come to read what was recorded without them.
const OF_A_PACKAGE: &str = "name them with the next package, glass record … --recipient RECIPIENT; until then who can read this one \
                            gives them the package itself";
const OF_AN_OPERATION: &str = "who can read its files gives them to whom they concern; what comes after the next package, recorded with \
                               --recipient RECIPIENT, is encrypted to these";

/// Says that what is recorded from now on is encrypted to others than before.
pub(super) fn replaced(recorded: &record::Recorded) -> String {
    if recorded.replaced.is_empty() {
        return String::new();
    }
    let [to, before] = [&recorded.recipients, &recorded.replaced]
        .map(|list| list.iter().map(AgeRecipient::as_str).collect::<Vec<_>>().join(", "));
    format!("  from now on this glass encrypts to {to}, and until now to {before}\n")
}

/// Refuses a folder that `./migrate` itself refused to write.
fn was_written(folder: &Path) -> Outcome {
    let note = beside(folder, ".refused");
    if folder.exists() || !note.is_file() {
        return Ok(());
    }
    Err(record::Error::Refused { folder: folder.to_owned(), note }.into())
}

/// Leaves word beside a folder that `./migrate` made, which tells by it what is recorded; the record stands without.
fn note(folder: &Path, recorded: &record::Recorded) {
    if beside(folder, ".sh").is_file() {
        let _ = std::fs::write(beside(folder, ".recorded"), format!("{}\n", recorded.commit));
    }
}

/// A file that `./migrate` keeps beside a folder, named after it.
fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    folder.with_file_name(name)
}

impl Verify {
    fn run(&self) -> Outcome {
        let now = self.at.map_or_else(made_at, Ok)?;
        let last_seen = self.known.last_seen(now)?;
        let known = open::Trust::read(&self.signers, self.revoked.as_deref(), now)?;
        let trust =
            Trust { signers: &known.signers, revoked: &known.revoked, pins: &self.known.pin, last_seen, now };
        let audit = record::verify(&self.repository, &trust)?;
        if self.format == OutputFormat::Json {
            output::json(&serde_json::json!({ "schema": 1, "audit": audit }))?;
        } else {
            output::write(&self.text(&audit))?;
        }
        if audit.verdict == Verdict::Pass { Ok(()) } else { Err(Failure::Unproven) }
    }

    fn text(&self, audit: &record::Audit) -> String {
        let word = match audit.verdict {
            Verdict::Pass => "pass",
            Verdict::Unverifiable => "unverifiable",
            Verdict::Fail => "fail",
        };
        let mut text =
            format!("{}: {word}, {} operations\n", report::path(&self.repository), audit.operations.len());
        for (name, commit) in [("root", &audit.root), ("head", &audit.head)] {
            if let Some(commit) = commit {
                let _ = writeln!(text, "  {name}  {commit}");
            }
        }
        for finding in &audit.findings {
            let _ = write!(text, "  [{}] {}", finding.code, report::printable(&finding.message));
            if let Some(operation) = finding.operation {
                let _ = write!(text, " (operation {operation})");
            }
            if let Some(path) = &finding.path {
                let _ = write!(text, ", {}", report::printable(path));
            }
            if let Some(line) = finding.line {
                let _ = write!(text, ":{line}");
            }
            let _ = writeln!(text, "\n    next: {}", report::printable(&finding.next(&self.repository)));
        }
        text
    }
}
