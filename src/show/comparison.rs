//! What a comparison comes to, in words that its text and its page share.

use crate::compare::{Afterwards, Comparison, Explained, Promise, Value};
use std::collections::BTreeMap;

/// How often the ledger gives one reason, and for what, for example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The reason.
    pub words: String,
    /// How many differences it explains.
    pub count: u64,
    /// One of the settings.
    pub example: String,
}

/// The last word: whether anything differs.
pub fn result(comparison: &Comparison) -> String {
    let differing = match comparison.counts.all() {
        0 => "No difference".to_owned(),
        total => format!("{total} difference(s)"),
    };
    let compared = if comparison.is_whole() { "" } else { " in what was compared" };
    let unexplained = if comparison.migrated { " that the ledger does not explain" } else { "" };
    format!("{differing}{compared}{unexplained}.")
}

/// What has to be known beside the differences: one sentence or two each, on one line.
pub fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(objects) = &comparison.objects {
        notes.push(format!(
            "Objects: {} and {}; {} added, {} removed, {} changed, {} with another time alone.",
            objects.old, objects.new, objects.added, objects.removed, objects.changed, objects.touched
        ));
        if objects.without_digest > 0 {
            let count = objects.without_digest;
            notes.push(format!(
                "Bytes not compared: {count} object(s) of which an export has no digest. An export with digests: \
                 ./migrate export --digests; of the source kit, where its settings have export.sha256."
            ));
        }
        if objects.not_listed > 0 {
            let count = objects.not_listed;
            notes.push(format!("Not listed: {count} difference(s) of objects; --objects lists more."));
        }
    }
    let kind = comparison.compared.one();
    for part in &comparison.not_compared {
        notes.push(format!("Not compared, since neither {kind} has it: {part}."));
    }
    if !comparison.not_read.is_empty() {
        let parts = comparison.not_read.join(", ");
        notes.push(format!("Not compared, since no export by ./migrate or the kit has it: {parts}."));
    }
    if !comparison.not_counted.is_empty() {
        let paths: Vec<&str> = comparison.not_counted.iter().map(|fact| fact.path.as_str()).collect();
        let paths = paths.join(", ");
        notes.push(format!("Not counted, since two {kind}s that say the same may differ in it: {paths}."));
    }
    if !comparison.documents.is_empty() {
        notes.push(format!(
            "Not compared, of other bytes: {}. What is told above changes such files, and so may their signer; to see both, unpack \
             both packages.",
            comparison.documents.join(", ")
        ));
    }
    notes
}

/// What the ledger explains, by its reason.
pub fn reasons(explained: &[Explained]) -> Vec<Reason> {
    let mut groups: BTreeMap<String, (u64, &str)> = BTreeMap::new();
    for entry in explained {
        let group = groups.entry(entry.why.words()).or_insert((0, &entry.setting));
        group.0 += entry.count;
    }
    let reason = |(words, (count, example)): (String, (u64, &str))| Reason {
        words,
        count,
        example: example.to_owned(),
    };
    groups.into_iter().map(reason).collect()
}

/// A value as it may be told.
pub fn value(value: &Value) -> String {
    match value {
        Value::Plain(value) => value.to_string(),
        Value::Hidden(hidden) => match hidden.length {
            Some(length) => format!("{} of {length} characters (not shown)", hidden.kind),
            None => format!("{} (not shown)", hidden.kind),
        },
    }
}

/// What the ledger promised: the value, if it names one, and the reason.
pub fn promise(promise: &Promise) -> (Option<String>, String) {
    let expected = match &promise.expected {
        Some(Afterwards::Value(value)) => Some(value.to_string()),
        Some(Afterwards::Absent) => Some("nothing".to_owned()),
        Some(Afterwards::Encrypted) => Some("an encryption".to_owned()),
        _ => None,
    };
    (expected, promise.why.words())
}
