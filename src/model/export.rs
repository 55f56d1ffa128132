//! `kind: StufExport`: what leaves a running STUF.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// A checked export.
#[derive(Clone, Debug)]
pub struct Export {
    /// When the export was made; the only clock of a package.
    pub exported_at: Timestamp,
    /// The tool that made it, such as `stuf-kit 1.0.0`.
    pub exporter: Text,
    /// Name of the installation it comes from, such as `harbour.stuf.pyx.io`.
    pub installation: Domain,
    /// The project.
    pub project: Project,
    /// Where the hosted service answers, such as `https://harbour.stuf.pyx.io`.
    pub hosted_url: Origin,
    /// Where uploads are stored.
    pub storage: Storage,
    /// Collections by name.
    pub collections: BTreeMap<CollectionName, Collection>,
    /// Users by id.
    pub users: BTreeMap<UserId, User>,
    /// Zulip and Sentry.
    pub notifications: Notifications,
    /// How it looks.
    pub branding: Branding,
    /// What an uploader is asked for, by field.
    pub metadata_fields: BTreeMap<MetadataFieldName, MetadataField>,
    /// The code-under-glass repository and who reads it.
    pub glass: GlassSettings,
    /// What the source exposes to the outside.
    pub exposure: Exposure,
    /// What runs.
    pub application: Application,
    /// Totals of the content, as the source counts them.
    pub content: ContentTotals,
    /// 32 random bytes, so that digests of personal files cannot be guessed.
    pub salt: Salt,
}

/// The project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Short name.
    pub slug: Slug,
    /// Full name, free text.
    pub name: Text,
    /// Description, free text.
    pub description: Text,
}

/// Where uploads are stored at the source.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Kind of store.
    pub provider: StorageProvider,
    /// Bucket or container.
    pub bucket: BucketName,
    /// Region, such as `eu-west-1`.
    pub region: Option<Text>,
    /// Encryption at rest, such as `AES256` or `aws:kms`; `none` is allowed and shown.
    pub encryption: Text,
    /// Whether the store keeps earlier versions.
    pub versioning: bool,
}

/// Kinds of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StorageProvider {
    /// Amazon S3.
    AwsS3,
    /// Azure Blob Storage.
    AzureBlob,
    /// Garage, S3 on a host.
    Garage,
}

/// One collection of uploads.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Description, free text.
    pub description: Text,
}

/// What somebody may do in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// List and download.
    Read,
    /// Upload.
    Write,
    /// Delete.
    Delete,
}

/// Whether somebody may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// May not.
    Disabled,
}

/// An authorised user.
#[derive(Clone, Debug)]
pub struct User {
    /// E-mail address; the user name in the realm too.
    pub email: Email,
    /// Phone number in E.164.
    pub phone: Option<Phone>,
    /// Name, free text.
    pub name: Text,
    /// Whether the user may sign in.
    pub status: UserStatus,
    /// Realm roles.
    pub roles: BTreeSet<RoleName>,
    /// Permissions by collection.
    pub collections: BTreeMap<CollectionName, BTreeSet<Permission>>,
}

/// Where events are told.
#[derive(Clone, Debug)]
pub struct Notifications {
    /// Zulip.
    pub zulip: Option<Zulip>,
    /// Sentry.
    pub sentry: Option<Sentry>,
}

/// A Zulip channel.
#[derive(Clone, Debug)]
pub struct Zulip {
    /// Address of the Zulip server.
    pub site: Origin,
    /// Channel (stream), free text.
    pub channel: Text,
    /// Topic, free text.
    pub topic: Text,
    /// E-mail address of the bot that posts.
    pub bot_email: Email,
}

/// A Sentry project.
#[derive(Clone, Debug)]
pub struct Sentry {
    /// The DSN holds a key and is treated as a secret; it is dropped and given anew by the TA.
    pub dsn: Option<Secret>,
    /// Environment name that events carry.
    pub environment: Option<Text>,
}

/// How the pages look.
#[derive(Clone, Debug)]
pub struct Branding {
    /// Title of the pages, free text.
    pub title: Text,
    /// Path of the logo inside the export, such as `branding/logo.svg`.
    pub logo: Option<AttachmentPath>,
    /// Colours by name, such as `primary`.
    pub colours: BTreeMap<Text, Colour>,
    /// Path of a style sheet inside the export.
    pub custom_css: Option<AttachmentPath>,
}

/// The metadata fields that STUF knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataFieldName {
    /// File type.
    FileType,
    /// Collection.
    Collection,
    /// Declaration of who owns the intellectual property.
    IpOwnership,
    /// Licence conditions.
    LicenceConditions,
    /// Comment.
    Comment,
}

/// How one metadata field is asked for.
#[derive(Clone, Debug)]
pub struct MetadataField {
    /// Whether it is shown.
    pub enabled: bool,
    /// Whether it must be answered.
    pub required: bool,
    /// The answers to choose from; empty means free text.
    pub options: Vec<Text>,
    /// Whether "don't know" is an answer.
    pub allow_unknown: bool,
    /// Whether "other (specify)" is an answer.
    pub allow_other: bool,
}

/// The code-under-glass repository.
#[derive(Clone, Debug)]
pub struct GlassSettings {
    /// Repository name, `stuf-{slug}`.
    pub repository: Text,
    /// GitHub user names with read access.
    pub readers: BTreeSet<GithubUser>,
}

/// What the source exposes to the outside; compared with what the target will expose.
#[derive(Clone, Debug)]
pub struct Exposure {
    /// TCP ports that answer from outside.
    pub ports: BTreeSet<u16>,
    /// Origins allowed to call the API (CORS); `*` is a value.
    pub origins: BTreeSet<Text>,
    /// Redirect URIs of the public client.
    pub redirect_uris: BTreeSet<Text>,
    /// Factors of a sign-in, such as `password`, `totp`.
    pub factors: BTreeSet<Text>,
    /// Encryption in transit, such as `tls1.2`.
    pub encryption_in_transit: Text,
    /// Encryption at rest, such as `aes256`.
    pub encryption_at_rest: Text,
}

/// What runs.
#[derive(Clone, Debug)]
pub struct Application {
    /// Version, such as `2025.12`.
    pub version: Text,
    /// Commit of the application's source.
    pub commit: Commit,
    /// The release document: every image of every service by digest.
    pub release: BTreeMap<Service, ImageReference>,
}

/// The services of a STUF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// The API.
    Api,
    /// The single-page application.
    Spa,
    /// Identity.
    Keycloak,
    /// The identity server's database.
    Postgres,
    /// Object storage on a host.
    Garage,
    /// The reverse proxy.
    Caddy,
}

/// Totals of the content, as the source counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentTotals {
    /// Number of objects.
    pub objects: u64,
    /// Sum of their sizes.
    pub bytes: u64,
    /// Objects added or changed on an average day, where the source knows.
    pub changed_per_day: Option<u64>,
}
