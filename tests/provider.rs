//! What a provider is: data that everything else draws on. The second one shows whether that holds.

#[path = "provider/documents.rs"]
mod documents;
#[path = "plan/fixture.rs"]
mod fixture;

use fixture::{example, example_with, harbour};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use stufpack::model::{Checked, Files, Kind};
use stufpack::plan::{self, Numbering, Plan};
use stufpack::{check, render};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const TFVARS: &str = "infrastructure/terraform/terraform.tfvars.json";

fn compile(checked: &Checked) -> Plan {
    plan::compile(checked, &Numbering { package: 7 })
}

fn files(checked: &Checked) -> Files {
    render::files(&compile(checked), checked).expect("it renders")
}

fn text<'f>(files: &'f Files, path: &str) -> &'f str {
    std::str::from_utf8(&files.get(path).unwrap_or_else(|| panic!("no {path}")).bytes).expect("UTF-8")
}

fn files_of<'f>(files: &'f Files, folder: &'f str) -> impl Iterator<Item = &'f str> {
    let there = files.keys().filter(move |path| path.starts_with(folder) && path.ends_with(".tf"));
    there.map(move |path| text(files, path))
}

fn json(files: &Files, path: &str) -> Value {
    serde_json::from_str(text(files, path)).expect("JSON")
}

/// Both targets of the example whose machine is made.
fn acmes() -> [Checked; 2] {
    [example("acme"), example_with("acme", "every-option.yaml")]
}

/// What has the word outside of the provider's own module: the registry, and what speaks of a source's storage, which may be
/// that maker's wherever one goes, or of keys that may not leak.
const SAY_IT: [(&str, &str); 11] = [
    ("src/check/store.rs", "/// Amazon S3."),
    (
        "src/model/export.rs",
        "/// Encryption at rest, such as `AES256` or `aws:kms`; `none` is allowed and shown.",
    ),
    ("src/model/export.rs", "/// Amazon S3."),
    ("src/model/export.rs", "S3 = \"aws-s3\","),
    ("src/model/leak.rs", "(b\"AKIA\", 16, b\"\", \"AWS access key id\"),"),
    ("src/model/leak.rs", "(b\"ASIA\", 16, b\"\", \"AWS access key id\"),"),
    ("src/model/leak.rs", "(format!(\"{}{}\", \"AKIA\", \"A\".repeat(16)), \"AWS access key id\"),"),
    ("src/provider/mod.rs", "mod aws;"),
    ("src/provider/mod.rs", "pub use aws::Aws;"),
    ("src/provider/mod.rs", "/// A machine and a bucket of their own in an account of AWS."),
    ("src/provider/mod.rs", "Aws = \"aws\" in aws;"),
];

/// The words of a text, also those of which names are put together, as `AwsS3` and `AWSBucket` are.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<char> = text.chars().collect();
    for (at, c) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| characters[at]);
        let after = characters.get(at + 1);
        let in_a_name = before.is_some_and(|before| !before.is_ascii_uppercase())
            || after.is_some_and(char::is_ascii_lowercase);
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && in_a_name) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().expect("a word").push(c.to_ascii_lowercase());
        }
    }
    words
}

/// Whether a line says the name of the second provider, or of who is behind it.
fn says_it(line: &str) -> bool {
    words(line).iter().any(|word| word == "aws" || word == "amazon")
}

/// A registry and the provider's own module know its name; everything else asks for data.
#[test]
fn no_other_rust_file_says_the_name_of_the_second_provider() {
    let mut said = Vec::new();
    for entry in walkdir::WalkDir::new(Path::new(ROOT).join("src")).sort_by_file_name() {
        let entry = entry.expect("an entry");
        let path = entry.path().strip_prefix(ROOT).expect("below").to_string_lossy().into_owned();
        if path.starts_with("src/provider/aws/") || !path.ends_with(".rs") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("readable");
        said.extend(
            text.lines().filter(|line| says_it(line)).map(|line| (path.clone(), line.trim().to_owned())),
        );
    }
    // Nor is a line excused that is no longer there.
    assert_eq!(said, SAY_IT.map(|(path, line)| (path.to_owned(), line.to_owned())));
}

#[test]
fn the_name_is_heard_however_it_is_written() {
    for line in [
        "use aws;",
        "Store::AwsS3",
        "AWSBucket",
        "to_aws_s3(x)",
        "\"aws-s3\"",
        "isAws",
        "s3.amazonaws.com of Amazon",
    ] {
        assert!(says_it(line), "{line}: {:?}", words(line));
    }
    for line in ["flaws", "draws", "Laws", "withdraws", "s3", "amazonaws"] {
        assert!(!says_it(line), "{line}: {:?}", words(line));
    }
}

/// What Terraform is told is what it asks for: no name that it does not know, and none left out but the one that no target sets,
/// and what is said of a database where there is none.
#[test]
fn the_values_for_terraform_are_its_variables() {
    for checked in acmes() {
        let (files, made) = (files(&checked), compile(&checked).facts.site.database.is_some());
        let of_a_database =
            |name: &str| name.starts_with("database_") || name == "existing_database_subnet_ids";
        let variables: BTreeSet<String> = text(&files, "infrastructure/terraform/variables.tf")
            .lines()
            .filter_map(|line| line.strip_prefix("variable \"")?.split('"').next())
            .filter(|name| *name != "content_moves" && (made || !of_a_database(name)))
            .map(str::to_owned)
            .collect();
        let values = json(&files, TFVARS);
        let values: BTreeSet<String> = values.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(values, variables);
    }
}

#[test]
fn a_target_of_ten_lines_says_everything_that_terraform_asks_for() {
    let expected = serde_json::json!({
        "slug": "acme",
        "environment": "production",
        "region": "eu-west-1",
        "account_id": "",
        "domain": "files.acme.example",
        "instance_type": "t3.large",
        "root_volume_gib": 30,
        "data_volume_gib": 50,
        "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5",
        "session_manager": true,
        "ssh_cidrs": [],
        "web_cidrs": ["0.0.0.0/0"],
        "egress_tcp_ports": [80, 443, 587],
        "vpc_cidr": "10.20.0.0/20",
        "existing_subnet_id": "",
        "bucket_name": "stuf-acme-production-uploads",
        "noncurrent_version_days": 30,
        "database": false,
        "dns_zone_id": "",
        "dns_ttl_seconds": 300,
        "logs": false,
        "log_retention_days": 90,
        "alarm_email": "",
        "budget_monthly_usd": 0,
    });
    assert_eq!(json(&files(&example("acme")), TFVARS), expected);
}

/// An option that no example sets is one that nobody has seen work.
#[test]
fn the_second_target_sets_every_option_that_there_is() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("examples/acme/every-option.yaml"));
    let target: Value = serde_yaml::from_str(&text.expect("readable")).expect("YAML");
    let schema = check::target_schema();
    for (definition, place) in
        [("Aws", "/spec/aws"), ("PriceTable", "/spec/aws/prices"), ("DatabaseOptions", "/spec/aws/database")]
    {
        let known = schema["$defs"][definition]["properties"].as_object().expect("properties");
        let set = target.pointer(place).and_then(Value::as_object).expect("options");
        let (known, set): (BTreeSet<&String>, BTreeSet<&String>) =
            (known.keys().collect(), set.keys().collect());
        assert_eq!(known, set, "{place}");
    }
}

/// What Terraform itself makes of these values is seen in tests/terraform, where this is a case among those written by hand.
///
/// `STUFPACK_BLESS=1 cargo test --test provider` rewrites it.
#[test]
fn the_values_of_the_second_target_are_a_case_that_terraform_plans() {
    let [_, all] = acmes();
    let files = files(&all);
    let values = text(&files, TFVARS);
    let case = Path::new(ROOT).join("tests/terraform/cases/every-option.tfvars.json");
    if std::env::var_os("STUFPACK_BLESS").is_some() {
        std::fs::write(&case, values).expect("cases can be written");
    }
    let planned = std::fs::read_to_string(&case).unwrap_or_default();
    assert_eq!(planned, values, "{} is another target's", case.display());
}

#[test]
fn the_machine_is_made_first_and_nothing_is_made_that_nobody_has_approved() {
    let plan = compile(&example("acme"));
    let document = serde_json::to_value(plan.public()).expect("JSON");

    assert_eq!(document["plan"]["provisioned"], true);
    assert_eq!(document["not_needed"], serde_json::json!([]));
    let phases = document["phases"].as_array().expect("phases");
    let begin = |phase: &Value| (phase["id"].clone(), phase["gate"].clone(), phase["after"].clone());
    assert_eq!(begin(&phases[0]), ("provision".into(), Value::Null, serde_json::json!([])));
    assert_eq!(begin(&phases[1]), ("preflight".into(), Value::Null, serde_json::json!(["provision"])));
    let steps = phases[0]["steps"].as_array().expect("steps").iter();
    assert_eq!(
        steps.map(|step| step["id"].as_str().expect("an id")).collect::<Vec<_>>(),
        [
            "provision/check-account",
            "provision/init-terraform",
            "provision/show-plan",
            "provision/apply-plan",
            "provision/write-inventory",
            "provision/archive-state"
        ]
    );
    let gate = &document["gates"][0];
    assert_eq!(
        (&gate["id"], &gate["phase"], &gate["before"], &gate["report"]),
        (&"approve-provision".into(), &"provision".into(), &"provision/apply-plan".into(), &Value::Null)
    );
    let others = document["gates"].as_array().expect("gates").iter().skip(1);
    assert!(others.clone().count() == 3 && others.clone().all(|gate| gate["before"].is_null()));
}

#[test]
fn a_machine_that_exists_is_examined_and_nothing_is_made() {
    let document = serde_json::to_value(compile(&harbour()).public()).expect("JSON");

    assert_eq!(document["plan"]["provisioned"], false);
    assert_eq!(document["not_needed"][0]["id"], "provision");
    assert_eq!(document["phases"][0]["id"], "preflight");
    assert!(document["price"].is_null());
    assert!(document["gates"].as_array().expect("gates").iter().all(|gate| gate["before"].is_null()));
}

/// Of what only the other provider has, a package holds neither file nor word; playbooks and roles are the same for everyone.
#[test]
fn a_package_for_an_existing_machine_has_nothing_of_the_other_provider() {
    for checked in [harbour(), example("harbour"), example("minimal")] {
        for (path, file) in files(&checked) {
            assert!(!path.starts_with("infrastructure/terraform/"), "{path}");
            if file.kind != Kind::Document || path.starts_with("docs/ledger.") {
                continue;
            }
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            for word in ["Terraform", "AWS", "Amazon", "ssh_config", "$TARGET"] {
                assert!(!text.contains(word), "{word} stands in {path}");
            }
        }
    }
}

/// And the reverse: nobody reads of a machine that exists, or of a storage that does not run there.
#[test]
fn a_package_that_makes_its_machine_says_nothing_that_is_true_of_others_only() {
    for checked in acmes() {
        let files = files(&checked);
        assert!(files.keys().all(|path| !path.starts_with("infrastructure/ansible/inventory/target/")));
        for (path, file) in &files {
            if file.kind == Kind::Code || path.starts_with("docs/ledger.") {
                continue;
            }
            // The setting of the release that is dropped has that name.
            let text = String::from_utf8_lossy(&file.bytes).to_lowercase().replace("release.garage", "");
            for word in ["garage", "existing host", "nothing is provisioned", "this package pins", "crypt,"] {
                assert!(!text.contains(word), "{word} stands in {path}");
            }
        }
        for path in ["MIGRATION-PLAN.md", "MIGRATION-PLAN.html", "README.md"] {
            assert!(text(&files, path).contains("eu-west-1"), "{path}");
        }
    }
}

/// The variables of Ansible and of the project, where they differ from those of a machine that runs its own storage.
#[test]
fn the_storage_of_the_provider_is_what_the_services_are_told_of() {
    let files = files(&example("acme"));
    let all = text(&files, "infrastructure/ansible/group_vars/all.yml");
    for line in [
        "storage_kind: !unsafe \"aws-s3\"",
        "storage_region: !unsafe \"eu-west-1\"",
        "storage_endpoint: !unsafe \"https://s3.eu-west-1.amazonaws.com\"",
        "stuf_bucket: !unsafe \"stuf-acme-production-uploads\"",
        "baseline_data_device_wanted: true",
        "baseline_require_disk_encryption: false",
    ] {
        assert!(all.lines().any(|found| found == line), "{line}\n{all}");
    }
    let env = text(&files, "infrastructure/compose/.env");
    for line in [
        "COMPOSE_FILE=\"/opt/stuf/compose/compose.yaml:/opt/stuf/compose/storage-s3.yaml\"",
        "STUF_STORAGE_ENDPOINT=\"s3.eu-west-1.amazonaws.com\"",
        "STUF_STORAGE_SECURE=\"true\"",
        "STUF_BUCKET=\"stuf-acme-production-uploads\"",
    ] {
        assert!(env.lines().any(|found| found == line), "{line}\n{env}");
    }
    let storage = &json(&files, "configuration/api-config/stuf_config.json")["storage"];
    assert_eq!(
        storage,
        &serde_json::json!({
            "provider": "aws-s3",
            "bucket": "stuf-acme-production-uploads",
            "region": "eu-west-1",
            "versioning": true,
        })
    );
}

/// Who leads the migration hears of every right beforehand, and that the way to the machine needs some for good.
#[test]
fn the_rights_of_the_credentials_are_named_for_provision_and_for_what_comes_after() {
    let [least, all] = acmes().map(|checked| files(&checked));
    let rights = |files: &Files| -> Vec<String> {
        let table = text(files, "README.md").split("| For | Rights | At |\n| --- | --- | --- |\n").nth(1);
        let rows = table.expect("the table").lines().take_while(|line| line.starts_with("| "));
        rows.map(|row| row.replace('\\', "")).collect()
    };
    assert_eq!(
        rights(&least),
        [
            "| ./migrate provision | `ec2:*` | region eu-west-1 |",
            "| ./migrate provision | `s3:*` | bucket stuf-acme-production-uploads, and what lies in it |",
            "| ./migrate provision | `iam:*` | users, roles and instance profiles below /stuf/ |",
            "| the key of the storage, now and when it is renewed | `iam:CreateAccessKey`, `iam:ListAccessKeys`, `iam:DeleteAccessKey` | user stuf-acme-production-api |",
            "| every later phase, and each ssh of the plan | `ssm:StartSession` | the machine, and the document AWS-StartSSHSession; to read host keys by hand, SSM-SessionManagerRunShell too |",
            "| every later phase, and each ssh of the plan | `ssmmessages:OpenDataChannel`, `ssm:TerminateSession` | sessions of one's own |",
            "| to see why no session begins | `ssm:DescribeInstanceInformation` | any |",
        ]
    );
    assert_eq!(
        rights(&all),
        [
            "| ./migrate provision | `ec2:*` | region eu-west-1 |",
            "| ./migrate provision | `s3:*` | bucket acme-files-staging, and what lies in it |",
            "| ./migrate provision | `iam:*` | users, roles and instance profiles below /stuf/ |",
            "| ./migrate provision | `rds:*` | region eu-west-1 |",
            "| ./migrate provision | `secretsmanager:CreateSecret`, `secretsmanager:TagResource`, `kms:DescribeKey` | the secret that RDS makes, rds!db-*, and AWS's key for it |",
            "| ./migrate provision | `iam:CreateServiceLinkedRole` | the role of RDS itself, where the account has had no database yet |",
            "| ./migrate provision | `route53:GetHostedZone`, `route53:ListTagsForResource`, `route53:ListResourceRecordSets`, `route53:ChangeResourceRecordSets`, `route53:GetChange` | zone Z0123456789ABCDEFGHIJ; the last one at every change |",
            "| ./migrate provision | `route53:ListHostedZones` | every zone, of which Terraform takes that one |",
            "| ./migrate provision | `logs:*` | region eu-west-1 |",
            "| ./migrate provision | `cloudwatch:*`, `sns:*` | region eu-west-1 |",
            "| ./migrate provision | `budgets:*` | the account |",
            "| the key of the storage, now and when it is renewed | `iam:CreateAccessKey`, `iam:ListAccessKeys`, `iam:DeleteAccessKey` | user stuf-acme-staging-api |",
            "| the password of the database's administrator, before ./migrate deploy | `secretsmanager:GetSecretValue` | that secret; provision names it |",
            "| to have RDS change it when it has leaked | `secretsmanager:RotateSecret` | that secret; provision names it |",
        ]
    );
    for word in ["every later phase and every `ssh` of the plan needs them too", "ssh-add FILE-OF-THE-KEY"] {
        assert!(text(&least, "README.md").contains(word), "{word}");
    }
    assert!(!text(&all, "README.md").contains("every later phase"));
    for service in
        ["aws_iam_", "aws_s3_", "aws_db_", "aws_route53_", "aws_sns_", "aws_budgets_", "aws_cloudwatch_"]
    {
        let told = files_of(&all, "infrastructure/terraform/").any(|text| text.contains(service));
        assert!(told, "nothing of {service} is made any more: take its rights out");
    }
}

/// The key of the application is made by hand, and whoever misses it reads by which command.
#[test]
fn the_storage_key_is_provided_and_says_how_one_gets_it() {
    let plan = compile(&example("acme"));
    let provided = plan.public().secrets.into_iter().filter(|secret| secret.origin == plan::Origin::Provided);
    let told: Vec<(String, String)> =
        provided.map(|secret| (secret.name.to_owned(), secret.purpose.to_owned())).collect();
    assert_eq!(
        told.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["storage_access_key", "storage_secret_key", "source_read"]
    );
    let command = "aws iam create-access-key --user-name stuf-acme-production-api";
    assert!(told[0].1.contains(command), "{told:?}");
    let shown = files(&example("acme"));
    assert!(text(&shown, "README.md").contains("stuf-acme-production-api"));
}

/// 730 × 0.1 + 730 × 0.005 + 240 × 0.09 + 0.0001 GiB and a thousandth of 0.025 + 730 × 0.07 + 40 × 0.25.
#[test]
fn a_price_table_gives_figures_and_none_gives_none() {
    let [without, with] = acmes();
    let price = compile(&with).price().expect("prices");
    let lines: Vec<(&str, &str, &str)> = price
        .monthly
        .iter()
        .map(|cost| (cost.what.as_str(), cost.amount.as_str(), cost.figures.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            ("machine (m7i.large)", "73.00", "730 h × 0.1"),
            ("public address", "3.65", "730 h × 0.005"),
            ("system and data disk", "21.60", "240 GiB × 0.09"),
            ("bucket, as large as the export counts", "0.00", "0.001 GiB × 0.025"),
            ("database (db.t4g.small, with its standby)", "51.10", "730 h × 0.07"),
            ("storage of the database", "10.00", "40 GiB × 0.25"),
        ]
    );
    assert_eq!((price.monthly_total.as_str(), price.as_of.as_str()), ("159.35", "2026-11-01"));
    assert!(price.left_out.ends_with("backups of the database beyond its size, and its secret"));
    assert!(text(&files(&with), "MIGRATION-PLAN.md").contains("159.35"));

    assert!(compile(&without).price().is_none());
    let page = files(&without);
    let page = text(&page, "MIGRATION-PLAN.md");
    assert!(page.contains("The target names no prices, so no figure stands here"));
}

/// 212,000,000,000 bytes are 197.4404 GiB, of which a part of a thousandth is paid for as a whole one: 197.441 × 0.09 once, and
/// × 0.025 each month.
#[test]
fn what_leaves_is_reckoned_by_the_files_and_told_in_every_form_of_the_plan() {
    let [_, mut checked] = acmes();
    checked.export.content.bytes = 212_000_000_000;
    let price = compile(&checked).price().expect("prices");
    let told = |cost: &plan::Cost| (cost.what.clone(), cost.amount.clone(), cost.figures.clone());
    let egress = ("taking every file out of AWS once", "17.77", "197.441 GiB × 0.09");
    let egress = (egress.0.to_owned(), egress.1.to_owned(), egress.2.to_owned());
    assert_eq!(told(&price.leaving), egress);
    let amounts: Vec<&str> = price.monthly.iter().map(|cost| cost.amount.as_str()).collect();
    assert_eq!(amounts, ["73.00", "3.65", "21.60", "4.94", "51.10", "10.00"]);
    // What is paid once is no part of a month, and the sum is of what was not rounded: 4.936025.
    assert_eq!(price.monthly_total, "164.29");

    let files = files(&checked);
    let leaving = &json(&files, "MIGRATION-PLAN.json")["price"]["leaving"];
    let (what, amount, figures) = egress;
    assert_eq!(leaving, &serde_json::json!({ "what": what, "amount": amount, "figures": figures }));
    let sentence = "taking every file out of AWS once costs 17.77 (197.441 GiB × 0.09).";
    for path in ["MIGRATION-PLAN.md", "MIGRATION-PLAN.html"] {
        assert!(text(&files, path).contains(sentence), "{path}");
    }
    assert!(json(&self::files(&example("acme")), "MIGRATION-PLAN.json")["price"].is_null());
}

/// A database of the provider's takes the server out of the project, and nothing else: its image stays, as the client.
#[test]
fn a_database_of_the_provider_is_what_keycloak_is_told_of() {
    let [without, with] = acmes();
    let (here, there) = (files(&without), files(&with));
    let lines = |files: &Files, path: &str, word: &str| -> Vec<String> {
        text(files, path).lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    };
    let (all, env) = ("infrastructure/ansible/group_vars/all.yml", "infrastructure/compose/.env");
    for (path, word) in [(all, "database_"), (env, "DATABASE"), (env, "database-rds")] {
        let found = lines(&here, path, word);
        // The password of Keycloak's own user has its name from the server that it was made for.
        assert!(found.is_empty(), "{found:?}");
    }
    assert!(lines(&there, all, "database_kind: ").contains(&"database_kind: !unsafe \"aws-rds\"".to_owned()));
    assert_eq!(lines(&there, all, "database_authorities: ").len(), 1);
    assert_eq!(
        lines(&there, env, "COMPOSE_FILE"),
        [
            "COMPOSE_FILE=\"/opt/stuf/compose/compose.yaml:/opt/stuf/compose/storage-s3.yaml:/opt/stuf/compose/database-rds.yaml\""
        ]
    );
    assert_eq!(lines(&there, env, "DATABASE"), ["STUF_DATABASE_DIR=\"/etc/stuf/database\""]);
    for files in [&here, &there] {
        assert_eq!(lines(files, env, "STUF_POSTGRES_IMAGE").len(), 1);
    }
}

/// What is checked, made and kept of it stands in the plan, and where it is not, no word of it does.
#[test]
fn the_plan_has_the_databases_own_steps_and_what_stays_of_it() {
    let [without, with] = acmes().map(|checked| compile(&checked));
    let only = |plan: &Plan, other: &Plan| -> Vec<&'static str> {
        let known: BTreeSet<&str> = other.steps().map(|step| step.id).collect();
        plan.steps().map(|step| step.id).filter(|id| !known.contains(id)).collect()
    };
    let steps = only(&with, &without);
    assert!(
        steps.contains(&"preflight/check-database") && steps.contains(&"deploy/make-database"),
        "{steps:?}"
    );
    assert!(!only(&without, &with).iter().any(|id| id.contains("database")));

    let what =
        |plan: &Plan, id: &str| plan.steps().find(|step| step.id == id).expect("the step").what.clone();
    let kept = what(&with, "abort/delete-data");
    assert!(
        kept.contains("removes the volumes with certificates,")
            && kept.contains("database stuf-acme-staging-identity of Amazon RDS keep what they hold"),
        "{kept}"
    );
    assert!(
        what(&without, "abort/delete-data").contains("removes the volumes with database and certificates,")
    );
    // 2 GiB and 1 GiB for the API; 512 MiB less for everything else where there is no server of the database.
    assert!(what(&with, "preflight/check-resources").contains("4608 MiB of memory"));
    assert!(what(&without, "preflight/check-resources").contains("4096 MiB of memory"));
    assert!(
        what(&with, "provision/apply-plan").contains("a database (db.t4g.small, 40 GiB, with a standby)")
    );
}

/// Its administrator's password is given for one step, so no file of the machine's secrets is made of it.
#[test]
fn the_password_of_its_administrator_is_asked_for_before_deploy_and_stays_nowhere() {
    let with = example_with("acme", "every-option.yaml");
    let plan = compile(&with);
    let document = plan.public();
    let secret = document.secrets.iter().find(|secret| secret.name == "database_administrator");
    let secret = secret.expect("the secret");
    assert_eq!((secret.origin, secret.needed_by), (plan::Origin::Provided, plan::NeededBy::Deploy));
    let files = files(&with);
    assert!(!text(&files, "infrastructure/ansible/group_vars/all.yml").contains("database_administrator"));
    for path in ["README.md", "docs/security.md"] {
        assert!(text(&files, path).contains("database_administrator"), "{path}");
    }
    let asked = text(&files, "MIGRATION-PLAN.md").split("After `./migrate provision`").nth(1);
    assert!(asked.is_some_and(|asked| asked.contains("1 secret, before deploy: database\\_administrator\n")));
}

/// The commands of a backup name what is really there.
#[test]
fn a_backup_of_such_a_database_is_made_and_read_by_the_client() {
    let [without, with] = acmes().map(|checked| files(&checked));
    let page = text(&with, "docs/operations.md");
    let client =
        "sudo docker compose --project-directory /opt/stuf/compose run --rm --no-deps --no-TTY postgres";
    for command in ["pg_dump --format=custom", "pg_restore --list", "empty", "pg_restore --exit-on-error"] {
        assert!(page.contains(&format!("{client} {command}")), "{command}");
    }
    assert!(page.contains(
        "aws rds create-db-snapshot --region eu-west-1 --db-instance-identifier stuf-acme-staging-identity"
    ));
    assert!(!page.contains("stuf_postgres"));
    let page = text(&without, "docs/operations.md");
    assert!(page.contains("stuf_postgres") && !page.contains("pg_dump"));
}

/// The image is what it was; the ledger says what for.
#[test]
fn the_ledger_says_that_the_image_of_the_server_is_a_client_now() {
    let [without, with] = acmes().map(|checked| compile(&checked));
    let entry = |plan: &Plan| {
        let entries = serde_json::to_value(&plan.ledger.entries).expect("JSON");
        let entries = entries.as_array().expect("a list").clone();
        let named = |entry: &&Value| entry["setting"] == "spec.application.release.postgres";
        entries.iter().find(named).expect("the image").to_string()
    };
    assert!(
        entry(&with).contains("client-of-database") && entry(&with).contains("as the client of Amazon RDS")
    );
    assert!(!entry(&without).contains("client"));
}
