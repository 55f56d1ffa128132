//! Provider `aws`: a machine and a bucket that Terraform makes in an account of AWS.
//!
//! The ranges are those of the Terraform's own `variables.tf`, so that what it would refuse is a finding before there is a package.

mod reach;
mod rights;
mod site;
mod troubles;
mod words;

pub use words::{AccountId, Authorities, DatabaseClass, InstanceType, PublicKey, Region, SubnetId, ZoneId};

use super::{Amount, Concern, Currency, Day, Kind, Site};
use crate::model::record::record;
use crate::model::{
    BucketName, Cidr, Email, Environment, Export, Service, Size, Slug, StorageProvider, Target, Word as _,
    codes,
};
use std::collections::BTreeSet;

/// What stands at its key.
pub(super) const MEANING: &str = "What is made in your account of AWS, for provider `aws`.";

record! {
    /// What is made in an account of AWS: one machine, one bucket, and what belongs to them.
    pub struct Aws {
        /// Region of everything that is made, such as `eu-west-1`; the uploads do not leave it.
        region: Region,
        /// Public half of the key with which the automation signs in, without a comment; it counts at the first boot only.
        ssh_public_key: PublicKey,
        /// Account that it may be made in, 12 digits in quotes; credentials of any other are refused.
        account_id: Option<AccountId>,
        /// Type of the machine, x86-64 and of the Nitro System (t3, m5 and newer); below 4 GiB of memory the services do not fit.
        instance_type: InstanceType = "t3.large",
        /// System disk, which goes when the machine goes: 16 GiB to 1 TiB.
        root_volume: Size = "30 GiB",
        /// Data disk for databases and journal, which outlives the machine and never shrinks: 10 GiB to 16 TiB.
        data_volume: Size = "50 GiB",
        /// Whether one signs in through Session Manager, which needs no open port; it counts at the first boot only.
        session_manager: bool = true,
        /// Addresses of the network that is made, from /16 to /24.
        vpc_cidr: Cidr = "10.20.0.0/20",
        /// Subnet of yours for the machine, with a route to the internet; then no network is made.
        existing_subnet: Option<SubnetId>,
        /// Bucket for the uploads, a new one; `stuf-`, slug, environment and `-uploads` unless it is said.
        bucket: Option<BucketName>,
        /// Days for which overwritten and deleted files can be brought back, and are paid for.
        noncurrent_version_days: u32 = 30,
        /// TCP ports that the machine may reach anywhere; 80 and 443 have to be among them.
        egress_ports: BTreeSet<u16> = [80, 443, 587],
        /// A database of RDS for Keycloak instead of one on the machine, from the beginning: neither takes the other's place later.
        database: Option<DatabaseOptions>,
        /// Zone in Route 53 that gets the record of the domain, the domain's own and a public one; without it you set the record yourself.
        dns_zone: Option<ZoneId>,
        /// Seconds for which others remember that record.
        dns_ttl_seconds: u32 = 300,
        /// Whether connections are logged in CloudWatch; the logs name addresses of users.
        logs: bool = false,
        /// Days for which logs are kept.
        log_retention_days: u32 = 90,
        /// Who is told when the machine is in trouble, and by the budget.
        alarm_email: Option<Email>,
        /// US dollars a month of the whole account, at which a mail goes to `alarmEmail`; it stops nothing.
        budget_monthly_usd: Option<u32>,
        /// What AWS charges you, from its own page; without it the plan names no cost.
        prices: Option<PriceTable>,
    }
}

record! {
    /// A database of RDS, which holds every user's sign-in and keeps backups of its own.
    pub struct DatabaseOptions {
        /// Class of the database; `db.t4g.micro` carries some hundred users.
        class: DatabaseClass = "db.t4g.micro",
        /// Its storage, which can grow, by a tenth at least each time, and never shrinks: 20 GiB to 1 TiB.
        storage: Size = "20 GiB",
        /// Major version of PostgreSQL, 15 to 19; not newer than the image of PostgreSQL, whose programs make backups of it.
        version: u32 = 17,
        /// Whether a second one stands by in another zone, for twice the price.
        standby: bool = false,
        /// Days for which daily backups are kept, and to any minute of which it goes back: 1 to 35.
        backup_days: u32 = 14,
        /// Subnets of yours for it, two or more in different zones; needed beside `existingSubnet`, and nothing without it.
        subnets: BTreeSet<SubnetId> = [],
        /// Who vouches for it, PEM: what stands at `https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem`.
        authorities: Authorities,
    }
}

record! {
    /// Prices of one region, without tax and discounts.
    pub struct PriceTable {
        /// When they were looked up.
        as_of: Day,
        /// Their currency.
        currency: Currency = "USD",
        /// The machine, by the hour.
        instance_hour: Amount,
        /// A public address, by the hour.
        address_hour: Amount,
        /// A GiB of disk (gp3), by the month.
        volume_gib_month: Amount,
        /// A GiB in the bucket (S3 Standard), by the month.
        storage_gib_month: Amount,
        /// A GiB that leaves AWS.
        egress_gib: Amount,
        /// The database, by the hour, with its standby where it has one; needed where there is a database.
        database_hour: Option<Amount>,
        /// A GiB of its storage (gp3), by the month, with its standby; needed where there is a database.
        database_gib_month: Option<Amount>,
    }
}

/// Numbers of days that CloudWatch knows.
const RETENTIONS: [u32; 15] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731];

/// Seconds for which a record may be remembered when its address changes.
const LIFETIME: u32 = 300;

const GIB: u64 = 1 << 30;

impl Aws {
    /// Services of the release that do not run here.
    const UNUSED: [Service; 1] = [Service::Garage];

    /// The name that a bucket gets unless the target names it: at most 63 characters; none where the slug allows none.
    fn bucket_name(&self, slug: &Slug, environment: Environment) -> Option<BucketName> {
        let name = format!("stuf-{slug}-{environment}-uploads");
        self.bucket.clone().or_else(|| BucketName::parse(name.get(..63).unwrap_or(&name)))
    }
}

impl Kind for Aws {
    fn store(&self) -> StorageProvider {
        StorageProvider::S3
    }

    fn unused(&self) -> &'static [Service] {
        &Self::UNUSED
    }

    fn is_reached_without_ssh(&self) -> bool {
        self.session_manager
    }

    fn takes_ssh_from_everywhere(&self) -> bool {
        false
    }

    fn encrypts_disks(&self) -> bool {
        true
    }

    fn named(&self) -> Vec<String> {
        self.alarm_email.iter().map(ToString::to_string).collect()
    }

    fn concerns(&self, target: &Target, export: Option<&Export>) -> Vec<Concern> {
        let mut concerns = self.out_of_range();
        let mut tell = |code, at: &[&'static str], message: String, expected: &str| {
            concerns.push(Concern::new(code, at, message, expected));
        };
        if let Some(export) = export {
            let slug = &export.project.slug;
            match self.bucket_name(slug, target.environment) {
                None => tell(
                    &codes::PROVIDER_BUCKET,
                    &["aws", "bucket"],
                    format!("a bucket cannot be named after the slug {slug}, which has two hyphens in a row"),
                    "a name of your own, 3 to 63 of a-z, 0-9 and single inner hyphens",
                ),
                Some(name) if name == export.storage.bucket => tell(
                    &codes::PROVIDER_BUCKET,
                    &["aws", "bucket"],
                    "this is the source's own bucket, and names of buckets are unique in the world"
                        .to_owned(),
                    "a name of your own that no bucket has",
                ),
                Some(name) if is_reserved(&name) => tell(
                    &codes::PROVIDER_BUCKET,
                    &["aws", "bucket"],
                    "Amazon keeps names like this one for itself".to_owned(),
                    "a name that neither begins with sthree- or amzn-s3-demo- nor ends with -s3alias",
                ),
                Some(_) => {}
            }
        }
        if let Some((at, message, expected)) = self.database_misplaced() {
            tell(&codes::PROVIDER_DATABASE, &at, message.to_owned(), expected);
        }
        for key in self.unpriced() {
            let message = "the table has prices for everything but the database".to_owned();
            tell(&codes::PROVIDER_PRICES, &["aws", "prices", key], message, "a price such as \"0.0912\"");
        }
        if self.budget_monthly_usd.is_some() && self.alarm_email.is_none() {
            let message = "a budget tells somebody, and nobody is named".to_owned();
            tell(&codes::PROVIDER_BUDGET, &["aws", "alarmEmail"], message, "a mail address");
        }
        if reach::keeps_the_authority_out(target) {
            let message = "the provider's rules let these networks alone reach ports 80 and 443, and the certificate's authority asks from elsewhere".to_owned();
            let expected = "no such key, or another TLS mode, or an authority within them as tls.directory";
            tell(&codes::PROVIDER_ACME, &["allow", "web"], message, expected);
        }
        if self.dns_zone.is_some() && self.dns_ttl_seconds > LIFETIME {
            let message = format!(
                "others would remember the old address for {} s after the cutover",
                self.dns_ttl_seconds
            );
            let expected = format!("{LIFETIME} or less, until the migration is over");
            tell(&codes::PROVIDER_LIFETIME, &["aws", "dnsTtlSeconds"], message, &expected);
        }
        for (port, whose) in self.unreached(target, export) {
            let message = format!("the machine may not reach port {port} of {whose}");
            let expected = format!("{port} among the ports");
            tell(&codes::PROVIDER_EGRESS, &["aws", "egressPorts"], message, &expected);
        }
        concerns
    }

    fn site(&self, target: &Target, export: &Export) -> Site {
        site::of(self, target, export)
    }
}

/// Whether Amazon keeps such names for itself; those that it keeps with dots or two hyphens are no names here anyway.
fn is_reserved(name: &BucketName) -> bool {
    let name = name.as_str();
    ["sthree-", "amzn-s3-demo-"].iter().any(|begin| name.starts_with(begin)) || name.ends_with("-s3alias")
}

impl Aws {
    /// Subnets of the database that do not go together with the machine's.
    fn database_misplaced(&self) -> Option<([&'static str; 3], &'static str, &'static str)> {
        let subnets = self.database.as_ref()?.subnets.len();
        let at = ["aws", "database", "subnets"];
        if self.existing_subnet.is_some() && subnets < 2 {
            let message = "a database in a network of yours needs two subnets, in different zones";
            Some((at, message, "two ids of subnets or more"))
        } else if self.existing_subnet.is_none() && subnets > 0 {
            let message = "the database is in the network that is made, with the machine";
            Some((at, message, "no such key, or existingSubnet beside it"))
        } else {
            None
        }
    }

    /// Prices that are missing, where there is a table.
    fn unpriced(&self) -> Vec<&'static str> {
        let (Some(_), Some(prices)) = (&self.database, &self.prices) else { return Vec::new() };
        let given = [
            ("databaseHour", prices.database_hour.is_some()),
            ("databaseGibMonth", prices.database_gib_month.is_some()),
        ];
        given.into_iter().filter(|(_, there)| !there).map(|(key, _)| key).collect()
    }

    /// What Terraform would refuse of the database's own options.
    fn database_out_of_range(&self) -> Vec<Concern> {
        let Some(database) = &self.database else { return Vec::new() };
        let mut concerns = Vec::new();
        let mut tell = |wrong: bool, key: &'static str, message: String, expected: String| {
            if wrong {
                concerns.push(Concern::new(
                    &codes::VALUE_RANGE,
                    &["aws", "database", key],
                    message,
                    expected,
                ));
            }
        };
        let size = database.storage;
        let whole = size.bytes().is_multiple_of(GIB) && (20..=1_024).contains(&(size.bytes() / GIB));
        let message = "a database of this size is not made".to_owned();
        tell(!whole, "storage", message, "20 GiB to 1024 GiB, whole GiB".to_owned());
        for (key, number, least, most) in
            [("version", database.version, 15, 19), ("backupDays", database.backup_days, 1, 35)]
        {
            let message = format!("the number is not between {least} and {most}");
            tell(!(least..=most).contains(&number), key, message, format!("{least} to {most}"));
        }
        concerns
    }

    /// What Terraform's own `variables.tf` would refuse.
    fn out_of_range(&self) -> Vec<Concern> {
        let mut concerns = self.database_out_of_range();
        let mut tell = |wrong: bool, key: &'static str, message: String, expected: String| {
            if wrong {
                concerns.push(Concern::new(&codes::VALUE_RANGE, &["aws", key], message, expected));
            }
        };
        for (key, size, least, most) in
            [("rootVolume", self.root_volume, 16, 1_024), ("dataVolume", self.data_volume, 10, 16_384)]
        {
            let whole = size.bytes().is_multiple_of(GIB) && (least..=most).contains(&(size.bytes() / GIB));
            let expected = format!("{least} GiB to {most} GiB, whole GiB");
            tell(!whole, key, "a disk of this size is not made".to_owned(), expected);
        }
        for (key, number, least, most) in [
            ("noncurrentVersionDays", self.noncurrent_version_days, 1, 3_650),
            ("dnsTtlSeconds", self.dns_ttl_seconds, 30, 86_400),
            ("budgetMonthlyUsd", self.budget_monthly_usd.unwrap_or(1), 1, 1_000_000),
        ] {
            let message = format!("the number is not between {least} and {most}");
            tell(!(least..=most).contains(&number), key, message, format!("{least} to {most}"));
        }
        let known = RETENTIONS.map(|days| days.to_string()).join(", ");
        tell(
            !RETENTIONS.contains(&self.log_retention_days),
            "logRetentionDays",
            "CloudWatch knows no such number of days".to_owned(),
            format!("one of {known}"),
        );
        let ports = [80, 443].iter().all(|port| self.egress_ports.contains(port));
        let message = "without 80 and 443 the machine gets no packages, images and certificates".to_owned();
        tell(!ports, "egressPorts", message, "80 and 443 among the ports".to_owned());
        let prefix = self.vpc_cidr.as_str().split_once('/').filter(|(address, _)| !address.contains(':'));
        let prefix = prefix.and_then(|(_, length)| length.parse::<u32>().ok());
        tell(
            !prefix.is_some_and(|length| (16..=24).contains(&length)),
            "vpcCidr",
            "a network of this size is not made".to_owned(),
            "an IPv4 network from /16 to /24, such as 10.20.0.0/20".to_owned(),
        );
        concerns
    }
}
