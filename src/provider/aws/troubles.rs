//! With what words AWS refuses what Terraform asks for, and what one does then.

use super::super::Trouble;
use super::Aws;
use crate::model::{BucketName, Target};

/// What every way out ends with, where the target has to change.
const AGAIN: &str = "and have a new package compiled.";

/// The refusals, in the order in which one meets them.
pub(super) fn of(aws: &Aws, target: &Target, bucket: &BucketName) -> Vec<Trouble> {
    let taken = std::iter::once(bucket_taken(bucket));
    let machine = [no_machine_free(aws), not_offered(aws), half_made(aws, bucket)];
    rights()
        .into_iter()
        .chain(taken)
        .chain(quotas(aws))
        .chain(machine)
        .chain(record_taken(aws, target))
        .collect()
}

/// Who asks is not known, or may not.
fn rights() -> Vec<Trouble> {
    let whose = || "aws sts get-caller-identity".to_owned();
    vec![
        trouble(
            &["Unable to locate credentials"],
            "none are set in this shell",
            vec![step(whose(), "fails likewise until they are; README.md says how.")],
        ),
        trouble(
            &["ExpiredToken", "RequestExpired"],
            "the credentials have ended, maybe in the midst of it, or the clock of this machine is wrong",
            vec![
                step("date -u".to_owned(), "shows the clock;"),
                step(
                    whose(),
                    "fails until new ones are set in this shell. Where they ended while something was made, the phase says what has to be typed first.",
                ),
            ],
        ),
        trouble(
            &["UnauthorizedOperation", "AccessDenied"],
            "the credentials lack a right, which the message names, or a rule of the account's organization forbids it",
            vec![step(whose(), "shows whose they are; README.md lists what they need.")],
        ),
        trouble(
            &["PendingVerification"],
            "AWS still looks at an account that is new in this region",
            vec![only("Wait for its mail: minutes mostly, four hours at most, as it says.".to_owned())],
        ),
    ]
}

fn bucket_taken(bucket: &BucketName) -> Trouble {
    let list = format!(
        "aws s3api list-buckets --query \"Buckets[?Name=='{bucket}'].[Name,CreationDate]\" --output text"
    );
    trouble(
        &["BucketAlreadyExists", "BucketAlreadyOwnedByYou"],
        "names of buckets are unique in the world, and this one is taken",
        vec![
            step(list, "prints it where it is your own, from an earlier time."),
            only(format!("Name another in the target, as bucket, {AGAIN}")),
        ],
    )
}

/// What the account may have no more of.
fn quotas(aws: &Aws) -> Vec<Trouble> {
    let region = &aws.region;
    let networks = format!(
        "aws ec2 describe-vpcs --region {region} --query 'Vpcs[].[VpcId,CidrBlock,IsDefault]' --output text"
    );
    let addresses = format!(
        "aws ec2 describe-addresses --region {region} --query 'Addresses[].[PublicIp,AllocationId,AssociationId]' --output text"
    );
    let network = || {
        let delete =
            "lists them: delete one that nobody needs, or name a subnet in the target, as existingSubnet,";
        let mut steps = vec![step(networks, &format!("{delete} {AGAIN} Or ask for more:"))];
        steps.extend(more(aws, "vpc", "VPCs per Region"));
        trouble(&["VpcLimitExceeded"], "the account has as many networks in this region as it may", steps)
    };
    let release = "lists them; one that ends with None is at no machine: release it where nobody needs it. Or ask for more:";
    let mut steps = vec![step(addresses, release)];
    steps.extend(more(aws, "ec2", "Elastic IPs"));
    let address = trouble(
        &["AddressLimitExceeded"],
        "the account has as many addresses in this region as it may",
        steps,
    );
    let processors = trouble(
        &["VcpuLimitExceeded"],
        "machines of this kind would have more processors in this region than the account may have",
        more(aws, "ec2", "On-Demand"),
    );
    aws.existing_subnet.is_none().then(network).into_iter().chain([address, processors]).collect()
}

fn no_machine_free(aws: &Aws) -> Trouble {
    let later = "Call the phase again later. Where that takes too long, name another machine in the target, as instanceType,";
    let mut steps = vec![only(format!("{later} {AGAIN}"))];
    steps.extend(switched_off(aws));
    trouble(&["InsufficientInstanceCapacity"], "AWS has no such machine free in this zone just now", steps)
}

/// A machine is stopped before its type is changed, and started after it: what fails in between leaves it stopped.
fn switched_off(aws: &Aws) -> [(String, String); 2] {
    let server = format!("--region {}", aws.region);
    let looks = format!(
        "aws ec2 describe-instances {server} --filters 'Name=tag:Name,Values=stuf-*-server' --query 'Reservations[].Instances[].[InstanceId,State.Name,InstanceType]' --output text"
    );
    let off = "shows whether one that was there before is stopped now. The next call of the phase plans its start; sooner";
    [step(looks, off), step(format!("aws ec2 start-instances {server} --instance-ids ID"), "starts it.")]
}

/// Network and data disk are in one zone, and another machine is less than to move them.
fn not_offered(aws: &Aws) -> Trouble {
    let (region, kind) = (&aws.region, &aws.instance_type);
    let offers = format!(
        "aws ec2 describe-instance-type-offerings --region {region} --location-type availability-zone --output text"
    );
    let zones = format!(
        "{offers} --filters Name=instance-type,Values={kind} --query 'InstanceTypeOfferings[].Location'"
    );
    let kinds = format!(
        "{offers} --filters Name=location,Values=ZONE --query 'InstanceTypeOfferings[].InstanceType'"
    );
    let mut steps = vec![
        step(zones, &format!("names the zones that have {kind},")),
        step(kinds, &format!("what ZONE has: name one of these in the target, as instanceType, {AGAIN}")),
    ];
    steps.extend(switched_off(aws));
    trouble(
        &["is not offered in", "Unsupported", "InvalidInstanceType"],
        "machines of this kind are not offered in the zone that the message names, where network and data disk are or would be, or nowhere in the region",
        steps,
    )
}

/// What holds data refuses to be made anew, also where the run that made it was broken off and it is whole.
fn half_made(aws: &Aws, bucket: &BucketName) -> Trouble {
    let region = &aws.region;
    let name = format!("Where the target has another name or place for it, take that back, {AGAIN}");
    let look = "Where the message ends with an ADDRESS that is marked to be made anew, look whether that is there and whole:";
    let disks = format!(
        "aws ec2 describe-volumes --region {region} --filters 'Name=tag:Name,Values=stuf-*-data' --query 'Volumes[].[VolumeId,State,Size]' --output text"
    );
    let databases = format!(
        "aws rds describe-db-instances --region {region} --query 'DBInstances[].[DBInstanceIdentifier,DBInstanceStatus]' --output text"
    );
    let mut steps = vec![
        only(format!("{name} {look}")),
        step(disks, "shows data disks,"),
        step(
            format!("aws s3api head-bucket --region {region} --bucket {bucket}"),
            "fails where the bucket is not there.",
        ),
    ];
    steps.extend(
        aws.database
            .is_some()
            .then(|| step(databases, "shows databases, of which an available one is whole.")),
    );
    let whole =
        "takes what is whole for what it is. Delete by hand what is not, and the phase makes it anew.";
    steps.push(step("terraform untaint 'ADDRESS'".to_owned(), whole));
    trouble(
        &["Instance cannot be destroyed"],
        "a plan would make anew what holds data, since the target asks for another, or the run that made it was broken off",
        steps,
    )
}

/// Terraform sets the record only where the target names the zone.
fn record_taken(aws: &Aws, target: &Target) -> Option<Trouble> {
    let (zone, domain) = (aws.dns_zone.as_ref()?.as_str(), &target.domain);
    let shows = format!(
        "aws route53 list-resource-record-sets --hosted-zone-id {zone} --query \"ResourceRecordSets[?Name=='{domain}.']\""
    );
    let delete =
        "shows it. Write down what it says; where nobody uses the name any more, delete it in that zone.";
    Some(trouble(
        &["InvalidChangeBatch"],
        "the record of the public name already exists, and what others have set is not overwritten",
        vec![step(shows, delete)],
    ))
}

fn trouble(seen: &[&'static str], cause: &'static str, steps: Vec<(String, String)>) -> Trouble {
    Trouble { seen: seen.to_vec(), cause, steps }
}

fn step(command: String, then: &str) -> (String, String) {
    (command, then.to_owned())
}

/// What no command does.
fn only(then: String) -> (String, String) {
    (String::new(), then)
}

/// How one comes to a larger quota; its code depends on the kind of machine, so that one looks it up by its name.
fn more(aws: &Aws, service: &str, name: &str) -> Vec<(String, String)> {
    let place = format!("--region {} --service-code {service}", aws.region);
    let list = format!(
        "aws service-quotas list-service-quotas {place} --query \"Quotas[?contains(QuotaName,'{name}')].[QuotaCode,Value,QuotaName]\" --output text"
    );
    let ask = format!(
        "aws service-quotas request-service-quota-increase {place} --quota-code CODE --desired-value NUMBER"
    );
    vec![step(list, "shows how many there may be, with its CODE;"), step(ask, "asks for more.")]
}
