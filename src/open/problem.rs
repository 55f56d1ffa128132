//! What is wrong with a package: one code for each way, each found in one place.

use crate::model::{Code, is_invisible};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;

/// Something wrong with a package or with the files that say whom to trust.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Stable and documented, such as `verify.file.changed`.
    pub code: Code,
    /// The file inside the package, or the signers file and line; empty for the package as a whole.
    ///
    /// Control characters are escaped.
    pub path: String,
    /// One sentence that says what is wrong.
    pub message: String,
    /// What to do.
    pub next: Cow<'static, str>,
}

impl Problem {
    /// The same problem, with something more exact to do.
    pub(super) fn next(self, next: impl Into<Cow<'static, str>>) -> Self {
        Self { next: next.into(), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code: Code(code), path, message, .. } = self;
        if path.is_empty() { write!(f, "{code}: {message}") } else { write!(f, "{code}: {path}: {message}") }
    }
}

const ASK: &str = "do not use it; ask the sender for it anew, and tell them what stands here";
const REPORT: &str = "do not use this package; ask the signer to make it anew with a stufpack release";
const AGAIN: &str =
    "unpack it anew into an empty folder: stufpack unpack PACKAGE DIR --signers FILE, or for a kit unzip";
const SIGNERS: &str = "correct the signers file; VERIFY.txt shows a line as it should be";

/// Declares every way of being wrong, with its code and what to do.
macro_rules! ways {
    ($($(#[doc = $meaning:literal])* $name:ident = $code:literal, $next:expr;)*) => {
        /// A way of being wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Way {
            $($(#[doc = $meaning])* $name,)*
        }

        impl Way {
            /// Every way there is.
            pub const ALL: &[Way] = &[$(Way::$name,)*];

            /// Its stable code.
            pub fn code(self) -> Code {
                match self {
                    $(Way::$name => Code($code),)*
                }
            }

            /// What it means, as its documentation says.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Way::$name => concat!($($meaning),*).trim_ascii(),)*
                }
            }

            /// What to do.
            pub fn next(self) -> &'static str {
                match self {
                    $(Way::$name => $next,)*
                }
            }
        }
    };
}

ways! {
    /// Larger than any package.
    Large = "verify.large", ASK;
    /// More files than any package.
    Many = "verify.many", ASK;

    /// No end record: not a zip, or cut off.
    ZipEnd = "verify.zip.end", ASK;
    /// Bytes after the end record, or an archive comment.
    ZipTrailing = "verify.zip.trailing", ASK;
    /// Several disks or 64-bit extensions.
    ZipDisks = "verify.zip.disks", ASK;
    /// The directory does not lie directly before the end record.
    ZipDirectory = "verify.zip.directory", ASK;
    /// The directory has another number of entries than the end record says.
    ZipCount = "verify.zip.count", ASK;
    /// An entry of the directory is torn.
    ZipTorn = "verify.zip.torn", ASK;
    /// An entry's name is not a plain path.
    ZipName = "verify.zip.name", ASK;
    /// An entry stands outside the one folder.
    ZipTop = "verify.zip.top", ASK;
    /// Two entries have one name.
    ZipTwice = "verify.zip.twice", ASK;
    /// Entries are not in byte order.
    ZipOrder = "verify.zip.order", ASK;
    /// An entry is compressed.
    ZipCompressed = "verify.zip.compressed", ASK;
    /// An entry is encrypted, or has a data descriptor or other flags.
    ZipFlags = "verify.zip.flags", ASK;
    /// An entry claims two different sizes.
    ZipSizes = "verify.zip.sizes", ASK;
    /// An entry has a date.
    ZipDate = "verify.zip.date", ASK;
    /// An entry has extra fields or a comment.
    ZipExtra = "verify.zip.extra", ASK;
    /// An entry is neither a regular file nor a folder.
    ZipKind = "verify.zip.kind", ASK;
    /// An entry has permissions other than 0600 and 0700.
    ZipMode = "verify.zip.mode", ASK;
    /// Bytes between entries, or entries that overlap.
    ZipGap = "verify.zip.gap", ASK;
    /// The header before an entry's bytes differs from the directory.
    ZipLocal = "verify.zip.local", ASK;
    /// An entry's CRC-32 does not fit its bytes.
    ZipCrc = "verify.zip.crc", ASK;
    /// Folder entries are missing or too many.
    ZipFolders = "verify.zip.folders", ASK;
    /// Anything else that is not as the canonical zip has it.
    ZipCanonical = "verify.zip.canonical", ASK;

    /// Neither a regular file nor a folder: a link, a pipe, a device.
    FolderKind = "verify.folder.kind", AGAIN;
    /// A file that has a second name elsewhere.
    FolderLinked = "verify.folder.linked", AGAIN;
    /// Other people can change it.
    FolderWritable = "verify.folder.writable", "chmod -R go-w DIR, then verify again";
    /// A name that is not a plain path.
    FolderName = "verify.folder.name", AGAIN;
    /// A folder without files.
    FolderEmpty = "verify.folder.empty", AGAIN;

    /// Two names differ in case only, or one is a folder of the other.
    NameClash = "verify.name.clash", ASK;

    /// Encrypted, and damaged before the content begins.
    AgeForm = "verify.age.form", ASK;
    /// Encrypted to others.
    AgeRecipient = "verify.age.recipient", "give the identity that belongs to one of the target's recipients: --identity KEY";
    /// Encrypted content that was changed or cut off.
    AgeChanged = "verify.age.changed", ASK;

    /// There is no `SHA256SUMS`.
    SumsMissing = "verify.sums.missing", ASK;
    /// A line of `SHA256SUMS` is not as `sha256sum` writes it for plain names.
    SumsLine = "verify.sums.line", ASK;
    /// Lines of `SHA256SUMS` are not in byte order, or repeated.
    SumsOrder = "verify.sums.order", ASK;
    /// `SHA256SUMS` names a list or the signature.
    SumsReserved = "verify.sums.reserved", ASK;
    /// A listed file is missing.
    FileMissing = "verify.file.missing", ASK;
    /// A file is there that no list names.
    FileAdded = "verify.file.added", ASK;
    /// A file has other bytes than those that were signed.
    FileChanged = "verify.file.changed", ASK;
    /// A file may be run and should not, or the reverse.
    FileExecutable = "verify.file.executable", AGAIN;

    /// `PERSONAL.sha256` is missing, so personal files are not covered by the signature.
    PersonalPointerMissing = "verify.personal.pointer.missing", ASK;
    /// `PERSONAL.sha256` is not one line naming `SHA256SUMS.personal`.
    PersonalPointerForm = "verify.personal.pointer.form", ASK;
    /// There is no `SHA256SUMS.personal`.
    PersonalSumsMissing = "verify.personal.sums.missing", ASK;
    /// `SHA256SUMS.personal` has other bytes than those that were signed.
    PersonalSumsChanged = "verify.personal.sums.changed", ASK;
    /// A line of `SHA256SUMS.personal` is not as `sha256sum` writes it for plain names.
    PersonalLine = "verify.personal.line", ASK;
    /// Lines of `SHA256SUMS.personal` are not in byte order, or repeated.
    PersonalOrder = "verify.personal.order", ASK;
    /// A file stands in both lists, or is one that cannot be personal.
    PersonalReserved = "verify.personal.reserved", ASK;
    /// A personal file is missing.
    PersonalMissing = "verify.personal.missing", ASK;
    /// A personal file has other bytes than those that were signed.
    PersonalChanged = "verify.personal.changed", ASK;
    /// The salt is not listed as personal.
    SaltMissing = "verify.salt.missing", REPORT;
    /// The salt is not 32 bytes in hexadecimal.
    SaltForm = "verify.salt.form", REPORT;

    /// There is no `SHA256SUMS.sig`.
    SignatureMissing = "verify.signature.missing", "ask the sender to sign it: stufpack compile … --sign-key KEY";
    /// `SHA256SUMS.sig` is not an SSH signature.
    SignatureForm = "verify.signature.form", ASK;
    /// The signature is armoured in another way than `ssh-keygen` does.
    SignatureArmour = "verify.signature.armour", ASK;
    /// The signature was made for something else.
    SignatureNamespace = "verify.signature.namespace", ASK;
    /// The signature is of a kind that is not used here.
    SignatureAlgorithm = "verify.signature.algorithm", "ask the signer to use an Ed25519 or ECDSA P-256 key";
    /// The signature does not fit `SHA256SUMS`.
    SignatureWrong = "verify.signature.wrong", ASK;

    /// The signers file lists nobody.
    SignersEmpty = "verify.signers.empty", SIGNERS;
    /// A line of the signers file cannot be read.
    SignersLine = "verify.signers.line", SIGNERS;
    /// An option that is not known.
    SignersOption = "verify.signers.option", SIGNERS;
    /// A line without `namespaces=` trusts a key for everything.
    SignersUnsafe = "verify.signers.unsafe", SIGNERS;
    /// `namespaces=` holds a pattern.
    SignersNamespaces = "verify.signers.namespaces", SIGNERS;
    /// A certificate authority.
    SignersAuthority = "verify.signers.authority", SIGNERS;
    /// A date that cannot be read, or that depends on the time zone.
    SignersDate = "verify.signers.date", SIGNERS;
    /// The signers file lies inside the package, which would vouch for itself.
    SignersInside = "verify.signers.inside", "use the line that the issuer gave you by another way";
    /// The key stands on several lines.
    SignersTwice = "verify.signers.twice", SIGNERS;
    /// Several principals, or a pattern, on the key's line.
    SignersPattern = "verify.signers.pattern", SIGNERS;
    /// The key is not listed.
    SignersUnknown = "verify.signers.unknown", "ask the signer for VERIFY.txt by another way, and compare the fingerprint";
    /// The key is listed for other purposes only.
    SignersPurpose = "verify.signers.purpose", SIGNERS;
    /// The principal has no role.
    SignersRole = "verify.signers.role", SIGNERS;
    /// The key is not valid yet.
    SignersEarly = "verify.signers.early", "check the clock, and ask the signer for one signed with a valid key";
    /// The key is valid only since after the export that the package was made of.
    SignersExport = "verify.signers.export", "ask the issuer, by another way, whether the line's valid-after may lie before that export; or for a package of a later export";
    /// The key is not valid any more.
    SignersLate = "verify.signers.late", "ask the signer for one signed with a valid key";
    /// The signer is not the issuer that the manifest names.
    SignersIssuer = "verify.signers.issuer", SIGNERS;
    /// The key is revoked.
    Revoked = "verify.revoked", "do not use it; ask the signer for one signed with the new key";
    /// The list of revoked keys cannot be read.
    RevokedForm = "verify.revoked.form", "give a list of public keys, one per line, as ssh-keygen -Y verify -r takes it";

    /// There is no `manifest.json`.
    ManifestMissing = "verify.manifest.missing", REPORT;
    /// `manifest.json` cannot be read.
    ManifestForm = "verify.manifest.form", REPORT;
    /// `manifest.json` has a schema that this version does not know.
    ManifestSchema = "verify.manifest.schema", "take a newer stufpack";
    /// `manifest.json` is not in its one form.
    ManifestCanonical = "verify.manifest.canonical", REPORT;
    /// The package id is not that of the files.
    ManifestId = "verify.manifest.id", REPORT;
    /// The folder of the zip is not the slug.
    ManifestSlug = "verify.manifest.slug", REPORT;
    /// The name is not made of slug, environment, pathway, provider and number.
    ManifestName = "verify.manifest.name", REPORT;
    /// The code digest is not that of the files.
    ManifestCode = "verify.manifest.code", REPORT;
    /// The list of code names a file that is no clear file.
    ManifestCodeFiles = "verify.manifest.code.files", REPORT;
    /// The data digest or count is not that of the files.
    ManifestData = "verify.manifest.data", REPORT;
    /// The count of personal files is wrong.
    ManifestPersonal = "verify.manifest.personal", REPORT;
    /// The plan digest is not that of `MIGRATION-PLAN.json`.
    ManifestPlan = "verify.manifest.plan", REPORT;
    /// The bill's digest is not that of `bill-of-materials.cdx.json`.
    ManifestBill = "verify.manifest.bill", REPORT;
    /// It would expire before it was made.
    ManifestTimes = "verify.manifest.times", REPORT;
    /// Number 0, or one not above that of the previous package.
    ManifestNumber = "verify.manifest.number", REPORT;
    /// Secret names are not sorted.
    ManifestSecrets = "verify.manifest.secrets", REPORT;

    /// `kit.json` of a source kit is of another kind or schema, or not in its one form.
    KitForm = "verify.kit.form", "do not use this kit; ask the signer to make it anew with a stufpack release";
    /// The folder of the zip is not a source kit's.
    KitTop = "verify.kit.top", ASK;
    /// A source kit, where only a package will do.
    KitInstead = "verify.kit.instead", "name a package; a kit is verified by stufpack verify KIT --signers FILE";
}

impl Way {
    /// The reference page of all of them, in Markdown.
    pub fn reference() -> String {
        let mut page = String::from(
            "# What verification finds\n\n\
             `stufpack verify` and `stufpack unpack` tell everything that is wrong with a package or source kit, each with one of these\n\
             codes and the file that it is about, and exit with 4. Each code has a case in `tests/verify/`. This page is made\n\
             from the program.\n\n\
             | code | meaning | what to do |\n|---|---|---|\n",
        );
        for way in Self::ALL {
            let Code(code) = way.code();
            page += &format!("| `{code}` | {} | {} |\n", way.meaning(), way.next());
        }
        page
    }

    /// The problem of this kind at `path`.
    pub(super) fn at(self, path: &str, message: impl Into<String>) -> Problem {
        Problem { code: self.code(), path: shown(path), message: message.into(), next: self.next().into() }
    }

    /// The problem of this kind with the package as a whole.
    pub(super) fn whole(self, message: impl Into<String>) -> Problem {
        self.at("", message)
    }
}

/// `text` with control and other invisible characters escaped, at most 300 characters of it.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == 300 {
            out.push('…');
            break;
        }
        if character.is_ascii_graphic()
            || character == ' '
            || character.is_alphanumeric() && !is_invisible(character)
        {
            out.push(character);
        } else {
            out.extend(character.escape_unicode());
        }
    }
    out
}
