//! What `stufpack glass` refuses, and with which exit code.

use crate::workspace::{AT, Run, Workspace, run};
use std::io::Write as _;
use std::process::{Command, Stdio};

const FOUNDED: &str = "1795111200";

/// A compiled package, `signers` that list `key`, and a key `stranger` that only `strangers` lists.
struct Here {
    workspace: Workspace,
    recipient: String,
}

impl Here {
    fn new() -> Self {
        let workspace = Workspace::new();
        workspace.example("harbour", "input");
        workspace
            .stufpack("compile input/export --target input/target.yaml --out out --sign-key key")
            .exits_with(0);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "issuer/tests", "-f"])
            .arg(workspace.path("stranger"))
            .status()
            .expect("ssh-keygen is needed");
        assert!(made.success());
        let public = workspace.read("stranger.pub");
        workspace.write("strangers", &format!("issuer/tests namespaces=\"git,stufpack\" {public}"));
        workspace.write("revoked", &workspace.read("key.pub"));
        let target = workspace.read("input/target.yaml");
        let recipient =
            target.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| word.starts_with("age1"));
        let recipient = recipient.expect("a recipient in the example").to_owned();
        Self { workspace, recipient }
    }

    fn init(&self, more: &str) -> Run {
        let arguments = format!("glass init stuf-harbour --bare {more}");
        let mut command = self.workspace.command(&arguments);
        command.env("SOURCE_DATE_EPOCH", FOUNDED);
        run(command)
    }

    /// A glass with its root only, by `key`.
    fn with_glass() -> Self {
        let here = Self::new();
        here.init("--sign-key key --signers signers").exits_with(0);
        here
    }

    fn record(&self, more: &str) -> Run {
        let package = "out/harbour-production-hosted-to-self-host-1.zip";
        let recipient = &self.recipient;
        self.workspace.stufpack(&format!(
            "glass record stuf-harbour {package} --at {AT} --recipient {recipient} {more}"
        ))
    }

    fn git(&self, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(self.workspace.path("stuf-harbour"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git is needed");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn head(&self) -> String {
        self.git(&["rev-parse", "main"], "").trim().to_owned()
    }

    /// Moves main to a commit of these bytes.
    fn set_head(&self, commit: &str) {
        let id = self.git(&["hash-object", "-t", "commit", "-w", "--stdin"], commit);
        self.git(&["update-ref", "refs/heads/main", id.trim()], "");
    }

    /// Neither package nor operation is recorded on this head.
    fn refuses_its_head(&self) {
        let head = self.head();
        let ours = "--sign-key key --signers signers";
        let told = self.record(ours).exits_with(4);
        assert!(told.stderr.contains("cannot be trusted"), "{}", told.stderr);
        std::fs::create_dir_all(self.workspace.path("operation")).expect("a folder");
        self.workspace.write("operation/operation.json", "{}");
        let told = self.workspace.stufpack(&format!("glass record stuf-harbour operation --at {AT} {ours}"));
        assert!(told.exits_with(4).stderr.contains("cannot be trusted"));
        assert_eq!(self.head(), head);
    }
}

/// Paths, messages and files of every commit: whatever somebody who has the repository can read without an identity.
#[test]
fn s06_a_glass_names_nobody_who_was_migrated() {
    let here = Here::with_glass();
    here.record("--sign-key key --signers signers").exits_with(0);
    let glass = here.workspace.path("stuf-harbour");
    let read = |arguments: &[&str]| {
        let output =
            Command::new("git").arg("-C").arg(&glass).args(arguments).output().expect("git is needed");
        assert!(output.status.success(), "git {arguments:?}");
        output.stdout
    };

    let everything =
        String::from_utf8_lossy(&read(&["cat-file", "--batch", "--batch-all-objects"])).to_lowercase();

    let addresses = here.workspace.addresses("input/export");
    assert!(addresses.len() > 5, "{}", addresses.len());
    for address in addresses {
        let local = address.split('@').next().expect("a part before the @");
        assert!(!everything.contains(&address), "{address}");
        assert!(!everything.contains(&format!("{local}%40")), "{address}, as it stands in a URL");
    }
    // Nothing was missed because it is packed once more.
    let paths = String::from_utf8(read(&["ls-tree", "-r", "--name-only", "main"])).expect("paths");
    assert!(paths.contains("personal/0001.age"), "{paths}");
    assert!(!paths.lines().any(|path| path.ends_with(".gz") || path.ends_with(".zip")), "{paths}");
}

#[test]
fn nothing_is_recorded_on_a_head_that_is_unsigned_foreign_or_malformed() {
    let here = Here::with_glass();
    let root = here.git(&["cat-file", "commit", "main"], "");
    let (head, rest) = root.split_once("gpgsig ").expect("a signature");
    let message = rest.split_once("\n\n").expect("a message").1;
    here.set_head(&format!("{head}\n{message}"));
    here.refuses_its_head();

    let subject = message.lines().next().expect("a subject");
    here.set_head(&format!("{head}\n{subject}\n"));
    here.refuses_its_head();
    here.workspace.stufpack("glass log stuf-harbour").exits_with(4);

    here.git(&["update-ref", "-d", "refs/heads/main"], "");
    std::fs::remove_dir_all(here.workspace.path("stuf-harbour")).expect("the glass goes");
    here.init("--sign-key stranger --signers strangers").exits_with(0);
    here.refuses_its_head();
}

#[test]
fn a_key_that_may_not_sign_records_nothing() {
    let here = Here::with_glass();
    let head = here.head();
    here.record("--sign-key stranger --signers signers").exits_with(4);
    here.record("--sign-key key --signers strangers").exits_with(4);
    here.record("--sign-key key --signers signers --revoked revoked").exits_with(4);
    assert_eq!(here.head(), head);
    here.record("--sign-key key --signers signers").exits_with(0);
    assert_ne!(here.head(), head);
}

#[test]
fn a_key_in_a_ticket_or_a_name_is_refused_and_never_printed() {
    let here = Here::new();
    let fake = format!("glpat-{}", "FAKE".repeat(6));
    let refused = |told: Run| {
        let told = told.exits_with(5);
        assert!(!told.stderr.contains("FAKE") && !told.stdout.contains("FAKE"), "{}", told.stderr);
    };
    for option in ["--ticket", "--requested-by"] {
        refused(here.init(&format!("--sign-key key --signers signers {option} {fake}")));
        assert!(!here.workspace.path("stuf-harbour").exists());
    }
    here.init("--sign-key key --signers signers").exits_with(0);
    let head = here.head();
    for option in ["--ticket", "--requested-by", "--approved-by"] {
        refused(here.record(&format!("--sign-key key --signers signers {option} {fake}")));
    }
    assert_eq!(here.head(), head);
}

#[test]
fn a_new_glass_tells_its_root_as_json_and_a_head_seen_in_the_future_is_no_proof() {
    let here = Here::new();
    let told = here.init("--sign-key key --signers signers --format json").exits_with(0);
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("one JSON document");
    let root = here.head();
    assert_eq!((&report["schema"], &report["slug"]), (&1.into(), &"harbour".into()));
    assert_eq!(report["root"], root.as_str());
    let again = here.init("--sign-key key --signers signers --format json").exits_with(1);
    serde_json::from_str::<serde_json::Value>(&again.stdout).expect("a failure as JSON");

    let verify = format!("glass verify stuf-harbour --signers signers --at {AT} --last-seen {root}");
    here.workspace.stufpack(&format!("{verify}@{AT}")).exits_with(0);
    let told = here.workspace.stufpack(&format!("{verify}@2026-11-20T12:00:01Z")).exits_with(2);
    assert!(told.stderr.contains("--last-seen"), "{}", told.stderr);
}

#[test]
fn a_phases_folder_is_recorded_told_and_compared() {
    let here = Here::with_glass();
    here.record("--sign-key key --signers signers").exits_with(0);
    let package = "out/harbour-production-hosted-to-self-host-1.zip";
    here.workspace.stufpack(&format!("unpack {package} tree --signers signers --at {AT}")).exits_with(0);
    let tree = here.workspace.path("tree");
    let digest = |file: &str| {
        let found = walkdir::WalkDir::new(&tree).into_iter().filter_map(Result::ok);
        let path = found.into_iter().find(|entry| entry.file_name() == file).expect("a file").into_path();
        let bytes = std::fs::read(&path).expect("bytes");
        (stufpack::model::Digest::of(&bytes), path.parent().expect("a folder").to_owned())
    };
    let ((sums, root), (plan, _)) = (digest("SHA256SUMS"), digest("MIGRATION-PLAN.json"));
    let order = serde_json::json!({
        "root": root, "state": here.workspace.path("state"), "number": 1, "plan": plan, "sums": sums, "phase": "deploy",
        "lines": [["deploy/step", "failed"]], "evidence": {}, "approved_by": "Ada (TA)",
    });
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/glass/phase.py");
    let left = Command::new("python3").args(["-I", "-B"]).arg(script).arg(order.to_string()).output();
    let left = left.expect("python3 is needed");
    assert!(left.status.success(), "{}", String::from_utf8_lossy(&left.stderr));
    let folder = String::from_utf8(left.stdout).expect("a path").trim_end().to_owned();

    // The run ended at this machine's time, whatever that is.
    let late = "2100-01-01T00:00:00Z";
    let record = format!("glass record stuf-harbour {folder} --at {late} --sign-key key --signers signers");
    // Nobody has searched what was added since.
    let note = "state/packages/1/operations/1-deploy/note.txt";
    here.workspace.write("state/secrets/mail_password", "not-a-real-password\n");
    here.workspace.write(note, "one\nthe password is not-a-real-password\n");
    let told = here.workspace.stufpack(&record).exits_with(5).stderr;
    let secret = "a secret (one of the state folder's) stands in note.txt, line 2 (not shown)";
    assert!(told.contains(secret) && !told.contains("not-a-real"), "{told}");
    std::fs::remove_file(here.workspace.path(note)).expect("removed");
    let told = here.workspace.stufpack(&record).exits_with(0).stdout;
    assert!(told.starts_with("operation 2 recorded: commit "), "{told}");
    let noted = here.workspace.read("state/packages/1/operations/1-deploy.recorded");
    assert_eq!(noted.trim_end(), here.head());

    let log = here.workspace.stufpack("glass log stuf-harbour").exits_with(0).stdout;
    for line in ["phase        deploy, run 1: failed", "approved by  Ada (TA)"] {
        assert!(log.contains(line), "{log}");
    }
    let diff = here.workspace.stufpack("glass diff stuf-harbour 1 2").exits_with(0).stdout;
    assert!(diff.contains("phases (1)\n  deploy: new, failed, package 1\n"), "{diff}");
    let diff = here.workspace.stufpack("glass diff stuf-harbour 0 1").exits_with(0).stdout;
    assert!(
        diff.contains("  package.slug: new, harbour\n") && diff.contains("more: --format json tells all"),
        "{diff}"
    );
    let json = here.workspace.stufpack("glass diff stuf-harbour 0 1 --format json").exits_with(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let changes = json["meaning"]["changes"].as_array().expect("changes");
    let of = |ending: &str| {
        let found =
            changes.iter().find(|change| change["what"].as_str().is_some_and(|what| what.ends_with(ending)));
        found.unwrap_or_else(|| panic!("{ending}"))["after"].as_str().expect("a value").to_owned()
    };
    assert_eq!(of("compose/.env: STUF_SLUG"), "harbour");
    assert_eq!(of("group_vars/all.yml: stuf_slug"), "harbour");
    assert!(of("group_vars/all.yml: stuf_images.api").contains("@sha256:"));
    assert!(of("phases[deploy].steps[deploy/start-api]").starts_with("Start the API: {\"id\":"));
    let json = here.workspace.stufpack("glass diff stuf-harbour 1 2 --format json").exits_with(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["meaning"]["changes"][0]["area"], "phases");
    assert!(
        here.workspace
            .stufpack("glass diff stuf-harbour 1 7")
            .exits_with(3)
            .stderr
            .contains("no operation 7")
    );
    here.workspace.stufpack("glass diff stuf-harbour one 2").exits_with(2);
    here.workspace.stufpack("glass diff stuf-harbour 1").exits_with(2);
}
