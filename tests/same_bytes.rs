//! The same input gives the same bytes and permissions, whatever surrounds it.

mod packages;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use stufpack::{open, pack};

const FOLDER: &str = "STUFPACK_TEST_FOLDER";

/// Runs this test again as a program of its own, under other surroundings, and compares what it writes.
#[test]
fn other_time_zone_umask_locale_folder_and_threads_change_nothing() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return write(Path::new(&folder));
    }
    let temp = tempfile::tempdir().expect("a folder");
    let surroundings = [
        ("plain", "umask 022", vec![]),
        ("elsewhere/in a folder", "umask 077", vec![("TZ", "Pacific/Kiritimati"), ("LC_ALL", "C.UTF-8")]),
        (
            "ü",
            "umask 000",
            vec![("TZ", "America/St_Johns"), ("LC_ALL", "tr_TR.UTF-8"), ("RAYON_NUM_THREADS", "1")],
        ),
        (
            "once more",
            "umask 0777",
            vec![("LANG", "de_DE"), ("SOURCE_DATE_EPOCH", "1"), ("RAYON_NUM_THREADS", "7")],
        ),
    ];
    let written: Vec<_> = surroundings
        .iter()
        .map(|(name, umask, environment)| {
            let folder = temp.path().join(name);
            fs::create_dir_all(&folder).expect("made");
            let output = packages::run(
                Command::new("sh")
                    .args(["-c", &format!("{umask}; exec \"$0\" --exact \"$1\" --nocapture")])
                    .arg(std::env::current_exe().expect("this program"))
                    .arg("other_time_zone_umask_locale_folder_and_threads_change_nothing")
                    .current_dir(&folder)
                    .env(FOLDER, &folder)
                    .envs(environment.iter().copied()),
            );
            assert!(output.status.success(), "{name}: {output:?}");
            tree(&folder)
        })
        .collect();

    assert!(written[0].len() > 20, "{:?}", written[0].keys());
    for (other, (name, _, _)) in written.iter().zip(&surroundings).skip(1) {
        assert!(*other == written[0], "{name} differs");
    }
}

fn write(folder: &Path) {
    let package = packages::package();
    let out = folder.join("out");
    let written = pack::write(&package, &packages::signer(packages::KEY), &out, &pack::Output::default());
    let verified =
        open::verify(&written.expect("written").package, None, &packages::trust()).expect("verified");
    open::unpack(&verified, &folder.join("unpacked")).expect("unpacked");
}

/// Every file and folder below `root`: permissions and bytes.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    walkdir::WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .map(|entry| {
            let entry = entry.expect("an entry");
            let bytes = entry.file_type().is_file().then(|| fs::read(entry.path()).expect("read"));
            let mode = entry.metadata().expect("metadata").permissions().mode();
            (entry.path().strip_prefix(root).expect("below").to_owned(), (mode, bytes))
        })
        .collect()
}
