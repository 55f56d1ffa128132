//! The documents of a package: for each one template and one value made for it.

mod guide;
mod ledger;
mod picture;
mod plan;
mod site;
mod words;

use super::engine::Document;
use crate::model::{File, Files};
use crate::plan::{ContentDocument, Plan};
use minijinja::value::{Serde, Value};

/// Every document that a template makes.
pub fn of(plan: &Plan) -> Vec<Document> {
    let (page, ledger) = rayon::join(
        || Value::from(Serde(&plan::Page::of(plan))),
        || Value::from(Serde(&ledger::Page::of(plan))),
    );
    let personal = |document: Document| Document { personal: true, ..document };
    let mut documents = vec![
        document("MIGRATION-PLAN.md", "MIGRATION-PLAN.md.jinja", page.clone()),
        document("MIGRATION-PLAN.html", "MIGRATION-PLAN.html.jinja", page),
        personal(document("docs/ledger.md", "docs/ledger.md.jinja", ledger.clone())),
        personal(document("docs/ledger.html", "docs/ledger.html.jinja", ledger)),
    ];
    let guide = Value::from(Serde(&guide::Guide::of(plan)));
    documents.extend(GUIDES.map(|(path, template)| document(path, template, guide.clone())));
    documents
}

/// Documents that share one value: the installation as its people see it.
const GUIDES: [(&str, &str); 12] = [
    ("README.md", "README.md.jinja"),
    ("docs/operations.md", "docs/operations.md.jinja"),
    ("docs/security.md", "docs/security.md.jinja"),
    ("docs/troubleshooting.md", "docs/troubleshooting.md.jinja"),
    ("docs/user-validation-checklist.md", "docs/user-validation-checklist.md.jinja"),
    ("docs/communication/invitation.txt", "docs/communication/invitation.txt.jinja"),
    ("docs/communication/announcement.txt", "docs/communication/announcement.txt.jinja"),
    ("docs/communication/reminder.txt", "docs/communication/reminder.txt.jinja"),
    ("docs/communication/start.txt", "docs/communication/start.txt.jinja"),
    ("docs/communication/delay.txt", "docs/communication/delay.txt.jinja"),
    ("docs/communication/done.txt", "docs/communication/done.txt.jinja"),
    ("docs/communication/rolled-back.txt", "docs/communication/rolled-back.txt.jinja"),
];

fn document(path: &str, template: &'static str, context: Value) -> Document {
    Document { path: path.to_owned(), template, personal: false, context }
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
