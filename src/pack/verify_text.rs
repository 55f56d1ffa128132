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

/// How the zip is put together.
pub(super) const CONTAINER: Invisible = Invisible {
    class: "container",
    what: "how the zip is put together: order, dates, permissions,\n\
           versions and flags of its entries, comments, extra fields, compressed\n\
           entries, names with `..`, bytes between and after entries. unzip reads\n\
           around such things, or mends them; another reader may not.",
};

/// Names that one system tells apart and another does not.
pub(super) const NAMES: Invisible = Invisible {
    class: "names",
    what: "names that differ in case only and overwrite each other on\n\
           some systems.",
};

/// What a signers file allows beyond what was meant.
pub(super) const SIGNERS: Invisible = Invisible {
    class: "signers",
    what: "lines in the signers file that allow more than intended: no\n\
           namespaces=, patterns, a key on several lines, dates without Z (which mean\n\
           another moment in another time zone), a key valid only since after the\n\
           export that the package was made of, certificate authorities; a signers\n\
           file inside the package; an issuer in the manifest other than the signer.",
};

/// Kinds of keys.
pub(super) const SIGNATURES: Invisible =
    Invisible { class: "signature", what: "a key of another kind than Ed25519 and ECDSA P-256." };

/// Everything that the stock commands do not see, as `VERIFY.txt` tells it.
pub const CLASSES: &[Invisible] = &[
    CONTAINER,
    Invisible {
        class: "manifest",
        what: "whether manifest.json tells the truth about the other files:\n\
               id, digests, counts, the list of code, times, names. The signature covers\n\
               the manifest, so only the signer's own tool can be wrong here.",
    },
    Invisible {
        class: "lists",
        what: "whether the lists are in the one form that stufpack writes\n\
               (order, no file in two lists, names of plain characters, so that no line\n\
               begins with coreutils' escape `\\`), and whether the salt is one.",
    },
    NAMES,
    SIGNERS,
    SIGNATURES,
    Invisible {
        class: "expiry",
        what: "whether the package has expired; the date stands above and in\n\
               manifest.json.",
    },
];

const TEXT: &str = include_str!("VERIFY.txt");

/// How the page begins, so that it is told from the file that its one line belongs into.
pub const VERIFY_TEXT_BEGINS: &str = "How to verify ";

/// The page for `package`, signed by `signer`; `encrypted` says that the zip travels as `.zip.age`.
pub fn verify_text(package: &Package, signer: &Signer, encrypted: bool) -> String {
    let manifest = package.manifest();
    let zip = format!("{}.zip", package.name());
    let file = if encrypted { format!("{zip}.age") } else { zip.clone() };
    // Set anew in each part, so that each can be pasted by itself.
    let slug = &manifest.package.slug;
    let identity = if encrypted {
        format!(
            "The package is encrypted. Where the file with your age identity lies elsewhere,\n\
             write its path into the first line:\n\n    IDENTITY=~/.config/stufpack/{slug}.identity\n"
        )
    } else {
        String::new()
    };
    let age_step = if encrypted {
        format!("\n{identity}    umask 077\n    age --decrypt -i \"$IDENTITY\" -o {zip} {file}\n")
    } else {
        String::new()
    };
    // Every value is a plain word by its type, so none can hold a placeholder or break out of its line.
    let values: [(&str, String); 20] = [
        ("@NAME@", package.name()),
        ("@SLUG@", slug.to_string()),
        ("@NUMBER@", manifest.package.number.to_string()),
        ("@ENVIRONMENT@", word(manifest.package.environment)),
        ("@PATHWAY@", word(manifest.package.pathway)),
        ("@CREATED@", manifest.created_at.to_string()),
        ("@EXPIRES@", manifest.expires_at.to_string()),
        ("@ID@", manifest.package.id.to_string()),
        ("@SHA256@", package.sha256().to_string()),
        ("@SHA256_HEX@", package.sha256().hex()),
        ("@FINGERPRINT@", signer.fingerprint()),
        ("@SIGNER@", signer.allowed_line(&manifest.package.issuer)),
        ("@ISSUER@", manifest.package.issuer.to_string()),
        ("@ZIP@", zip),
        ("@FILE@", file),
        ("@AGE_NEEDED@", if encrypted { ", age" } else { "" }.to_owned()),
        ("@AGE_STEP@", age_step),
        ("@IDENTITY@", identity),
        ("@IDENTITY_OPTION@", if encrypted { " --identity \"$IDENTITY\"" } else { "" }.to_owned()),
        ("@INVISIBLE@", invisible(CLASSES)),
    ];
    values.iter().fold(TEXT.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The list of what stock commands do not see.
pub(super) fn invisible(classes: &[Invisible]) -> String {
    let lines =
        classes.iter().map(|class| format!("- {}: {}", class.class, class.what.replace('\n', "\n  ")));
    lines.collect::<Vec<_>>().join("\n")
}
