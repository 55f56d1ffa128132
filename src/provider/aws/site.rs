//! What follows from the options of provider `aws`.

use super::super::{
    Agent, Backend, Charge, Database, Home, Kind as _, Machine, Made, Prices, Storage, StorageSecret,
};
use super::{Aws, DatabaseOptions, GIB, PriceTable, Region, Site};
use crate::model::{BucketName, Cidr, Export, Target, Word as _};
use serde_json::json;
use std::fmt::Display;

/// Hours of a month, as AWS itself reckons.
const HOURS: u64 = 730;

pub(super) fn of(aws: &Aws, target: &Target, export: &Export) -> Site {
    let (slug, environment, region) = (&export.project.slug, target.environment, &aws.region);
    // A checked target has a name; the source's own stands in for it in one that was made by hand.
    let bucket = aws.bucket_name(slug, environment).unwrap_or_else(|| export.storage.bucket.clone());
    let user = format!("stuf-{slug}-{environment}-api");
    Site {
        label: "AWS",
        phrase: "AWS, region",
        short: "your account of AWS",
        name: region.to_string(),
        machine: Machine {
            address: None,
            port: 22,
            // Debian's image has this account, with sudo.
            user: "admin".to_owned(),
            host_keys: Vec::new(),
            way: aws.session_manager.then_some("Session Manager"),
            agent: aws.session_manager.then(|| agent(region)),
        },
        storage: Storage {
            kind: aws.store(),
            bucket: bucket.clone(),
            region: region.to_string(),
            home: Home::Outside {
                name: "Amazon S3",
                endpoint: format!("s3.{region}.amazonaws.com"),
                overlay: "storage-s3.yaml",
                renew: renew(&user),
                remove: "Empty the bucket, which refuses to go while it holds anything: this deletes every file in it and every earlier version, for ever.".to_owned(),
                empty: empty(&bucket, region),
            },
            versions_kept_days: Some(aws.noncurrent_version_days),
            secrets: secrets(&user),
            rules: ("store-of-provider", "region-of-provider"),
        },
        database: aws.database.as_ref().map(|options| database(aws, options, target, export)),
        disks_encrypted: Some("AWS, with keys of its own"),
        data_volume: true,
        filters_web: true,
        unused: aws.unused(),
        made: Some(Made {
            variables: variables(aws, target, export, &bucket),
            tools: tools(aws, target),
            by_hand: if is_reached_by_sessions(aws, target) { Vec::new() } else { vec![CLIENT] },
            owner: match &aws.account_id {
                Some(account) => format!("account {account} of AWS"),
                None => "your account of AWS".to_owned(),
            },
            owner_is_said: aws.account_id.is_some(),
            credentials: "set AWS_PROFILE, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, in the shell that you type in",
            rights: super::rights::of(aws, target, &user, &bucket),
            troubles: super::troubles::of(aws, target, &bucket),
            caution: "Who may make users may give themselves every right of the account, so the credentials of provision are an administrator's: an account that holds nothing else keeps that small.",
            sources: sources(aws, target),
            whose: "aws sts get-caller-identity",
            what: what(aws, &bucket),
            takes: takes(aws),
            machine: "aws_instance.server",
            record: aws.dns_zone.as_ref().map(|_| aws.dns_ttl_seconds),
            copying: (
                "the right of the application's key to list unfinished uploads",
                &["variable \"content_moves\" {", "  default = false", "}"],
            ),
            protected_in: protected_in(aws),
            protected: if aws.database.is_some() {
                "the data disk, the bucket and the database"
            } else {
                "the data disk and the bucket"
            },
            backend: backend(region, format!("stuf/{slug}-{environment}.tfstate")),
            stays: "Of the data disk AWS then keeps a snapshot, which costs on and holds what the disk held: people, and every secret of the machine. Delete it once nothing is missing; the first command lists yours with their time and the disk that each is of.",
            delete: vec![
                format!("aws ec2 describe-snapshots --region {region} --owner-ids self --query 'Snapshots[].[SnapshotId,StartTime,VolumeSize,VolumeId]' --output text"),
                format!("aws ec2 delete-snapshot --region {region} --snapshot-id SNAPSHOT"),
            ],
            prices: aws.prices.as_ref().map(|table| prices(aws, table, export)),
        }),
    }
}

/// The files whose resources refuse to be destroyed.
fn protected_in(aws: &Aws) -> Vec<&'static str> {
    let mut files = vec!["instance.tf", "storage.tf"];
    files.extend(aws.database.is_some().then_some("database.tf"));
    files
}

/// Session Manager's; `ID` stands for the machine's, which Terraform tells.
fn agent(region: &impl Display) -> Agent {
    Agent {
        trusted: "The agent of Session Manager runs on the machine as root from its first boot on, and whom your account lets start a session there can become root without any SSH key. The first boot fetches the newest one over TLS from Amazon's bucket of the region; its version is not pinned and its signature is not looked at, so one trusts that bucket as one trusts AWS itself, which hands out machine and disks. AWS records who began a session and when, but nothing of what goes through one that carries SSH.",
        asks: format!(
            "aws ssm describe-instance-information --region {region} --filters Key=InstanceIds,Values=ID"
        ),
        log: format!("aws ec2 get-console-output --region {region} --instance-id ID --latest --output text"),
    }
}

/// A bucket, since it has versions and a lock.
fn backend(region: &Region, key: String) -> Backend {
    Backend {
        place: "a bucket of Amazon S3",
        first: "That bucket is made by hand, closed to the public and with versioning on; it is never the one that holds the uploads. The credentials of provision, which README.md lists, need rights there too: s3:ListBucket at the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject below it, for the state and its lock.",
        file: "infrastructure/terraform/backends/s3.tf",
        settings: vec![("bucket", "STATE-BUCKET".to_owned()), ("key", key), ("region", region.to_string())],
    }
}

/// The access key of the application's own user. Terraform makes none, since it would stand in the state in clear.
fn secrets(user: &str) -> Vec<StorageSecret> {
    let provided = |name, purpose: String| StorageSecret { name, provided: true, purpose };
    vec![
        provided(
            "storage_access_key",
            format!("AccessKeyId of the API's user; after provision: aws iam create-access-key --user-name {user}"),
        ),
        provided(
            "storage_secret_key",
            "SecretAccessKey that the same command prints, once; the API signs its requests to the object storage with it".to_owned(),
        ),
    ]
}

fn renew(user: &str) -> String {
    let create = format!("aws iam create-access-key --user-name {user}");
    let list = format!("aws iam list-access-keys --user-name {user}");
    let delete = format!("aws iam delete-access-key --user-name {user} --access-key-id OLD-ID");
    format!(
        "make a new one, which {create} does, put both parts into the state folder, type ./migrate prepare and ./migrate deploy, then delete the old one, which {delete} does; OLD-ID is the AccessKeyId with the earlier CreateDate of the two that {list} shows"
    )
}

/// A page of the listing has as many as one request may delete: 1000, of versions and marks of deletion together. They go through a
/// file, since their names can be more than a command line takes.
fn empty(bucket: &BucketName, region: &Region) -> Vec<String> {
    let place = format!("--region {region} --bucket {bucket}");
    vec![
        "page=$(mktemp)".to_owned(),
        format!("while aws s3api list-object-versions {place} --no-paginate --output json \\"),
        "  --query '{Objects: [Versions, DeleteMarkers][].{Key: Key, VersionId: VersionId}}' >\"$page\" &&".to_owned(),
        "  grep -q '\"VersionId\"' \"$page\"; do".to_owned(),
        format!("  left=$(aws s3api delete-objects {place} --delete \"file://$page\" \\"),
        "    --query Errors --output text) && [ \"$left\" = None ] || { echo \"not deleted: $left\"; break; }".to_owned(),
        "done".to_owned(),
    ]
}

/// RDS makes the administrator's password itself, keeps it in Secrets Manager and changes it every week: no state holds it, and
/// Keycloak never signs in with it.
fn database(aws: &Aws, options: &DatabaseOptions, target: &Target, export: &Export) -> Database {
    // As Terraform names it: RDS takes no two hyphens in a row.
    let name = format!("stuf-{}-{}-identity", export.project.slug, target.environment);
    let instance = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let asked = format!("--region {} --db-instance-identifier {instance}", aws.region);
    Database {
        kind: "aws-rds",
        name: "Amazon RDS",
        authorities: options.authorities.to_string(),
        overlay: "database-rds.yaml",
        kept_days: options.backup_days,
        secret: "database_administrator",
        purpose: "password of the database's administrator, by which Keycloak's own user is made there; provision prints the command that reads it from Secrets Manager, where it changes every week".to_owned(),
        renew: format!(
            "have RDS change it, which aws rds modify-db-instance {asked} --rotate-master-user-password --apply-immediately does; ./migrate deploy needs it again only where Keycloak cannot sign in to its database"
        ),
        snapshot: format!(
            "aws rds create-db-snapshot {asked} --db-snapshot-identifier {instance}-$(date -u +%Y%m%d%H%M%S)"
        ),
        remove: "End the deletion protection of the database, by the first command here. Of what is deleted a last snapshot stays, and is paid for. Its name is always the same: where one of an earlier time has it, which the second command lists, the deletion fails until the third has deleted that one, SNAPSHOT, and all that it held.",
        delete: vec![
            format!("aws rds modify-db-instance {asked} --no-deletion-protection --apply-immediately"),
            format!(
                "aws rds describe-db-snapshots {asked} --snapshot-type manual --query 'DBSnapshots[].[DBSnapshotIdentifier,SnapshotCreateTime]' --output text"
            ),
            format!("aws rds delete-db-snapshot --region {} --db-snapshot-identifier SNAPSHOT", aws.region),
        ],
        instance,
    }
}

/// The client with which people make the key of the storage, and look at what there is.
const CLIENT: (&str, &str) = ("aws", ">= 2.0");

/// Whether nothing but Session Manager leads to the machine.
pub(super) fn is_reached_by_sessions(aws: &Aws, target: &Target) -> bool {
    aws.session_manager && target.allow.ssh.is_empty()
}

fn tools(aws: &Aws, target: &Target) -> Vec<(&'static str, &'static str)> {
    let mut tools = vec![("terraform", ">= 1.11")];
    if is_reached_by_sessions(aws, target) {
        tools.extend([CLIENT, ("session-manager-plugin", ">= 1.2.764.0")]);
    }
    tools
}

/// RDS takes ten to twenty minutes, longest with a standby.
fn takes(aws: &Aws) -> (u64, &'static str) {
    let with = "a new machine and a new database; most of it is waiting for the database";
    match &aws.database {
        None => (300, "a new machine; most of it is waiting for the provider"),
        Some(database) if database.standby => (1_200, with),
        Some(_) => (900, with),
    }
}

fn sources(aws: &Aws, target: &Target) -> &'static str {
    if is_reached_by_sessions(aws, target) {
        "Debian has aws as awscli. The others come from those who make them: https://developer.hashicorp.com/terraform/install, and https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html, which asks for 1.2.764.0 or newer."
    } else {
        "Debian has aws, with which you make the key of the storage, as awscli. Terraform comes from those who make it: https://developer.hashicorp.com/terraform/install."
    }
}

fn what(aws: &Aws, bucket: &BucketName) -> String {
    let network = if aws.existing_subnet.is_some() { "in your subnet" } else { "in a network of its own" };
    let mut parts = vec![
        format!("a machine ({}) {network} with an address that stays", aws.instance_type),
        format!("a data disk of {} GiB", aws.data_volume.bytes() / GIB),
        format!("bucket {bucket}"),
        "a user that may read and write there and nothing else".to_owned(),
    ];
    parts.extend(aws.database.as_ref().map(|database| {
        let standby = if database.standby { ", with a standby" } else { "" };
        format!("a database ({}, {} GiB{standby})", database.class, database.storage.bytes() / GIB)
    }));
    parts.extend(aws.dns_zone.is_some().then(|| "the record of the public name".to_owned()));
    parts.extend(aws.logs.then(|| "logs of connections".to_owned()));
    parts.extend(
        aws.alarm_email.is_some().then(|| {
            "alarms by mail, once the address has answered the mail by which AWS asks it".to_owned()
        }),
    );
    parts.extend(aws.budget_monthly_usd.is_some().then(|| "a budget".to_owned()));
    parts.join(", ")
}

/// What Terraform is told of the database; without one, that there is none.
fn database_variables(aws: &Aws) -> serde_json::Value {
    let Some(database) = &aws.database else { return json!({ "database": false }) };
    json!({
        "database": true,
        "database_version": database.version.to_string(),
        "database_class": database.class,
        "database_storage_gib": database.storage.bytes() / GIB,
        "database_multi_az": database.standby,
        "database_backup_days": database.backup_days,
    })
}

/// `terraform.tfvars.json`: every variable that a target can set, with its value, in the order of `variables.tf`; of a database that
/// is not made only that it is not.
fn variables(
    aws: &Aws,
    target: &Target,
    export: &Export,
    bucket: &BucketName,
) -> serde_json::Map<String, serde_json::Value> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let everyone = || Cidr::parse("0.0.0.0/0").into_iter().collect::<Vec<_>>();
    let web = if target.allow.web.is_empty() { everyone() } else { target.allow.web.clone() };
    let machine = json!({
        "slug": export.project.slug,
        "environment": target.environment,
        "region": aws.region,
        "account_id": text(aws.account_id.as_ref().map(|account| account.as_str())),
        "domain": target.domain,
        "instance_type": aws.instance_type,
        "root_volume_gib": aws.root_volume.bytes() / GIB,
        "data_volume_gib": aws.data_volume.bytes() / GIB,
        "ssh_public_key": aws.ssh_public_key,
        "session_manager": aws.session_manager,
        "ssh_cidrs": target.allow.ssh,
        "web_cidrs": web,
        "egress_tcp_ports": aws.egress_ports,
        "vpc_cidr": aws.vpc_cidr,
        "existing_subnet_id": text(aws.existing_subnet.as_ref().map(|subnet| subnet.as_str())),
    });
    let subnets =
        aws.database.as_ref().map(|database| json!({ "existing_database_subnet_ids": database.subnets }));
    let files = json!({
        "bucket_name": bucket,
        "noncurrent_version_days": aws.noncurrent_version_days,
    });
    let watched = json!({
        "dns_zone_id": text(aws.dns_zone.as_ref().map(|zone| zone.as_str())),
        "dns_ttl_seconds": aws.dns_ttl_seconds,
        "logs": aws.logs,
        "log_retention_days": aws.log_retention_days,
        "alarm_email": text(aws.alarm_email.as_ref().map(|email| email.as_str())),
        "budget_monthly_usd": aws.budget_monthly_usd.unwrap_or(0),
    });
    let groups = [Some(machine), subnets, Some(files), Some(database_variables(aws)), Some(watched)];
    let objects = groups.into_iter().flatten().filter_map(|group| match group {
        serde_json::Value::Object(group) => Some(group),
        _ => None,
    });
    objects.flatten().collect()
}

/// Machines of the families t go on at full speed when their credits are spent, and AWS charges for it.
fn left_out(aws: &Aws) -> String {
    let lasting = aws.instance_type.as_str().starts_with('t');
    let mut parts = vec!["tax, requests, downloads by users, earlier versions of files, logs and alarms"];
    parts.extend(lasting.then_some("processor time of the machine beyond its credits"));
    parts.extend(aws.database.is_some().then_some("backups of the database beyond its size, and its secret"));
    parts.join(", ")
}

fn prices(aws: &Aws, table: &PriceTable, export: &Export) -> Prices {
    let disks = (aws.root_volume.bytes() + aws.data_volume.bytes()) / GIB;
    let content = export.content.bytes;
    let mut monthly = vec![
        Charge::of(format!("machine ({})", aws.instance_type), HOURS, "h", table.instance_hour),
        Charge::of("public address", HOURS, "h", table.address_hour),
        Charge::of("system and data disk", disks, "GiB", table.volume_gib_month),
        Charge::of_bytes("bucket, as large as the export counts", content, table.storage_gib_month),
    ];
    // A checked table has both prices where there is a database.
    if let (Some(database), Some(hour), Some(gib)) =
        (&aws.database, table.database_hour, table.database_gib_month)
    {
        let standby = if database.standby { ", with its standby" } else { "" };
        let size = database.storage.bytes() / GIB;
        monthly.extend([
            Charge::of(format!("database ({}{standby})", database.class), HOURS, "h", hour),
            Charge::of("storage of the database", size, "GiB", gib),
        ]);
    }
    Prices {
        as_of: table.as_of.clone(),
        currency: table.currency.clone(),
        monthly,
        leaving: Charge::of_bytes("taking every file out of AWS once", content, table.egress_gib),
        left_out: left_out(aws),
    }
}
