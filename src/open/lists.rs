//! The two lists: every file is on exactly one of them, and has the bytes that it says. A kit has the first list alone.

use super::problem::{Problem, Way};
use super::{Contents, Sort};
use crate::model::{Digest, Salt, Word as _};
use crate::pack::names::{self, PERSONAL, SALT, SIGNATURE, SUMS, SUMS_PERSONAL, UNLISTED};
use crate::pack::sums;
use std::collections::BTreeMap;

/// After so many lines that cannot be read, the rest of a list is not looked at.
const MOST_UNREADABLE: usize = 100;

/// What the lists say: digest by path.
pub(super) type List = BTreeMap<String, Digest>;

/// Both lists.
pub(super) struct Lists {
    /// Clear files.
    pub(super) clear: List,
    /// Personal files.
    pub(super) personal: List,
    /// Whether both were there and every line could be read; else what is not on them says nothing.
    pub(super) complete: bool,
}

/// The ways in which one list can be wrong.
struct Ways {
    name: &'static str,
    absent: Way,
    line: Way,
    order: Way,
    reserved: Way,
    missing: Way,
    changed: Way,
}

const CLEAR: Ways = Ways {
    name: SUMS,
    absent: Way::SumsMissing,
    line: Way::SumsLine,
    order: Way::SumsOrder,
    reserved: Way::SumsReserved,
    missing: Way::FileMissing,
    changed: Way::FileChanged,
};

const OF_PERSONS: Ways = Ways {
    name: SUMS_PERSONAL,
    absent: Way::PersonalSumsMissing,
    line: Way::PersonalLine,
    order: Way::PersonalOrder,
    reserved: Way::PersonalReserved,
    missing: Way::PersonalMissing,
    changed: Way::PersonalChanged,
};

/// Reads both lists and compares every file with them.
pub(super) fn judge(contents: &Contents, sort: Sort, problems: &mut Vec<Problem>) -> Lists {
    let items = &contents.items;
    if !items.contains_key(SIGNATURE) {
        let message = "is missing: nothing is signed, and sums alone do not show who made it";
        problems.push(Way::SignatureMissing.at(SIGNATURE, message));
    }
    let (clear, clear_complete) = list(&CLEAR, &List::new(), contents, problems);
    let (personal, personal_complete) = match sort {
        Sort::Package => list(&OF_PERSONS, &clear, contents, problems),
        Sort::Kit => (List::new(), true),
    };
    if clear_complete && sort == Sort::Package {
        pointer(&clear, contents, problems);
    }
    if personal_complete && sort == Sort::Package {
        salt(&personal, contents, problems);
    }
    let complete = clear_complete && personal_complete;
    let unlisted: &[&str] = match sort {
        Sort::Package => &UNLISTED,
        Sort::Kit => &[SUMS, SIGNATURE],
    };
    let listed =
        |path: &str| clear.contains_key(path) || personal.contains_key(path) || unlisted.contains(&path);
    for path in items.keys().filter(|path| complete && !listed(path)) {
        problems.push(Way::FileAdded.at(path, "is not listed: it was added after signing"));
    }
    Lists { clear, personal, complete }
}

/// Reads one list and compares the files on it; what stands on `other` may not stand here too. Says as well whether
/// every line could be read.
fn list(ways: &Ways, other: &List, contents: &Contents, problems: &mut Vec<Problem>) -> (List, bool) {
    let mut list = List::new();
    let Some(item) = contents.items.get(ways.name) else {
        problems.push(ways.absent.at(ways.name, "is missing: nothing says which files belong together"));
        return (list, false);
    };
    let mut unreadable = 0;
    let mut previous = "";
    // Without a newline at its end, the last line is none.
    let lines = item.bytes.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n"));
    for (index, line) in lines.enumerate() {
        let read = line
            .and_then(|line| std::str::from_utf8(line).ok())
            .and_then(sums::line)
            .filter(|(_, path)| names::is_plain(path));
        let number = index + 1;
        let Some((digest, path)) = read else {
            let message = format!(
                "line {number} is not 64 small hexadecimal digits, two spaces, a plain name and a newline"
            );
            problems.push(ways.line.at(ways.name, message));
            unreadable += 1;
            if unreadable == MOST_UNREADABLE {
                break;
            }
            continue;
        };
        if path <= previous {
            let message = format!("is out of order or repeated on line {number} of {}", ways.name);
            problems.push(ways.order.at(path, message));
        }
        previous = path;
        if UNLISTED.contains(&path) || other.contains_key(path) {
            problems.push(ways.reserved.at(path, format!("cannot be listed in {}", ways.name)));
        }
        match contents.items.get(path) {
            None => problems.push(ways.missing.at(path, format!("is listed in {}, but missing", ways.name))),
            Some(item) if item.sha256 != digest => {
                let found = item.sha256;
                let message =
                    format!("has other bytes than those that were signed: {found} instead of {digest}");
                problems.push(ways.changed.at(path, message));
            }
            Some(_) => {}
        }
        list.insert(path.to_owned(), digest);
    }
    (list, unreadable == 0)
}

/// `PERSONAL.sha256` binds `SHA256SUMS.personal` to the signature.
fn pointer(clear: &List, contents: &Contents, problems: &mut Vec<Problem>) {
    let listed = clear.contains_key(PERSONAL);
    let Some(pointer) = contents.items.get(PERSONAL).filter(|_| listed) else {
        let message = "is not among the signed files, so personal files are not covered by the signature";
        problems.push(Way::PersonalPointerMissing.at(PERSONAL, message));
        return;
    };
    let read = std::str::from_utf8(&pointer.bytes)
        .ok()
        .and_then(|text| text.strip_suffix('\n'))
        .and_then(sums::line);
    let Some((digest, SUMS_PERSONAL)) = read else {
        problems.push(Way::PersonalPointerForm.at(PERSONAL, "is not one line naming SHA256SUMS.personal"));
        return;
    };
    if contents.items.get(SUMS_PERSONAL).is_some_and(|item| item.sha256 != digest) {
        problems
            .push(Way::PersonalSumsChanged.at(SUMS_PERSONAL, "has other bytes than those that were signed"));
    }
}

fn salt(personal: &List, contents: &Contents, problems: &mut Vec<Problem>) {
    if !personal.contains_key(SALT) {
        let message = "is not listed as personal: digests of personal files could be guessed";
        problems.push(Way::SaltMissing.at(SALT, message));
    }
    let is_salt = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('\n'));
        text.and_then(Salt::parse).is_some()
    };
    if contents.items.get(SALT).is_some_and(|item| !is_salt(&item.bytes)) {
        problems.push(Way::SaltForm.at(SALT, "is not 64 small hexadecimal digits and a newline"));
    }
}
