//! What can be given to the program, and what it says to what it cannot take.

use crate::workspace::{AT, Workspace, run};
use std::fs;
use std::process::Command;

const COMPILE: &str = "compile input/export --target input/target.yaml --out out --sign-key key";
const PACKAGE: &str = "minimal-staging-hosted-to-self-host-1.zip";

fn minimal() -> Workspace {
    let here = Workspace::new();
    here.example("minimal", "input");
    here
}

#[test]
fn a_zip_on_standard_input_is_read_like_the_folder() {
    let here = minimal();
    here.zip("input/export", "export.zip");
    here.stufpack(COMPILE).exits_with(0);

    let mut piped = here.command("compile - --target input/target.yaml --out piped --sign-key key");
    piped.write_stdin(fs::read(here.path("export.zip")).expect("a zip"));
    run(piped).exits_with(0);

    let package = |folder: &str| fs::read(here.path(folder).join(PACKAGE)).expect("a package");
    assert!(package("out") == package("piped"), "the same export gives the same package");
}

#[test]
fn a_broken_zip_on_standard_input_is_a_finding() {
    let here = minimal();
    let mut check = here.command("check - --format json");
    check.write_stdin("PK, but no zip");
    let told = run(check).exits_with(3);
    assert!(told.stdout.contains("export.zip") && told.stdout.contains("standard input"), "{}", told.stdout);
}

#[test]
fn standard_input_cannot_be_export_and_target() {
    let told = minimal().stufpack("check - --target -").exits_with(2);
    assert!(told.stderr.contains("next: name a file for one of the two"), "{}", told.stderr);
}

#[test]
fn an_export_in_the_place_of_the_target_is_told_for_what_it_is() {
    let here = minimal();
    for command in [
        "check input/target.yaml --target input/export",
        "compile input/target.yaml --target input/export --out out --sign-key key",
    ] {
        let told = here.stufpack(command).exits_with(2).stderr;
        assert_eq!(
            told,
            "error[usage]: input/export: a folder, and a target is one document\n\
             next: name the export first, and the target after --target\n",
            "{command}"
        );
    }
}

#[test]
fn mistakes_on_the_command_line_come_as_json_where_json_is_asked_for() {
    let here = minimal();
    for line in [
        "check input/export --format json --nothing",
        "compile input/export --format=json",
        "check - --target - --format json",
        "glass verify nowhere --signers signers --pin 0123456789ab --format json",
    ] {
        let told = here.stufpack(line).exits_with(2);
        let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("one JSON document");
        assert_eq!((&report["exit"], &report["kind"]), (&2.into(), &"usage".into()), "{line}");
        assert!(report["message"].as_str().is_some_and(|message| message.len() > 20), "{line}: {report}");
        assert_eq!(told.stderr, "", "{line}");
    }
    let told = here.stufpack("check input/export --nothing").exits_with(2);
    assert!(told.stdout.is_empty() && told.stderr.contains("--nothing"), "people read standard error");
}

#[test]
fn the_target_of_init_is_refused_until_each_example_is_replaced() {
    // Domain, address, host key, contact, network.
    assert_eq!(begins_with("host"), 5);
    // Domain, public key, contact.
    assert_eq!(begins_with("aws"), 3);
}

/// How many examples the target of `init` has; without them it passes, and so does each further setting as it stands there.
fn begins_with(provider: &str) -> usize {
    let here = minimal();
    let target = here.stufpack(&format!("target init --provider {provider}")).exits_with(0).stdout;
    if provider == "host" {
        assert_eq!(here.stufpack("target init").exits_with(0).stdout, target, "where nothing is said");
    }
    here.write("target.yaml", &target);
    let told = here.stufpack("check input/export --target target.yaml --format json").exits_with(3);
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let left = findings.iter().filter(|finding| finding["code"] == "target.placeholder").count();

    let own = [
        ("files.example.org", "files.minimal.example"),
        ("203.0.113.10", "192.0.2.10"),
        (
            "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5",
        ),
        (
            "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
            "AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5",
        ),
        ("hostmaster@example.org", "ta@minimal.example"),
        ("203.0.113.0/24", "198.51.100.0/24"),
        ("CERTIFICATES", &certificate()),
    ];
    let mine = own.iter().fold(target, |text, (example, own)| text.replace(example, own));
    here.write("target.yaml", &mine);
    here.stufpack("check input/export --target target.yaml").exits_with(0);

    // Each further setting is a comment that is right as it stands.
    let uncommented = |line: &str| {
        let (inset, rest) = line.split_once("# ").filter(|(inset, _)| ["  ", "    "].contains(inset))?;
        let setting = rest.contains(':') && !rest.starts_with("Everything") && !rest.starts_with("Optional");
        setting.then(|| format!("{inset}{rest}"))
    };
    let all: String =
        mine.split_inclusive('\n').map(|line| uncommented(line).unwrap_or_else(|| line.to_owned())).collect();
    let all = all.replace("mail.example.org", "mail.minimal.example");
    here.write("target.yaml", &all.replace("files@example.org", "files@minimal.example"));
    here.stufpack("check input/export --target target.yaml").exits_with(0);
    left
}

/// One of an authority, as a text of one line.
fn certificate() -> String {
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acme/every-option.yaml"));
    let example = example.expect("readable");
    let lines = example.lines().map(str::trim).skip_while(|line| !line.starts_with("-----BEGIN"));
    let body: Vec<&str> = lines.take_while(|line| !line.starts_with("-----END")).collect();
    format!("\"{}\\n-----END CERTIFICATE-----\"", body.join("\\n"))
}

#[test]
fn a_missing_glass_comes_with_the_command_that_makes_it() {
    let here = minimal();
    for (glass, make) in [
        ("stuf-minimal", "stufpack glass init stuf-minimal --sign-key key --signers signers"),
        (
            "elsewhere.git",
            "stufpack glass init elsewhere.git --slug minimal --sign-key key --signers signers",
        ),
    ] {
        let compile = format!("{COMPILE} --glass {glass} --signers signers");
        let told = here.stufpack(&compile).exits_with(1);
        assert!(told.stderr.ends_with(&format!("next: {make}\n")), "{}", told.stderr);
        assert!(!here.path("out").exists());

        here.stufpack(make.trim_start_matches("stufpack ")).exits_with(0);
        here.stufpack(&compile).exits_with(0);
        fs::remove_dir_all(here.path("out")).expect("removed");
    }
}

/// Of a shortened id somebody can make a second commit, so a pin is a whole one, and whole ones are printed.
#[test]
fn what_is_printed_of_a_glass_can_be_pinned() {
    let here = minimal();
    here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
    let told =
        here.stufpack(&format!("{COMPILE} --glass stuf-minimal --signers signers")).exits_with(0).stdout;
    let log = here.stufpack("glass log stuf-minimal").exits_with(0).stdout;
    let ids = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_hexdigit());
        words.filter(|word| word.len() == 40).map(str::to_owned).collect()
    };
    let (printed, logged) = (ids(&told), ids(&log));
    assert_eq!((printed.len(), logged.len()), (1, 2), "{told}{log}");
    assert_eq!(printed[0], logged[1]);
    for pin in &logged {
        here.stufpack(&format!(
            "glass verify stuf-minimal --signers signers --pin {pin} --last-seen {}",
            logged[1]
        ))
        .exits_with(0);
    }
    let short = format!("glass verify stuf-minimal --signers signers --pin {}", &logged[0][..12]);
    let refused = here.stufpack(&short).exits_with(2);
    assert!(refused.stderr.contains("rev-parse"), "{}", refused.stderr);
}

#[test]
fn an_encrypted_package_can_be_the_previous_one() {
    use age::secrecy::ExposeSecret as _;
    let here = minimal();
    let identity = age::x25519::Identity::generate();
    here.write("identity", identity.to_string().expose_secret());
    let target = here.read("input/target.yaml");
    let recipient =
        target.split("recipients: [").nth(1).and_then(|rest| rest.split(']').next()).expect("a recipient");
    here.write("input/target.yaml", &target.replace(recipient, &identity.to_public().to_string()));
    here.stufpack(&format!("{COMPILE} --encrypt")).exits_with(0);

    let next = format!(
        "{} --previous out/{PACKAGE}.age --signers signers",
        COMPILE.replace("--out out", "--out next")
    );
    let told = here.stufpack(&next).exits_with(2);
    assert!(told.stderr.contains("next: add --identity KEY"), "{}", told.stderr);
    here.stufpack(&format!("{next} --identity identity")).exits_with(0);

    let second = PACKAGE.replace("-1.zip", "-2.zip");
    here.stufpack(&format!("verify next/{second} --signers signers --at {AT}")).exits_with(0);
}

#[test]
fn force_overwrites_files_and_never_a_folder() {
    let here = minimal();
    fs::create_dir_all(here.path("out").join(PACKAGE)).expect("a folder");
    here.write("out/VERIFY.txt", "of another package");
    for compile in [COMPILE.to_owned(), format!("{COMPILE} --force")] {
        let told = here.stufpack(&compile).exits_with(1);
        assert!(told.stderr.contains("next: choose another --out"), "{}", told.stderr);
        assert_eq!(here.read("out/VERIFY.txt"), "of another package");
        assert_eq!(here.names("out"), ["VERIFY.txt", PACKAGE]);
    }
}

/// A spreadsheet runs what begins like a formula, quoted or not; the file for the mail merge holds none.
#[test]
fn names_and_addresses_are_no_formulas_in_the_mail_merge() {
    let here = minimal();
    for file in ["input/export/export.yaml", "input/export/realm.json"] {
        here.write(file, &here.read(file).replace("ada@example.org", "+ada@example.org"));
    }
    here.edit(
        "input/export/export.yaml",
        "name: Ada Example",
        r#"name: "=HYPERLINK(\"https://x.example\")""#,
    );
    here.stufpack(COMPILE).exits_with(0);
    here.stufpack(&format!("unpack out/{PACKAGE} tree --signers signers --at {AT}")).exits_with(0);

    let line = r#""<+ada@example.org>","'=HYPERLINK(""https://x.example"")","active""#;
    assert_eq!(
        here.read("tree/configuration/api-config/users/recipients.csv"),
        format!("\"email\",\"name\",\"status\"\r\n{line}\r\n")
    );
    let users = here.read("tree/configuration/api-config/users/users.json");
    assert!(users.contains(r#""+ada@example.org""#) && users.contains(r#""=HYPERLINK("#), "{users}");
}

/// `<(…)` of a shell is a pipe with a name, and can be read once.
#[test]
fn what_comes_through_a_pipe_with_a_name_is_read_whole() {
    let here = minimal();
    here.zip("input/export", "export.zip");
    let program = assert_cmd::cargo::cargo_bin("stufpack");
    for words in [
        "check <(cat export.zip) --target <(cat input/target.yaml)",
        "glass init stuf-minimal --sign-key key --signers <(cat signers)",
    ] {
        let mut shell = assert_cmd::Command::new("bash");
        shell.current_dir(here.path(".")).args(["-c", &format!("'{}' {words}", program.display())]);
        run(shell).exits_with(0);
    }
    assert_eq!(here.read("stuf-minimal/audit/access-logs/0000-init/allowed_signers"), here.read("signers"));
}

/// Nobody writes into it, and who opens it waits for one who does; a device goes on for ever.
#[test]
fn what_may_never_end_is_told_and_not_waited_for() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    assert!(Command::new("mkfifo").arg(here.path("pipe")).status().is_ok_and(|status| status.success()));
    std::os::unix::fs::symlink("pipe", here.path("link")).expect("a link");
    let package = format!("out/{PACKAGE}");
    for (command, named) in [
        ("verify pipe --signers signers".to_owned(), "pipe is a named pipe"),
        ("verify link --signers signers".to_owned(), "link is a named pipe"),
        ("unpack pipe tree --signers signers".to_owned(), "pipe is a named pipe"),
        (format!("verify {package} --signers pipe"), "pipe is a named pipe"),
        (format!("verify {package} --signers signers --revoked pipe"), "pipe is a named pipe"),
        ("glass init stuf-minimal --sign-key key --signers pipe".to_owned(), "pipe is a named pipe"),
        ("check pipe".to_owned(), "pipe is a named pipe"),
        ("check input/export --target link".to_owned(), "link is a named pipe"),
        ("verify /dev/zero --signers signers".to_owned(), "/dev/zero is a device"),
        ("unpack /dev/urandom tree --signers signers".to_owned(), "/dev/urandom is a device"),
        ("check /dev/zero".to_owned(), "/dev/zero is a device"),
        ("check input/export --target /dev/zero".to_owned(), "/dev/zero is a device"),
        ("verify - --signers signers".to_owned(), "- is standard input"),
        (format!("verify {package} --signers -"), "- is standard input"),
    ] {
        let mut told = here.command(&command);
        told.timeout(std::time::Duration::from_secs(60));
        let told = run(told).exits_with(2);
        assert!(told.stderr.starts_with(&format!("error[usage]: {named}")), "{command}: {}", told.stderr);
        assert!(told.stderr.contains("\nnext: save what comes through it to a file"), "{}", told.stderr);
    }
    for (command, key) in [
        (
            COMPILE.replace("--sign-key key", "--sign-key pipe"),
            "pipe is a named pipe, not an OpenSSH private key",
        ),
        (
            format!("verify {package} --signers signers --identity pipe"),
            "pipe is a named pipe, not a file with an age identity",
        ),
        (
            format!("verify {package} --signers signers --identity /dev/zero"),
            "/dev/zero is a device, not a file with an age identity",
        ),
    ] {
        let mut told = here.command(&command);
        told.timeout(std::time::Duration::from_secs(60));
        let told = run(told).exits_with(1).stderr;
        assert!(told.contains(key), "{told}");
    }
}

#[test]
fn a_path_that_is_no_text_is_told_as_well_as_can_be() {
    use std::os::unix::ffi::OsStringExt as _;
    let here = minimal();
    let out = std::ffi::OsString::from_vec(b"out\xff\x1b[31m".to_vec());
    let mut compile =
        here.command("compile input/export --target input/target.yaml --sign-key key --format json --out");
    compile.arg(&out);
    let told = run(compile).exits_with(0).stdout;
    let report: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert!(report["package"].as_str().is_some_and(|path| path.starts_with("out\u{fffd}")), "{report}");

    let mut again = here.command("compile input/export --target input/target.yaml --sign-key key --out");
    again.arg(&out);
    let told = run(again).exits_with(0).stdout;
    assert!(!told.contains('\u{1b}'), "a terminal would obey: {told:?}");
}

#[test]
fn a_time_that_is_set_and_wrong_is_not_ignored() {
    let here = minimal();
    for wrong in ["yesterday", "-1", "99999999999999999999", ""] {
        let mut init = here.command("glass init stuf-minimal --sign-key key --signers signers");
        init.env("SOURCE_DATE_EPOCH", wrong);
        let told = run(init).exits_with(2);
        assert!(told.stderr.contains("SOURCE_DATE_EPOCH"), "{}", told.stderr);
        assert!(!here.path("stuf-minimal").exists());
    }
}

#[test]
fn without_room_for_temporary_files_the_message_names_their_folder() {
    let here = minimal();
    here.zip("input/export", "export.zip");
    let mut check = here.command("check export.zip --target input/target.yaml");
    check.env("TMPDIR", here.path("nowhere"));
    let told = run(check).exits_with(1);
    assert!(told.stderr.contains("nowhere") && told.stderr.contains("set TMPDIR"), "{}", told.stderr);
}

#[test]
fn what_is_missing_is_named_with_what_to_type_next() {
    let here = minimal();
    for line in [
        "check nowhere",
        "compile input/export --target input/target.yaml --out out --sign-key nowhere",
        "compile input/export --target input/target.yaml --out out --sign-key input/target.yaml",
        "verify nowhere --signers signers",
        "verify input --signers nowhere",
        "glass log nowhere",
        "glass init stuf-minimal --sign-key key --signers nowhere",
    ] {
        let told = here.stufpack(line).exits_with(1);
        let last = told.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("next: "), "{line}: {}", told.stderr);
        assert_eq!(here.names("."), ["input", "key", "key.pub", "signers"]);
    }
}

#[test]
fn a_package_is_never_written_into_the_export_it_is_made_of() {
    let here = minimal();
    for out in ["input/export", "input/export/new/out", "input/elsewhere/../export"] {
        fs::create_dir_all(here.path("input/elsewhere")).expect("a folder");
        let told = here.stufpack(&COMPILE.replace("--out out", &format!("--out {out}"))).exits_with(2);
        assert!(told.stderr.contains("next: choose another --out"), "{}", told.stderr);
        assert_eq!(here.names("input/export"), ["export.yaml", "realm.json"]);
    }
}

#[test]
fn a_package_is_unpacked_wherever_a_new_folder_can_be_named() {
    let here = minimal();
    here.stufpack(COMPILE).exits_with(0);
    let package = here.path("out").join(PACKAGE).display().to_string();
    for folder in ["plain", "slash/", "dot/.", "up/../other"] {
        let told =
            here.stufpack(&format!("unpack {package} {folder} --signers signers --at {AT}")).exits_with(0);
        assert!(told.stdout.ends_with("/README.md\n") && !told.stdout.contains("//"), "{}", told.stdout);
        assert!(here.path(folder).join("README.md").is_file());
    }
    let signers = here.path("signers").display().to_string();
    fs::create_dir(here.path("empty")).expect("a folder");
    for nameless in [".", "..", "../empty/.."] {
        let mut unpack = here.command(&format!("unpack {package} {nameless} --signers {signers} --at {AT}"));
        unpack.current_dir(here.path("empty"));
        let told = run(unpack).exits_with(2);
        assert!(told.stderr.contains("next: name a folder that is not there yet"), "{}", told.stderr);
    }
}
