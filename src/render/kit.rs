//! The files of the source kit: the same for everyone, so there is nothing to render.

use crate::embedded::{CODE, Embedded, KIT};
use crate::model::{File, Files};

/// What a package ships too: the program that reads an installation, how its requests are signed, and what it takes for an answer.
const SHARED: [(&str, &str); 3] = [
    ("infrastructure/ansible/roles/export/files/", "program/"),
    ("infrastructure/ansible/module_utils/stufpack_signature.py", "program/stufpack_signature.py"),
    ("infrastructure/ansible/module_utils/stufpack_answers.py", "program/stufpack_answers.py"),
];

/// Every file of the source kit that sealing does not make, by its path there.
pub fn source_kit() -> Files {
    let own = KIT.iter().filter_map(|file| moved(file, "kit/source/", ""));
    let shared = SHARED.iter().flat_map(|(from, to)| CODE.iter().filter_map(|file| moved(file, from, to)));
    own.chain(shared).collect()
}

fn moved(file: &'static Embedded, from: &str, to: &str) -> Option<(String, File)> {
    file.path.strip_prefix(from).map(|rest| (format!("{to}{rest}"), file.file()))
}
