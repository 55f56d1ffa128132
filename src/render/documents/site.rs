//! Where the target runs, in the words of every document.

use crate::plan::{Facts, Plan, Price};
use crate::provider::{Backend, Home, Right, Trouble};
use serde::Serialize;

/// Where the target runs.
#[derive(Clone, Serialize)]
pub(super) struct SiteText {
    label: &'static str,
    phrase: &'static str,
    name: String,
    /// Of a machine that exists already.
    address: Option<String>,
    /// The machine in a sentence.
    machine: String,
    user: String,
    port: u16,
    /// What leads to SSH where no network does.
    way: Option<&'static str>,
    agent: Option<AgentText>,
    tunnel: String,
    disks_encrypted: Option<&'static str>,
    data_volume: bool,
    /// Whether who may see the pages is decided before the machine.
    filters_web: bool,
    /// What a cold backup has to hold of the machine.
    volumes: Vec<&'static str>,
    /// The services of the project that tell something in their logs, beside the API.
    services: Vec<&'static str>,
    bucket: String,
    outside: Option<OutsideText>,
    database: Option<DatabaseText>,
    made: Option<MadeText>,
}

/// A program of the provider's on the machine.
#[derive(Clone, Serialize)]
struct AgentText {
    trusted: &'static str,
    asks: String,
    log: String,
    /// The file that names the machine.
    hosts: String,
}

/// A storage of the provider's.
#[derive(Clone, Serialize)]
struct OutsideText {
    name: &'static str,
    endpoint: String,
    versions_kept_days: Option<u32>,
    renew: String,
    remove: String,
    empty: Vec<String>,
    /// Its secrets, which there are only after provision.
    secrets: Vec<&'static str>,
    /// How one gets them.
    how: Vec<String>,
}

/// A database of the provider's.
#[derive(Clone, Serialize)]
struct DatabaseText {
    name: &'static str,
    instance: String,
    kept_days: u32,
    secret: &'static str,
    how: String,
    renew: String,
    snapshot: String,
    remove: &'static str,
    delete: Vec<String>,
}

/// What is made before anything else.
#[derive(Clone, Serialize)]
struct MadeText {
    owner: String,
    credentials: &'static str,
    rights: Vec<Right>,
    troubles: Vec<Trouble>,
    caution: &'static str,
    sources: &'static str,
    whose: &'static str,
    what: String,
    machine: &'static str,
    /// A right that only copying needs, and the lines of the file that take it back.
    copying: (&'static str, &'static [&'static str]),
    protected: &'static str,
    protected_in: Vec<&'static str>,
    stays: &'static str,
    delete: Vec<String>,
    tools: Vec<String>,
    /// Whether the record of the public name is among what is made.
    record: bool,
    ssh_config: String,
    terraform: String,
    backend: Backend,
    price: Option<Price>,
}

impl SiteText {
    pub fn of(plan: &Plan) -> Self {
        let facts = &plan.facts;
        let (site, storage) = (&facts.site, &facts.site.storage);
        let here = site.database.is_none();
        let volumes = here.then_some("stuf_postgres").into_iter().chain(storage.volumes().iter().copied());
        let own = match storage.home {
            Home::Project { service, .. } => Some(service),
            Home::Outside { .. } => None,
        };
        Self {
            label: site.label,
            phrase: site.phrase,
            name: site.name.clone(),
            address: site.machine.address.as_ref().map(ToString::to_string),
            machine: facts.address(),
            user: site.machine.user.clone(),
            port: site.machine.port,
            way: site.machine.way.filter(|_| facts.ssh_allowed.is_empty()),
            agent: agent(facts),
            tunnel: facts.ssh_with(" -L 8089:$KEYCLOAK:8080"),
            disks_encrypted: site.disks_encrypted,
            data_volume: site.data_volume,
            filters_web: site.filters_web,
            volumes: volumes.chain(["stuf_caddy_data"]).collect(),
            services: ["proxy", "keycloak"]
                .into_iter()
                .chain(own)
                .chain(here.then_some("postgres"))
                .collect(),
            bucket: storage.bucket.to_string(),
            outside: outside(facts),
            database: database(facts),
            made: made(plan),
        }
    }

    /// What has to be there before anything can be made.
    pub fn asked(&self) -> Vec<String> {
        let Some(made) = &self.made else { return Vec::new() };
        vec![
            format!("have credentials of {} that may make what chapter 1 names", made.owner),
            format!(
                "have {}, and the private half of the SSH key that the target names, on your machine",
                made.tools.join(", ")
            ),
        ]
    }

    /// Whether somebody has to set the record once there is an address.
    pub fn record_is_yours(&self) -> bool {
        self.made.as_ref().is_some_and(|made| !made.record)
    }

    /// Whether only the provider has what this secret is.
    pub fn comes_later(&self, secret: &str) -> bool {
        self.outside.as_ref().is_some_and(|outside| outside.secrets.contains(&secret))
            || self.database.as_ref().is_some_and(|database| database.secret == secret)
    }
}

fn agent(facts: &Facts) -> Option<AgentText> {
    let agent = facts.site.machine.agent.as_ref()?;
    Some(AgentText {
        trusted: agent.trusted,
        asks: agent.asks.clone(),
        log: agent.log.clone(),
        hosts: format!("{}/hosts.json", facts.ssh_config().trim_end_matches("/ssh_config")),
    })
}

fn outside(facts: &Facts) -> Option<OutsideText> {
    let storage = &facts.site.storage;
    let Home::Outside { name, endpoint, renew, remove, empty, .. } = &storage.home else { return None };
    let provided = || storage.secrets.iter().filter(|secret| secret.provided);
    Some(OutsideText {
        name,
        endpoint: endpoint.clone(),
        versions_kept_days: storage.versions_kept_days,
        renew: renew.clone(),
        remove: remove.clone(),
        empty: empty.clone(),
        secrets: provided().map(|secret| secret.name).collect(),
        how: provided().map(|secret| secret.purpose.clone()).collect(),
    })
}

fn database(facts: &Facts) -> Option<DatabaseText> {
    let database = facts.site.database.as_ref()?;
    Some(DatabaseText {
        name: database.name,
        instance: database.instance.clone(),
        kept_days: database.kept_days,
        secret: database.secret,
        how: database.purpose.clone(),
        renew: database.renew.clone(),
        snapshot: database.snapshot.clone(),
        remove: database.remove,
        delete: database.delete.clone(),
    })
}

fn made(plan: &Plan) -> Option<MadeText> {
    let made = plan.facts.site.made.as_ref()?;
    Some(MadeText {
        owner: made.owner.clone(),
        credentials: made.credentials,
        rights: made.rights.clone(),
        troubles: made.troubles.clone(),
        caution: made.caution,
        sources: made.sources,
        whose: made.whose,
        what: made.what.clone(),
        machine: made.machine,
        copying: made.copying,
        protected: made.protected,
        protected_in: made.protected_in.clone(),
        stays: made.stays,
        delete: made.delete.clone(),
        tools: made
            .tools
            .iter()
            .chain(&made.by_hand)
            .map(|(name, version)| format!("{name} {version}"))
            .collect(),
        record: made.record.is_some(),
        ssh_config: plan.facts.ssh_config(),
        terraform: format!("{}/terraform", super::words::state_folder(&plan.facts)),
        backend: made.backend.clone(),
        price: plan.price(),
    })
}
