//! Writes pages into a folder: whole or not at all.

use super::Pages;
use crate::record::Error;
use crate::scratch::Scratch;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes `pages` into the folder `out`; false where these very pages stood there already.
///
/// They are written beside it, made durable, and get their name in one step. Other pages that stand there give way only with
/// `force`; a folder that holds anything else never does.
pub fn publish(pages: &Pages, out: &Path, force: bool) -> Result<bool, Error> {
    // Without a `/` or `/.` at its end, which would keep a name from being given.
    let out = &out.components().collect::<PathBuf>();
    let refuse = |what, next| Err(Error::Pages { path: out.clone(), what, next });
    if out.file_name().is_none() {
        return refuse("has no name of its own", "name a folder that is not there yet");
    }
    let is_there = match out.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(source) => return Err(failed(out)(source)),
        Ok(metadata) if !metadata.is_dir() => {
            return refuse("is there already and no folder", "name a folder that is not there yet");
        }
        Ok(_) => true,
    };
    let found = if is_there { names(out)? } else { BTreeSet::new() };
    if !found.is_empty() {
        if is_same(pages, &found, out)? {
            return Ok(false);
        }
        if !found.iter().all(|name| is_page(name)) {
            return refuse("holds something else than pages", "name a folder that is not there yet");
        }
        if !force {
            return refuse("holds other pages", "name another folder, or add --force to replace them");
        }
    }
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(failed(parent))?;
    let beside = Scratch::new_in(parent).map_err(failed(parent))?;
    fill(pages, &beside.path().join("pages"), out)?;
    let renamed = beside.publish(|folder| rename(&folder.join("pages"), out, &folder.join("old")));
    renamed.map_err(failed(out))?;
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed(parent))?;
    Ok(true)
}

/// Gives the new folder its name. An empty one gives way by itself, another one in one step, or in two where the file system
/// knows no exchange.
fn rename(new: &Path, out: &Path, old: &Path) -> io::Result<()> {
    match fs::rename(new, out) {
        Err(error)
            if [io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::AlreadyExists].contains(&error.kind()) => {}
        renamed => return renamed,
    }
    if renameat_with(CWD, new, CWD, out, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    fs::rename(out, old)?;
    fs::rename(new, out).inspect_err(|_| {
        // The cause is told by the error.
        let _ = fs::rename(old, out);
    })
}

/// Writes everything into a new folder; errors speak of `place`, where it will stand.
fn fill(pages: &Pages, root: &Path, place: &Path) -> Result<(), Error> {
    fs::create_dir(root).map_err(failed(place))?;
    for (path, text) in pages {
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(failed(&place.join(path)))?;
        }
        let written = File::create_new(&file).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(failed(&place.join(path)))?;
    }
    let folder = File::open(root).map_err(failed(place))?;
    rustix::fs::syncfs(&folder).map_err(|error| failed(place)(error.into()))
}

/// Whether exactly these pages stand in `out`.
fn is_same(pages: &Pages, found: &BTreeSet<String>, out: &Path) -> Result<bool, Error> {
    if !pages.keys().eq(found.iter()) {
        return Ok(false);
    }
    for (path, text) in pages {
        let there = out.join(path);
        if fs::read(&there).map_err(failed(&there))? != text.as_bytes() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Everything below `out` but folders, by path.
fn names(out: &Path) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    for entry in walkdir::WalkDir::new(out).min_depth(1) {
        let entry = entry.map_err(|error| failed(out)(error.into()))?;
        let path = entry.path().strip_prefix(out).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let kind = entry.file_type();
        if !kind.is_dir() {
            // A link is no page of ours, whatever it is called.
            names.insert(if kind.is_file() { path } else { format!("{path}, which is no file") });
        }
    }
    Ok(names)
}

/// Whether a file is called as one of these pages is.
fn is_page(name: &str) -> bool {
    let number = name.strip_prefix("operations/").and_then(|name| name.strip_suffix(".html"));
    ["index.html", "settings.html"].contains(&name)
        || number.is_some_and(|number| number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let what = path.display().to_string();
    move |source| Error::io(what, source)
}
