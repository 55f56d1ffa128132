//! What people look at: a verified package as one value, from which text, JSON and a page are made, and the words in which a
//! comparison is told.
//!
//! ```text
//! open    ──▶ Verified   ──▶ Inspection ──▶ text (cli) · JSON · page
//! compare ──▶ Comparison ──▶ words      ──▶ text (cli) ·        page
//! ```

mod comparison;
mod needs;
mod package;
mod page;
mod plan;

pub use comparison::{Reason, notes, promise, reasons, result, value};
pub use needs::{Access, Image, Needs, Secret, Version};
pub use package::{About, Before, Code, Content, Contents, Folder, Inspection, Part, package, schema};
pub use page::{comparison_page, inspection_page};
pub use plan::{Gate, NotNeeded, Phase, Step, Time};

/// What keeps a verified package from being shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that another version of the program writes in another way.
    #[error(
        "{path} of this package is what its signer made, and is not written as this version of stufpack reads it \
         (line {line}, column {column}); next: use stufpack {made_by}, which made it"
    )]
    Form {
        /// Its path in the package.
        path: &'static str,
        /// Where reading stopped. No word of the file is told: serde repeats values.
        line: usize,
        /// The column in that line.
        column: usize,
        /// The version that made the package.
        made_by: String,
    },
}
