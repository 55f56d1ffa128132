//! The history as pages: what stands in them, that nobody is believed unchecked, and that no value does anything.

use crate::forge::Forge;
use crate::support::{Case, timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use stufpack::model::{File, Files};
use stufpack::record::{self, History, Pages, Standing, Trust, Value, Verdict};

const HOSTILE: &str = "\"></td></main><script>alert(1)</script>{{ 7*7 }}&amp;\u{202e}gnp";
const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/glass/pages");

/// A package whose notification channel is `channel`.
fn files(channel: &str, code: &str) -> Files {
    let mut files = Files::new();
    let mut add = |path: &str, file: File| files.insert(path.to_owned(), file);
    let plan = json!({ "schema": 1, "phases": [{ "id": "deploy", "steps": [
        { "id": "deploy/start-api", "title": "Start the API", "automated": true },
    ] }] });
    let zulip =
        json!({ "url": "https://chat.example.org", "channel": channel, "topics": ["moved", "broken"] });
    add("README.md", File::document(format!("# {channel}\n")));
    add("MIGRATION-PLAN.json", File::document(plan.to_string()));
    add("bill-of-materials.cdx.json", File::document("{\"bomFormat\": \"CycloneDX\"}\n"));
    add("configuration/integration-config/zulip.json", File::data(zulip.to_string()));
    add("configuration/api-config/users/users.json", File::data("[\"ada@example.org\"]\n").personal());
    add("infrastructure/compose/.env", File::data("STUF_DOMAIN=\"files.example.org\"\n"));
    add("infrastructure/ansible/group_vars/all.yml", File::data("---\nproxy:\n  hsts: true\n"));
    add("infrastructure/ansible/roles/stuf/tasks/main.yml", File::data(format!("---\n# {code}\n")));
    files
}

/// Two packages, a deployment between them; the second one changes the channel.
fn case(channel: &str) -> Case {
    let case = Case::new();
    case.init(true);
    let of = |number, previous, channel, code| {
        case.package_of(number, previous, "harbour", &case.issuer, files(channel, code))
    };
    let first = of(1, None, "operations", "one");
    case.record(&first);
    case.record_operation(&case.operation(&first, 2), &case.customer).unwrap();
    let second = of(2, Some(&first), channel, "two");
    let asked = |text| Some(Value::parse("Requested-By", text).unwrap());
    case.record_with(&second, &case.issuer, |recording| {
        recording.requested_by = asked("Grace <b>Hopper</b> & Co");
        recording.ticket = asked("OPS-7");
    })
    .unwrap();
    case
}

fn root(case: &Case) -> String {
    case.git(&["rev-list", "--max-parents=0", "main"])
}

/// Checked against the usual signers and the root.
fn history(case: &Case, glass: &Path) -> History {
    let signers = case.signers();
    let trust = Trust {
        signers: &signers,
        revoked: &stufpack::open::Revoked::default(),
        pins: &[root(case).parse().unwrap()],
        last_seen: None,
        now: timestamp(1_800_000_000),
    };
    record::history(glass, &trust).unwrap()
}

fn pages(case: &Case) -> Pages {
    record::pages(&history(case, &case.glass())).unwrap()
}

/// Everything between two marks, each time, replaced by `…`.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut parts = text.split(begin);
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str(begin);
        out.push('…');
        out.push_str(&part[part.find(end).unwrap()..]);
    }
    out
}

/// A page without what is another in each run (ids, keys) or release (the version), and without the look, which is one for
/// all pages.
fn settled(history: &History, page: &str) -> String {
    let mut text = without(page, "<style>", "</style>");
    text = without(&text, "<script>", "</script>");
    text = without(&text, "'sha256-", "'");
    text = without(&text, "[&quot;age1", "&quot;]");
    for (index, past) in history.commits.iter().enumerate() {
        text = text.replace(&past.commit, &format!("COMMIT-{index}"));
        if let Some(signature) = &past.signature {
            let owner = signature.principal.as_deref().unwrap_or("nobody");
            text = text.replace(&signature.fingerprint, &format!("KEY of {owner}"));
        }
        if let Some(package) = past.entry.as_ref().and_then(|entry| entry.package.as_ref()) {
            text = text.replace(&package.sha256.to_string(), &format!("PACKAGE-{}", package.number));
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    text.replace(&format!("stufpack {version}"), "stufpack VERSION")
        .replace(&format!("<code>{version}</code>"), "<code>VERSION</code>")
}

/// Every file below a folder, by path.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let files =
        walkdir::WalkDir::new(root).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
    let named = files.map(|entry| {
        let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        (path, fs::read_to_string(entry.path()).unwrap())
    });
    named.collect()
}

/// `tests/glass/pages/` is what the pages say; `STUFPACK_BLESS=1` rewrites it.
#[test]
fn the_pages_of_a_small_glass_are_these() {
    let case = case("alarms");
    let history = history(&case, &case.glass());
    assert_eq!(history.audit.verdict, Verdict::Pass, "{:#?}", history.audit.findings);
    let mut pages = record::pages(&history).unwrap();
    pages.insert("diff.html".to_owned(), {
        let meaning = record::meaning(&case.glass(), 1, 3).unwrap();
        record::comparison(&history, &meaning).unwrap()
    });
    let made: BTreeMap<String, String> =
        pages.iter().map(|(path, page)| (path.clone(), settled(&history, page))).collect();
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        let _ = fs::remove_dir_all(EXPECTED);
        for (path, page) in &made {
            let place = Path::new(EXPECTED).join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, page).unwrap();
        }
    }
    let expected = tree(Path::new(EXPECTED));
    assert_eq!(made.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (path, page) in &made {
        assert_eq!(page, &expected[path], "{path}; STUFPACK_BLESS=1 rewrites it");
    }
}

#[test]
fn the_same_glass_gives_the_same_bytes_wherever_it_lies() {
    let case = case("alarms");
    let clone = case.path("another place");
    let cloned = case.git_in(&case.folder, &["clone", "-q", "glass", "another place"]);
    assert!(cloned.status.success());

    let here = pages(&case);
    let there = record::pages(&history(&case, &clone)).unwrap();

    assert_eq!(here, there);
    for page in here.values() {
        assert!(!page.contains(case.folder.to_str().unwrap()), "a place of this machine");
    }
}

#[test]
fn who_changed_the_notification_channel_and_when_stands_in_one_row() {
    let case = case("alarms");
    let settings = &pages(&case)["settings.html"];
    let rows: Vec<&str> = settings.split("<tr>").filter(|row| row.contains("\">channel</th>")).collect();
    let [changed, made] = rows[..] else { panic!("{rows:#?}") };
    for part in [
        "operations/0003.html",
        ">Operation 3<",
        "2026-01-09T23:10:40Z",
        "issuer/releases@example.org; asked for by Grace &lt;b&gt;Hopper&lt;/b&gt; &amp; Co; ticket OPS-7",
        "<code>operations</code>",
        "<code>alarms</code>",
        ">verified<",
    ] {
        assert!(changed.contains(part), "{part} is not in {changed}");
    }
    assert!(made.contains(">Operation 1<") && made.contains("<code>operations</code>"), "{made}");
}

#[test]
fn a_forged_commit_shows_as_not_verified_and_so_does_what_stands_on_it() {
    let case = case("alarms");
    let forged = Forge { key: Some(&case.stranger), ..Forge::new(&case) }.commit();
    Forge::new(&case).commit();

    let history = history(&case, &case.glass());
    let standing: Vec<Standing> = history.commits.iter().map(|past| past.standing).collect();
    let right = Standing::Verified;
    assert_eq!(standing, [right, right, right, right, Standing::Wrong, Standing::After(4)]);
    let pages = record::pages(&history).unwrap();

    let index = &pages["index.html"];
    assert!(index.contains("<strong>The history is not verified.</strong>"), "{index}");
    let states: Vec<&str> = index
        .split("data-label=\"State\">")
        .skip(1)
        .map(|rest| rest.split("</span>").next().unwrap().rsplit('>').next().unwrap())
        .collect();
    let good = "verified";
    assert_eq!(states, ["not verified, since operation 4 is not", "not verified", good, good, good, good]);

    let wrong = &pages["operations/0004.html"];
    let key = fingerprint(&case);
    for part in [
        "<strong>Operation 4 is not verified.</strong>",
        "<code>verify.signers.unknown</code>",
        "does not list the key that signed",
        "<dt>Signed by</dt><dd>somebody whom the signers file does not name</dd>",
        &format!("<dt>Key</dt><dd>{key}</dd>"),
        &format!("<dt>Commit</dt><dd>{forged}</dd>"),
    ] {
        assert!(wrong.contains(part), "{part} is not in {wrong}");
    }
    let after = &pages["operations/0005.html"];
    assert!(
        after.contains("It is right by itself and stands on operation 4, which is not verified."),
        "{after}"
    );
    // No page tells anything of such a history without saying so.
    for (path, page) in &pages {
        assert!(page.contains("<strong>The history is not verified.</strong>"), "{path}");
    }
}

fn fingerprint(case: &Case) -> String {
    let mut keygen = case.command("ssh-keygen");
    keygen.args(["-l", "-f"]).arg(&case.stranger.key);
    let output = crate::support::run(&mut keygen).stdout;
    String::from_utf8(output).unwrap().split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn a_commit_that_says_nothing_readable_is_told_all_the_same() {
    let case = case("alarms");
    let message = |text| format!("<script>alert(1)</script>\n\n{text}");
    Forge { key: None, message, ..Forge::new(&case) }.commit();

    let pages = pages(&case);

    let page = &pages["operations/0004.html"];
    assert!(
        page.contains("<code>glass.message</code>") && page.contains("<code>glass.signature</code>"),
        "{page}"
    );
    assert!(page.contains("<dd>nobody: there is no signature that fits</dd>"), "{page}");
    assert!(pages["index.html"].contains(">unreadable<"));
}

#[test]
fn a_history_without_a_pin_is_never_called_verified() {
    let case = case("alarms");
    let signers = case.signers();
    let trust = Trust {
        signers: &signers,
        revoked: &stufpack::open::Revoked::default(),
        pins: &[],
        last_seen: None,
        now: timestamp(1_800_000_000),
    };
    let pages = record::pages(&record::history(&case.glass(), &trust).unwrap()).unwrap();
    for (path, page) in &pages {
        assert!(page.contains("<strong>The history is not proven as a whole.</strong>"), "{path}");
        assert!(page.contains("<code>glass.unpinned</code>"), "{path}");
    }
}

#[test]
fn a_value_in_a_page_is_text_whatever_it_holds() {
    let case = case(HOSTILE);
    let history = history(&case, &case.glass());
    let mut pages = record::pages(&history).unwrap();
    let meaning = record::meaning(&case.glass(), 1, 3).unwrap();
    pages.insert("diff.html".to_owned(), record::comparison(&history, &meaning).unwrap());
    let shown = "&quot;&gt;&lt;/td&gt;&lt;/main&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}&amp;amp;\\u{202e}gnp";
    for path in ["settings.html", "operations/0003.html", "diff.html"] {
        assert!(pages[path].contains(&format!("<code>{shown}</code>")), "{path}: {}", pages[path]);
    }
    for (path, page) in &pages {
        let scripts = usize::from(["index.html", "settings.html"].contains(&path.as_str()));
        assert_eq!(page.matches("<script").count(), scripts, "{path}");
        assert_eq!((page.matches("</main>").count(), page.matches('\u{202e}').count()), (1, 0), "{path}");
        assert!(!page.contains("<b>"), "{path}");
    }
}

#[test]
fn a_users_name_stands_in_no_page() {
    let case = case("alarms");
    for (path, page) in &pages(&case) {
        assert!(!page.contains("ada@example.org"), "{path}");
    }
    assert!(pages(&case)["settings.html"].contains("Personal files, encrypted: only that they changed"));
}

#[test]
fn pages_appear_whole_or_not_at_all_and_take_the_place_of_pages_alone() {
    let case = case("alarms");
    let old = pages(&case);
    let out = case.path("sites/harbour");
    assert!(record::publish(&old, &out, false).unwrap());
    assert_eq!(tree(&out), old);
    assert!(!record::publish(&old, &out, false).unwrap(), "these very pages stand there");

    Forge::new(&case).commit();
    let new = pages(&case);
    let error = record::publish(&new, &out, false).unwrap_err();
    assert_eq!(error.code(), "glass.pages");
    assert!(
        error.to_string().contains("holds other pages; nothing was written; next: name another"),
        "{error}"
    );
    assert_eq!(tree(&out), old);
    assert!(record::publish(&new, &out, true).unwrap());
    assert_eq!(tree(&out), new);

    fs::write(out.join("mine.txt"), "kept\n").unwrap();
    for force in [false, true] {
        let error = record::publish(&old, &out, force).unwrap_err().to_string();
        assert!(error.contains("holds something else than pages"), "{error}");
    }
    fs::remove_file(out.join("mine.txt")).unwrap();
    assert_eq!(tree(&out), new);

    std::os::unix::fs::symlink(&out, case.path("sites/link")).unwrap();
    for (place, why) in [("sites/link", "is there already and no folder"), ("..", "has no name of its own")] {
        let error = record::publish(&old, &case.path(place), true).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let left: Vec<_> = fs::read_dir(case.path("sites")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

fn stufpack(case: &Case, arguments: &[&str]) -> Output {
    case.command(env!("CARGO_BIN_EXE_stufpack")).current_dir(&case.folder).args(arguments).output().unwrap()
}

#[test]
fn the_command_writes_pages_of_what_it_has_checked_alone() {
    let case = case("alarms");
    let root = root(&case);
    let root = root.as_str();
    let log = ["glass", "log", "glass", "--format", "html", "--out", "site"];
    let says = |more: &[&str], code: i32, told: &str| {
        let output = stufpack(&case, &[&log[..], more].concat());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(told), "{text}");
    };
    says(&[], 2, "no page tells what nobody checked\nnext: add --signers FILE");
    assert!(!case.path("site").exists());
    let signers = ["--signers", "allowed_signers"];
    says(
        &signers,
        4,
        "history  not proven as a whole: --pin COMMIT is missing, a commit of it that is known by another way; what else is missing \
         stands on the first page\nnext: open site/index.html\n",
    );
    let pinned = [&signers[..], &["--pin", root]].concat();
    says(&pinned, 1, "error[glass.pages]: site holds other pages");
    says(
        &[&pinned[..], &["--force"]].concat(),
        0,
        "site: 6 pages of 4 operations (written)\n  history  verified\n",
    );
    says(&pinned, 0, "(unchanged: the same pages stood there)");
    assert_eq!(tree(&case.path("site")), pages(&case));

    let without =
        stufpack(&case, &["glass", "log", "glass", "--format", "html", "--signers", "allowed_signers"]);
    assert_eq!(without.status.code(), Some(2));
    let text = stufpack(&case, &["glass", "log", "glass", "--out", "site"]);
    assert_eq!(text.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&text.stderr).contains("--out is a folder for pages"));
}

#[test]
fn the_command_prints_one_page_about_two_operations() {
    let case = case("alarms");
    let root = root(&case);
    let root = root.as_str();
    let diff = [
        "glass",
        "diff",
        "glass",
        "1",
        "3",
        "--format",
        "html",
        "--signers",
        "allowed_signers",
        "--pin",
        root,
    ];
    let output = stufpack(&case, &diff);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let meaning = record::meaning(&case.glass(), 1, 3).unwrap();
    let page = record::comparison(&history(&case, &case.glass()), &meaning).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), page);

    let unpinned = stufpack(&case, &diff[..9]);
    assert_eq!(unpinned.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&unpinned.stdout).contains("The history is not proven as a whole."));
    let unchecked = stufpack(&case, &diff[..7]);
    assert_eq!((unchecked.status.code(), unchecked.stdout.len()), (Some(2), 0));
}
