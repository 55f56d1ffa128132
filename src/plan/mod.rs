//! Compiles a checked input into a plan: ordered phases of steps, the ledger, and the figures that explain both.
//!
//! Pure: no clock but the export's own time, no disk, no randomness.

mod content;
mod facts;
pub mod figures;
mod instead;
mod ledger;
mod needs;
mod phases;
mod price;
mod public;
mod secrets;
mod sizes;
mod step;
mod timetable;
mod verbs;
mod windows;

pub use content::{Batch, Content, ContentDocument, ContentWindow, batch_path};
pub use facts::{Certificate, Facts, MailFacts, Messages};
pub use ledger::{
    OPERATOR, REALM_FIXED, REALM_SETTINGS, STANDARD_SCOPES, Unaccounted, accounting, validates,
};
pub(crate) use ledger::{Path as KeyPath, below_realm};
pub use needs::{COLLECTIONS, TOOLS};
pub use price::{Cost, Price};
pub use public::{Counts, FirstScreen, Identity, NotNeeded, PlanDocument, schema};
pub use secrets::{NeededBy, Origin, SecretUse, client_secret_name};
pub use sizes::Sizes;
pub use step::{
    Actor, Estimate, Instead, Mark, Phase, Place, Precondition, Proof, Scale, Share, Side, Step, StepId, Undo,
};
pub use timetable::{Row, Timetable};
pub use verbs::{Gate, Limits, P95_FLOOR_MILLISECONDS, Verb};

use crate::model::{Checked, Ledger};
use crate::{embedded, provider};

/// Which package of an installation this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// Package number, counted per issuer and installation.
    pub package: u64,
}

/// A migration, planned.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What texts draw on.
    pub facts: Facts,
    /// Ordered phases.
    pub phases: Vec<Phase>,
    /// Phases that this target does not need, and why.
    pub not_needed: Vec<NotNeeded>,
    /// When what happens.
    pub timetable: Timetable,
    /// What becomes of every exported setting.
    pub ledger: Ledger,
}

impl Plan {
    /// The phase `id`, where the plan has it.
    pub fn phase(&self, id: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.id == id)
    }

    /// Whether the package runs the phase `id`.
    pub fn runs(&self, id: &str) -> bool {
        self.phase(id).is_some_and(|phase| phase.automated)
    }

    /// Tools on the controller's machine that the package needs, with the versions that do, by name.
    pub fn tools(&self) -> Vec<(&'static str, &'static str)> {
        needs::tools(&self.facts.site)
    }

    /// What the target costs, where it has prices.
    pub fn price(&self) -> Option<Price> {
        self.facts.site.made.as_ref().and_then(|made| made.prices.as_ref()).map(Price::of)
    }

    /// Every step, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| &phase.steps)
    }
}

/// Compiles the plan; a checked input always has one.
pub fn compile(checked: &Checked, numbering: &Numbering) -> Plan {
    compile_with(checked, numbering, embedded::AUTOMATED_STEPS)
}

/// Compiles the plan of a package whose playbooks carry the tags `automated`.
fn compile_with(checked: &Checked, numbering: &Numbering, automated: &[&str]) -> Plan {
    let site = provider::site(&checked.target, &checked.export);
    let assemble = || {
        let sizes = sizes::fit(&checked.target, &checked.content, &site.storage);
        let secrets = secrets::needed(&checked.target, &checked.realm, &checked.export.notifications, &site);
        let content = content::analyse(checked);
        let mut facts = Facts::of(checked, numbering.package, site.clone(), sizes, secrets, content);
        let phases = phases::assemble(&facts, automated);
        if let Some(phase) = phases.iter().find(|phase| phase.id == "content") {
            facts.content.elapsed_at_most =
                content::elapsed_at_most(&facts.content, &checked.target.content, phase);
        }
        let timetable = timetable::lay_out(&facts, &phases);
        (facts, phases, timetable)
    };
    let (ledger, (facts, phases, timetable)) = rayon::join(|| ledger::of(checked, &site), assemble);
    Plan { not_needed: phases::not_needed(&facts), timetable, ledger, facts, phases }
}

/// Makes sure that the ledger names everything that export and realm hold.
///
/// # Errors
///
/// The settings that no entry names.
pub fn account(plan: &Plan, checked: &Checked) -> Result<(), Unaccounted> {
    accounting(&plan.ledger, &checked.leaves)
}

/// The state folder on the controller, for commands that people type.
fn state_folder(facts: &Facts) -> String {
    format!("~/.local/state/stufpack/{}-{}", facts.slug, facts.environment_name())
}
