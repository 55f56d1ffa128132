//! CSV (RFC 4180) that spreadsheets open without running anything.
//!
//! A spreadsheet takes a cell that begins with one of a few signs for a formula, quoted or not. The usual remedy is an
//! apostrophe before it; in an address, which a mail merge uses as it stands, that would be another mailbox.

use std::fmt::Write as _;

/// What a formula begins with; a tab and line breaks hide what follows, and the full-width signs count in some locales.
const BEGINS: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// One line: each field quoted, separated by commas, ended by CR and LF.
pub(super) fn line<const N: usize>(fields: [&str; N]) -> String {
    let mut out = String::new();
    for (index, field) in fields.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        let _ = write!(out, "{separator}\"{}\"", field.replace('"', "\"\""));
    }
    out.push_str("\r\n");
    out
}

/// A text as a cell. Before what could be a formula stands an apostrophe, and before what already begins so one more:
/// taking one away where one of [`BEGINS`] follows the apostrophes gives the text back.
pub(super) fn text(value: &str) -> String {
    let guard = if value.trim_start_matches('\'').starts_with(BEGINS) { "'" } else { "" };
    format!("{guard}{value}")
}

/// An e-mail address as a cell. One that could be a formula stands in angle brackets, as RFC 5322 allows everywhere.
pub(super) fn address(value: &str) -> String {
    if value.starts_with(BEGINS) { format!("<{value}>") } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a reader gets the text back.
    fn read(cell: &str) -> &str {
        match cell.strip_prefix('\'') {
            Some(rest) if rest.trim_start_matches('\'').starts_with(BEGINS) => rest,
            _ => cell,
        }
    }

    #[test]
    fn no_cell_begins_like_a_formula_and_each_is_read_back() {
        for value in [
            "=HYPERLINK(\"https://x.example\")",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r\n=1",
            "＝1",
            "'=1",
            "''=1",
            "'quoted'",
            "",
            "Ada",
        ] {
            let cell = text(value);
            assert!(!cell.starts_with(BEGINS), "{value}");
            assert_eq!(read(&cell), value);
        }
        assert_eq!(address("+ada@example.org"), "<+ada@example.org>");
        assert_eq!(address("ada@example.org"), "ada@example.org");
        assert_eq!(line(["a", "b\"c, d"]), "\"a\",\"b\"\"c, d\"\r\n");
    }
}
