//! What `ci-cd/` of a package holds, run: every step of the workflow and every script of the pipeline, in the environment that
//! GitHub and GitLab document, on a glass that is right and on such as are not.

mod difference;
mod github;
mod plan;
mod server;

use crate::workspace::{Run, Workspace, run};
use github::{Ended, Machine};
use serde_json::Value;
use server::{Post, Server};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/ci-cd");
/// Before the examples' exports.
const FOUNDED: &str = "1795111200";
/// What must stay text in a comment: ends of code blocks, commands of runners, mentions, characters that nobody sees.
const HOSTILE: &str = "``` ~~~ </code> ::error::no @everyone \u{202e}olleh\u{202c} $(id) ${{ github.token }}";

/// A glass with two packages, and a repository beside it that holds what `ci-cd/README.md` says.
struct Beside {
    here: Workspace,
    /// The name of the glass.
    name: String,
    /// The commits of the glass: root, first package, second package.
    commits: Vec<String>,
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = assert_cmd::Command::new("git");
    git.current_dir(folder)
        .args(["-c", "user.name=issuer/tests", "-c", "user.email=issuer/tests"])
        .args(arguments);
    run(git).exits_with(0).stdout.trim().to_owned()
}

impl Beside {
    fn new() -> Self {
        let mut beside = Self::of("minimal");
        let here = &beside.here;
        let export = "input/export/export.yaml";
        here.edit(export, "exportedAt: 2026-11-19T21:04:00Z", "exportedAt: 2026-11-19T22:04:00Z");
        let description = serde_json::to_string(HOSTILE).expect("JSON");
        here.edit(
            export,
            "    name: Minimal\n",
            &format!("    name: Minimal\n    description: {description}\n"),
        );
        beside.compile("second");
        assert_eq!(beside.commits.len(), 3);
        beside
    }

    /// With the first package of an example.
    fn of(example: &str) -> Self {
        let here = Workspace::new();
        here.example(example, "input");
        let name = format!("stuf-{example}");
        let mut init = here.command(&format!("glass init {name} --sign-key key --signers signers"));
        init.env("SOURCE_DATE_EPOCH", FOUNDED);
        run(init).exits_with(0);
        let mut beside = Self { here, name, commits: Vec::new() };
        beside.compile("first");
        beside.make_checks();
        beside
    }

    /// Compiles what stands there and records it.
    fn compile(&mut self, out: &str) {
        let glass = &self.name;
        let arguments = format!(
            "compile input/export --target input/target.yaml --out {out} --sign-key key --glass {glass} --signers signers"
        );
        self.here.stufpack(&arguments).exits_with(0);
        let commits = git(&self.glass(), &["rev-list", "--reverse", "main"]);
        self.commits = commits.lines().map(str::to_owned).collect();
    }

    fn glass(&self) -> PathBuf {
        self.here.path(&self.name)
    }

    fn checks(&self) -> PathBuf {
        self.here.path("checks-repository")
    }

    /// The repository beside the glass, without `glass-head`.
    fn make_checks(&self) {
        fs::create_dir_all(self.checks().join("ci-cd")).expect("a folder");
        for name in ["verify-glass", "show-difference"] {
            fs::copy(format!("{SHIPPED}/{name}"), self.checks().join("ci-cd").join(name)).expect("copied");
        }
        git(&self.checks(), &["init", "--quiet", "--initial-branch=main"]);
        git(&self.checks(), &["add", "."]);
        git(&self.checks(), &["commit", "--quiet", "--message=Begin"]);
    }

    /// Commits a line to `glass-head` on the branch that is checked out.
    fn approve(&self, line: &str) {
        fs::write(self.checks().join("glass-head"), format!("{line}\n")).expect("written");
        git(&self.checks(), &["add", "glass-head"]);
        git(&self.checks(), &["commit", "--quiet", "--message=Move on"]);
    }

    /// Checks out what GitHub builds of a pull request: the merge of main and of a branch that moves `glass-head` to `line`.
    fn propose(&self, line: &str) {
        git(&self.checks(), &["switch", "--quiet", "--create", "move-on"]);
        self.approve(line);
        git(&self.checks(), &["switch", "--quiet", "--detach", "main"]);
        git(&self.checks(), &["merge", "--quiet", "--no-ff", "--message=Merge", "move-on"]);
    }

    /// Puts a commit on the glass, signed with `key` under the name that it has in the list of signers.
    fn forge(&self, key: Option<&str>, change: impl FnOnce(&Path)) {
        change(&self.glass());
        git(&self.glass(), &["add", "--all"]);
        let signing = format!("user.signingKey={}", self.here.path(key.unwrap_or("key")).display());
        let sign = if key.is_some() { "--gpg-sign" } else { "--no-gpg-sign" };
        git(
            &self.glass(),
            &["-c", "gpg.format=ssh", "-c", &signing, "commit", "--quiet", sign, "--message=Forged"],
        );
    }

    /// Runs the job `verify` of GitHub's workflow at `event`, and `post` where that follows.
    fn on_github(&self, event: &str, signers: &str) -> (Ended, Option<(Ended, Vec<Post>)>) {
        let token = "not-a-real-token";
        let unread = ("authorization", String::new());
        let server = Server::start(Path::new("/"), unread, ("authorization", format!("Bearer {token}")));
        let workflow = github::workflow(&Path::new(SHIPPED).join("workflows/verify-glass.yml"));
        let contexts = [
            ("github.event_name", event),
            ("vars.STUF_GLASS", "customer/glass"),
            ("vars.STUF_SIGNERS", signers),
            ("github.token", token),
            ("github.event.pull_request.number", "12"),
        ];
        let contexts = contexts.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let machine = |name: &str, more: BTreeMap<String, String>| -> (PathBuf, BTreeMap<String, String>) {
            let folder = self.here.path(name);
            fs::create_dir_all(&folder).expect("a folder");
            (folder, contexts.iter().cloned().chain(more).collect())
        };
        let environment = BTreeMap::from([
            ("GITHUB_API_URL", server.address.clone()),
            ("GITHUB_REPOSITORY", "customer/stuf-checks".to_owned()),
        ]);
        let (folder, contexts_of_verify) = machine("machine-1", BTreeMap::new());
        let mut first = Machine {
            folder: &folder,
            repositories: BTreeMap::from([("", self.checks()), ("customer/glass", self.glass())]),
            contexts: contexts_of_verify,
            environment: environment.clone(),
        };
        let verified = first.job(&workflow, "verify").expect("it always runs");
        if verified.run.code != 0 {
            return (verified, None);
        }
        let needed = verified
            .outputs
            .iter()
            .map(|(name, value)| (format!("needs.verify.outputs.{name}"), value.clone()));
        let (folder, contexts) = machine("machine-2", needed.collect());
        let mut second = Machine { folder: &folder, repositories: BTreeMap::new(), contexts, environment };
        let posted = second.job(&workflow, "post").map(|ended| (ended, server.posts()));
        (verified, posted)
    }

    /// Runs a job of GitLab's pipeline in a clone of the repository.
    fn on_gitlab(&self, job: &str, source: &str, base: &str, server: &Server, signers: &str) -> Run {
        let pipeline = github::workflow(&Path::new(SHIPPED).join("pipelines/gitlab-ci.yml"));
        let mut shell = self.gitlab_job(&pipeline, job, server);
        shell.env("CI_PIPELINE_SOURCE", source).env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base);
        shell.env("STUF_SIGNERS", self.here.path(signers));
        run(shell)
    }

    /// The shell of a job, with what each job is told.
    fn gitlab_job(&self, pipeline: &Value, job: &str, server: &Server) -> assert_cmd::Command {
        let folder = self.here.path("build");
        if !folder.exists() {
            let from = format!("file://{}", self.checks().display());
            git(&self.here.path("."), &["clone", "--quiet", &from, "build"]);
        }
        let script: Vec<&str> =
            pipeline[job]["script"].as_array().expect("a script").iter().filter_map(Value::as_str).collect();
        let mut shell = assert_cmd::Command::new("sh");
        shell.args(["-e", "-c", &script.join("\n")]).current_dir(&folder);
        shell
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("PATH"))
            .env("HOME", self.here.path("."));
        shell.envs([
            ("CI_MERGE_REQUEST_IID", "3"),
            ("CI_PROJECT_ID", "77"),
            ("CI_JOB_TOKEN", "not-a-real-job-token"),
            ("STUF_NOTES_TOKEN", "not-a-real-token"),
        ]);
        shell.env("CI_API_V4_URL", format!("{}/api/v4", server.address));
        shell.env("STUF_GLASS", format!("{}/served.git", server.address));
        shell
    }

    /// The glass behind a password, as GitLab shows it to a job.
    fn served(&self) -> Server {
        let from = format!("file://{}", self.glass().display());
        git(&self.here.path("."), &["clone", "--quiet", "--bare", &from, "served.git"]);
        git(&self.here.path("served.git"), &["update-server-info"]);
        // `gitlab-ci-token:not-a-real-job-token`, in base64.
        let basic = "Basic Z2l0bGFiLWNpLXRva2VuOm5vdC1hLXJlYWwtam9iLXRva2Vu".to_owned();
        Server::start(
            &self.here.path("."),
            ("authorization", basic),
            ("private-token", "not-a-real-token".to_owned()),
        )
    }

    fn signers(&self) -> String {
        self.here.read("signers")
    }
}

/// The comment is Markdown in which no value of a package is more than text.
fn assert_tells_the_difference(comment: &str, beside: &Beside) {
    let head = format!("### The glass from {} to {}\n", &beside.commits[1][..12], &beside.commits[2][..12]);
    assert!(comment.starts_with(&head), "{comment}");
    for line in [
        "Package: minimal-staging-hosted-to-self-host-2. Before: minimal-staging-hosted-to-self-host-1.",
        "Code: the same, by the content of each file. What differs is data and documents.",
        "    M\tmanifest.json",
        "    M\tconfiguration/api-config/stuf_config.json",
    ] {
        assert!(comment.lines().any(|other| other == line), "{line}\n{comment}");
    }
    assert!(comment.contains("::error::no @everyone"), "the new description is shown: {comment}");
    let own =
        ["### The glass", "Package: ", "Code: ", "Operations:", "Other files", "The plan, which", "Data:"];
    for line in comment.lines().filter(|line| !line.is_empty() && !line.starts_with("    ")) {
        assert!(own.iter().any(|own| line.starts_with(own)), "a value got out of its block: {line}");
    }
    assert!(!comment.contains(['\u{202e}', '\u{202c}', '\u{7}']), "nothing unseen");
}

#[test]
fn a_pull_request_that_moves_on_is_proven_and_told_what_it_would_approve() {
    let beside = Beside::new();
    beside.approve(&beside.commits[1]);
    beside.propose(&beside.commits[2]);

    let (verified, posted) = beside.on_github("pull_request", &beside.signers());

    assert_eq!(
        (verified.last.as_str(), verified.run.code),
        ("Show the difference", 0),
        "{}",
        verified.run.stderr
    );
    let comment = &verified.outputs["difference"];
    assert_tells_the_difference(comment, &beside);
    assert_eq!(verified.summary.trim_end(), comment.trim_end());
    let (ended, posts) = posted.expect("it posts");
    assert_eq!(ended.run.code, 0, "{}", ended.run.stderr);
    let [post] = &posts[..] else { panic!("{posts:?}") };
    assert_eq!(post.path, "/repos/customer/stuf-checks/issues/12/comments");
    assert_eq!(post.headers["content-type"], "application/json");
    let body: Value = serde_json::from_str(&post.body).expect("JSON");
    assert_eq!(body, serde_json::json!({ "body": comment }));
}

#[test]
fn the_first_pull_request_is_proven_from_the_root_and_told_that_all_is_new() {
    let beside = Beside::new();
    beside.propose(&beside.commits[2]);

    let (verified, posted) = beside.on_github("pull_request", &beside.signers());

    let last = (verified.last.as_str(), verified.run.code);
    assert_eq!(last, ("Show the difference", 0), "{}", verified.run.stderr);
    let (_, posts) = posted.expect("it posts");
    let comment = &verified.outputs["difference"];
    let body: Value = serde_json::from_str(&posts[0].body).expect("JSON");
    assert_eq!(body, serde_json::json!({ "body": comment }));
    assert_is_wholly_new(comment, &beside);
}

/// The first package that somebody is asked to approve, with nothing before it.
fn assert_is_wholly_new(comment: &str, beside: &Beside) {
    let begins = format!(
        "### The glass from nothing to {}\n\n\
         Package: minimal-staging-hosted-to-self-host-2. Before: none.\n\
         Code: new, with the first package. Read the files that are not data before you approve.\n\n\
         Operations:\n\n",
        &beside.commits[2][..12]
    );
    assert!(comment.starts_with(&begins), "{comment}");
    for line in ["    A\tci-cd/verify-glass", "    A\tREADME.md", "    +  \"kind\": \"StufPackage\","] {
        assert!(comment.lines().any(|other| other == line), "{line}\n{comment}");
    }
    assert!(comment.lines().all(|line| !line.starts_with("    M\t")), "{comment}");
    assert!(comment.len() < 60_000, "{}", comment.len());
}

#[test]
fn each_day_the_head_is_proven_from_what_was_approved_and_nothing_is_posted() {
    let beside = Beside::new();
    beside.approve(&beside.commits[1]);

    let (verified, posted) = beside.on_github("schedule", &beside.signers());

    assert_eq!(verified.run.code, 0, "{}", verified.run.stderr);
    assert_tells_the_difference(&verified.summary, &beside);
    assert!(posted.is_none());
}

/// What is wrong with the glass, the signers or `glass-head`, each told in one line, and no comment.
#[test]
fn what_is_not_proven_is_red_and_says_why() {
    let changed = |glass: &Path| {
        let page = fs::read_to_string(glass.join("README.md")).expect("a page");
        fs::write(glass.join("README.md"), page + "One more line.\n").expect("written");
    };
    let added = |glass: &Path| fs::write(glass.join("infrastructure/extra.yml"), "a: b\n").expect("written");
    let link = |glass: &Path| std::os::unix::fs::symlink("README.md", glass.join("link")).expect("a link");
    let hidden = |glass: &Path| {
        fs::write(glass.join(".gitattributes"), "* -text\ninfrastructure/extra.yml export-ignore\n")
            .expect("written");
        fs::write(glass.join("infrastructure/extra.yml"), "a: b\n").expect("written");
    };
    let clear = |glass: &Path| fs::write(glass.join("personal/0001.age"), "Ada\n").expect("written");
    // What git unpacks obeys a list in a folder, which leaves itself out too.
    let unseen = |glass: &Path| {
        let playbooks = glass.join("infrastructure/ansible/playbooks");
        fs::write(playbooks.join("evil.yml"), "a: b\n").expect("written");
        let list = "evil.yml export-ignore\n.gitattributes export-ignore\n";
        fs::write(playbooks.join(".gitattributes"), list).expect("written");
    };
    let fewer = |glass: &Path| fs::remove_file(glass.join("personal/0003.age")).expect("removed");
    let more = |glass: &Path| {
        fs::write(glass.join("personal/0099.age"), "age-encryption.org/v1\nAda\n").expect("written")
    };
    let runs = |glass: &Path| {
        let rights = PermissionsExt::from_mode(0o755);
        fs::set_permissions(glass.join("README.md"), rights).expect("changed");
    };
    let gone = |glass: &Path| {
        for entry in fs::read_dir(glass).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_kept = [".git", ".gitattributes", "audit"].iter().any(|name| path.ends_with(name));
            match path.is_dir() {
                _ if is_kept => (),
                true => fs::remove_dir_all(path).expect("removed"),
                false => fs::remove_file(path).expect("removed"),
            }
        }
    };
    type Change<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Option<&str>, Change<'_>); 11] = [
        ("a file is not what was signed: README.md: FAILED", Some("key"), &changed),
        ("a file was added or is missing: infrastructure/extra.yml", Some("key"), &added),
        ("there is a link, or another repository", Some("key"), &link),
        (".gitattributes would change files", Some("key"), &hidden),
        ("infrastructure/ansible/playbooks/.gitattributes would hide or change files", Some("key"), &unseen),
        ("a file was added or is missing: personal/0003.age", Some("key"), &fewer),
        ("a file was added or is missing: personal/0099.age", Some("key"), &more),
        ("a file may be run and is no code: README.md", Some("key"), &runs),
        ("there is no SHA256SUMS", Some("key"), &gone),
        ("personal/0001.age is not encrypted", Some("key"), &clear),
        ("nobody on the list of signers signed it", None, &changed),
    ];
    for (why, key, change) in cases {
        let beside = Beside::new();
        beside.approve(&beside.commits[2]);
        beside.forge(key, change);
        assert_red(&beside.on_github("schedule", &beside.signers()), "Verify", why);
    }
}

#[track_caller]
fn assert_red((verified, posted): &(Ended, Option<(Ended, Vec<Post>)>), step: &str, why: &str) {
    let told = format!("{}{}", verified.run.stdout, verified.run.stderr);
    assert_eq!((verified.last.as_str(), verified.run.code), (step, 1), "{why}: {told}");
    assert!(told.contains(why) && posted.is_none(), "{why}: {told}");
}

#[test]
fn strangers_are_not_proven_and_neither_is_a_list_that_trusts_too_much() {
    let beside = Beside::new();
    beside.approve(&beside.commits[1]);
    let key = beside.signers().split(' ').skip(2).collect::<Vec<_>>().join(" ");
    let stranger = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5";
    for (signers, why) in [
        (
            format!("issuer/tests namespaces=\"git,stufpack\" {stranger}\n"),
            "nobody on the list of signers signed it",
        ),
        (
            format!("issuer/other namespaces=\"git,stufpack\" {key}"),
            "it bears another name than its signer's",
        ),
        (format!("issuer/tests namespaces=\"git\" {key}"), "the signature of issuer/tests does not fit"),
        (format!("issuer/tests {key}"), "is not as VERIFY.txt has it"),
        (format!("* namespaces=\"git,stufpack\" {key}"), "is not as VERIFY.txt has it"),
        (format!("{0}{0}", beside.signers()), "a key stands twice"),
        (String::new(), "the list of signers is empty"),
    ] {
        for folder in ["machine-1", "machine-2"] {
            let _ = fs::remove_dir_all(beside.here.path(folder));
        }
        assert_red(&beside.on_github("schedule", &signers), "Verify", why);
    }
}

#[test]
fn a_history_that_goes_back_or_a_glass_head_that_is_none_is_red() {
    for (before, after, step, why) in [
        (Some(2), "1", "Verify", "that was rewritten, or goes back"),
        (Some(1), "main", "Choose what is judged", "::error::glass-head is not one line"),
        (Some(1), "ffffffffffffffffffffffffffffffffffffffff", "Verify", "is not in this glass"),
        (Some(1), "side", "Verify", "is not in the history of main"),
    ] {
        let mut beside = Beside::new();
        if after == "side" {
            // By somebody on the list, with nothing wrong in it but where it stands.
            let glass = beside.glass();
            beside.forge(Some("key"), |glass| {
                fs::write(glass.join("audit/more.json"), "{}\n").expect("written")
            });
            git(&glass, &["branch", "side"]);
            git(&glass, &["reset", "--quiet", "--hard", &beside.commits[2]]);
            beside.commits.push(git(&glass, &["rev-parse", "side"]));
        }
        let commit = |word: &str| match word.parse::<usize>() {
            Ok(number) => beside.commits[number].clone(),
            Err(_) if word == "side" => beside.commits[3].clone(),
            Err(_) => word.to_owned(),
        };
        if let Some(before) = before {
            beside.approve(&beside.commits[before]);
        }
        beside.propose(&commit(after));
        assert_red(&beside.on_github("pull_request", &beside.signers()), step, why);
    }
}

/// A glass begins without a package, and its pipeline with green.
#[test]
fn a_glass_with_its_root_alone_is_green_and_says_that_nothing_is_recorded() {
    let beside = Beside::new();
    let root = beside.commits[0].clone();
    git(&beside.glass(), &["reset", "--quiet", "--hard", &root]);
    beside.approve(&root);

    let (verified, posted) = beside.on_github("schedule", &beside.signers());

    assert_eq!((verified.last.as_str(), verified.run.code), ("Verify", 0), "{}", verified.run.stderr);
    let told = format!("proven: {root}, no package is recorded yet, commits judged: 1\n");
    assert_eq!(verified.run.stdout, told);
    assert!(posted.is_none());

    // What lies there without a package was signed by no issuer.
    beside.forge(Some("key"), |glass| fs::write(glass.join("migrate"), "#!/bin/sh\n").expect("written"));
    let _ = fs::remove_dir_all(beside.here.path("machine-1"));
    let red = beside.on_github("schedule", &beside.signers());
    assert_red(&red, "Verify", "no package is recorded yet, and there is migrate");
}

#[test]
fn gitlab_reads_the_glass_with_the_jobs_token_and_writes_a_note() {
    let beside = Beside::new();
    beside.approve(&beside.commits[1]);
    let base = git(&beside.checks(), &["rev-parse", "HEAD"]);
    beside.approve(&beside.commits[2]);
    let server = beside.served();

    let verified =
        beside.on_gitlab("verify-glass", "merge_request_event", &base, &server, "signers").exits_with(0);
    let posted =
        beside.on_gitlab("post-difference", "merge_request_event", &base, &server, "signers").exits_with(0);

    assert!(verified.stdout.contains("2 of issuer/tests, commits judged: 1"), "{}", verified.stdout);
    let comment = beside.here.read("build/difference.md");
    assert_tells_the_difference(&comment, &beside);
    let posts = server.posts();
    let [post] = &posts[..] else { panic!("{posts:?}") };
    assert_eq!(post.path, "/api/v4/projects/77/merge_requests/3/notes");
    assert_eq!(decoded(post.body.strip_prefix("body=").expect("a field")), comment);
    for text in [&verified.stdout, &verified.stderr, &posted.stdout, &posted.stderr, &comment] {
        assert!(!text.contains("not-a-real"), "no token is told: {text}");
    }
}

#[test]
fn gitlab_tells_of_the_first_merge_request_that_all_is_new() {
    let beside = Beside::new();
    let base = git(&beside.checks(), &["rev-parse", "HEAD"]);
    beside.approve(&beside.commits[2]);
    let server = beside.served();

    beside.on_gitlab("verify-glass", "merge_request_event", &base, &server, "signers").exits_with(0);

    assert_is_wholly_new(&beside.here.read("build/difference.md"), &beside);
}

/// The text of a field of a form.
fn decoded(field: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), field.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).expect("two digits")
            }
            other => other,
        });
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn gitlab_is_red_where_the_glass_is_not_what_was_signed_and_posts_nothing_at_other_times() {
    let beside = Beside::new();
    beside.approve(&beside.commits[2]);
    let head = |beside: &Beside| git(&beside.checks(), &["rev-parse", "HEAD"]);
    let server = beside.served();
    beside.on_gitlab("verify-glass", "schedule", "", &server, "signers").exits_with(0);
    assert_eq!(beside.here.read("build/difference.md"), "");
    beside
        .on_gitlab("post-difference", "merge_request_event", &head(&beside), &server, "signers")
        .exits_with(0);
    assert!(server.posts().is_empty());

    fs::remove_dir_all(beside.here.path("served.git")).expect("removed");
    beside.forge(Some("key"), |glass| {
        fs::write(glass.join("infrastructure/extra.yml"), "a: b\n").expect("written")
    });
    let server = beside.served();
    let red = beside.on_gitlab("verify-glass", "schedule", "", &server, "signers").exits_with(1);
    assert!(
        red.stderr.contains("not proven: a file was added or is missing: infrastructure/extra.yml"),
        "{}",
        red.stderr
    );
}
