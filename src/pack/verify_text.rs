//! `VERIFY.txt`: how to verify a package without us, to be given to people by another way than the package.

use super::manifest::word;
use super::{Package, Signer};

/// Something that the stock commands of `VERIFY.txt` do not see.
#[derive(Debug)]
pub struct Invisible {
    /// Its name in `VERIFY.txt`.
    pub class: &'static str,
    /// What it is about.
    pub what: &'static str,
}

/// Everything that the stock commands do not see, as `VERIFY.txt` tells it.
pub const CLASSES: &[Invisible] = &[
    Invisible {
        class: "container",
        what: "how the zip is put together: order, dates, permissions, versions and flags of its\n\
               entries, comments, extra fields, entries that are compressed, bytes before, between\n\
               and after them. unzip reads around such things; they could carry data unseen.",
    },
    Invisible {
        class: "manifest",
        what: "whether manifest.json tells the truth about the other files: id, digests, counts, the\n\
               list of code, times, names. The signature covers the manifest, so only the signer's\n\
               own tool can be wrong here.",
    },
    Invisible {
        class: "lists",
        what: "whether the lists are in the one form that stufpack writes (order, no file in two\n\
               lists, names of plain characters, so that no line begins with coreutils' escape `\\`),\n\
               and whether the salt is one.",
    },
    Invisible {
        class: "names",
        what: "names that differ in case only and overwrite each other on some systems.",
    },
    Invisible {
        class: "signers",
        what: "lines in the signers file that allow more than intended: no namespaces=, patterns, a\n\
               key on several lines, dates without Z (which mean another moment in another time\n\
               zone), certificate authorities; and an issuer in the manifest other than the signer.",
    },
    Invisible {
        class: "signature",
        what: "a signature in another form than the one that ssh-keygen writes.",
    },
    Invisible {
        class: "expiry",
        what: "whether the package has expired; the date stands above and in manifest.json.",
    },
];

const TEXT: &str = include_str!("VERIFY.txt");

/// The page for `package`, signed by `signer`; `encrypted` says that the zip travels as `.zip.age`.
pub fn verify_text(package: &Package, signer: &Signer, encrypted: bool) -> String {
    let manifest = package.manifest();
    let zip = format!("{}.zip", package.name());
    let file = if encrypted { format!("{zip}.age") } else { zip.clone() };
    let age_step = if encrypted {
        format!("\nDecrypt with your age identity:\n\n    $ age --decrypt -i \"$IDENTITY\" -o {zip} {file}\n")
    } else {
        String::new()
    };
    let key = signer.public_key();
    let key = ssh_key::PublicKey::new(key.key_data().clone(), "").to_openssh().unwrap_or_default();
    let invisible: Vec<String> = CLASSES
        .iter()
        .map(|class| format!("- {}: {}", class.class, class.what.replace('\n', "\n  ")))
        .collect();
    // Every value is a plain word by its type, so none can hold a placeholder or break out of its line.
    let values: [(&str, String); 18] = [
        ("@NAME@", package.name()),
        ("@SLUG@", manifest.package.slug.to_string()),
        ("@NUMBER@", manifest.package.number.to_string()),
        ("@ENVIRONMENT@", word(manifest.package.environment)),
        ("@PATHWAY@", word(manifest.package.pathway)),
        ("@CREATED@", manifest.created_at.to_string()),
        ("@EXPIRES@", manifest.expires_at.to_string()),
        ("@ID@", manifest.package.id.to_string()),
        ("@SHA256@", package.sha256().to_string()),
        ("@SHA256_HEX@", package.sha256().hex()),
        ("@FINGERPRINT@", signer.fingerprint()),
        ("@SIGNER@", format!("{} namespaces=\"stufpack\" {}", manifest.package.issuer, key.trim_end())),
        ("@ISSUER@", manifest.package.issuer.to_string()),
        ("@ZIP@", zip),
        ("@FILE@", file),
        ("@AGE_NEEDED@", if encrypted { ", age" } else { "" }.to_owned()),
        ("@AGE_STEP@", age_step),
        ("@INVISIBLE@", invisible.join("\n")),
    ];
    values.iter().fold(TEXT.to_owned(), |text, (name, value)| text.replace(name, value))
}
