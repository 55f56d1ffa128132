//! The frame of a document (`apiVersion`, `kind`), the walk through it, and its JSON Schema.

use super::notes::{In, Notes};
use crate::model::codes;
use crate::model::tree::{Document, steps};
use crate::model::walk::{Definitions, Shape, Walk};
use crate::model::{Export, ExportMetadata, ExportSpec, Instead, Invitation, Target, TargetSpec};
use serde_json::json;
use std::path::Path;

/// The version that this program reads and writes.
pub const API_VERSION: &str = "stufpack.dev/v1";

pub(super) fn export(notes: &mut Notes<'_>) -> Option<Export> {
    let document = notes.document(In::Export)?;
    let root = document.root.as_ref()?;
    let known = frame(notes, In::Export, "StufExport", &["apiVersion", "kind", "metadata", "spec"])?;
    let mut walk = Walk::new(document);
    walk.unknown_keys(root, &known);
    let metadata: ExportMetadata = walk.field(root, "metadata", "who made the export, where and when", None);
    let spec: ExportSpec = walk.field(root, "spec", "the settings of the STUF", None);
    notes.take(In::Export, walk);
    Some(Export::from((metadata, spec)))
}

pub(super) fn target(notes: &mut Notes<'_>) -> Option<Target> {
    let document = notes.document(In::Target)?;
    let root = document.root.as_ref()?;
    let known = frame(notes, In::Target, "StufTarget", &["apiVersion", "kind", "spec"])?;
    let mut walk = Walk::new(document);
    walk.unknown_keys(root, &known);
    let mut spec: TargetSpec = walk.field(root, "spec", "what you choose", None);
    let mut defaulted = std::mem::take(&mut walk.defaulted);
    notes.take(In::Target, walk);
    // How users are invited follows from whether there is a mail server, unless it is said.
    if spec.mail.is_some() && document.find(steps!["spec", "identity", "invitation"]).is_none() {
        spec.identity.invitation = Invitation::Mail;
        for (path, value) in &mut defaulted {
            if path == "spec.identity.invitation" {
                Invitation::Mail.as_str().clone_into(value);
            }
        }
    }
    Some(Target::from((spec, defaulted)))
}

/// Whether another file or folder was meant than the one that was named; then nothing else is told of the two.
pub(super) fn misplaced(notes: &mut Notes<'_>) -> bool {
    fn kind(document: Option<&Document>) -> Option<&str> {
        document?.root.as_ref()?.get("kind")?.text()
    }
    let (export, target) = (notes.document(In::Export), notes.document(In::Target));
    let is_target = kind(export) == Some("StufTarget");
    let is_export = kind(target) == Some("StufExport");
    let name = |document: Option<&Document>| document.map(|document| document.name.to_string());
    let (export, target) = (name(export).unwrap_or_default(), name(target).unwrap_or_default());
    if is_target {
        let message = "this is a target, and an export is expected here";
        notes.tell(&codes::DOCUMENT_KIND, In::Export, steps!["kind"], message, "kind: StufExport");
        let meant = if is_export { folder_of(&target) } else { "EXPORT".to_owned() };
        let named = notes.source.folder.to_string();
        notes.instead(Instead { option: None, named, meant });
    }
    if is_export {
        let message = "this is an export, and a target is expected here";
        notes.tell(&codes::DOCUMENT_KIND, In::Target, steps!["kind"], message, "kind: StufTarget");
        let meant = if is_target { export } else { "TARGET".to_owned() };
        notes.instead(Instead { option: Some("--target"), named: target, meant });
    }
    notes.findings.iter().any(|finding| finding.instead.is_some())
}

/// What to name as the export whose document is `path`: the folder, where it stands under the name that it has there.
fn folder_of(path: &str) -> String {
    let file = Path::new(path);
    let in_folder = ["export.yaml", "export.yml", "export.json"].iter().any(|name| file.ends_with(name));
    match file.parent().filter(|_| in_folder) {
        Some(folder) if folder.as_os_str().is_empty() => ".".to_owned(),
        Some(folder) => folder.display().to_string(),
        None => path.to_owned(),
    }
}

/// Checks `apiVersion` and `kind`; `None` when the rest of the document means something else than this program thinks.
fn frame(notes: &mut Notes<'_>, which: In, kind: &str, keys: &[&str]) -> Option<Vec<String>> {
    let document = notes.document(which)?;
    let root = document.root.as_ref()?;
    let text = |key: &str| root.get(key).and_then(|node| node.text());
    let mut usable = true;
    if text("kind") != Some(kind) {
        let message = match text("kind") {
            Some(_) => "this kind of document is not known",
            None => "the document does not say what it is",
        };
        notes.tell(&codes::DOCUMENT_KIND, which, steps!["kind"], message, format!("kind: {kind}"));
        usable = false;
    }
    match text("apiVersion") {
        Some(API_VERSION) => {}
        found => {
            let number = found.and_then(|text| text.strip_prefix("stufpack.dev/v"));
            let message = match number {
                Some(number)
                    if number.starts_with('0') || number.contains("alpha") || number.contains("beta") =>
                {
                    "the document is of an older version, which is not read any more"
                }
                Some(_) => "the document is of a newer version than this program reads",
                None if found.is_some() => "this version is not known",
                None => "the document does not say its version",
            };
            notes.tell(
                &codes::DOCUMENT_VERSION,
                which,
                steps!["apiVersion"],
                message,
                format!("apiVersion: {API_VERSION}"),
            );
            usable = false;
        }
    }
    usable.then(|| keys.iter().map(|key| (*key).to_owned()).collect())
}

/// The JSON Schema of an export document.
pub fn export_schema() -> serde_json::Value {
    let mut definitions = Definitions::new();
    let metadata = ExportMetadata::schema(&mut definitions);
    let spec = ExportSpec::schema(&mut definitions);
    schema(
        "StufExport",
        "What leaves a running STUF.",
        &[("metadata", metadata), ("spec", spec)],
        definitions,
    )
}

/// The JSON Schema of a target document.
pub fn target_schema() -> serde_json::Value {
    let mut definitions = Definitions::new();
    let spec = TargetSpec::schema(&mut definitions);
    schema("StufTarget", "What the Trust Architect chooses.", &[("spec", spec)], definitions)
}

fn schema(
    kind: &str,
    doc: &str,
    parts: &[(&str, serde_json::Value)],
    definitions: Definitions,
) -> serde_json::Value {
    let mut properties = json!({
        "apiVersion": {"const": API_VERSION, "description": "Version of this kind of document."},
        "kind": {"const": kind, "description": "Kind of the document."},
    });
    let mut required = vec!["apiVersion", "kind"];
    for (name, part) in parts {
        properties[*name] = part.clone();
        required.push(name);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "description": doc,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "$defs": definitions,
    })
}
