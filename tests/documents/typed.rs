//! What the documents have people type, typed: with stand-ins for the machine, and for what would reach it.

use super::fixture::{example, example_with, harbour, least, word};
use super::{documents, files, files_of};
use age::secrecy::ExposeSecret as _;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use stufpack::model::{Checked, ContentSummary, ContentTotals};
use stufpack::plan::{self, Numbering};

/// Every code span and code block of a page, as a reader copies it.
fn code(markdown: &str) -> Vec<String> {
    let (mut found, mut block) = (Vec::new(), None);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Code(text) => found.push(text.to_string()),
            Event::Start(Tag::CodeBlock(_)) => block = Some(String::new()),
            Event::Text(text) => {
                if let Some(block) = &mut block {
                    block.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => found.extend(block.take()),
            _ => {}
        }
    }
    found
}

/// A folder with programs that stand in for others.
struct Bench {
    folder: tempfile::TempDir,
    /// Its backups are encrypted to this one.
    recipient: String,
}

impl Bench {
    fn new(programs: &[(&str, &str)]) -> Self {
        let identity = age::x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        let bench = Self { folder: tempfile::tempdir().expect("a folder"), recipient };
        bench.write("identity", identity.to_string().expose_secret());
        for (name, text) in programs {
            bench.write(&format!("bin/{name}"), text);
            let path = bench.path(&format!("bin/{name}"));
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Types a text in a folder of its own; `more` is what PATH has beside the stand-ins.
    fn types(&self, text: &str, more: &str) -> Output {
        fs::create_dir_all(self.path("here")).expect("a folder");
        Command::new("/bin/bash")
            .args(["-c", text])
            .current_dir(self.path("here"))
            .env("PATH", format!("{}{more}", self.path("bin").display()))
            .envs([("BENCH", self.path("")), ("BACKUP", self.path("backup.age"))])
            .env("IDENTITY", self.path("identity"))
            .envs([("RECIPIENT", self.recipient.as_str()), ("OTHER", "other"), ("KEYCLOAK", "192.0.2.2")])
            .output()
            .expect("bash is needed")
    }
}

/// ssh sends its words joined by blanks, and a shell over there splits them again: what arrives has to be what was typed. A
/// single word is a script, which that shell is meant to read.
const SSH: &str = r#"#!/bin/sh
echo >>"$BENCH/called"
options() { while case ${1-} in -[LiFop]) n=2 ;; -*) n=1 ;; *) false ;; esac do shift $n; left=$((left - n)); done; }
left=$#; options "$@"; shift $(($# - left)); shift
left=$#; options "$@"; shift $(($# - left))
[ "$#" -gt 1 ] || exit 0
typed=$(printf '<%s>' "$@")
arrived=$(eval "set -- $*" && printf '<%s>' "$@")
[ "$typed" = "$arrived" ] || printf '%s\n' "$*" >>"$BENCH/wrong"
"#;
const DOES: &str = "#!/bin/sh\n";

#[test]
fn what_is_typed_after_ssh_arrives_as_it_was_typed() {
    let every = example_with("acme", "every-option.yaml");
    let printed: BTreeSet<String> = [harbour(), least(), example("acme"), every]
        .iter()
        .flat_map(|checked| documents(&files(checked)).flat_map(|(_, page)| code(page)).collect::<Vec<_>>())
        .collect();
    let mut called = 0;
    for text in printed {
        let begin = ["ssh -p ", "ssh -F ", "ssh -G ", "ssh \"$OTHER\""];
        let calls: usize = begin.iter().map(|begin| text.matches(begin).count()).sum();
        if calls == 0 {
            continue;
        }
        let bench = Bench::new(&[("ssh", SSH), ("age", DOES), ("tar", DOES), ("tail", DOES)]);
        bench.write("here/migrate", DOES);
        let told = bench.types(&text, "").stderr;
        assert_eq!(bench.read("called").lines().count(), calls, "{text}\n{}", String::from_utf8_lossy(&told));
        assert_eq!(bench.read("wrong"), "", "{text}");
        called += calls;
    }
    assert!(called > 80, "{called} calls of ssh");
}

/// The machine is the folder `machine`: there a path from the root on begins.
const FAR: &str = "#!/bin/sh\n[ \"$1\" = -p ] && shift 3\nexec /bin/sh -c \"$*\"\n";
const SUDO: &str = r#"#!/bin/bash
cd "$BENCH/machine" || exit
if [ "$1" = systemctl ]; then echo "$2" >>"$BENCH/log"; exit; fi
words=()
for word in "$@"; do case $word in /*) word=$BENCH/machine$word ;; esac; words+=("$word"); done
exec "${words[@]}"
"#;
const MIGRATE: &str = "#!/bin/sh\necho \"$1\" >>\"$BENCH/log\"\n";

/// Every file below a folder with what it holds.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("an entry"));
    entries
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().display().to_string(), fs::read_to_string(entry.path()).expect("text")))
        .collect()
}

#[test]
fn what_was_backed_up_is_put_back_whole_and_nothing_of_what_came_later_stays() {
    let files = files(&harbour());
    let page = documents(&files).find(|(path, _)| *path == "docs/operations.md").expect("the page").1;
    let block = |word: &str| code(page).into_iter().find(|text| text.contains(word)).expect("a block");
    let (save, restore) = (block("tar --create --numeric-owner"), block("tar --extract --file=-"));
    let bench = Bench::new(&[("ssh", FAR), ("sudo", SUDO)]);
    bench.write("here/migrate", MIGRATE);
    fs::set_permissions(bench.path("here/migrate"), fs::Permissions::from_mode(0o755)).expect("a program");
    let machine = bench.path("machine");
    let volumes = "machine/var/lib/docker/volumes";
    for volume in ["postgres", "garage_meta", "garage_data", "caddy_data"] {
        bench.write(&format!("{volumes}/stuf_{volume}/_data/of the/first cluster"), volume);
    }
    bench.write("machine/etc/stuf/secrets/services/postgres/postgres_password", "first");
    bench.write("machine/etc/stuf/content.json", "first");
    let before = tree(&machine);
    let path = format!(":{}", std::env::var("PATH").expect("PATH"));
    let told = |done: Output| {
        (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let (good, text) = told(bench.types(&save, &path));
    assert!(good && text.contains("first cluster"), "{text}");

    // As a machine that was deployed anew.
    bench.write(&format!("{volumes}/stuf_postgres/_data/PG_VERSION"), "second");
    bench.write(&format!("{volumes}/stuf_garage_data/_data/.hidden/block"), "second");
    bench.write("machine/etc/stuf/secrets/of_the_second", "second");
    bench.write("machine/etc/stuf/secrets/services/postgres/postgres_password", "second");
    let present = tree(&machine);
    let whole = fs::read(bench.path("backup.age")).expect("a backup");
    fs::write(bench.path("backup.age"), &whole[..whole.len() / 3]).expect("cut");
    let (good, text) = told(bench.types(&restore, &path));
    assert!(!good, "{text}");
    assert_eq!(tree(&machine), present, "a backup that is cut deletes nothing");

    fs::write(bench.path("backup.age"), &whole).expect("whole");
    let (good, text) = told(bench.types(&restore, &path));
    assert!(good, "{text}");
    assert_eq!(tree(&machine), before);
    assert_eq!(bench.read("log"), "stop\nstart\nstop\nstart\nstatus\nverify\n");
}

/// The lines of the package's page that make folders and ask for secrets, as one types them before the first `./migrate`.
#[test]
fn what_the_package_asks_for_before_it_runs_can_be_typed_then() {
    let files = files(&harbour());
    let page = documents(&files).find(|(path, _)| *path == "README.md").expect("the page").1;
    let block = |word: &str| code(page).into_iter().find(|text| text.starts_with(word)).expect("a block");
    let bench = Bench::new(&[]);
    let hosts = "infrastructure/ansible/inventory/target/known_hosts";
    let pinned = String::from_utf8(files[hosts].bytes.to_vec()).expect("text");
    bench.write(&format!("here/{hosts}"), &pinned);
    bench.write("typed", "value one\nvalue two\nvalue three\nvalue four\n");
    let script = format!(
        "export HOME=$BENCH/home; exec <$BENCH/typed\n{}{}{}",
        block("install -d -m 700 ~/.ssh"),
        block("install -d -m 700 ~/.local"),
        block("bash -c")
    );
    let done = bench.types(&script, &format!(":{}", std::env::var("PATH").expect("PATH")));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(bench.read("home/.ssh/known_hosts"), pinned);
    let folder = bench.path("home/.local/state/stufpack/harbour-production");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("secrets"))), (0o700, 0o700));
    for (name, value) in
        [("mail_password", "value one"), ("zulip_api_key", "value two"), ("sentry_dsn", "value three")]
    {
        let file = folder.join("secrets").join(name);
        assert_eq!(
            (mode(&file), fs::read_to_string(&file).expect("text").as_str()),
            (0o600, value),
            "{name}"
        );
    }
}

#[test]
fn the_packages_page_names_every_verb_and_the_plan_every_text_for_users() {
    for checked in [harbour(), least()] {
        let plan = plan::compile(&checked, &Numbering { package: 7 });
        let files = files_of(&plan, &checked);
        let page = |wanted: &str| documents(&files).find(|(path, _)| *path == wanted).expect("a page").1;
        for verb in plan.public().verbs.iter().filter(|verb| verb.automated) {
            assert!(page("README.md").contains(&format!("`./migrate {}", verb.id)), "{}", verb.id);
        }
        for (path, _) in files.iter().filter(|(path, _)| path.starts_with("docs/communication/")) {
            assert!(page("MIGRATION-PLAN.md").contains(&format!("| {path} |")), "{path}");
        }
    }
}

#[test]
fn the_first_screen_tells_what_reaches_users_before_the_cutover() {
    let notice = |checked| {
        let files = files(checked);
        let page = documents(&files).find(|(path, _)| *path == "MIGRATION-PLAN.md").expect("the plan").1;
        let row =
            page.split("| --- | --- | --- |\n").nth(1).and_then(|rest| rest.lines().next()).expect("a row");
        row.split(" | ").nth(1).expect("what users notice").to_owned()
    };
    let (all, least) = (notice(&harbour()), notice(&least()));
    let told = "by import and by each verify one message in the Zulip channel; by invite a mail with a link to each of 54 active users; nothing else";
    assert!(all.starts_with(told), "{all}");
    assert!(
        least.starts_with(
            "after invite a one-time password, handed over by you, to each of 54 active users; nothing else"
        ),
        "{least}"
    );
}

/// Whatever is counted in the documents, one of it is told as one.
#[test]
fn one_of_a_thing_is_told_as_one() {
    let mut alone = harbour();
    let batches = vec![(1, 1_000)];
    alone.content = ContentSummary { objects: 1, bytes: 1_000, largest: 1_000, batches, ..alone.content };
    alone.export.content = ContentTotals { objects: 1, bytes: 1_000, changed_per_day: Some(1) };
    while alone.export.users.len() > 1 {
        alone.export.users.pop_last();
    }
    let files = files(&alone);
    let several = [
        "objects",
        "batches",
        "files",
        "users",
        "keys",
        "documents",
        "days",
        "settings",
        "secrets",
        "windows",
        "collections",
    ];
    let mut told = 0;
    for (path, page) in documents(&files) {
        let words: Vec<&str> = page.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "1") {
            let word = pair[1].trim_end_matches(|c: char| !c.is_alphanumeric());
            assert!(!several.contains(&word), "{path}: 1 {word}");
            told += usize::from(several.iter().any(|many| many.strip_suffix('s') == Some(word)));
        }
    }
    assert!(told > 10, "{told} things of which there is one");
}

/// A link ends: whoever follows the plan invites after the files, and again so near the cutover that it lasts until then.
#[test]
fn nobody_who_follows_the_plan_is_caught_by_an_invitation_that_ends() {
    let invited = |checked: &Checked| {
        let files = files(checked);
        let page = |wanted: &str| documents(&files).find(|(path, _)| *path == wanted).expect("a page").1;
        let run = ["content", "invite", "verify"]
            .map(|phase| page("README.md").find(&format!("| `./migrate {phase}` |")).expect("a row"));
        assert!(run.is_sorted(), "{run:?}");
        let plan = page("MIGRATION-PLAN.md");
        let rows = plan.split("## 11 Communication").nth(1).and_then(|rest| rest.split("## 12").next());
        let rows: Vec<_> =
            rows.expect("chapter 11").lines().filter(|line| line.contains("invite`")).collect();
        rows.join("\n")
    };
    let first = "| with `./migrate invite` | users, support | docs/communication/invitation.txt |";
    let again = |when| {
        format!(
            "{first}\n| 3 days before | users without a password whose link has ended | a new link, by `./migrate invite` |\n\
             | {when} before, once more | users without a password whose link has ended or ends by then | a new link, by `./migrate invite` |"
        )
    };
    let (mut mail, least) = (harbour(), least());
    assert_eq!(invited(&mail), again("1 d"));
    mail.target.identity.invitation_lifespan = word("12 h");
    assert_eq!(invited(&mail), again("6 h"));
    // A one-time password does not end.
    assert_eq!(invited(&least), first);
}

/// Nobody is asked for a key before there is the user whose key it is.
#[test]
fn what_only_provision_can_give_is_asked_for_after_it() {
    let files = files(&example("acme"));
    let page = |name: &str| documents(&files).find(|(path, _)| *path == name).expect("the page").1;
    let part = |name: &str, from: &str, to: &str| -> Vec<String> {
        let rest = page(name).split(from).nth(1).expect("where it begins");
        let part = rest.split(to).next().expect("where it ends");
        part.lines().map(|line| line.replace('\\', "")).filter(|line| !line.is_empty()).collect()
    };

    assert_eq!(
        part("MIGRATION-PLAN.md", "Before you start:\n", "\nOf 334 settings"),
        [
            "1. verify this package (VERIFY.txt, which you got another way)",
            "2. have credentials of your account of AWS that may make what chapter 1 names",
            "3. have terraform >= 1.11, aws >= 2.0, session-manager-plugin >= 1.2.764.0, and the private half of the SSH key that the target names, on your machine",
            "4. provide 1 secret, before content: source_read",
            "5. be able to change the record of files.acme.example and lower its lifetime to 300 s, a day ahead",
            "6. choose who approves and who may say panic",
            "After `./migrate provision`:",
            "1. provide 2 secrets, before prepare: storage_access_key, storage_secret_key",
            "2. let the record of files.acme.example lead to the address that provision has named, before deploy",
        ]
    );

    // Both lists are in the order of time.
    let first: Vec<String> =
        part("MIGRATION-PLAN.md", "| What | Command that shows it |\n", "\nSecrets stand")
            .iter()
            .skip(1)
            .map(|row| row.split(" | ").next().expect("a cell").replace("| ", ""))
            .collect();
    assert_eq!(
        first,
        [
            "The signer's line stands in your own list, and the package verifies",
            "Terraform may make what chapter 1 names: set AWS_PROFILE, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, in the shell that you type in",
            "The secret `source_read` lies in the state folder, mode 0600",
            "After provision the target lets you in with a key and grants sudo",
            "After provision the secret `storage_access_key` lies in the state folder, mode 0600",
            "After provision the secret `storage_secret_key` lies in the state folder, mode 0600",
            "After provision the public name leads to the target, since the certificate's authority asks there",
            "The record's lifetime is at most 300 s, a day before the cutover",
        ]
    );
    let steps: Vec<String> = part("README.md", "Then, with folders", "\nNo phase needs")
        .iter()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
        .map(|line| line.split([':', ',']).next().expect("its beginning").to_owned())
        .collect();
    assert_eq!(
        steps,
        [
            "1. Write the signer's line",
            "2. Before provision you provide no secret.",
            "3. After `./migrate provision`",
            "4. After `./migrate provision`",
            "5. Before `./migrate content`",
        ]
    );
}

/// What a store with two pages answers, and which of them were deleted.
const STORE: &str = r#"#!/bin/bash
echo "$*" >>"$BENCH/log"
case $2 in
  list-object-versions) cat "$BENCH/pages/$(ls "$BENCH/pages" | head -n 1)" ;;
  delete-objects)
    all=$* list=${all#*file://} list=${list%% *}
    cmp "$list" "$BENCH/pages/$(ls "$BENCH/pages" | head -n 1)" || exit
    [ -e "$BENCH/locked" ] && { echo AccessDenied; exit; }
    rm "$BENCH/pages/$(ls "$BENCH/pages" | head -n 1)"
    echo None ;;
esac
"#;

#[test]
fn the_bucket_is_emptied_page_by_page_and_what_cannot_be_deleted_ends_it() {
    let files = files(&example("acme"));
    let page = documents(&files).find(|(path, _)| *path == "docs/operations.md").expect("the page").1;
    let empty = code(page).into_iter().find(|text| text.contains("delete-objects")).expect("a block");
    let path = format!(":{}", std::env::var("PATH").expect("PATH"));
    let bench = Bench::new(&[("aws", STORE)]);
    let fill = || {
        for (name, text) in
            [("1", r#"{"Objects": [{"VersionId": "1"}]}"#), ("2", r#"{"Objects": [{"VersionId": "2"}]}"#)]
        {
            bench.write(&format!("pages/{name}"), text);
        }
        bench.write("pages/3", r#"{"Objects": []}"#);
        bench.write("log", "");
    };
    let calls = || {
        let place = "--region eu-west-1 --bucket stuf-acme-production-uploads";
        let log = bench.read("log");
        assert!(log.lines().all(|line| line.contains(place)), "{log}");
        log.lines().map(|line| line.split(' ').nth(1).expect("a verb").to_owned()).collect::<Vec<_>>()
    };
    let (list, delete) = ("list-object-versions", "delete-objects");

    fill();
    let done = bench.types(&empty, &path);
    assert!(done.status.success() && done.stdout.is_empty() && done.stderr.is_empty(), "{done:?}");
    assert_eq!(calls(), [list, delete, list, delete, list]);

    fill();
    bench.write("locked", "");
    let done = bench.types(&empty, &path);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "not deleted: AccessDenied\n");
    assert_eq!(calls(), [list, delete]);
    // An old key is deleted by its name, and whose it is has to be said.
    let security = documents(&files).find(|(path, _)| *path == "docs/security.md").expect("the page").1;
    let delete = "aws iam delete-access-key --user-name stuf-acme-production-api --access-key-id OLD-ID";
    assert!(security.replace('\\', "").contains(delete), "{security}");
}
