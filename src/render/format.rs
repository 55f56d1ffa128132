//! The closed list of formats that documents are rendered in.

use super::Error;

/// A format with an escape of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CommonMark with GitHub's tables.
    Markdown,
    /// HTML text and quoted attributes.
    Html,
}

impl Format {
    /// The format of the file that lands at `path`; a `.jinja` at the end is not part of it.
    pub fn of(path: &str) -> Result<Self, Error> {
        let landed = path.strip_suffix(".jinja").unwrap_or(path);
        match landed.rsplit_once('.').map(|(_, extension)| extension) {
            Some("md") => Ok(Self::Markdown),
            Some("html") => Ok(Self::Html),
            _ => Err(Error::UnknownFormat { path: path.to_owned() }),
        }
    }

    /// The name under which minijinja knows it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }

    /// Writes `text` so that a reader of this format sees exactly `text`.
    pub(super) fn escape(self, text: &str) -> String {
        match self {
            Self::Markdown => super::markdown::escape(text),
            Self::Html => super::html::escape(text),
        }
    }
}
