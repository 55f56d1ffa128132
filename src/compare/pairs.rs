//! Who is who in two exports or packages: people keep their address when their id changes.

use crate::model::{RealmUser, User, UserId};
use std::collections::BTreeMap;

/// For users of the new export that the old one knows by another id: that id.
pub(super) fn users<'a>(
    old: &'a BTreeMap<UserId, User>,
    new: &'a BTreeMap<UserId, User>,
) -> BTreeMap<&'a UserId, &'a UserId> {
    let address = |user: &User| Some(user.email.as_str().to_lowercase());
    by_address(old, new, address)
}

/// The same for the accounts of two realms, by user name.
pub(super) fn accounts<'a>(
    old: &'a BTreeMap<String, RealmUser>,
    new: &'a BTreeMap<String, RealmUser>,
) -> BTreeMap<&'a str, &'a str> {
    let address = |user: &RealmUser| user.email.as_deref().map(str::to_lowercase);
    let pairs = by_address(old, new, address).into_iter();
    pairs.map(|(new, old)| (new.as_str(), old.as_str())).collect()
}

/// Of two that share an address none is taken: they are told as they are.
pub(super) fn by_address<'a, K: Ord, U>(
    old: &'a BTreeMap<K, U>,
    new: &'a BTreeMap<K, U>,
    address: impl Fn(&U) -> Option<String>,
) -> BTreeMap<&'a K, &'a K> {
    let alone = |here: &'a BTreeMap<K, U>, there: &'a BTreeMap<K, U>| {
        let mut found: BTreeMap<String, Option<&'a K>> = BTreeMap::new();
        for (key, user) in here.iter().filter(|(key, _)| !there.contains_key(*key)) {
            if let Some(address) = address(user) {
                found.entry(address).and_modify(|known| *known = None).or_insert(Some(key));
            }
        }
        found
    };
    let (before, after) = (alone(old, new), alone(new, old));
    let pair =
        |(address, key): (&String, &Option<&'a K>)| Some(((*key)?, before.get(address).copied().flatten()?));
    after.iter().filter_map(pair).collect()
}
