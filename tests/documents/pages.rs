//! What the pages promise, as a browser reads them: the values as they are, the whole plan, and nothing that loads or runs.

use super::fixture::{self, HOSTILE, harbour, least};
use super::{files, files_of};
use base64::Engine as _;
use html5gum::{DefaultEmitter, Token, Tokenizer};
use std::collections::{BTreeMap, BTreeSet};
use stufpack::model::{Digest, Files};
use stufpack::plan::{self, Numbering};
use stufpack::render;

const PAGES: [&str; 2] = ["MIGRATION-PLAN.html", "docs/ledger.html"];

/// Elements that have no end.
const VOID: [&str; 3] = ["meta", "input", "br"];

/// An element of a page, with all the text in it.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
}

/// Every element of a page, by the tokenizer of the HTML standard; one that is not closed where it has to be is refused.
fn read(files: &Files, path: &str) -> Vec<Element> {
    let page = String::from_utf8(files[path].bytes.to_vec()).expect("UTF-8");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let (mut elements, mut open) = (Vec::new(), Vec::new());
    for Ok(token) in Tokenizer::new_with_emitter(&page, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name = text(&tag.name);
                if !tag.self_closing && !VOID.contains(&name.as_str()) {
                    open.push(elements.len());
                }
                let attributes =
                    tag.attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
                elements.push(Element { name, attributes, text: String::new() });
            }
            Token::EndTag(tag) => {
                let last: Option<usize> = open.pop();
                let last = last.map(|at| elements[at].name.as_str());
                assert_eq!(last, Some(text(&tag.name).as_str()), "{path}: elements overlap");
            }
            Token::String(found) => {
                for at in &open {
                    elements[*at].text += &text(&found);
                }
            }
            Token::Doctype(_) => {}
            Token::Comment(_) => panic!("{path} has a comment"),
            Token::Error(error) => panic!("{path}: {error:?}"),
        }
    }
    assert!(open.is_empty(), "{path}: something is not closed");
    elements
}

fn the<'e>(elements: &'e [Element], name: &str) -> &'e Element {
    let mut found = elements.iter().filter(|element| element.name == name);
    let first = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "more than one {name}");
    first
}

#[test]
fn a_hostile_project_name_comes_out_of_every_page_as_it_is() {
    let files = files(&harbour());
    for path in PAGES {
        let page = read(&files, path);
        assert!(
            the(&page, "h1").text.contains(&render::visible(HOSTILE)),
            "{path}: {:?}",
            the(&page, "h1").text
        );
        // Pictures have titles too.
        let title = page.iter().find(|element| element.name == "title").expect("a title");
        assert!(title.text.contains(&render::visible(HOSTILE)), "{path}: {:?}", title.text);
    }
}

/// A value of the export must not become markup, so the elements of a page with hostile values are those of one with tame ones.
#[test]
fn a_hostile_value_makes_no_element() {
    let shape = |checked| {
        let files = files(&checked);
        let names = |path| read(&files, path).into_iter().map(|element| element.name).collect::<Vec<_>>();
        PAGES.map(names)
    };
    let mut tame = harbour();
    tame.export.project.name = fixture::word("Harbour");
    tame.export.project.description = fixture::word("Files");
    assert!(shape(harbour()) == shape(tame));
}

#[test]
fn a_page_runs_and_loads_nothing_but_what_its_policy_names() {
    let pinned = |text: &str| {
        let digest = base64::engine::general_purpose::STANDARD.encode(Digest::of(text.as_bytes()).0);
        format!("'sha256-{digest}'")
    };
    let files = files(&fixture::example("harbour"));
    for path in PAGES {
        let page = read(&files, path);
        let policy = page
            .iter()
            .find(|element| {
                element.attributes.get("http-equiv").is_some_and(|name| name == "Content-Security-Policy")
            })
            .expect("a policy");
        let mut allowed: BTreeSet<String> =
            ["default-src 'none'", "base-uri 'none'", "form-action 'none'"].map(str::to_owned).into();
        allowed.insert(format!("style-src {}", pinned(&the(&page, "style").text)));
        if path == "docs/ledger.html" {
            allowed.insert(format!("script-src {}", pinned(&the(&page, "script").text)));
        }
        let told: BTreeSet<String> = policy.attributes["content"].split("; ").map(str::to_owned).collect();
        assert_eq!(told, allowed, "{path}");
        for element in &page {
            for (name, value) in &element.attributes {
                let leads_away = ["src", "srcset", "action", "style", "data"].contains(&name.as_str());
                assert!(!leads_away && !name.starts_with("on"), "{path}: {name} on {}", element.name);
                assert!(name != "href" || value.starts_with('#'), "{path}: a link to {value}");
            }
            assert!(!["link", "img", "iframe", "object", "form"].contains(&element.name.as_str()), "{path}");
        }
    }
}

/// Whoever has ticked off the page has seen each step: who acts, what is typed, how one knows, the way back.
#[test]
fn the_page_of_the_plan_holds_every_step_once_with_a_box_to_tick() {
    for checked in [harbour(), least(), fixture::example("harbour"), fixture::example("minimal")] {
        let plan = plan::compile(&checked, &Numbering { package: 7 });
        let page = read(&files_of(&plan, &checked), "MIGRATION-PLAN.html");
        let headings = |name: &str| -> Vec<&str> {
            let of_name = page.iter().filter(|element| element.name == name);
            of_name.filter_map(|element| element.attributes.get("id").map(String::as_str)).collect()
        };
        let steps: Vec<&str> = plan.steps().map(|step| step.id).collect();
        assert_eq!(headings("h4"), steps);
        let chapters = headings("h2").into_iter().filter(|id| id.starts_with("chapter-")).count();
        assert_eq!(chapters, 14);

        let boxes: Vec<&Element> =
            page.iter().filter(|e| e.attributes.get("class").is_some_and(|class| class == "step")).collect();
        assert_eq!(boxes.len(), plan.steps().count());
        for (step, told) in plan.steps().zip(boxes) {
            let whole = [&step.what, &step.proof.text, &step.precondition.text, &step.abort_when];
            let typed = [&step.command, &step.proof.command, &step.precondition.command];
            let all = whole.into_iter().chain(typed.into_iter().flatten()).map(String::as_str);
            for text in all.chain([step.title]) {
                assert!(told.text.contains(text), "{}: {text:?} is missing", step.id);
            }
        }
    }
}

/// The picture shows what the list beside it says, and every row of the timetable has its bar.
#[test]
fn pictures_are_drawn_from_the_plan_and_told_in_words() {
    let checked = harbour();
    let plan = plan::compile(&checked, &Numbering { package: 7 });
    let page = read(&files_of(&plan, &checked), "MIGRATION-PLAN.html");
    let pictures: Vec<&Element> = page.iter().filter(|element| element.name == "svg").collect();
    assert_eq!(pictures.len(), 4);
    let ids: Vec<&String> = page.iter().filter_map(|element| element.attributes.get("id")).collect();
    for picture in &pictures {
        assert_eq!(picture.attributes["role"], "img");
        for id in picture.attributes["aria-labelledby"].split(' ') {
            assert_eq!(ids.iter().filter(|other| **other == id).count(), 1, "{id}");
        }
    }
    let drawn = |at: usize, words: &[&str]| {
        let text = pictures[at].text.replace('\n', " ");
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
    };
    drawn(0, &["harbour.stuf.pyx.io", "files.harbour.example", "192.0.2.10", "object storage (Garage)"]);
    let rows = |rows: &[plan::Row]| -> Vec<&'static str> {
        rows.iter().filter_map(|row| row.id.rsplit('/').next()).collect()
    };
    drawn(1, &rows(&plan.timetable.preparation));
    drawn(2, &["cutover: ", "slack: ", "kept for a rollback: "]);
    drawn(3, &rows(&plan.timetable.cutover));
}

#[test]
fn the_page_of_the_ledger_holds_every_setting_where_the_search_finds_it() {
    let checked = fixture::example("harbour");
    let plan = plan::compile(&checked, &Numbering { package: 7 });
    let files = files_of(&plan, &checked);
    let page = read(&files, "docs/ledger.html");

    assert!(files["docs/ledger.html"].personal && !files["MIGRATION-PLAN.html"].personal);
    let search =
        page.iter().find(|element| element.attributes.contains_key("data-filter")).expect("a search");
    assert!(search.attributes.contains_key("hidden"), "without script there is nothing to type into");
    let mut told = BTreeSet::new();
    for element in page.iter().filter(|element| ["td", "li"].contains(&element.name.as_str())) {
        told.insert(element.text.as_str());
    }
    for entry in &plan.ledger.entries {
        assert!(told.contains(entry.setting.as_str()), "{} is missing", entry.setting);
    }
}

#[test]
fn no_page_that_is_not_personal_names_a_user_in_the_way_of_html() {
    for checked in [harbour(), fixture::example("harbour")] {
        let files = files(&checked);
        let text = String::from_utf8_lossy(&files["MIGRATION-PLAN.html"].bytes).into_owned();
        for user in checked.export.users.values().filter(|user| user.name.as_str().contains(' ')) {
            let name = render::escape_html(&render::visible(user.name.as_str()));
            // A user may be called as a part of the project is.
            let project = render::escape_html(&render::visible(checked.export.project.name.as_str()));
            assert!(!text.replace(&project, "").contains(&name), "{name}");
        }
    }
}
