//! `docs/ledger.md`, `docs/ledger.html` and `docs/ledger.json`: what becomes of every setting. They name persons.

use crate::model::{Disposition, Entry};
use crate::plan::{Counts, Identity, Plan};
use serde::Serialize;

/// `docs/ledger.json`.
#[derive(Serialize)]
pub(super) struct Json<'a> {
    schema: u32,
    plan: Identity,
    counts: Counts,
    entries: &'a [Entry],
}

impl<'a> Json<'a> {
    pub fn of(plan: &'a Plan) -> Self {
        Self { schema: 1, plan: plan.identity(), counts: plan.counts(), entries: &plan.ledger.entries }
    }
}

/// `docs/ledger.md` and `docs/ledger.html`.
#[derive(Serialize)]
pub(super) struct Page {
    project: String,
    number: u64,
    counts: Counts,
    parts: Vec<Part>,
}

/// Entries with one outcome.
#[derive(Serialize)]
struct Part {
    title: &'static str,
    empty: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Page {
    pub fn of(plan: &Plan) -> Self {
        let part =
            |title, empty, columns: &[&'static str], row: fn(&Disposition) -> Option<Vec<String>>| Part {
                title,
                empty,
                columns: std::iter::once("setting").chain(columns.iter().copied()).collect(),
                rows: plan
                    .ledger
                    .entries
                    .iter()
                    .filter_map(|entry| {
                        let mut cells = vec![entry.setting.clone()];
                        cells.extend(row(&entry.disposition)?);
                        Some(cells)
                    })
                    .collect(),
            };
        Self {
            project: plan.facts.project_name.to_string(),
            number: plan.facts.number,
            counts: plan.counts(),
            parts: vec![
                part("By hand", "Nothing is left for you to do by hand.", &["what to do"], |disposition| {
                    match disposition {
                        Disposition::Manual { instruction } => Some(vec![instruction.clone()]),
                        _ => None,
                    }
                }),
                part("Dropped", "Nothing is dropped.", &["why"], |disposition| match disposition {
                    Disposition::Dropped { why } => Some(vec![(*why).to_owned()]),
                    _ => None,
                }),
                part("Transformed", "Nothing is transformed.", &["rule", "before", "after"], |disposition| {
                    match disposition {
                        Disposition::Transformed { rule, before, after } => {
                            Some(vec![(*rule).to_owned(), before.clone(), after.clone()])
                        }
                        _ => None,
                    }
                }),
                part("Defaulted", "Nothing is defaulted.", &["value"], |disposition| match disposition {
                    Disposition::Defaulted { value } => Some(vec![value.clone()]),
                    _ => None,
                }),
                part("Migrated as it is", "Nothing is taken over as it is.", &[], |disposition| {
                    match disposition {
                        Disposition::Migrated => Some(Vec::new()),
                        _ => None,
                    }
                }),
            ],
        }
    }
}
