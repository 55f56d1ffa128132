//! The bill of materials says what the package names, and has the same bytes each time.
//!
//! `tools/judges/bill.py` holds it to CycloneDX's own schema, and to the images and wheels of a whole package.

#[path = "plan/fixture.rs"]
mod fixture;

use fixture::{example, harbour, least};
use serde_json::Value;
use std::collections::BTreeSet;
use stufpack::model::Checked;
use stufpack::plan::{self, COLLECTIONS, Numbering};
use stufpack::render;

const BILL: &str = "bill-of-materials.cdx.json";

fn bytes(checked: &Checked, number: u64) -> Vec<u8> {
    let plan = plan::compile(checked, &Numbering { package: number });
    render::files(&plan, checked).expect("it renders")[BILL].bytes.to_vec()
}

fn bill(checked: &Checked) -> Value {
    serde_json::from_slice(&bytes(checked, 7)).expect("JSON")
}

/// `bom-ref` of each component, the inner ones too.
fn names(components: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for component in components.as_array().into_iter().flatten() {
        assert!(names.insert(component["bom-ref"].as_str().expect("a name").to_owned()), "{component}");
        names.append(&mut self::names(&component["components"]));
    }
    names
}

#[test]
fn it_names_every_image_wheel_collection_and_tool() {
    for checked in [harbour(), least(), example("acme")] {
        let bill = bill(&checked);
        let list = stufpack::embedded::text("infrastructure/controller/requirements.txt").expect("the list");
        let wheels =
            list.lines().filter_map(|line| line.split_once("==")).map(|(name, _)| format!("wheel:{name}"));
        let plan = plan::compile(&checked, &Numbering { package: 7 });
        let images = plan.facts.images.keys().map(|service| format!("image:{service}"));
        let expected: BTreeSet<String> = images
            .chain(wheels)
            .chain(COLLECTIONS.iter().map(|(name, _)| format!("collection:{name}")))
            .chain(plan.tools().iter().map(|(name, _)| format!("tool:{name}")))
            .chain(plan.facts.site.made.iter().map(|_| "terraform-provider:hashicorp/aws".to_owned()))
            .collect();

        assert_eq!(names(&bill["components"]), expected);
        for component in bill["components"].as_array().expect("components") {
            let is_tool = component["bom-ref"].as_str().is_some_and(|name| name.starts_with("tool:"));
            assert_eq!(component["hashes"][0]["content"].is_string(), !is_tool, "{component}");
        }
        assert_eq!(bill["metadata"]["tools"]["components"][0]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(bill["metadata"]["component"]["version"], "7");
    }
}

/// No clock and no chance: its time is the export's, its serial number follows from what it says.
#[test]
fn the_same_package_has_the_same_bill_and_another_has_another_serial_number() {
    assert_eq!(bytes(&harbour(), 7), bytes(&harbour(), 7));
    let serial = |number| -> String {
        let bill: Value = serde_json::from_slice(&bytes(&harbour(), number)).expect("JSON");
        assert_eq!(bill["metadata"]["timestamp"], "2026-11-19T21:04:00Z");
        bill["serialNumber"].as_str().expect("a serial number").to_owned()
    };
    let (seven, eight) = (serial(7), serial(8));
    assert_ne!(seven, eight);
    for serial in [seven, eight] {
        let groups: Vec<&str> = serial.strip_prefix("urn:uuid:").expect(&serial).split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{serial}");
        assert!(groups[2].starts_with('8') && groups[3].starts_with(['8', '9', 'a', 'b']), "{serial}");
    }
}

/// Free texts of the export, the project's name above all, have no place in it.
#[test]
fn no_free_text_of_the_export_stands_in_it() {
    let text = String::from_utf8(bytes(&harbour(), 7)).expect("UTF-8");
    assert!(!text.contains("Hafen") && !text.contains("@harbour.example"), "{text}");
}
