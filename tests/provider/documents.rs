//! What the documents of a package say where a choice of the target makes something else true.

use super::fixture::harbour;
use super::{acmes, compile, files, json, text};
use stufpack::model::{Checked, Cidr, Files, Place, Word};
use stufpack::plan::Plan;

/// The rules before the machine know the networks too, so port 80 is no more open than the pages; a machine of one's own has no such
/// rules, and its proxy refuses.
#[test]
fn whom_port_80_answers_is_told_as_it_is() {
    let row = |files: &Files, port: &str| -> String {
        let begins = format!("| {port} | ");
        let row = text(files, "docs/security.md").lines().find(|line| line.starts_with(&begins));
        row.and_then(|row| row.rsplit("| ").next()).expect("the row").to_owned()
    };
    let [open, listed] = acmes().map(|checked| files(&checked));
    assert_eq!((row(&open, "80"), row(&open, "443")), ("everyone |".into(), "everyone |".into()));
    assert_eq!(
        row(&listed, "80"),
        "`198.51.100.0/24`, `192.0.2.0/24`, `2001:db8:17::/48`, `2001:db8:18::/48` |"
    );
    assert_eq!(row(&listed, "80"), row(&listed, "443"));
    let mut own = harbour();
    own.target.allow.web = vec![Cidr::parse("192.0.2.0/24").expect("a network")];
    let own = files(&own);
    assert_eq!((row(&own, "80"), row(&own, "443")), ("everyone |".into(), "`192.0.2.0/24` |".into()));

    // An authority of one's own may be in such a network.
    let [mut within, _] = acmes();
    within.target.allow.web = vec![Cidr::parse("192.0.2.0/24").expect("a network")];
    let within = files(&within);
    assert!(
        text(&within, "README.md").contains("Ports 80 and 443 answer the networks of docs/security.md alone")
    );
    assert!(text(&open, "README.md").contains("Ports 80 and 443 must be reachable from outside."));
}

/// Whichever way leads to the machine, it can be made anew, and what people type for its storage is among what they need.
#[test]
fn a_machine_without_sessions_is_made_anew_by_the_same_commands() {
    for checked in acmes() {
        let files = files(&checked);
        assert!(compile(&checked).tools().contains(&("aws", ">= 2.0")));
        assert!(text(&files, "docs/operations.md").contains("\nterraform taint aws_instance.server\n"));
        let page = text(&files, "README.md").replace('\\', "");
        assert!(page.contains("terraform >= 1.11, aws >= 2.0, "), "{page}");
    }
}

/// RDS takes longer than the machine does, and the plan reckons with it.
#[test]
fn making_a_database_takes_its_time() {
    let [without, with] = acmes().map(|checked| compile(&checked));
    let takes = |plan: &Plan| {
        let step = plan.steps().find(|step| step.id == "provision/apply-plan").expect("the step");
        (step.estimate.seconds, step.estimate.formula.clone())
    };
    assert_eq!(takes(&without), (300, "a new machine; most of it is waiting for the provider".to_owned()));
    let database = "a new machine and a new database; most of it is waiting for the database";
    assert_eq!(takes(&with), (1_200, database.to_owned()));
    let mut alone = acmes().into_iter().next_back().expect("a target");
    if let Place::Aws(options) = &mut alone.target.place
        && let Some(database) = &mut options.database
    {
        database.standby = false;
    }
    assert_eq!(takes(&compile(&alone)), (900, database.to_owned()));
}

/// Nobody is told to change by hand what Terraform would put back.
#[test]
fn a_record_of_terraforms_is_left_to_it() {
    let [by_hand, by_terraform] = acmes().map(|checked| files(&checked));
    let first = |files: &Files| {
        let lines = text(files, "MIGRATION-PLAN.md").lines().take_while(|line| !line.starts_with("## "));
        lines.collect::<Vec<_>>().join("\n").replace('\\', "")
    };
    let lowered =
        "be able to change the record of files.acme.example and lower its lifetime to 300 s, a day ahead";
    assert!(first(&by_hand).contains(lowered), "{}", first(&by_hand));
    let left = "leave the record of files.staging.acme.example to Terraform, which sets it by provision, with a lifetime of 120 s";
    assert!(first(&by_terraform).contains(left), "{}", first(&by_terraform));
    let step =
        |files: &Files| text(files, "MIGRATION-PLAN.json").contains("At your name provider, set the record");
    assert_eq!((step(&by_hand), step(&by_terraform)), (true, false));
    let instead = |files: &Files, id: &str| {
        let plan = json(files, "MIGRATION-PLAN.json");
        let phases = plan["phases"].as_array().expect("phases");
        let mut steps = phases.iter().flat_map(|phase| phase["steps"].as_array().expect("steps"));
        steps.find(|step| step["id"] == id).expect("the step")["instead"]["by_hand"].clone()
    };
    let [hand, terraform] = ["files.acme.example", "files.staging.acme.example"]
        .map(|name| format!("dig +noall +answer {name} A {name} AAAA"));
    for (files, command, text) in [
        (&by_hand, hand, "Put back the records that you wrote down, at your name provider."),
        (
            &by_terraform,
            terraform,
            "Put back what you removed beside Terraform's record, such as an AAAA record, as you wrote it down. Leave the A record of files.staging.acme.example to Terraform, which has set it where none was, and would set it again by provision.",
        ),
    ] {
        let back = serde_json::json!({"text": text, "command": command});
        assert_eq!(instead(files, "rollback/restore-address"), back);
        // What is put back was told by the same command before.
        assert_eq!(instead(files, "cutover/save-routing")["command"], command);
    }

    let [_, mut long] = acmes();
    if let Place::Aws(options) = &mut long.target.place {
        options.dns_ttl_seconds = 3_600;
    }
    assert!(
        first(&self::files(&long)).contains("have its lifetime lowered from 3600 s to 300 s a day ahead")
    );
}

/// Protection and the name of the last snapshot are in the way, the second one each time but the first.
#[test]
fn what_keeps_a_database_from_being_deleted_is_ended_by_commands() {
    let [without, with] = acmes().map(|checked| files(&checked));
    let told = text(&with, "docs/operations.md");
    let block = [
        "```bash",
        "aws rds modify-db-instance --region eu-west-1 --db-instance-identifier stuf-acme-staging-identity --no-deletion-protection --apply-immediately",
        "aws rds describe-db-snapshots --region eu-west-1 --db-instance-identifier stuf-acme-staging-identity --snapshot-type manual --query 'DBSnapshots[].[DBSnapshotIdentifier,SnapshotCreateTime]' --output text",
        "aws rds delete-db-snapshot --region eu-west-1 --db-snapshot-identifier SNAPSHOT",
        "```",
    ];
    assert!(told.contains(&format!("   {}", block.join("\n   "))), "{told}");
    assert!(!text(&without, "docs/operations.md").contains("aws rds"));
    // In the order in which each can be done: a plan fails at what is protected, and so does a deletion at what is not empty.
    for (files, commands) in [
        (
            &with,
            &["database.tf", "plan -destroy", "delete-objects", "modify-db-instance", "terraform destroy"][..],
        ),
        (&without, &["storage.tf", "plan -destroy", "delete-objects", "terraform destroy"][..]),
    ] {
        let (_, down) = text(files, "docs/operations.md").split_once("## Taking it down").expect("a chapter");
        let places: Vec<_> = commands.iter().map(|command| down.find(command).expect(command)).collect();
        assert!(places.is_sorted(), "{places:?} {down}");
    }
    let module = text(&with, "infrastructure/terraform/database.tf");
    assert!(module.contains("final_snapshot_identifier       = \"${local.database_name}-final\""));
}

/// What is charged for beyond the hours of a machine whose processor has credits.
#[test]
fn credits_that_are_spent_are_no_part_of_the_price() {
    let [_, mut checked] = acmes();
    let left_out = |checked: &Checked| compile(checked).price().expect("prices").left_out;
    assert!(!left_out(&checked).contains("credits"));
    if let Place::Aws(options) = &mut checked.target.place {
        options.instance_type = Word::parse("t3.large").expect("a type");
    }
    assert!(left_out(&checked).contains(", processor time of the machine beyond its credits, "));
}

/// The right that only copying needs is a variable that no target sets, so the page says how it is taken back.
#[test]
fn the_right_that_only_copying_needs_is_taken_back_by_an_override() {
    let [_, checked] = acmes();
    let files = files(&checked);
    let told = text(&files, "docs/operations.md");
    let block = "/local/terraform/content_override.tf <<'END'\nvariable \"content_moves\" {\n  default = false\n}\nEND\n```";
    assert!(told.contains(block), "{told}");
    assert!(text(&files, "infrastructure/terraform/variables.tf").contains("variable \"content_moves\" {\n"));
    assert!(!text(&files, "infrastructure/terraform/terraform.tfvars.json").contains("content_moves"));
}
