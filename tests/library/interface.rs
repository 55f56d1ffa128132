//! The public interface as rustdoc shows it: every item that can be reached from the crate's root, with its signature.
//!
//! Rustdoc knows what macros make, what is exported again and under which name; the words of its pages are taken as they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Every item by its path, with its declaration, methods and traits, a line each.
pub fn read(pages: &Path) -> BTreeMap<String, Vec<String>> {
    let mut items = BTreeMap::new();
    module(pages, "stufpack", &mut items);
    items
}

fn page(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads a module's page, and whatever is listed there.
fn module(folder: &Path, path: &str, items: &mut BTreeMap<String, Vec<String>>) {
    let index = page(&folder.join("index.html"));
    let mut own = vec![format!("pub mod {}", path.rsplit("::").next().unwrap_or(path))];
    for entry in index.split("<dt").skip(1) {
        let entry = entry.split("</dt>").next().unwrap_or(entry);
        if entry.starts_with(" id=\"reexport.") {
            let code = between(entry, "<code>", "</code>").expect("what is exported again");
            own.push(words(&text(code)));
            continue;
        }
        let Some(link) = between(entry, "href=\"", "\"") else { continue };
        if let Some(name) = link.strip_suffix("/index.html") {
            module(&folder.join(name), &format!("{path}::{name}"), items);
        } else if let Some((kind, name)) = link.strip_suffix(".html").and_then(|link| link.split_once('.')) {
            items.insert(format!("{path}::{name}"), item(kind, &page(&folder.join(link))));
        }
    }
    items.insert(path.to_owned(), own);
}

/// An item's declaration, then its own constants and methods, then the traits that it implements.
fn item(kind: &str, page: &str) -> Vec<String> {
    let declaration =
        between(page, "<pre class=\"rust item-decl\"><code>", "</code></pre>").expect("a declaration");
    let mut lines: Vec<String> = text(declaration)
        .lines()
        .map(|line| line.trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    if !["struct", "enum", "union"].contains(&kind) {
        return lines;
    }
    // What the compiler implements by itself, and what is implemented for everything, is not this crate's.
    let own = page.split("id=\"synthetic-implementations\"").next().unwrap_or(page);
    let mut traits = BTreeSet::new();
    for section in own.split("<section id=\"").skip(1) {
        let (Some(class), Some(header)) =
            (between(section, "class=\"", "\""), between(section, "code-header\">", "</h"))
        else {
            continue;
        };
        let header = words(&text(header));
        match class {
            "method" | "associatedconstant" => lines.push(header),
            "impl" => traits
                .extend(header.split_once(" for ").map(|(implemented, _)| without_parameters(implemented))),
            _ => {}
        }
    }
    // Made by `derive(PartialEq)`, and of no use to anybody.
    traits.remove("StructuralPartialEq");
    if !traits.is_empty() {
        lines.push(format!("implements {}", traits.into_iter().collect::<Vec<_>>().join(", ")));
    }
    lines
}

/// `Deserialize<'de>` of `impl<'de> Deserialize<'de>`.
fn without_parameters(implemented: &str) -> String {
    let rest = implemented.trim_start_matches("impl");
    let Some(inside) = rest.strip_prefix('<') else { return rest.trim().to_owned() };
    let mut depth = 1;
    let end = inside.find(|letter: char| {
        depth += match letter {
            '<' => 1,
            '>' => -1,
            _ => 0,
        };
        depth == 0
    });
    inside[end.map_or(0, |end| end + 1)..].trim().to_owned()
}

/// What stands between the first `begin` and the next `end`.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> Option<&'t str> {
    text.split_once(begin)?.1.split_once(end).map(|(inside, _)| inside)
}

/// The text of a piece of a page, without its tags and without the words on what folds it.
fn text(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        // Attributes and bounds are boxes of their own.
        if tag.starts_with("/div") {
            out.push('\n');
        }
        rest = if tag.starts_with("summary") {
            tag.split_once("</summary>").expect("the end of a summary").1
        } else {
            tag.split_once('>').expect("the end of a tag").1
        };
    }
    out.push_str(rest);
    for (entity, letter) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
    {
        out = out.replace(entity, letter);
    }
    out
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
