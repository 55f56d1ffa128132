//! `kind: StufTarget`: what the Trust Architect chooses.

use super::*;
use std::collections::BTreeMap;

/// A checked target, defaults filled in.
#[derive(Clone, Debug)]
pub struct Target {
    /// Which way.
    pub pathway: Pathway,
    /// Where it will run.
    pub provider: Provider,
    /// Staging or production.
    pub environment: Environment,
    /// Public name of the new installation; one origin for pages, API and identity.
    pub domain: Domain,
    /// The machine, for provider `host`.
    pub host: Host,
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
    pub defaulted: Vec<(&'static str, String)>,
}

/// Which way a migration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pathway {
    /// From the hosted service to own infrastructure; Zulip stays hosted.
    HostedToSelf,
    /// The same, with an own Zulip.
    HostedToFullySelf,
    /// Back to the hosted service.
    SelfToHosted,
}

/// Where the target runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// An existing machine over SSH.
    Host,
}

/// What the installation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// For trying.
    Staging,
    /// For real.
    Production,
}

/// An existing machine over SSH.
#[derive(Clone, Debug)]
pub struct Host {
    /// Address or name for SSH.
    pub address: HostAddress,
    /// SSH port.
    pub port: u16,
    /// SSH user; needs sudo.
    pub user: UserName,
    /// Pinned host keys, `ssh-ed25519 AAAA…`.
    pub host_keys: Vec<HostKey>,
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

/// Encryption of the connection to the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailEncryption {
    /// STARTTLS.
    Starttls,
    /// TLS from the start.
    Tls,
    /// None; a warning.
    None,
}

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Mail server.
    pub host: HostAddress,
    /// Port, 587 unless said.
    pub port: u16,
    /// Sender.
    pub from: Email,
    /// Encryption.
    pub encryption: MailEncryption,
    /// User name at the mail server.
    pub user: Option<Text>,
    /// Name of the secret that holds the password.
    pub password_secret: Option<SecretName>,
}

/// Who may connect.
#[derive(Clone, Debug)]
pub struct Allow {
    /// Networks that reach SSH.
    pub ssh: Vec<Cidr>,
    /// Networks that reach the pages; empty means everyone.
    pub web: Vec<Cidr>,
}

/// Sizes.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Memory limit of the API.
    pub api_memory: Size,
    /// Largest upload.
    pub upload_limit: Size,
    /// Requests that the proxy hands to the API at once.
    pub parallel_requests: u32,
}

/// How content moves.
#[derive(Clone, Debug)]
pub struct ContentOptions {
    /// Bandwidth in bits per second.
    pub bandwidth: Bandwidth,
    /// Requests per second that the stores bear.
    pub requests_per_second: u32,
    /// Largest number of objects in a batch.
    pub batch_objects: u32,
    /// Largest number of bytes in a batch; a larger object is a batch of its own.
    pub batch_bytes: Size,
    /// When bulk copying may run; empty means always.
    pub windows: Vec<Window>,
    /// Keys that the target cannot hold are renamed by this rule; without it they are a finding.
    pub rename_keys: Option<RenameRule>,
}

/// How a key that the target cannot hold is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenameRule {
    /// Each character that the store cannot hold, and `%`, becomes `%` and two hexadecimal digits per byte.
    PercentEncode,
}

/// When the watch after cutover rolls back.
#[derive(Clone, Debug)]
pub struct Thresholds {
    /// Share of failed requests, in percent.
    pub error_rate_percent: u32,
    /// 95th percentile of response times against the source's own, in percent (150 = one and a half times).
    pub p95_percent: u32,
    /// Consecutive failed checks that are still borne.
    pub failed_checks: u32,
    /// How long the watch lasts.
    pub watch: Duration,
    /// How long the source is kept after finalize's approval becomes possible.
    pub grace: Duration,
}

/// Where images come from.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Certificate of the registry's own authority, PEM.
    pub ca: Option<Text>,
    /// Mirror for images of the public registry.
    pub mirror: Option<Url>,
}

/// How users are told to prove themselves anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invitation {
    /// By mail with an action link.
    Mail,
    /// One-time passwords in a file that only the TA reads.
    OneTimePassword,
}

/// Sign-in.
#[derive(Clone, Debug)]
pub struct IdentityOptions {
    /// Whether a second factor is required of everyone.
    pub require_second_factor: bool,
    /// How users are invited.
    pub invitation: Invitation,
    /// How long an invitation holds.
    pub invitation_lifespan: Duration,
}
