//! Words that several documents use for the same thing.

use crate::model::{Environment, Pathway, Service, Timestamp};
use crate::plan::{Actor, Facts, Side, Undo, figures};

/// `hosted → self-hosted`.
pub(super) fn pathway(pathway: Pathway) -> &'static str {
    match pathway {
        Pathway::HostedToSelf => "hosted → self-hosted",
        Pathway::HostedToFullySelf => "hosted → fully self-hosted",
        Pathway::SelfToHosted => "self-hosted → hosted",
    }
}

/// The environment in a sentence.
pub(super) fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Staging => "staging",
        Environment::Production => "production",
    }
}

/// Who acts.
pub(super) fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::Automation => "automation",
        Actor::TrustArchitect => "Trust Architect",
        Actor::Operator => "operator of the hosted service",
    }
}

/// Where something acts.
pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Target => "target",
        Side::Controller => "controller",
    }
}

/// The way back, as one sentence.
pub(super) fn way_back(undo: &Undo) -> String {
    match undo {
        Undo::Step { step, text, seconds: 0 } => format!("{step}: {text}"),
        Undo::Step { step, text, seconds } => {
            format!("{step}, about {}: {text}", figures::duration(*seconds))
        }
        Undo::None { why } => format!("none: {why}"),
    }
}

/// Thousandths as percent: `12.3 %`.
pub(super) fn percent(thousandths: u32) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

/// Seconds from a table's beginning: `+1 h 5 min`.
pub(super) fn offset(seconds: u64) -> String {
    format!("+{}", figures::duration(seconds))
}

/// A moment as people write it: `2026-11-19 21:04 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", &text[..10], &text[11..16])
}

/// A service's name.
pub(super) fn service(service: Service) -> &'static str {
    match service {
        Service::Api => "API",
        Service::Spa => "pages",
        Service::Keycloak => "identity (Keycloak)",
        Service::Postgres => "identity's database (PostgreSQL)",
        Service::Garage => "object storage (Garage)",
        Service::Caddy => "proxy (Caddy)",
    }
}

/// Name of the state folder below `~/.local/state/stufpack/`.
pub(super) fn state_folder(facts: &Facts) -> String {
    format!("~/.local/state/stufpack/{}-{}", facts.slug, environment(facts.environment))
}
