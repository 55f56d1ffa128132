//! The folders of `tests/check/`: how a case is read, made, run and compared.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use stufpack::model::{Finding, Severity, Shown};
use stufpack::{check, read};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Nobody has its identity.
const RECIPIENT: &str = "age1u829n6fs2eyxp8zfsnavvplszz80ss7x6l3pda6vyy995gvtwqys73da9m";

/// One folder of `tests/check/`.
pub struct Case {
    pub name: String,
    folder: PathBuf,
    description: Description,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// What the case shows.
    #[serde(rename = "about")]
    _about: String,
    /// The fields or files that are looked at together, for checks across them.
    #[serde(default)]
    between: Vec<String>,
    /// Names the export itself, where it is no folder any more.
    export: Option<String>,
    /// Whether the target is left out.
    #[serde(default)]
    without_target: bool,
    change: Vec<Change>,
}

/// One change of a file; exactly one of the ways is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    file: String,
    /// A text that stands there once, and what takes its place.
    replace: Option<String>,
    by: Option<String>,
    /// The whole text.
    write: Option<String>,
    /// The whole content in hexadecimal digits.
    hex: Option<String>,
    /// `begin`, `text` as often as said, `end`.
    repeat: Option<Repeat>,
    /// A symbolic link to this.
    link: Option<String>,
    #[serde(default)]
    remove: bool,
    /// A zip of these entries.
    zip: Option<Vec<Entry>>,
    /// Bytes replaced in the finished zip.
    patch: Option<[String; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    #[serde(default)]
    begin: String,
    text: String,
    times: usize,
    #[serde(default)]
    end: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    zeros: usize,
    /// Makes the entry a symbolic link to this.
    link: Option<String>,
}

/// Every case, by name.
pub fn all() -> Vec<Case> {
    let root = Path::new(ROOT).join("tests/check");
    let mut cases: Vec<Case> = fs::read_dir(&root)
        .expect("tests/check is there")
        .map(|entry| {
            let folder = entry.expect("an entry").path();
            let text = fs::read_to_string(folder.join("case.yaml"))
                .unwrap_or_else(|error| panic!("{}/case.yaml: {error}", folder.display()));
            let description =
                serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
            Case { name, folder, description }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    /// The fields or files that are looked at together.
    pub fn between(&self) -> &[String] {
        &self.description.between
    }

    /// Codes of the expected findings, one for each finding.
    pub fn expected_codes(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("expected.txt")).unwrap_or_default();
        let codes = text
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split(['[', ']']).nth(1));
        codes.map(str::to_owned).collect()
    }

    /// The changed example in a folder of its own.
    fn made(&self) -> Result<tempfile::TempDir, String> {
        let temp = tempfile::tempdir().map_err(|error| error.to_string())?;
        copy(&Path::new(ROOT).join("examples/minimal"), temp.path());
        name_a_recipient(&temp.path().join("target.yaml"));
        for change in &self.description.change {
            change.make(temp.path()).map_err(|what| format!("{}: {what}", self.name))?;
        }
        Ok(temp)
    }

    fn export(&self) -> &str {
        self.description.export.as_deref().unwrap_or("export")
    }

    /// What is told about the changed example.
    pub fn findings(&self) -> Result<Vec<Finding>, String> {
        let temp = self.made()?;
        let root = temp.path();
        let before = content(root);
        let target = root.join("target.yaml");
        let target = (!self.description.without_target).then_some(target.as_path());
        let source = || {
            read::source(&root.join(self.export()), target).map_err(|error| format!("{}: {error}", self.name))
        };
        let mut findings = check::look(&source()?).findings;
        if target.is_some() {
            // What `check` tells is what `compile` tells, and stops at.
            let checked = check::all(source()?).map(|checked| checked.warnings);
            let passes = findings.iter().all(|finding| finding.severity == Severity::Warning);
            assert_eq!(checked.is_ok(), passes, "{}", self.name);
            assert_eq!(checked.unwrap_or_else(|findings| findings), findings, "{}", self.name);
        }
        assert_eq!(before, content(root), "{}: something was written", self.name);
        let prefix = format!("{}/", root.display());
        for finding in &mut findings {
            finding.at.file = finding.at.file.replace(&prefix, "").into();
        }
        Ok(findings)
    }

    /// Runs the program on the changed example: the same codes, the right exit code, and nothing written anywhere.
    pub fn run_program(&self, program: &str) -> Result<(), String> {
        let temp = self.made()?;
        let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
        let before = content(temp.path());
        let mut command = std::process::Command::new(program);
        command.current_dir(temp.path()).env("TMPDIR", scratch.path());
        command.args(["check", self.export(), "--format", "json"]);
        if !self.description.without_target {
            command.args(["--target", "target.yaml"]);
        }
        let output = command.output().map_err(|error| error.to_string())?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| {
            format!("{}: {error}\n{}", self.name, String::from_utf8_lossy(&output.stderr))
        })?;
        let findings = report["findings"].as_array().cloned().unwrap_or_default();
        let codes: Vec<String> =
            findings.iter().map(|finding| finding["code"].as_str().unwrap_or_default().to_owned()).collect();
        let has = |weight: &str| findings.iter().any(|finding| finding["severity"] == weight);
        let expected = if has("error") {
            3
        } else if has("refused") {
            5
        } else {
            0
        };
        if codes != self.expected_codes() || output.status.code() != Some(expected) {
            return Err(format!("{}: exit {:?} with {codes:?}", self.name, output.status.code()));
        }
        if before != content(temp.path()) || !content(scratch.path()).is_empty() {
            return Err(format!("{}: something was written", self.name));
        }
        Ok(())
    }

    /// Compares the changed example with the unchanged one, and the other way round.
    pub fn run_diff(&self, program: &str) -> Result<(), String> {
        let temp = self.made()?;
        let minimal = Path::new(ROOT).join("examples/minimal/export");
        let changed = temp.path().join(self.export());
        for (old, new) in [(&changed, &minimal), (&minimal, &changed)] {
            let mut command = std::process::Command::new(program);
            let output = command.arg("diff").args([old, new]).output().map_err(|error| error.to_string())?;
            let told = !output.stdout.is_empty();
            match output.status.code() {
                Some(0 | 6) if told => {}
                Some(3 | 5) if !told => {}
                code => {
                    return Err(format!(
                        "{}: exit {code:?}, {}",
                        self.name,
                        String::from_utf8_lossy(&output.stderr)
                    ));
                }
            }
        }
        Ok(())
    }

    /// Compares with `expected.txt`, all of it.
    pub fn run(&self) -> Result<(), String> {
        let found = text(&self.findings()?);
        let path = self.folder.join("expected.txt");
        if std::env::var_os("STUFPACK_BLESS").is_some() {
            fs::write(&path, &found).map_err(|error| error.to_string())?;
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if found == expected {
            Ok(())
        } else {
            Err(format!("{}: expected\n{expected}\nfound\n{found}", self.name))
        }
    }
}

impl Change {
    fn make(&self, root: &Path) -> Result<(), String> {
        let path = root.join(&self.file);
        fs::create_dir_all(path.parent().expect("inside")).map_err(|error| error.to_string())?;
        let bytes = if let Some(old) = &self.replace {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", self.file))?;
            if text.matches(old.as_str()).count() != 1 {
                return Err(format!(
                    "{} holds {} times: {old}",
                    self.file,
                    text.matches(old.as_str()).count()
                ));
            }
            text.replace(old.as_str(), self.by.as_deref().unwrap_or("")).into_bytes()
        } else if let Some(text) = &self.write {
            text.clone().into_bytes()
        } else if let Some(digits) = &self.hex {
            hex::decode(digits).map_err(|error| error.to_string())?
        } else if let Some(Repeat { begin, text, times, end }) = &self.repeat {
            format!("{begin}{}{end}", text.repeat(*times)).into_bytes()
        } else if let Some(entries) = &self.zip {
            let mut bytes = zip(entries);
            if let Some([old, new]) = &self.patch {
                while let Some(at) = bytes.windows(old.len()).position(|window| window == old.as_bytes()) {
                    bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
                }
            }
            bytes
        } else if let Some(target) = &self.link {
            return std::os::unix::fs::symlink(target, &path).map_err(|error| error.to_string());
        } else if self.remove {
            return fs::remove_file(&path).map_err(|error| error.to_string());
        } else {
            return Err("the change does nothing".to_owned());
        };
        fs::write(&path, bytes).map_err(|error| error.to_string())
    }
}

fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for entry in entries {
        let options = zip::write::SimpleFileOptions::default();
        if let Some(target) = &entry.link {
            writer.add_symlink(&*entry.name, &**target, options).expect("a link");
            continue;
        }
        writer.start_file(&*entry.name, options).expect("an entry");
        writer.write_all(entry.text.as_bytes()).expect("its text");
        writer.write_all(&vec![0; entry.zeros]).expect("its zeros");
    }
    writer.finish().expect("a zip").into_inner()
}

/// Puts a recipient where the example says that one's own belongs, so that the cases are about other things.
fn name_a_recipient(target: &Path) {
    let text = fs::read_to_string(target).expect("the example's target");
    let (before, _) = text.split_once("  # recipients: []").expect("the place for one's own");
    fs::write(target, format!("{before}  recipients: [{RECIPIENT}]\n")).expect("written");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the example is there") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).expect("a file")).expect("a copy");
        }
    }
}

/// Every file below `root` with its bytes.
fn content(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.expect("an entry");
        if entry.file_type().is_file() {
            files.insert(entry.path().to_owned(), fs::read(entry.path()).expect("a file"));
        }
    }
    files
}

/// Findings as they are compared: nothing left out.
fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let weight = match finding.severity {
            Severity::Error => "error",
            Severity::Refused => "refused",
            Severity::Warning => "warning",
        };
        let at = &finding.at;
        let _ =
            write!(text, "{weight}[{}] {}:{}:{}", finding.code.0, at.file.escape_debug(), at.line, at.column);
        let _ = writeln!(text, "{}{}", if at.path.is_empty() { "" } else { " " }, at.path);
        let _ = writeln!(text, "  {}", finding.message);
        let _ = match &finding.found {
            Shown::Text(found) => writeln!(text, "  found {}", serde_json::Value::from(found.as_str())),
            Shown::Shape(shape) => writeln!(text, "  found {shape}"),
            Shown::Hidden { kind, length } => {
                writeln!(text, "  found {kind} of {length} characters, not shown")
            }
            Shown::Absent => Ok(()),
        };
        if let Some(line) = &finding.line {
            let _ = writeln!(text, "  line  {}", serde_json::Value::from(line.as_str()));
        }
        let _ = writeln!(text, "  expected {}", finding.expected);
        let _ = writeln!(text, "  next {}", finding.next);
    }
    text
}
