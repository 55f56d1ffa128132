//! The cases of `tests/verify/`: each describes one way of being wrong, and who sees it.

pub mod change;
pub mod raw_zip;
pub mod stock;

use crate::packages;
use change::{Change, Subject};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use stock::{Place, Verdict};
use stufpack::open::{self, Problem, Trust};
use stufpack::pack::age::Identities;
use stufpack::pack::{KIT_TOP, Kit, Package, verify_text};

/// `case.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What happened, for people.
    #[allow(dead_code, reason = "for people who browse the cases")]
    what: String,
    /// Whether it is the source kit that is changed, not a package.
    #[serde(default)]
    pub kit: bool,
    /// Whether only a package will do, where it is a kit.
    #[serde(default)]
    as_package: bool,
    /// In which form the package is verified.
    #[serde(default)]
    form: Form,
    /// What was done to it.
    #[serde(default)]
    change: Vec<Change>,
    /// Another signers file; `{KEY}`, `{STRANGER}` and `{RSA}` are public keys.
    signers: Option<String>,
    /// Whether the file `signers` of the package is given as signers file.
    #[serde(default)]
    signers_inside: bool,
    /// A list of revoked keys.
    revoked: Option<String>,
    /// Whether to decrypt with an identity that is no recipient.
    #[serde(default)]
    other_identity: bool,
    /// Every problem, `CODE PATH`; the first is what the case is about.
    pub expect: Vec<String>,
    /// The stock command that fails, `blind CLASS`, or `well` where nothing is wrong but what it was taken for.
    stock: String,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Zip,
    Encrypted,
    Folder,
}

/// A case and the folder that it runs in.
pub struct Case {
    /// Name of its folder.
    pub name: String,
    /// Its description.
    pub description: Description,
}

/// Every case, by name.
pub fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&root).expect("tests/verify").map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    folders
        .iter()
        .map(|folder| {
            let file = folder.join("case.yaml");
            let text =
                fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
            let description =
                serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            Case { name, description }
        })
        .collect()
}

impl Case {
    /// Runs the case; says what is not as described.
    pub fn run(&self) -> Result<(), String> {
        let Self { name, description } = self;
        let temp = tempfile::Builder::new().prefix("verify-").tempdir().expect("a folder");
        let sealed = Sealed::new(description.kit);
        let mut subject = sealed.subject();
        let late: Vec<&Change> = description.change.iter().filter(|change| subject.apply(change)).collect();

        let signers = temp.path().join("signers");
        let text =
            description.signers.as_deref().map_or_else(packages::signers_text, |text| subject.fill(text));
        fs::write(&signers, text).expect("written");
        let revoked = description.revoked.as_ref().map(|text| {
            let path = temp.path().join("revoked");
            fs::write(&path, subject.fill(text)).expect("written");
            path
        });
        let identity = match description.other_identity {
            true => age::x25519::Identity::generate(),
            false => subject.identity.clone(),
        };
        let identity = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
        let identity_file = temp.path().join("identity");
        fs::write(&identity_file, &identity).expect("written");

        let encrypted = description.form == Form::Encrypted;
        let path = match description.form {
            Form::Folder => {
                let root = temp.path().join("folder");
                fs::create_dir(&root).expect("made");
                packages::set_mode(&root, 0o700);
                subject.folder(&root, &late);
                root
            }
            _ => {
                assert!(
                    late.iter().all(|change| matches!(change, Change::Grow { .. })),
                    "{name}: not for zips"
                );
                let ending = if encrypted { ".age" } else { "" };
                let path = temp.path().join(format!("{}.zip{ending}", sealed.name()));
                fs::write(&path, subject.bytes()).expect("written");
                for change in late {
                    let Change::Grow { bytes } = change else { continue };
                    let file = fs::File::options().write(true).open(&path).expect("opened");
                    file.set_len(*bytes).expect("grown");
                }
                path
            }
        };

        let signers = if description.signers_inside { path.join("signers") } else { signers };
        let open = if description.kit && !description.as_package { any } else { package };
        let ours = verify(temp.path(), &path, &signers, revoked.as_deref(), &identity, open);
        let told: Vec<String> =
            ours.iter().map(|problem| format!("{} {}", problem.code.0, problem.path)).collect();
        let told: Vec<&str> = told.iter().map(|line| line.trim_end()).collect();
        if told != description.expect {
            return Err(format!("{name}: expected {:#?}, found {ours:#?}", description.expect));
        }

        let page = sealed.page(&subject, encrypted);
        let unpacked = (description.form == Form::Folder).then_some(path.as_path());
        let place = Place {
            folder: temp.path(),
            signers: &signers,
            revoked: revoked.as_deref(),
            identity: &identity_file,
            unpacked,
        };
        match (stock::judge(&page, &place), description.stock.split_once(' ')) {
            (Verdict::Fails(command), None) if command == description.stock => Ok(()),
            (Verdict::Passes, Some(("blind", class))) if page.contains(&format!("\n- {class}: ")) => Ok(()),
            (Verdict::Passes, None) if description.as_package && description.stock == "well" => Ok(()),
            (verdict, _) => Err(format!("{name}: expected stock {:?}, found {verdict:?}", description.stock)),
        }
    }
}

/// What a case begins with.
enum Sealed {
    Package(Box<Package>),
    Kit(Kit),
}

impl Sealed {
    fn new(kit: bool) -> Self {
        if kit { Self::Kit(packages::kit()) } else { Self::Package(Box::new(packages::package())) }
    }

    fn name(&self) -> String {
        match self {
            Self::Package(package) => package.name(),
            Self::Kit(_) => KIT_TOP.to_owned(),
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Package(package) => Subject::new(package),
            Self::Kit(kit) => Subject::of(KIT_TOP, kit.files()),
        }
    }

    /// `VERIFY.txt` as the signer would have written it for what the subject's sums say.
    fn page(&self, subject: &Subject, encrypted: bool) -> String {
        let (page, digest, files) = match self {
            Self::Package(package) => {
                let page = verify_text(package, &packages::signer(packages::KEY), encrypted);
                (page, package.sha256(), package.files())
            }
            Self::Kit(kit) => (kit.verify_text(&packages::kit_signer()), kit.sha256(), kit.files()),
        };
        let signature = &files["SHA256SUMS.sig"].bytes;
        let signed_anew = subject.tree.get("SHA256SUMS.sig").is_some_and(|(bytes, _)| bytes != &**signature);
        match subject.tree.get("SHA256SUMS") {
            Some((sums, _)) if signed_anew => {
                page.replace(&digest.hex(), &stufpack::model::Digest::of(sums).hex())
            }
            _ => page,
        }
    }
}

type Open = fn(&Path, &Identities, &Trust) -> Result<(), open::Error>;

fn package(path: &Path, identities: &Identities, trust: &Trust) -> Result<(), open::Error> {
    open::verify(path, Some(identities), trust).map(drop)
}

fn any(path: &Path, identities: &Identities, trust: &Trust) -> Result<(), open::Error> {
    open::sealed(path, Some(identities), trust).map(drop)
}

fn verify(
    temp: &Path,
    path: &Path,
    signers: &Path,
    revoked: Option<&Path>,
    identity: &str,
    open: Open,
) -> Vec<Problem> {
    let identities = Identities::parse(identity.as_bytes()).expect("an identity");
    let verified =
        Trust::read(signers, revoked, packages::at()).and_then(|trust| open(path, &identities, &trust));
    match verified {
        Ok(()) => Vec::new(),
        Err(open::Error::Problems(mut problems)) => {
            // The folder of the test is another on each run.
            for problem in &mut problems {
                if let Some(rest) = problem.path.strip_prefix(&format!("{}/", temp.display())) {
                    problem.path = rest.to_owned();
                }
            }
            problems
        }
        Err(other) => panic!("{other:?}"),
    }
}
