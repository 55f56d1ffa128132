//! A private folder with a key, a signers file and copies of the examples, and the program to run in it.

use assert_cmd::Command;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Within the lifetime of the examples' packages.
pub const AT: &str = "2026-11-20T12:00:00Z";

/// Nobody has its identity.
pub const RECIPIENT: &str = "age1u829n6fs2eyxp8zfsnavvplszz80ss7x6l3pda6vyy995gvtwqys73da9m";

/// A folder of a test's own.
pub struct Workspace {
    folder: tempfile::TempDir,
}

/// What a run of the program left behind.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = Self { folder };
        let key = workspace.path("key");
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "issuer/tests", "-f"])
            .arg(&key)
            .status()
            .expect("ssh-keygen is needed");
        assert!(made.success());
        let public = fs::read_to_string(workspace.path("key.pub")).expect("the public key");
        let public: Vec<&str> = public.split(' ').take(2).collect();
        workspace
            .write("signers", &format!("issuer/tests namespaces=\"git,stufpack\" {}\n", public.join(" ")));
        workspace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Copies an example into `name` as it stands.
    pub fn plain_example(&self, example: &str, name: &str) {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example), &self.path(name));
    }

    /// Copies an example into `name`, with a recipient where it has a place for one's own.
    pub fn example(&self, example: &str, name: &str) {
        self.plain_example(example, name);
        let target = format!("{name}/target.yaml");
        let text = self.read(&target);
        if let Some((before, _)) = text.split_once("  # recipients: []") {
            self.write(&target, &format!("{before}  recipients: [{RECIPIENT}]\n"));
        }
    }

    /// Zips a folder, its inside at the top.
    pub fn zip(&self, folder: &str, name: &str) {
        let mut writer = zip::ZipWriter::new(fs::File::create(self.path(name)).expect("a file"));
        for entry in walkdir::WalkDir::new(self.path(folder)).sort_by_file_name() {
            let entry = entry.expect("an entry");
            if entry.file_type().is_file() {
                let inside =
                    entry.path().strip_prefix(self.path(folder)).expect("below").display().to_string();
                writer.start_file(inside, zip::write::SimpleFileOptions::default()).expect("an entry");
                std::io::copy(&mut fs::File::open(entry.path()).expect("a file"), &mut writer)
                    .expect("copied");
            }
        }
        writer.finish().expect("a zip");
    }

    /// Replaces `old`, which must stand there once, in a file.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        let text = self.read(file);
        assert_eq!(text.matches(old).count(), 1, "`{old}` in {file}");
        self.write(file, &text.replace(old, new));
    }

    /// The e-mail addresses, in small letters, of everybody whom an export or its realm knows.
    pub fn addresses(&self, export: &str) -> BTreeSet<String> {
        let realm = self.read(&format!("{export}/realm.json"));
        let realm: serde_json::Value = serde_json::from_str(&realm).expect("a realm");
        let accounts = realm["users"].as_array().expect("users").iter();
        let of_realm = accounts.filter_map(|user| user["email"].as_str()).map(str::to_lowercase);
        let export = self.read(&format!("{export}/export.yaml"));
        let lines = export.lines().filter_map(|line| line.trim().strip_prefix("email: "));
        let of_export = lines.map(|address| address.trim_matches('"').to_lowercase());
        of_realm.chain(of_export).collect()
    }

    /// The program, to run in the folder.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::cargo_bin("stufpack").expect("the program");
        command
            .current_dir(self.folder.path())
            .env_remove("STUFPACK_SIGN_KEY")
            .env_remove("SOURCE_DATE_EPOCH");
        command.args(arguments.split_whitespace());
        command
    }

    /// Runs the program; `arguments` are separated by spaces.
    pub fn stufpack(&self, arguments: &str) -> Run {
        run(self.command(arguments))
    }

    /// Names in the folder, sorted. Asked again while the kernel says so (seen once, of a folder in memory in which the
    /// program was writing: `EAGAIN`, which no manual names for this).
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut tries = 0..20;
        loop {
            match self.names_as_read(folder) {
                Ok(names) => return names,
                Err(error) if error.kind() == ErrorKind::WouldBlock && tries.next().is_some() => {}
                Err(error) => panic!("{folder}: {error}"),
            }
        }
    }

    fn names_as_read(&self, folder: &str) -> std::io::Result<Vec<String>> {
        let entries = fs::read_dir(self.path(folder))?;
        let name =
            |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        let mut names = entries.map(name).collect::<std::io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }
}

/// Runs a prepared command.
pub fn run(mut command: Command) -> Run {
    let output = command.output().expect("the program runs");
    // Commands to paste begin as the program was called: here by its path, which is another on each machine.
    let program = command.get_program().to_string_lossy().into_owned();
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if program.contains('/') { text.replace(&program, "stufpack") } else { text.into_owned() }
    };
    Run {
        code: output.status.code().expect("an exit code"),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

impl Run {
    /// Fails with everything that was printed unless the run ended with `code`.
    #[track_caller]
    pub fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("an entry");
        let target = to.join(entry.path().strip_prefix(from).expect("below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).expect("a folder");
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}
