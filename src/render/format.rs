//! The closed list of formats that documents are rendered in.

use super::Error;
use std::fmt;

/// A format with an escape of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CommonMark with GitHub's tables.
    Markdown,
    /// HTML text and quoted attributes.
    Html,
    /// Plain text, to be pasted.
    Text,
}

impl Format {
    /// The whole list.
    const ALL: [Self; 3] = [Self::Markdown, Self::Html, Self::Text];

    /// The format of the file that lands at `path`; a `.jinja` at the end is not part of it.
    pub fn of(path: &str) -> Result<Self, Error> {
        let landed = path.strip_suffix(".jinja").unwrap_or(path);
        match landed.rsplit_once('.').map(|(_, extension)| extension) {
            Some("md") => Ok(Self::Markdown),
            Some("html") => Ok(Self::Html),
            Some("txt") => Ok(Self::Text),
            _ => Err(Error::UnknownFormat { path: path.to_owned() }),
        }
    }

    /// The name under which minijinja knows it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Text => "text",
        }
    }

    /// The format of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Writes `text` so that a reader of this format sees exactly `text`; on a page also what would turn it or hide in it.
    pub(super) fn write(self, out: &mut impl fmt::Write, text: &str) -> fmt::Result {
        match self {
            Self::Markdown => super::markdown::write(out, text),
            Self::Html if super::text::hides(text) => super::html::write(out, &super::text::visible(text)),
            Self::Html => super::html::write(out, text),
            Self::Text => out.write_str(&super::text::escape(text)),
        }
    }
}
