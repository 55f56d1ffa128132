//! What a plan promises: complete steps, honest figures, a whole ledger, no personal data, the same bytes each time.

mod figures;
mod fixture;
mod ledger;
mod schema;
mod steps;

use fixture::{harbour, least};
use stufpack::model::Checked;
use stufpack::plan::{self, Numbering, Plan};

fn compile(checked: &Checked) -> Plan {
    plan::compile(checked, &Numbering { package: 7 })
}

fn json(plan: &Plan) -> serde_json::Value {
    let bytes = plan.json().expect("the plan is JSON");
    serde_json::from_slice(&bytes).expect("it reads back")
}

#[test]
fn the_same_input_gives_the_same_plan() {
    assert_eq!(compile(&harbour()).json().expect("JSON"), compile(&harbour()).json().expect("JSON"));
}

#[test]
fn the_published_schema_is_current_and_holds_for_every_plan() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/plan.json");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        std::fs::write(path, plan::schema()).expect("written");
    }
    let published = std::fs::read_to_string(path).expect("schemas/plan.json");
    assert_eq!(published, plan::schema(), "STUFPACK_BLESS=1 rewrites it");

    let schema = serde_json::from_str(&published).expect("JSON");
    for checked in [harbour(), least(), fixture::example("harbour"), fixture::example("minimal")] {
        assert_eq!(schema::problems(&schema, &json(&compile(&checked))), Vec::<String>::new());
    }
    let mut wrong = json(&compile(&least()));
    wrong["plan"]["shoe_size"] = 42.into();
    wrong["phases"][0]["steps"][0]["undo"] = "never".into();
    assert_eq!(schema::problems(&schema, &wrong).len(), 2);
}

#[test]
fn no_secret_stands_in_plan_or_ledger() {
    let plan = compile(&harbour());
    let all = json(&plan).to_string() + &serde_json::to_string(&plan.ledger).expect("JSON");

    for secret in ["not-a-real-key", "not-a-real-secret"] {
        assert!(!all.contains(secret));
    }
}
