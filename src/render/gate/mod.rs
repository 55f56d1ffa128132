//! The gate that every rendered byte passes before it is packed: no secret anywhere, no personal datum outside (P) files.

mod addresses;
mod phones;

use super::Error;
use crate::model::leak::{Hit, Scanner};
use crate::model::{Checked, Files, Kind, Target, Tls};
use addresses::Addresses;
use phones::Phones;
use rayon::prelude::*;
use std::cmp::Reverse;

/// Something that stands in a rendered file and must not.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Leak {
    /// Path inside the package.
    pub path: String,
    /// What it is, such as `client secret`; never the value.
    pub what: String,
}

/// Searches every data file and document; code is the same for everyone and holds no value.
///
/// The batch lists are compressed: their lines pass [`secrets`] as they are written.
pub(super) fn pass(files: &Files, checked: &Checked) -> Result<(), Error> {
    let mut made: Vec<_> = files.iter().filter(|(_, file)| file.kind != Kind::Code).collect();
    // Whoever is free takes a single one, the longest first, so that nobody waits for it at the end.
    made.sort_by_key(|(_, file)| Reverse(file.bytes.len()));
    let made = || made.par_iter().with_max_len(1).copied();
    let found = || -> Vec<Leak> {
        made().flat_map_iter(|(path, file)| secrets(&checked.secrets, path, &file.bytes)).collect()
    };
    let persons = || -> Vec<Leak> {
        let (addresses, phones) = people(checked);
        made()
            .filter(|(_, file)| !file.personal)
            .filter_map(|(path, file)| {
                let what = if addresses.stand_in(&file.bytes) {
                    "a user's e-mail address"
                } else if phones.stand_in(&file.bytes) {
                    "a user's phone number"
                } else {
                    return None;
                };
                Some(Leak { path: path.clone(), what: what.to_owned() })
            })
            .collect()
    };
    let in_order = |mut leaks: Vec<Leak>| {
        leaks.sort_by(|a, b| a.path.cmp(&b.path));
        leaks
    };
    match rayon::join(found, persons) {
        (secrets, _) if !secrets.is_empty() => Err(Error::Secret(in_order(secrets))),
        (_, persons) if !persons.is_empty() => Err(Error::Personal(in_order(persons))),
        _ => Ok(()),
    }
}

/// The secrets that stand in the text of the file `path`.
pub(super) fn secrets(scanner: &Scanner, path: &str, text: &[u8]) -> impl Iterator<Item = Leak> {
    let what = |hit: Hit| format!("{} ({})", hit.kind, hit.encoding);
    scanner.scan(text).into_iter().map(move |hit| Leak { path: path.to_owned(), what: what(hit) })
}

/// What names the users of export and realm.
fn people(checked: &Checked) -> (Addresses, Phones) {
    let named = named_in_clear(checked);
    let users = &checked.export.users;
    let emails = users.values().map(|user| user.email.as_str());
    let known = checked.realm.users.values().filter_map(|user| user.email.as_deref());
    let wanted =
        emails.chain(known).filter(|email| !named.iter().any(|other| other.eq_ignore_ascii_case(email)));
    let phones = users.values().filter_map(|user| user.phone.as_ref()).map(|phone| phone.as_str());
    (Addresses::new(wanted, named.iter().map(String::as_str)), Phones::new(phones))
}

/// Addresses of who acts, which stand in clear though a user may have the same: those that the target names, and the
/// bot's that writes to Zulip.
fn named_in_clear(checked: &Checked) -> Vec<String> {
    let Target { tls, mail, place, .. } = &checked.target;
    let mut named = Vec::new();
    if let Tls::Acme { email, .. } = tls {
        named.push(email.to_string());
    }
    if let Some(mail) = mail {
        named.push(mail.from.to_string());
        named.extend(mail.user.iter().map(ToString::to_string).filter(|user| user.contains('@')));
    }
    named.extend(place.named());
    named.extend(checked.export.notifications.zulip.iter().map(|zulip| zulip.bot_email.to_string()));
    named
}
