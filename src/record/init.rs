//! A new glass: an empty repository with safe settings, and a signed root.

use super::commit::Draft;
use super::glass::{About, Glass};
use super::message::{Event, Message, Validation};
use super::packfile::{Durable, Staging};
use super::rights::Rights;
use super::structure::BRANCH;
use super::tree::{Growing, Mode};
use super::value::Value;
use super::worktree::Contents;
use super::{Error, TOOL, paths};
use crate::model::{Slug, Timestamp};
use crate::open::Signers;
use crate::pack::Signer;
use crate::scratch::Scratch;
use git2::{ObjectType, Oid, Repository, RepositoryInitOptions};
use std::path::Path;

/// What a new glass is made of.
pub struct Founding<'a> {
    /// Whose STUF it is.
    pub slug: &'a Slug,
    /// Who may sign.
    pub signers: &'a Signers,
    /// The text of the signers file, kept for people.
    pub allowed_signers: &'a str,
    /// Who signs the root.
    pub key: &'a Signer,
    /// When.
    pub at: Timestamp,
    /// Without a work tree, as servers have it.
    pub bare: bool,
    /// Who asked for it.
    pub requested_by: Option<Value>,
    /// Where it was discussed.
    pub ticket: Option<Value>,
}

/// Settings that every glass has: bytes stay as they are, history only grows, what comes in is checked.
const SETTINGS: [(&str, &str); 12] = [
    ("core.autocrlf", "false"),
    ("core.safecrlf", "false"),
    ("core.logAllRefUpdates", "true"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("receive.denyNonFastForwards", "true"),
    ("receive.denyDeletes", "true"),
    ("receive.fsckObjects", "true"),
    ("transfer.fsckObjects", "true"),
    ("merge.ff", "only"),
    ("gpg.format", "ssh"),
    ("commit.gpgSign", "true"),
];

/// Makes a glass at `path`, which must not be there or be an empty folder; appears whole or not at all.
///
/// Returns the id of the root: the pin that everyone who checks this glass should know by another way.
pub fn init(path: &Path, founding: &Founding<'_>) -> Result<Oid, Error> {
    let there = std::fs::symlink_metadata(path).is_ok();
    let empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if there && !empty {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |source| Error::io(path.display().to_string(), source);
    std::fs::create_dir_all(parent).map_err(failed)?;
    // A folder inside the private one, so that the glass gets the rights of the user's umask, not 0700.
    let private = Scratch::new_in(parent).map_err(failed)?;
    let root = fill(&private.path().join("glass"), founding)?;
    private.publish(|private| std::fs::rename(private.join("glass"), path)).map_err(failed)?;
    Ok(root)
}

fn fill(path: &Path, founding: &Founding<'_>) -> Result<Oid, Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(founding.bare).initial_head("main").external_template(false).no_reinit(true);
    let repository = Repository::init_opts(path, &options)?;
    let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
    for (name, value) in SETTINGS {
        config.set_str(name, value)?;
    }

    let glass = Glass { repository, path: path.to_owned() };
    let repository = &glass.repository;
    let odb = repository.odb()?;
    let mut staging = Staging::new(&odb);
    let about = About { schema: 1, slug: founding.slug.as_str().to_owned() };
    let mut about =
        serde_json::to_string_pretty(&about).map_err(|error| Error::io(paths::ABOUT, error.into()))?;
    about.push('\n');
    let mut tree = Growing::default();
    for (path, text) in [
        (paths::ATTRIBUTES, paths::ATTRIBUTES_TEXT),
        (paths::ABOUT, &about),
        (paths::FIRST_SIGNERS, founding.allowed_signers),
    ] {
        tree.place(path, Mode::File, staging.add(ObjectType::Blob, text.as_bytes())?);
    }
    let tree = tree.write(&mut staging)?;
    let time = founding.at.seconds();
    let principal = super::writer(founding.signers, founding.key, founding.at)?;
    let message = Message {
        event: Event::Init,
        operation: 0,
        package: None,
        name: None,
        before: None,
        after: tree,
        requested_by: founding.requested_by.clone(),
        approved_by: None,
        ticket: founding.ticket.clone(),
        validation: Validation::NotRun,
        tool: Value::parse("Tool", TOOL)?,
    };
    let message = message.render();
    let draft = Draft { tree, parent: None, principal: principal.as_str(), time, message: &message };
    let root = staging.add(ObjectType::Commit, &draft.sign(founding.key)?)?;
    let failed = |source| Error::io(path.display().to_string(), source);
    // In a new repository there is nothing to replace.
    let packed = staging.pack(&glass.objects()).map_err(failed)?;
    let _ = packed.write(Rights::of(repository)).and_then(Durable::publish).map_err(failed)?;
    odb.refresh()?;
    repository.reference(BRANCH, root, false, "stufpack: init")?;
    glass.check_out(None, &repository.find_tree(tree)?, &Contents::new())?;
    Ok(root)
}
