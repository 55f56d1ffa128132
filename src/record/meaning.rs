//! What became different between two operations, in the words of a migration instead of bytes.
//!
//! Each of the two states of the glass is read into facts: a name and a value in one of a few areas. What changed is what
//! differs between two such maps, so nothing is compared that was not first given a meaning.

use super::Error;
use super::glass::Glass;
use super::listing::Trees;
use super::log::{Entry, log};
use super::operation::{OPERATION, Operation};
use super::tree::Mode;
use super::{message::Event, paths};
use crate::pack::names::{MANIFEST, PERSONAL, PLAN, SIGNATURE, SUMS};
use git2::{Odb, Oid};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
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
    /// Phases and steps of the plan.
    Plan,
    /// Personal files, which are encrypted: only that they changed.
    Personal,
    /// Roles, playbooks, controller: the same for everyone.
    Code,
    /// Documents, which follow from everything above.
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

/// What a state of the glass says: a value for each name in each area.
pub(super) type Facts = BTreeMap<(Area, String), String>;

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
    let mut names: Vec<&(Area, String)> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| before.get(name) != after.get(name))
        .map(|name| Changed {
            area: name.0,
            what: name.1.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect()
}

/// Reads states of the glass; what two of them have in common is read once.
pub(super) struct Reader<'a> {
    odb: &'a Odb<'a>,
    trees: Trees<'a>,
    files: HashMap<(String, Oid), Rc<Vec<Fact>>>,
    runs: HashMap<Oid, Rc<Option<Run>>>,
}

type Fact = ((Area, String), String);

/// What the folder of one operation says of a run.
struct Run {
    phase: String,
    ended: String,
    checks: Option<Vec<(String, String)>>,
    images: Option<Vec<(String, String)>>,
}

impl<'a> Reader<'a> {
    pub fn new(odb: &'a Odb<'a>) -> Self {
        Self { odb, trees: Trees::new(odb), files: HashMap::new(), runs: HashMap::new() }
    }

    /// Everything that the state with this tree says.
    pub fn facts(&mut self, tree: Oid) -> Result<Facts, Error> {
        let mut facts = Facts::new();
        for (path, entry) in self.trees.files(tree, &paths::is_glass)? {
            facts.extend(self.file(path, entry.id)?.iter().cloned());
        }
        self.operations(tree, &mut facts)?;
        self.trees.turn();
        Ok(facts)
    }

    fn file(&mut self, path: String, id: Oid) -> Result<Rc<Vec<Fact>>, Error> {
        let place = (path, id);
        if let Some(facts) = self.files.get(&place) {
            return Ok(facts.clone());
        }
        let facts = Rc::new(file(&place.0, id, self.odb.read(id)?.data()));
        self.files.insert(place, facts.clone());
        Ok(facts)
    }

    /// What the recorded runs say: of each phase the last one, of checks and images the last that told of them.
    fn operations(&mut self, tree: Oid, facts: &mut Facts) -> Result<(), Error> {
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
            facts.extend(run.iter().map(|run| ((Area::Phases, phase.clone()), run.ended.clone())));
        }
        for (phase, run) in checked {
            let checks = run.iter().flat_map(|run| run.checks.iter().flatten());
            facts.extend(
                checks.map(|(id, verdict)| ((Area::Checks, format!("{phase}: {id}")), verdict.clone())),
            );
        }
        let images = images.iter().flat_map(|run| run.iter()).flat_map(|run| run.images.iter().flatten());
        facts.extend(images.map(|(service, image)| ((Area::Images, service.clone()), image.clone())));
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

/// What one file of the package says.
fn file(path: &str, id: Oid, bytes: &[u8]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let text = || String::from_utf8_lossy(bytes);
    let mut put = |area, what: String, value: String| facts.push(((area, what), value));
    match path {
        // The first follow from the files that they list, the last from the plan that follows.
        SUMS | SIGNATURE | "MIGRATION-PLAN.html" => {}
        PERSONAL => put(Area::Personal, "the package's personal files".into(), text().into_owned()),
        MANIFEST => manifest(&json(bytes), &mut put),
        PLAN => plan(&json(bytes), &mut put),
        _ if path.starts_with("configuration/") || path.starts_with("content/") || is_data(path) => {
            settings(path, &text(), id, &mut put);
        }
        _ if ["infrastructure/", "ci-cd/"].iter().any(|top| path.starts_with(top)) || path == "migrate" => {
            put(Area::Code, path.to_owned(), id.to_string());
        }
        _ => put(Area::Documents, path.to_owned(), id.to_string()),
    }
    facts
}

/// The data files of the infrastructure; everything else there is the same for everyone.
fn is_data(path: &str) -> bool {
    path.starts_with("infrastructure/ansible/group_vars/")
        || path.starts_with("infrastructure/ansible/inventory/")
        || path == "infrastructure/compose/.env"
        || path.ends_with(".tfvars.json")
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// What of the manifest is a fact of its own; the plan, the code and the files tell for themselves.
fn manifest(manifest: &Value, put: &mut dyn FnMut(Area, String, String)) {
    for part in ["package", "createdAt", "expiresAt", "tool", "source", "target", "requires", "secrets"] {
        leaves(part, &manifest[part], &mut |what, value| put(Area::Package, what, value));
    }
}

fn plan(plan: &Value, put: &mut dyn FnMut(Area, String, String)) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for phase in list(&plan["phases"]) {
        for step in list(&phase["steps"]) {
            let automated =
                if step["automated"] == true { "by the package" } else { "by hand, or not at all" };
            let what = shown(&step["id"]);
            put(Area::Plan, what, format!("{} ({automated})", shown(&step["title"])));
        }
    }
}

/// Values of a data file by their place in it; of a file of another kind only that it is another.
fn settings(path: &str, text: &str, id: Oid, put: &mut dyn FnMut(Area, String, String)) {
    let document = match path.rsplit('.').next() {
        Some("json") => serde_json::from_str::<Value>(text).ok(),
        Some("yml") => serde_yaml::from_str::<Value>(text).ok(),
        Some("env") => Some(
            text.lines()
                .filter_map(|line| line.split_once('='))
                .map(|(key, value)| (key.to_owned(), Value::from(value)))
                .collect(),
        ),
        _ => None,
    };
    match document {
        Some(document) => {
            leaves("", &document, &mut |what, value| {
                put(Area::Settings, format!("{path}: {what}"), value);
            });
        }
        None => put(Area::Settings, path.to_owned(), id.to_string()),
    }
}

/// Every value of a document under its place; members of a list are called by their name, where they have one.
fn leaves(place: &str, value: &Value, put: &mut dyn FnMut(String, String)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if place.is_empty() { "" } else { "." };
                leaves(&format!("{place}{dot}{key}"), value, put);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                let name =
                    ["name", "id", "key", "username", "clientId"].iter().find_map(|key| item[key].as_str());
                let name = match item {
                    Value::Object(_) => name.map_or_else(|| number.to_string(), str::to_owned),
                    Value::Array(_) => number.to_string(),
                    // The value is its own name: one that is added in front moves no other.
                    _ => shown(item),
                };
                leaves(&format!("{place}[{name}]"), item, put);
            }
        }
        _ => put(place.to_owned(), shown(value)),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
