//! A history as pages: a static site that needs nothing beside itself, and one page that compares two operations.
//!
//! No page tells what a commit says without what is known of that commit. Nothing but the history stands in them, no clock
//! and no place of this machine, so the same history gives the same bytes.

mod publish;
mod settings;
mod words;

pub use publish::publish;

use super::history::{History, Past, Signature, Standing};
use super::log::Entry;
use super::meaning::{Area, Changed, Meaning};
use super::{Finding, Validation};
use crate::render::{self, Document, Engine, cut, visible};
use minijinja::value::{Serde, Value};
use serde::Serialize;
use settings::Settings;
use std::collections::BTreeMap;
use std::path::Path;
use words::Badge;

/// Pages by their path, `/` between segments.
pub type Pages = BTreeMap<String, String>;

/// Characters of a value that a page shows.
const LONGEST: usize = 2_000;
/// Files, and details of a plan, that are listed at once; more are folded.
const MOST_FILES: usize = 20;
const MOST_OF_A_PLAN: usize = 40;

/// The site of a history: a timeline, a page for each commit, and one by setting.
///
/// # Errors
///
/// A template that is wrong.
pub fn pages(history: &History) -> Result<Pages, render::Error> {
    let engine = Engine::new();
    let mut pages = Pages::new();
    let mut add = |path: String, template, context| {
        let text = engine.render(&Document { path: path.clone(), template, personal: false, context })?;
        pages.insert(path, text);
        Ok::<(), render::Error>(())
    };
    let whole = Whole::of(history);
    let timeline = Value::from(Serde(&Timeline::of(history, &whole)));
    add("index.html".to_owned(), "page/glass-index.html.jinja", timeline)?;
    let settings = Value::from(Serde(&Settings::of(history, &whole)));
    add("settings.html".to_owned(), "page/glass-settings.html.jinja", settings)?;
    for index in 0..history.commits.len() {
        let page = Value::from(Serde(&Page::of(history, &whole, index)));
        add(link(index), "page/glass-operation.html.jinja", page)?;
    }
    Ok(pages)
}

/// One page about what became different between two operations of a history.
///
/// # Errors
///
/// A template that is wrong.
pub fn comparison(history: &History, meaning: &Meaning) -> Result<String, render::Error> {
    let context = Value::from(Serde(&Comparison::of(history, meaning)));
    let template = "page/glass-diff.html.jinja";
    Engine::new().render(&Document { path: "diff.html".to_owned(), template, personal: false, context })
}

/// Where the page of a commit lies. Its place in the history names it: numbers of operations may be forged.
fn link(index: usize) -> String {
    format!("operations/{index:04}.html")
}

/// What is known of the whole history, on every page that tells anything of it.
#[derive(Serialize)]
struct Whole {
    slug: String,
    badge: Badge,
    means: &'static str,
    findings: Vec<Wrong>,
}

/// Something that the check found.
#[derive(Serialize)]
struct Wrong {
    code: &'static str,
    message: String,
    place: Option<String>,
    next: String,
}

/// One commit in a table.
#[derive(Serialize)]
struct Row {
    link: String,
    title: String,
    kind: Badge,
    said: String,
    at: String,
    name: String,
    changed: String,
    standing: Badge,
}

/// The first page.
#[derive(Serialize)]
struct Timeline<'a> {
    whole: &'a Whole,
    count: usize,
    facts_of_it: Vec<(&'static str, String)>,
    rows: Vec<Row>,
}

/// The page of one commit.
#[derive(Serialize)]
struct Page<'a> {
    whole: &'a Whole,
    row: Row,
    means: String,
    tone: &'static str,
    findings: Vec<Wrong>,
    signature: Vec<(&'static str, String)>,
    record: Vec<(&'static str, String)>,
    known: bool,
    groups: Vec<Group>,
    earlier: Option<String>,
    later: Option<String>,
}

/// The page that compares.
#[derive(Serialize)]
struct Comparison {
    whole: Whole,
    title: String,
    rows: Vec<(&'static str, Row)>,
    groups: Vec<Group>,
}

/// What differs in one area.
#[derive(Serialize)]
struct Group {
    title: &'static str,
    count: usize,
    /// Only that these became others is known or told.
    bare: bool,
    folded: bool,
    rows: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    what: String,
    before: Option<String>,
    after: Option<String>,
    became: &'static str,
}

impl Whole {
    fn of(history: &History) -> Self {
        let (badge, means) = words::whole(history.audit.verdict);
        let slug = history.slug.clone().unwrap_or_else(|| "unnamed".to_owned());
        Self { slug, badge, means, findings: history.of_the_whole().map(Wrong::of).collect() }
    }
}

impl Wrong {
    fn of(finding: &Finding) -> Self {
        let line = finding.line.map_or_else(String::new, |line| format!(":{line}"));
        Self {
            code: finding.code,
            message: visible(&finding.message),
            place: finding.path.as_ref().map(|path| visible(path) + &line),
            // Where the glass lies is nobody's business but the reader's.
            next: visible(&finding.next(Path::new("GLASS"))),
        }
    }
}

impl<'a> Timeline<'a> {
    fn of(history: &History, whole: &'a Whole) -> Self {
        let audit = &history.audit;
        let facts = [("First commit", &audit.root), ("Last commit", &audit.head)];
        let facts = facts.into_iter().filter_map(|(name, commit)| Some((name, commit.clone()?)));
        Self {
            whole,
            count: history.commits.len(),
            facts_of_it: facts.collect(),
            rows: (0..history.commits.len()).rev().map(|index| Row::of(history, index)).collect(),
        }
    }
}

impl Row {
    fn of(history: &History, index: usize) -> Self {
        let past = &history.commits[index];
        Self {
            link: link(index),
            title: title(past),
            kind: words::kind(past.entry.as_ref().map(|entry| entry.event)),
            said: past.entry.as_ref().map_or_else(String::new, said),
            at: past.at.clone(),
            name: visible(&past.name),
            changed: changed(past),
            standing: standing(history, past),
        }
    }
}

impl<'a> Page<'a> {
    fn of(history: &History, whole: &'a Whole, index: usize) -> Self {
        let past = &history.commits[index];
        let row = Row::of(history, index);
        let changes = past.changes.as_deref();
        Self {
            whole,
            means: means(history, past),
            tone: row.standing.tone,
            row,
            findings: past.findings.iter().map(Wrong::of).collect(),
            signature: signature(past),
            record: past.entry.as_ref().map_or_else(Vec::new, record),
            known: changes.is_some(),
            groups: groups(changes.unwrap_or_default()),
            earlier: index.checked_sub(1).map(name_of_page),
            later: (index + 1 < history.commits.len()).then(|| name_of_page(index + 1)),
        }
    }
}

impl Comparison {
    fn of(history: &History, meaning: &Meaning) -> Self {
        let row = |entry: &Entry| {
            let index = history.commits.iter().position(|past| past.commit == entry.commit)?;
            Some(Row::of(history, index))
        };
        let ends = [("from", &meaning.from), ("to", &meaning.to)];
        let between = meaning.between.iter().map(|entry| ("between", entry));
        let inner = between.filter(|(_, entry)| entry.commit != meaning.to.commit);
        let inner = inner.filter(|(_, entry)| entry.commit != meaning.from.commit);
        let rows = ends.into_iter().chain(inner).filter_map(|(word, entry)| Some((word, row(entry)?)));
        Self {
            whole: Whole::of(history),
            title: format!("From operation {} to operation {}", meaning.from.operation, meaning.to.operation),
            rows: rows.collect(),
            groups: groups(&meaning.changes),
        }
    }
}

/// The page of another commit, seen from one.
fn name_of_page(index: usize) -> String {
    format!("{index:04}.html")
}

fn title(past: &Past) -> String {
    match &past.entry {
        Some(entry) => format!("Operation {}", entry.operation),
        None => format!("Commit {}", past.commit.get(..12).unwrap_or(&past.commit)),
    }
}

/// The phase that was run, or the package that was recorded.
fn said(entry: &Entry) -> String {
    let ran = entry.ran.as_ref().map(|ran| {
        let run = ran.run.map_or_else(String::new, |run| format!(", run {run}"));
        let ended = ran.result.map_or_else(String::new, |result| format!(": {}", result.as_str()));
        format!("{}{run}{}", ran.phase, ended.replace('_', " "))
    });
    visible(&ran.or_else(|| entry.name.clone()).unwrap_or_default())
}

/// Whether to believe a commit, in a word.
fn standing(history: &History, past: &Past) -> Badge {
    match past.standing {
        Standing::Verified => Badge::new("verified", "good"),
        Standing::Wrong => Badge::new("not verified", "bad"),
        Standing::After(index) => {
            let before = history.commits.get(index).map_or_else(String::new, title).to_lowercase();
            Badge::new(format!("not verified, since {before} is not"), "bad")
        }
        Standing::Cut => Badge::new("not verified, since what came before is not there", "bad"),
    }
}

/// The same in a sentence.
fn means(history: &History, past: &Past) -> String {
    match past.standing {
        Standing::Verified => "Its signature fits, the key may sign this, its trees are those that it names, it changes only what \
                               such an operation may, and so does every commit before it."
            .to_owned(),
        Standing::Wrong => "Do not believe what it says: each reason stands below.".to_owned(),
        Standing::After(index) => {
            let before = history.commits.get(index).map_or_else(String::new, title).to_lowercase();
            format!("It is right by itself and stands on {before}, which is not verified.")
        }
        Standing::Cut => {
            "It is right by itself; what it stands on cannot be read in this copy of the glass.".to_owned()
        }
    }
}

/// Who signed, and what the signers file says of the key.
fn signature(past: &Past) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    match &past.signature {
        None => facts.push(("Signed by", "nobody: there is no signature that fits".to_owned())),
        Some(Signature { fingerprint, principal, namespaces, valid_after, valid_before }) => {
            let nobody = "somebody whom the signers file does not name";
            facts.push(("Signed by", principal.as_deref().map_or_else(|| nobody.to_owned(), visible)));
            facts.push(("Key", visible(fingerprint)));
            if !namespaces.is_empty() {
                facts.push(("It may sign", rights(namespaces)));
            }
            facts.extend(valid_after.clone().map(|at| ("From", at)));
            facts.extend(valid_before.clone().map(|at| ("Until", at)));
        }
    }
    facts.push(("Name that it bears", visible(&past.name)));
    facts.push(("Date that it bears", past.at.clone()));
    facts.push(("Commit", past.commit.clone()));
    facts
}

/// What a key may sign, by the signers file.
fn rights(namespaces: &[String]) -> String {
    let words = namespaces.iter().map(|namespace| match namespace.as_str() {
        "git" => "commits (git)".to_owned(),
        "stufpack" => "packages (stufpack)".to_owned(),
        other => visible(other),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// What the commit's message and its operation say, as they say it.
fn record(entry: &Entry) -> Vec<(&'static str, String)> {
    let ran = entry.ran.as_ref();
    let package = entry.package.as_ref();
    let package = package.map(|package| format!("{} ({})", package.number, package.sha256));
    let facts = [
        ("Phase", ran.map(|_| said(entry))),
        ("Ran", ran.map(|ran| format!("{} to {}", ran.started, ran.ended))),
        ("Name of the package", entry.name.clone()),
        ("Package", package),
        (
            "Validation",
            (entry.validation != Validation::NotRun).then(|| entry.validation.as_str().to_owned()),
        ),
        ("Asked for by", entry.requested_by.clone()),
        ("Approved by", entry.approved_by.clone()),
        ("Ticket", entry.ticket.clone()),
        ("Recorded with", Some(entry.tool.clone())),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, visible(&value?)))).collect()
}

/// What a commit changed, in a line.
fn changed(past: &Past) -> String {
    let Some(changes) = &past.changes else { return "not read".to_owned() };
    let counts = Area::ALL.into_iter().filter_map(|area| {
        let number = changes.iter().filter(|change| change.area == area).count();
        (number > 0).then(|| words::count(area, number))
    });
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() { "nothing of the package".to_owned() } else { counts.join(", ") }
}

/// What differs, by area.
fn groups(changes: &[Changed]) -> Vec<Group> {
    let of = |area: Area| {
        let rows: Vec<Change> = changes.iter().filter(|change| change.area == area).map(Change::of).collect();
        let bare = matches!(area, Area::Code | Area::Documents | Area::Personal);
        let folded = bare && rows.len() > MOST_FILES || area == Area::Plan && rows.len() > MOST_OF_A_PLAN;
        (!rows.is_empty()).then(|| Group { title: words::area(area), count: rows.len(), bare, folded, rows })
    };
    Area::ALL.into_iter().filter_map(of).collect()
}

impl Change {
    fn of(changed: &Changed) -> Self {
        let became = match (&changed.before, &changed.after) {
            (None, _) => "new",
            (_, None) => "gone",
            _ => "changed",
        };
        let (before, after) = (changed.before.as_deref().map(visible), changed.after.as_deref().map(visible));
        let (before, after) = cut(before.as_deref(), after.as_deref(), LONGEST);
        Self { what: visible(&changed.what), before, after, became }
    }
}
