//! Validation reports as the packages' controller writes them: what the published schema says, and pages that hold text only.
//!
//! `STUFPACK_BLESS=1 cargo test --test report` rewrites `schemas/report.json`.

#[path = "plan/schema.rs"]
mod schema;

use pulldown_cmark::{Event, Options, Parser, Tag};
use std::path::Path;
use std::process::Command;
use stufpack::model::ValidationReport;

/// Lets the controller write its samples; the runs' folders in order: pass, warn, `not_run`, unverifiable, fail.
fn samples() -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/controller/sample_reports.py");
    let done = Command::new("python3").arg("-B").arg(script).arg(folder.path()).output();
    let done = done.expect("python3 3.11 or newer is needed and was not found on PATH");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let runs = (1..=5).map(|run| folder.path().join(format!("reports/{run}"))).collect();
    (folder, runs)
}

#[test]
fn the_published_schema_is_current_and_holds_for_what_the_controller_writes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/report.json");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        std::fs::write(path, ValidationReport::schema()).expect("written");
    }
    let published = std::fs::read_to_string(path).expect("schemas/report.json");
    assert_eq!(published, ValidationReport::schema(), "STUFPACK_BLESS=1 rewrites it");

    let schema = serde_json::from_str(&published).expect("JSON");
    let (_kept, runs) = samples();
    for run in &runs {
        let bytes = std::fs::read(run.join("verify.json")).expect("a report");
        let document = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(schema::problems(&schema, &document), Vec::<String>::new());
        let report: ValidationReport = serde_json::from_slice(&bytes).expect("a report");
        let counts = report.counts;
        let all = counts.pass + counts.warn + counts.not_run + counts.unverifiable + counts.fail;
        assert_eq!(all, report.checks.len() as u64);

        let mut wrong = document;
        wrong["verdict"] = "fine".into();
        wrong["checks"][0]["shoe_size"] = 42.into();
        assert_eq!(schema::problems(&schema, &wrong).len(), 2);
    }
}

#[test]
fn a_value_in_markdown_is_text_whatever_it_holds() {
    let (_kept, runs) = samples();
    let mut kept = 0;
    for run in runs {
        let text = std::fs::read_to_string(run.join("verify.md")).expect("a report");
        // Git hosts make links of these, which this reader does not; and a value keeps its case.
        let unescaped = text.to_ascii_lowercase().replace("\\:", "").replace("\\.", "");
        assert!(!unescaped.contains("www.") && !unescaped.contains("://"), "{text}");
        kept += text.matches(r"www\.e.example \_WWW\.e.example").count();
        for event in Parser::new_ext(&text, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Text(_) | Event::End(_) | Event::SoftBreak => {}
                Event::Start(
                    Tag::Heading { .. }
                    | Tag::Paragraph
                    | Tag::List(_)
                    | Tag::Item
                    | Tag::Table(_)
                    | Tag::TableHead
                    | Tag::TableRow
                    | Tag::TableCell,
                ) => {}
                other => panic!("{}: {other:?}", run.display()),
            }
        }
    }
    assert!(kept > 0, "the samples hold such values");
}
