//! The findings of one check, and what they know about the documents they speak of.

use crate::model::codes::CodeInfo;
use crate::model::tree::{Document, Step, Value};
use crate::model::walk::{Walk, shown};
use crate::model::{Finding, Instead, Location, Shown, Source};
use std::collections::BTreeSet;

/// The document that a finding speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum In {
    Export,
    Target,
    Realm,
}

/// Findings so far.
pub(super) struct Notes<'s> {
    pub source: &'s Source,
    pub findings: Vec<Finding>,
    unusable: [BTreeSet<String>; 2],
}

impl<'s> Notes<'s> {
    pub fn new(source: &'s Source) -> Self {
        Self { findings: source.findings.clone(), ..Self::empty(source) }
    }

    /// For what is looked at beside everything else; its findings are to be taken over.
    pub fn empty(source: &'s Source) -> Self {
        Self { source, findings: Vec::new(), unusable: Default::default() }
    }

    pub fn document(&self, which: In) -> Option<&'s Document> {
        match which {
            In::Export => Some(&self.source.export),
            In::Target => self.source.target.as_ref(),
            In::Realm => self.source.realm.as_ref(),
        }
    }

    /// Takes over what a walk found.
    pub fn take(&mut self, which: In, walk: Walk<'_>) {
        self.findings.extend(walk.findings);
        match which {
            In::Export => self.unusable[0].extend(walk.unusable),
            In::Target => self.unusable[1].extend(walk.unusable),
            In::Realm => {}
        }
    }

    /// Whether nothing at, above or below the key path is a placeholder.
    pub fn usable(&self, which: In, path: &str) -> bool {
        let unusable = match which {
            In::Export => &self.unusable[0],
            In::Target => &self.unusable[1],
            In::Realm => return true,
        };
        let below = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        !unusable.iter().any(|bad| bad.is_empty() || below(bad, path) || below(path, bad))
    }

    /// Tells something about the value at a key path, unless it is a placeholder; shows the value where it may be shown.
    pub fn tell(
        &mut self,
        code: &'static CodeInfo,
        which: In,
        path: &[Step<'_>],
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let Some(document) = self.document(which) else { return };
        let at = document.locate(path);
        if !self.usable(which, &at.path) {
            return;
        }
        let field = path.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(*key),
            Step::Item(_) => None,
        });
        let node = document.find(path);
        let found = match node.map(|node| &node.value) {
            // Of a realm, numbers and truth values alone: any text in it may be a credential.
            Some(Value::Scalar { text, quoted }) if which != In::Realm || !quoted => {
                shown(field.unwrap_or(""), text)
            }
            Some(Value::Scalar { text, .. }) => Shown::Hidden { kind: "text", length: text.chars().count() },
            Some(_) => Shown::Shape(node.map_or("", |node| node.kind())),
            None => Shown::Absent,
        };
        self.push(code, document, at, message.into(), expected.into(), found);
    }

    /// Tells something about free text, which is never shown.
    pub fn tell_hidden(
        &mut self,
        code: &'static CodeInfo,
        which: In,
        path: &[Step<'_>],
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let Some(document) = self.document(which) else { return };
        let at = document.locate(path);
        if self.usable(which, &at.path) {
            let length =
                document.find(path).and_then(|node| node.text()).map_or(0, |text| text.chars().count());
            let found = Shown::Hidden { kind: "text", length };
            self.push(code, document, at, message.into(), expected.into(), found);
        }
    }

    fn push(
        &mut self,
        code: &'static CodeInfo,
        document: &Document,
        at: Location,
        message: String,
        expected: String,
        found: Shown,
    ) {
        let position = crate::model::tree::Position { line: at.line, column: at.column };
        let line = match &found {
            Shown::Text(text) => document.line(position, text),
            _ => None,
        };
        let mut finding = Finding::of(code, at, message).found(found).expected(expected);
        finding.line = line;
        self.findings.push(finding);
    }

    /// Whether the export is a single document, without a folder around it.
    pub fn is_single(&self) -> bool {
        self.source.export.name == self.source.folder
    }

    /// Tells something about a file as a whole.
    pub fn tell_file(
        &mut self,
        code: &'static CodeInfo,
        name: &str,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let full = if self.is_single() {
            self.source.folder.to_string()
        } else {
            format!("{}/{name}", self.source.folder)
        };
        self.findings.push(Finding::of(code, Location::file(full), message).expected(expected));
    }

    /// Says of the last finding what to name on the command line.
    pub fn instead(&mut self, instead: Instead) {
        if let Some(finding) = self.findings.last_mut() {
            finding.next = "name the export first, and the target with --target".to_owned();
            finding.instead = Some(instead);
        }
    }

    /// Everything, by file, line and column; equal findings once.
    pub fn sorted(self) -> Vec<Finding> {
        let mut findings = self.findings;
        findings.sort_by(|a, b| a.at.cmp(&b.at).then(a.code.cmp(&b.code)).then(a.message.cmp(&b.message)));
        findings.dedup();
        findings
    }
}
