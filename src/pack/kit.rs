//! The source kit: what the operator installs on the hosted side, sealed as packages are and bound to no tenant.

use super::names::{SIGNATURE, SUMS};
use super::verify_text::{CONTAINER, Invisible, NAMES, SIGNATURES, invisible};
use super::write::{Parcel, prepare_parcel};
use super::{Error, NAMESPACE, Output, Principal, Signer, Tool, Written, sums, zip};
use crate::model::{Digest, File, Files};
use serde::{Deserialize, Serialize};

/// The one folder of the kit's zip, and the zip's name.
pub const KIT_TOP: &str = "stufpack-source-kit";

/// What tells a kit from a package: the file that says what it is.
pub const KIT_ABOUT: &str = "kit.json";

const KIND: &str = "StufSourceKit";
const SCHEMA: u32 = 1;
const TEXT: &str = include_str!("VERIFY-KIT.txt");

/// Everything that the stock commands do not see in a kit.
const KIT_CLASSES: [Invisible; 6] = [
    CONTAINER,
    Invisible { class: "manifest", what: "whether kit.json is in the one form that stufpack writes." },
    Invisible {
        class: "lists",
        what: "whether SHA256SUMS is in the one form that stufpack writes\n\
               (order, names of plain characters).",
    },
    NAMES,
    Invisible {
        class: "signers",
        what: "lines in the signers file that allow more than intended: no\n\
               namespaces=, patterns, a key on several lines, dates without Z (which mean\n\
               another moment in another time zone), certificate authorities; a signers\n\
               file inside the kit; an issuer in kit.json other than the signer.",
    },
    SIGNATURES,
];

/// A sealed kit: all its files, signature included.
#[derive(Clone, Debug)]
pub struct Kit {
    files: Files,
    about: About,
}

/// `kit.json`: what the kit is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    schema: u32,
    kind: String,
    /// What made the kit.
    pub tool: Tool,
    /// Who signs it.
    pub issuer: Principal,
}

impl About {
    fn new(issuer: Principal) -> Self {
        Self { schema: SCHEMA, kind: KIND.to_owned(), tool: Tool::this(), issuer }
    }

    /// Reads the file; nothing where it is of another kind or schema, or not written as it is here.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let about: Self = serde_json::from_slice(bytes).ok()?;
        (about.schema == SCHEMA && about.kind == KIND && about.text().as_bytes() == bytes).then_some(about)
    }

    fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl Kit {
    /// Adds `kit.json`, sums and signature to `files`; the key's comment must name the issuer.
    ///
    /// A kit is told from a package by what the signature covers: it has `kit.json` and no `manifest.json`.
    pub fn seal(mut files: Files, signer: &Signer) -> Result<Self, Error> {
        super::check(&files)?;
        let about = About::new(signer.named().ok_or(Error::KeyNameless)?);
        files.insert(KIT_ABOUT.to_owned(), File::document(about.text()));

        let sums = sums::text(files.iter().map(super::line));
        let signature = signer.sign(NAMESPACE, sums.as_bytes())?;
        files.insert(SUMS.to_owned(), File::document(sums));
        files.insert(SIGNATURE.to_owned(), File::document(signature));
        Ok(Self { files, about })
    }

    pub(crate) fn new(files: Files, about: About) -> Self {
        Self { files, about }
    }

    /// What `kit.json` says.
    pub fn about(&self) -> &About {
        &self.about
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
            ("@SIGNER@", signer.allowed_line(&self.about.issuer)),
            ("@ISSUER@", self.about.issuer.to_string()),
            ("@INVISIBLE@", invisible(&KIT_CLASSES)),
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
