//! The source kit: what the operator installs on the hosted side, sealed as packages are and bound to no tenant.

use super::names::{SIGNATURE, SUMS};
use super::write::{Parcel, prepare_parcel};
use super::{Error, NAMESPACE, Output, Principal, Signer, Tool, Written, sums, zip};
use crate::model::{Digest, File, Files};
use serde::Serialize;

/// The one folder of the kit's zip, and the zip's name.
pub const KIT_TOP: &str = "stufpack-source-kit";

const ABOUT: &str = "kit.json";
const TEXT: &str = include_str!("VERIFY-KIT.txt");

/// A sealed kit: all its files, signature included.
#[derive(Clone, Debug)]
pub struct Kit {
    files: Files,
    issuer: Principal,
}

/// `kit.json`: what the kit is.
#[derive(Debug, Serialize)]
struct About<'a> {
    schema: u32,
    kind: &'static str,
    tool: Tool,
    issuer: &'a Principal,
}

impl Kit {
    /// Adds `kit.json`, sums and signature to `files`; the key's comment must name the issuer.
    ///
    /// A kit is told from a package by what the signature covers: it has `kit.json` and no `manifest.json`.
    pub fn seal(mut files: Files, signer: &Signer) -> Result<Self, Error> {
        super::check(&files)?;
        let issuer = signer.named().ok_or(Error::KeyNameless)?;
        let about = About { schema: 1, kind: "StufSourceKit", tool: Tool::this(), issuer: &issuer };
        let mut about = serde_json::to_string_pretty(&about).unwrap_or_default();
        about.push('\n');
        files.insert(ABOUT.to_owned(), File::document(about));

        let sums = sums::text(files.iter().map(super::line));
        let signature = signer.sign(NAMESPACE, sums.as_bytes())?;
        files.insert(SUMS.to_owned(), File::document(sums));
        files.insert(SIGNATURE.to_owned(), File::document(signature));
        Ok(Self { files, issuer })
    }

    /// Every file by path; sums and signature included.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// SHA-256 of the sums: names exactly this kit.
    pub fn sha256(&self) -> Digest {
        self.files.get(SUMS).map_or(Digest([0; 32]), |file| file.sha256)
    }

    /// The canonical zip.
    pub fn zip(&self) -> Vec<u8> {
        zip::bytes(KIT_TOP, &self.files)
    }

    /// How to verify the kit, signed by `signer`, without us.
    pub fn verify_text(&self, signer: &Signer) -> String {
        let values = [
            ("@TOP@", KIT_TOP.to_owned()),
            ("@VERSION@", Tool::this().version),
            ("@SHA256@", self.sha256().to_string()),
            ("@SHA256_HEX@", self.sha256().hex()),
            ("@FINGERPRINT@", signer.fingerprint()),
            ("@SIGNER@", signer.allowed_line(&self.issuer)),
            ("@ISSUER@", self.issuer.to_string()),
        ];
        values.iter().fold(TEXT.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// Writes the zip and `VERIFY.txt` into the folder `out`; with `force`, over other bytes too.
    pub fn write(&self, signer: &Signer, out: &std::path::Path, force: bool) -> Result<Written, Error> {
        let parcel = Parcel {
            name: KIT_TOP.to_owned(),
            top: KIT_TOP,
            files: &self.files,
            text: self.verify_text(signer),
        };
        prepare_parcel(&parcel, out, &Output { recipients: &[], force })?.publish()
    }
}
