//! What the documents promise: they render for every target, hold nothing to fill in, and name nobody.

#[path = "plan/fixture.rs"]
mod fixture;
#[path = "documents/pages.rs"]
mod pages;
#[path = "documents/typed.rs"]
mod typed;

use fixture::{HOSTILE, example, example_with, harbour, least};
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
        .filter(|(path, _)| path.ends_with(".md") || path.ends_with(".txt"))
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
    for (path, text) in documents(&files).filter(|(path, _)| path.ends_with(".md")) {
        let title = blocks(text).into_iter().next().unwrap_or_default();
        if title.contains("Hafen") {
            assert!(title.contains(HOSTILE), "{path}: {title:?}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} documents name the project");
}

/// The project's name as a text shows it in which nothing is escaped but what nobody sees.
fn name_in_plain_text(checked: &Checked) -> String {
    checked.export.project.name.as_str().replace('\n', r"\u{a}").replace('\u{202e}', r"\u{202e}")
}

/// What is pasted into a mail is read as it is: no escape, and no name that could pass for a header or a line of the text's own.
#[test]
fn texts_for_users_are_plain_and_a_hostile_project_name_stays_between_its_quotes() {
    assert_eq!(harbour().export.project.name.as_str(), HOSTILE);
    for checked in [harbour(), fixture::example("harbour")] {
        let name = name_in_plain_text(&checked);
        let files = files(&checked);
        let texts: Vec<_> =
            documents(&files).filter(|(path, _)| path.starts_with("docs/communication/")).collect();
        assert_eq!(texts.len(), 7);
        for (path, text) in texts {
            assert!(path.ends_with(".txt"), "{path}");
            let subject = text.lines().next().unwrap_or_default();
            assert!(subject.contains(&format!("\"{name}\"")), "{path}: {subject}");
            let rest = text.replace(&format!("\"{name}\""), "");
            assert!(
                !rest.contains("Hafen") && !rest.contains(['\\', '&', '*', '#', '`', '|', '>']),
                "{path}: {rest}"
            );
            assert!(!text.lines().any(|line| line.starts_with(&name[..4])), "{path}");
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{path}");
            for line in rest.lines().filter(|line| line.contains("://")) {
                let address = line.strip_prefix("    ").unwrap_or_default();
                assert!(address.starts_with("https://") && !address.contains(' '), "{path}: {line}");
            }
        }
    }
}

#[test]
fn nothing_is_left_to_fill_in_and_nothing_is_said_of_what_the_target_lacks() {
    let acme = files(&example("acme"));
    let pages = ["MIGRATION-PLAN.html", "docs/ledger.html"]
        .map(|path| (path, std::str::from_utf8(&acme[path].bytes).expect("UTF-8")));
    for (path, text) in documents(&acme).chain(pages) {
        for word in ["TODO", "TBD", "FIXME", "<your", "XXX", "{%", "undefined"] {
            assert!(!text.contains(word), "{word} stands in {path}");
        }
    }
    let names = [name_in_plain_text(&least()), render::escape_html(&render::visible(HOSTILE))];
    let least = files(&least());
    let pages = ["MIGRATION-PLAN.html", "docs/ledger.html"]
        .map(|path| (path, std::str::from_utf8(&least[path].bytes).expect("UTF-8")));
    for (path, text) in documents(&least).chain(pages) {
        let text = names.iter().fold(text.to_owned(), |text, name| text.replace(name, ""));
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
            let allowed = path.starts_with("docs/ledger.");
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
        // A user may be called as a part of the project is.
        let text = String::from_utf8_lossy(&file.bytes).replace(&name_in_plain_text(checked), "");
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

    assert_eq!(personal, BTreeSet::from(["docs/ledger.html", "docs/ledger.json", "docs/ledger.md"]));
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
            ["partials/", "page/"].iter().any(|shared| path.starts_with(shared)) || files.contains_key(path),
            "{} is used by nothing",
            template.path
        );
    }
}

/// Codes that the controller puts together: `f"gate.{name.lower()}"`.
const PUT_TOGETHER: [&str; 2] = ["gate.hold", "gate.panic"];

/// Every code with which `migrate` and its controller stop.
fn codes() -> BTreeSet<String> {
    let mut codes: BTreeSet<String> = PUT_TOGETHER.iter().map(|code| (*code).to_owned()).collect();
    for code in stufpack::embedded::CODE {
        let file = code.file();
        let text = String::from_utf8_lossy(&file.bytes);
        let begins: &[&str] = match code.path {
            "migrate" => &["refuse "],
            path if path.starts_with("infrastructure/controller/") => &["refused(", "Stop("],
            _ => continue,
        };
        for rest in begins.iter().flat_map(|begin| text.split(begin).skip(1)) {
            // `Stop(Exit.PAUSED, "step.failed"`, `refused("gate.by"`, `refuse verify.sums`.
            let rest = rest.trim_start();
            let rest = match rest.split_once(',') {
                Some((exit, rest)) if !exit.contains(['"', '(', ' ', '\n']) => rest.trim_start(),
                _ => rest,
            };
            let unquoted = rest.trim_start_matches('"');
            let word: String =
                unquoted.chars().take_while(|c| c.is_ascii_lowercase() || matches!(c, '.' | '-')).collect();
            // A code of one word is told from the first word of a sentence by what follows.
            let ends = [r#"","#, " '", r#" ""#].iter().any(|end| unquoted[word.len()..].starts_with(end));
            if !word.is_empty() && !word.ends_with('.') && (word.contains('.') || ends) {
                codes.insert(word);
            }
        }
    }
    codes
}

/// A code that is not explained is a message nobody can look up, and one that nothing says is a promise of an older day.
#[test]
fn troubleshooting_names_each_code_of_the_controller_and_no_other() {
    let codes = codes();
    assert!(codes.len() > 40 && codes.contains("step.failed") && codes.contains("verify.sums"), "{codes:?}");
    assert!(codes.contains("io") && codes.contains("usage"), "{codes:?}");
    let families: BTreeSet<&str> = codes.iter().filter_map(|code| code.split('.').next()).collect();
    for files in [files(&harbour()), files(&least())] {
        let page =
            documents(&files).find(|(path, _)| *path == "docs/troubleshooting.md").expect("the page").1;
        let is_code = |word: &&str| {
            let plain = word.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'-'));
            plain
                && word.split_once('.').is_some_and(|(family, rest)| {
                    families.contains(family) && !matches!(rest, "md" | "jsonl")
                })
        };
        let of_one_word = |word: &&str| codes.contains(*word);
        let named = page.split('`').filter(|word| is_code(word) || of_one_word(word));
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        let missing: Vec<_> = codes.difference(&named).collect();
        let unknown: Vec<_> = named.difference(&codes).collect();
        assert!(
            missing.is_empty(),
            "give each a row in templates/docs/troubleshooting.md.jinja: {missing:?}"
        );
        assert!(unknown.is_empty(), "nothing says these any more: {unknown:?}");
    }
}

/// What Terraform prints when the provider refuses has a row, as far as this target asks for such a thing.
#[test]
fn what_the_provider_may_refuse_is_explained_where_terraform_asks_it() {
    let part = |files: &Files| -> Option<String> {
        let page = documents(files).find(|(path, _)| *path == "docs/troubleshooting.md").expect("the page").1;
        page.split("\n## Provision\n").nth(1)?.split("\n## ").next().map(str::to_owned)
    };
    let acme = part(&files(&example("acme"))).expect("Terraform makes it");
    for word in [
        "Unable to locate credentials",
        "ExpiredToken",
        "UnauthorizedOperation",
        "PendingVerification",
        "BucketAlreadyExists",
        "VpcLimitExceeded",
        "AddressLimitExceeded",
        "VcpuLimitExceeded",
        "InsufficientInstanceCapacity",
        "is not offered in",
        "Instance cannot be destroyed",
        "errored.tfstate",
        "Error acquiring the state lock",
    ] {
        assert!(acme.contains(&format!("\n| `{word}`")), "{word}: {acme}");
    }
    let rows: Vec<&str> = acme.lines().filter(|line| line.starts_with("| `")).collect();
    for row in &rows {
        assert!(row.matches(" | ").count() == 2 && row.ends_with(". |"), "{row}");
    }
    assert!(rows.iter().any(|row| row.contains("Values=t3.large --query")), "{acme}");
    for word in ["`InsufficientInstanceCapacity`", "`Unsupported`, `InvalidInstanceType`"] {
        let row = rows.iter().find(|row| row.contains(word)).expect(word);
        assert!(
            row.contains("`aws ec2 start-instances --region eu-west-1 --instance-ids ID` starts it."),
            "{row}"
        );
    }
    assert!(!acme.contains("InvalidChangeBatch"), "the record is set by hand");
    let folder = "~/.local/state/stufpack/acme-production/terraform";
    assert!(
        acme.contains(&format!("typed in `{folder}/code`, after `export TF_DATA_DIR={folder}/data`.")),
        "{acme}"
    );
    assert!(!acme.contains("describe-db-instances"), "there is no database");
    let every = part(&files(&example_with("acme", "every-option.yaml"))).expect("Terraform makes it");
    assert!(every.contains("--hosted-zone-id Z0123456789ABCDEFGHIJ --query"), "{every}");
    assert!(!every.contains("VpcLimitExceeded"), "the subnet is there");
    assert!(part(&files(&harbour())).is_none());
}

/// What README shows of a plan stands in that plan, line by line.
#[test]
fn readme_shows_lines_of_the_plan_itself() {
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |name: &str| std::fs::read_to_string(format!("{root}/{name}")).expect("readable");
    let readme = read("README.md");
    let shown =
        readme.split("```text\n").nth(2).and_then(|rest| rest.split("```").next()).expect("an excerpt");
    let plan = read("golden/harbour/MIGRATION-PLAN.md");
    let lines: Vec<&str> = plan.lines().collect();
    assert!(shown.contains("| Duration |") && shown.lines().count() > 5, "{shown}");
    for line in shown.lines() {
        assert!(
            lines.contains(&line),
            "README.md shows what the plan of examples/harbour does not say: {line}"
        );
    }
}

/// The operator of the source asks for how long: README tells it as `./migrate content` counts it.
#[test]
fn readme_of_a_package_says_how_long_the_read_key_must_last() {
    let readme = |plan: &Plan, checked: &Checked| {
        let files = files_of(plan, checked);
        documents(&files).find(|(path, _)| *path == "README.md").expect("README.md").1.to_owned()
    };
    let mut checked = harbour();
    let plan = plan::compile(&checked, &Numbering { package: 7 });
    let lasts = plan::figures::duration(plan.facts.content.elapsed_at_most);
    let text = readme(&plan, &checked);
    let from = "from the opening of the next window after you type `./migrate content`";
    assert!(text.contains(&format!("it must last {lasts} {from}")), "{text}");

    checked.target.content.windows.clear();
    let plan = plan::compile(&checked, &Numbering { package: 7 });
    let text = readme(&plan, &checked);
    assert!(text.contains(" from when you type `./migrate content`"), "{text}");
}

/// Branches that are merged by union bring an entry twice where both have it.
#[test]
fn the_changelog_says_each_thing_once() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/CHANGELOG.md")).expect("readable");
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> =
        text.lines().filter(|line| line.starts_with("- ") && !seen.insert(*line)).collect();
    assert_eq!(twice, [""; 0]);
    assert!(seen.len() > 100, "{}", seen.len());
}

/// The guide tells every verb and every exit code that `./migrate` has.
#[test]
fn the_guide_tells_the_verbs_and_exit_codes_of_migrate() {
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide.md")).expect("readable");
    for verb in ["hold", "resume", "panic", "status", "abort", "bootstrap", "sign-off"] {
        assert!(guide.contains(&format!("| `{verb}` | ")), "{verb}");
    }
    assert!(guide.contains("--delete-data"));
    assert!(guide.contains("./migrate export --digests"));
    // What the last part has people type needs nothing that the first does not hand them.
    let (got, after) = guide.split_once("## 2 ").expect("parts");
    let comparing = after.split_once("## 7 ").expect("the last part").1;
    assert!(comparing.contains("stufpack diff OLD NEW --target target.yaml"), "{comparing}");
    for part in [
        "| the export and the `target.yaml` that the package was compiled from |",
        "| `stufpack`, the program |",
    ] {
        assert!(got.contains(part), "{part}");
    }
    assert!(guide.contains("`~/.local/state/stufpack/SLUG-ENVIRONMENT/`"), "where the state folder is");
    let files = files(&harbour());
    for page in ["MIGRATION-PLAN.md", "docs/operations.md"] {
        let text = documents(&files).find(|(path, _)| *path == page).expect("the page").1;
        assert!(text.contains("export --digests") && text.contains("reads every file"), "{page}");
    }
    let readme = documents(&files).find(|(path, _)| *path == "README.md").expect("the page").1;
    assert!(
        readme.contains("No phase needs the program `stufpack`") && readme.contains("built from its source")
    );
    let page = documents(&files).find(|(path, _)| *path == "docs/troubleshooting.md").expect("the page").1;
    let exits: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|word| word.parse::<u8>().is_ok())
        .collect();
    assert_eq!(exits.len(), 7, "{exits:?}");
    let told =
        guide.split("Exit codes: ").nth(1).and_then(|rest| rest.split('`').next()).expect("exit codes");
    let told: BTreeSet<&str> =
        told.split(['·', '\n']).filter_map(|part| part.split_whitespace().next()).collect();
    for exit in exits {
        assert!(told.contains(exit), "exit code {exit}: {told:?}");
    }
}
