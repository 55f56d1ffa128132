//! The examples pass every check, with the warnings that their comments speak of.

use std::path::Path;
use stufpack::{check, read};

fn warnings(name: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let source =
        read::source(&root.join("export"), Some(&root.join("target.yaml"))).expect("the example can be read");
    match check::all(source) {
        Ok(checked) => checked.warnings.iter().map(|finding| finding.code.0.to_owned()).collect(),
        Err(findings) => panic!("{findings:#?}"),
    }
}

#[test]
fn the_smallest_example_passes() {
    assert_eq!(warnings("minimal"), [""; 0]);
}

#[test]
fn the_whole_example_passes() {
    assert_eq!(warnings("harbour"), ["sentry.dsn", "exposure.origins", "exposure.factors"]);
}
