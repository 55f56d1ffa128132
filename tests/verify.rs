//! Every way of being wrong is found, named by file, and seen by stock tools or named in `VERIFY.txt` as invisible to them.

mod corpus;
mod packages;

use corpus::raw_zip::RawZip;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use stufpack::open::Way;

#[test]
fn each_case_is_found_as_described() {
    corpus::stock::require_tools();
    let failures: Vec<String> = corpus::cases().par_iter().filter_map(|case| case.run().err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// No two cases are caught by one line of ours: each way has a code of its own and stands in one place.
#[test]
fn each_way_of_being_wrong_has_one_case() {
    let mut cases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for case in corpus::cases() {
        let code = case.description.expect[0].split(' ').next().unwrap_or_default().to_owned();
        cases.entry(code).or_default().push(case.name);
    }
    let ways: BTreeSet<String> = Way::ALL.iter().map(|way| way.code().0.to_owned()).collect();
    let twice: Vec<_> = cases.values().filter(|names| names.len() > 1).collect();
    assert!(twice.is_empty(), "caught by one line of ours: {twice:?}");
    assert_eq!(cases.into_keys().collect::<BTreeSet<_>>(), ways);
    assert!(ways.len() >= 40);
}

/// The cases start from a right package: what the tests write without a change is what `seal` wrote.
#[test]
fn without_a_change_everyone_agrees_that_all_is_well() {
    corpus::stock::require_tools();
    let package = packages::package();
    let mut subject = corpus::change::Subject::new(&package);
    assert!(RawZip::canonical(&subject.top, &subject.tree).bytes() == package.zip());

    let temp = tempfile::tempdir().expect("a folder");
    let (signers, identity) = (temp.path().join("signers"), temp.path().join("identity"));
    std::fs::write(&signers, packages::signers_text()).expect("written");
    std::fs::write(temp.path().join(format!("{}.zip", package.name())), subject.bytes()).expect("written");
    let place = corpus::stock::Place {
        folder: temp.path(),
        signers: &signers,
        revoked: None,
        identity: &identity,
        unpacked: None,
    };
    let page = stufpack::pack::verify_text(&package, &packages::signer(packages::KEY), false);
    assert_eq!(corpus::stock::judge(&page, &place), corpus::stock::Verdict::Passes);
}
