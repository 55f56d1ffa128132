//! `MIGRATION-PLAN.json`: what the controller reads and anyone may; no personal data.

use super::verbs::{self, Gate, Limits, Verb};
use super::{Content, NeededBy, Origin, Phase, Place, Plan, Price, Sizes, Timetable};
use crate::model::{Disposition, Environment, Pathway, Provider, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which migration this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Identity {
    /// Slug.
    pub slug: String,
    /// Environment.
    pub environment: Environment,
    /// Pathway.
    pub pathway: Pathway,
    /// Provider.
    pub provider: Provider,
    /// Whether the package makes the machine too; then the controller writes the inventory that is used.
    pub provisioned: bool,
    /// Public name of the target.
    pub domain: String,
    /// Package number.
    pub number: u64,
    /// When the export was made.
    #[schemars(with = "String")]
    pub exported_at: Timestamp,
    /// Until when the first changing phase may begin.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}

/// The figures of the first screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FirstScreen {
    /// Planned working time from the first phase to the end of the cutover.
    pub working_seconds: u64,
    /// The part of it that copies content.
    pub copy_seconds: u64,
    /// How long users cannot upload.
    pub without_uploads_seconds: u64,
    /// From this step on users notice.
    pub user_impact: Option<String>,
    /// Until this step turning back loses nothing and needs no data sync.
    pub hand_over: Option<String>,
    /// From this step on there is no way back.
    pub no_return: Option<String>,
}

/// How many settings end which way; what each is stands in `docs/ledger.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Counts {
    /// All.
    pub settings: u64,
    /// Taken over as they are.
    pub migrated: u64,
    /// Taken over, changed by a rule.
    pub transformed: u64,
    /// Absent from the input; a default takes their place.
    pub defaulted: u64,
    /// Left out on purpose.
    pub dropped: u64,
    /// A person has to act.
    pub manual: u64,
}

impl Counts {
    /// How many end which way, in words.
    pub(crate) fn outcomes(&self) -> String {
        let Self { settings: _, migrated, transformed, defaulted, dropped, manual } = self;
        format!(
            "{migrated} migrated, {transformed} transformed, {defaulted} defaulted, {dropped} dropped, {manual} by hand"
        )
    }
}

/// A phase that this target does not need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NotNeeded {
    /// Its name on the command line.
    pub id: &'static str,
    /// Why there is nothing to do.
    pub why: &'static str,
}

/// One secret, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PublicSecret<'a> {
    /// File name below `secrets/`.
    pub name: &'a str,
    /// How it comes to be.
    pub origin: Origin,
    /// The phase that cannot begin without it.
    pub needed_by: NeededBy,
    /// What it is for, and where it is not made at the target, how one gets it.
    pub purpose: &'a str,
}

/// `MIGRATION-PLAN.json`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PlanDocument<'a> {
    /// Version of this document.
    pub schema: u32,
    /// Which migration this is.
    pub plan: Identity,
    /// The figures of the first screen.
    pub first_screen: FirstScreen,
    /// What happens, in order.
    pub phases: &'a [Phase],
    /// Phases that this target does not need.
    pub not_needed: &'a [NotNeeded],
    /// When what happens.
    pub timetable: &'a Timetable,
    /// What one can type beside the phases.
    pub verbs: Vec<Verb>,
    /// What must be approved.
    pub gates: Vec<Gate>,
    /// When the watch turns back by itself.
    pub thresholds: Limits,
    /// What the target costs, where it has prices.
    pub price: Option<Price>,
    /// How much content there is and how it moves.
    pub content: &'a Content,
    /// Which uploads the API's memory can bear.
    pub sizes: &'a Sizes,
    /// Secrets by name.
    pub secrets: Vec<PublicSecret<'a>>,
    /// How many settings end which way.
    pub ledger: Counts,
}

impl Plan {
    /// Which migration this is.
    pub fn identity(&self) -> Identity {
        let facts = &self.facts;
        Identity {
            slug: facts.slug.to_string(),
            environment: facts.environment,
            pathway: facts.pathway,
            provider: facts.provider,
            provisioned: facts.site.made.is_some(),
            domain: facts.domain.to_string(),
            number: facts.number,
            exported_at: facts.exported_at,
            expires_at: facts.expires_at,
        }
    }

    /// How many settings end which way.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in &self.ledger.entries {
            counts.settings += 1;
            match entry.disposition {
                Disposition::Migrated => counts.migrated += 1,
                Disposition::Transformed { .. } => counts.transformed += 1,
                Disposition::Defaulted { .. } => counts.defaulted += 1,
                Disposition::Dropped { .. } => counts.dropped += 1,
                Disposition::Manual { .. } => counts.manual += 1,
            }
        }
        counts
    }

    /// The figures of the first screen.
    pub fn first_screen(&self) -> FirstScreen {
        let marked = |mark| self.steps().find(|step| step.mark == Some(mark)).map(|step| step.id.to_owned());
        FirstScreen {
            working_seconds: self
                .phases
                .iter()
                .filter(|phase| phase.place == Place::Forward && !["watch", "finalize"].contains(&phase.id))
                .map(Phase::seconds)
                .sum(),
            copy_seconds: self.facts.content.copy.seconds,
            without_uploads_seconds: self.timetable.without_uploads,
            user_impact: marked(super::Mark::UserImpact),
            hand_over: marked(super::Mark::HandOver),
            no_return: marked(super::Mark::NoReturn),
        }
    }

    /// The plan as everyone may read it.
    pub fn public(&self) -> PlanDocument<'_> {
        PlanDocument {
            schema: 1,
            plan: self.identity(),
            first_screen: self.first_screen(),
            phases: &self.phases,
            not_needed: &self.not_needed,
            timetable: &self.timetable,
            verbs: verbs::verbs(&self.phases),
            gates: verbs::gates(&self.phases),
            thresholds: verbs::limits(&self.facts),
            price: self.price(),
            content: &self.facts.content,
            sizes: &self.facts.sizes,
            secrets: self
                .facts
                .secrets
                .iter()
                .map(|secret| PublicSecret {
                    name: &secret.name,
                    origin: secret.origin,
                    needed_by: secret.needed_by,
                    purpose: &secret.purpose,
                })
                .collect(),
            ledger: self.counts(),
        }
    }

    /// The bytes of `MIGRATION-PLAN.json`, whose digest is the plan's digest.
    ///
    /// # Errors
    /// None in practice: the document holds no map with keys that JSON cannot hold.
    pub fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(&self.public())?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The JSON Schema of `MIGRATION-PLAN.json`, as text.
pub fn schema() -> String {
    let mut text =
        serde_json::to_string_pretty(&schemars::schema_for!(PlanDocument<'static>)).unwrap_or_default();
    text.push('\n');
    text
}
