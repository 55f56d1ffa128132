//! The library as other programs use it: its examples run, its interface is the one that is listed, its errors are typed.
//!
//! `STUFPACK_BLESS=1 cargo test --test library` rewrites the list.

#[path = "library/interface.rs"]
mod interface;
#[path = "library/kept_clone.rs"]
mod kept_clone;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where this test was compiled to, and what it asks Cargo for has been or will be.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    test.ancestors().nth(3).expect("TARGET/debug/deps/library").to_owned()
}

/// Runs Cargo in the repository; what the test was compiled with is there already.
fn cargo(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder).args(arguments);
    command.args([
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        "--locked",
        "--quiet",
    ]);
    // As `make quick` documents it, so that nothing is documented twice.
    command.env("RUSTDOCFLAGS", "-D warnings").env("CARGO_TARGET_DIR", target());
    command.output().expect("cargo")
}

/// Runs one of the examples and returns what it prints.
fn example(name: &str, arguments: &[&str], folder: &Path) -> Output {
    let program = target().join("debug/examples").join(name);
    let built = cargo(&["build", "--example", name], folder);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Command::new(program).current_dir(folder).args(arguments).output().expect("the example")
}

fn minimal(name: &str) -> String {
    format!("{ROOT}/examples/minimal/{name}")
}

#[test]
fn the_example_findings_prints_each_as_json_and_says_by_its_code_whether_the_input_is_usable() {
    let here = tempfile::tempdir().expect("a folder");
    let told = example("findings", &[&minimal("export"), &minimal("target.yaml")], here.path());
    let lines = String::from_utf8(told.stdout).expect("text");
    let codes: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|finding| finding["code"].as_str().expect("a code").to_owned())
        .collect();
    assert_eq!((told.status.code(), codes), (Some(0), vec!["recipients.none".to_owned()]));

    let target = fs::read_to_string(minimal("target.yaml")).expect("the target");
    fs::write(here.path().join("target.yaml"), target.replace("environment:", "enviroment:"))
        .expect("written");
    let told = example("findings", &[&minimal("export"), "target.yaml"], here.path());
    assert_eq!(told.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&told.stdout).matches("\"severity\":\"error\"").count(), 2);
}

#[test]
fn the_example_package_makes_a_package_that_the_program_verifies() {
    let here = tempfile::tempdir().expect("a folder");
    let make = ["-q", "-t", "ed25519", "-N", "", "-C", "issuer/example", "-f", "issuer"];
    let made = Command::new("ssh-keygen").current_dir(here.path()).args(make).status();
    assert!(made.is_ok_and(|status| status.success()), "ssh-keygen is needed");

    let told =
        example("package", &[&minimal("export"), &minimal("target.yaml"), "issuer", "out"], here.path());
    let said = String::from_utf8(told.stdout).expect("text");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let (package, signed) = said.split_once('\n').expect("two lines");
    assert!(signed.starts_with("signed by issuer/example, Package-SHA256 sha256:"), "{signed}");

    let page = fs::read_to_string(here.path().join("out/VERIFY.txt")).expect("VERIFY.txt");
    let line = page.lines().find(|line| line.starts_with("issuer/example ")).expect("the signer's line");
    fs::write(here.path().join("signers"), format!("{line}\n")).expect("written");
    assert_cmd::Command::cargo_bin("stufpack")
        .expect("the program")
        .current_dir(here.path())
        .args(["verify", package, "--signers", "signers", "--at", "2026-11-20T12:00:00Z"])
        .assert()
        .success();
}

/// What a caller can name, each with its signature; whoever changes it sees it here, and says it in the changelog.
fn listed() -> String {
    let made = cargo(&["doc", "--no-deps"], Path::new(ROOT));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut list = String::from(
        "# What other programs can name of the library stufpack, as rustdoc shows it.\n\
         # Rewritten by: STUFPACK_BLESS=1 cargo test --test library\n",
    );
    for (path, lines) in interface::read(&target().join("doc/stufpack")) {
        let _ = writeln!(list, "\n{path}");
        for line in lines {
            let _ = writeln!(list, "    {line}");
        }
    }
    list
}

#[test]
fn the_public_interface_is_the_one_that_is_listed_and_its_errors_are_types() {
    let list = listed();
    let committed = Path::new(ROOT).join("docs/reference/public-interface.txt");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        fs::write(&committed, &list).expect("written");
    }
    let before = fs::read_to_string(&committed).expect("docs/reference/public-interface.txt");
    let differs: Vec<_> =
        before.lines().zip(list.lines()).filter(|(before, now)| before != now).take(3).collect();
    assert!(
        before == list,
        "the public interface changed: read the difference after STUFPACK_BLESS=1 cargo test --test library, \
         and say it in CHANGELOG.md; first: {differs:#?}"
    );

    assert!(
        list.contains("    pub fn source(export: &Path, target: Option<&Path>) -> Result<Source, Error>\n")
    );
    let untyped: Vec<&str> = list.lines().filter(|line| !errors(line).into_iter().all(is_typed)).collect();
    assert!(untyped.is_empty(), "an error that is a bare text or number, or nobody knows what: {untyped:#?}");
}

/// The second argument of each `Result` in a signature.
fn errors(signature: &str) -> Vec<&str> {
    let results = signature.match_indices("Result<").map(|(at, word)| &signature[at + word.len()..]);
    results.filter_map(second).collect()
}

/// `B` of `A, B>…`.
fn second(arguments: &str) -> Option<&str> {
    let (mut depth, mut begin) = (0, None);
    for (at, letter) in arguments.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' if arguments[..at].ends_with('-') => {}
            '>' if depth == 0 => return begin.map(|begin: usize| arguments[begin..at].trim()),
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => begin = Some(at + 1),
            _ => {}
        }
    }
    None
}

fn is_typed(error: &str) -> bool {
    let untyped = ["String", "()", "usize", "u8", "i32", "bool"];
    !error.starts_with('&')
        && !error.starts_with("Box<")
        && !error.contains("anyhow")
        && !untyped.contains(&error)
}

#[test]
fn an_error_that_is_no_type_would_be_noticed() {
    for (signature, expected) in [
        ("pub fn a() -> Result<Vec<(u8, u8)>, Error>", vec!["Error"]),
        ("pub fn b() -> Result<(), Box<dyn Error>>", vec!["Box<dyn Error>"]),
        ("pub fn c() -> Result<Option<Result<Row, &'static str>>>", vec!["&'static str"]),
        ("pub fn d(f: impl Fn(u8) -> Result<(), String>) -> Result<()>", vec!["String"]),
        ("pub fn e() -> Option<Oid>", vec![]),
    ] {
        assert_eq!(errors(signature), expected, "{signature}");
    }
    let all = ["Error", "Box<dyn Error>", "&'static str", "String", "Vec<Finding>", "Self::Error"];
    assert_eq!(all.map(is_typed), [true, false, false, false, true, true]);
}
