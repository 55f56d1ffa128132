//! An export as a set of facts: what it says, by key path.

use crate::model::{Digest, LeftOut, Secret, leak};
use crate::plan::{KeyPath, below_realm};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What a difference touches, the most serious last.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// How it looks and what it is called.
    Cosmetic,
    /// How it works.
    Configuration,
    /// What answers to the outside, and what a sign-in asks for.
    Exposure,
    /// Which files are there and how they are kept.
    Data,
    /// Who may sign in, and what they may do.
    Identity,
}

impl Class {
    /// Each of them, the most serious first.
    pub const ALL: [Self; 5] =
        [Self::Identity, Self::Data, Self::Exposure, Self::Configuration, Self::Cosmetic];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cosmetic => "cosmetic",
            Self::Configuration => "configuration",
            Self::Exposure => "exposure",
            Self::Data => "data",
            Self::Identity => "identity",
        }
    }

    /// What it means, as a phrase.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Cosmetic => "how it looks and what it is called",
            Self::Configuration => "how it works",
            Self::Exposure => "what answers to the outside, and what a sign-in asks for",
            Self::Data => "which files are there and how they are kept",
            Self::Identity => "who may sign in, and what they may do",
        }
    }
}

/// What stands at a key path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// A value that may be shown.
    Plain(Json),
    /// One that is or may hold a secret; two of them can be told apart and nothing else.
    Hidden(Hidden),
}

/// What may be told of a value that is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hidden {
    /// What it is, such as `Sentry DSN`.
    pub kind: String,
    /// Its length in characters, where that says something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    #[serde(skip)]
    #[schemars(skip)]
    digest: Digest,
}

impl Hidden {
    /// What `digest` is of, without anything that tells it.
    pub(super) fn new(kind: String, length: Option<usize>, digest: Digest) -> Self {
        Self { kind, length, digest }
    }
}

/// One thing that an export says.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub value: Value,
    /// The same with what means nothing taken out, where that differs.
    pub meaning: Option<Json>,
    pub class: Class,
    /// Whether it names a person.
    pub personal: bool,
    /// Whether it is a thing that other facts are about, such as a user.
    pub thing: bool,
    /// The thing that it is about.
    pub of: Option<String>,
}

impl Fact {
    /// Whether both say the same; not necessarily in the same letters.
    pub fn means_what(&self, other: &Self) -> bool {
        let meaning = |fact: &Self| match (&fact.meaning, &fact.value) {
            (Some(meaning), _) | (None, Value::Plain(meaning)) => Some(meaning.clone()),
            (None, Value::Hidden(_)) => None,
        };
        self.value == other.value || matches!((meaning(self), meaning(other)), (Some(a), Some(b)) if a == b)
    }
}

/// Everything that an export says, by key path.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub all: BTreeMap<String, Fact>,
    /// Where parts stand that no migration carries over: their place in the file, as the ledger has it.
    pub places: BTreeMap<String, String>,
    /// Those of them that open the realm unless Keycloak made them.
    opening: BTreeSet<String>,
    /// What says nothing where the other side has nothing beside it.
    silent_alone: Vec<String>,
    /// Whether the other side lacks [`SECOND_FACTOR`], which stands here as Keycloak makes it.
    misses_second_factor: bool,
    within: Vec<String>,
}

/// The value, hidden where a secret stands in it: a realm has texts that nobody has looked through before.
fn without_secrets(value: Value) -> Value {
    let Value::Plain(json) = &value else { return value };
    let text = match json {
        Json::String(text) => text.clone(),
        Json::Array(_) | Json::Object(_) => json.to_string(),
        Json::Null | Json::Bool(_) | Json::Number(_) => return value,
    };
    match leak::scan(text.as_bytes(), &[]).first() {
        Some(hit) => {
            let length = Some(text.chars().count());
            Value::Hidden(Hidden::new(hit.kind.to_owned(), length, Digest::of(text.as_bytes())))
        }
        None => value,
    }
}

/// The path, without a name in it that is a secret.
fn path_without_secrets(path: String) -> String {
    match leak::scan(path.as_bytes(), &[]).first() {
        Some(hit) => format!("{}[{}, not shown]", path.split('[').next().unwrap_or_default(), hit.kind),
        None => path,
    }
}

/// Where stands what people may have to do, and which of it sets up a second factor.
const ACTIONS: &str = "realm.requiredActions[";
const SECOND_FACTOR: &str = "realm.requiredActions[CONFIGURE_TOTP]";

impl Facts {
    fn enter(&mut self, at: &KeyPath, class: Class, value: Value, thing: bool) -> String {
        let value = without_secrets(value);
        let mut path = path_without_secrets(at.to_string());
        // Names may hold brackets: what could be mistaken for something else keeps a path of its own.
        while self.all.contains_key(&path) {
            path.push('#');
        }
        let of = self.within.last().cloned();
        let fact = Fact { value, meaning: None, class, personal: at.personal, thing, of };
        self.all.insert(path.clone(), fact);
        path
    }

    /// Enters a value.
    pub fn put(&mut self, at: &KeyPath, class: Class, value: impl Into<Json>) {
        self.enter(at, class, Value::Plain(value.into()), false);
    }

    /// Enters a value, where there is one.
    pub fn put_some(&mut self, at: &KeyPath, class: Class, value: Option<impl Into<Json>>) {
        if let Some(value) = value {
            self.put(at, class, value);
        }
    }

    /// Enters a value that may have to be hidden.
    pub fn put_value(&mut self, at: &KeyPath, class: Class, value: Value) {
        self.enter(at, class, value, false);
    }

    /// Enters a value that says something only beside the other side's.
    pub fn put_beside(&mut self, at: &KeyPath, class: Class, value: impl Into<Json>) {
        let path = self.enter(at, class, Value::Plain(value.into()), false);
        self.silent_alone.push(path);
    }

    /// Enters a list whose order is a matter of taste.
    pub fn put_in_any_order(&mut self, at: &KeyPath, class: Class, items: &[Json]) {
        let path = self.enter(at, class, Value::Plain(items.to_vec().into()), false);
        if let Some(fact) = self.all.get_mut(&path) {
            let mut sorted = items.to_vec();
            sorted.sort_by_cached_key(ToString::to_string);
            fact.meaning = Some(sorted.into());
        }
    }

    /// Enters a list whose order means nothing.
    pub fn put_set<T: ToString>(&mut self, at: &KeyPath, class: Class, values: impl IntoIterator<Item = T>) {
        let mut texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        texts.sort_unstable();
        texts.dedup();
        self.put(at, class, texts);
    }

    /// Enters a value of which letters' case means nothing.
    pub fn put_caseless(&mut self, at: &KeyPath, class: Class, value: &str) {
        let path = self.enter(at, class, Value::Plain(value.into()), false);
        if let Some(fact) = self.all.get_mut(&path) {
            fact.meaning = Some(value.to_lowercase().into());
        }
    }

    /// Enters a secret, which can be told apart and not be seen.
    pub fn put_secret(&mut self, at: &KeyPath, class: Class, secret: &Secret) {
        let hidden = Hidden {
            kind: secret.kind().to_owned(),
            length: Some(secret.length()),
            digest: Digest::of(secret.expose().as_bytes()),
        };
        self.enter(at, class, Value::Hidden(hidden), false);
    }

    /// The thing that stands at a key path.
    pub fn thing_at(&self, at: &KeyPath) -> Option<String> {
        let path = path_without_secrets(at.to_string());
        self.all.get(&path).is_some_and(|fact| fact.thing).then_some(path)
    }

    /// Enters a part that no migration carries over: part of which thing it is, and where it stands in its file.
    pub fn put_left_out(&mut self, at: &KeyPath, class: Class, of: Option<String>, part: &LeftOut) {
        let kind = "part of the realm that is not carried over".to_owned();
        let hidden = Hidden { kind, length: None, digest: part.digest };
        let path = self.enter(at, class, Value::Hidden(hidden), false);
        if let Some(fact) = self.all.get_mut(&path) {
            fact.of = of;
        }
        if part.opens {
            self.opening.insert(path.clone());
        }
        // Keycloak makes it in every realm.
        if part.everywhere {
            self.silent_alone.push(path.clone());
        }
        self.places.insert(path, below_realm(&part.place));
    }

    /// Whether what stands at a path opens the realm unless Keycloak made it.
    pub fn opens(&self, path: &str) -> bool {
        self.opening.contains(path)
    }

    /// Whether what stands at a path says something only beside the other side's.
    pub fn is_silent_alone(&self, path: &str) -> bool {
        self.silent_alone.iter().any(|silent| silent == path)
    }

    /// Looks whether a newer side has lost what sets up a second factor: it tells what people may have to do, and not this.
    pub fn miss_second_factor(&mut self, newer: &Self) {
        let told = newer.all.keys().any(|path| path.starts_with(ACTIONS));
        self.misses_second_factor =
            told && !newer.all.contains_key(SECOND_FACTOR) && self.is_silent_alone(SECOND_FACTOR);
        if self.misses_second_factor {
            self.silent_alone.retain(|path| path != SECOND_FACTOR);
        }
    }

    /// Whether what stands at a path is missed at the other side, so that nothing allows its lack.
    pub fn is_missed(&self, path: &str) -> bool {
        self.misses_second_factor && path == SECOND_FACTOR
    }

    /// Takes out what says nothing without the other side's, where that has none.
    pub fn forget_alone(&mut self, other: &Self) {
        for path in self.silent_alone.iter().filter(|path| !other.all.contains_key(*path)) {
            self.all.remove(path);
        }
    }

    /// Enters a thing, and what is said of it.
    pub fn thing(&mut self, at: &KeyPath, class: Class, facts: impl FnOnce(&mut Self)) {
        self.begin(at, class);
        facts(self);
        self.end();
    }

    /// Enters a thing; what is entered up to its [`Self::end`] is said of it.
    pub fn begin(&mut self, at: &KeyPath, class: Class) {
        let path = self.enter(at, class, Value::Plain(Json::Null), true);
        self.within.push(path);
    }

    /// Ends the thing that was begun last.
    pub fn end(&mut self) {
        self.within.pop();
    }

    /// What is said of a thing, by the rest of the key path.
    pub fn of(&self, thing: &str) -> Json {
        let said = self.all.iter().filter(|(path, fact)| !fact.thing && self.is_within(path, thing));
        let said = said.map(|(path, fact)| {
            let value = match &fact.value {
                Value::Plain(value) => value.clone(),
                Value::Hidden(hidden) => Json::String(format!("{} (not shown)", hidden.kind)),
            };
            (path.strip_prefix(thing).unwrap_or(path).trim_start_matches('.').to_owned(), value)
        });
        Json::Object(said.collect())
    }

    /// Whether the fact at `path` is about `thing`, or about something that is part of it.
    fn is_within(&self, path: &str, thing: &str) -> bool {
        let mut of = self.all.get(path).and_then(|fact| fact.of.as_deref());
        while let Some(outer) = of {
            if outer == thing {
                return true;
            }
            of = self.all.get(outer).and_then(|fact| fact.of.as_deref());
        }
        false
    }
}
