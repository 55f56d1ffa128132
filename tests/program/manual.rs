//! What is shipped beside the program, man pages and completions, says what the reference says.
//!
//! `STUFPACK_BLESS=1 cargo test --test program manual` rewrites the page that is compared as a whole.

use crate::workspace::{Run, Workspace, run};
use std::collections::BTreeSet;
use std::fs;

/// The parts of the reference about one command each: its words, and the text.
fn commands() -> Vec<(String, String)> {
    let reference = stufpack::cli::reference::markdown();
    let parts = reference.split("\n## ").filter_map(|part| part.strip_prefix("stufpack "));
    parts
        .map(|part| {
            let (words, text) = part.split_once('\n').expect("a heading");
            (words.to_owned(), text.to_owned())
        })
        .collect()
}

fn file_name(words: &[&str]) -> String {
    format!("stufpack-{}.1", words.join("-"))
}

#[test]
fn every_command_has_a_man_page_with_the_options_of_the_reference() {
    let here = Workspace::new();
    here.stufpack("man-pages man").exits_with(0);

    let mut expected = BTreeSet::from(["stufpack.1".to_owned()]);
    for (command, text) in commands() {
        let words: Vec<&str> = command.split(' ').collect();
        expected.extend((1..=words.len()).map(|length| file_name(&words[..length])));
        let page = here.read(&format!("man/{}", file_name(&words)));
        let options = text.lines().filter_map(|line| line.strip_prefix("| `--")?.split('`').next());
        for option in options {
            let option = format!("\\fB\\-\\-{}\\fR", option.replace('-', "\\-"));
            assert!(page.contains(&option), "{command} has {option}:\n{page}");
        }
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT STATUS\"", "ENVIRONMENT", "\"SEE ALSO\""]
        {
            assert_eq!(page.matches(&format!("\n.SH {section}\n")).count(), 1, "{command}: {section}");
        }
    }
    assert_eq!(here.names("man"), expected.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_man_page_reads_as_a_whole() {
    let here = Workspace::new();
    here.stufpack("man-pages man").exits_with(0);
    let page = here.read("man/stufpack-kit-source.1").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/stufpack-kit-source.1");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        fs::write(committed, &page).expect("written");
    }
    assert_eq!(fs::read_to_string(committed).expect("the page"), page);
}

#[test]
fn man_pages_that_cannot_be_written_are_told() {
    let here = Workspace::new();
    here.write("man", "a file");
    let told = here.stufpack("man-pages man").exits_with(1);
    assert!(told.stderr.starts_with("error[output]: man could not be written"), "{}", told.stderr);
    here.stufpack("man-pages").exits_with(2);
}

/// What bash offers for the last of `words`, in its order.
fn completed(here: &Workspace, words: &[&str]) -> Vec<String> {
    let script = "source ./stufpack.bash\n\
                  COMP_WORDS=(stufpack \"$@\")\n\
                  COMP_CWORD=$#\n\
                  _stufpack stufpack \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"\n\
                  printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    let mut bash = assert_cmd::Command::new("bash");
    bash.current_dir(here.path(".")).args(["--norc", "-c", script, "bash"]).args(words);
    let Run { stdout, .. } = run(bash).exits_with(0);
    stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_their_words_and_nothing_that_the_help_does_not_name() {
    let here = Workspace::new();
    let script = here.stufpack("completions bash").exits_with(0).stdout;
    here.write("stufpack.bash", &script);

    assert_eq!(completed(&here, &["comp"]), ["compile", "completions"]);
    assert_eq!(completed(&here, &["glass", "v"]), ["verify"]);
    assert_eq!(completed(&here, &["check", "--t"]), ["--target"]);
    assert_eq!(completed(&here, &["check", "--format", ""]), ["text", "json"]);
    assert_eq!(completed(&here, &["completions", "f"]), ["fish"]);
    let offered = completed(&here, &[""]);
    for hidden in ["man-pages", "reference"] {
        assert!(!offered.contains(&hidden.to_owned()), "{offered:?}");
    }
    for (command, _) in commands() {
        let first = command.split(' ').next().expect("a word");
        assert!(offered.contains(&first.to_owned()), "{command}: {offered:?}");
    }
}

#[test]
fn each_shell_that_is_named_gets_completions_of_its_own() {
    let here = Workspace::new();
    let shells = completed_shells(&here);
    assert!(shells.len() >= 5, "{shells:?}");
    let scripts: BTreeSet<String> = shells
        .iter()
        .map(|shell| here.stufpack(&format!("completions {shell}")).exits_with(0).stdout)
        .collect();
    assert_eq!(scripts.len(), shells.len());
    assert!(scripts.iter().all(|script| script.contains("recipient")), "every option is in each");
    here.stufpack("completions tcsh").exits_with(2);
}

/// The shells that the help names.
fn completed_shells(here: &Workspace) -> Vec<String> {
    let help = here.stufpack("completions --help").exits_with(0).stdout;
    let words = help.split("possible values: ").nth(1).and_then(|rest| rest.split(']').next());
    words.expect("the shells").split(", ").map(str::to_owned).collect()
}
