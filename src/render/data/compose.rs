//! `.env` of the Compose project.

use crate::model::{Checked, Environment, File, Files, Service, Tls};
use crate::plan::Plan;
use crate::provider::Home;
use crate::render::environment::dotenv;

/// Where `deploy` places the project.
const PROJECT: &str = "/opt/stuf/compose";

pub(super) fn add(files: &mut Files, plan: &Plan, checked: &Checked) {
    let target = &checked.target;
    let image = |service| plan.facts.images.get(&service).map(ToString::to_string).unwrap_or_default();
    let (mode, email, directory) = match &target.tls {
        Tls::Acme { email, directory } => {
            ("acme", email.to_string(), directory.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Tls::Provided => ("provided", String::new(), String::new()),
        Tls::Internal => ("internal", String::new(), String::new()),
    };
    let allowed: Vec<&str> = target.allow.web.iter().map(crate::model::Cidr::as_str).collect();
    let storage = &plan.facts.site.storage;
    let mut values = vec![
        ("STUF_SLUG", checked.export.project.slug.to_string()),
        ("STUF_ENVIRONMENT", environment(target.environment).to_owned()),
        ("STUF_PROJECT_NAME", checked.export.project.name.to_string()),
        ("STUF_DOMAIN", target.domain.to_string()),
        ("STUF_REALM", checked.realm.name.clone()),
        ("STUF_BUCKET", storage.bucket.to_string()),
        ("STUF_HTTP_PORT", "80".to_owned()),
        ("STUF_HTTPS_PORT", "443".to_owned()),
        ("STUF_API_IMAGE", image(Service::Api)),
        ("STUF_SPA_IMAGE", image(Service::Spa)),
        ("STUF_KEYCLOAK_IMAGE", image(Service::Keycloak)),
        ("STUF_POSTGRES_IMAGE", image(Service::Postgres)),
        ("STUF_GARAGE_IMAGE", image(Service::Garage)),
        ("STUF_CADDY_IMAGE", image(Service::Caddy)),
        ("STUF_API_MEMORY_MIB", plan.facts.sizes.api_memory_mib.to_string()),
        ("STUF_API_PARALLEL_REQUESTS", plan.facts.sizes.parallel_requests.to_string()),
        ("STUF_UPLOAD_LIMIT_MIB", plan.facts.sizes.upload_limit_mib.to_string()),
        ("STUF_TLS_MODE", mode.to_owned()),
        ("STUF_ACME_EMAIL", email),
        ("STUF_ACME_DIRECTORY", directory),
        ("STUF_ALLOWED_CIDRS", allowed.join(" ")),
        ("STUF_SECRETS_DIR", "/etc/stuf/secrets".to_owned()),
    ];
    if !plan.facts.site.runs(Service::Garage) {
        values.retain(|(name, _)| *name != "STUF_GARAGE_IMAGE");
    }
    let database = plan.facts.site.database.as_ref();
    let storage_overlay = match &storage.home {
        Home::Project { .. } => None,
        Home::Outside { overlay, .. } => Some(*overlay),
    };
    let overlays: Vec<_> =
        storage_overlay.into_iter().chain(database.map(|database| database.overlay)).collect();
    if !overlays.is_empty() {
        // Compose reads relative names from the folder that one stands in.
        let files = std::iter::once("compose.yaml").chain(overlays).map(|file| format!("{PROJECT}/{file}"));
        values.push(("COMPOSE_FILE", files.collect::<Vec<_>>().join(":")));
    }
    if let Home::Outside { endpoint, .. } = &storage.home {
        values.push(("STUF_STORAGE_ENDPOINT", endpoint.clone()));
        values.push(("STUF_STORAGE_SECURE", "true".to_owned()));
    }
    if database.is_some() {
        values.push(("STUF_DATABASE_DIR", "/etc/stuf/database".to_owned()));
    }
    files.insert("infrastructure/compose/.env".to_owned(), File::data(dotenv(values)));
}

/// The word that an environment has in data files.
pub(super) fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Staging => "staging",
        Environment::Production => "production",
    }
}
