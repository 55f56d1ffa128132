//! The gate at the input: no secret stands in any text of export or target.
//!
//! The realm is where credentials live, and they are taken apart there; their values must not stand anywhere else.

use super::notes::{In, Notes};
use crate::model::leak::{Hit, SHORTEST, Scanner};
use crate::model::tree::Value;
use crate::model::{Export, Finding, Location, Realm, Secret, Shown, Source, codes};

/// What finds the input's secrets, and what it finds in the input itself.
pub(super) fn check(source: &Source, known: &[Secret]) -> (Scanner, Vec<Finding>) {
    let scanner = Scanner::new(known);
    let mut findings = Vec::new();
    for document in [Some(&source.export), source.target.as_ref()].into_iter().flatten() {
        let place = |at: crate::model::tree::Position, path: &str| Location {
            file: document.name.clone(),
            line: at.line,
            column: at.column,
            path: path.to_owned(),
        };
        document.each_leaf(&mut |path, node| {
            // The one field whose value is known to be a secret, and is dropped.
            if path == "spec.notifications.sentry.dsn" {
                return;
            }
            if let Value::Scalar { text, .. } = &node.value
                && let Some(hit) = scanner.scan(text.as_bytes()).into_iter().next()
            {
                findings.push(finding(&hit, place(node.at, path), text.chars().count()));
            }
        });
        // Keys are texts too.
        if let Some(root) = &document.root {
            keys(root, &scanner, &mut |at, length, hit| findings.push(finding(hit, place(at, ""), length)));
        }
    }
    for (name, bytes) in &source.attachments {
        if let Some(hit) = scanner.scan(bytes).into_iter().next() {
            let before = &bytes[..hit.offset];
            let line = before.iter().filter(|b| **b == b'\n').count() + 1;
            let at = Location {
                file: format!("{}/{name}", source.folder).into(),
                line: u32::try_from(line).unwrap_or(0),
                column: 0,
                path: String::new(),
            };
            findings.push(finding(&hit, at, 0).found(Shown::Absent));
        }
    }
    (scanner, findings)
}

/// What could not be searched for without finding ordinary words. Its length is not told: of so few characters it is a help.
pub(super) fn short(notes: &mut Notes<'_>, realm: Option<&Realm>, export: Option<&Export>) {
    let is_short = |secret: &Secret| !secret.expose().is_empty() && secret.expose().len() < SHORTEST;
    let credentials = realm.into_iter().flat_map(|realm| &realm.credentials);
    let mut paths: Vec<(In, &str)> = credentials
        .filter(|(_, secret)| is_short(secret))
        .map(|(path, _)| (In::Realm, path.as_str()))
        .collect();
    if crate::model::secret::known(None, export).iter().any(is_short) {
        paths.push((In::Export, "spec.notifications.sentry.dsn"));
    }
    paths.dedup();
    for (which, wanted) in paths {
        let Some(document) = notes.document(which) else { continue };
        let mut at = Location { path: wanted.to_owned(), ..Location::file(document.name.clone()) };
        document.each_leaf(&mut |path, node| {
            if path == wanted {
                (at.line, at.column) = (node.at.line, node.at.column);
            }
        });
        let message = format!("a credential of fewer than {SHORTEST} characters stands here");
        let finding = Finding::of(&codes::SECRET_SHORT, at, message);
        notes.findings.push(finding.expected(format!("{SHORTEST} characters or more")));
    }
}

fn keys(
    node: &crate::model::tree::Node,
    scanner: &Scanner,
    tell: &mut impl FnMut(crate::model::tree::Position, usize, &Hit),
) {
    for (key, value) in node.entries() {
        if let Some(hit) = scanner.scan(key.text.as_bytes()).first() {
            tell(key.at, key.text.chars().count(), hit);
        }
        keys(value, scanner, tell);
    }
    for item in node.items() {
        keys(item, scanner, tell);
    }
}

fn finding(hit: &Hit, at: Location, length: usize) -> Finding {
    let message = match hit.encoding {
        "plain" => format!("{} stands in a text", article(hit.kind)),
        encoding => format!("{} stands in a text, written as {encoding}", article(hit.kind)),
    };
    Finding::of(&codes::GATE_SECRET, at, message)
        .found(Shown::Hidden { kind: hit.kind, length })
        .expected("names of secrets, never their values")
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}
