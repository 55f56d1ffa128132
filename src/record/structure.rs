//! The ways in which a repository can show another history than it has.

use super::{Error, Finding};
use git2::{Oid, Repository};

/// The branch that is the glass.
pub(super) const BRANCH: &str = "refs/heads/main";

/// What is set up so that reading it could not be trusted: nothing of this needs a commit to be read.
pub(super) fn problems(repository: &Repository) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let common = repository.commondir();
    let holds_something =
        |path: &str| std::fs::metadata(common.join(path)).is_ok_and(|about| about.len() > 0);

    if repository.is_shallow() || holds_something("shallow") {
        findings.push(Finding::new(
            "glass.shallow",
            "this clone has only the end of the history (shallow); fetch all of it: git fetch --unshallow",
        ));
    }
    if holds_something("info/grafts") {
        findings.push(
            Finding::new("glass.graft", "grafts give commits other parents than they have").at("info/grafts"),
        );
    }
    for path in ["objects/info/alternates", "objects/info/http-alternates"] {
        if holds_something(path) {
            findings.push(
                Finding::new(
                    "glass.alternates",
                    "objects are borrowed from another repository, which can change them; clone with --dissociate",
                )
                .at(path),
            );
        }
    }
    if let Ok(config) = repository.config()
        && config.get_string("extensions.partialclone").is_ok()
    {
        findings.push(Finding::new(
            "glass.partial",
            "this clone lacks objects and fetches them when asked (partial clone); clone without --filter",
        ));
    }
    for reference in repository.references_glob("refs/replace/*")? {
        let reference = reference?;
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        findings.push(
            Finding::new(
                "glass.replace",
                "a replacement shows another object than the history holds; its content was not used",
            )
            .at(name),
        );
    }
    match repository.find_reference("HEAD") {
        Ok(head) if head.symbolic_target().ok().flatten() == Some(BRANCH) => {}
        _ => findings.push(Finding::new("glass.head", "HEAD is not the branch main").at("HEAD")),
    }
    Ok(findings)
}

/// Every ref and the commit it leads to, replacements and HEAD aside.
pub(super) fn refs(repository: &Repository) -> Result<Vec<(String, Option<Oid>)>, Error> {
    let mut all = Vec::new();
    for reference in repository.references()? {
        let reference = reference?;
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        if !name.starts_with("refs/replace/") {
            let commit = reference.peel_to_commit().ok().map(|commit| commit.id());
            all.push((name, commit));
        }
    }
    all.sort();
    Ok(all)
}
