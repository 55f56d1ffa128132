//! Operations that a phase wrote down: they enter the glass once, whole, and without secrets or personal data.

use crate::forge::{Check, Forge, codes};
use crate::support::{Case, FAKE_PASSWORD, VERDICT, recording, timestamp};
use std::fs;
use std::path::Path;
use stufpack::open::Revoked;
use stufpack::record::{Glass, Operation, Recording, Trust, Value};

fn case() -> Case {
    let case = Case::new();
    case.init(true);
    case.record(&case.package(1, None));
    case
}

#[test]
fn an_operation_is_one_commit_in_its_own_folders() {
    let case = case();
    let folder = case.operation(&case.package_recorded(1), 4);

    let recorded = case.record_operation(&folder, &case.customer).unwrap();

    assert_eq!((recorded.operation, recorded.new), (2, true));
    assert_eq!(
        case.git(&["diff", "--name-status", "main~1", "main"]).lines().collect::<Vec<_>>(),
        [
            "A\taudit/deployment-history/0002-deployment/journal.jsonl",
            "A\taudit/deployment-history/0002-deployment/operation.json",
            "A\taudit/deployment-history/0002-deployment/personal/0001.age",
            "A\taudit/deployment-history/0002-deployment/reports/deploy.json",
            "A\taudit/deployment-history/0002-deployment/reports/verify.json",
            "A\tinfrastructure/deployment-logs/0002-deployment/deploy.log",
        ]
    );
    let trailer = |name: &str| {
        case.git(&["log", "-1", &format!("--format=%(trailers:key={name},valueonly,separator=)")])
    };
    assert_eq!(trailer("Event"), "deployment");
    assert_eq!(trailer("Requested-By"), "Ada (TA)");
    assert_eq!(trailer("Validation"), "pass");
    assert_eq!(trailer("Package-SHA256"), case.package_recorded(1).sha256().hex());
    case.git(&["verify-commit", "main"]);
    case.git(&["fsck", "--full", "--strict"]);
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
    let found = case.try_git(&["grep", "-q", "ada@example.org", "main", "--", "audit", "infrastructure"]);
    assert_eq!(found.status.code(), Some(1), "personal data in clear");
}

#[test]
fn the_same_folder_twice_is_one_commit() {
    let case = case();
    let folder = case.operation(&case.package_recorded(1), 2);
    let first = case.record_operation(&folder, &case.customer).unwrap();
    let other = case.operation(&case.package_recorded(1), 2);
    case.record_operation(&other, &case.customer).unwrap();

    let again = case.record_operation(&folder, &case.customer).unwrap();

    assert_eq!((again.commit, again.operation, again.new), (first.commit, 2, false));
    assert_eq!(case.git(&["rev-list", "--count", "main"]), "4");
}

/// Of a run there is one record: who changes its folder afterwards records nothing that would stand beside it as if it were newer.
#[test]
fn a_folder_with_other_files_is_no_second_record_of_its_run() {
    let case = case();
    let folder = case.operation(&case.package_recorded(1), 2);
    let first = case.record_operation(&folder, &case.customer).unwrap();
    let refused = |what: &str| {
        let told = case.record_operation(&folder, &case.customer).unwrap_err();
        assert_eq!(told.code(), "glass.order", "{what}");
        let why = "the runs of its journal up to 1-deploy stand in this glass, the last as operation 2, and each is recorded once";
        assert!(told.to_string().contains(why), "{what}: {told}");
        assert_eq!(case.git(&["rev-list", "--count", "main"]), "3");
    };

    for file in ["reports/verify.json", "logs/deploy.log"] {
        let was = fs::read(folder.join(file)).unwrap();
        fs::remove_file(folder.join(file)).unwrap();
        refused(file);
        fs::write(folder.join(file), was).unwrap();
    }
    fs::write(folder.join("reports/more.json"), "{}\n").unwrap();
    refused("reports/more.json");

    // Encryption is random, so nothing can be said about a personal file, and that is said.
    fs::remove_file(folder.join("reports/more.json")).unwrap();
    fs::write(folder.join("reports/users.json"), "[]\n").unwrap();
    let again = case.record_operation(&folder, &case.customer).unwrap();
    assert_eq!((again.commit, again.new, again.uncompared), (first.commit, false, 1));
    assert_eq!(first.uncompared, 0);
}

#[test]
fn a_journal_that_goes_on_is_recorded_again_and_a_changed_one_is_seen() {
    let case = case();
    let package = case.package_recorded(1);
    let folder = case.operation(&package, 2);
    case.record_operation(&folder, &case.customer).unwrap();
    let (journal, about) = (folder.join("journal.jsonl"), folder.join("operation.json"));
    let two = fs::read_to_string(&journal).unwrap();
    let last = |text: &str| {
        stufpack::model::Digest::of(text.split_inclusive('\n').next_back().unwrap().as_bytes()).hex()
    };
    let write = |text: &str, lines: u64, run: u32| {
        let old = fs::read_to_string(&about).unwrap();
        let old = old.replace(&format!("\"run\":{}", 3 - run), &format!("\"run\":{run}"));
        let at = old.find("\"journal\"").unwrap();
        let end = old.find(",\"personal\"").unwrap();
        let journal_end = format!("\"journal\":{{\"lines\":{lines},\"sha256\":\"{}\"}}", last(text));
        fs::write(&about, [&old[..at], &journal_end, &old[end..]].concat()).unwrap();
        fs::write(&journal, text).unwrap();
    };
    let first = two.split_inclusive('\n').next().unwrap();
    let second = &two[first.len()..];
    let third = second.replace("\"n\":2", "\"n\":3").replace(&last(first), &last(&two));
    let three = two.clone() + &third.replace("\"run\":1", "\"run\":2");
    write(&three, 3, 2);
    case.record_operation(&folder, &case.customer).unwrap();
    assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);

    // The same first line, another second one: a chain that holds by itself.
    let other = first.to_owned() + &second.replace("\"done\"", "\"skipped\"");
    write(&other, 2, 1);
    let refused = case.record_operation(&folder, &case.customer).unwrap_err();
    assert_eq!(refused.code(), "glass.order");
    let mut forge = Forge { event: "deployment", ..Forge::new(&case) };
    forge.package =
        [String::from("1"), package.sha256().hex(), package.files()["MIGRATION-PLAN.json"].sha256.hex()];
    let text = fs::read_to_string(&about).unwrap();
    let open = text.split_once(",\"personal\"").unwrap().0.to_owned() + "}\n";
    let report = VERDICT.to_owned();
    forge.files = [("operation.json", open), ("journal.jsonl", other), ("reports/deploy.json", report)]
        .map(|(name, text)| {
            (format!("audit/deployment-history/0004-deployment/{name}"), Some(text.into_bytes()))
        })
        .into();
    forge.commit();
    let audit = Check::pinned(&case).run();
    assert_eq!(codes(&audit), ["glass.journal"]);
    assert_eq!(audit.findings[0].line, Some(2));
}

#[test]
fn a_secret_stops_the_recording_and_is_not_shown() {
    use base64::Engine as _;
    let key = format!("-----BEGIN OPENSSH {} KEY-----\nbm90IGEga2V5\n", "PRIVATE");
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("x{FAKE_PASSWORD}"));
    for (file, text, kind) in [
        ("logs/deploy.log", format!("one\npassword: {FAKE_PASSWORD}\n"), "mail password"),
        ("reports/verify.json", format!("{{}}\n{encoded}"), "mail password"),
        ("reports/users.json", format!("one\n{key}"), "private key"),
    ] {
        let case = case();
        let folder = case.operation(&case.package_recorded(1), 2);
        fs::write(folder.join(file), &text).unwrap();

        let error = case.record_operation(&folder, &case.customer).unwrap_err();

        let message = format!(
            "a secret ({kind}) stands in {file}, line 2 (not shown); nothing was recorded; next: treat it as disclosed and replace it \
             where it is used; what has to be recorded is made anew without it"
        );
        assert_eq!(error.to_string(), message);
        assert_eq!(case.git(&["rev-list", "--count", "main"]), "2");
    }
}

#[test]
fn a_folder_that_is_not_what_it_says_is_refused() {
    let refused = |change: &dyn Fn(&Path)| {
        let case = case();
        let folder = case.operation(&case.package_recorded(1), 3);
        change(&folder);
        let result = case.record_operation(&folder, &case.customer);
        assert_eq!(case.git(&["rev-list", "--count", "main"]), "2", "{result:?}");
        result.unwrap_err().to_string()
    };
    let edit = |folder: &Path, file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(from));
        fs::write(folder.join(file), text.replacen(from, to, 1)).unwrap();
    };
    let about = "operation.json";
    assert!(refused(&|folder| fs::remove_file(folder.join(about)).unwrap()).contains("is missing"));
    assert!(refused(&|folder| edit(folder, "journal.jsonl", "done", "gone")).contains("line 1"));
    assert!(
        refused(&|folder| fs::remove_file(folder.join("journal.jsonl")).unwrap()).contains("there is none")
    );
    assert!(refused(&|folder| edit(folder, about, "\"number\":1", "\"number\":7")).contains("does not have"));
    assert!(refused(&|folder| edit(folder, about, "harbour", "other")).contains("the glass is of harbour"));
    assert!(refused(&|folder| edit(folder, about, "\"run\":1", "\"extra\":1")).contains("extra"));
    assert!(
        refused(&|folder| edit(folder, about, "Ada (TA)", "a\\nApproved-By: eve")).contains("Requested-By")
    );
    assert!(
        refused(&|folder| edit(folder, about, "reports/users.json", "reports/none.json"))
            .contains("personal")
    );
    assert!(
        refused(&|folder| std::os::unix::fs::symlink("/etc/passwd", folder.join("logs/link")).unwrap())
            .contains("neither")
    );
    assert!(refused(&|folder| fs::write(folder.join("logs/.gitmodules"), "").unwrap()).contains("name"));
    for name in ["logs/Deploy.log", "Logs/other.log", "logs/ÄRGER.log"] {
        let told = refused(&|folder| {
            fs::create_dir_all(folder.join("Logs")).unwrap();
            fs::write(folder.join("logs/ärger.log"), "").unwrap();
            fs::write(folder.join(name), "").unwrap();
        });
        assert!(told.contains("case only"), "{name}: {told}");
    }
    for name in ["personal", "Personal"] {
        assert!(refused(&|folder| fs::write(folder.join(name), "").unwrap()).contains("made by recording"));
    }
}

/// Puts the clear files of a folder into the glass with another tool; what the check says of it.
fn forced(case: &Case, folder: &Path, event: &'static str) -> Vec<&'static str> {
    forced_as(case, folder, event, |message| message)
}

/// The same, with another message.
fn forced_as(
    case: &Case,
    folder: &Path,
    event: &'static str,
    message: fn(String) -> String,
) -> Vec<&'static str> {
    let package = case.package_recorded(1);
    let mut forge = Forge { event, message, ..Forge::new(case) };
    forge.package =
        [String::from("1"), package.sha256().hex(), package.files()["MIGRATION-PLAN.json"].sha256.hex()];
    let names = ["operation.json", "journal.jsonl", "reports/deploy.json", "evidence/reports/users.json"];
    let own = format!("audit/deployment-history/{:04}-{event}", forge.operation);
    forge.files = names
        .into_iter()
        .filter(|name| folder.join(name).exists())
        .map(|name| (format!("{own}/{name}"), Some(fs::read(folder.join(name)).unwrap())))
        .collect();
    forge.commit();
    codes(&Check::pinned(case).run())
}

/// What an operation says is what its journal and its report tell, and nothing of it is left out.
#[test]
fn an_operation_that_says_something_else_than_its_files_is_refused_and_seen() {
    let changed = |event: &'static str, file: &str, from: &str, to: &str| {
        let case = case();
        let folder = case.operation(&case.package_recorded(1), 2);
        fs::remove_file(folder.join("reports/users.json")).unwrap();
        let edit = |file: &str, from: &str, to: &str| {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            assert!(text.contains(from), "{file}: {from}");
            fs::write(folder.join(file), text.replace(from, to)).unwrap();
        };
        edit("operation.json", ",\"personal\":[\"reports/users.json\"]", "");
        if file.starts_with("evidence/") {
            fs::create_dir_all(folder.join("evidence/reports")).unwrap();
            fs::write(folder.join(file), to).unwrap();
        } else {
            edit(file, from, to);
        }
        let head = case.git(&["rev-parse", "main"]);
        let told = case.record_operation(&folder, &case.customer);
        case.git(&["update-ref", "refs/heads/main", &head]);
        (told.map(|recorded| recorded.new).map_err(|error| error.to_string()), forced(&case, &folder, event))
    };
    let about = "operation.json";
    // Unchanged, it is taken both ways.
    let (told, found) = changed("deployment", about, "Ada (TA)", "Bob");
    assert_eq!((told, found), (Ok(true), vec![]));
    let lies = [
        (
            "deployment",
            about,
            ",\"result\":\"paused\"",
            "",
            "operation.json does not say so",
            "glass.journal",
        ),
        ("deployment", about, "\"run\":1,", "", "of which package, phase and run", "glass.journal"),
        ("deployment", about, "\"run\":1,", "\"run\":9,", "it tells nothing of run 9", "glass.journal"),
        (
            "cutover",
            about,
            "\"event\":\"deployment\"",
            "\"event\":\"cutover\"",
            "deploy is the event deployment, and operation.json says cutover",
            "glass.journal",
        ),
        (
            "deployment",
            "reports/deploy.json",
            "pass",
            "fail",
            "validation is pass, and its report says fail",
            "glass.operation.form",
        ),
        (
            "deployment",
            "evidence/reports/users.json",
            "",
            "[\"ada@example.org\"]\n",
            "it is evidence, and operation.json does not list it in personal",
            "glass.operation.personal",
        ),
        (
            "deployment",
            about,
            "\"journal\":",
            "\"personal\":[\"a\",\"a\"],\"journal\":",
            "\"a\" stands twice in personal",
            "glass.operation.form",
        ),
    ];
    for (event, file, from, to, why, code) in lies {
        let (told, found) = changed(event, file, from, to);
        let told = told.unwrap_err();
        assert!(told.contains(why), "{told}");
        assert_eq!(found, [code], "{why}");
    }
}

/// Somebody records a run of others under the names of others again, as if these had asked for it and approved it.
#[test]
fn who_asked_and_who_approved_a_run_are_not_said_anew_when_it_is_recorded() {
    let case = case();
    let folder = case.operation(&case.package_recorded(1), 2);
    fs::remove_file(folder.join("reports/users.json")).unwrap();
    let about = fs::read_to_string(folder.join("operation.json")).unwrap();
    let about = about.replace(",\"personal\":[\"reports/users.json\"]", "");
    fs::write(folder.join("operation.json"), about).unwrap();
    let (signers, key, head) = (case.signers(), case.customer.signer(), case.git(&["rev-parse", "main"]));
    let record = |requested_by: Option<&str>, approved_by: Option<&str>| {
        let name = |text: Option<&str>| text.map(|text| Value::parse("a name", text).unwrap());
        let names = Recording {
            requested_by: name(requested_by),
            approved_by: name(approved_by),
            ..recording(&key, &signers)
        };
        Glass::open(&case.glass()).unwrap().lock().unwrap().record_operation(&folder, &[], &names)
    };
    for (requested_by, approved_by, why) in [
        (Some("Bob"), None, "Requested-By is \"Bob\", and operation.json names \"Ada (TA)\""),
        (None, Some("The CEO"), "Approved-By is \"The CEO\", and operation.json names nobody"),
    ] {
        let told = record(requested_by, approved_by).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
        assert!(told.contains("next: leave --requested-by and --approved-by out"), "{told}");
        assert_eq!(case.git(&["rev-parse", "main"]), head);
    }
    assert!(record(Some("Ada (TA)"), None).unwrap().new);
    let lies: [fn(String) -> String; 3] = [
        |message| message.replace("Requested-By: Ada (TA)", "Requested-By: Bob"),
        |message| message.replace("Requested-By: Ada (TA)", "Requested-By: none"),
        |message| message.replace("Approved-By: none", "Approved-By: The CEO"),
    ];
    for lie in lies {
        case.git(&["update-ref", "refs/heads/main", &head]);
        assert_eq!(forced_as(&case, &folder, "deployment", lie), ["glass.trailer"]);
    }
}

/// A controller whose clock was ahead: recorded, no check of the glass would pass before that time, and nothing could follow.
#[test]
fn a_date_that_has_not_come_is_refused_before_it_breaks_every_check() {
    let case = case();
    let folder = case.operation(&case.package_recorded(1), 2);
    let ended = case.tick() - 60;
    let (signers, revoked, key) = (case.signers(), Revoked::default(), case.customer.signer());
    let record = |now: i64| {
        let trust =
            Trust { signers: &signers, revoked: &revoked, pins: &[], last_seen: None, now: timestamp(now) };
        let recording = recording(&key, &signers);
        let glass = Glass::open(&case.glass()).unwrap().lock().unwrap().trusted(&trust).unwrap();
        glass.record_operation(&folder, &[], &recording)
    };

    let error = record(ended - 301).unwrap_err();

    assert_eq!(error.code(), "glass.date");
    assert!(error.to_string().contains("one of the two clocks is wrong"), "{error}");
    assert_eq!(case.git(&["rev-list", "--count", "main"]), "2");
    assert!(record(ended - 300).unwrap().new);
}

/// `schemas/operation.json` is what the types say; `STUFPACK_BLESS=1` rewrites it.
#[test]
fn the_published_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/operation.json");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        fs::write(path, Operation::schema()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).expect("schemas/operation.json"), Operation::schema());
}
