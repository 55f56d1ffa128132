//! Two glasses of one STUF: the hosting company's, and the customer's, which began as its clone and went its own way.

use crate::forge::{Check, Forge, codes};
use crate::phases::{Phase, record, stock};
use crate::support::{CUSTOMER, Case, ISSUER, Person, files, recording};
use std::path::{Path, PathBuf};
use stufpack::model::Word as _;
use stufpack::pack::{Details, Package};
use stufpack::record::{self, Error, Glass, Recorded, Sequence};

/// Both glasses after the first package: the hosting company's is bare, the customer's a clone with a work tree.
struct Two {
    case: Case,
    first: Package,
    root: git2::Oid,
}

impl Two {
    fn new() -> Self {
        let case = Case::new();
        let root = case.init(true);
        let first = case.package(1, None);
        case.record(&first);
        // The page's own words: docs/glass.md, “Two glasses”.
        let script = crate::page::blocks("sh two");
        let status = case
            .command("sh")
            .current_dir(&case.folder)
            .env("URL", case.glass())
            .args(["-eu", "-c", &script])
            .status()
            .unwrap();
        assert!(status.success());
        Self { case, first, root }
    }

    fn ours(&self) -> PathBuf {
        self.case.path("ours")
    }

    fn take(&self, path: &Path, package: &Package, by: &Person) -> Result<Recorded, Error> {
        let signers = self.case.signers();
        let key = by.signer();
        let recording = recording(&key, &signers);
        record::record(path, package, &recording)
    }

    fn head(&self, path: &Path) -> String {
        String::from_utf8(self.case.git_in(path, &["rev-parse", "main"]).stdout).unwrap().trim().to_owned()
    }

    /// Both hold, from the root that everybody knows.
    fn both_hold(&self) {
        for path in [self.case.glass(), self.ours()] {
            let audit = Check { pins: vec![self.root], ..Check::new(&self.case) }.run_in(&path);
            assert_eq!(codes(&audit), [""; 0], "{}: {:?}", path.display(), audit.findings);
        }
    }

    /// Who recorded what, in order.
    fn told(&self, path: &Path) -> Vec<(String, &'static str)> {
        let entries = record::log(path).unwrap();
        let by = |name: &str| if name == CUSTOMER { "customer" } else { "issuer" };
        entries.iter().map(|entry| (entry.event.to_string(), by(&entry.by))).collect()
    }
}

#[test]
fn each_glass_goes_its_own_way_and_the_next_package_enters_both() {
    let two = Two::new();
    let (case, hosting, ours) = (&two.case, two.case.glass(), two.ours());

    // The customer runs the first package, and records once by stufpack and once by stock tools.
    let folder = Phase::finished("deploy").leave(case, &two.first);
    record(case, &ours, &folder, &case.customer);
    let folder = Phase::finished("import").leave(case, &two.first);
    assert!(stock(case, &ours, &folder, &case.customer).status.success());
    // The hosting company goes on meanwhile, and makes the second package.
    Forge { files: Forge::new(case).files, ..Forge::new(case) }.commit();
    let second = case.package(2, Some(&two.first));
    case.record(&second);

    // Neither can become the other by a pull.
    let pull = case.git_in(&ours, &["pull", "-q", "--ff-only", &hosting.display().to_string(), "main"]);
    assert!(!pull.status.success());
    let taken = two.take(&ours, &second, &case.customer).unwrap();
    assert_eq!((taken.operation, taken.new), (4, true));
    let folder = Phase { approved_by: Some("Ada (TA)"), ..Phase::finished("cutover") }.leave(case, &second);
    record(case, &ours, &folder, &case.customer);

    let words = |told: &[(&str, &'static str)]| -> Vec<_> {
        told.iter().map(|(event, by)| ((*event).to_owned(), *by)).collect()
    };
    let begin = [("init", "issuer"), ("package", "issuer")];
    assert_eq!(
        two.told(&hosting),
        words(&[&begin[..], &[("access", "issuer"), ("package", "issuer")]].concat())
    );
    let own = [
        ("deployment", "customer"),
        ("configuration", "customer"),
        ("package", "customer"),
        ("cutover", "customer"),
    ];
    assert_eq!(two.told(&ours), words(&[&begin[..], &own].concat()));
    two.both_hold();
    // The package is the same in both, though each recorded it in its own place and in its own name.
    for file in ["SHA256SUMS", "SHA256SUMS.sig", "manifest.json"] {
        let blob = |path: &Path| case.git_in(path, &["rev-parse", &format!("main:{file}")]).stdout;
        assert_eq!(blob(&hosting), blob(&ours));
    }
    // The one who made it may look: what was recorded is exactly what was signed.
    assert!(record::diff(&ours, &second).unwrap().is_equal());
}

#[test]
fn a_package_enters_by_its_issuers_signature_and_its_predecessor_alone() {
    let two = Two::new();
    let (case, ours) = (&two.case, two.ours());
    let head = two.head(&ours);
    let second = case.package(2, Some(&two.first));
    let third = case.package(3, Some(&second));
    let refused = |package: &Package, by: &Person| two.take(&ours, package, by).unwrap_err();

    let files = crate::support::files(2);
    let customers = case.package_of(2, Some(&two.first), "harbour", &case.customer, files.clone());
    assert!(matches!(refused(&customers, &case.customer), Error::Key(_)));
    let strangers = case.package_of(2, Some(&two.first), "harbour", &case.stranger, files);
    assert!(matches!(refused(&strangers, &case.customer), Error::Key(_)));
    assert!(matches!(refused(&second, &case.stranger), Error::Key(_)));
    assert!(matches!(refused(&third, &case.customer), Error::Sequence(Sequence::Number { expected: 2, .. })));
    let other_first = case.package(2, Some(&third));
    assert!(matches!(refused(&other_first, &case.customer), Error::Sequence(Sequence::Previous { .. })));
    assert_eq!(two.head(&ours), head);

    two.take(&ours, &second, &case.customer).unwrap();
    two.take(&ours, &third, &case.customer).unwrap();
    assert!(!two.take(&ours, &second, &case.customer).unwrap().new);
    two.both_hold();
}

#[test]
fn neither_principal_changes_more_than_its_own_folders_and_signed_packages() {
    for name in [ISSUER, CUSTOMER] {
        let case = Case::new();
        case.init(true);
        let first = case.package(1, None);
        case.record(&first);
        let folder = Phase::finished("deploy").leave(&case, &first);
        record(&case, &case.glass(), &folder, &case.customer);
        let by = if name == ISSUER { &case.issuer } else { &case.customer };
        let good = case.git(&["rev-parse", "main"]);
        let old = "audit/deployment-history/0002-deployment";
        let log = "infrastructure/deployment-logs/0002-deployment/steps.log";
        for (path, content, code) in [
            ("README.md".to_owned(), Some("x"), Some("glass.path")),
            ("infrastructure/ansible/group_vars/all.yml".to_owned(), Some("x"), Some("glass.path")),
            ("personal/0001.age".to_owned(), None, Some("glass.path")),
            ("SHA256SUMS.sig".to_owned(), None, Some("glass.path")),
            (format!("{old}/operation.json"), Some("{}"), Some("glass.append_only")),
            (format!("{old}/journal.jsonl"), None, Some("glass.append_only")),
            (log.to_owned(), None, Some("glass.append_only")),
            ("audit/access-logs/0001-package/more.json".to_owned(), Some("{}"), Some("glass.path")),
            // What each of them may do.
            ("audit/access-logs/0003-access/more.json".to_owned(), Some("{}"), None),
            ("infrastructure/deployment-logs/0003-access/more.log".to_owned(), Some("x"), None),
        ] {
            let mut forge = Forge { key: Some(by), name: name.to_owned(), ..Forge::new(&case) };
            forge.date = case.git(&["log", "-1", "--format=%ct", "main"]).parse().unwrap();
            forge.files.push((path.clone(), content.map(|text| text.as_bytes().to_vec())));
            forge.commit();
            let found = codes(&Check::pinned(&case).run());
            assert_eq!(found, code.into_iter().collect::<Vec<_>>(), "{name} {path}");
            case.git(&["update-ref", "refs/heads/main", &good]);
        }
        // A tree that an issuer signed may be recorded by both; `customer/…` cannot sign one.
        let second = case.package(2, Some(&first));
        assert!(case.try_record(&second, by).unwrap().new, "{name}");
        let own = case.package_of(3, Some(&second), "harbour", by, crate::support::files(3));
        assert_eq!(case.try_record(&own, by).is_ok(), name == ISSUER, "{name}");
        assert!(Glass::open(&case.glass()).is_ok());
    }
}

/// Numbers count for each issuer and installation, so two packages of a glass may bear one.
#[test]
fn packages_that_bear_one_number_are_each_compared_with_their_own_record() {
    let case = Case::new();
    case.init(true);
    let from = |installation: &'static str| {
        move |details: &mut Details| {
            details.installation = stufpack::model::Domain::parse(installation).unwrap();
        }
    };
    let first = case.package(1, None);
    case.record(&first);
    let other = from("elsewhere.example.org");
    let second = case.package_with(1, None, "harbour", &case.issuer, files(7), other);
    case.record(&second);
    let held = |package: &Package| {
        let comparison = record::diff(&case.glass(), package).unwrap();
        (comparison.operation, comparison.is_equal())
    };
    assert_eq!((held(&first), held(&second)), ((Some(1), true), (Some(2), true)));

    // What nobody recorded is held against the package of its number: its own counter's, or else the last.
    let changed = case.package_of(1, None, "harbour", &case.issuer, files(8));
    let third = from("third.example.org");
    let strange = case.package_with(1, None, "harbour", &case.issuer, files(8), third);
    assert_eq!((held(&changed), held(&strange)), ((Some(1), false), (Some(2), false)));
    let later = case.package(2, Some(&first));
    assert_eq!(held(&later), (None, false));
}

/// Ada's run was pushed first; Tina's clone had heard of nothing, and recorded it too, and the next one.
#[test]
fn two_people_who_record_at_once_go_on_as_the_page_says() {
    for by_stock in [true, false] {
        let case = Case::new();
        case.init(true);
        let package = case.package(1, None);
        case.record(&package);
        let url = format!("file://{}", case.glass().display());
        let git = |path: &Path, words: &[&str]| case.git_in(path, words).status.success();
        let (ada, tina) = (case.path("ada"), case.path("tina"));
        for name in ["ada", "tina"] {
            assert!(git(&case.folder, &["clone", "-q", &url, name]));
        }
        let folders =
            ["prepare", "deploy", "import"].map(|phase| Phase::finished(phase).leave(&case, &package));
        let take = |path: &Path, folder: &Path| recorded_by(&case, by_stock, path, folder);
        let noted = |folder: &Path| PathBuf::from(format!("{}.recorded", folder.display())).exists();
        assert!(take(&ada, &folders[0]).status.success());
        assert!(git(&ada, &["push", "-q"]));
        // The text beside the folder asks no origin; `stufpack` does, where that lies on this machine.
        for folder in &folders[..2] {
            assert!(stock(&case, &tina, folder, &case.customer).status.success() && noted(folder));
        }
        assert!(!git(&tina, &["push", "-q"]) && !git(&tina, &["pull", "-q", "--ff-only"]));

        let refused = take(&tina, &folders[2]);
        let told = crate::page::says(&refused);
        assert!(!refused.status.success() && told.contains("reset --hard origin/main"), "{told}");
        assert!(!noted(&folders[0]) && !noted(&folders[1]), "a note of what is not recorded");

        let mut shell = case.command("sh");
        shell.current_dir(&tina).args(["-euc", &crate::page::blocks("sh apart")]);
        crate::support::run(&mut shell);
        for (folder, state) in folders.iter().zip(["was recorded before", "operation 3", "operation 4"]) {
            let told = crate::page::says(&take(&tina, folder));
            assert!(told.contains(state) && noted(folder), "{told}");
        }
        assert!(git(&tina, &["push", "-q"]));
        assert_eq!(codes(&Check::pinned(&case).run()), [""; 0]);
    }
}

/// Ada's run was pushed, and Tina's clone has heard of it and not merged it: what is recorded there stays so.
#[test]
fn a_note_of_a_commit_that_has_only_to_be_pulled_stays() {
    for by_stock in [true, false] {
        let case = Case::new();
        case.init(true);
        let package = case.package(1, None);
        case.record(&package);
        let url = format!("file://{}", case.glass().display());
        let (ada, tina) = (case.path("ada"), case.path("tina"));
        for name in ["ada", "tina"] {
            assert!(case.git_in(&case.folder, &["clone", "-q", &url, name]).status.success());
        }
        let folders = ["deploy", "import"].map(|phase| Phase::finished(phase).leave(&case, &package));
        assert!(stock(&case, &ada, &folders[0], &case.customer).status.success());
        assert!(case.git_in(&ada, &["push", "-q"]).status.success());
        assert!(case.git_in(&tina, &["fetch", "-q"]).status.success());
        let note = PathBuf::from(format!("{}.recorded", folders[0].display()));
        let noted = std::fs::read_to_string(&note).unwrap();

        let refused = recorded_by(&case, by_stock, &tina, &folders[1]);

        let told = crate::page::says(&refused);
        assert!(!refused.status.success() && told.contains("pull --ff-only"), "{told}");
        assert_eq!(std::fs::read_to_string(&note).unwrap(), noted);
        assert!(case.git_in(&tina, &["pull", "-q", "--ff-only"]).status.success());
        assert!(recorded_by(&case, by_stock, &tina, &folders[1]).status.success());
        assert_eq!(std::fs::read_to_string(&note).unwrap(), noted);
    }
}

/// Records a folder with a glass by stock tools, or by the program.
fn recorded_by(case: &Case, by_stock: bool, glass: &Path, folder: &Path) -> std::process::Output {
    if by_stock {
        return stock(case, glass, folder, &case.customer);
    }
    let mut stufpack = case.command(env!("CARGO_BIN_EXE_stufpack"));
    stufpack.args(["glass", "record"]).args([glass, folder]).arg("--sign-key").arg(&case.customer.key);
    stufpack.arg("--signers").arg(case.path("allowed_signers"));
    stufpack.args(["--at", "2100-01-01T00:00:00Z"]).output().unwrap()
}

/// The same where the page's commands came before anything noticed.
#[test]
fn a_note_of_a_commit_that_was_thrown_away_goes_with_the_next_recording() {
    for by_stock in [true, false] {
        let case = Case::new();
        case.init(false);
        let package = case.package(1, None);
        case.record(&package);
        let folders = ["prepare", "deploy"].map(|phase| Phase::finished(phase).leave(&case, &package));
        assert!(stock(&case, &case.glass(), &folders[0], &case.customer).status.success());
        let note = PathBuf::from(format!("{}.recorded", folders[0].display()));
        let elsewhere = folders[0].with_file_name("0-other.recorded");
        std::fs::write(&elsewhere, format!("{}\n", "5".repeat(40))).unwrap();
        std::fs::write(elsewhere.with_extension("sh"), "").unwrap();
        case.git(&["reset", "-q", "--hard", "main~1"]);

        // The first run waits again, so the second one is refused.
        assert!(!recorded_by(&case, by_stock, &case.glass(), &folders[1]).status.success());
        assert!(!note.exists() && elsewhere.exists());
    }
}

#[test]
fn a_clone_of_the_histories_end_is_called_so_by_stock_tools() {
    let case = Case::new();
    case.init(true);
    let package = case.package(1, None);
    case.record(&package);
    case.record_operation(&case.operation(&package, 2), &case.customer).unwrap();
    let url = format!("file://{}", case.glass().display());
    let cloned = case.git_in(&case.folder, &["clone", "-q", "--depth", "1", &url, "shallow"]);
    assert!(cloned.status.success());
    let folder = Phase::finished("deploy").leave(&case, &package);
    let told = crate::page::says(&stock(&case, &case.path("shallow"), &folder, &case.customer));
    assert!(told.contains("the clone has only the end of the history: git -C "), "{told}");
}
