//! `stufpack verify`: whether a package or a source kit is what its signer made.

use super::typed::command;
use super::{Outcome, OutputFormat, exit::Failure, now, output, report};
use crate::model::{Timestamp, shell};
use crate::open::{self, Sealed, Standing, Trust, Verified, VerifiedKit};
use crate::pack::KIT_TOP;
use crate::pack::age::Identities;
use clap::Args;
use serde::Serialize;
use std::ffi::OsString;
use std::path::PathBuf;

/// Which package, and whom to trust.
#[derive(Debug, Args)]
pub struct Trusting {
    /// Zip, encrypted zip, or unpacked folder
    pub package: PathBuf,
    /// Who may sign: OpenSSH's allowed_signers format with namespaces=
    #[arg(long, value_name = "FILE")]
    pub signers: PathBuf,
    /// Public keys that are not trusted any more, one per line
    #[arg(long, value_name = "FILE")]
    pub revoked: Option<PathBuf>,
    /// age identity for an encrypted package
    #[arg(long, value_name = "KEY")]
    pub identity: Option<PathBuf>,
    /// Judge validity and expiry at this time instead of now, such as 2026-11-19T21:04:00Z
    #[arg(long, value_name = "TIME", value_parser = super::word::<Timestamp>)]
    pub at: Option<Timestamp>,
}

impl Trusting {
    /// Opens and verifies the package.
    pub fn verified(&self) -> Result<Verified, Failure> {
        let (identities, trust) = self.given()?;
        Ok(open::verify(&self.package, identities.as_ref(), &trust)?)
    }

    /// Opens and verifies what was named, a package or a source kit.
    fn sealed(&self) -> Result<Sealed, Failure> {
        let (identities, trust) = self.given()?;
        Ok(open::sealed(&self.package, identities.as_ref(), &trust)?)
    }

    /// With what it is opened, and whom to trust.
    pub fn given(&self) -> Result<(Option<Identities>, Trust), Failure> {
        let identities = match &self.identity {
            Some(path) => Some(Identities::from_file(path).map_err(Failure::Identity)?),
            None => None,
        };
        let trust = Trust::read(&self.signers, self.revoked.as_deref(), self.at.unwrap_or_else(now))?;
        Ok((identities, trust))
    }

    /// Says of a verified package that it has expired, which keeps nobody from looking at it.
    pub fn warn_if_expired(&self, verified: &Verified) {
        let expires_at = verified.package.manifest().expires_at;
        let at = self.at.unwrap_or_else(now);
        let next = "ask the sender for a package of a newer export";
        output::complain(&report::expired(expires_at, at, "the package", next, output::colour()));
    }

    /// The command that unpacks this package.
    fn unpacking(&self) -> String {
        let options = [("--signers", Some(&self.signers)), ("--revoked", self.revoked.as_ref())];
        let options = options.into_iter().chain([("--identity", self.identity.as_ref())]);
        let options = options.filter_map(|(name, path)| Some([OsString::from(name), path?.into()])).flatten();
        command(["unpack".into(), self.package.clone().into(), "DIR".into()].into_iter().chain(options))
    }
}

/// Verifies a package or a source kit.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    trusting: Trusting,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// What `verify --format json` prints of a good package.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: u32,
    verified: bool,
    name: String,
    package_sha256: String,
    principal: &'a str,
    fingerprint: &'a str,
    form: open::Form,
    standing: Standing,
    expires_at: String,
    files: usize,
}

/// What `verify --format json` prints of a good source kit.
#[derive(Debug, Serialize)]
struct KitReport<'a> {
    schema: u32,
    verified: bool,
    name: &'a str,
    kit_sha256: String,
    principal: &'a str,
    fingerprint: &'a str,
    form: open::Form,
    tool: String,
    files: usize,
}

impl Verify {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        match self.trusting.sealed()? {
            Sealed::Package(verified) => self.package(&verified),
            Sealed::Kit(verified) => self.kit(&verified),
        }
    }

    fn kit(&self, verified: &VerifiedKit) -> Outcome {
        let VerifiedKit { kit, signed_by, form } = verified;
        let tool = &kit.about().tool;
        let report = KitReport {
            schema: 1,
            verified: true,
            name: KIT_TOP,
            kit_sha256: kit.sha256().to_string(),
            principal: signed_by.principal.as_str(),
            fingerprint: &signed_by.fingerprint,
            form: *form,
            tool: format!("{} {}", tool.name, tool.version),
            files: kit.files().len(),
        };
        if self.format == OutputFormat::Json {
            return output::json(&report);
        }
        let named = &self.trusting.package;
        let next = match form {
            open::Form::Folder => format!("read {}", report::path(&named.join("README.md"))),
            open::Form::Encrypted => format!(
                "age --decrypt -i KEY -o KIT.zip {}, unzip KIT.zip -d DIR, then read DIR/{KIT_TOP}/README.md",
                shell::path(named)
            ),
            _ => format!("unzip {} -d DIR, then read DIR/{KIT_TOP}/README.md", shell::path(named)),
        };
        output::write(&format!(
            "Verified: {}\n  signed by  {}\n  key        {}\n  kit        {}\n  made by    {}\n  files      {}\nnext: {}\n",
            report.name,
            report.principal,
            report.fingerprint,
            report.kit_sha256,
            report::printable(&report.tool),
            report.files,
            report::printable(&next),
        ))
    }

    fn package(&self, verified: &Verified) -> Outcome {
        let manifest = verified.package.manifest();
        let report = Report {
            schema: 1,
            verified: true,
            name: verified.package.name(),
            package_sha256: verified.package.sha256().to_string(),
            principal: verified.signed_by.principal.as_str(),
            fingerprint: &verified.signed_by.fingerprint,
            form: verified.form,
            standing: verified.standing,
            expires_at: manifest.expires_at.to_string(),
            files: verified.package.files().len(),
        };
        if self.format == OutputFormat::Json {
            return output::json(&report);
        }
        let standing = match verified.standing {
            Standing::Current => format!("use before {}", report.expires_at),
            Standing::Expired => {
                format!("EXPIRED on {}: whole, but no changing phase begins with it", report.expires_at)
            }
            Standing::Future => "made in the future: check this machine's clock".to_owned(),
        };
        let next = match verified.form {
            open::Form::Folder => format!("read {}", report::path(&self.trusting.package.join("README.md"))),
            _ => self.trusting.unpacking(),
        };
        output::write(&format!(
            "Verified: {}\n  signed by  {}\n  key        {}\n  package    {}\n  files      {}\n  validity   {standing}\nnext: {next}\n",
            report.name,
            verified.signed_by.principal,
            verified.signed_by.fingerprint,
            report.package_sha256,
            report.files,
        ))
    }
}
