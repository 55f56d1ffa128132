//! `kind: StufTarget`: what the Trust Architect chooses.

use super::record::record;
use super::tree::{Node, Value};
use super::walk::{Definitions, Shape, Walk};
use super::words::choice;
use super::{
    AgeRecipient, Bandwidth, Cidr, Domain, Duration, Email, HostAddress, ImageReference, Origin, Place,
    Provider, SecretName, Service, Size, Text, TimedBandwidth, Url, Window, codes,
};
use std::collections::BTreeMap;

/// A checked target, defaults filled in.
#[derive(Clone, Debug)]
pub struct Target {
    /// Which way.
    pub pathway: Pathway,
    /// Where it will run, with what the provider has to know.
    pub place: Place,
    /// Staging or production.
    pub environment: Environment,
    /// Public name of the new installation; one origin for pages, API and identity.
    pub domain: Domain,
    /// How the proxy gets its certificate.
    pub tls: Tls,
    /// How invitations are sent.
    pub mail: Option<Mail>,
    /// Who can decrypt personal files in the glass and encrypted packages.
    pub recipients: Vec<AgeRecipient>,
    /// Who may connect.
    pub allow: Allow,
    /// Sizes.
    pub sizes: Sizes,
    /// How content moves.
    pub content: ContentOptions,
    /// When the cutover may happen.
    pub cutover_windows: Vec<Window>,
    /// When the watch after cutover rolls back.
    pub thresholds: Thresholds,
    /// Images by digest that replace those of the release document.
    pub images: BTreeMap<Service, ImageReference>,
    /// Where images come from.
    pub registry: Registry,
    /// Sign-in.
    pub identity: IdentityOptions,
    /// How long after the export the package may be started.
    pub validity: Duration,
    /// Encryption of the disk: required, or accepted as it is by the TA.
    pub require_disk_encryption: bool,
    /// For each optional setting that the document leaves out: key path and the default taken.
    pub defaulted: Vec<(String, String)>,
}

impl Target {
    /// The provider.
    pub fn provider(&self) -> Provider {
        self.place.provider()
    }
}

impl From<(TargetSpec, Vec<(String, String)>)> for Target {
    fn from((spec, defaulted): (TargetSpec, Vec<(String, String)>)) -> Self {
        let TargetSpec {
            pathway,
            provider: _,
            environment,
            domain,
            place,
            tls,
            mail,
            recipients,
            allow,
            sizes,
            content,
            cutover_windows,
            thresholds,
            images,
            registry,
            identity,
            validity,
            require_disk_encryption,
        } = spec;
        Self {
            pathway,
            place,
            environment,
            domain,
            tls,
            mail,
            recipients,
            allow,
            sizes,
            content,
            cutover_windows,
            thresholds,
            images,
            registry,
            identity,
            validity,
            require_disk_encryption,
            defaulted,
        }
    }
}

record! {
    /// What the Trust Architect chooses.
    pub struct TargetSpec {
        /// Which way the migration goes.
        pathway: Pathway,
        /// Where the target runs.
        provider: Provider,
        /// What the installation is for.
        environment: Environment,
        /// Public name of the new installation; one origin for pages, API and identity.
        domain: Domain,
        /// What the provider has to know, by the key that is called after it.
        place: Place,
        /// How the proxy gets its certificate.
        tls: Tls,
        /// How invitations are sent; without it, users get one-time passwords.
        mail: Option<Mail>,
        /// Who can decrypt personal files in the glass and encrypted packages.
        recipients: Vec<AgeRecipient> = [],
        /// Who may connect.
        allow: Allow,
        /// Sizes of the API.
        sizes: Sizes = {},
        /// How content moves.
        content: ContentOptions = {},
        /// When the cutover may happen; empty means at any time.
        cutover_windows: Vec<Window> = [],
        /// When the watch after cutover rolls back.
        thresholds: Thresholds = {},
        /// Images by digest that replace those of the release document.
        images: BTreeMap<Service, ImageReference> = {},
        /// Where images come from.
        registry: Registry = {},
        /// Sign-in.
        identity: IdentityOptions = {},
        /// How long after the export the package may be started.
        validity: Duration = "30 d",
        /// Whether the disk must be encrypted; `false` accepts it as it is and is reported.
        require_disk_encryption: bool = true,
    }
}

choice! {
    /// Which way a migration goes.
    pub enum Pathway {
        /// From the hosted service to own infrastructure; Zulip stays hosted.
        HostedToSelf = "hosted-to-self",
        /// The same, with an own Zulip.
        HostedToFullySelf = "hosted-to-fully-self",
        /// Back to the hosted service.
        SelfToHosted = "self-to-hosted",
    }
}

choice! {
    /// What the installation is for.
    pub enum Environment {
        /// For trying.
        Staging = "staging",
        /// For real.
        Production = "production",
    }
}

/// How the proxy gets its certificate.
#[derive(Clone, Debug)]
pub enum Tls {
    /// ACME, Let's Encrypt unless another directory is named.
    Acme {
        /// Contact address given to the authority.
        email: Email,
        /// Directory of another authority.
        directory: Option<Url>,
    },
    /// Files that the TA gives.
    Provided,
    /// The proxy's own authority: for staging.
    Internal,
}

choice! {
    /// Ways to a certificate.
    pub enum TlsMode {
        /// ACME, Let's Encrypt unless another directory is named.
        Acme = "acme",
        /// Files that the TA gives.
        Provided = "provided",
        /// The proxy's own authority: for staging.
        Internal = "internal",
    }
}

record! {
    /// How the proxy gets its certificate.
    pub struct TlsSettings {
        /// `acme` asks an authority, `provided` takes files that you give, `internal` is the proxy's own authority, for staging.
        mode: TlsMode,
        /// Contact address given to the authority; needed with `acme`.
        email: Option<Email>,
        /// ACME directory of another authority than Let's Encrypt.
        directory: Option<Url>,
    }
}

impl Shape for Tls {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        let TlsSettings { mode, email, directory } = TlsSettings::walk(node, walk);
        if mode != TlsMode::Acme {
            for key in ["email", "directory"] {
                if let Some(value) = node.get(key) {
                    walk.inside(super::tree::Step::Key(key), |walk| {
                        let message = format!("`{key}` means nothing with mode {mode}");
                        walk.tell(value, &codes::TLS_SURPLUS, message, "mode acme, or no such key");
                    });
                }
            }
        }
        match mode {
            TlsMode::Provided => Self::Provided,
            TlsMode::Internal => Self::Internal,
            TlsMode::Acme => {
                let named = node.get("email").is_some() || !matches!(node.value, Value::Map(_));
                let usable = node.get("mode").is_some();
                let email = match email {
                    Some(email) => email,
                    None if named || !usable => Email::placeholder(),
                    None => walk.missing(node, "email", "the certificate authority writes to this address"),
                };
                Self::Acme { email, directory }
            }
        }
    }

    fn placeholder() -> Self {
        Self::Provided
    }

    fn expected() -> String {
        TlsSettings::expected()
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        TlsSettings::schema(definitions)
    }
}

choice! {
    /// Encryption of the connection to the mail server.
    pub enum MailEncryption {
        /// STARTTLS.
        Starttls = "starttls",
        /// TLS from the start.
        Tls = "tls",
        /// None; a warning.
        None = "none",
    }
}

record! {
    /// How mail is sent.
    pub struct Mail {
        /// Mail server.
        host: HostAddress,
        /// Port, 587 unless said.
        port: u16 = 587,
        /// Sender.
        from: Email,
        /// Encryption.
        encryption: MailEncryption = "starttls",
        /// User name at the mail server.
        user: Option<Text>,
        /// Name of the secret that holds the password.
        password_secret: Option<SecretName>,
    }
}

record! {
    /// Who may connect.
    pub struct Allow {
        /// Networks that reach SSH.
        ssh: Vec<Cidr>,
        /// Networks that reach the pages; empty means everyone.
        web: Vec<Cidr> = [],
    }
}

record! {
    /// Sizes.
    pub struct Sizes {
        /// Memory limit of the API.
        api_memory: Size = "1 GiB",
        /// Largest upload.
        upload_limit: Size = "100 MiB",
        /// Requests that the proxy hands to the API at once.
        parallel_requests: u32 = 4,
    }
}

record! {
    /// How content moves.
    pub struct ContentOptions {
        /// Bandwidth in bits per second.
        bandwidth: Bandwidth = "100 Mbit/s",
        /// Other bandwidths at other times of the week.
        timetable: Vec<TimedBandwidth> = [],
        /// Requests per second that the stores bear.
        requests_per_second: u32 = 100,
        /// Largest number of objects in a batch.
        batch_objects: u32 = 10000,
        /// Largest number of bytes in a batch; a larger object is a batch of its own.
        batch_bytes: Size = "10 GiB",
        /// When bulk copying may run; empty means always.
        windows: Vec<Window> = [],
        /// Keys that the target cannot hold are renamed by this rule; without it they are a finding.
        rename_keys: Option<RenameRule>,
    }
}

choice! {
    /// How a key that the target cannot hold is renamed.
    pub enum RenameRule {
        /// Each character that the store cannot hold, and `%`, becomes `%` and two hexadecimal digits per byte.
        PercentEncode = "percent-encode",
    }
}

record! {
    /// When the watch after cutover rolls back.
    pub struct Thresholds {
        /// Share of failed requests, in percent.
        error_rate_percent: u32 = 5,
        /// 95th percentile of response times against the source's own, in percent (150 = one and a half times).
        p95_percent: u32 = 150,
        /// Consecutive failed checks that are still borne.
        failed_checks: u32 = 3,
        /// How long the watch lasts.
        watch: Duration = "24 h",
        /// How long the source is kept after finalize's approval becomes possible.
        grace: Duration = "30 d",
    }
}

record! {
    /// Where images come from.
    pub struct Registry {
        /// Certificate of the registry's own authority, PEM.
        ca: Option<Text>,
        /// Mirror for images of the public registry.
        mirror: Option<Origin>,
    }
}

choice! {
    /// How users are told to prove themselves anew.
    pub enum Invitation {
        /// By mail with an action link.
        Mail = "mail",
        /// One-time passwords in a file that only the TA reads.
        OneTimePassword = "one-time-password",
    }
}

record! {
    /// Sign-in.
    pub struct IdentityOptions {
        /// Whether a second factor is required of everyone.
        require_second_factor: bool = true,
        /// How users are invited: by mail where `mail` is set, unless said otherwise.
        invitation: Invitation = "one-time-password",
        /// How long an invitation holds.
        invitation_lifespan: Duration = "72 h",
    }
}
