//! A checked input made by hand, with texts that no format should trip over.

use std::collections::{BTreeMap, BTreeSet};
use stufpack::model::leak::Scanner;
use stufpack::model::*;

/// Reads a word that is right.
#[track_caller]
pub fn word<W: Word>(text: &str) -> W {
    W::parse(text).unwrap_or_else(|| panic!("{text:?} is not {}", W::EXPECTED))
}

pub const HOSTILE: &str = "Hafen | `Kontor` *#* {{ 7*7 }} ${HOME} <b>&amp;</b>\n# heading \u{202e}olleh [x](http://e.example) $(id)";

fn user(number: usize) -> (UserId, User) {
    let user = User {
        email: word(&format!("person-{number:02}@harbour.example")),
        phone: number.is_multiple_of(2).then(|| word(&format!("+49301234{number:03}"))),
        name: word(&format!("Ada {number:02} O'Neil-{number}")),
        status: if number % 10 == 9 { UserStatus::Disabled } else { UserStatus::Active },
        roles: BTreeSet::from([word("project-participant")]),
        collections: BTreeMap::from([(
            word("reports"),
            BTreeSet::from([Permission::Read, Permission::Write]),
        )]),
    };
    (word(&format!("u-{number:03}")), user)
}

fn release() -> BTreeMap<Service, ImageReference> {
    let image =
        |name: &str| word(&format!("registry.example/{name}@sha256:{}", Digest::of(name.as_bytes()).hex()));
    BTreeMap::from([
        (Service::Api, image("stuf-api")),
        (Service::Spa, image("stuf-spa")),
        (Service::Keycloak, image("keycloak")),
        (Service::Postgres, image("postgres")),
        (Service::Garage, image("garage")),
        (Service::Caddy, image("caddy")),
    ])
}

fn field(required: bool) -> MetadataField {
    MetadataField {
        enabled: true,
        required,
        options: vec![word("Report"), word(HOSTILE)],
        allow_unknown: true,
        allow_other: false,
    }
}

fn export() -> Export {
    Export {
        exported_at: word("2026-11-19T21:04:00Z"),
        exporter: word("stuf-kit 1.0.0"),
        installation: word("harbour.stuf.pyx.io"),
        project: Project { slug: word("harbour"), name: word(HOSTILE), description: word(HOSTILE) },
        hosted_url: word("https://harbour.stuf.pyx.io"),
        storage: Storage {
            provider: StorageProvider::S3,
            bucket: word("stuf-uploads"),
            region: Some(word("eu-west-1")),
            encryption: word("AES256"),
            versioning: true,
        },
        collections: BTreeMap::from([(word("reports"), Collection { description: word(HOSTILE) })]),
        users: (0..60).map(user).collect(),
        notifications: Notifications {
            zulip: Some(Zulip {
                site: word("https://harbour.zulip.example"),
                channel: word(HOSTILE),
                topic: word("uploads"),
                bot_email: word("upload-bot@harbour.zulip.example"),
            }),
            sentry: Some(Sentry {
                dsn: Some(Secret::new("DSN", "https://not-a-real-key@sentry.example/1")),
                environment: None,
            }),
        },
        branding: Branding {
            title: word(HOSTILE),
            logo: Some(word("branding/logo.svg")),
            colours: BTreeMap::from([(word("primary"), word("#0b5fff")), (word("a.b c"), word("#000000"))]),
            custom_css: None,
        },
        metadata_fields: BTreeMap::from([
            (MetadataFieldName::FileType, field(true)),
            (MetadataFieldName::Comment, field(false)),
        ]),
        glass: GlassSettings {
            repository: word("stuf-harbour"),
            readers: BTreeSet::from([word("ada-neil")]),
        },
        exposure: Exposure {
            ports: BTreeSet::from([443]),
            origins: BTreeSet::from([word("*")]),
            redirect_uris: BTreeSet::from([
                word("https://harbour.stuf.pyx.io/*"),
                word("http://localhost:3000/*"),
            ]),
            factors: BTreeSet::from([word("password")]),
            encryption_in_transit: word("tls1.2"),
            encryption_at_rest: word("aes256"),
        },
        application: Application {
            version: word("2025.12"),
            commit: word(&"a1".repeat(20)),
            release: release(),
        },
        content: ContentTotals { objects: 1_000, bytes: 212_000_000_000, changed_per_day: Some(40) },
        salt: word(&"5a".repeat(32)),
    }
}

fn realm(export: &Export) -> Realm {
    let client = |id: &str, public: bool| RealmClient {
        client_id: id.to_owned(),
        public,
        service_account: !public,
        direct_access_grants: public,
        standard_flow: public,
        redirect_uris: vec!["http://localhost:3000/*".to_owned()],
        web_origins: vec!["*".to_owned()],
        default_scopes: vec!["stuf:access".to_owned()],
        optional_scopes: Vec::new(),
        protocol_mappers: Vec::new(),
        attributes: BTreeMap::new(),
    };
    let users = export.users.values().map(|user| {
        let address = user.email.to_string();
        let user = RealmUser {
            username: address.clone(),
            email: Some(address.clone()),
            first_name: Some("Ada".to_owned()),
            last_name: None,
            enabled: user.status == UserStatus::Active,
            email_verified: true,
            roles: user.roles.iter().map(ToString::to_string).collect(),
            collections: user.collections.clone(),
            attributes: BTreeMap::new(),
            service_account_of: None,
        };
        (address, user)
    });
    Realm {
        name: "stuf".to_owned(),
        display_name: Some(HOSTILE.to_owned()),
        ssl_required: Some("none".to_owned()),
        roles: BTreeMap::from([
            ("admin".to_owned(), "everything".to_owned()),
            ("project-participant".to_owned(), String::new()),
        ]),
        clients: [client("stuf-spa", true), client("stuf-api", false), client("Report Robot", false)]
            .into_iter()
            .map(|client| (client.client_id.clone(), client))
            .collect(),
        client_scopes: BTreeMap::from([(
            "stuf:access".to_owned(),
            serde_json::json!({ "name": "stuf:access" }),
        )]),
        users: users.collect(),
        settings: BTreeMap::from([
            ("accessTokenLifespan".to_owned(), serde_json::json!(300)),
            ("registrationAllowed".to_owned(), serde_json::json!(true)),
            ("loginTheme".to_owned(), serde_json::json!("own")),
        ]),
        dropped: vec![
            ("id".to_owned(), "the target's realm has its own"),
            ("clients[3]".to_owned(), "Keycloak makes this client in every realm"),
        ],
        called: BTreeMap::from([("clients[3]".to_owned(), "clients[account]".to_owned())]),
        credentials: vec![(
            "clients[1].secret".to_owned(),
            Secret::new("client secret", "not-a-real-secret"),
        )],
    }
}

fn target() -> Target {
    Target {
        pathway: Pathway::HostedToSelf,
        environment: Environment::Production,
        domain: word("files.harbour.example"),
        place: Place::Host(Box::new(stufpack::provider::Host {
            address: word("192.0.2.10"),
            port: 22,
            user: word("deploy"),
            host_keys: vec![word(
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMLVx4nJ5rhBqVTqwZy1YbnyvVUfYf9iPTwlb9XRaZzQ",
            )],
        })),
        tls: Tls::Acme { email: word("tls@harbour.example"), directory: None },
        mail: Some(Mail {
            host: word("mail.harbour.example"),
            port: 587,
            from: word("stuf@harbour.example"),
            encryption: MailEncryption::Starttls,
            user: Some(word("stuf")),
            password_secret: Some(word("mail_password")),
        }),
        recipients: Vec::new(),
        allow: Allow { ssh: vec![word("192.0.2.0/24")], web: Vec::new() },
        sizes: Sizes { api_memory: word("1 GiB"), upload_limit: word("100 MiB"), parallel_requests: 4 },
        content: ContentOptions {
            bandwidth: word("100 Mbit/s"),
            requests_per_second: 100,
            batch_objects: 100,
            batch_bytes: word("50 GB"),
            timetable: Vec::new(),
            windows: vec![word("mon-fri 22:00-06:00")],
            rename_keys: None,
        },
        cutover_windows: vec![word("sat 06:00-14:00")],
        thresholds: Thresholds {
            error_rate_percent: 5,
            p95_percent: 150,
            failed_checks: 3,
            watch: word("72 h"),
            grace: word("30 d"),
        },
        images: BTreeMap::new(),
        registry: Registry { ca: None, mirror: None },
        identity: IdentityOptions {
            require_second_factor: true,
            invitation: Invitation::Mail,
            invitation_lifespan: word("3 d"),
        },
        validity: word("30 d"),
        require_disk_encryption: true,
        defaulted: vec![("spec.sizes.apiMemory".to_owned(), "1 GiB".to_owned())],
    }
}

/// A harbour with 60 users and 212 GB in ten batches.
pub fn harbour() -> Checked {
    let export = export();
    Checked {
        realm: realm(&export),
        target: target(),
        attachments: BTreeMap::new(),
        content: ContentSummary {
            objects: 1_000,
            bytes: 212_000_000_000,
            largest: 3_000_000_000,
            histogram: vec![(4_096, 400), (1 << 30, 600)],
            sorted: true,
            batches: vec![(100, 21_200_000_000); 10],
            one_by_one: 1,
            renamed: 1,
            without_digest: (0, 0),
        },
        inventory: None,
        export_digest: Digest::of(b"export"),
        target_digest: Digest::of(b"target"),
        leaves: Leaves::default(),
        secrets: Scanner::new(&[]),
        warnings: Vec::new(),
        unpacked: None,
        export,
    }
}

/// The same without content, mail, notifications and windows.
#[allow(dead_code, reason = "each test file uses a part of this one")]
pub fn least() -> Checked {
    let mut least = harbour();
    least.export.notifications = Notifications { zulip: None, sentry: None };
    least.export.content = ContentTotals { objects: 0, bytes: 0, changed_per_day: None };
    least.content = ContentSummary::default();
    least.target.mail = None;
    least.target.content.windows = Vec::new();
    least.target.cutover_windows = Vec::new();
    least.target.identity.invitation = Invitation::OneTimePassword;
    least.target.identity.require_second_factor = false;
    least.target.require_disk_encryption = false;
    least.target.tls = Tls::Internal;
    least
}

/// An example that comes with the program, read and checked as the program does it.
#[allow(dead_code, reason = "each test file uses a part of this one")]
pub fn example(name: &str) -> Checked {
    example_with(name, "target.yaml")
}

/// The same with another target of its folder.
#[allow(dead_code, reason = "each test file uses a part of this one")]
pub fn example_with(name: &str, target: &str) -> Checked {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let source =
        stufpack::read::source(&folder.join("export"), Some(&folder.join(target))).expect("it can be read");
    stufpack::check::all(source).unwrap_or_else(|findings| panic!("{name}: {findings:#?}"))
}
