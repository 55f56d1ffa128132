//! What each value of a package touches: a decision for each, by file and key.
//!
//! A test goes through every value of the goldens and finds those of which nobody has decided.

use crate::compare::facts::Class;
use crate::compare::realm;
use crate::pack::names::{MANIFEST, PLAN};
use Class::{Configuration, Cosmetic, Data, Exposure, Identity};
use Touches::{Follows, NotCounted, Of};

/// Users, as the application reads them and as Keycloak does.
pub(super) const USERS: &str = "configuration/api-config/users/users.json";
pub(super) const REALM_USERS: &str = "configuration/integration-config/realm-users.json";
/// What becomes of every setting.
pub(super) const LEDGER: &str = "docs/ledger.json";

const ALL: &str = "infrastructure/ansible/group_vars/all.yml";
const HOSTS: &str = "infrastructure/ansible/inventory/target/hosts.yml";
const KNOWN_HOSTS: &str = "infrastructure/ansible/inventory/target/known_hosts";
const TFVARS: &str = "infrastructure/terraform/terraform.tfvars.json";
const ENV: &str = "infrastructure/compose/.env";
const STUF: &str = "configuration/api-config/stuf_config.json";
const REALM: &str = "configuration/integration-config/realm.json";
const SUMMARY: &str = "content/summary.json";

/// What a difference in a value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touches {
    /// It touches this.
    Of(Class),
    /// It says again what other values say, or counts them: it is not compared.
    Follows,
    /// It may differ between two packages that say the same, since ….
    NotCounted(&'static str),
}

const EXPORTED: &str = "every export has its own time";
const COUNTED: &str = "packages are counted";
const OF_SOURCE: &str = "what the export says is compared itself";
const OF_TARGET: &str = "what the package has of the target is compared itself";
/// Why the digests of what a package was made from are not counted: of the same in other words, they are others.
pub(super) const INPUTS: [&str; 2] = [OF_SOURCE, OF_TARGET];

/// File (or the folder that it lies in, with a slash at its end), key, and what it touches. The longest key that a value's
/// begins with decides; whatever follows or is not counted has nothing below it that decides otherwise.
const RULES: &[(&str, &str, Touches)] = &[
    (MANIFEST, "schema", Follows),
    (MANIFEST, "kind", Follows),
    (MANIFEST, "package", Of(Configuration)),
    (MANIFEST, "package.id", Follows),
    (MANIFEST, "package.name", NotCounted(COUNTED)),
    (MANIFEST, "package.number", NotCounted(COUNTED)),
    (MANIFEST, "package.previous", NotCounted(COUNTED)),
    (MANIFEST, "bill", Follows),
    (MANIFEST, "package.issuer", Of(Identity)),
    (MANIFEST, "createdAt", NotCounted(EXPORTED)),
    (MANIFEST, "expiresAt", NotCounted(EXPORTED)),
    (MANIFEST, "tool", Of(Cosmetic)),
    (MANIFEST, "source", NotCounted(OF_SOURCE)),
    (MANIFEST, "target", NotCounted(OF_TARGET)),
    (MANIFEST, "plan", Follows),
    (MANIFEST, "code", Follows),
    (MANIFEST, "data", Follows),
    (MANIFEST, "personal", Follows),
    (MANIFEST, "requires", Of(Configuration)),
    (MANIFEST, "secrets", Of(Configuration)),
    (MANIFEST, "secrets[].purpose", Of(Cosmetic)),
    (PLAN, "schema", Follows),
    (PLAN, "plan", Follows),
    (PLAN, "first_screen", Of(Configuration)),
    (PLAN, "phases", Of(Configuration)),
    (PLAN, "phases[].title", Follows),
    (PLAN, "phases[].purpose", Follows),
    (PLAN, "phases[].instead", Follows),
    (PLAN, "phases[].steps[].title", Follows),
    (PLAN, "phases[].steps[].what", Follows),
    (PLAN, "phases[].steps[].instead.not_here", Follows),
    (PLAN, "phases[].steps[].undo.none", Follows),
    (PLAN, "phases[].steps[].estimate.formula", Follows),
    (PLAN, "phases[].steps[].estimate.figures", Follows),
    (PLAN, "phases[].steps[].share", Follows),
    (PLAN, "phases[].steps[].scale", Follows),
    (PLAN, "not_needed", Of(Configuration)),
    (PLAN, "not_needed[].why", Follows),
    (PLAN, "timetable", Of(Configuration)),
    (PLAN, "timetable.preparation", Follows),
    (PLAN, "timetable.cutover", Follows),
    (PLAN, "timetable.without_uploads", Follows),
    (PLAN, "timetable.slack_formula", Follows),
    (PLAN, "verbs", Of(Configuration)),
    (PLAN, "verbs[].what", Follows),
    (PLAN, "gates", Of(Configuration)),
    (PLAN, "gates[].decides", Follows),
    (PLAN, "thresholds", Of(Configuration)),
    // The prices are the target's own, and the rest follows.
    (PLAN, "price", Of(Cosmetic)),
    (PLAN, "content", Follows),
    (PLAN, "sizes", Of(Configuration)),
    (PLAN, "sizes.formula", Follows),
    (PLAN, "sizes.figures", Follows),
    (PLAN, "secrets", Follows),
    (PLAN, "ledger", Follows),
    (ALL, "stuf_slug", Of(Configuration)),
    (ALL, "stuf_environment", Of(Configuration)),
    (ALL, "stuf_domain", Of(Exposure)),
    (ALL, "stuf_project_name", Of(Cosmetic)),
    (ALL, "stuf_realm", Of(Configuration)),
    (ALL, "stuf_bucket", Of(Data)),
    (ALL, "stuf_package_number", NotCounted(COUNTED)),
    (ALL, "stuf_images", Of(Configuration)),
    (ALL, "stuf_api_memory_mib", Of(Configuration)),
    (ALL, "stuf_api_parallel_requests", Of(Configuration)),
    (ALL, "stuf_upload_limit_mib", Of(Configuration)),
    (ALL, "stuf_user_count", Of(Identity)),
    (ALL, "stuf_secrets", Of(Configuration)),
    (ALL, "stuf_secrets[].purpose", Of(Cosmetic)),
    (ALL, "stuf_mail", Of(Configuration)),
    (ALL, "stuf_mail.encryption", Of(Exposure)),
    (ALL, "preflight_disk_bytes", Of(Configuration)),
    (ALL, "baseline_ssh_port", Of(Exposure)),
    (ALL, "baseline_ssh_allowed_cidrs", Of(Exposure)),
    (ALL, "baseline_require_disk_encryption", Of(Data)),
    (ALL, "baseline_fail2ban_max_retry", Of(Exposure)),
    (ALL, "docker_registry_ca", Of(Configuration)),
    (ALL, "docker_registry_mirror", Of(Configuration)),
    (ALL, "proxy_tls_mode", Of(Exposure)),
    (ALL, "proxy_acme_email", Of(Configuration)),
    (ALL, "proxy_acme_directory", Of(Exposure)),
    (ALL, "proxy_allowed_cidrs", Of(Exposure)),
    (ALL, "proxy_http_port", Of(Exposure)),
    (ALL, "proxy_https_port", Of(Exposure)),
    (ALL, "identity_display_name", Of(Cosmetic)),
    (ALL, "identity_require_totp", Of(Exposure)),
    (ALL, "identity_invitation_lifespan_seconds", Of(Exposure)),
    (ALL, "identity_invite_by", Of(Exposure)),
    (ALL, "notification_services", Of(Configuration)),
    (ALL, "validation_source", Of(Configuration)),
    (ALL, "validation_fast_milliseconds", Of(Configuration)),
    (ALL, "validation_slower_percent", Of(Configuration)),
    (ALL, "storage_kind", Of(Data)),
    (ALL, "storage_region", Of(Data)),
    (ALL, "storage_endpoint", Of(Data)),
    (ALL, "baseline_data_device_wanted", Of(Data)),
    (ALL, "database_kind", Of(Data)),
    (ALL, "database_authorities", Of(Exposure)),
    (ALL, "content_source_bucket", Of(Data)),
    (ALL, "content_objects", Of(Data)),
    (ALL, "content_bytes", Of(Data)),
    (ALL, "content_rename_keys", Of(Data)),
    (ALL, "content_bandwidth_bits_per_second", Of(Configuration)),
    (ALL, "content_requests_per_second", Of(Configuration)),
    (ALL, "content_windows", Of(Configuration)),
    (ALL, "content_bandwidth_timetable", Of(Configuration)),
    (HOSTS, "", Of(Exposure)),
    (KNOWN_HOSTS, "", Of(Exposure)),
    (ENV, "STUF_SLUG", Of(Configuration)),
    (ENV, "STUF_ENVIRONMENT", Of(Configuration)),
    (ENV, "STUF_PROJECT_NAME", Of(Cosmetic)),
    (ENV, "STUF_DOMAIN", Of(Exposure)),
    (ENV, "STUF_REALM", Of(Configuration)),
    (ENV, "STUF_BUCKET", Of(Data)),
    (ENV, "STUF_HTTP_PORT", Of(Exposure)),
    (ENV, "STUF_HTTPS_PORT", Of(Exposure)),
    (ENV, "STUF_API_IMAGE", Of(Configuration)),
    (ENV, "STUF_SPA_IMAGE", Of(Configuration)),
    (ENV, "STUF_KEYCLOAK_IMAGE", Of(Configuration)),
    (ENV, "STUF_POSTGRES_IMAGE", Of(Configuration)),
    (ENV, "STUF_GARAGE_IMAGE", Of(Configuration)),
    (ENV, "STUF_CADDY_IMAGE", Of(Configuration)),
    (ENV, "STUF_API_MEMORY_MIB", Of(Configuration)),
    (ENV, "STUF_API_PARALLEL_REQUESTS", Of(Configuration)),
    (ENV, "STUF_UPLOAD_LIMIT_MIB", Of(Configuration)),
    (ENV, "STUF_TLS_MODE", Of(Exposure)),
    (ENV, "STUF_ACME_EMAIL", Of(Configuration)),
    (ENV, "STUF_ACME_DIRECTORY", Of(Exposure)),
    (ENV, "STUF_ALLOWED_CIDRS", Of(Exposure)),
    (ENV, "STUF_SECRETS_DIR", Of(Configuration)),
    (ENV, "COMPOSE_FILE", Of(Configuration)),
    (ENV, "STUF_STORAGE_ENDPOINT", Of(Data)),
    (ENV, "STUF_STORAGE_SECURE", Of(Exposure)),
    (ENV, "STUF_DATABASE_DIR", Of(Configuration)),
    ("infrastructure/terraform/", "", Of(Configuration)),
    (TFVARS, "domain", Of(Exposure)),
    (TFVARS, "ssh_public_key", Of(Exposure)),
    (TFVARS, "session_manager", Of(Exposure)),
    (TFVARS, "ssh_cidrs", Of(Exposure)),
    (TFVARS, "web_cidrs", Of(Exposure)),
    (TFVARS, "egress_tcp_ports", Of(Exposure)),
    (TFVARS, "vpc_cidr", Of(Exposure)),
    (TFVARS, "existing_subnet_id", Of(Exposure)),
    (TFVARS, "dns_zone_id", Of(Exposure)),
    (TFVARS, "region", Of(Data)),
    (TFVARS, "account_id", Of(Data)),
    (TFVARS, "bucket_name", Of(Data)),
    (TFVARS, "noncurrent_version_days", Of(Data)),
    (TFVARS, "data_volume_gib", Of(Data)),
    (TFVARS, "existing_database_subnet_ids", Of(Exposure)),
    (TFVARS, "database", Of(Data)),
    (TFVARS, "database_backup_days", Of(Data)),
    (STUF, "schema_version", Of(Configuration)),
    (STUF, "project", Of(Cosmetic)),
    (STUF, "project.slug", Of(Configuration)),
    (STUF, "url", Of(Exposure)),
    (STUF, "storage", Of(Data)),
    (STUF, "collections", Of(Configuration)),
    (STUF, "collections[].description", Of(Cosmetic)),
    (STUF, "notifications", Of(Configuration)),
    (STUF, "notifications.zulip.site", Of(Exposure)),
    (STUF, "branding", Of(Cosmetic)),
    (STUF, "glass", Of(Configuration)),
    ("configuration/api-config/metadata_config.json", "", Of(Configuration)),
    (USERS, "schema_version", Of(Configuration)),
    (USERS, "users", Of(Identity)),
    (USERS, "users[].name", Of(Cosmetic)),
    ("configuration/api-config/users/glass-readers.json", "", Of(Identity)),
    // Made of the users for a mail merge.
    ("configuration/api-config/users/recipients.csv", "", Follows),
    ("configuration/integration-config/zulip.json", "", Of(Configuration)),
    ("configuration/integration-config/zulip.json", "zulip.site", Of(Exposure)),
    ("configuration/integration-config/sentry.json", "", Of(Configuration)),
    (REALM_USERS, "schema_version", Of(Configuration)),
    (REALM_USERS, "users", Of(Identity)),
    (REALM_USERS, "users[].firstName", Of(Cosmetic)),
    (REALM_USERS, "users[].lastName", Of(Cosmetic)),
    (REALM, "realm", Of(Configuration)),
    (REALM, "displayName", Of(Cosmetic)),
    (REALM, "smtpServer", Of(Configuration)),
    (REALM, "components", Of(Identity)),
    (REALM, "roles", Of(Identity)),
    (REALM, "roles.realm[].description", Of(Cosmetic)),
    (REALM, "users", Of(Identity)),
    (REALM, "clientScopes", Of(Identity)),
    (REALM, "clientScopes[].description", Of(Cosmetic)),
    (REALM, "clientScopes[].attributes", Of(Configuration)),
    (REALM, "clients", Of(Exposure)),
    (REALM, "clients[].clientId", Of(Configuration)),
    (REALM, "clients[].defaultClientScopes", Of(Identity)),
    (REALM, "clients[].optionalClientScopes", Of(Identity)),
    (REALM, "clients[].protocolMappers", Of(Identity)),
    ("configuration/release.json", "", Of(Configuration)),
    ("configuration/spa-config/config.js", "", Of(Exposure)),
    ("configuration/spa-config/config.js", "keycloakRealm", Of(Configuration)),
    ("configuration/spa-config/branding.json", "", Of(Cosmetic)),
    ("configuration/spa-config/branding/", "", Of(Cosmetic)),
    // Made of the title and the project's name.
    ("configuration/spa-config/maintenance.html", "", Follows),
    (SUMMARY, "schema", Follows),
    (SUMMARY, "exported_at", NotCounted(EXPORTED)),
    (SUMMARY, "objects", Of(Data)),
    (SUMMARY, "bytes", Of(Data)),
    (SUMMARY, "largest", Of(Data)),
    (SUMMARY, "histogram", Of(Data)),
    (SUMMARY, "one_by_one", Of(Data)),
    (SUMMARY, "renamed", Of(Data)),
    (SUMMARY, "bandwidth", Of(Configuration)),
    (SUMMARY, "timetable", Of(Configuration)),
    (SUMMARY, "planned_bandwidth", Of(Configuration)),
    (SUMMARY, "requests_per_second", Of(Configuration)),
    (SUMMARY, "batch_objects", Of(Configuration)),
    (SUMMARY, "batch_bytes", Of(Configuration)),
    (SUMMARY, "batches", Follows),
    (SUMMARY, "copy", Of(Configuration)),
    (SUMMARY, "copy.formula", Follows),
    (SUMMARY, "copy.figures", Follows),
    (SUMMARY, "proof", Of(Configuration)),
    (SUMMARY, "proof.formula", Follows),
    (SUMMARY, "proof.figures", Follows),
    (SUMMARY, "delta", Of(Configuration)),
    (SUMMARY, "delta.formula", Follows),
    (SUMMARY, "delta.figures", Follows),
    (SUMMARY, "changed", Of(Configuration)),
    (SUMMARY, "changed_source", Follows),
    (SUMMARY, "bound_to_windows", Of(Configuration)),
    (SUMMARY, "may_run", Follows),
    (SUMMARY, "windows_needed", Of(Configuration)),
    (SUMMARY, "elapsed", Of(Configuration)),
    (SUMMARY, "elapsed_at_most", Follows),
    (SUMMARY, "proof_at_source", Follows),
    (SUMMARY, "windows", Follows),
];

/// Whether the items at `pattern` are done one after the other, so that their order is part of what is said.
pub(super) fn is_in_order(file: &str, pattern: &str) -> bool {
    file == PLAN && matches!(pattern, "phases" | "phases[].steps")
}

/// What the value at `pattern` (a key path without the names of items) of `file` touches, where that was decided.
pub(super) fn of(file: &str, pattern: &str) -> Option<Touches> {
    let lies_in = |place: &str| place == file || place.ends_with('/') && file.starts_with(place);
    let begins = |key: &str| {
        key.is_empty()
            || pattern.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    if let Some(attribute) = pattern.strip_prefix("clients[].attributes.").filter(|_| file == REALM) {
        return Some(Of(realm::class_of_client_attribute(attribute)));
    }
    let rules = RULES.iter().filter(|(place, key, _)| lies_in(place) && begins(key));
    let touches = rules.max_by_key(|(_, key, _)| key.len()).map(|(_, _, touches)| *touches);
    // Settings of the realm are known by their names.
    let of_realm = file == REALM && !pattern.is_empty() && !pattern.contains(['.', '[']);
    touches.or_else(|| of_realm.then(|| Of(realm::class_of_setting(pattern))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_key_decides() {
        assert_eq!(of(PLAN, "phases[].steps[].title"), Some(Follows));
        assert_eq!(of(PLAN, "phases[].steps[].side"), Some(Of(Configuration)));
        assert_eq!(of(USERS, "users[].names"), Some(Of(Identity)));
        assert_eq!(of(REALM, "clients[].attributes.pkce.code.challenge.method"), Some(Of(Exposure)));
        assert_eq!(
            of(REALM, "clients[].attributes.oauth2.device.authorization.grant.enabled"),
            Some(Of(Exposure))
        );
        assert_eq!(of(REALM, "clients[].attributes.client.secret.creation.time"), Some(Of(Configuration)));
        assert_eq!(of(REALM, "failureFactor"), Some(Of(Exposure)));
        assert_eq!(of(REALM, "ssoSessionMaxLifespan"), Some(Of(Exposure)));
        assert_eq!(of("configuration/spa-config/branding/logo.svg", ""), Some(Of(Cosmetic)));
        assert_eq!(of(ALL, "of_somebody_else"), None);
    }

    #[test]
    fn nothing_is_decided_below_what_follows() {
        for (file, key, _) in RULES.iter().filter(|(_, _, touches)| !matches!(touches, Of(_))) {
            let below = RULES.iter().filter(|(other, longer, _)| other == file && longer.len() > key.len());
            let below: Vec<_> =
                below.filter(|(_, longer, _)| longer.starts_with(&format!("{key}."))).collect();
            assert!(below.is_empty(), "{file} {key}: {below:?}");
        }
    }
}
