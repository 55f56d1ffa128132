//! The documents of a package: for each one template and one value made for it.

mod guide;
mod ledger;
mod picture;
mod plan;
mod site;
mod words;

use super::Error;
use super::engine::{Document, Engine};
use crate::model::{File, Files};
use crate::plan::{ContentDocument, Plan};
use minijinja::value::{Serde, Value};
use rayon::prelude::*;
use serde::Serialize;

/// What one reads of the plan. Each template lies below `templates/` where its document lands, and ends with `.jinja`.
const PLAN: [&str; 2] = ["MIGRATION-PLAN.md.jinja", "MIGRATION-PLAN.html.jinja"];

/// What becomes of every setting.
const LEDGER: [&str; 2] = ["docs/ledger.md.jinja", "docs/ledger.html.jinja"];

/// The installation as its people see it.
const GUIDES: [&str; 12] = [
    "README.md.jinja",
    "docs/operations.md.jinja",
    "docs/security.md.jinja",
    "docs/troubleshooting.md.jinja",
    "docs/user-validation-checklist.md.jinja",
    "docs/communication/invitation.txt.jinja",
    "docs/communication/announcement.txt.jinja",
    "docs/communication/reminder.txt.jinja",
    "docs/communication/start.txt.jinja",
    "docs/communication/delay.txt.jinja",
    "docs/communication/done.txt.jinja",
    "docs/communication/rolled-back.txt.jinja",
];

/// The templates of every document.
pub fn templates() -> impl Iterator<Item = &'static str> {
    PLAN.into_iter().chain(LEDGER).chain(GUIDES)
}

/// Every document that a template makes.
pub fn rendered(plan: &Plan) -> Result<Files, Error> {
    let engine = Engine::new();
    let ((plan, ledger), guides) = rayon::join(
        || {
            rayon::join(
                || group(&engine, &PLAN, false, &plan::Page::of(plan)),
                || group(&engine, &LEDGER, true, &ledger::Page::of(plan)),
            )
        },
        || group(&engine, &GUIDES, false, &guide::Guide::of(plan)),
    );
    let mut files = plan?;
    files.append(&mut ledger?);
    files.append(&mut guides?);
    Ok(files)
}

/// Documents that share one value. Whoever is free takes a single one, since some take much longer than others.
fn group(
    engine: &Engine,
    templates: &[&'static str],
    personal: bool,
    value: &(impl Serialize + Sync),
) -> Result<Files, Error> {
    let context = Value::from(Serde(value));
    let made: Vec<_> = templates
        .par_iter()
        .with_max_len(1)
        .map(|template| {
            let path = template.trim_end_matches(".jinja").to_owned();
            let document = Document { path, template, personal, context: context.clone() };
            let file = File { personal, ..File::document(engine.render(&document)?) };
            Ok((document.path, file))
        })
        .collect();
    made.into_iter().collect()
}

/// The documents that are JSON: plan, ledger, and the content's figures.
pub fn json(plan: &Plan) -> Files {
    let content =
        ContentDocument { schema: 1, exported_at: plan.facts.exported_at, content: &plan.facts.content };
    let mut files = Files::new();
    let mut put = |path: &str, value: Result<Vec<u8>, serde_json::Error>| {
        // Plain structs without maps: serialising them cannot fail.
        let mut bytes = value.unwrap_or_default();
        if bytes.last() != Some(&b'\n') {
            bytes.push(b'\n');
        }
        files.insert(path.to_owned(), File::document(bytes));
    };
    put("MIGRATION-PLAN.json", plan.json());
    put("docs/ledger.json", serde_json::to_vec_pretty(&ledger::Json::of(plan)));
    put("content/summary.json", serde_json::to_vec_pretty(&content));
    if let Some(file) = files.remove("docs/ledger.json") {
        files.insert("docs/ledger.json".to_owned(), file.personal());
    }
    files
}
