//! `glass record` and the controller search an operation folder for the same secrets, in the same encodings: `leaks.json` is the table
//! of both, which `tests/controller/test_sensitive.py` reads too.

use crate::phases::Phase;
use crate::support::{Case, recording};
use serde_json::Value;
use std::fs;
use std::path::Path;
use stufpack::model::Secret;
use stufpack::model::leak::Scanner;
use stufpack::record::{self, Error, Glass};

fn table() -> Value {
    serde_json::from_str(include_str!("leaks.json")).unwrap()
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let table = table();
    let scanner = Scanner::new(&[Secret::new("a password", table["value"].as_str().unwrap())]);
    let is_found = |text: &Value| {
        let text = text.as_str().unwrap().as_bytes();
        !scanner.scan(text).is_empty() || scanner.scan_wrapped(text).is_some()
    };
    for (name, text) in table["written"].as_object().unwrap() {
        assert!(is_found(text), "{name}");
    }
    for text in table["not_written"].as_array().unwrap() {
        assert!(!is_found(text), "{text}");
    }
}

/// What tools printed stands in the folder since nobody knew that it was secret; `./migrate` would have refused it.
#[test]
fn a_folder_with_what_terraform_marks_or_an_encoder_wrapped_is_not_recorded() {
    let (case, table) = (Case::new(), table());
    case.init(true);
    let package = case.package(1, None);
    case.record(&package);
    let folder = Phase::finished("deploy").leave(&case, &package);
    let put = |path: &str, text: &str| {
        let path = case.path("state").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (path, document) in table["files"].as_object().unwrap() {
        put(path, &document.to_string());
    }
    put("terraform/terraform.tfstate.backup", "\n");

    let secrets = record::secrets_beside(&folder).unwrap();

    let mut told: Vec<&str> = secrets.iter().map(Secret::expose).collect();
    told.sort_unstable();
    told.dedup();
    let expected: Vec<&str> =
        table["told"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(told, expected);
    put("secrets/mail_password", table["value"].as_str().unwrap());
    for text in [expected[0], table["written"]["base64, wrapped and quoted"].as_str().unwrap()] {
        let line = refused(&case, &folder, text);
        assert_eq!(line, 2, "{text}");
    }
    for broken in ["[]", "{\"resources\":[{}]}", "{\"outputs\":{\"a\":1}}", "{"] {
        put("terraform/terraform.tfstate", broken);
        let why = record::secrets_beside(&folder).unwrap_err().to_string();
        assert!(why.contains("terraform/terraform.tfstate could not be read"), "{why}");
    }
}

/// The line of the log in which a secret is found that stands on the second.
fn refused(case: &Case, folder: &Path, text: &str) -> usize {
    fs::write(folder.join("logs/steps.log"), format!("one\ntwo {text}\n")).unwrap();
    let (signers, key) = (case.signers(), case.customer.signer());
    let secrets = record::secrets_beside(folder).unwrap();
    let glass = Glass::open(&case.glass()).unwrap().lock().unwrap();
    match glass.record_operation(folder, &secrets, &recording(&key, &signers)) {
        Err(Error::Secret { path, line, .. }) if path == "logs/steps.log" => line,
        other => panic!("{text}: {other:?}"),
    }
}
