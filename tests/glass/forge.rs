//! Hostile histories, made with stock git: what somebody with a key and a shell can do.

use crate::support::{Case, Person};
use std::fs;
use std::process::{Command, Stdio};
use stufpack::open::{Revoked, Signers};
use stufpack::record::{self, Audit, Seen, Trust};

/// A commit that is right unless a field is changed: an access operation by the issuer on top of main.
pub struct Forge<'a> {
    pub case: &'a Case,
    /// Files to add or change; without content: to take away.
    pub files: Vec<(String, Option<Vec<u8>>)>,
    /// The mode of each of them.
    pub mode: fn(&str) -> &'static str,
    pub parents: Vec<String>,
    pub operation: u32,
    pub event: &'static str,
    /// The three package trailers.
    pub package: [String; 3],
    pub name: String,
    pub key: Option<&'a Person>,
    pub date: i64,
    /// Changes the message before it is signed.
    pub message: fn(String) -> String,
}

impl<'a> Forge<'a> {
    pub fn new(case: &'a Case) -> Self {
        let operation: u32 = case.git(&["rev-list", "--count", "main"]).parse().unwrap();
        let about = format!(
            "{{\"schema\":1,\"event\":\"access\",\"slug\":\"harbour\",\"started\":\"2026-01-10T00:00:00Z\",\
             \"ended\":\"2026-01-10T00:00:00Z\",\"validation\":\"not_run\",\"ticket\":\"OPS-{operation}\"}}\n"
        );
        Self {
            case,
            files: vec![(
                format!("audit/access-logs/{operation:04}-access/operation.json"),
                Some(about.into_bytes()),
            )],
            mode: |_| "100644",
            parents: vec![case.git(&["rev-parse", "main"])],
            operation,
            event: "access",
            package: ["none", "none", "none"].map(str::to_owned),
            name: case.issuer.principal.to_owned(),
            key: Some(&case.issuer),
            date: case.tick(),
            message: |message| message,
        }
    }

    /// Makes the commit and moves main to it; its id.
    pub fn commit(self) -> String {
        let id = self.dangling();
        self.case.git(&["update-ref", "refs/heads/main", &id]);
        id
    }

    /// Makes the commit; its id.
    pub fn dangling(&self) -> String {
        let case = self.case;
        let git = |arguments: &[&str]| {
            let mut command = case.command("git");
            command.current_dir(case.glass()).args(arguments).env("GIT_INDEX_FILE", case.path("index"));
            command
                .env("GIT_AUTHOR_NAME", &self.name)
                .env("GIT_AUTHOR_EMAIL", &self.name)
                .env("GIT_COMMITTER_NAME", &self.name)
                .env("GIT_COMMITTER_EMAIL", &self.name)
                .env("GIT_AUTHOR_DATE", format!("{} +0000", self.date))
                .env("GIT_COMMITTER_DATE", format!("{} +0000", self.date));
            let output = command.output().unwrap();
            assert!(output.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let _ = fs::remove_file(case.path("index"));
        let before = match self.parents.first() {
            Some(parent) => {
                git(&["read-tree", parent]);
                git(&["rev-parse", &format!("{parent}^{{tree}}")])
            }
            None => "none".to_owned(),
        };
        for (path, content) in &self.files {
            match content {
                Some(content) => {
                    fs::write(case.path("blob"), content).unwrap();
                    let id = git(&["hash-object", "-w", "--no-filters", case.path("blob").to_str().unwrap()]);
                    let entry = format!("{},{id},{path}", (self.mode)(path));
                    git(&["update-index", "--add", "--cacheinfo", &entry]);
                }
                None => {
                    git(&["rm", "-q", "--cached", path]);
                }
            }
        }
        let after = git(&["write-tree"]);
        let Self { event, operation, package: [number, sha256, plan], .. } = self;
        let manifest = self.files.iter().find(|(path, _)| path == "manifest.json" && *event == "package");
        let named = manifest.and_then(|(_, content)| {
            let manifest: serde_json::Value = serde_json::from_slice(content.as_deref()?).ok()?;
            Some(manifest["package"]["name"].as_str()?.to_owned())
        });
        let subject = match number.as_str() {
            _ if named.is_some() => format!("{event} {operation}: {}", named.unwrap_or_default()),
            "none" => format!("{event} {operation}"),
            number => format!("{event} {operation}: package {number}"),
        };
        let about = self.files.iter().find(|(path, _)| path.ends_with("/operation.json"));
        let about: serde_json::Value = about
            .and_then(|(_, content)| serde_json::from_slice(content.as_deref()?).ok())
            .unwrap_or_default();
        let [requested_by, approved_by] =
            ["requested_by", "approved_by"].map(|who| about[who].as_str().unwrap_or("none").to_owned());
        let validation = about["validation"].as_str().unwrap_or("pass");
        let message = format!(
            "{subject}\n\nEvent: {event}\nOperation: {operation}\nPackage-Number: {number}\nPackage-SHA256: {sha256}\n\
             Plan-SHA256: {plan}\nBefore: {before}\nAfter: {after}\nRequested-By: {requested_by}\nApproved-By: {approved_by}\n\
             Ticket: none\nValidation: {validation}\nTool: git\n"
        );
        fs::write(case.path("message"), (self.message)(message)).unwrap();
        let message = case.path("message");
        let mut arguments =
            vec!["commit-tree".to_owned(), after, "-F".to_owned(), message.display().to_string()];
        arguments.extend(self.parents.iter().flat_map(|parent| ["-p".to_owned(), parent.clone()]));
        if let Some(person) = self.key {
            arguments.push(format!("-S{}", person.key.display()));
        } else {
            arguments.push("--no-gpg-sign".to_owned());
        }
        git(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// How a history is checked.
pub struct Check<'a> {
    pub case: &'a Case,
    pub signers: String,
    pub revoked: String,
    pub pins: Vec<git2::Oid>,
    pub last_seen: Option<Seen>,
}

impl<'a> Check<'a> {
    pub fn new(case: &'a Case) -> Self {
        Self { case, signers: case.signers_text(), revoked: String::new(), pins: Vec::new(), last_seen: None }
    }

    /// Pinned to the root, as everybody should.
    pub fn pinned(case: &'a Case) -> Self {
        let root = case.git(&["rev-list", "--max-parents=0", "main"]);
        Self { pins: vec![root.lines().next().unwrap().parse().unwrap()], ..Self::new(case) }
    }

    pub fn run(&self) -> Audit {
        self.run_in(&self.case.glass())
    }

    pub fn run_in(&self, path: &std::path::Path) -> Audit {
        let signers = Signers::parse(self.signers.as_bytes(), "allowed_signers").unwrap();
        let revoked = Revoked::parse(self.revoked.as_bytes(), "revoked").unwrap();
        let trust = Trust {
            signers: &signers,
            revoked: &revoked,
            pins: &self.pins,
            last_seen: self.last_seen,
            now: crate::support::timestamp(1_800_000_000),
        };
        record::verify(path, &trust).unwrap()
    }
}

/// The codes of all findings, each once, sorted.
pub fn codes(audit: &Audit) -> Vec<&'static str> {
    let mut codes: Vec<_> = audit.findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// What stock git says of one commit: its exit status, and all it prints.
pub fn stock(case: &Case, commit: &str, signers: &str, settings: &[&str]) -> (i32, String) {
    let file = case.path("stock_signers");
    fs::write(&file, signers).unwrap();
    let mut command: Command = case.command("git");
    command.current_dir(case.glass()).args(["-c", &format!("gpg.ssh.allowedSignersFile={}", file.display())]);
    for setting in settings {
        command.args(["-c", setting]);
    }
    let output = command.args(["verify-commit", "-v", commit]).stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
}
