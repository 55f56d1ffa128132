//! The numbered cases of docs/testing.md: each required one has a test, and the table says where.
//!
//! `STUFPACK_BLESS=1 cargo test --test program numbered` rewrites the table.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Data, rollback, orchestration, triggers, names, audit, fleet, secrets.
const FAMILIES: &str = "drotnafs";
const BEGIN: &str = "<!-- numbered cases, by STUFPACK_BLESS=1 cargo test --test program numbered -->\n";
const END: &str = "<!-- end of numbered cases -->\n";

/// A number, whether an issue requires it yet, and its promise.
struct Case {
    number: String,
    required: bool,
    promise: String,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../numbered.txt").lines();
    let cases = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (number, text) = line.split_once(' ').expect("a number and a promise");
        let text = text.trim();
        let promise = text.strip_prefix("later: ");
        Case {
            number: number.to_owned(),
            required: promise.is_none(),
            promise: promise.unwrap_or(text).to_owned(),
        }
    });
    cases.collect()
}

/// The numbers that a name carries.
fn numbers(name: &str, between: char) -> Vec<String> {
    let is_number = |word: &&str| {
        let rest = word.trim_start_matches(|letter| FAMILIES.contains(letter));
        word.len() - rest.len() == 1
            && rest.len() >= 2
            && rest.as_bytes()[..2].iter().all(u8::is_ascii_digit)
            && matches!(&rest[2..], "" | "a" | "b")
    };
    name.split(between)
        .filter(is_number)
        .map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]))
        .collect()
}

/// The names of the tests of a file.
fn tests(path: &Path, text: &str) -> Vec<String> {
    let name = |rest: &str| rest.split('(').next().unwrap_or(rest).to_owned();
    if path.extension().is_some_and(|ending| ending == "py") {
        let tests = text.lines().map(str::trim).filter(|line| line.starts_with("def test_"));
        return tests.filter_map(|line| line.strip_prefix("def ")).map(name).collect();
    }
    let mut found = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        is_test |= line == "#[test]";
        if let Some(rest) = line.strip_prefix("fn ") {
            found.extend(is_test.then(|| name(rest)));
            is_test = false;
        }
    }
    found
}

/// Where each number stands: file, then names of tests there.
fn shown() -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shown: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let mut note = |number: String, file: &Path, name: &str| {
        let file = file.strip_prefix(root).expect("below").display().to_string();
        shown.entry(number).or_default().entry(file).or_default().push(name.to_owned());
    };
    for folder in ["src", "tests"] {
        for entry in walkdir::WalkDir::new(root.join(folder)).sort_by_file_name() {
            let entry = entry.expect("an entry");
            let path = entry.path();
            let name = entry.file_name().to_string_lossy();
            if entry.file_type().is_dir() && path.starts_with(root.join("tests/check")) {
                numbers(&name, '-')
                    .into_iter()
                    .for_each(|number| note(number, path.parent().expect("a parent"), &name));
            }
            if path.extension().is_some_and(|ending| ending == "rs" || ending == "py") {
                let text = fs::read_to_string(path).expect("readable");
                for test in tests(path, &text) {
                    numbers(&test, '_').into_iter().for_each(|number| note(number, path, &test));
                }
            }
        }
    }
    shown
}

/// The table as it stands in docs/testing.md.
fn table() -> String {
    let shown = shown();
    let mut table = String::from("| | promised | shown by |\n| --- | --- | --- |\n");
    for case in cases() {
        let Some(places) = shown.get(&case.number) else { continue };
        let places: Vec<String> = places
            .iter()
            .map(|(file, names)| {
                format!(
                    "`{file}`: {}",
                    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                )
            })
            .collect();
        table += &format!("| {} | {} | {} |\n", case.number, case.promise, places.join("<br>"));
    }
    table
}

#[test]
fn every_numbered_case_that_is_required_has_a_test() {
    let shown = shown();
    let missing: Vec<String> = cases()
        .into_iter()
        .filter(|case| case.required && !shown.contains_key(&case.number))
        .map(|case| format!("{}  {}", case.number, case.promise))
        .collect();
    assert!(missing.is_empty(), "no test carries these numbers in its name:\n{}", missing.join("\n"));
}

#[test]
fn no_test_carries_a_number_that_is_not_known() {
    let known: Vec<String> = cases().into_iter().map(|case| case.number).collect();
    let mut sorted = known.clone();
    sorted.dedup();
    assert_eq!(known, sorted, "a number stands twice in tests/numbered.txt");
    let unknown: Vec<_> = shown().into_iter().filter(|(number, _)| !known.contains(number)).collect();
    assert!(unknown.is_empty(), "tests/numbered.txt does not say what these promise:\n{unknown:#?}");
}

#[test]
fn the_numbered_cases_of_the_testing_page_are_current() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/testing.md");
    let text = fs::read_to_string(&page).expect("readable");
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (published, after) = rest.split_once(END).expect("where the table ends");
    let table = table();
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        fs::write(&page, format!("{before}{BEGIN}{table}{END}{after}")).expect("written");
        return;
    }
    assert!(
        published == table,
        "STUFPACK_BLESS=1 rewrites the table of docs/testing.md; read the difference"
    );
}

#[test]
fn numbers_are_found_wherever_they_stand_in_a_name() {
    assert_eq!(numbers("test_5d_s05_nobody_saw_p95_or_u8", '_'), ["S05"]);
    assert_eq!(numbers("d25a_and_d29_and_d7_and_d290", '_'), ["D25a", "D29"]);
    assert_eq!(numbers("d24-words-malformed", '-'), ["D24"]);
}
