//! `MIGRATION-PLAN.md` and `MIGRATION-PLAN.html`: the chapters of the plan, from the same steps that the automation runs.

use super::picture::Pictures;
use super::site::SiteText;
use super::words;
use crate::model::{Disposition, Invitation};
use crate::plan::{
    Counts, Gate, Instead, Limits, Mark, Phase, Place, Plan, Row, SecretUse, Step, Verb, figures,
};
use serde::Serialize;
use std::collections::BTreeMap;

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

/// The first screen.
#[derive(Serialize)]
struct Screen {
    duration: String,
    notice: String,
    turn_back: String,
    before: Vec<String>,
    /// What cannot be there before provision has made it.
    later: Vec<String>,
}

/// Settings with one outcome and one reason.
#[derive(Serialize)]
struct Group {
    reason: String,
    count: usize,
    example: String,
}

/// One setting that a person carries over.
#[derive(Serialize)]
struct Hand {
    setting: String,
    instruction: String,
}

/// One line of a timetable.
#[derive(Serialize)]
struct Line {
    id: String,
    title: &'static str,
    starts: String,
    duration: String,
    slack: String,
    latest_end: String,
}

/// The cutover's window.
#[derive(Serialize)]
struct WindowText {
    opens: String,
    length: String,
    turn_back_by: String,
    fits: bool,
    cutover: String,
}

/// The inventory, in words.
#[derive(Serialize)]
struct ContentText {
    none: bool,
    /// With their noun.
    objects: String,
    files: String,
    uploads: String,
    bytes: String,
    largest: String,
    histogram: Vec<(String, u64)>,
    one_by_one: u64,
    renamed: u64,
    batches: String,
    batch_objects: u64,
    batch_bytes: String,
    copy: Estimated,
    proof: Estimated,
    delta: Estimated,
    changed: u64,
    changed_source: String,
    bound_to_windows: bool,
    windows_needed: u64,
    elapsed: String,
    windows: Vec<(u64, String, String, String, u64, u64)>,
}

/// An estimate, in words.
#[derive(Serialize)]
struct Estimated {
    duration: String,
    formula: String,
    figures: String,
}

/// The sizes, in words.
#[derive(Serialize)]
struct SizesText {
    limit: u64,
    asked: u64,
    lowered: bool,
    figures: String,
    formula: &'static str,
    sufficient: u64,
    largest_too_large: bool,
    memory: u64,
    parallel: u64,
}

/// The approval that a phase waits for.
#[derive(Serialize)]
struct GateText {
    command: String,
    /// The step that waits, where the phase itself does not.
    before: Option<&'static str>,
}

impl GateText {
    fn of(gate: &Gate) -> Self {
        // The strategy of a cutover is the approver's choice; chapter 13 has it.
        let word = gate.id.trim_start_matches("approve-");
        Self { command: format!("./migrate approve {word}"), before: gate.before }
    }
}

/// A phase, in words.
#[derive(Serialize)]
struct PhaseText {
    id: &'static str,
    title: &'static str,
    purpose: &'static str,
    instead: Option<String>,
    command: &'static str,
    after: &'static [&'static str],
    gate: Option<GateText>,
    automated: bool,
    duration: String,
    steps: Vec<StepText>,
}

/// A step, in words.
#[derive(Serialize)]
struct StepText {
    id: &'static str,
    title: &'static str,
    what: String,
    actor: &'static str,
    side: &'static str,
    command: Option<String>,
    lacking: bool,
    by_hand: Option<String>,
    by_hand_command: Option<String>,
    not_here: Option<String>,
    only_with: Option<&'static str>,
    before: String,
    before_command: Option<String>,
    proof: String,
    proof_command: Option<String>,
    abort_when: String,
    way_back: String,
    estimate: Estimated,
    percent: Option<String>,
    scale: Option<String>,
    mark: Option<&'static str>,
    /// How loud the page says it.
    mark_tone: Option<&'static str>,
}

impl Page {
    pub fn of(plan: &Plan) -> Self {
        let facts = &plan.facts;
        let site = SiteText::of(plan);
        let (later, names) = provided_when(plan, &site);
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let public = plan.public();
        let (verbs, verbs_lacking) = public.verbs.into_iter().partition(|verb| verb.automated);
        let phases = |place: Place| {
            let here = plan.phases.iter().filter(|phase| phase.place == place);
            here.map(|phase| phase_text(phase, &public.gates)).collect()
        };
        let (forward, back, beside) = (phases(Place::Forward), phases(Place::Back), phases(Place::Beside));
        let (gates, gates_lacking) = public.gates.into_iter().partition(|gate| gate.automated);
        let marked = |mark: Mark| plan.steps().find(|step| step.mark == Some(mark)).map(step_text);
        let manual: Vec<_> = plan
            .ledger
            .entries
            .iter()
            .filter_map(|entry| match &entry.disposition {
                Disposition::Manual { instruction } => Some((entry, instruction)),
                _ => None,
            })
            .collect();
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
            screen: screen(plan, &site),
            counts: plan.counts(),
            dropped: groups(plan, |disposition| match disposition {
                Disposition::Dropped { why } => Some(*why),
                _ => None,
            }),
            transformed: groups(plan, |disposition| match disposition {
                Disposition::Transformed { rule, .. } => Some(*rule),
                _ => None,
            }),
            by_hand_personal: manual.iter().filter(|(entry, _)| entry.personal).count(),
            by_hand: manual
                .into_iter()
                .filter(|(entry, _)| !entry.personal)
                .map(|(entry, instruction)| Hand {
                    setting: entry.setting.clone(),
                    instruction: instruction.clone(),
                })
                .collect(),
            not_needed: plan.not_needed.iter().map(|phase| phase.why.to_owned()).collect(),
            provided: owned(&names),
            provided_later: owned(&later),
            secrets: facts.secrets.clone(),
            acme: facts.certificate == crate::plan::Certificate::Acme,
            provided_certificate: facts.certificate == crate::plan::Certificate::Provided,
            ssh: facts.ssh(),
            site,
            preparation: plan.timetable.preparation.iter().map(line).collect(),
            cutover: plan.timetable.cutover.iter().map(line).collect(),
            slack_formula: plan.timetable.slack_formula,
            window: window(plan),
            rollback_time: figures::duration(plan.timetable.rollback_seconds),
            content: content(plan),
            sizes: sizes(plan),
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
            zulip: facts.zulip.is_some(),
            pictures: Pictures::of(plan),
        }
    }
}

/// The secrets that only the Trust Architect has.
pub(super) fn provided(plan: &Plan) -> impl Iterator<Item = &SecretUse> {
    plan.facts.secrets.iter().filter(|secret| secret.origin == crate::plan::Origin::Provided)
}

/// Their names: those that there are only after provision, and the others.
fn provided_when<'a>(plan: &'a Plan, site: &SiteText) -> (Vec<&'a str>, Vec<&'a str>) {
    provided(plan).map(|secret| secret.name.as_str()).partition(|name| site.comes_later(name))
}

fn screen(plan: &Plan, site: &SiteText) -> Screen {
    let (facts, first) = (&plan.facts, plan.first_screen());
    let working = figures::duration(first.working_seconds);
    let duration = if facts.content.objects == 0 {
        format!("{working} of work; there is no content to copy")
    } else {
        format!(
            "{working} of work ({} at {}: {})",
            figures::bytes(facts.content.bytes),
            figures::bandwidth(facts.content.planned_bandwidth),
            figures::duration(first.copy_seconds)
        )
    };
    let closed = figures::duration(first.without_uploads_seconds);
    let when = facts.cutover_windows.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let within = if when.is_empty() { when } else { format!(" within {when}") };
    let notice = format!("in the cutover no uploads for {closed}{within}; everyone signs in anew");
    let before_it = noticed_before(plan);
    let step = |id: Option<String>| id.unwrap_or_default();
    let (before, later) = asked(plan, site);
    let turn_back = format!(
        "until {} without loss; then with data carried back until {}",
        step(first.hand_over),
        step(first.no_return)
    );
    if plan.runs("cutover") {
        let notice = [before_it, vec![notice]].concat().join("; ");
        return Screen { duration, notice, turn_back, before, later };
    }
    // What is planned for later may not be read as what this package does.
    let own = plan.phases.iter().filter(|phase| phase.automated && phase.place == Place::Forward);
    let own = figures::duration(own.map(Phase::seconds).sum());
    Screen {
        duration: format!("{own} for the phases that this package runs; the whole migration {duration}"),
        notice: [before_it, vec!["nothing else from this package, which moves nobody".to_owned(), notice]]
            .concat()
            .join("; "),
        turn_back: format!(
            "at any time, by ./migrate abort: this package changes nothing at the source; from the cutover on {turn_back}"
        ),
        before,
        later,
    }
}

/// What a person sees to before anything begins, and what only after provision.
fn asked(plan: &Plan, site: &SiteText) -> (Vec<String>, Vec<String>) {
    let facts = &plan.facts;
    let (later, names) = provided_when(plan, site);
    let provide = |names: &[&str]| {
        let count = figures::count(names.len() as u64, "secret", "secrets");
        (!names.is_empty()).then(|| format!("provide {count}: {}", names.join(", ")))
    };
    let mut before = vec!["verify this package (VERIFY.txt, which you got another way)".to_owned()];
    before.extend(site.asked());
    before.extend(provide(&names));
    before.push(format!(
        "be able to change the record of {} and lower its lifetime to 300 s, a day ahead",
        facts.domain
    ));
    before.push("choose who approves and who may say panic".to_owned());
    let asked_there = facts.certificate == crate::plan::Certificate::Acme && site.record_is_yours();
    let record = asked_there.then(|| {
        format!(
            "let the record of {} lead to the address that provision has named, before deploy",
            facts.domain
        )
    });
    (before, provide(&later).into_iter().chain(record).collect())
}

/// What people notice of the phases that come before the cutover, where the package runs them.
fn noticed_before(plan: &Plan) -> Vec<String> {
    let facts = &plan.facts;
    let invited = figures::count(facts.active_users, "active user", "active users");
    let invitation = match facts.invitation {
        Invitation::Mail => format!("by invite a mail with a link to each of {invited}"),
        Invitation::OneTimePassword => {
            format!("after invite a one-time password, handed over by you, to each of {invited}")
        }
    };
    let message = facts
        .zulip
        .as_ref()
        .map(|_| "by import and by each verify one message in the Zulip channel".to_owned());
    let runs = |phase: &str, text: Option<String>| text.filter(|_| plan.runs(phase));
    [runs("import", message), runs("invite", Some(invitation))].into_iter().flatten().collect()
}

fn groups(plan: &Plan, reason: fn(&Disposition) -> Option<&'static str>) -> Vec<Group> {
    let mut groups: BTreeMap<&str, (usize, Option<&str>)> = BTreeMap::new();
    for entry in &plan.ledger.entries {
        if let Some(reason) = reason(&entry.disposition) {
            let group = groups.entry(reason).or_default();
            group.0 += 1;
            if !entry.personal {
                group.1 = group.1.or(Some(&entry.setting));
            }
        }
    }
    groups
        .into_iter()
        .map(|(reason, (count, example))| Group {
            reason: reason.to_owned(),
            count,
            example: example.unwrap_or("see docs/ledger.md").to_owned(),
        })
        .collect()
}

fn line(row: &Row) -> Line {
    Line {
        id: row.id.to_owned(),
        title: row.title,
        starts: words::offset(row.starts),
        duration: figures::duration(row.seconds),
        slack: figures::duration(row.slack),
        latest_end: words::offset(row.latest_end),
    }
}

fn window(plan: &Plan) -> Option<WindowText> {
    let table = &plan.timetable;
    Some(WindowText {
        opens: table.window.clone()?,
        length: figures::duration(table.window_seconds?),
        turn_back_by: words::offset(table.turn_back_by?),
        fits: table.fits,
        cutover: figures::duration(table.cutover_seconds),
    })
}

fn estimated(estimate: &crate::plan::Estimate) -> Estimated {
    Estimated {
        duration: figures::duration(estimate.seconds),
        formula: estimate.formula.clone(),
        figures: estimate.figures.clone(),
    }
}

fn content(plan: &Plan) -> ContentText {
    let content = &plan.facts.content;
    ContentText {
        none: content.objects == 0,
        objects: figures::count(content.objects, "object", "objects"),
        files: figures::count(content.objects, "file", "files"),
        uploads: figures::count(content.objects, "uploaded file", "uploaded files"),
        bytes: figures::bytes(content.bytes),
        largest: figures::bytes(content.largest),
        histogram: content.histogram.iter().map(|(bound, count)| (figures::bytes(*bound), *count)).collect(),
        one_by_one: content.one_by_one,
        renamed: content.renamed,
        batches: figures::count(content.batches.len() as u64, "batch", "batches"),
        batch_objects: content.batch_objects,
        batch_bytes: figures::bytes(content.batch_bytes),
        copy: estimated(&content.copy),
        proof: estimated(&content.proof),
        delta: estimated(&content.delta),
        changed: content.changed,
        changed_source: content.changed_source.clone(),
        bound_to_windows: content.bound_to_windows,
        windows_needed: content.windows_needed,
        elapsed: figures::duration(content.elapsed),
        windows: content
            .windows
            .iter()
            .map(|window| {
                let at = |seconds| words::offset(seconds);
                (
                    window.number,
                    window.opens_at.clone(),
                    at(window.opens),
                    at(window.ends),
                    window.first_batch,
                    window.last_batch,
                )
            })
            .collect(),
    }
}

fn sizes(plan: &Plan) -> SizesText {
    let sizes = &plan.facts.sizes;
    SizesText {
        limit: sizes.upload_limit_mib,
        asked: sizes.asked_upload_mib,
        lowered: sizes.lowered,
        figures: sizes.figures.clone(),
        formula: sizes.formula,
        sufficient: sizes.sufficient_memory_mib,
        largest_too_large: sizes.largest_object_bytes.div_ceil(1 << 20) > sizes.bearable_upload_mib,
        memory: sizes.api_memory_mib,
        parallel: sizes.parallel_requests,
    }
}

fn phase_text(phase: &Phase, gates: &[Gate]) -> PhaseText {
    let gate = gates.iter().find(|gate| gate.phase == phase.id);
    PhaseText {
        id: phase.id,
        title: phase.title,
        purpose: phase.purpose,
        instead: phase.instead.clone(),
        command: phase.command,
        after: if phase.automated { phase.after } else { &[] },
        gate: gate.filter(|_| phase.automated).map(GateText::of),
        automated: phase.automated,
        duration: figures::duration(phase.seconds()),
        steps: phase.steps.iter().map(step_text).collect(),
    }
}

fn step_text(step: &Step) -> StepText {
    let (by_hand, by_hand_command, not_here) = match step.instead.clone() {
        Some(Instead::ByHand { text, command }) => (Some(text), command, None),
        Some(Instead::NotHere { means }) => (None, None, Some(means)),
        None => (None, None, None),
    };
    StepText {
        id: step.id,
        title: step.title,
        what: step.what.clone(),
        actor: words::actor(step.actor),
        side: words::side(step.side),
        command: step.command.clone(),
        lacking: step.instead.is_some(),
        by_hand,
        by_hand_command,
        not_here,
        only_with: step.only_with,
        before: step.precondition.text.clone(),
        before_command: step.precondition.command.clone(),
        proof: step.proof.text.clone(),
        proof_command: step.proof.command.clone(),
        abort_when: step.abort_when.clone(),
        way_back: words::way_back(&step.undo),
        estimate: estimated(&step.estimate),
        percent: step
            .share
            .map(|share| format!("{} to {}", words::percent(share.from), words::percent(share.to))),
        scale: step.scale.map(|scale| {
            format!(
                "{}, {} to {}",
                scale.part,
                words::percent(scale.share.from),
                words::percent(scale.share.to)
            )
        }),
        mark: step.mark.map(|mark| match mark {
            Mark::UserImpact => "Point of user impact",
            Mark::HandOver => "Hand-over",
            Mark::NoReturn => "Point of no return",
        }),
        mark_tone: step.mark.map(|mark| match mark {
            Mark::UserImpact => "warn",
            Mark::HandOver => "deep",
            Mark::NoReturn => "bad",
        }),
    }
}
