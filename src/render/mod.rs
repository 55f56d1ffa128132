//! Renders a plan into the files of a package.
//!
//! A value is never code: each format has one escape, chosen here by the path a file lands at, and the list of formats
//! is closed. Code files are taken over byte for byte; values stand in data files and documents only.

mod bill;
mod csv;
mod cut;
mod data;
mod documents;
mod engine;
mod environment;
mod format;
mod gate;
mod html;
mod javascript;
mod kit;
mod lists;
mod markdown;
mod text;
mod yaml;

pub(crate) use cut::cut;
pub use engine::{Document, Engine};
pub use environment::dotenv;
pub use format::Format;
pub use gate::Leak;
pub use html::escape as escape_html;
pub use javascript::{config_script, script_value};
pub use kit::source_kit;
pub use markdown::escape as escape_markdown;
pub use text::visible;
pub use yaml::ansible_yaml;

use crate::embedded;
use crate::model::{Checked, Files};
use crate::plan::Plan;

/// What can stop rendering; each is a defect of a template or of this program, or a secret in the output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file whose format has no escape of its own.
    #[error("no escape is known for the format of {path}")]
    UnknownFormat {
        /// Path inside the package.
        path: String,
    },
    /// A template that is wrong or asks for a value that is not there.
    #[error("template {template} could not be rendered: {reason}")]
    Template {
        /// Path below `templates/`.
        template: String,
        /// minijinja's own words; they name line and variable, never a value.
        reason: String,
    },
    /// The inventory could not be read again for the batch lists.
    #[error("the inventory could not be read again; next: leave the export alone while it is compiled")]
    Inventory(#[from] std::io::Error),
    /// A secret stands in rendered files: exit 5.
    #[error("a secret stands in {} rendered file(s)", .0.len())]
    Secret(Vec<Leak>),
    /// A person is named in files that are not personal: exit 5.
    #[error("a person is named in {} file(s) that may not hold personal data", .0.len())]
    Personal(Vec<Leak>),
}

/// Renders every file of the package that sealing does not make: code, data and documents.
///
/// # Errors
///
/// A template that is wrong, an inventory that can no longer be read, or a secret or personal datum where none may stand.
pub fn files(plan: &Plan, checked: &Checked) -> Result<Files, Error> {
    let code = embedded::code(plan.facts.provider.as_str());
    let mut files: Files = code.map(|code| (code.path.to_owned(), code.file())).collect();
    // None of them looks at another's files. What takes longest comes first, so that nobody waits for it at the end.
    let data = || (data::files(plan, checked), bill::file(plan));
    let (lists, (documents, (mut json, (mut data, bill)))) = rayon::join(
        || lists::files(plan, checked),
        || {
            let rest = || rayon::join(|| documents::json(plan), data);
            rayon::join(|| documents::rendered(plan), rest)
        },
    );
    files.append(&mut data);
    files.append(&mut json);
    files.append(&mut lists?);
    files.append(&mut documents?);
    files.insert(bill::PATH.to_owned(), bill);
    gate::pass(&files, checked)?;
    Ok(files)
}

/// Makes ready what does not depend on a plan, so that [`files`] finds it: for another thread, while an export is read.
pub fn prepare() {
    Engine::new().compile(documents::templates());
}
