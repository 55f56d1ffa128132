//! What the documents promise: they render for every target, hold nothing to fill in, and name nobody.

#[path = "plan/fixture.rs"]
mod fixture;

use fixture::{HOSTILE, harbour, least};
use pulldown_cmark::{Event, Options, Parser, TagEnd};
use std::collections::BTreeSet;
use std::io::Read as _;
use stufpack::model::{Checked, Files, Kind};
use stufpack::plan::{self, Numbering, Plan};
use stufpack::render;

fn files(checked: &Checked) -> Files {
    files_of(&plan::compile(checked, &Numbering { package: 7 }), checked)
}

fn files_of(plan: &Plan, checked: &Checked) -> Files {
    render::files(plan, checked).expect("it renders")
}

fn documents(files: &Files) -> impl Iterator<Item = (&str, &str)> {
    files
        .iter()
        .filter(|(path, _)| path.ends_with(".md"))
        .map(|(path, file)| (path.as_str(), std::str::from_utf8(&file.bytes).expect("UTF-8")))
}

/// The text of each block, as a reader sees it.
fn blocks(markdown: &str) -> Vec<String> {
    let (mut blocks, mut block) = (Vec::new(), String::new());
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS) {
        match event {
            Event::Text(text) | Event::Code(text) => block.push_str(&text),
            Event::Html(html) | Event::InlineHtml(html) => panic!("HTML in Markdown: {html}"),
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::TableCell | TagEnd::Item) => {
                blocks.push(std::mem::take(&mut block));
            }
            _ => {}
        }
    }
    blocks
}

#[test]
fn a_hostile_project_name_comes_out_of_every_document_as_it_is() {
    let files = files(&harbour());
    let mut seen = 0;
    for (path, text) in documents(&files) {
        let title = blocks(text).into_iter().next().unwrap_or_default();
        if title.contains("Hafen") {
            assert!(title.contains(HOSTILE), "{path}: {title:?}");
            seen += 1;
        }
    }
    assert!(seen >= 12, "{seen} documents name the project");
}

#[test]
fn nothing_is_left_to_fill_in_and_nothing_is_said_of_what_the_target_lacks() {
    let least = files(&least());
    for (path, text) in documents(&least) {
        for word in ["TODO", "TBD", "FIXME", "<your", "XXX", "{{", "{%", "undefined"] {
            let allowed = word == "{{" && path == "docs/operations.md";
            assert!(allowed || !text.contains(word), "{word} stands in {path}");
        }
        for word in [
            "Zulip",
            "Sentry",
            "mail server",
            "second factor",
            "Let's Encrypt",
            "ACME",
            "Terraform",
            "AWS",
            "Azure",
        ] {
            let allowed = path == "docs/ledger.md";
            assert!(allowed || !text.contains(word), "{word} stands in {path}");
        }
    }
}

#[test]
fn no_document_that_is_not_personal_names_a_user() {
    for checked in [harbour(), fixture::example("harbour")] {
        names_nobody(&checked);
    }
}

fn names_nobody(checked: &Checked) {
    for (path, file) in files(checked) {
        if file.personal || file.kind == Kind::Code {
            continue;
        }
        let text = String::from_utf8_lossy(&file.bytes);
        for user in checked.export.users.values() {
            let mut told = vec![user.email.to_string()];
            // Any text can be a name: harbour has users called `true` and, like one of its options, `Norway: no`.
            if file.kind == Kind::Document {
                told.extend(Some(user.name.to_string()).filter(|name| name.contains(' ')));
            }
            told.extend(user.phone.as_ref().map(ToString::to_string));
            for word in told {
                assert!(!text.contains(&word), "{word} stands in {path}");
            }
        }
    }
}

#[test]
fn the_ledgers_and_the_batch_lists_are_marked_personal() {
    let files = files(&harbour());
    let personal: BTreeSet<&str> = files
        .iter()
        .filter(|(path, file)| file.personal && path.starts_with("docs/"))
        .map(|(path, _)| path.as_str())
        .collect();

    assert_eq!(personal, BTreeSet::from(["docs/ledger.json", "docs/ledger.md"]));
}

#[test]
fn the_batch_lists_hold_every_object_once_in_key_order_as_the_inventory_tells_it() {
    let checked = fixture::example("harbour");
    let plan = plan::compile(&checked, &Numbering { package: 7 });
    let files = files(&checked);
    let again = files_of(&plan, &checked);

    let mut keys = Vec::new();
    for batch in &plan.facts.content.batches {
        let file = &files[&batch.path()];
        assert!(file.personal, "keys hold e-mail addresses");
        assert_eq!(file.bytes, again[&batch.path()].bytes, "{} differs the second time", batch.path());
        assert_eq!(file.bytes[4..10], [0, 0, 0, 0, 0, 255], "no time and no system in the gzip header");

        let mut text = String::new();
        flate2::read::GzDecoder::new(&file.bytes[..]).read_to_string(&mut text).expect("gzip");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len() as u64, batch.objects);
        assert_eq!(lines.iter().filter_map(|line| line["size"].as_u64()).sum::<u64>(), batch.bytes);
        keys.extend(lines.iter().filter_map(|line| Some(line["key"].as_str()?.to_owned())));
    }
    assert_eq!(keys.len() as u64, checked.content.objects);
    assert!(keys.is_sorted() && keys.len() > 100, "{} keys", keys.len());

    let path = checked.inventory.as_deref().expect("an inventory");
    let inventory: Vec<_> =
        stufpack::read::inventory::objects(path, false).expect("read").map(|o| o.expect("row").key).collect();
    assert_eq!(keys, inventory);
}

#[test]
fn the_plan_document_names_every_step_once_as_a_heading() {
    let checked = harbour();
    let plan = plan::compile(&checked, &Numbering { package: 7 });
    let files = files(&checked);
    let text = documents(&files).find(|(path, _)| *path == "MIGRATION-PLAN.md").expect("the plan").1;

    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#### ")).collect();
    let steps: Vec<&str> = plan.steps().map(|step| step.id).collect();
    assert_eq!(headings, steps);
    for chapter in 1..=14 {
        assert!(text.contains(&format!("\n## {chapter} ")), "chapter {chapter} is missing");
    }
}

#[test]
fn every_embedded_template_is_used_by_a_document() {
    let files = files(&harbour());
    for template in stufpack::embedded::TEMPLATES {
        let path = template.path.trim_end_matches(".jinja");
        assert!(
            path.starts_with("partials/") || files.contains_key(path),
            "{} is used by nothing",
            template.path
        );
    }
}
