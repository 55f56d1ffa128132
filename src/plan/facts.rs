//! What phases and documents say about this tenant; no user's name, address or number.

use super::SecretUse;
use super::content::Content;
use super::sizes::Sizes;
use crate::model::{
    Bandwidth, BucketName, Checked, Cidr, Commit, Domain, Duration, Environment, HostAddress, ImageReference,
    Invitation, MailEncryption, Notifications, Origin, Pathway, Provider, Service, Slug, Text, Thresholds,
    Timestamp, Tls, UserStatus, Window,
};
use crate::provider::Site;
use std::collections::BTreeMap;

/// How the certificate comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// From an authority by ACME.
    Acme,
    /// Files of the Trust Architect.
    Provided,
    /// From the proxy's own authority.
    Internal,
}

/// The mail server, without the sender's address.
#[derive(Clone, Debug)]
pub struct MailFacts {
    /// Its name.
    pub host: HostAddress,
    /// Its port.
    pub port: u16,
    /// Encryption of the connection.
    pub encryption: MailEncryption,
}

/// A service that gets the migration's own messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// A channel of a Zulip server.
    Zulip,
    /// A project of Sentry.
    Sentry,
}

impl Messages {
    pub(super) fn of(notifications: &Notifications) -> Vec<Self> {
        let zulip = notifications.zulip.as_ref().map(|_| Self::Zulip);
        let sentry = notifications.sentry.as_ref().map(|_| Self::Sentry);
        zulip.into_iter().chain(sentry).collect()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zulip => "Zulip",
            Self::Sentry => "Sentry",
        }
    }

    /// The word for it in data files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Zulip => "zulip",
            Self::Sentry => "sentry",
        }
    }

    /// The secret that the Trust Architect provides for it.
    pub fn secret(self) -> &'static str {
        match self {
            Self::Zulip => "zulip_api_key",
            Self::Sentry => "sentry_dsn",
        }
    }

    /// How one knows that a message arrived.
    pub(super) fn proof(self) -> &'static str {
        match self {
            Self::Zulip => "Zulip shows the message in its topic",
            Self::Sentry => "Sentry answers with the event's own id",
        }
    }
}

/// Everything that texts draw on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Slug.
    pub slug: Slug,
    /// Full name, free text.
    pub project_name: Text,
    /// Environment.
    pub environment: Environment,
    /// Pathway.
    pub pathway: Pathway,
    /// Provider.
    pub provider: Provider,
    /// Public name of the target.
    pub domain: Domain,
    /// Where the source answers.
    pub hosted: Origin,
    /// Package number.
    pub number: u64,
    /// When the export was made.
    pub exported_at: Timestamp,
    /// Until when the package may be started.
    pub expires_at: Timestamp,
    /// Where and on what the target runs.
    pub site: Site,
    /// Networks that reach SSH.
    pub ssh_allowed: Vec<Cidr>,
    /// Networks that reach the pages; empty means everyone.
    pub web_allowed: Vec<Cidr>,
    /// How the certificate comes to be.
    pub certificate: Certificate,
    /// Mail, where the target has it.
    pub mail: Option<MailFacts>,
    /// Users.
    pub users: u64,
    /// Users who may sign in.
    pub active_users: u64,
    /// Collections.
    pub collections: u64,
    /// Configuration documents that `import` writes.
    pub configuration_documents: u64,
    /// Keycloak's realm.
    pub realm: String,
    /// Whether the source's store kept earlier versions.
    pub source_versioning: bool,
    /// Images of the services that run there.
    pub images: BTreeMap<Service, ImageReference>,
    /// Version of the application.
    pub application_version: Text,
    /// Its commit.
    pub application_commit: Commit,
    /// Whether a second factor is required.
    pub second_factor: bool,
    /// How users are invited.
    pub invitation: Invitation,
    /// How long an invitation holds.
    pub invitation_lifespan: Duration,
    /// Whether the disk has to be encrypted.
    pub require_disk_encryption: bool,
    /// Whether the registry has its own authority or a mirror.
    pub own_registry: bool,
    /// Zulip server that keeps getting messages.
    pub zulip: Option<Origin>,
    /// Whether events go to Sentry.
    pub sentry: bool,
    /// Bandwidth.
    pub bandwidth: Bandwidth,
    /// When the cutover may happen.
    pub cutover_windows: Vec<Window>,
    /// When the watch rolls back.
    pub thresholds: Thresholds,
    /// Sizes.
    pub sizes: Sizes,
    /// Where the migration's own messages go.
    pub messages: Vec<Messages>,
    /// Secrets.
    pub secrets: Vec<SecretUse>,
    /// Content.
    pub content: Content,
}

impl Facts {
    pub(super) fn of(
        checked: &Checked,
        number: u64,
        site: Site,
        sizes: Sizes,
        secrets: Vec<SecretUse>,
        content: Content,
    ) -> Self {
        let (export, target) = (&checked.export, &checked.target);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut images = export.application.release.clone();
        images.extend(target.images.iter().map(|(service, image)| (*service, image.clone())));
        images.retain(|service, _| site.runs(*service));
        Self {
            slug: export.project.slug.clone(),
            project_name: export.project.name.clone(),
            environment: target.environment,
            pathway: target.pathway,
            provider: target.provider(),
            domain: target.domain.clone(),
            hosted: export.hosted_url.clone(),
            number,
            exported_at: export.exported_at,
            expires_at: export.exported_at.plus(target.validity),
            site,
            ssh_allowed: target.allow.ssh.clone(),
            web_allowed: target.allow.web.clone(),
            certificate: match target.tls {
                Tls::Acme { .. } => Certificate::Acme,
                Tls::Provided => Certificate::Provided,
                Tls::Internal => Certificate::Internal,
            },
            mail: target.mail.as_ref().map(|mail| MailFacts {
                host: mail.host.clone(),
                port: mail.port,
                encryption: mail.encryption,
            }),
            users: count(export.users.len()),
            active_users: count(
                export.users.values().filter(|user| user.status == UserStatus::Active).count(),
            ),
            collections: count(export.collections.len()),
            // stuf_config.json, metadata_config.json, glass_readers.json, users.json and one document for each user.
            configuration_documents: 4 + count(export.users.len()),
            realm: checked.realm.name.clone(),
            source_versioning: export.storage.versioning,
            images,
            application_version: export.application.version.clone(),
            application_commit: export.application.commit.clone(),
            second_factor: target.identity.require_second_factor,
            invitation: target.identity.invitation,
            invitation_lifespan: target.identity.invitation_lifespan,
            require_disk_encryption: target.require_disk_encryption,
            own_registry: target.registry.ca.is_some() || target.registry.mirror.is_some(),
            zulip: export.notifications.zulip.as_ref().map(|zulip| zulip.site.clone()),
            sentry: export.notifications.sentry.is_some(),
            bandwidth: target.content.bandwidth,
            cutover_windows: target.cutover_windows.clone(),
            thresholds: target.thresholds.clone(),
            sizes,
            messages: Messages::of(&export.notifications),
            secrets,
            content,
        }
    }

    /// Where the users' browsers go after the migration.
    pub fn origin(&self) -> String {
        format!("https://{}", self.domain)
    }

    /// How the SSH client reaches the machine, for commands that people type.
    pub fn ssh(&self) -> String {
        self.ssh_with("")
    }

    /// The same with further options, such as ` -L 8089:localhost:8080`.
    pub fn ssh_with(&self, options: &str) -> String {
        let machine = &self.site.machine;
        match &machine.address {
            Some(address) => format!("ssh -p {}{options} {}@{address}", machine.port, machine.user),
            // Provision writes that file, with the address, the pinned keys and the way there.
            None => format!("ssh -F {}{options} target", self.ssh_config()),
        }
    }

    /// What `provision` writes for the SSH client.
    pub fn ssh_config(&self) -> String {
        format!("{}/inventory/target/ssh_config", super::state_folder(self))
    }

    /// The address of the machine in a sentence.
    pub fn address(&self) -> String {
        let address = self.site.machine.address.as_ref();
        address.map_or_else(|| "the new machine".to_owned(), HostAddress::to_string)
    }

    /// The same in a command that people type; of a machine that is still to be made they keep it in a variable.
    pub fn typed_address(&self) -> String {
        self.site
            .machine
            .address
            .as_ref()
            .map_or_else(|| "${TARGET:?README.md, Prepare}".to_owned(), HostAddress::to_string)
    }

    /// For how many seconds others remember the record of the public name, where Terraform sets it.
    pub fn record_of_terraform(&self) -> Option<u32> {
        self.site.made.as_ref().and_then(|made| made.record)
    }

    /// For how many seconds others remember it from the cutover on: as Terraform sets it, or as whoever sets it is told.
    pub(crate) fn record_lives(&self) -> u64 {
        self.record_of_terraform().map_or(300, u64::from)
    }

    /// How long before its end, in seconds, an invitation is sent anew: a day, or half of one that holds for less than
    /// two. So whoever is invited again that long before the cutover has a link that outlasts its beginning.
    ///
    /// `stuf_invitations.py` of a package reckons the same.
    pub(crate) fn renewal(&self) -> u64 {
        (self.invitation_lifespan.seconds() / 2).min(86_400)
    }

    /// Bucket at the target.
    pub fn bucket(&self) -> &BucketName {
        &self.site.storage.bucket
    }

    /// Name of the environment as it stands in file names.
    pub fn environment_name(&self) -> &'static str {
        match self.environment {
            Environment::Staging => "staging",
            Environment::Production => "production",
        }
    }
}
