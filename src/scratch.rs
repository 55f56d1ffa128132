//! Private folders that hold clear data for a moment, and what becomes of them when the program is stopped.
//!
//! Dropped, a folder is gone. A signal that ends the program removes it first. What cannot be caught (`kill -9`, a power
//! cut) leaves it, without its lock; the next run that works in the same place takes it away.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the name of each of these folders begins; long enough that nobody names a folder so by chance.
const PREFIX: &str = ".stufpack-unfinished-";

/// Length of what follows the prefix.
const RANDOM: usize = 8;

/// Folders of this process that are not finished. Held while one changes, so that a signal waits for that.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A private folder, mode 0700 whatever the umask; gone when dropped.
#[derive(Debug)]
#[must_use = "the folder is gone when this is dropped"]
pub struct Scratch {
    path: PathBuf,
    /// Locked as long as the process lives, which tells others that the folder is in use.
    _lock: File,
}

impl Scratch {
    /// Makes a folder in `parent`.
    pub fn new_in(parent: &Path) -> io::Result<Self> {
        let mut unfinished = unfinished();
        loop {
            let made = tempfile::Builder::new()
                .prefix(PREFIX)
                .rand_bytes(RANDOM)
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(parent)?;
            // Before the lock is taken, another run may have taken the folder for one that was left behind.
            match fs::set_permissions(made.path(), Permissions::from_mode(0o700)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                set => set?,
            }
            let Some(lock) = locked(made.path())? else { continue };
            let path = made.keep();
            unfinished.insert(path.clone());
            return Ok(Self { path, _lock: lock });
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `publish`, which gives names to what lies in the folder; a signal takes effect before it or after it.
    ///
    /// What is left in the folder, and the folder, are removed.
    pub fn publish<T>(self, publish: impl FnOnce(&Path) -> T) -> T {
        let mut unfinished = unfinished();
        let published = publish(&self.path);
        unfinished.remove(&self.path);
        // Most often it was renamed, or is empty.
        let _ = fs::remove_dir_all(&self.path);
        published
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut unfinished = unfinished();
        if unfinished.remove(&self.path) {
            // Nothing can be told from here; what stays is taken away by the next run.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The folder at `path`, locked; `None` where another process holds it or took it away.
///
/// On a file system without locks a folder counts as locked for whoever made it, and is never taken away by others.
fn locked(path: &Path) -> io::Result<Option<File>> {
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        return Ok(None);
    }
    let here = file.metadata()?;
    Ok(match fs::symlink_metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (here.dev(), here.ino()) => Some(file),
        _ => None,
    })
}

fn open(path: &Path) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::DIRECTORY).bits();
    File::options().read(true).custom_flags(flags.cast_signed()).open(path)
}

/// Removes the folders in `place` that a killed run left behind, and returns the names of those that held something.
///
/// An empty one may as well be of a run that has just made it and has not locked it yet: that run makes another one, and
/// nothing was left behind that somebody should hear of.
pub fn sweep(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().filter_map(Result::ok);
    let left = entries.filter(|entry| is_ours(&entry.file_name().to_string_lossy())).filter(|entry| {
        let Ok(folder) = open(&entry.path()) else { return false };
        // Held to the end of the removal: a run that has just made the folder finds it taken and makes another one.
        folder.try_lock().is_ok()
            && fs::remove_dir(entry.path()).is_err()
            && fs::remove_dir_all(entry.path()).is_ok()
    });
    left.map(|entry| entry.path()).collect()
}

fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == RANDOM && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// From now on, an interrupt, a hang-up and a request to terminate remove every unfinished folder first.
pub fn remove_when_stopped() -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    // Who started us with `nohup` wants this to stay so.
    let ignored = ignored();
    let wanted: Vec<i32> =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0).collect();
    let mut signals = signal_hook::iterator::Signals::new(wanted)?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            // Never given back, so that the other threads make and publish nothing more.
            let unfinished = unfinished();
            for folder in unfinished.iter() {
                // Another thread may still be writing into it.
                while fs::remove_dir_all(folder)
                    .is_err_and(|error| error.kind() == io::ErrorKind::DirectoryNotEmpty)
                {}
            }
            // Ends as the signal would have ended it, so that a shell sees 130 or 143 and stops too.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

/// The signals that the process was started with ignored, a bit for each from the first on.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
