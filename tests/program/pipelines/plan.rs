//! The workflow and the jobs that plan Terraform, which only packages of a provider with Terraform hold. Terraform is a
//! stand-in that writes down how it was called; `tests/terraform/test_planned.py` has the real one.

use super::github::{self, Ended, Machine};
use super::server::{Post, Server};
use super::{Beside, HOSTILE, SHIPPED, decoded, git};
use crate::workspace::run;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What stands below `ci-cd/` in packages of that provider alone.
fn shipped(name: &str) -> std::path::PathBuf {
    Path::new(SHIPPED).join("aws").join(name)
}

/// A state in a bucket.
const BACKEND: &str = "terraform {\n  backend \"s3\" {\n    encrypt = true\n  }\n}\n";
/// More that nobody sees: a soft hyphen, a mark of Arabic, a selector of forms, a tag.
const UNSEEN: &str = "\u{ad}\u{61c}\u{fe0f}\u{e0041}";
const ROLE: &str = "arn:aws:iam::123456789012:role/stuf-plan";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

/// Puts a Terraform beside the test that plans to destroy a disk and to make a server anew.
fn stand_in(beside: &Beside) -> String {
    let event = |address: &str, word: &str| {
        let message = json!(format!("{address}: Plan to {word}"));
        format!("{{\"@level\":\"info\",\"@message\":{message},\"type\":\"planned_change\"}}\n")
    };
    let events = event("aws_instance.server", "replace")
        + &event("aws_vpc.own[0]", "update")
        + &event("aws_rule.https[\"192.0.2.0/24\"]", "delete")
        + "{\"@level\":\"info\",\"@message\":\"Plan: 1 to add, 1 to change, 2 to destroy.\",\
           \"changes\":{\"add\":1,\"change\":1,\"import\":0,\"remove\":2,\"operation\":\"plan\"},\"type\":\"change_summary\"}\n";
    beside.here.write("events", &events);
    beside.here.write(
        "text",
        &format!(
            "Terraform will\n  + description = \"{HOSTILE}{UNSEEN}\"\n  + password = (sensitive value)\n"
        ),
    );
    let place = beside.here.path(".").display().to_string();
    let script = format!(
        "#!/bin/sh\nset -eu\nfolder=${{1#-chdir=}}\nshift\n\
         printf '%s|%s|%s|%s\\n' \"$AWS_ROLE_ARN\" \"$AWS_ROLE_SESSION_NAME\" \"$(cat \"$AWS_WEB_IDENTITY_TOKEN_FILE\")\" \"$*\" >>'{place}/asked'\n\
         [ -f \"$folder/main.tf\" ] && [ -f \"$folder/terraform.tfvars.json\" ] && [ -f \"$folder/backend_override.tf\" ]\n\
         case $1 in plan) cat '{place}/events'; exit 2 ;; show) cat '{place}/text' ;; esac\n"
    );
    let program = beside.here.path("bin/terraform");
    write(&program, &script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    format!("{}:{}", beside.here.path("bin").display(), std::env::var("PATH").expect("PATH"))
}

/// The repository beside a glass with Terraform; the state is in a bucket, or nobody says where.
fn beside(backend: Option<&str>) -> Beside {
    let beside = Beside::of("acme");
    fs::copy(shipped("plan-terraform"), beside.checks().join("ci-cd/plan-terraform")).expect("copied");
    if let Some(backend) = backend {
        write(&beside.checks().join("terraform/backend_override.tf"), backend);
        write(&beside.checks().join("terraform/backend.tfbackend"), "bucket = \"states\"\n");
    }
    git(&beside.checks(), &["add", "."]);
    git(&beside.checks(), &["commit", "--quiet", "--message=Plan"]);
    beside
}

fn assert_tells_the_plan(comment: &str, beside: &Beside) {
    let told = format!(
        "### What Terraform would do for the glass at {}\n\n\
         Package: acme-production-hosted-to-self-aws-1.\n\n\
         To be made: 1. To be changed: 1. To be destroyed: 2. What is made anew counts among the first and the last.\n\n\
         Taken away, with what is in it:\n\n    \
         destroyed: aws_rule.https[\"192.0.2.0/24\"]\n    made anew: aws_instance.server\n\n\
         The plan. What Terraform holds for sensitive is not shown:\n\n    \
         Terraform will\n      + description = \"{}\"\n      + password = (sensitive value)",
        &beside.commits[1][..12],
        HOSTILE.replace(['\u{202e}', '\u{202c}'], "?") + &"?".repeat(UNSEEN.chars().count()),
    );
    assert_eq!(comment.trim_end(), told);
}

/// How Terraform was called, and by whom, but for the folders that are made anew each time.
fn asked(beside: &Beside) -> Vec<String> {
    let text = beside.here.read("asked");
    let words = |line: &str| {
        let kept = line.split(' ').filter(|word| !word.contains("/tmp") && !word.contains("backend-config="));
        kept.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(words).collect()
}

/// What each event of the workflow came to: the job that proves, the one that plans, what was posted.
struct OnGithub {
    verified: Ended,
    planned: Option<Ended>,
    posts: Vec<Post>,
    reads: Vec<String>,
}

fn on_github(beside: &Beside, path: String) -> OnGithub {
    let workflow = github::workflow(&shipped("workflows/plan-terraform.yml"));
    beside.here.write("id-token", "{\"count\": 1, \"value\": \"a.token.of-nobody\"}");
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let server =
        Server::start(&beside.here.path("."), bearer("not-a-real-request"), bearer("not-a-real-token"));
    let environment = BTreeMap::from([
        ("PATH", path),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "not-a-real-request".to_owned()),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/id-token?api-version=2.0", server.address)),
        ("GITHUB_API_URL", server.address.clone()),
        ("GITHUB_REPOSITORY", "customer/stuf-checks".to_owned()),
        ("GITHUB_RUN_ID", "77".to_owned()),
    ]);
    let signers = beside.signers();
    let mut contexts: BTreeMap<String, String> = [
        ("vars.STUF_GLASS", "customer/glass"),
        ("vars.STUF_SIGNERS", &signers),
        ("vars.STUF_PLAN_ROLE", ROLE),
        ("github.token", "not-a-real-token"),
        ("github.event.pull_request.number", "12"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let mut job = |name: &str| {
        let folder = beside.here.path(&format!("machine-of-{name}"));
        fs::create_dir_all(&folder).expect("a folder");
        let mut machine = Machine {
            folder: &folder,
            repositories: BTreeMap::from([("", beside.checks()), ("customer/glass", beside.glass())]),
            contexts: contexts.clone(),
            environment: environment.clone(),
        };
        let ended = machine.job(&workflow, name)?;
        for (output, value) in &ended.outputs {
            contexts.insert(format!("needs.{name}.outputs.{output}"), value.clone());
        }
        Some(ended)
    };
    let verified = job("verify").expect("it always runs");
    let planned = if verified.run.code == 0 { job("plan") } else { None };
    if planned.as_ref().is_some_and(|ended| ended.run.code == 0) {
        let posted = job("post").expect("there is a plan");
        assert_eq!(posted.run.code, 0, "{}", posted.run.stderr);
    }
    OnGithub { verified, planned, posts: server.posts(), reads: server.reads() }
}

/// The one comment that was posted.
fn comment(came: &OnGithub) -> String {
    let planned = came.planned.as_ref().expect("it was planned");
    assert_eq!((planned.last.as_str(), planned.run.code), ("Plan", 0), "{}", planned.run.stderr);
    assert_eq!(planned.summary.trim_end(), planned.outputs["plan"]);
    let [post] = &came.posts[..] else { panic!("{:?}", came.posts) };
    assert_eq!(post.path, "/repos/customer/stuf-checks/issues/12/comments");
    let body: Value = serde_json::from_str(&post.body).expect("JSON");
    assert_eq!(body, json!({ "body": planned.outputs["plan"] }));
    planned.outputs["plan"].clone()
}

#[test]
fn a_pull_request_is_told_what_terraform_would_do_by_a_role_that_is_lent() {
    let beside = beside(Some(BACKEND));
    beside.propose(&beside.commits[1]);

    let came = on_github(&beside, stand_in(&beside));

    assert!(came.verified.run.stdout.starts_with("proven: "), "{}", came.verified.run.stdout);
    assert_tells_the_plan(&comment(&came), &beside);
    assert_eq!(came.reads, ["/id-token?api-version=2.0&audience=sts.amazonaws.com"]);
    let lent = format!("{ROLE}|stuf-plan-77|a.token.of-nobody|");
    assert_eq!(
        asked(&beside),
        [
            format!("{lent}init -input=false -no-color -lockfile=readonly"),
            format!("{lent}plan -input=false -lock=false -no-color -json -detailed-exitcode"),
            format!("{lent}show -no-color"),
        ]
    );
}

#[test]
fn what_is_not_proven_is_never_planned() {
    let beside = beside(Some(BACKEND));
    beside.forge(None, |glass| {
        let file = glass.join("infrastructure/terraform/terraform.tfvars.json");
        fs::write(file, "{}\n").expect("written");
    });
    beside.propose(&git(&beside.glass(), &["rev-parse", "HEAD"]));

    let came = on_github(&beside, stand_in(&beside));

    assert_eq!((came.verified.last.as_str(), came.verified.run.code), ("Verify", 1));
    assert!(came.planned.is_none() && came.posts.is_empty() && came.reads.is_empty());
    // That nothing else starts either is the service's part, which is told so.
    let workflow = github::workflow(&shipped("workflows/plan-terraform.yml"));
    assert_eq!(
        (&workflow["jobs"]["plan"]["needs"], &workflow["jobs"]["plan"]["if"]),
        (&json!("verify"), &Value::Null)
    );
    let pipeline = github::workflow(&shipped("pipelines/gitlab-ci-plan.yml"));
    assert_eq!(pipeline["plan-terraform"]["needs"], json!([{"job": "verify-glass", "artifacts": false}]));
}

/// One job may ask for an identity, another may write a comment, and that one gets nothing of any repository.
#[test]
fn each_job_may_do_what_it_is_for() {
    let workflow = github::workflow(&shipped("workflows/plan-terraform.yml"));
    let rights = |job: &str| workflow["jobs"][job]["permissions"].clone();
    assert_eq!(workflow["permissions"], json!({}));
    assert_eq!(rights("verify"), json!({"contents": "read"}));
    assert_eq!(rights("plan"), json!({"contents": "read", "id-token": "write"}));
    assert_eq!(rights("post"), json!({"pull-requests": "write"}));
    let steps = workflow["jobs"]["post"]["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step["uses"].is_null()));
    assert_eq!(workflow["on"], json!({"pull_request": {"paths": ["glass-head"]}}));
}

#[test]
fn a_state_on_somebodys_machine_is_told_in_a_line() {
    let beside = beside(None);
    beside.propose(&beside.commits[1]);

    let comment = comment(&on_github(&beside, stand_in(&beside)));

    let line = "Not planned: Terraform's state is a file on the Trust Architect's machine, which no pipeline can read. \
                There, ./migrate provision shows the plan.";
    assert!(comment.ends_with(&format!("\n\n{line}")), "{comment}");
    assert!(!beside.here.path("asked").exists(), "Terraform was not called");
}

/// A glass begins without a package, and the pull request that brings its root is told so.
#[test]
fn a_glass_without_a_package_has_nothing_to_plan() {
    let beside = beside(Some(BACKEND));
    beside.propose(&beside.commits[0]);

    let comment = comment(&on_github(&beside, stand_in(&beside)));

    let told = "### What Terraform would do for the glass at";
    let told = format!("{told} {}\n\nNot planned: no package is recorded yet.", &beside.commits[0][..12]);
    assert_eq!(comment, told);
    assert!(!beside.here.path("asked").exists(), "Terraform was not called");
}

#[test]
fn gitlab_plans_with_a_token_of_its_own_and_writes_a_note() {
    let beside = beside(Some(BACKEND));
    beside.approve(&beside.commits[1]);
    let (server, path) = (beside.served(), stand_in(&beside));
    let pipeline = github::workflow(&shipped("pipelines/gitlab-ci-plan.yml"));
    let job = |name: &str| {
        let mut shell = beside.gitlab_job(&pipeline, name, &server);
        shell.env("PATH", &path).env("CI_JOB_ID", "78");
        shell.env("STUF_PLAN_ROLE", ROLE).env("STUF_AWS_TOKEN", "a.token.of-nobody");
        run(shell).exits_with(0)
    };

    let planned = job("plan-terraform");
    job("post-plan");

    assert_eq!((planned.stdout.as_str(), planned.stderr.as_str()), ("", ""));
    let comment = beside.here.read("build/plan.md");
    assert_tells_the_plan(&comment, &beside);
    assert_eq!(
        asked(&beside)[0],
        format!("{ROLE}|stuf-plan-78|a.token.of-nobody|init -input=false -no-color -lockfile=readonly")
    );
    let posts = server.posts();
    let [post] = &posts[..] else { panic!("{posts:?}") };
    assert_eq!(post.path, "/api/v4/projects/77/merge_requests/3/notes");
    assert_eq!(decoded(post.body.strip_prefix("body=").expect("a field")), comment);
    assert_eq!(pipeline["plan-terraform"]["artifacts"]["paths"], json!(["plan.md"]));
}
