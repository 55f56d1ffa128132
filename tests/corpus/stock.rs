//! Runs the commands that `VERIFY.txt` prints, as they stand there.

use crate::packages::run;
use std::path::Path;
use std::process::Command;

/// What the stock commands say.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of them end well.
    Passes,
    /// The first that does not, by its name here.
    Fails(String),
}

/// Where the commands run.
pub struct Place<'a> {
    /// A folder that holds the package.
    pub folder: &'a Path,
    /// The signers file.
    pub signers: &'a Path,
    /// A list of revoked keys; `VERIFY.txt` says how to use one.
    pub revoked: Option<&'a Path>,
    /// The age identity.
    pub identity: &'a Path,
    /// The unpacked package, if it came as one: the commands that unpack are left out.
    pub unpacked: Option<&'a Path>,
}

/// What `VERIFY.txt`'s commands are about, by a part of each.
const NAMES: [(&str, &str); 9] = [
    ("age --decrypt", "decrypt"),
    ("unzip ", "unzip"),
    ("find-principals", "principal"),
    ("-Y verify", "signature"),
    ("--quiet SHA256SUMS", "sums"),
    ("diff ", "listed"),
    ("find . ! -type f", "kinds"),
    ("echo ", "digest"),
    ("", "setup"),
];

/// The commands that the part `number` of the page prints.
pub fn commands(page: &str, number: u8) -> Vec<&str> {
    let begin = format!("{number} ");
    let part = page.lines().skip_while(|line| !line.starts_with(&begin)).skip(2);
    let ends = |line: &&str| !line.starts_with("---");
    let part = part.take_while(ends).filter_map(|line| line.strip_prefix("    "));
    part.filter(|line| !line.starts_with(' ')).collect()
}

/// Runs the commands of `page`.
///
/// `HOME` is a folder with the identity where the page looks for it.
pub fn judge(page: &str, place: &Place<'_>) -> Verdict {
    let home = tempfile::tempdir().expect("a folder");
    let settings = home.path().join(".config/stufpack");
    std::fs::create_dir_all(&settings).expect("made");
    std::fs::copy(place.identity, settings.join("harbour.identity")).expect("copied");
    let mut script = String::from("set -u\n");
    if let Some(unpacked) = place.unpacked {
        script += &format!("mkdir check\ncd '{}'\n", unpacked.display());
    }
    for command in commands(page, 3) {
        let (_, name) = NAMES.iter().find(|(part, _)| command.contains(part)).expect("the last matches all");
        let unpacks = *name == "unzip" || command.starts_with("mkdir ") || command.starts_with("cd ");
        if place.unpacked.is_some() && unpacks {
            continue;
        }
        let command = match place.revoked {
            Some(path) if *name == "signature" => {
                command.replace("-Y verify", &format!("-Y verify -r '{}'", path.display()))
            }
            _ => command.to_owned(),
        };
        script += &format!("{command} || {{ echo 'FAILED {name}'; exit 1; }}\n");
    }
    script += "echo PASSED\n";
    let output = run(Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.folder)
        .env("STUFPACK_SIGNERS", place.signers)
        .env("HOME", home.path())
        .stdin(std::process::Stdio::null()));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    for (_, name) in NAMES {
        if told.lines().any(|line| line == format!("FAILED {name}")) {
            return Verdict::Fails(name.to_owned());
        }
    }
    assert!(told.ends_with("PASSED\n"), "{output:?}");
    Verdict::Passes
}

/// Fails with the name of a tool that `VERIFY.txt` needs and this machine lacks.
pub fn require_tools() {
    for tool in ["bash", "ssh-keygen", "sha256sum", "unzip", "find", "diff", "sort", "cut", "age", "mkfifo"] {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()));
        assert!(found, "{tool} is needed for this test and was not found on PATH");
    }
}
