//! A package, and what is unpacked from one, appears whole or not at all.

mod packages;

use std::fs;
use std::path::Path;
use std::process::Command;
use stufpack::open::{self, Form};
use stufpack::pack;

const FOLDER: &str = "STUFPACK_TEST_FOLDER";

/// Runs this test again as a program that may write no file above 1 KiB, as on a full disk.
#[test]
fn a_full_disk_leaves_nothing_behind() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return fail_to_write(Path::new(&folder));
    }
    let temp = tempfile::tempdir().expect("a folder");
    fs::create_dir(temp.path().join("there")).expect("made");
    let output = packages::run(
        Command::new("bash")
            .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" --exact \"$1\" --nocapture"])
            .arg(std::env::current_exe().expect("this program"))
            .arg("a_full_disk_leaves_nothing_behind")
            .env(FOLDER, temp.path()),
    );
    assert!(output.status.success(), "{output:?}");
    let left: Vec<_> = walkdir::WalkDir::new(temp.path())
        .min_depth(1)
        .into_iter()
        .map(|entry| entry.expect("an entry").path().to_owned())
        .collect();
    assert_eq!(left, [temp.path().join("there")]);
}

fn fail_to_write(folder: &Path) {
    let package = packages::package();
    let signer = packages::signer(packages::KEY);
    for out in ["new", "there"] {
        let written = pack::write(&package, &signer, &folder.join(out), &pack::Output::default());
        assert!(matches!(written, Err(pack::Error::Io { .. })), "{written:?}");
    }
    let verified = open::verify_zip(Form::Zip, &package.zip(), &packages::trust()).expect("verified");
    for out in ["unpacked", "there"] {
        let unpacked = open::unpack(&verified, &folder.join(out));
        assert!(matches!(unpacked, Err(open::Error::Write { .. })), "{unpacked:?}");
    }
}

/// Nothing is written through a link, into a file, or beside what is there.
#[test]
fn only_a_missing_or_empty_folder_is_filled() {
    let temp = tempfile::tempdir().expect("a folder");
    let verified =
        open::verify_zip(Form::Zip, &packages::package().zip(), &packages::trust()).expect("verified");
    let path = |name: &str| temp.path().join(name);
    for folder in ["empty", "behind", "full"] {
        fs::create_dir(path(folder)).expect("made");
    }
    fs::write(path("full/note"), "mine").expect("written");
    fs::write(path("file"), "mine").expect("written");
    std::os::unix::fs::symlink(path("behind"), path("link")).expect("a link");

    for refused in ["full", "file", "link"] {
        let unpacked = open::unpack(&verified, &path(refused));
        assert!(matches!(unpacked, Err(open::Error::Exists { .. })), "{refused}: {unpacked:?}");
    }
    open::unpack(&verified, &path("empty")).expect("unpacked");

    assert_eq!(fs::read(path("full/note")).expect("read"), b"mine");
    assert_eq!(fs::read_dir(path("behind")).expect("read").count(), 0);
    assert!(path("empty/migrate").is_file());
    let hidden = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    assert!(!fs::read_dir(temp.path()).expect("read").any(|entry| hidden(entry.expect("an entry"))));
}
