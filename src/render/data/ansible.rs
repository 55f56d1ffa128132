//! Ansible's one variables file, and of a machine that exists already its inventory and the pinned host keys.

use super::compose::environment;
use crate::model::{
    Checked, File, Files, HostAddress, Invitation, MailEncryption, RenameRule, Service, Target,
    TimedBandwidth, Tls, Window,
};
use crate::plan::{NeededBy, P95_FLOOR_MILLISECONDS, Plan};
use crate::provider::{Machine, Site};
use crate::render::yaml::ansible_yaml;
use serde_json::{Map, Value, json};

pub(super) fn add(files: &mut Files, plan: &Plan, checked: &Checked) {
    let mut put = |path: &str, text: String| {
        files.insert(format!("infrastructure/ansible/{path}"), File::data(text));
    };
    put(
        "group_vars/all.yml",
        ansible_yaml(
            "The values of this installation; roles and playbooks are the same for everyone.\n\
             Every text is !unsafe: whatever stands in it, Ansible never reads it as a template.",
            &variables(plan, checked),
        ),
    );
    let machine = &plan.facts.site.machine;
    // Of a machine that is still to be made, provision writes both.
    if let Some(address) = &machine.address {
        put(
            "inventory/target/hosts.yml",
            ansible_yaml("The machine that STUF moves to.", &inventory(machine, address)),
        );
        put("inventory/target/known_hosts", known_hosts(machine, address));
    }
}

fn variables(plan: &Plan, checked: &Checked) -> Value {
    let groups = [
        installation(plan, checked),
        services(plan, checked),
        storage(&plan.facts.site),
        content(plan, checked),
    ];
    groups
        .into_iter()
        .filter_map(|group| if let Value::Object(group) = group { Some(group) } else { None })
        .flatten()
        .collect()
}

fn installation(plan: &Plan, checked: &Checked) -> Value {
    let (export, target) = (&checked.export, &checked.target);
    let site = &plan.facts.site;
    let names =
        [Service::Api, Service::Spa, Service::Keycloak, Service::Postgres, Service::Garage, Service::Caddy];
    let image = |service: Service| Some((service.to_string(), json!(plan.facts.images.get(&service)?)));
    let images: Map<String, Value> = names.into_iter().filter_map(image).collect();
    let secrets: Vec<Value> = plan
        .facts
        .secrets
        .iter()
        .filter(|secret| secret.needed_by == NeededBy::Prepare)
        .map(|secret| json!({ "name": secret.name, "origin": secret.origin, "purpose": secret.purpose }))
        .collect();
    json!({
        "stuf_slug": export.project.slug,
        "stuf_environment": environment(target.environment),
        "stuf_domain": target.domain,
        "stuf_project_name": export.project.name,
        "stuf_realm": checked.realm.name,
        "stuf_bucket": plan.facts.bucket(),
        "stuf_package_number": plan.facts.number,
        "stuf_images": images,
        "stuf_api_memory_mib": plan.facts.sizes.api_memory_mib,
        "stuf_api_parallel_requests": plan.facts.sizes.parallel_requests,
        "stuf_upload_limit_mib": plan.facts.sizes.upload_limit_mib,
        "stuf_user_count": export.users.len(),
        "stuf_secrets": secrets,
        "stuf_mail": mail(target),
        "preflight_disk_bytes": plan.facts.sizes.disk_bytes,
        "baseline_ssh_port": site.machine.port,
        "baseline_ssh_allowed_cidrs": target.allow.ssh,
        "baseline_require_disk_encryption": target.require_disk_encryption && site.disks_encrypted.is_none(),
        "baseline_fail2ban_max_retry": 6,
        "docker_registry_ca": target.registry.ca,
        "docker_registry_mirror": target.registry.mirror,
    })
}

fn services(plan: &Plan, checked: &Checked) -> Value {
    let (export, target) = (&checked.export, &checked.target);
    let (tls_mode, acme_email, acme_directory) = match &target.tls {
        Tls::Acme { email, directory } => ("acme", json!(email), json!(directory)),
        Tls::Provided => ("provided", Value::Null, Value::Null),
        Tls::Internal => ("internal", Value::Null, Value::Null),
    };
    json!({
        "proxy_tls_mode": tls_mode,
        "proxy_acme_email": acme_email,
        "proxy_acme_directory": acme_directory,
        "proxy_allowed_cidrs": target.allow.web,
        "proxy_http_port": 80,
        "proxy_https_port": 443,
        "identity_display_name": checked.realm.display_name,
        "identity_require_totp": target.identity.require_second_factor,
        "identity_invitation_lifespan_seconds": target.identity.invitation_lifespan.seconds(),
        "identity_invite_by": match target.identity.invitation {
            Invitation::Mail => "mail",
            Invitation::OneTimePassword => "one-time-password",
        },
        "notification_services": plan.facts.messages.iter().map(|service| service.word()).collect::<Vec<_>>(),
        "validation_source": export.hosted_url,
        "validation_fast_milliseconds": P95_FLOOR_MILLISECONDS,
        "validation_slower_percent": target.thresholds.p95_percent,
    })
}

fn storage(site: &Site) -> Value {
    let mut storage = json!({ "storage_kind": site.storage.kind, "storage_region": site.storage.region });
    if let Some(endpoint) = site.storage.endpoint() {
        storage["storage_endpoint"] = format!("https://{endpoint}").into();
    }
    if site.data_volume {
        storage["baseline_data_device_wanted"] = true.into();
    }
    // Where it is, the inventory tells, which is written once it is made.
    if let Some(database) = &site.database {
        storage["database_kind"] = database.kind.into();
        storage["database_authorities"] = database.authorities.clone().into();
    }
    storage
}

fn content(plan: &Plan, checked: &Checked) -> Value {
    let (export, target) = (&checked.export, &checked.target);
    let timed = |timed: &TimedBandwidth| json!({"time": written(&timed.window), "bits_per_second": timed.bandwidth.0});
    let timetable: Vec<Value> = target.content.timetable.iter().map(timed).collect();
    json!({
        "content_source_bucket": export.storage.bucket,
        "content_objects": plan.facts.content.objects,
        "content_bytes": plan.facts.content.bytes,
        "content_bandwidth_bits_per_second": plan.facts.content.bandwidth,
        "content_requests_per_second": plan.facts.content.requests_per_second,
        "content_rename_keys": target.content.rename_keys.map(|RenameRule::PercentEncode| "percent-encode"),
        "content_windows": target.content.windows.iter().map(written).collect::<Vec<_>>(),
        "content_bandwidth_timetable": timetable,
    })
}

/// A window as a target writes it: in UTC, which the copying program takes for granted.
fn written(window: &Window) -> String {
    window.to_string().trim_end_matches(" UTC").to_owned()
}

fn mail(target: &Target) -> Value {
    let Some(mail) = &target.mail else { return Value::Null };
    json!({
        "host": mail.host,
        "port": mail.port,
        "from": mail.from,
        "encryption": match mail.encryption {
            MailEncryption::Starttls => "starttls",
            MailEncryption::Tls => "tls",
            MailEncryption::None => "none",
        },
        "user": mail.user,
        "password_secret": mail.password_secret,
    })
}

fn inventory(machine: &Machine, address: &HostAddress) -> Value {
    json!({
        "stuf": {
            "hosts": {
                "target": {
                    "ansible_host": address,
                    "ansible_port": machine.port,
                    "ansible_user": machine.user,
                },
            },
        },
    })
}

/// `known_hosts` names a machine as `[host]:port` unless the port is 22 (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
fn known_hosts(machine: &Machine, address: &HostAddress) -> String {
    let name = match machine.port {
        22 => address.to_string(),
        port => format!("[{address}]:{port}"),
    };
    machine.host_keys.iter().map(|key| format!("{name} {key}\n")).collect()
}
