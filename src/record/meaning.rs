//! What became different between two operations, in the words of a migration instead of bytes.
//!
//! Each of the two states of the glass is read into facts: a name and a value in one of a few areas, of each file those that a
//! comparison of packages tells by value. A file of other bytes of which no fact differs is told as a file, so nothing that
//! changed goes without a word.

use super::Error;
use super::glass::Glass;
use super::listing::Trees;
use super::log::{Entry, log};
use super::operation::{OPERATION, Operation};
use super::tree::Mode;
use super::{message::Event, paths};
use crate::compare::{self, Leaf, Says, Thing, leaves};
use crate::pack::names::{MANIFEST, PERSONAL, PLAN, SIGNATURE, SUMS};
use crate::show;
use git2::{Odb, Oid};
use serde::Serialize;
use serde_json::Value;
use ssh_key::{HashAlg, SshSig};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// Which package stands there, who made it and with what.
    Package,
    /// Phases that were run, and how the last run of each ended.
    Phases,
    /// Checks of the last verification.
    Checks,
    /// Images that really ran, as the last run that asked found them.
    Images,
    /// Values of this installation.
    Settings,
    /// The plan: phases, steps, gates, thresholds.
    Plan,
    /// Personal files, which are encrypted: only that they changed.
    Personal,
    /// Roles, playbooks, controller: the same for everyone.
    Code,
    /// Documents, and texts in other files, which follow from everything above; none is compared.
    Documents,
}

impl Area {
    /// Every area, as they are told.
    pub const ALL: [Self; 9] = [
        Self::Package,
        Self::Phases,
        Self::Checks,
        Self::Images,
        Self::Settings,
        Self::Plan,
        Self::Personal,
        Self::Code,
        Self::Documents,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Phases => "phases",
            Self::Checks => "checks",
            Self::Images => "images",
            Self::Settings => "settings",
            Self::Plan => "plan",
            Self::Personal => "personal",
            Self::Code => "code",
            Self::Documents => "documents",
        }
    }
}

/// One thing that differs; without `before` it is new, without `after` it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// What it is about.
    pub area: Area,
    /// Its name: a setting, a step, a check, a file.
    pub what: String,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// The way from one operation to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Meaning {
    /// The operation to compare with.
    pub from: Entry,
    /// The operation that is compared.
    pub to: Entry,
    /// Operations recorded after the first, up to the second.
    pub between: Vec<Entry>,
    /// What differs, by area.
    pub changes: Vec<Changed>,
}

/// What a state of the glass says.
#[derive(Default)]
pub(super) struct Facts {
    /// By path, each with what the file says.
    files: BTreeMap<String, (Oid, Rc<Said>)>,
    /// What recorded runs say.
    runs: Said,
}

/// A value for each name in each area.
type Said = BTreeMap<(Area, String), Leaf>;

/// Files that say nothing of their own, or whose other bytes say nothing more than the facts of them that are told.
const TOLD: [&str; 3] = [SUMS, SIGNATURE, PLAN];

/// Compares the glass at `path` after operation `from` with itself after operation `to`.
pub fn meaning(path: &Path, from: u32, to: u32) -> Result<Meaning, Error> {
    let entries = log(path)?;
    let find = |number: u32| {
        let last = entries.last().map_or(0, |entry| entry.operation);
        entries.iter().find(|entry| entry.operation == number).cloned().ok_or_else(|| Error::NoOperation {
            path: path.to_owned(),
            number,
            last,
        })
    };
    let (from, to) = (find(from)?, find(to)?);
    let glass = Glass::open(path)?;
    let odb = glass.repository.odb()?;
    let mut reader = Reader::new(&odb);
    let mut facts = |entry: &Entry| -> Result<Facts, Error> {
        let (commit, _) = glass.read(&odb, Oid::from_str(&entry.commit)?)?;
        reader.facts(commit.tree)
    };
    let (before, after) = (facts(&from)?, facts(&to)?);
    let changes = changes(&before, &after);
    let (first, last) = (from.operation.min(to.operation), from.operation.max(to.operation));
    let between = entries.into_iter().filter(|entry| entry.operation > first && entry.operation <= last);
    Ok(Meaning { between: between.collect(), from, to, changes })
}

/// What differs between two states, by area and name.
pub(super) fn changes(before: &Facts, after: &Facts) -> Vec<Changed> {
    let mut changes = Vec::new();
    let nothing = (None, Rc::default());
    let paths: BTreeSet<&String> = before.files.keys().chain(after.files.keys()).collect();
    for path in paths {
        let of = |facts: &Facts| {
            facts.files.get(path).map_or_else(|| nothing.clone(), |(id, said)| (Some(*id), said.clone()))
        };
        let ((old, old_said), (new, new_said)) = (of(before), of(after));
        if Rc::ptr_eq(&old_said, &new_said) {
            continue;
        }
        let told = changes.len();
        compare(&old_said, &new_said, &mut changes);
        if changes.len() == told && old != new && !TOLD.contains(&path.as_str()) {
            let [before, after] = [old, new].map(|id| id.map(|id| id.to_string()));
            changes.push(Changed { area: area(path), what: path.clone(), before, after });
        }
    }
    compare(&before.runs, &after.runs, &mut changes);
    changes.sort_by(|a, b| (a.area, &a.what).cmp(&(b.area, &b.what)));
    changes
}

/// What differs between what two files say. A thing that one of them has is told whole, and not once more by its parts.
fn compare(before: &Said, after: &Said, changes: &mut Vec<Changed>) {
    let (gone, new) = (things_without(before, after), things_without(after, before));
    let names: BTreeSet<&(Area, String)> = before.keys().chain(after.keys()).collect();
    for name in names {
        let old = before.get(name).filter(|leaf| !is_told(leaf, &gone)).map(|leaf| &leaf.says);
        let new = after.get(name).filter(|leaf| !is_told(leaf, &new)).map(|leaf| &leaf.says);
        let (old, new) = match (old, new) {
            (Some(Says::Thing(_)), Some(Says::Thing(_)))
            | (None, Some(Says::Order(_)))
            | (Some(Says::Order(_)), None) => continue,
            (old, new) if old == new => continue,
            (Some(Says::Order(old)), Some(Says::Order(new))) => match (common(old, new), common(new, old)) {
                (old, new) if old == new => continue,
                (old, new) => (Some(old), Some(new)),
            },
            (old, new) => (old.map(text), new.map(text)),
        };
        changes.push(Changed { area: name.0, what: name.1.clone(), before: old, after: new });
    }
}

/// The things of `said` at whose places `other` has nothing.
fn things_without(said: &Said, other: &Said) -> HashSet<*const Thing> {
    let alone = said.iter().filter(|(name, _)| !other.contains_key(name));
    let things = alone.filter_map(|(_, leaf)| match &leaf.says {
        Says::Thing(thing) => Some(Rc::as_ptr(thing)),
        _ => None,
    });
    things.collect()
}

/// Whether one of these things, which are told whole, tells it.
fn is_told(leaf: &Leaf, things: &HashSet<*const Thing>) -> bool {
    leaf.around().any(|thing| things.contains(&Rc::as_ptr(thing)))
}

/// Those of `names` that stand in `other` too: what is new or gone is told by itself.
fn common(names: &[String], other: &[String]) -> String {
    let other: BTreeSet<&String> = other.iter().collect();
    let names: Vec<&str> = names.iter().filter(|name| other.contains(name)).map(String::as_str).collect();
    names.join(", ")
}

/// A value as it is told. A text that could be taken for a value of another kind stands in quotes.
fn text(says: &Says) -> String {
    match says {
        Says::Value(compare::Value::Plain(Value::String(text)))
            if !text.is_empty()
                && text.trim() == text
                && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() =>
        {
            text.clone()
        }
        Says::Value(value) => show::value(value),
        Says::Order(names) => names.join(", "),
        Says::Thing(thing) => thing.text.clone(),
    }
}

/// Reads states of the glass; what two of them have in common is read once.
pub(super) struct Reader<'a> {
    odb: &'a Odb<'a>,
    trees: Trees<'a>,
    /// By path, content, and the number of the package, where the content is told without it.
    files: HashMap<(String, Oid, u32), Rc<Said>>,
    numbers: HashMap<Oid, u32>,
    runs: HashMap<Oid, Rc<Option<Run>>>,
}

/// What the folder of one operation says of a run.
struct Run {
    phase: String,
    ended: String,
    checks: Option<Vec<(String, String)>>,
    images: Option<Vec<(String, String)>>,
}

impl<'a> Reader<'a> {
    pub fn new(odb: &'a Odb<'a>) -> Self {
        Self {
            odb,
            trees: Trees::new(odb),
            files: HashMap::new(),
            numbers: HashMap::new(),
            runs: HashMap::new(),
        }
    }

    /// Everything that the state with this tree says.
    pub fn facts(&mut self, tree: Oid) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        let mut entries = self.trees.files(tree, &paths::is_glass)?;
        if let Some(recipients) = self.trees.find(tree, paths::RECIPIENTS)? {
            entries.insert(paths::RECIPIENTS.to_owned(), recipients);
        }
        let number = entries.get(MANIFEST).map(|manifest| manifest.id);
        let number = number.map_or(Ok(0), |manifest| self.number(manifest))?;
        for (path, entry) in entries {
            let number = if path == PLAN { number } else { 0 };
            let said = self.file(&path, entry.id, number)?;
            facts.files.insert(path, (entry.id, said));
        }
        self.operations(tree, &mut facts.runs)?;
        self.trees.turn();
        Ok(facts)
    }

    /// The package's number, by its manifest.
    fn number(&mut self, manifest: Oid) -> Result<u32, Error> {
        if let Some(number) = self.numbers.get(&manifest) {
            return Ok(*number);
        }
        let number = json(self.odb.read(manifest)?.data())["package"]["number"].as_u64();
        let number = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        self.numbers.insert(manifest, number);
        Ok(number)
    }

    fn file(&mut self, path: &str, id: Oid, number: u32) -> Result<Rc<Said>, Error> {
        let place = (path.to_owned(), id, number);
        if let Some(said) = self.files.get(&place) {
            return Ok(said.clone());
        }
        let said = Rc::new(file(path, id, self.odb.read(id)?.data(), number));
        self.files.insert(place, said.clone());
        Ok(said)
    }

    /// What the recorded runs say: of each phase the last one, of checks and images the last that told of them.
    fn operations(&mut self, tree: Oid, facts: &mut Said) -> Result<(), Error> {
        let mut folders = BTreeMap::new();
        for event in [Event::Deployment, Event::Configuration, Event::Access] {
            let Some(place) = super::operation::place(event) else { continue };
            let Some(place) = self.trees.find(tree, place)? else { continue };
            for entry in self.trees.read(place.id)?.entries().filter(|entry| entry.mode == Mode::Folder) {
                folders.insert(entry.name.to_owned(), entry.id);
            }
        }
        let (mut ended, mut checked, mut images) = (BTreeMap::new(), BTreeMap::new(), None);
        for folder in folders.into_values() {
            let run = self.run(folder)?;
            let Some(told) = &*run else { continue };
            ended.insert(told.phase.clone(), run.clone());
            if told.checks.is_some() {
                checked.insert(told.phase.clone(), run.clone());
            }
            if told.images.is_some() {
                images = Some(run.clone());
            }
        }
        for (phase, run) in ended {
            facts
                .extend(run.iter().map(|run| ((Area::Phases, phase.clone()), Says::text(&run.ended).into())));
        }
        for (phase, run) in checked {
            let checks = run.iter().flat_map(|run| run.checks.iter().flatten());
            facts.extend(
                checks.map(|(id, verdict)| {
                    ((Area::Checks, format!("{phase}: {id}")), Says::text(verdict).into())
                }),
            );
        }
        let images = images.iter().flat_map(|run| run.iter()).flat_map(|run| run.images.iter().flatten());
        facts.extend(
            images.map(|(service, image)| ((Area::Images, service.clone()), Says::text(image).into())),
        );
        Ok(())
    }

    /// The run that the folder of an operation tells of, if it does.
    fn run(&mut self, folder: Oid) -> Result<Rc<Option<Run>>, Error> {
        if let Some(run) = self.runs.get(&folder) {
            return Ok(run.clone());
        }
        let run = Rc::new(self.read_run(folder)?);
        self.runs.insert(folder, run.clone());
        Ok(run)
    }

    fn read_run(&mut self, folder: Oid) -> Result<Option<Run>, Error> {
        let mut file = |path: &str| -> Result<Option<Vec<u8>>, Error> {
            let found = self.trees.find(folder, path)?;
            found.map(|entry| Ok(self.odb.read(entry.id)?.data().to_vec())).transpose()
        };
        let Some(about) = file(OPERATION)?.and_then(|bytes| Operation::parse(&bytes).ok()) else {
            return Ok(None);
        };
        let Some(phase) = about.phase else { return Ok(None) };
        let ended = about.result.map_or("ran", super::Ended::as_str);
        let package =
            about.package.map_or_else(String::new, |package| format!(", package {}", package.number));
        let checks = file(&format!("reports/{phase}.json"))?.map(|report| {
            let report = json(&report);
            let checks = report["checks"].as_array().into_iter().flatten();
            checks.map(|check| (shown(&check["id"]), shown(&check["verdict"]))).collect()
        });
        let images = file("images.json")?.map(|images| {
            let images = json(&images);
            let images = images.as_object().into_iter().flatten();
            images.map(|(service, image)| (service.clone(), shown(image))).collect()
        });
        Ok(Some(Run { phase, ended: format!("{ended}{package}"), checks, images }))
    }
}

/// What a file is about.
fn area(path: &str) -> Area {
    let lies_in = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    match path {
        MANIFEST | SUMS | SIGNATURE | paths::RECIPIENTS => Area::Package,
        PERSONAL => Area::Personal,
        PLAN => Area::Plan,
        "migrate" => Area::Code,
        _ if lies_in(&["configuration/", "content/"]) || is_data(path) => Area::Settings,
        _ if lies_in(&["infrastructure/", "ci-cd/"]) => Area::Code,
        _ => Area::Documents,
    }
}

/// The data files of the infrastructure; everything else there is the same for everyone.
fn is_data(path: &str) -> bool {
    path.starts_with("infrastructure/ansible/group_vars/")
        || path.starts_with("infrastructure/ansible/inventory/")
        || path == "infrastructure/compose/.env"
        || path.ends_with(".tfvars.json")
}

/// What one file says.
fn file(path: &str, id: Oid, bytes: &[u8], number: u32) -> Said {
    let area = area(path);
    let one = |what: &str, value: String| Said::from([((area, what.to_owned()), Says::text(value).into())]);
    let text = || String::from_utf8_lossy(bytes);
    match (path, area) {
        // It follows from the files that it lists.
        (SUMS, _) => Said::new(),
        (SIGNATURE, _) => {
            let key = SshSig::from_pem(bytes).ok();
            let key = key.map(|signature| signature.public_key().fingerprint(HashAlg::Sha256).to_string());
            one("signature.key", key.unwrap_or_else(|| "none that can be read".to_owned()))
        }
        (paths::RECIPIENTS, _) => {
            let lines: Vec<Value> = text().lines().map(Value::from).collect();
            let says = Says::Value(compare::Value::Plain(lines.into()));
            Said::from([((area, "personal files are encrypted to".to_owned()), says.into())])
        }
        (PERSONAL, _) => one("the package's personal files", text().into_owned()),
        (_, Area::Package | Area::Plan | Area::Settings) => {
            values(path, area, bytes, number).unwrap_or_else(|| one(path, id.to_string()))
        }
        _ => one(path, id.to_string()),
    }
}

/// Each value of a document by its place in it, and one for all that follows from others; of what holds no values nothing.
fn values(path: &str, area: Area, bytes: &[u8], number: u32) -> Option<Said> {
    let leaves = leaves(path, bytes, number)?;
    let file = format!("{path}: ");
    let said = leaves.said.into_iter().map(|(place, leaf)| {
        let within = place.strip_prefix(&file).filter(|_| area != Area::Settings).map(str::to_owned);
        ((area, within.unwrap_or(place)), leaf)
    });
    let follows = leaves.follows.map(|digest| {
        let what = format!("{path} (what follows from other values)");
        ((Area::Documents, what), Says::text(digest.to_string()).into())
    });
    Some(said.chain(follows).collect())
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
