//! The target's choices: each against the others, and against the export.

use super::notes::{In, Notes};
use crate::model::codes::{self, CodeInfo};
use crate::model::tree::steps;
use crate::model::{
    Cidr, Environment, Export, Finding, Invitation, Location, Mail, MailEncryption, Pathway, Service, Shown,
    Sizes, Target, Tls, Window, Word, is_certificate,
};
use crate::model::{memory, placeholder, tree};
use crate::provider;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Names below these are never given a certificate by a public authority.
const INTERNAL: [&str; 10] =
    ["local", "internal", "lan", "home", "corp", "intranet", "test", "invalid", "localhost", "arpa"];

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

pub(super) fn check(notes: &mut Notes<'_>, target: &Target, export: Option<&Export>) {
    placeholders(notes);
    place(notes, target, export);
    tls(notes, target);
    if let Some(mail) = &target.mail {
        self::mail(notes, mail);
    }
    identity(notes, target, export);
    people(notes, target);
    sizes(notes, &target.sizes);
    windows(notes, "cutoverWindows", steps!["spec", "cutoverWindows"], &target.cutover_windows);
    windows(notes, "content.windows", steps!["spec", "content", "windows"], &target.content.windows);
    let timetable: Vec<Window> = target.content.timetable.iter().map(|timed| timed.window.clone()).collect();
    windows(notes, "content.timetable", steps!["spec", "content", "timetable"], &timetable);
    thresholds(notes, target);
    images(notes, target, export);
}

/// Examples that nobody replaced.
fn placeholders(notes: &mut Notes<'_>) {
    let Some(document) = notes.document(In::Target) else { return };
    let mut left = Vec::new();
    document.each_leaf(&mut |path, node| {
        if let Some(example) = node.text().and_then(placeholder::find) {
            let at = Location {
                file: document.name.clone(),
                line: node.at.line,
                column: node.at.column,
                path: path.to_owned(),
            };
            let mut finding = Finding::of(&codes::TARGET_PLACEHOLDER, at, example.problem())
                .found(Shown::Text(example.value.to_owned()))
                .expected(example.meaning);
            if let Some(command) = example.command {
                finding = finding.next(format!("replace the example with what this prints: {command}"));
            }
            finding.line = document.line(node.at, example.value);
            left.push(finding);
        }
    });
    notes.findings.append(&mut left);
}

fn place(notes: &mut Notes<'_>, target: &Target, export: Option<&Export>) {
    if target.pathway != Pathway::HostedToSelf {
        let message = format!("packages for {} cannot be made yet", target.pathway);
        notes.tell(&codes::TARGET_PATHWAY, In::Target, steps!["spec", "pathway"], message, "hosted-to-self");
    }
    let domain = target.domain.as_str();
    let hosted = export.map(|export| export.installation.as_str());
    if hosted == Some(domain) || domain.ends_with(".stuf.pyx.io") {
        let message = "the hosted service answers under this name, and goes on doing so";
        notes.tell(
            &codes::TARGET_DOMAIN_HOSTED,
            In::Target,
            steps!["spec", "domain"],
            message,
            "a name of your own domain",
        );
    }
    for provider::Concern { code, at, message, expected } in provider::concerns(target, export) {
        let path: Vec<_> = std::iter::once("spec").chain(at).map(tree::Step::Key).collect();
        notes.tell(code, In::Target, &path, message, expected);
    }
    if !target.require_disk_encryption {
        let (code, message, expected) = if target.place.encrypts_disks() {
            let message = "every disk is made encrypted there, and nothing turns that off";
            (&codes::PROVIDER_SURPLUS, message, "true, or no such key")
        } else {
            let message = "files would lie in clear on a disk that somebody may take away";
            (&codes::DISK_ENCRYPTION, message, "true")
        };
        notes.tell(code, In::Target, steps!["spec", "requireDiskEncryption"], message, expected);
    }
    if let Some(ca) = &target.registry.ca
        && !is_certificate(ca.as_str())
    {
        notes.tell_hidden(
            &codes::REGISTRY_CA,
            In::Target,
            steps!["spec", "registry", "ca"],
            "this is not a certificate in PEM form",
            "-----BEGIN CERTIFICATE----- …",
        );
    }
}

fn tls(notes: &mut Notes<'_>, target: &Target) {
    let at = steps!["spec", "tls", "mode"];
    match &target.tls {
        Tls::Acme { .. } => {
            let top = target.domain.as_str().rsplit('.').next().unwrap_or("");
            if INTERNAL.contains(&top) && notes.usable(In::Target, "spec.domain") {
                let message = format!("no public authority knows names below .{top}");
                notes.tell(
                    &codes::TLS_ACME_NAME,
                    In::Target,
                    at,
                    message,
                    "mode provided or internal, or a public name",
                );
            }
        }
        Tls::Internal if target.environment == Environment::Production => {
            notes.tell(
                &codes::TLS_INTERNAL_PRODUCTION,
                In::Target,
                at,
                "browsers would warn every user",
                "acme or provided",
            );
        }
        Tls::Internal | Tls::Provided => {}
    }
}

fn mail(notes: &mut Notes<'_>, mail: &Mail) {
    let at = |key| {
        [
            crate::model::tree::Step::Key("spec"),
            crate::model::tree::Step::Key("mail"),
            crate::model::tree::Step::Key(key),
        ]
    };
    if mail.encryption == MailEncryption::None {
        if mail.user.is_some() || mail.password_secret.is_some() {
            notes.tell(
                &codes::MAIL_PASSWORD_CLEAR,
                In::Target,
                &at("encryption"),
                "the password would be sent in clear",
                "starttls or tls",
            );
        } else {
            notes.tell(
                &codes::MAIL_CLEAR,
                In::Target,
                &at("encryption"),
                "invitations would be sent in clear",
                "starttls or tls",
            );
        }
    }
    if mail.user.is_some()
        && mail.password_secret.is_none()
        && notes.usable(In::Target, "spec.mail.passwordSecret")
    {
        notes.tell(
            &codes::MAIL_PASSWORD_MISSING,
            In::Target,
            &at("passwordSecret"),
            "a user without a password",
            "the name of a secret, such as mail_password",
        );
    }
    if let Some(name) = mail.password_secret.as_ref().filter(|name| is_taken(name.as_str())) {
        notes.tell(
            &codes::SECRET_TAKEN,
            In::Target,
            &at("passwordSecret"),
            format!("{name} is the name of another secret, or of where they lie"),
            "a name of its own, such as mail_password",
        );
    }
    if mail.password_secret.is_some() && mail.user.is_none() && notes.usable(In::Target, "spec.mail.user") {
        notes.tell(
            &codes::MAIL_USER_MISSING,
            In::Target,
            &at("user"),
            "a password without a user",
            "the user name at the mail server",
        );
    }
    let usual = match mail.port {
        465 => mail.encryption == MailEncryption::Tls,
        587 => mail.encryption == MailEncryption::Starttls,
        _ => true,
    };
    if !usual && mail.encryption != MailEncryption::None {
        let message = format!("port {} does not usually speak {}", mail.port, mail.encryption);
        notes.tell(&codes::MAIL_PORT, In::Target, &at("port"), message, "587 with starttls, or 465 with tls");
    }
}

fn identity(notes: &mut Notes<'_>, target: &Target, export: Option<&Export>) {
    let identity = &target.identity;
    if identity.invitation == Invitation::Mail
        && target.mail.is_none()
        && notes.usable(In::Target, "spec.mail")
    {
        let message = "invitations by mail are chosen, and there is no mail server";
        notes.tell(
            &codes::MAIL_MISSING,
            In::Target,
            steps!["spec", "identity", "invitation"],
            message,
            "spec.mail, or one-time-password",
        );
    }
    if !identity.require_second_factor && notes.usable(In::Target, "spec.identity.requireSecondFactor") {
        let at = steps!["spec", "identity", "requireSecondFactor"];
        let before = export.filter(|_| notes.usable(In::Export, "spec.exposure.factors"));
        let second = before
            .is_some_and(|export| export.exposure.factors.iter().any(|factor| factor.as_str() != "password"));
        if second {
            let message = "the source asks for a second factor, and the target would not";
            notes.tell(&codes::GATE_EXPOSURE, In::Target, at, message, "true");
        } else {
            notes.tell(&codes::IDENTITY_FACTOR, In::Target, at, "a password alone would be enough", "true");
        }
    }
    if !(HOUR..=30 * DAY).contains(&identity.invitation_lifespan.seconds()) {
        let message = "nobody could use this invitation in time, or anybody who finds it later could";
        notes.tell(
            &codes::IDENTITY_LIFESPAN,
            In::Target,
            steps!["spec", "identity", "invitationLifespan"],
            message,
            "1 h to 30 d",
        );
    }
}

fn people(notes: &mut Notes<'_>, target: &Target) {
    if target.recipients.is_empty() {
        let message = "no recipient is named";
        notes.tell(
            &codes::RECIPIENTS_NONE,
            In::Target,
            steps!["spec", "recipients"],
            message,
            "age recipients",
        );
    }
    let mut seen = BTreeSet::new();
    for (index, recipient) in target.recipients.iter().enumerate() {
        if !seen.insert(recipient.as_str()) {
            notes.tell(
                &codes::RECIPIENT_DUPLICATE,
                In::Target,
                steps!["spec", "recipients", index],
                "this recipient stands twice",
                "each recipient once",
            );
        }
    }
    if target.allow.ssh.is_empty() && !target.place.is_reached_without_ssh() {
        let message = "nobody could administer the machine, and stufpack neither";
        notes.tell(
            &codes::VALUE_EMPTY,
            In::Target,
            steps!["spec", "allow", "ssh"],
            message,
            "the networks that you administer from",
        );
    }
    for (key, networks) in [("ssh", &target.allow.ssh), ("web", &target.allow.web)] {
        for (index, network) in networks.iter().enumerate() {
            let at = steps!["spec", "allow", key, index];
            if key == "ssh" && network.as_str().ends_with("/0") {
                let (code, message) = if target.place.takes_ssh_from_everywhere() {
                    (&codes::ALLOW_SSH_WORLD, "this is every address there is")
                } else {
                    (
                        &codes::PROVIDER_SSH,
                        "this is every address there is, and the provider's rules refuse it",
                    )
                };
                notes.tell(code, In::Target, at, message, "the networks that you administer from");
            }
            let outer = networks
                .iter()
                .enumerate()
                .find(|(other, outer)| *other != index && covers(outer, network, *other < index));
            if let Some((_, outer)) = outer {
                let message = format!("this network is part of {outer}");
                notes.tell(&codes::ALLOW_COVERED, In::Target, at, message, "each network once");
            }
        }
    }
}

/// Whether `inner` lies in `outer`; equal ones count for the later of the two alone.
fn covers(outer: &Cidr, inner: &Cidr, earlier: bool) -> bool {
    let parts = |cidr: &Cidr| {
        let (address, prefix) = cidr.as_str().split_once('/')?;
        Some((address.parse::<IpAddr>().ok()?, prefix.parse::<u32>().ok()?))
    };
    let (Some((outer_address, outer_prefix)), Some((inner_address, inner_prefix))) =
        (parts(outer), parts(inner))
    else {
        return false;
    };
    if outer_prefix > inner_prefix || (outer_prefix == inner_prefix && !earlier) {
        return false;
    }
    match (outer_address, inner_address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (u32::from(a) ^ u32::from(b)).checked_shr(32 - outer_prefix).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (u128::from(a) ^ u128::from(b)).checked_shr(128 - outer_prefix).unwrap_or(0) == 0
        }
        _ => false,
    }
}

fn sizes(notes: &mut Notes<'_>, sizes: &Sizes) {
    let upload = sizes.upload_limit.bytes().div_ceil(1 << 20);
    let needed = memory::sufficient_memory_mib(upload, u64::from(sizes.parallel_requests));
    if needed > sizes.api_memory.mebibytes() && notes.usable(In::Target, "spec.sizes") {
        let decimal = |key| decimal(notes, key);
        let message = format!(
            "{} uploads of {} MiB{} need {} MiB, and the API has {} MiB{}",
            sizes.parallel_requests,
            upload,
            decimal("uploadLimit"),
            needed,
            sizes.api_memory.mebibytes(),
            decimal("apiMemory"),
        );
        let key = if notes
            .document(In::Target)
            .is_some_and(|document| document.find(steps!["spec", "sizes", "apiMemory"]).is_some())
        {
            "apiMemory"
        } else {
            "uploadLimit"
        };
        notes.tell(
            &codes::SIZES_MEMORY,
            In::Target,
            steps!["spec", "sizes", key],
            message,
            format!("apiMemory of {needed} MiB or more"),
        );
    }
}

/// Where a size of the target is written in powers of ten: what it says, and what would be a little more.
fn decimal(notes: &Notes<'_>, key: &'static str) -> String {
    let node = notes.document(In::Target).and_then(|document| document.find(steps!["spec", "sizes", key]));
    let written = node.and_then(|node| node.text()).and_then(|text| text.split_once(' '));
    match written {
        Some((number, unit @ ("kB" | "MB" | "GB" | "TB"))) => {
            let binary = format!("{}iB", unit[..1].to_uppercase());
            format!(" ({number} {unit} counts in powers of ten, and is less than {number} {binary})")
        }
        _ => String::new(),
    }
}

/// What the largest stored object asks for; told after the inventory was read.
pub(super) fn largest(notes: &mut Notes<'_>, target: &Target, largest: u64) {
    let needed = memory::sufficient_memory_mib(largest.div_ceil(1 << 20), 1);
    if needed > target.sizes.api_memory.mebibytes() {
        let message = format!("handing out the largest object takes {needed} MiB of memory");
        notes.tell(
            &codes::SIZES_OBJECT,
            In::Target,
            steps!["spec", "sizes", "apiMemory"],
            message,
            format!("{needed} MiB or more"),
        );
    }
}

fn windows(notes: &mut Notes<'_>, name: &str, at: &[crate::model::tree::Step<'_>], windows: &[Window]) {
    if !notes.usable(In::Target, &format!("spec.{name}")) {
        return;
    }
    let mut earlier: Vec<(usize, u64, u64)> = Vec::new();
    for (index, window) in windows.iter().enumerate() {
        let mut here = at.to_vec();
        here.push(crate::model::tree::Step::Item(index));
        if window.minutes() < 60 {
            let message = format!("the window is {} minutes long", window.minutes());
            notes.tell(&codes::WINDOW_SHORT, In::Target, &here, message, "an hour or more");
        }
        let week = 7 * 1440;
        let spans: Vec<(u64, u64)> = window.spans().map(|(start, length)| (start, start + length)).collect();
        let meets = |a: (u64, u64), b: (u64, u64)| {
            [0, week].iter().any(|shift| {
                (a.0 < b.1 + shift && b.0 + shift < a.1) || (b.0 < a.1 + shift && a.0 + shift < b.1)
            })
        };
        let other =
            earlier.iter().find(|(_, start, end)| spans.iter().any(|span| meets(*span, (*start, *end))));
        if let Some((other, ..)) = other {
            let message = format!("this window overlaps the one at [{other}]");
            notes.tell(&codes::WINDOW_OVERLAP, In::Target, &here, message, "windows that do not overlap");
        }
        earlier.extend(spans.into_iter().map(|(start, end)| (index, start, end)));
    }
}

fn thresholds(notes: &mut Notes<'_>, target: &Target) {
    let thresholds = &target.thresholds;
    let mut tell = |code: &'static CodeInfo, key: &'static str, message: &str, expected: &str| {
        notes.tell(code, In::Target, steps!["spec", "thresholds", key], message, expected);
    };
    if !(1..=100).contains(&thresholds.error_rate_percent) {
        tell(&codes::THRESHOLD_ERRORS, "errorRatePercent", "this is no share", "1 to 100");
    }
    if thresholds.p95_percent < 100 {
        tell(
            &codes::THRESHOLD_P95,
            "p95Percent",
            "the target would have to be faster than the source",
            "100 or more",
        );
    }
    if thresholds.grace < thresholds.watch {
        tell(
            &codes::THRESHOLD_GRACE,
            "grace",
            "grace ends before the watch does",
            "at least as long as watch",
        );
    }
    let validity = target.validity.seconds();
    if validity < DAY {
        notes.tell(
            &codes::VALIDITY_SHORT,
            In::Target,
            steps!["spec", "validity"],
            "this is less than a day",
            "1 d to 90 d",
        );
    } else if validity > 90 * DAY {
        notes.tell(
            &codes::VALIDITY_LONG,
            In::Target,
            steps!["spec", "validity"],
            "this is more than 90 days",
            "1 d to 90 d",
        );
    }
}

/// Whether the installation has secrets of such a name itself; each stands in a file that is called so.
fn is_taken(name: &str) -> bool {
    let own = ["keycloak_", "postgres_", "garage_", "storage_", "database_", "zulip_", "sentry_", "source_"];
    name == "services" || own.iter().any(|begin| name.starts_with(begin))
}

fn images(notes: &mut Notes<'_>, target: &Target, export: Option<&Export>) {
    let Some(export) = export else { return };
    let digest = |service: &Service| {
        let image = target.images.get(service).or_else(|| export.application.release.get(service))?;
        image.as_str().rsplit_once('@').map(|(_, digest)| digest)
    };
    for service in target.images.keys() {
        let same = |other: &&Service| *other != service && digest(other) == digest(service);
        if let Some(other) = Service::ALL.iter().find(same) {
            notes.tell(
                &codes::IMAGE_SAME,
                In::Target,
                steps!["spec", "images", service.as_str()],
                format!("{service} has the same image as {other}"),
                "an image of its own for each service",
            );
        }
    }
    for service in Service::ALL.iter().filter(|service| !target.place.unused().contains(service)) {
        let named = export.application.release.contains_key(service) || target.images.contains_key(service);
        if !named && notes.usable(In::Target, "spec.images") {
            let message = format!("no image is named for {service}");
            let expected = crate::model::ImageReference::EXPECTED;
            notes.tell(
                &codes::IMAGE_MISSING,
                In::Export,
                steps!["spec", "application", "release", service.as_str()],
                message,
                expected,
            );
        }
    }
}
