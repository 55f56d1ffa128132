//! A value is never code: whatever stands in an export comes out of each format as exactly the same text.
//!
//! Here the parsers are Rust's; `tools/judge` reads a whole package back with each format's own tool.

use html5gum::{Token, Tokenizer};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser};
use stufpack::render;

/// Texts that have broken generators before, one per trick.
const HOSTILE: &[&str] = &[
    "{{ lookup('pipe','id') }}",
    "${file(\"/etc/passwd\")}",
    "$(id) `id`",
    "Norway: no",
    "</script><script>alert(1)</script>",
    "| a | b |",
    "1. no list",
    "- no list",
    "# no heading",
    "***no emphasis***",
    "[no](link) <https://no.link> ![no](image)",
    "line one\nline two\r\nline three",
    "  spaces  around  ",
    "\u{202e}right to left\u{202c}",
    "a\tb\u{0007}c\u{2028}d",
    "'single' \"double\" \\back\\",
    "~~~\ncode\n~~~",
    "====",
    "&amp; &#65; &nbsp;",
    "\\",
    "`",
    "$math$ ~~gone~~ www.example.org https://example.org a@example.org",
    "WWW.example.org (wWw.example.org) 1.www.example.org www..",
];

/// The text that a Markdown reader sees, tables on, everything but text refused.
fn text_of_markdown(source: &str) -> String {
    let mut out = String::new();
    for event in Parser::new_ext(source, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) => out.push_str(&text),
            Event::Start(_) | Event::End(_) => {}
            other => panic!("a value became {other:?}"),
        }
    }
    out
}

fn assert_markdown_keeps(value: &str) {
    let escaped = render::escape_markdown(value);
    assert!(!escaped.contains('\n'), "a value never ends a line: {escaped:?}");
    // Git hosts make links of these, which this reader does not.
    let bare = escaped.to_ascii_lowercase().replace("\\:", "escaped").replace("\\.", "escaped");
    assert!(!bare.contains("www.") && !bare.contains("://"), "a value is no link: {escaped:?}");

    let paragraph = format!("before {escaped} after");
    assert_eq!(text_of_markdown(&paragraph), format!("before {value} after"));

    let table = format!("| head | b |\n|---|---|\n| {escaped} | x |\n");
    assert_eq!(text_of_markdown(&table), format!("headb{value}x"), "in a table cell: {escaped:?}");

    let item = format!("- {escaped}\n");
    assert_eq!(text_of_markdown(&item), value, "at the start of a list item: {escaped:?}");
}

#[test]
fn markdown_shows_a_hostile_value_as_text() {
    for value in HOSTILE {
        assert_markdown_keeps(value);
    }
}

/// The text that a browser sees, or an attribute's value; a tag that the value made is refused.
fn assert_html_keeps(value: &str) {
    let escaped = render::escape_html(value);
    let source = format!("<p title=\"{escaped}\" lang='{escaped}'>before {escaped} after</p>");
    let (mut text, mut tags) = (Vec::new(), 0);
    for Ok(token) in Tokenizer::new(&source) {
        match token {
            Token::StartTag(tag) => {
                tags += 1;
                for attribute in tag.attributes.values() {
                    assert_eq!(attribute.as_slice(), value.as_bytes(), "in an attribute: {escaped:?}");
                }
                assert_eq!(tag.attributes.len(), 2, "{escaped:?}");
            }
            Token::EndTag(_) => tags += 1,
            Token::String(found) => text.extend_from_slice(&found),
            // A control character is an error to the standard, and stays what it is.
            Token::Error(_) => {}
            other => panic!("a value became {other:?}"),
        }
    }
    assert_eq!(tags, 2, "a value became a tag: {escaped:?}");
    assert_eq!(String::from_utf8_lossy(&text), format!("before {value} after"));
}

#[test]
fn html_shows_a_hostile_value_as_text() {
    for value in HOSTILE {
        assert_html_keeps(value);
    }
}

#[test]
fn yaml_for_ansible_reads_back_and_is_marked_unsafe() {
    for value in HOSTILE {
        let text = render::ansible_yaml("head", &serde_json::json!({ "key": value, "list": [value] }));
        assert_eq!(text.matches("!unsafe \"").count(), 2);
        let plain = text.replace("!unsafe ", "");
        let read: serde_json::Value = serde_yaml::from_str(&plain).expect("YAML");
        assert_eq!(read["key"], **value, "{text}");
        assert_eq!(read["list"][0], **value, "{text}");
    }
}

#[test]
fn javascript_configuration_is_json_without_markup() {
    for value in HOSTILE {
        let script = render::config_script(&serde_json::json!({ "title": value }));
        assert!(!script.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
        let json = script
            .strip_prefix("window.__STUF_CONFIG__ = ")
            .and_then(|rest| rest.strip_suffix(";\n"))
            .expect("an assignment");
        let read: serde_json::Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(read["title"], **value);
    }
}

#[test]
fn an_unknown_format_has_no_escape() {
    for path in ["main.tf", "script.sh", ".env", "notes.rst", "noextension"] {
        assert!(render::Format::of(path).is_err(), "{path} must be refused");
    }
}

proptest! {
    #[test]
    fn markdown_keeps_any_text(value in "[^\u{0}\u{FFFE}\u{FFFF}]{1,40}") {
        assert_markdown_keeps(&value);
    }

    #[test]
    fn html_keeps_any_text(value in "[^\u{0}]{0,40}") {
        assert_html_keeps(&value);
    }

    #[test]
    fn markdown_links_nothing(value in "[wW.:/ (a1]{1,12}") {
        assert_markdown_keeps(&value);
    }

    #[test]
    fn yaml_keeps_texts_of_many_lines(lines in proptest::collection::vec("[ a\\\\\"\t:#-]{0,4}[^\u{0}]{0,20}", 0..8)) {
        let value = format!("{}\n{}", "x".repeat(100), lines.join("\n"));
        let nested = serde_json::json!({ "key": value, "map": { "list": [{ "key": value }, value] } });
        let text = render::ansible_yaml("", &nested).replace("!unsafe ", "");
        let read: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
        prop_assert_eq!(read, nested, "{}", text);
        prop_assert!(value.ends_with('\n') || text.lines().count() > value.matches('\n').count());
    }

    #[test]
    fn yaml_keeps_any_text(value in "[^\u{0}]{0,40}") {
        let text = render::ansible_yaml("", &serde_json::json!({ "key": value })).replace("!unsafe ", "");
        let read: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
        prop_assert_eq!(&read["key"], &serde_json::Value::String(value));
    }
}
