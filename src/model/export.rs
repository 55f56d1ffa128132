//! `kind: StufExport`: what leaves a running STUF.

use super::record::record;
use super::words::choice;
use super::{
    AttachmentPath, BucketName, CollectionName, Colour, Commit, Domain, Email, GithubUser, ImageReference,
    Origin, Phone, RoleName, Salt, Secret, Slug, Text, Timestamp, UserId,
};
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

impl From<(ExportMetadata, ExportSpec)> for Export {
    fn from((metadata, spec): (ExportMetadata, ExportSpec)) -> Self {
        let ExportMetadata { exported_at, exporter, installation } = metadata;
        let ExportSpec {
            project,
            hosted_url,
            storage,
            collections,
            users,
            notifications,
            branding,
            metadata_fields,
            glass,
            exposure,
            application,
            content,
            salt,
        } = spec;
        Self {
            exported_at,
            exporter,
            installation,
            project,
            hosted_url,
            storage,
            collections,
            users,
            notifications,
            branding,
            metadata_fields,
            glass,
            exposure,
            application,
            content,
            salt,
        }
    }
}

record! {
    /// Who made the export, where and when.
    pub struct ExportMetadata {
        /// When the export was made; the only clock of a package.
        exported_at: Timestamp,
        /// The tool that made it, such as `stuf-kit 1.0.0`.
        exporter: Text,
        /// Name of the installation it comes from, such as `harbour.stuf.pyx.io`.
        installation: Domain,
    }
}

record! {
    /// The settings of a running STUF.
    pub struct ExportSpec {
        /// The project.
        project: Project,
        /// Where the hosted service answers, such as `https://harbour.stuf.pyx.io`.
        hosted_url: Origin,
        /// Where uploads are stored.
        storage: Storage,
        /// Collections by name.
        collections: BTreeMap<CollectionName, Collection>,
        /// Users by id.
        users: BTreeMap<UserId, User>,
        /// Zulip and Sentry.
        notifications: Notifications = {},
        /// How it looks.
        branding: Branding,
        /// What an uploader is asked for, by field.
        metadata_fields: BTreeMap<MetadataFieldName, MetadataField> = {},
        /// The code-under-glass repository and who reads it.
        glass: GlassSettings,
        /// What the source exposes to the outside.
        exposure: Exposure,
        /// What runs.
        application: Application,
        /// Totals of the content, as the source counts them.
        content: ContentTotals,
        /// 32 random bytes as 64 hexadecimal digits, so that digests of personal files cannot be guessed.
        salt: Salt,
    }
}

record! {
    /// The project.
    pub struct Project {
        /// Short name.
        slug: Slug,
        /// Full name, free text.
        name: Text,
        /// Description, free text.
        description: Text = "",
    }
}

record! {
    /// Where uploads are stored at the source.
    pub struct Storage {
        /// Kind of store.
        provider: StorageProvider,
        /// Bucket or container.
        bucket: BucketName,
        /// Region, such as `eu-west-1`.
        region: Option<Text>,
        /// Encryption at rest, such as `AES256` or `aws:kms`; `none` is allowed and shown.
        encryption: Text,
        /// Whether the store keeps earlier versions.
        versioning: bool,
    }
}

choice! {
    /// Kinds of store.
    pub enum StorageProvider {
        /// Amazon S3.
        S3 = "aws-s3",
        /// Azure Blob Storage.
        AzureBlob = "azure-blob",
        /// Garage, S3 on a host.
        Garage = "garage",
    }
}

record! {
    /// One collection of uploads.
    pub struct Collection {
        /// Description, free text.
        description: Text = "",
    }
}

choice! {
    /// What somebody may do in a collection.
    pub enum Permission {
        /// List and download.
        Read = "read",
        /// Upload.
        Write = "write",
        /// Delete.
        Delete = "delete",
    }
}

choice! {
    /// Whether somebody may sign in.
    pub enum UserStatus {
        /// May sign in.
        Active = "active",
        /// May not.
        Disabled = "disabled",
    }
}

record! {
    /// An authorised user.
    pub struct User {
        /// E-mail address; the user name in the realm too.
        email: Email,
        /// Phone number in E.164.
        phone: Option<Phone>,
        /// Name, free text.
        name: Text,
        /// Whether the user may sign in.
        status: UserStatus,
        /// Realm roles.
        roles: BTreeSet<RoleName> = [],
        /// Permissions by collection.
        collections: BTreeMap<CollectionName, BTreeSet<Permission>> = {},
    }
}

record! {
    /// Where events are told.
    pub struct Notifications {
        /// Zulip.
        zulip: Option<Zulip>,
        /// Sentry.
        sentry: Option<Sentry>,
    }
}

record! {
    /// A Zulip channel.
    pub struct Zulip {
        /// Address of the Zulip server.
        site: Origin,
        /// Channel (stream), free text.
        channel: Text,
        /// Topic, free text.
        topic: Text,
        /// E-mail address of the bot that posts.
        bot_email: Email,
    }
}

record! {
    /// A Sentry project.
    pub struct Sentry {
        /// The DSN holds a key and is treated as a secret; it is dropped and given anew by the TA.
        dsn: Option<Secret>,
        /// Environment name that events carry.
        environment: Option<Text>,
    }
}

record! {
    /// How the pages look.
    pub struct Branding {
        /// Title of the pages, free text.
        title: Text,
        /// Path of the logo inside the export, such as `branding/logo.svg`.
        logo: Option<AttachmentPath>,
        /// Colours by name, such as `primary`.
        colours: BTreeMap<Text, Colour> = {},
        /// Path of a style sheet inside the export.
        custom_css: Option<AttachmentPath>,
    }
}

choice! {
    /// The metadata fields that STUF knows.
    pub enum MetadataFieldName {
        /// File type.
        FileType = "file_type",
        /// Collection.
        Collection = "collection",
        /// Declaration of who owns the intellectual property.
        IpOwnership = "ip_ownership",
        /// Licence conditions.
        LicenceConditions = "licence_conditions",
        /// Comment.
        Comment = "comment",
    }
}

record! {
    /// How one metadata field is asked for.
    pub struct MetadataField {
        /// Whether it is shown.
        enabled: bool,
        /// Whether it must be answered.
        required: bool = false,
        /// The answers to choose from; empty means free text.
        options: Vec<Text> = [],
        /// Whether "don't know" is an answer.
        allow_unknown: bool = false,
        /// Whether "other (specify)" is an answer.
        allow_other: bool = false,
    }
}

record! {
    /// The code-under-glass repository.
    pub struct GlassSettings {
        /// Repository name, `stuf-{slug}`.
        repository: Text,
        /// GitHub user names with read access.
        readers: BTreeSet<GithubUser> = [],
    }
}

record! {
    /// What the source exposes to the outside; compared with what the target will expose.
    pub struct Exposure {
        /// TCP ports that answer from outside.
        ports: BTreeSet<u16>,
        /// Origins allowed to call the API (CORS); `*` is a value.
        origins: BTreeSet<Text>,
        /// Redirect URIs of the public client.
        redirect_uris: BTreeSet<Text>,
        /// Factors of a sign-in, such as `password`, `totp`.
        factors: BTreeSet<Text>,
        /// Encryption in transit, such as `tls1.2`.
        encryption_in_transit: Text,
        /// Encryption at rest, such as `aes256`.
        encryption_at_rest: Text,
    }
}

record! {
    /// What runs.
    pub struct Application {
        /// Version, such as `2025.12`.
        version: Text,
        /// Commit of the application's source.
        commit: Commit,
        /// The release document: every image of every service by digest.
        release: BTreeMap<Service, ImageReference>,
    }
}

choice! {
    /// The services of a STUF.
    pub enum Service {
        /// The API.
        Api = "api",
        /// The single-page application.
        Spa = "spa",
        /// Identity.
        Keycloak = "keycloak",
        /// The identity server's database.
        Postgres = "postgres",
        /// Object storage on a host.
        Garage = "garage",
        /// The reverse proxy.
        Caddy = "caddy",
    }
}

record! {
    /// Totals of the content, as the source counts them.
    pub struct ContentTotals {
        /// Number of objects.
        objects: u64,
        /// Sum of their sizes.
        bytes: u64,
        /// Objects added or changed on an average day, where the source knows.
        changed_per_day: Option<u64>,
    }
}
