//! The two lists: every file is on exactly one of them, and has the bytes that it says.

use super::Contents;
use super::problem::{Problem, Way};
use crate::model::{Digest, Salt, Word as _};
use crate::pack::names::{self, PERSONAL, SALT, SIGNATURE, SUMS, SUMS_PERSONAL, UNLISTED};
use crate::pack::sums;
use std::collections::BTreeMap;

/// What the lists say: digest by path.
pub(super) type List = BTreeMap<String, Digest>;

/// The ways in which one list can be wrong.
struct Ways {
    line: Way,
    order: Way,
    reserved: Way,
    missing: Way,
    changed: Way,
}

/// Reads both lists, compares every file with them, and returns the clear and the personal list.
pub(super) fn judge(contents: &Contents, problems: &mut Vec<Problem>) -> (List, List) {
    let items = &contents.items;
    if !items.contains_key(SIGNATURE) {
        let message = "is missing: the package is not signed, and sums alone do not show who made it";
        problems.push(Way::SignatureMissing.at(SIGNATURE, message));
    }
    let clear = match items.get(SUMS) {
        Some(item) => {
            let ways = Ways {
                line: Way::SumsLine,
                order: Way::SumsOrder,
                reserved: Way::SumsReserved,
                missing: Way::FileMissing,
                changed: Way::FileChanged,
            };
            list(SUMS, &item.bytes, &ways, &List::new(), contents, problems)
        }
        None => {
            problems.push(
                Way::SumsMissing.at(SUMS, "is missing: nothing says which files belong to the package"),
            );
            List::new()
        }
    };
    pointer(&clear, contents, problems);
    let personal = match items.get(SUMS_PERSONAL) {
        Some(item) => {
            let ways = Ways {
                line: Way::PersonalLine,
                order: Way::PersonalOrder,
                reserved: Way::PersonalReserved,
                missing: Way::PersonalMissing,
                changed: Way::PersonalChanged,
            };
            list(SUMS_PERSONAL, &item.bytes, &ways, &clear, contents, problems)
        }
        None => {
            problems.push(
                Way::PersonalSumsMissing.at(SUMS_PERSONAL, "is missing: personal files cannot be verified"),
            );
            List::new()
        }
    };
    salt(&personal, contents, problems);
    for path in items.keys() {
        let listed =
            clear.contains_key(path) || personal.contains_key(path) || UNLISTED.contains(&path.as_str());
        if !listed {
            problems.push(Way::FileAdded.at(path, "is not listed: it was added after signing"));
        }
    }
    (clear, personal)
}

/// Reads one list and compares the files on it; what stands on `other` may not stand here too.
fn list(
    name: &str,
    text: &[u8],
    ways: &Ways,
    other: &List,
    contents: &Contents,
    problems: &mut Vec<Problem>,
) -> List {
    let mut list = List::new();
    let mut previous = String::new();
    let complete = text.is_empty() || text.ends_with(b"\n");
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let read =
            std::str::from_utf8(line).ok().and_then(sums::line).filter(|(_, path)| names::is_plain(path));
        let Some((digest, path)) = read else {
            let message =
                format!("line {} is not 64 small hexadecimal digits, two spaces and a plain name", index + 1);
            problems.push(ways.line.at(name, message));
            continue;
        };
        if path <= previous.as_str() {
            problems.push(
                ways.order.at(path, format!("is out of order or repeated on line {} of {name}", index + 1)),
            );
        }
        path.clone_into(&mut previous);
        if UNLISTED.contains(&path) || other.contains_key(path) {
            problems.push(ways.reserved.at(path, format!("cannot be listed in {name}")));
        }
        match contents.items.get(path) {
            None => problems.push(ways.missing.at(path, format!("is listed in {name}, but missing"))),
            Some(item) if item.sha256 != digest => {
                let message = format!(
                    "has other bytes than those that were signed: {} instead of {digest}",
                    item.sha256
                );
                problems.push(ways.changed.at(path, message));
            }
            Some(_) => {}
        }
        list.insert(path.to_owned(), digest);
    }
    if !complete {
        problems.push(ways.line.at(name, "the last line has no end"));
    }
    list
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
