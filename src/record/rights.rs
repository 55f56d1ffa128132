//! Who may read and write what is written into a repository: whom git would let.

use git2::Repository;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What `core.sharedRepository` adds to what the umask leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// Nothing: the umask alone decides about others.
    Umask,
    /// These bits too.
    AtLeast(u32),
    /// These bits and no others.
    Exactly(u32),
}

impl Rights {
    /// What the repository is set up for.
    pub fn of(repository: &Repository) -> Self {
        let text = repository.config().and_then(|config| config.get_string("core.sharedRepository"));
        text.map_or(Self::Umask, |text| Self::parse(&text))
    }

    /// Reads a value as git does: words, the numbers of old versions, or a mode in octal.
    fn parse(text: &str) -> Self {
        match (text.to_ascii_lowercase().as_str(), u32::from_str_radix(text, 8)) {
            ("group" | "true" | "yes" | "on", _) | (_, Ok(1)) => Self::AtLeast(0o660),
            ("all" | "world" | "everybody", _) | (_, Ok(2)) => Self::AtLeast(0o664),
            (_, Ok(mode)) if mode & 0o600 == 0o600 => Self::Exactly(mode & 0o666),
            _ => Self::Umask,
        }
    }

    /// The mode of a file that the umask left with `mode`.
    fn mode(self, mode: u32) -> u32 {
        // What nobody may write (a pack) stays so.
        let kept = |bits: u32| if mode & 0o200 == 0 { bits & !0o222 } else { bits };
        match self {
            Self::Umask => mode,
            Self::AtLeast(bits) => mode | kept(bits),
            Self::Exactly(bits) => mode & !0o777 | kept(bits),
        }
    }

    /// Gives them to a file that was made with the bits `made`.
    ///
    /// Its owner gets these bits whatever the umask: what nobody can read again is lost.
    pub fn give(self, file: &File, made: u32) -> io::Result<()> {
        let is = file.metadata()?.permissions().mode() & 0o7777;
        let mode = self.mode(is | made & 0o600);
        if mode == is { Ok(()) } else { file.set_permissions(Permissions::from_mode(mode)) }
    }

    /// Gives them to a file of the repository that libgit2 made, which asks the umask alone.
    ///
    /// A file of somebody else stays as it is: its owner saw to it.
    pub fn give_at(self, path: &Path) {
        let Ok(about) = fs::symlink_metadata(path) else { return };
        let is = about.permissions().mode() & 0o7777;
        let mode = self.mode(is | 0o600);
        if about.is_file() && mode != is {
            let _ = fs::set_permissions(path, Permissions::from_mode(mode));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_means_what_it_means_to_git() {
        for (text, pack, branch) in [
            ("umask", 0o400, 0o600),
            ("false", 0o400, 0o600),
            ("0", 0o400, 0o600),
            ("group", 0o440, 0o660),
            ("True", 0o440, 0o660),
            ("1", 0o440, 0o660),
            ("all", 0o444, 0o664),
            ("2", 0o444, 0o664),
            ("0640", 0o440, 0o640),
            ("0444", 0o400, 0o600),
            ("nonsense", 0o400, 0o600),
        ] {
            let rights = Rights::parse(text);
            assert_eq!((rights.mode(0o400), rights.mode(0o600)), (pack, branch), "{text}");
        }
        assert_eq!(Rights::parse("0600").mode(0o444), 0o400);
    }
}
