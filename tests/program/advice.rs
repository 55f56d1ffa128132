//! What is said to who names the wrong thing, and what follows what went well: a command that can be pasted.

use crate::workspace::{AT, Run, Workspace, run};
use std::fs;

const COMPILE: &str = "compile input/export --target input/target.yaml --out out --sign-key key";
const PACKAGE: &str = "minimal-staging-hosted-to-self-host-1.zip";

fn minimal() -> Workspace {
    let here = Workspace::new();
    here.example("minimal", "input");
    here
}

/// The command after the last `next: `.
fn next(text: &str) -> &str {
    text.rsplit_once("next: ").expect("something to do next").1.trim_end()
}

#[track_caller]
fn says(told: &Run, words: &[&str]) {
    for word in words {
        assert!(told.stderr.contains(word), "`{word}` is missing:\n{}", told.stderr);
    }
}

/// Types what was printed; every command begins with the program's name.
fn paste(here: &Workspace, command: &str) -> Run {
    here.stufpack(command.strip_prefix("stufpack ").expect("a command of this program"))
}

#[test]
fn a_folder_around_the_export_is_one_finding_with_the_command_to_type() {
    let here = minimal();
    here.write("input/secret-key", "not looked at");
    for (named, meant) in [("input", "input/export"), ("input/", "input/export"), (".", "./input/export")] {
        for command in ["check", "plan", "compile"] {
            let more = if command == "compile" { " --out out --sign-key key" } else { "" };
            let told =
                here.stufpack(&format!("{command} {named} --target input/target.yaml{more}")).exits_with(3);
            let expected = format!(": there is no export here; there is one in {meant}\n");
            assert!(
                told.stderr.starts_with(&format!("error[export.document.missing]{expected}")),
                "{}",
                told.stderr
            );
            assert!(
                told.stderr.contains("1 error. ") && !told.stderr.contains("secret-key"),
                "{}",
                told.stderr
            );
            assert_eq!(
                next(&told.stderr),
                format!("stufpack {command} {meant} --target input/target.yaml{more}"),
            );
            paste(&here, next(&told.stderr)).exits_with(0);
            fs::remove_dir_all(here.path("out")).ok();
        }
    }
    here.example("harbour", "input/other");
    let told = here.stufpack("check input --target input/target.yaml").exits_with(3);
    says(&told, &["there are some in input/export, input/other/export"]);
    assert_eq!(next(&told.stderr), "stufpack check EXPORT --target input/target.yaml");
    fs::create_dir(here.path("empty")).expect("a folder");
    let told = here.stufpack("check empty --target input/target.yaml").exits_with(3);
    says(&told, &["there is no export here: no export.yaml", "1 error. "]);
}

#[test]
fn a_folder_that_is_called_like_the_document_is_no_export() {
    let here = minimal();
    fs::create_dir_all(here.path("empty/export.yaml")).expect("a folder");
    for command in [
        "check empty",
        "plan empty --target input/target.yaml",
        "compile empty --target input/target.yaml --out out --sign-key key",
        "diff empty input/export",
    ] {
        let told = here.stufpack(command).exits_with(3);
        says(&told, &["error[export.document.missing]: there is no export here: no export.yaml"]);
    }
    here.write("empty/export.yaml/inside", "");
    fs::create_dir(here.path("zipped")).expect("a folder");
    fs::rename(here.path("empty/export.yaml"), here.path("zipped/export.yaml")).expect("renamed");
    here.zip("zipped", "export.zip");
    let told = here.stufpack("check export.zip").exits_with(3);
    says(&told, &["error[export.document.missing]"]);
}

#[test]
fn a_package_named_as_export_is_one_finding_in_each_form() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    let encrypt = COMPILE.replace("--out out", "--out sealed --encrypt");
    here.stufpack(&encrypt).exits_with(0);
    here.stufpack(&format!("unpack out/{PACKAGE} tree --signers signers --at {AT}")).exits_with(0);
    for (named, what) in [
        (format!("out/{PACKAGE}"), "this is a package, not an export"),
        ("tree".to_owned(), "this is a package, not an export"),
        (format!("sealed/{PACKAGE}.age"), "this is an encrypted file, such as a package, not an export"),
    ] {
        let told = here.stufpack(&format!("check {named} --target input/target.yaml")).exits_with(3);
        says(&told, &[what, "to look at", "stufpack verify", "1 error. "]);
        assert_eq!(next(&told.stderr), "stufpack check EXPORT --target input/target.yaml");
    }
}

#[test]
fn swapped_documents_are_told_alone_and_not_repeated() {
    let here = minimal();
    let target = here.stufpack("target init").exits_with(0).stdout;
    here.write("target.yaml", &target);
    for (line, errors, expected) in [
        // The examples left in the target, and the realm that stands beside no target, are not told besides.
        ("check target.yaml --target target.yaml", "1 error. ", "stufpack check EXPORT --target target.yaml"),
        (
            "check input/export --target input/export/export.yaml",
            "1 error. ",
            "stufpack check input/export --target TARGET",
        ),
        (
            "check input/target.yaml --target=input/export/export.yaml",
            "2 errors. ",
            "stufpack check input/export --target=input/target.yaml",
        ),
    ] {
        let told = here.stufpack(line).exits_with(3);
        says(&told, &[errors]);
        assert_eq!(
            told.stderr.matches("error[").count(),
            told.stderr.matches("error[document.kind]").count(),
            "{}",
            told.stderr
        );
        assert_eq!(next(&told.stderr), expected);
    }
    here.stufpack("check input/export --target=input/target.yaml").exits_with(0);
}

#[test]
fn a_missing_realm_is_told_by_what_was_named() {
    let here = minimal();
    let told = here.stufpack("check input/export/export.yaml").exits_with(3);
    says(&told, &["[realm.missing]", "name the export's folder or zip"]);
    fs::remove_file(here.path("input/export/realm.json")).expect("removed");
    let told = here.stufpack("check input/export").exits_with(3);
    says(&told, &["[realm.missing]", "as realm.json"]);
    assert!(!told.stderr.contains("name the export's folder"), "{}", told.stderr);
}

#[test]
fn what_is_needed_and_missing_is_told_with_how_to_make_it() {
    let here = minimal();
    for (line, words) in [
        ("plan input/export", &["add --target TARGET (stufpack target init"][..]),
        (
            "compile input/export --out out",
            &["add --target TARGET", "set STUFPACK_SIGN_KEY", "ssh-keygen -t ed25519"],
        ),
        ("verify package.zip", &["add --signers FILE", "VERIFY.txt"]),
        ("glass verify glass", &["add --signers FILE"]),
        ("glass log glass --signers signers", &["add --out DIR, the folder that will hold what is made"]),
        ("glas log", &["next: stufpack --help"]),
        ("glass lok", &["next: stufpack glass --help"]),
        ("check input/export --nothing", &["next: stufpack check --help"]),
    ] {
        let told = here.stufpack(line).exits_with(2);
        says(&told, words);
        assert!(told.stderr.lines().last().is_some_and(|line| line.starts_with("next: ")), "{}", told.stderr);
        let told = here.stufpack(&format!("{line} --format json")).exits_with(2);
        let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
        assert!(report["next"].as_str().is_some_and(|next| next.len() > 10), "{report}");
    }
}

#[test]
fn a_signers_file_that_is_none_is_told_with_the_line_as_it_should_be() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    let verify = |signers: &str, code| {
        here.stufpack(&format!("verify out/{PACKAGE} --signers {signers} --at {AT}")).exits_with(code)
    };
    says(&verify("nowhere", 1), &["write the line of VERIFY.txt into it"]);

    let told = verify("key.pub", 4);
    says(&told, &["the name of its owner is missing at the front", "1 problem."]);
    let line = told.stderr.split("write the line so: ").nth(1).and_then(|rest| rest.split(" (for").next());
    here.write("own", &format!("{}\n", line.expect("the line as it should be")));
    verify("own", 0);

    let told = verify("out/VERIFY.txt", 4);
    says(&told, &["is the whole of VERIFY.txt", "begins with issuer/", "1 problem."]);
    let line =
        here.read("out/VERIFY.txt").lines().find(|line| line.starts_with("issuer/")).map(str::to_owned);
    here.write("line", &(line.expect("the signer's line") + "\n"));
    verify("line", 0);
    says(&verify("input/export/export.yaml", 4), &["lines that name no signer", "1 problem."]);

    here.write("unsafe", &here.read("signers").replace("namespaces=\"git,stufpack\" ", ""));
    says(&verify("unsafe", 4), &["namespaces=\"stufpack\"", "for a glass with namespaces=\"git,stufpack\""]);
}

/// The line of VERIFY.txt is for packages alone; whoever takes it for a glass is told what to write, and not led in a circle.
#[test]
fn the_line_of_verify_txt_in_a_glass_leads_to_the_line_that_a_glass_needs() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    let page = here.read("out/VERIFY.txt");
    assert!(page.contains("namespaces=\"git,stufpack\" on this line"), "{page}");
    let line = page.lines().find(|line| line.starts_with("issuer/")).expect("the signer's line");
    here.write("line", &format!("{line}\n"));
    let told = here.stufpack("glass init stuf-minimal --sign-key key --signers line").exits_with(4);
    says(&told, &["but not for git", "next: ", "namespaces=\"git,stufpack\""]);

    here.write("both", &format!("{}\n", line.replace("\"stufpack\"", "\"git,stufpack\"")));
    here.stufpack("glass init stuf-minimal --sign-key key --signers both").exits_with(0);
    let told = here.stufpack("glass verify stuf-minimal --signers line").exits_with(4);
    assert!(told.stdout.contains("write namespaces=\"git,stufpack\" on the key's line"), "{}", told.stdout);
}

#[test]
fn a_glass_tells_each_next_command() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    let told = here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0).stdout;
    let record = next(&told).split(" (or").next().expect("a command");
    let target = here.read("input/target.yaml");
    let recipient = target.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| word.starts_with("age1"));
    let record = record
        .replace("PACKAGE", &format!("out/{PACKAGE}"))
        .replace("RECIPIENT", recipient.expect("a recipient"));
    let told = paste(&here, &record).exits_with(0).stdout;
    let told = paste(&here, next(&told)).exits_with(0).stdout;
    assert!(told.starts_with("stuf-minimal: pass, 2 operations"), "{told}");
}

#[test]
fn swapped_arguments_and_the_folder_around_a_package_are_told_with_the_right_command() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
    for command in ["record", "diff"] {
        let more = if command == "record" { " --sign-key key" } else { "" };
        let told = here
            .stufpack(&format!("glass {command} out/{PACKAGE} stuf-minimal --signers signers{more}"))
            .exits_with(2);
        says(&told, &["arguments swapped"]);
        assert_eq!(
            next(&told.stderr),
            format!("stufpack glass {command} stuf-minimal out/{PACKAGE} --signers signers{more}")
        );
    }
    let told = here.stufpack(&format!("verify out --signers signers --at {AT}")).exits_with(2);
    says(&told, &["out is no package"]);
    let told = paste(&here, next(&told.stderr)).exits_with(0);
    let unpack = next(&told.stdout).replace("DIR", "tree");
    paste(&here, &format!("{unpack} --at {AT}")).exits_with(0);
    let told = here.stufpack(&format!("verify tree --signers signers --at {AT}")).exits_with(0);
    assert_eq!(next(&told.stdout), "read tree/README.md");
    let told = here.stufpack("glass record stuf-minimal out --sign-key key --signers signers").exits_with(2);
    assert_eq!(
        next(&told.stderr),
        format!("stufpack glass record stuf-minimal out/{PACKAGE} --sign-key key --signers signers")
    );
}

/// A wrong path is no reason to distrust anybody: what could have been meant is named.
#[test]
fn a_folder_that_is_no_package_is_a_mistake_on_the_command_line() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
    fs::copy(here.path("out").join(PACKAGE), here.path("out/another.zip")).expect("copied");
    fs::create_dir(here.path("tree")).expect("a folder");
    for (line, named) in [
        ("verify input", ""),
        ("unpack input tree", ""),
        ("glass record stuf-minimal input/export --sign-key key", ""),
        ("glass diff stuf-minimal input", ""),
        ("verify out", &*format!("; here are: out/another.zip, out/{PACKAGE}")),
    ] {
        let told = here.stufpack(&format!("{line} --signers signers --at {AT}")).exits_with(2);
        says(&told, &["error[usage]: ", " is no package: neither SHA256SUMS nor manifest.json stands in it"]);
        assert!(!told.stderr.contains("do not use"), "{}", told.stderr);
        assert_eq!(
            next(&told.stderr),
            format!("name the zip, or the folder that holds manifest.json{named}")
        );
    }
    let told = here.stufpack(&format!("verify out --signers signers --at {AT} --format json")).exits_with(2);
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!((report["kind"].as_str(), report["exit"].as_u64()), (Some("usage"), Some(2)));
}

#[test]
fn a_glass_in_the_place_of_a_package_is_called_a_glass() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
    let recipient = "--recipient age1u829n6fs2eyxp8zfsnavvplszz80ss7x6l3pda6vyy995gvtwqys73da9m";
    let more = "--sign-key key --signers signers";
    here.stufpack(&format!("glass record stuf-minimal out/{PACKAGE} {recipient} {more}")).exits_with(0);
    let mut git = std::process::Command::new("git");
    let git = git.current_dir(here.path(".")).args(["clone", "--quiet", "--bare", "stuf-minimal", "bare"]);
    assert!(git.status().expect("git is needed").success());
    for glass in ["stuf-minimal", "bare"] {
        for line in [format!("verify {glass}"), format!("unpack {glass} tree")] {
            let told = here.stufpack(&format!("{line} --signers signers --at {AT}")).exits_with(2);
            says(&told, &[&format!("error[usage]: {glass} is a glass"), "docs/glass.md, Unpack it"]);
            assert!(!told.stderr.contains("do not use"), "{}", told.stderr);
            let verify = next(&told.stderr).split(" proves").next().expect("a command");
            let pin = here.stufpack("glass log stuf-minimal --format json").exits_with(0).stdout;
            let pin: serde_json::Value = serde_json::from_str(&pin).expect("JSON");
            let pin = pin["operations"][0]["commit"].as_str().expect("the root");
            paste(&here, &verify.replace("FILE", "signers").replace("COMMIT", pin)).exits_with(0);
        }
    }
    // Nor is it a package that somebody who names the folder around it could have meant.
    let told = here.stufpack(&format!("glass record stuf-minimal . {more}")).exits_with(2);
    assert_eq!(next(&told.stderr), "name the zip, or the folder that holds manifest.json");
}

#[test]
fn a_comparison_that_lacks_something_says_what() {
    let here = minimal();
    here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
    for more in ["", " --signers signers"] {
        let told = here.stufpack(&format!("glass diff stuf-minimal 1{more}")).exits_with(2);
        says(&told, &["error[usage]: operation 1 is compared with a later one"]);
        assert_eq!(next(&told.stderr), "name the later operation too: stufpack glass diff stuf-minimal 1 2");
    }
    let told = here.stufpack("glass diff stuf-minimal package.zip").exits_with(2);
    says(&told, &["error[usage]: package.zip is not compared unverified", "next: add --signers FILE"]);
}

#[test]
fn an_ordinary_repository_is_told_once_to_be_no_glass() {
    let here = minimal();
    let git = |arguments: &[&str]| {
        let done = std::process::Command::new("git")
            .current_dir(here.path("."))
            .args(["-c", "user.name=x", "-c", "user.email=x", "-c", "commit.gpgSign=false"])
            .args(arguments)
            .output()
            .expect("git is needed");
        assert!(done.status.success(), "{done:?}");
    };
    for branch in ["main", "other"] {
        git(&["init", "--quiet", "--initial-branch", branch, branch]);
        for number in ["1", "2"] {
            git(&["-C", branch, "commit", "--quiet", "--allow-empty", "--message", number]);
        }
        let told = here.stufpack(&format!("glass verify {branch} --signers signers")).exits_with(4).stdout;
        assert_eq!(told.matches("  [").count(), 1, "{told}");
        assert!(told.contains("[glass.none]"), "{told}");
        let told = here.stufpack(&format!("glass log {branch}")).exits_with(1);
        says(&told, &["is not a glass", "next: name a glass, or make one"]);
    }
}

#[test]
fn no_glass_is_encrypted_to_an_example_of_a_manual() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
    let theirs = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";
    let record = format!("glass record stuf-minimal out/{PACKAGE} --sign-key key --signers signers");
    let told = here.stufpack(&format!("{record} --recipient {theirs}")).exits_with(2);
    says(
        &told,
        &[
            "age's own manual",
            "next: name what this prints: [ -e identity ] || age-keygen -o identity; age-keygen -y identity",
        ],
    );
}

#[test]
fn a_package_of_another_stuf_is_told_with_where_it_belongs() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    here.stufpack("glass init stuf-other --sign-key key --signers signers").exits_with(0);
    let recipient = "--recipient age1u829n6fs2eyxp8zfsnavvplszz80ss7x6l3pda6vyy995gvtwqys73da9m";
    let told = here
        .stufpack(&format!(
            "glass record stuf-other out/{PACKAGE} --sign-key key --signers signers {recipient}"
        ))
        .exits_with(1);
    says(
        &told,
        &[
            "[glass.foreign]",
            "next: name the glass of minimal, or make one: stufpack glass init stuf-minimal",
        ],
    );
}

#[test]
fn a_good_check_tells_what_follows_and_what_was_not_looked_at() {
    let here = minimal();
    let told = here.stufpack("check input/export").exits_with(0).stdout;
    assert!(told.contains("No target was looked at"), "{told}");
    let told = here.stufpack("check input/export --target input/target.yaml").exits_with(0).stdout;
    paste(&here, &next(&told).replace("KEY", "key")).exits_with(0);
    assert_eq!(here.names("out"), ["VERIFY.txt", PACKAGE]);
}

/// What is printed to be pasted begins as the program was called, so it works where PATH does not lead to it.
#[test]
fn commands_are_printed_as_the_program_was_called() {
    let here = minimal();
    here.edit("input/target.yaml", "[198.51.100.0/24]", "[0.0.0.0/0]");
    let program = here.command("").get_program().to_owned();
    std::os::unix::fs::symlink(program, here.path("stufpack")).expect("a link");
    let told = |call: &str, path: &str| {
        let mut shell = assert_cmd::Command::new("sh");
        shell
            .current_dir(here.path("."))
            .env("PATH", path)
            .args(["-c", &format!("{call} {COMPILE} --force")]);
        run(shell).exits_with(0).stdout
    };
    let path = std::env::var("PATH").expect("PATH");
    let within = format!("{}:{path}", here.path("").display());
    for (call, path) in [("./stufpack", &*path), ("stufpack", &*within)] {
        let told = told(call, path);
        let shown = format!("shown by: {call} check input/export --target input/target.yaml\n");
        assert!(told.contains(&shown), "{told}");
    }
}

/// Whether a package would be of use depends on the clock: it is said, and stands in nothing that is made.
#[test]
fn an_expired_package_is_said_and_changes_no_byte() {
    let here = minimal();
    let at = |line: &str, seconds: &str| {
        let mut command = here.command(line);
        command.env("SOURCE_DATE_EPOCH", seconds);
        run(command).exits_with(0)
    };
    let (before, after) = ("1795111200", "1900000000");
    let check = "check input/export --target input/target.yaml";
    for line in [check, COMPILE] {
        assert_eq!(at(line, before).stderr, "", "{line}");
    }
    let first = fs::read(here.path("out").join(PACKAGE)).expect("a package");
    let late = COMPILE.replace("--out out", "--out late");
    for line in [check, &*late] {
        says(
            &at(line, after),
            &["warning[package.expired]", "2026-12-19T21:04:00Z", "next: make the export anew"],
        );
    }
    assert!(first == fs::read(here.path("late").join(PACKAGE)).expect("a package"));
    let told = at(&format!("{check} --format json"), after);
    serde_json::from_str::<serde_json::Value>(&told.stdout).expect("JSON alone");

    here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
    let recipient = "--recipient age1u829n6fs2eyxp8zfsnavvplszz80ss7x6l3pda6vyy995gvtwqys73da9m";
    let record = format!("glass record stuf-minimal out/{PACKAGE} --sign-key key {recipient}");
    let unpack = format!("unpack out/{PACKAGE} tree");
    for line in [unpack, record] {
        let told =
            here.stufpack(&format!("{line} --signers signers --at 2030-01-01T00:00:00Z")).exits_with(0);
        says(&told, &["warning[package.expired]: the package expired"]);
    }
}

/// A key with a passphrase is refused with commands that make a copy without one.
#[test]
fn a_key_with_a_passphrase_is_refused_with_the_commands_that_help() {
    let here = minimal();
    let ssh_keygen = |arguments: &[&str]| {
        let done =
            std::process::Command::new("ssh-keygen").current_dir(here.path(".")).args(arguments).output();
        assert!(done.expect("ssh-keygen is needed").status.success());
    };
    ssh_keygen(&["-q", "-t", "ed25519", "-N", "a passphrase", "-C", "issuer/tests", "-f", "locked"]);
    let told = here.stufpack(&COMPILE.replace("--sign-key key", "--sign-key locked")).exits_with(1);
    says(
        &told,
        &["cp -p locked locked.plain && ssh-keygen -p -N '' -f locked.plain", "--sign-key locked.plain"],
    );
    fs::copy(here.path("locked"), here.path("locked.plain")).expect("copied");
    ssh_keygen(&["-p", "-P", "a passphrase", "-N", "", "-f", "locked.plain"]);
    here.stufpack(&COMPILE.replace("--sign-key key", "--sign-key locked.plain")).exits_with(0);
}
