//! Every kind of finding, each shown by a case: a change of `examples/minimal`, and everything that is told about it.
//!
//! `STUFPACK_BLESS=1 cargo test --test check` rewrites the expectations; read the difference before it is committed.

mod cases;

use cases::Case;
use std::collections::{BTreeMap, BTreeSet};
use stufpack::check::CODES;

#[test]
fn each_case_is_told_as_expected() {
    let failures: Vec<String> = cases::all().iter().filter_map(|case| case.run().err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The program itself: exit 3 for what is wrong, 5 for what is refused, and nothing is written.
#[test]
fn the_program_tells_the_same_and_writes_nothing() {
    let program = env!("CARGO_BIN_EXE_stufpack");
    let failures: Vec<String> =
        cases::all().iter().filter_map(|case| case.run_program(program).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Whatever is wrong with an export, comparing it ends with what was found or with a comparison, on either side.
#[test]
fn no_input_stops_a_comparison_with_a_defect() {
    let program = env!("CARGO_BIN_EXE_stufpack");
    let failures: Vec<String> = cases::all().iter().filter_map(|case| case.run_diff(program).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// A code without a case is a promise that nobody checks, and a case without a code is not documented.
#[test]
fn every_code_has_a_case() {
    let told: BTreeSet<String> = cases::all().iter().flat_map(Case::expected_codes).collect();
    let known: BTreeSet<String> = CODES.iter().map(|info| info.code.0.to_owned()).collect();
    let untold: Vec<_> = known.difference(&told).collect();
    let unknown: Vec<_> = told.difference(&known).collect();
    assert!(untold.is_empty(), "codes without a case: {untold:?}");
    assert!(unknown.is_empty(), "codes that are not in the table: {unknown:?}");
    assert_eq!(known.len(), CODES.len(), "a code stands in the table twice");
}

#[test]
fn there_are_enough_cases_of_each_kind() {
    let cases = cases::all();
    let between: BTreeMap<_, _> = cases
        .iter()
        .filter(|case| !case.between().is_empty())
        .map(|case| (case.between().join(" "), &case.name))
        .collect();
    let several = cases.iter().filter(|case| case.expected_codes().len() >= 3).count();
    assert!(between.len() >= 30, "cases that look across different fields: {}", between.len());
    assert!(several >= 20, "cases with three findings and more: {several}");
}

/// What is told says where, what is right, and what to do; and every code says what it means.
#[test]
fn every_finding_is_complete() {
    for info in CODES {
        assert!(info.meaning.ends_with('.'), "{}", info.code.0);
        assert!(!info.fix.is_empty() && !info.fix.ends_with('.'), "{}", info.code.0);
    }
    for case in cases::all() {
        for finding in case.findings().expect("the case can be made") {
            assert!(
                !finding.message.is_empty() && !finding.expected.is_empty(),
                "{}: {finding:?}",
                case.name
            );
            assert!(
                !finding.message.contains('\n') && !finding.next.is_empty(),
                "{}: {finding:?}",
                case.name
            );
        }
    }
}
