//! Somebody edits an operation folder by hand, and the list in the text beside it: both ways of recording refuse the same lies, and
//! what is recorded past them is seen.

use crate::forge::{Check, Forge, codes};
use crate::page::audited;
use crate::phases::{Phase, stock};
use crate::support::{Case, timestamp};
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use stufpack::model::Digest;
use stufpack::pack::Package;

/// The text beside a folder, among the folder's files.
pub const SCRIPT: &str = "its text";
const ABOUT: &str = "operation.json";

/// An operation folder in the hands of somebody who may write to it.
pub struct Hand(PathBuf);

impl Hand {
    pub fn of(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn path(&self, file: &str) -> PathBuf {
        if file == SCRIPT { PathBuf::from(format!("{}.sh", self.0.display())) } else { self.0.join(file) }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    /// Changes a file at the one place that reads `from`.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert_eq!(text.matches(from).count(), 1, "{file}: {from}");
        fs::write(self.path(file), text.replace(from, to)).unwrap();
    }

    fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }

    /// Changes what both operation and text say.
    fn says(&self, name: &str, from: &str, to: &str) {
        self.edit(ABOUT, &format!("\"{name}\": \"{from}\""), &format!("\"{name}\": \"{to}\""));
        self.edit(SCRIPT, &format!("\n{name}={from}\n"), &format!("\n{name}={to}\n"));
    }

    /// Takes back that anybody has validated it.
    fn is_not_run(&self, verdict: &str) {
        self.says("validation", verdict, "not_run");
    }

    /// Says that nobody has approved it.
    fn is_not_approved(&self, by: &str) {
        self.edit(ABOUT, &format!(" \"approved_by\": \"{by}\",\n"), "");
        self.edit(SCRIPT, &format!("\napproved_by={by}\n"), "\napproved_by=none\n");
    }

    /// Calls files personal.
    pub fn hides<T: AsRef<str>>(&self, files: &[T]) {
        let listed = |separator: &str| files.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(separator);
        self.edit(ABOUT, "\"\n ]", &format!("\",\n  \"{}\"\n ]", listed("\",\n  \"")));
        self.edit(SCRIPT, "'\nearlier=", &format!("\n{}'\nearlier=", listed("\n")));
    }

    /// Says that it ran in 2020.
    fn is_older(&self) {
        let about: serde_json::Value = serde_json::from_str(&self.read(ABOUT)).unwrap();
        for (name, seconds) in [("started", 1_577_836_800), ("ended", 1_577_923_200)] {
            let was = about[name].as_str().unwrap();
            let at: jiff::Timestamp = was.parse().unwrap();
            let of = |word: &str, value: &str| format!("\"{word}\": \"{value}\"");
            self.edit(ABOUT, &of(name, was), &of(name, &timestamp(seconds).to_string()));
            let of = |value: i64| format!("\n{name}={value}\n");
            self.edit(SCRIPT, &of(at.as_second()), &of(seconds));
        }
    }

    /// Adds a line to the journal that follows the last one; `{n}` and `{prev}` stand for its number and what it follows.
    fn adds(&self, line: &str) {
        let journal = self.read("journal.jsonl");
        let (lines, last) = (journal.lines().count(), journal.split_inclusive('\n').next_back().unwrap());
        let before = Digest::of(last.as_bytes()).hex();
        let line = line.replace("{n}", &(lines + 1).to_string()).replace("{prev}", &before) + "\n";
        fs::write(self.path("journal.jsonl"), journal + &line).unwrap();
        let end = |lines: usize, sha256: &str| format!("\"lines\": {lines},\n  \"sha256\": \"{sha256}\"");
        self.edit(ABOUT, &end(lines, &before), &end(lines + 1, &Digest::of(line.as_bytes()).hex()));
    }

    /// Lists the files in the text as if `./migrate` had written them so.
    pub fn list(&self) {
        let mut sums = Vec::new();
        for entry in walkdir::WalkDir::new(&self.0).sort_by_file_name() {
            let path = entry.unwrap().into_path();
            if path.is_file() {
                let name = path.strip_prefix(&self.0).unwrap().as_os_str().as_bytes();
                let sum = Digest::of(&fs::read(&path).unwrap()).hex();
                sums.extend([sum.as_bytes(), b"  ", name, b"\n"].concat());
            }
        }
        let text = fs::read(self.path(SCRIPT)).unwrap();
        let find = |what: &[u8], from: usize| {
            from + text[from..].windows(what.len()).position(|part| part == what).unwrap()
        };
        let begin = find(b"\nsums='", 0) + b"\nsums='".len();
        let end = find(b"'\n", begin);
        let sums = &sums[..sums.len() - 1];
        fs::write(self.path(SCRIPT), [&text[..begin], sums, &text[end..]].concat()).unwrap();
    }

    /// Takes every check out of the text.
    fn checks_nothing(&self) {
        self.edit(SCRIPT, "\nfail() { printf", "\nfail() { :; }\nfailed() { printf");
    }
}

/// A glass with a package, and its head.
fn case() -> (Case, Package, String) {
    let case = Case::new();
    case.init(true);
    let package = case.package(1, None);
    case.record(&package);
    let head = case.git(&["rev-parse", "main"]);
    (case, package, head)
}

/// Why each of the two ways of recording refuses a folder.
fn refused(case: &Case, folder: &Path) -> [String; 2] {
    let head = case.git(&["rev-parse", "main"]);
    let ours = case.record_operation(folder, &case.customer).map(|recorded| recorded.operation);
    let theirs = stock(case, &case.glass(), folder, &case.customer);
    let said = String::from_utf8_lossy(&theirs.stderr).into_owned();
    assert!(!theirs.status.success(), "recorded by stock tools; stufpack says: {ours:?}");
    assert!(said.contains("Nothing was recorded."), "{said}");
    assert_eq!(case.git(&["rev-parse", "main"]), head);
    [ours.unwrap_err().to_string(), said]
}

fn verify(verdict: &str) -> Phase<'static> {
    let check = json!({ "id": "sign-in", "verdict": verdict, "ran_at": null });
    let report = json!({ "v": 1, "phase": "verify", "verdict": verdict, "checks": [check] }).to_string();
    let lines: &[_] = if verdict == "fail" {
        &[("verify/step", "failed")]
    } else {
        &[("step", "done"), ("end", "finished")]
    };
    Phase { lines, evidence: json!({ "verify.json": report }), ..Phase::finished("verify") }
}

fn content() -> Phase<'static> {
    let report = json!({ "v": 1, "phase": "content", "verdict": "pass", "checks": [] }).to_string();
    Phase { evidence: json!({ "content.json": report }), ..Phase::finished("content") }
}

fn approved(phase: &'static str) -> Phase<'static> {
    Phase { approved_by: Some("Ada"), ..Phase::finished(phase) }
}

/// A run, what somebody makes of its folder, why both ways of recording refuse that, and what is found where they did not.
struct Lie {
    of: Phase<'static>,
    by: fn(&Hand),
    ours: &'static str,
    theirs: &'static str,
    found: &'static str,
}

const CHECKED: &str = "   \"verdict\": \"";
const WORSE: [&str; 2] =
    ["came to a verdict, and no report in clear says which", "came to a verdict, and there is no reports/"];

fn lies_about_verdicts() -> Vec<Lie> {
    let [ours, theirs] = WORSE;
    let found = "glass.operation.form";
    vec![
        Lie {
            of: verify("fail"),
            by: |hand| {
                hand.remove("reports/verify.json");
                hand.is_not_run("fail");
            },
            ours,
            theirs,
            found,
        },
        Lie {
            of: verify("fail"),
            by: |hand| {
                hand.hides(&["reports/verify.json"]);
                hand.is_not_run("fail");
            },
            ours,
            theirs,
            found,
        },
        Lie {
            of: verify("fail"),
            by: |hand| hand.hides(&["reports/verify.json"]),
            ours: "validation is fail, and no report in clear says so",
            theirs,
            found,
        },
        Lie {
            of: content(),
            by: |hand| {
                hand.remove("reports/content.json");
                hand.is_not_run("pass");
            },
            ours,
            theirs,
            found,
        },
        Lie {
            of: approved("sign-off"),
            by: |hand| {
                hand.remove("sign-off.json");
                hand.is_not_run("pass");
                hand.is_not_approved("Ada");
            },
            ours,
            theirs: "there is no sign-off.json in clear, which a sign-off leaves",
            found,
        },
        Lie {
            of: verify("pass"),
            by: |hand| hand.edit("reports/verify.json", &format!("{CHECKED}pass"), &format!("{CHECKED}fail")),
            ours: "validation is pass, and a check of its report says fail",
            theirs: "reports/verify.json says pass, and a check of it says worse",
            found,
        },
        // What it found is told as if it had found the opposite.
        Lie {
            of: verify("fail"),
            by: |hand| {
                for checked in ["\n \"verdict\": \"", "\n   \"verdict\": \""] {
                    hand.edit("reports/verify.json", &format!("{checked}fail"), &format!("{checked}pass"));
                }
                hand.says("validation", "fail", "pass");
            },
            ours: "validation is pass, and verify/step is failed in the journal",
            theirs: "reports/verify.json says pass, and verify/step is failed in the journal",
            found,
        },
        Lie {
            of: verify("fail"),
            by: |hand| {
                let right = "{\n   \"id\": \"step\",\n   \"verdict\": \"pass\"\n  },\n  {";
                hand.edit("reports/verify.json", "[\n  {", &format!("[\n  {right}"));
            },
            ours: "the check step of its report says pass, and verify/step is failed in the journal",
            theirs: "reports/verify.json calls step right, and verify/step is failed in the journal",
            found,
        },
        Lie {
            of: verify("warn"),
            by: |hand| hand.edit("reports/verify.json", &format!("{CHECKED}warn"), &format!("{CHECKED}fail")),
            ours: "validation is warn, and a check of its report says fail",
            theirs: "reports/verify.json says warn, and a check of it says worse",
            found,
        },
    ]
}

fn lies_about_people_and_times() -> Vec<Lie> {
    let found = "glass.operation.form";
    vec![
        Lie {
            of: approved("cutover"),
            by: |hand| hand.says("approved_by", "Ada", "Mallory"),
            ours: "approved_by is \"Mallory\", and approval.json says \"Ada\"",
            theirs: "operation.json says \"approved_by\": \"Mallory\"; ",
            found,
        },
        Lie {
            of: approved("cutover"),
            by: |hand| hand.remove("approval.json"),
            ours: "approved_by is \"Ada\", and no approval.json in clear says so",
            theirs: "of run 1 tell less",
            found,
        },
        Lie {
            of: approved("cutover"),
            by: |hand| hand.is_not_approved("Ada"),
            ours: "approval.json says \"Ada\", and operation.json does not name them",
            theirs: "operation.json says less; ",
            found,
        },
        Lie {
            of: Phase::finished("deploy"),
            by: Hand::is_older,
            ours: "in the journal, from 2020-01-01T00:00:00Z to 2020-01-02T00:00:00Z in operation.json",
            theirs: "says from second 1577836800 to second 1577923200",
            found: "glass.journal",
        },
    ]
}

fn lies_about_the_journal() -> Vec<Lie> {
    let found = "glass.journal";
    vec![
        Lie {
            of: Phase::finished("deploy"),
            by: |hand| hand.edit("journal.jsonl", "\"started\"", "\"skipped\""),
            ours: "line 1: the next line holds another digest of this line",
            theirs: "a line does not follow the one before it",
            found,
        },
        // A reader of text alone would pass over it.
        Lie {
            of: Phase::finished("deploy"),
            by: |hand| {
                let last = hand.read("journal.jsonl").lines().next_back().unwrap().to_owned();
                let mut line: serde_json::Value = serde_json::from_str(&last).unwrap();
                (line["prev"], line["state"]) = ("{prev}".into(), "failed".into());
                let line = line.to_string().replace("\"n\":3", "\"n\":{n}");
                hand.adds(&line.replace("\"run\":1", "\"run\": 1"));
            },
            ours: "run 1 ended failed in the journal, finished in operation.json",
            theirs: "line 4 of journal.jsonl is not as ./migrate writes it",
            found,
        },
        Lie {
            of: Phase::finished("deploy"),
            by: |hand| hand.adds("{\"n\":{n},\"prev\":\"{prev}\",\"state\":\"failed\"}"),
            ours: "line 4: the line is no journal line",
            theirs: "line 4 of journal.jsonl is not as ./migrate writes it",
            found,
        },
    ]
}

#[test]
fn both_ways_of_recording_refuse_the_same_lies_and_each_is_seen() {
    let (case, package, good) = case();
    let lies = [lies_about_verdicts(), lies_about_people_and_times(), lies_about_the_journal()];
    for Lie { of, by, ours, theirs, found } in lies.into_iter().flatten() {
        let _ = fs::remove_dir_all(case.path("state"));
        let folder = of.leave(&case, &package);
        let hand = Hand::of(&folder);
        by(&hand);
        hand.list();

        let [our, their] = refused(&case, &folder);

        assert!(our.contains(ours), "{our}");
        assert!(their.contains(theirs), "{ours}: {their}");
        hand.checks_nothing();
        let told = stock(&case, &case.glass(), &folder, &case.customer);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        assert_eq!(codes(&Check::pinned(&case).run()), [found], "{ours}");
        case.git(&["update-ref", "refs/heads/main", &good]);
    }
}

/// Somebody leaves the journal away, and with it all that a run is held against.
#[test]
fn a_run_without_its_journal_is_refused_both_ways_and_seen() {
    let (case, package, good) = case();
    let pin = case.git(&["rev-list", "--max-parents=0", "main"]);
    let ways: [(&str, serde_json::Value, &str); 7] = [
        ("deployment", json!({ "phase": "verify", "run": 3, "validation": "pass" }), "it names a phase"),
        ("deployment", json!({ "run": 3 }), "it names a run"),
        ("deployment", json!({ "result": "finished" }), "it says how a run ended"),
        ("deployment", json!({ "validation": "pass" }), "it says how it was validated"),
        ("cutover", json!({ "phase": "cutover", "run": 9, "validation": "pass" }), "it names a phase"),
        ("cutover", json!({}), "it is a deployment, a cutover or a rollback"),
        ("configuration", json!({ "phase": "import", "run": 3 }), "it names a phase"),
    ];
    for (event, says, why) in ways {
        let _ = fs::remove_dir_all(case.path("state"));
        let folder = verify("fail").leave(&case, &package);
        let hand = Hand::of(&folder);
        let mut about: serde_json::Value = serde_json::from_str(&hand.read(ABOUT)).unwrap();
        let said = about.as_object_mut().unwrap();
        for key in ["phase", "run", "result", "journal", "personal"] {
            said.remove(key);
        }
        said.extend([("event".to_owned(), event.into()), ("validation".to_owned(), "not_run".into())]);
        said.extend([("approved_by".to_owned(), "The CEO".into())]);
        said.extend(says.as_object().unwrap().clone());
        fs::write(hand.path(ABOUT), about.to_string()).unwrap();
        for verdict in ["\n \"verdict\": \"", CHECKED] {
            hand.edit("reports/verify.json", &format!("{verdict}fail"), &format!("{verdict}pass"));
        }
        hand.remove("journal.jsonl");
        hand.list();

        let [our, their] = refused(&case, &folder);

        let why = format!("{why}, and has no journal that tells it");
        assert!(our.contains(&why), "{our}");
        assert!(their.contains("has no journal.jsonl"), "{their}");
        let mut forge = Forge { event, ..Forge::new(&case) };
        let kind = if event == "configuration" { "config-changes" } else { "deployment-history" };
        let own = format!("audit/{kind}/{:04}-{event}", forge.operation);
        forge.files = [ABOUT, "reports/verify.json"]
            .map(|file| (format!("{own}/{file}"), Some(hand.read(file).into_bytes())))
            .into();
        let plan = package.files()["MIGRATION-PLAN.json"].sha256.hex();
        forge.package = ["1".to_owned(), package.sha256().hex(), plan];
        forge.commit();
        let audit = Check::pinned(&case).run();
        assert_eq!(codes(&audit), ["glass.operation.form"], "{about}");
        assert_eq!(audit.findings[0].message, why);
        let (code, said) = audited(&case, &pin);
        assert_eq!(code, Some(1), "{about}: {said}");
        assert!(said.contains("it tells of a run, and has no journal of it"), "{said}");
        // Nobody is told of a run that nothing proves.
        let told = stufpack::record::meaning(&case.glass(), 1, 2).unwrap();
        assert_eq!(told.changes, []);
        case.git(&["update-ref", "refs/heads/main", &good]);
    }
}

/// Who may do what was changed by hand: there is no journal, and somebody approved it.
#[test]
fn what_was_changed_by_hand_has_no_journal_and_is_taken() {
    let (case, _, _) = case();
    let pin = case.git(&["rev-list", "--max-parents=0", "main"]);
    for event in ["configuration", "access"] {
        let folder = case.path(event);
        fs::create_dir(&folder).unwrap();
        let at = timestamp(case.tick()).to_string();
        let about = json!({
            "schema": 1, "event": event, "slug": "harbour", "started": at, "ended": at, "validation": "not_run",
            "approved_by": "Ada (TA)",
        });
        fs::write(folder.join(ABOUT), about.to_string()).unwrap();
        assert!(case.record_operation(&folder, &case.customer).unwrap().new);
    }
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
    let (code, said) = audited(&case, &pin);
    assert_eq!(code, Some(0), "{said}");
}

/// Each of these is a good folder but for one name.
#[test]
fn both_ways_of_recording_refuse_the_same_names() {
    let (case, package, _) = case();
    let names: [(&[&[u8]], &str, &str); 10] = [
        (
            &[b"logs/a\tb.log"],
            "cannot stand in a glass",
            "logs/a^Ib.log is a name that cannot stand in a glass",
        ),
        (
            &["logs/a\u{85}b.log".as_bytes()],
            "cannot stand in a glass",
            "is a name that cannot stand in a glass",
        ),
        (&[b"logs/a:b"], "cannot stand in a glass", "logs/a:b is a name that cannot stand in a glass"),
        (&[b"logs/a\\b"], "cannot stand in a glass", "logs/a\\b is a name that cannot stand in a glass"),
        (&[b"logs/.GitX"], "cannot stand in a glass", "logs/.GitX is a name that cannot stand in a glass"),
        (&[b"logs/a\xff"], "cannot stand in a glass", "is not UTF-8"),
        (&[b"Personal/a"], "made by recording", "Personal/a is in the folder that recording makes"),
        (&[b"logs/Steps.log"], "case only", "logs/steps.log stands there twice, in other cases"),
        (&[b"Logs/a.log"], "case only", "logs stands there twice, in other cases"),
        (
            &["logs/ärger.log".as_bytes(), "logs/ÄRGER.log".as_bytes()],
            "case only",
            "stands there twice, in other cases",
        ),
    ];
    for (added, ours, theirs) in names {
        let _ = fs::remove_dir_all(case.path("state"));
        let folder = Phase::finished("deploy").leave(&case, &package);
        for name in added {
            let path = folder.join(OsStr::from_bytes(name));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x\n").unwrap();
        }
        Hand::of(&folder).list();

        let [our, their] = refused(&case, &folder);

        assert!(our.contains(ours) && their.contains(theirs), "{our}\n{their}");
    }
    let _ = fs::remove_dir_all(case.path("state"));
    let folder = Phase::finished("deploy").leave(&case, &package);
    std::os::unix::fs::symlink("steps.log", folder.join("logs/link.log")).unwrap();
    Hand::of(&folder).list();
    let [our, their] = refused(&case, &folder);
    assert!(our.contains("it is neither a file nor a folder"), "{our}");
    assert!(their.contains("logs/link.log is neither a file nor a folder"), "{their}");
}

#[test]
fn both_ways_of_recording_take_no_name_that_deceives() {
    let (case, package, _) = case();
    let folder = Phase::finished("deploy").leave(&case, &package);
    let hand = Hand::of(&folder);
    let about: serde_json::Value = serde_json::from_str(&hand.read(ABOUT)).unwrap();
    let asked = about["requested_by"].as_str().unwrap();
    hand.edit(ABOUT, &format!("\"{asked}\""), "\"Ada \u{202e}\"");
    hand.edit(SCRIPT, &format!("\nrequested_by={asked}\n"), "\nrequested_by='Ada \u{202e}'\n");
    hand.list();

    let [our, their] = refused(&case, &folder);

    assert!(our.contains("Requested-By cannot be recorded: it holds a character that hides"), "{our}");
    assert!(
        their.contains("the name of who asked for it holds a character that hides or turns text"),
        "{their}"
    );
}

/// A journal may tell of another plan too; that is nothing of this run.
#[test]
fn both_ways_of_recording_pass_over_what_another_plan_did() {
    let (case, package, good) = case();
    let folder = Phase::finished("deploy").leave(&case, &package);
    let hand = Hand::of(&folder);
    let last = hand.read("journal.jsonl").lines().next_back().unwrap().to_owned();
    let mut line: serde_json::Value = serde_json::from_str(&last).unwrap();
    line["plan"] = format!("sha256:{}", "e".repeat(64)).into();
    (line["prev"], line["state"]) = ("{prev}".into(), "failed".into());
    hand.adds(&line.to_string().replace("\"n\":3", "\"n\":{n}"));
    hand.list();

    assert!(case.record_operation(&folder, &case.customer).unwrap().new);

    case.git(&["update-ref", "refs/heads/main", &good]);
    let told = stock(&case, &case.glass(), &folder, &case.customer);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
}
