//! `MIGRATION-PLAN.md` and `MIGRATION-PLAN.html`: the chapters of the plan, from the same steps that the automation runs.

mod content;
mod phases;
mod screen;
mod settings;
mod timetable;

use super::picture::Pictures;
use super::site::SiteText;
use super::words;
use crate::model::Invitation;
use crate::plan::{Certificate, Counts, Gate, Limits, Mark, Place, Plan, SecretUse, Verb, figures};
use content::{ContentText, SizesText};
use phases::{PhaseText, StepText};
use screen::Screen;
use serde::Serialize;
use settings::{Group, Hand};
use timetable::{Line, WindowText};

pub(super) use screen::provided;

/// The whole page.
#[derive(Serialize)]
pub(super) struct Page {
    project: String,
    pathway: &'static str,
    environment: &'static str,
    domain: String,
    hosted: String,
    number: u64,
    exported: String,
    expires: String,
    state: String,
    screen: Screen,
    counts: Counts,
    dropped: Vec<Group>,
    transformed: Vec<Group>,
    by_hand: Vec<Hand>,
    by_hand_personal: usize,
    not_needed: Vec<String>,
    secrets: Vec<SecretUse>,
    provided: Vec<String>,
    /// Those of them that only what provision makes can give.
    provided_later: Vec<String>,
    acme: bool,
    provided_certificate: bool,
    ssh: String,
    site: SiteText,
    preparation: Vec<Line>,
    cutover: Vec<Line>,
    slack_formula: &'static str,
    window: Option<WindowText>,
    rollback_time: String,
    content: ContentText,
    sizes: SizesText,
    forward: Vec<PhaseText>,
    back: Vec<PhaseText>,
    beside: Vec<PhaseText>,
    impact: Option<StepText>,
    hand_over: Option<StepText>,
    no_return: Option<StepText>,
    verbs: Vec<Verb>,
    verbs_lacking: Vec<Verb>,
    lacking: Vec<&'static str>,
    runs: Runs,
    gates: Vec<Gate>,
    gates_lacking: Vec<Gate>,
    limits: Limits,
    watch: String,
    grace: String,
    /// How long before the cutover invitations by mail are sent anew.
    renewal: Option<String>,
    zulip: bool,
    pictures: Pictures,
}

/// Which of the phases that documents speak of the package runs.
#[derive(Serialize)]
struct Runs {
    content: bool,
    cutover: bool,
    watch: bool,
    finalize: bool,
    rollback: bool,
}

impl Page {
    pub fn of(plan: &Plan) -> Self {
        let facts = &plan.facts;
        let site = SiteText::of(plan);
        let (later, names) = screen::provided_when(plan, &site);
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let public = plan.public();
        let (verbs, verbs_lacking) = public.verbs.into_iter().partition(|verb| verb.automated);
        let phases = |place: Place| {
            let here = plan.phases.iter().filter(|phase| phase.place == place);
            here.map(|phase| PhaseText::of(phase, &public.gates)).collect()
        };
        let (forward, back, beside) = (phases(Place::Forward), phases(Place::Back), phases(Place::Beside));
        let (gates, gates_lacking) = public.gates.into_iter().partition(|gate| gate.automated);
        let marked = |mark: Mark| plan.steps().find(|step| step.mark == Some(mark)).map(StepText::of);
        let (by_hand, by_hand_personal) = settings::by_hand(plan);
        Self {
            project: facts.project_name.to_string(),
            pathway: words::pathway(facts.pathway),
            environment: words::environment(facts.environment),
            domain: facts.domain.to_string(),
            hosted: facts.hosted.to_string(),
            number: facts.number,
            exported: words::moment(facts.exported_at),
            expires: words::moment(facts.expires_at),
            state: words::state_folder(facts),
            screen: Screen::of(plan, &site),
            counts: plan.counts(),
            dropped: settings::dropped(plan),
            transformed: settings::transformed(plan),
            by_hand,
            by_hand_personal,
            not_needed: plan.not_needed.iter().map(|phase| phase.why.to_owned()).collect(),
            provided: owned(&names),
            provided_later: owned(&later),
            secrets: facts.secrets.clone(),
            acme: facts.certificate == Certificate::Acme,
            provided_certificate: facts.certificate == Certificate::Provided,
            ssh: facts.ssh(),
            site,
            preparation: plan.timetable.preparation.iter().map(Line::of).collect(),
            cutover: plan.timetable.cutover.iter().map(Line::of).collect(),
            slack_formula: plan.timetable.slack_formula,
            window: WindowText::of(plan),
            rollback_time: figures::duration(plan.timetable.rollback_seconds),
            content: ContentText::of(plan),
            sizes: SizesText::of(plan),
            forward,
            back,
            beside,
            impact: marked(Mark::UserImpact),
            hand_over: marked(Mark::HandOver),
            no_return: marked(Mark::NoReturn),
            verbs,
            verbs_lacking,
            lacking: plan.phases.iter().filter(|phase| !phase.automated).map(|phase| phase.id).collect(),
            runs: Runs {
                content: plan.runs("content"),
                cutover: plan.runs("cutover"),
                watch: plan.runs("watch"),
                finalize: plan.runs("finalize"),
                rollback: plan.runs("rollback"),
            },
            gates,
            gates_lacking,
            watch: figures::duration(public.thresholds.watch_seconds),
            grace: figures::duration(public.thresholds.grace_seconds),
            limits: public.thresholds,
            renewal: (facts.invitation == Invitation::Mail).then(|| figures::duration(facts.renewal())),
            zulip: facts.zulip.is_some(),
            pictures: Pictures::of(plan),
        }
    }
}
