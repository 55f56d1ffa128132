//! Judges what was read: names, lists, signature, manifest, and the zip as a whole.

use super::lists::{List, Lists};
use super::problem::{Problem, Way, shown};
use super::{
    Contents, Form, Sealed, SignedBy, Sort, Standing, Trust, Verified, VerifiedKit, lists, signature, zip,
};
use crate::model::{File, Files, Kind};
use crate::pack::names::{self, BILL, MANIFEST, PLAN, SIGNATURE, SUMS, SUMS_PERSONAL};
use crate::pack::{About, KIND, KIT_ABOUT, KIT_TOP, Kit, Manifest, Package, Principal, SCHEMA, derive, runs};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Everything that is wrong, or what was verified. `zip` is what the contents were read from, if it was one.
pub(super) fn verify(
    form: Form,
    contents: Option<Contents>,
    zip: Option<&[u8]>,
    mut problems: Vec<Problem>,
    trust: &Trust,
) -> Result<Sealed, Vec<Problem>> {
    let Some(contents) = contents else { return Err(problems) };
    let structure_is_right = problems.is_empty();
    problems.extend(oversized(&contents));
    if problems.iter().any(|problem| problem.code == Way::Large.code()) {
        return Err(problems);
    }
    for (path, other) in names::clashes(contents.items.keys().map(String::as_str)) {
        let message = format!("and {other} differ in case only, or one is a folder of the other");
        problems.push(Way::NameClash.at(&path, message));
    }
    let sort = Sort::of(&contents);
    let lists = lists::judge(&contents, sort, &mut problems);
    let signed_by = signed_by(&contents, trust, &mut problems);
    let says = match sort {
        Sort::Package => manifest(&contents, &mut problems).map(|manifest| Says::Package(Box::new(manifest))),
        Sort::Kit => about(&contents, &mut problems).map(Says::Kit),
    };

    if let Some(says) = &says {
        in_time(says, &contents, trust, signed_by.is_some(), &mut problems);
    }
    let top = contents.top.clone();
    let files = files(contents, &lists.personal, says.as_ref(), &mut problems);
    if let Some(says) = &says {
        says.bound(&lists, top.as_deref(), &mut problems);
        issued(says, signed_by.as_ref(), &mut problems);
    }
    if let (Some(zip), Some(top), true) = (zip, &top, structure_is_right) {
        problems.extend(zip::compare(zip, top, &files));
    }
    match (says, signed_by) {
        (Some(says), Some(signed_by)) if problems.is_empty() => Ok(match says {
            Says::Package(manifest) => Sealed::Package(Box::new(Verified {
                standing: standing(&manifest, trust),
                package: Package::new(files, *manifest),
                signed_by,
                form,
            })),
            Says::Kit(about) => Sealed::Kit(VerifiedKit { kit: Kit::new(files, about), signed_by, form }),
        }),
        _ => Err(problems),
    }
}

/// What a package or a kit says of itself.
enum Says {
    Package(Box<Manifest>),
    Kit(About),
}

impl Says {
    fn issuer(&self) -> (&'static str, &Principal) {
        match self {
            Self::Package(manifest) => (MANIFEST, &manifest.package.issuer),
            Self::Kit(about) => (KIT_ABOUT, &about.issuer),
        }
    }

    /// Whether it tells the truth about the files.
    fn bound(&self, lists: &Lists, top: Option<&str>, problems: &mut Vec<Problem>) {
        match self {
            Self::Package(manifest) => bound(manifest, lists, top, problems),
            Self::Kit(_) => {
                if let Some(top) = top.filter(|top| *top != KIT_TOP) {
                    let message = format!("the zip's folder is {}, not {KIT_TOP}", shown(top));
                    problems.push(Way::KitTop.whole(message));
                }
            }
        }
    }

    /// Which of the files are code. Whatever is in a kit is the same for everyone, but for what sealing made.
    fn code<'a>(&'a self, contents: &'a Contents) -> BTreeSet<&'a str> {
        match self {
            Self::Package(manifest) => manifest.code.files.iter().map(String::as_str).collect(),
            Self::Kit(_) => {
                let paths = contents.items.keys().map(String::as_str);
                paths.filter(|path| ![KIT_ABOUT, SUMS, SIGNATURE].contains(path)).collect()
            }
        }
    }
}

/// The files that are parsed have limits of their own, since what is parsed takes more room than its bytes.
fn oversized(contents: &Contents) -> Vec<Problem> {
    const LIMITS: [(&str, usize); 5] = [
        (MANIFEST, 4 << 20),
        (KIT_ABOUT, 4 << 20),
        (SIGNATURE, 16 << 10),
        (SUMS, 32 << 20),
        (SUMS_PERSONAL, 32 << 20),
    ];
    LIMITS
        .iter()
        .filter(|(path, limit)| contents.items.get(*path).is_some_and(|item| item.bytes.len() > *limit))
        .map(|(path, limit)| Way::Large.at(path, format!("has more than {limit} bytes")))
        .collect()
}

fn standing(manifest: &Manifest, trust: &Trust) -> Standing {
    if trust.at > manifest.expires_at {
        Standing::Expired
    } else if trust.at < manifest.created_at {
        Standing::Future
    } else {
        Standing::Current
    }
}

fn signed_by(contents: &Contents, trust: &Trust, problems: &mut Vec<Problem>) -> Option<SignedBy> {
    let (sums, signature) = (contents.items.get(SUMS)?, contents.items.get(SIGNATURE)?);
    match signature::verify(&sums.bytes, &signature.bytes, trust) {
        Ok(signed_by) => Some(signed_by),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}

/// The manifest, if it can be read at all.
fn manifest(contents: &Contents, problems: &mut Vec<Problem>) -> Option<Manifest> {
    let Some(item) = contents.items.get(MANIFEST) else {
        problems.push(Way::ManifestMissing.at(MANIFEST, "is missing"));
        return None;
    };
    let value: Option<serde_json::Value> = serde_json::from_slice(&item.bytes).ok();
    let schema = value.as_ref().and_then(|value| value.get("schema")).and_then(serde_json::Value::as_u64);
    if let Some(schema) = schema.filter(|schema| *schema != u64::from(SCHEMA)) {
        let message = format!("has schema {schema}; this version reads schema {SCHEMA}");
        problems.push(Way::ManifestSchema.at(MANIFEST, message));
        return None;
    }
    match serde_json::from_slice::<Manifest>(&item.bytes) {
        Ok(manifest) if manifest.kind == KIND => {
            if manifest.text().as_bytes() != item.bytes {
                problems.push(Way::ManifestCanonical.at(MANIFEST, "is not written as stufpack writes it"));
            }
            Some(manifest)
        }
        Ok(_) => {
            problems.push(Way::ManifestForm.at(MANIFEST, format!("does not say that it is a {KIND}")));
            None
        }
        Err(error) => {
            // Line and column only: serde's message may repeat a value.
            let message = format!("cannot be read, line {} column {}", error.line(), error.column());
            problems.push(Way::ManifestForm.at(MANIFEST, message));
            None
        }
    }
}

/// What a kit says of itself, if it can be read at all.
fn about(contents: &Contents, problems: &mut Vec<Problem>) -> Option<About> {
    let about = contents.items.get(KIT_ABOUT).and_then(|item| About::read(&item.bytes));
    if about.is_none() {
        problems.push(
            Way::KitForm.at(KIT_ABOUT, "is not what this version of stufpack writes into a source kit"),
        );
    }
    about
}

/// The files with their kinds, and whether each may be run exactly if it should.
fn files(contents: Contents, personal: &List, says: Option<&Says>, problems: &mut Vec<Problem>) -> Files {
    let code: BTreeSet<String> =
        says.map(|says| says.code(&contents).into_iter().map(str::to_owned).collect()).unwrap_or_default();
    let mut files = Files::new();
    for (path, item) in contents.items {
        let kind = if code.contains(&path) {
            Kind::Code
        } else if is_document(&path) {
            Kind::Document
        } else {
            Kind::Data
        };
        if says.is_some() && item.executable != runs(kind, &item.bytes) {
            let message =
                if item.executable { "may be run, but is not code" } else { "is code that cannot be run" };
            problems.push(Way::FileExecutable.at(&path, message));
        }
        let file = File {
            bytes: Cow::Owned(item.bytes),
            sha256: item.sha256,
            crc32: item.crc32,
            kind,
            executable: item.executable,
            personal: personal.contains_key(&path) || path == SUMS_PERSONAL,
        };
        files.insert(path, file);
    }
    files
}

/// What stands at the top of the package, and in `docs/`, is for people.
fn is_document(path: &str) -> bool {
    !path.contains('/') || path.starts_with("docs/")
}

/// Whether the manifest tells the truth about the files.
fn bound(manifest: &Manifest, lists: &Lists, top: Option<&str>, problems: &mut Vec<Problem>) {
    if lists.complete {
        describes(manifest, lists, problems);
    }
    let mut wrong = |way: Way, message: String| problems.push(way.at(MANIFEST, message));
    if manifest.expires_at <= manifest.created_at {
        wrong(Way::ManifestTimes, "says that the package expires before it is made".to_owned());
    }
    let previous = manifest.package.previous.as_ref().map_or(0, |previous| previous.number);
    if manifest.package.number <= previous {
        wrong(
            Way::ManifestNumber,
            format!("says number {} after number {previous}", manifest.package.number),
        );
    }
    if manifest.package.name != manifest.package.derived_name() {
        wrong(Way::ManifestName, format!("does not have the name {}", manifest.package.derived_name()));
    }
    if !manifest.secrets.windows(2).all(|pair| pair[0].name < pair[1].name) {
        wrong(Way::ManifestSecrets, "has secret names that are not sorted".to_owned());
    }
    if let Some(top) = top.filter(|top| *top != manifest.package.slug.as_str()) {
        wrong(
            Way::ManifestSlug,
            format!("says {}, but the zip's folder is {}", manifest.package.slug, shown(top)),
        );
    }
}

/// Whether the issuer that is named signed it.
fn issued(says: &Says, signed_by: Option<&SignedBy>, problems: &mut Vec<Problem>) {
    let (path, issuer) = says.issuer();
    if let Some(signed_by) = signed_by
        && (signed_by.principal != *issuer || !issuer.is_issuer())
    {
        let message = format!("says {issuer} issued it, but {} signed it", signed_by.principal);
        problems.push(Way::SignersIssuer.at(path, message));
    }
}

/// Whether the key was good at the package's own time, which is its export's: a glass judges it by that time for ever.
fn in_time(says: &Says, contents: &Contents, trust: &Trust, is_signed: bool, problems: &mut Vec<Problem>) {
    let (Says::Package(manifest), true) = (says, is_signed) else { return };
    let then = Trust { at: manifest.created_at, ..trust.clone() };
    let mut found = Vec::new();
    if signed_by(contents, &then, &mut found).is_some() {
        return;
    }
    let early = found.into_iter().filter(|problem| problem.code == Way::SignersEarly.code());
    problems.extend(early.map(|early| {
        let time = "the time of the export that the package was made of, by which a glass judges it";
        Way::SignersExport.at(&early.path, format!("{}, {time}", early.message))
    }));
}

/// Whether what the manifest says of the lists follows from them.
fn describes(manifest: &Manifest, lists: &Lists, problems: &mut Vec<Problem>) {
    let code: BTreeSet<&str> = manifest.code.files.iter().map(String::as_str).collect();
    let lines = lists.clear.iter().map(|(path, digest)| (path.as_str(), *digest));
    let derived = derive(lines, lists.personal.len(), |path| code.contains(path));
    let mut wrong = |way: Way, message: String| problems.push(way.at(MANIFEST, message));

    let sorted = manifest.code.files.windows(2).all(|pair| pair[0] < pair[1]);
    if let Some(path) = code.iter().find(|path| !lists.clear.contains_key(**path)) {
        wrong(
            Way::ManifestCodeFiles,
            format!("names {} as code, which is not among the signed files", shown(path)),
        );
    } else if !sorted || derived.code != manifest.code.digest {
        wrong(Way::ManifestCode, format!("says code {}, but it is {}", manifest.code.digest, derived.code));
    }
    if derived.data != manifest.data.digest || derived.data_count != manifest.data.count {
        wrong(Way::ManifestData, format!("says data {}, but it is {}", manifest.data.digest, derived.data));
    }
    if derived.id != manifest.package.id {
        wrong(Way::ManifestId, format!("says package {}, but it is {}", manifest.package.id, derived.id));
    }
    if derived.personal_count != manifest.personal.count {
        let (said, found) = (manifest.personal.count, derived.personal_count);
        wrong(Way::ManifestPersonal, format!("says {said} personal files, but there are {found}"));
    }
    if lists.clear.get(PLAN) != Some(&manifest.plan.digest) {
        wrong(
            Way::ManifestPlan,
            format!("says plan {}, which is not the digest of {PLAN}", manifest.plan.digest),
        );
    }
    if lists.clear.get(BILL) != Some(&manifest.bill.digest) {
        wrong(
            Way::ManifestBill,
            format!("says bill {}, which is not the digest of {BILL}", manifest.bill.digest),
        );
    }
}
