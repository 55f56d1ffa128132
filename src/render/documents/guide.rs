//! README, operations, security, troubleshooting, checklist and messages: the installation as its people see it.

use super::site::SiteText;
use super::{plan, words};
use crate::model::{Invitation, MailEncryption};
use crate::plan::{Certificate, Counts, Gate, NeededBy, Phase, Place, Plan, SecretUse, figures};
use serde::Serialize;

/// What those documents say.
#[derive(Serialize)]
pub(super) struct Guide {
    project: String,
    slug: String,
    pathway: &'static str,
    environment: &'static str,
    domain: String,
    hosted: String,
    number: u64,
    exported: String,
    expires: String,
    state: String,
    installation: String,
    ssh: String,
    /// The client of a database that is not on the machine.
    client: &'static str,
    site: SiteText,
    ssh_allowed: Vec<String>,
    web_allowed: Vec<String>,
    acme: bool,
    provided_certificate: bool,
    internal_certificate: bool,
    mail: Option<MailText>,
    provided: Vec<String>,
    secrets: Vec<SecretUse>,
    by_mail: bool,
    invitation_lifespan: String,
    second_factor: bool,
    disk_encryption: bool,
    users: String,
    active_users: u64,
    collections: String,
    realm: String,
    versioning_lost: bool,
    images: Vec<(String, String)>,
    application_version: String,
    upload_limit: u64,
    sufficient_memory: u64,
    memory: u64,
    parallel: u64,
    largest: String,
    largest_too_large: bool,
    content: bool,
    reading: String,
    reads_for: String,
    in_windows: bool,
    zulip: Option<String>,
    sentry: bool,
    own_registry: bool,
    run: Vec<(String, &'static str)>,
    planned: Vec<&'static str>,
    rollback: bool,
    without_uploads: String,
    windows: Vec<String>,
    counts: Counts,
    grace: String,
}

/// The mail server.
#[derive(Serialize)]
struct MailText {
    host: String,
    port: u16,
    encryption: &'static str,
}

impl Guide {
    pub fn of(plan: &Plan) -> Self {
        let facts = &plan.facts;
        let site = SiteText::of(plan);
        let phases = |wanted: fn(&Phase) -> bool| {
            let gates = plan.public().gates;
            let typed = |phase: &Phase| -> Vec<(String, &'static str)> {
                let itself = (phase.command.to_owned(), phase.title);
                let approval = |gate: &Gate| {
                    let word = gate.id.trim_start_matches("approve-");
                    (
                        format!("./migrate approve {word}"),
                        "opens its gate for exactly this plan; of the report that it rests on, each warning is accepted by --accept CHECK",
                    )
                };
                match gates.iter().find(|gate| gate.phase == phase.id) {
                    None => vec![itself],
                    Some(gate) if gate.before.is_none() => vec![approval(gate), itself],
                    // What is approved is shown by the phase itself, which then goes on from there.
                    Some(gate) => vec![
                        (phase.command.to_owned(), "shows what would be made, and changes nothing"),
                        approval(gate),
                        itself,
                    ],
                }
            };
            plan.phases.iter().filter(|phase| wanted(phase)).flat_map(typed).collect()
        };
        Self {
            project: facts.project_name.to_string(),
            slug: facts.slug.to_string(),
            pathway: words::pathway(facts.pathway),
            environment: words::environment(facts.environment),
            domain: facts.domain.to_string(),
            hosted: facts.hosted.to_string(),
            number: facts.number,
            exported: words::moment(facts.exported_at),
            expires: words::moment(facts.expires_at),
            state: words::state_folder(facts),
            installation: format!("{}-{}", facts.slug, words::environment(facts.environment)),
            ssh: facts.ssh(),
            client: "sudo docker compose --project-directory /opt/stuf/compose run --rm --no-deps --no-TTY postgres",
            ssh_allowed: facts.ssh_allowed.iter().map(ToString::to_string).collect(),
            web_allowed: facts.web_allowed.iter().map(ToString::to_string).collect(),
            acme: facts.certificate == Certificate::Acme,
            provided_certificate: facts.certificate == Certificate::Provided,
            internal_certificate: facts.certificate == Certificate::Internal,
            mail: facts.mail.as_ref().map(|mail| MailText {
                host: mail.host.to_string(),
                port: mail.port,
                encryption: match mail.encryption {
                    MailEncryption::Starttls => "STARTTLS",
                    MailEncryption::Tls => "TLS",
                    MailEncryption::None => "no encryption",
                },
            }),
            provided: plan::provided(plan)
                .filter(|secret| secret.needed_by == NeededBy::Prepare && !site.comes_later(&secret.name))
                .map(|secret| secret.name.clone())
                .collect(),
            secrets: facts.secrets.clone(),
            by_mail: facts.invitation == Invitation::Mail,
            invitation_lifespan: figures::duration(facts.invitation_lifespan.seconds()),
            second_factor: facts.second_factor,
            disk_encryption: facts.require_disk_encryption,
            users: figures::count(facts.users, "user", "users"),
            active_users: facts.active_users,
            collections: figures::count(facts.collections, "collection", "collections"),
            realm: facts.realm.clone(),
            versioning_lost: facts.source_versioning && facts.site.storage.versions_kept_days.is_none(),
            site,
            images: facts
                .images
                .iter()
                .map(|(service, image)| (words::service(*service).to_owned(), image.to_string()))
                .collect(),
            application_version: facts.application_version.to_string(),
            upload_limit: facts.sizes.upload_limit_mib,
            sufficient_memory: facts.sizes.sufficient_memory_mib,
            memory: facts.sizes.api_memory_mib,
            parallel: facts.sizes.parallel_requests,
            largest: figures::bytes(facts.content.largest),
            largest_too_large: facts.content.largest.div_ceil(1 << 20) > facts.sizes.bearable_upload_mib,
            content: facts.content.objects > 0,
            reading: figures::duration(facts.content.reading()),
            reads_for: figures::duration(facts.content.elapsed_at_most),
            in_windows: facts.content.bound_to_windows,
            zulip: facts.zulip.as_ref().map(ToString::to_string),
            sentry: facts.sentry,
            own_registry: facts.own_registry,
            run: phases(|phase| phase.automated && phase.place == Place::Forward),
            planned: plan.phases.iter().filter(|phase| !phase.automated).map(|phase| phase.id).collect(),
            rollback: plan.runs("rollback"),
            // People are told a round figure, and never a shorter one.
            without_uploads: figures::duration(plan.timetable.without_uploads.div_ceil(300) * 300),
            windows: facts.cutover_windows.iter().map(ToString::to_string).collect(),
            counts: plan.counts(),
            grace: figures::duration(facts.thresholds.grace.seconds()),
        }
    }
}
