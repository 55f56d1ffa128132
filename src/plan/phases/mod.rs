//! The phases of a migration, one file for each group, and what is computed over all of them.

mod content;
mod cutover;
mod deploy;
mod import;
mod preflight;
mod prepare;
mod provision;
mod recover;
mod rollback;
mod service;
mod verify;
mod watch;

use super::facts::Facts;
use super::instead;
use super::public::NotNeeded;
use super::step::{
    Actor, Draft, Estimate, Phase, Place, Precondition, Proof, Scale, Share, Side, Step, StepId, Undo,
};
pub(super) use provision::APPROVED;

/// A phase as its author writes it.
pub(super) struct PhaseDraft {
    pub id: &'static str,
    pub title: &'static str,
    pub place: Place,
    pub command: &'static str,
    pub gate: Option<&'static str>,
    pub purpose: &'static str,
    pub steps: Vec<Draft>,
}

/// Steps that are skipped unless the option is given.
const ONLY_WITH: [(StepId, &str); 1] = [("abort/delete-data", "--delete-data")];

fn needs(text: impl Into<String>, command: impl Into<String>) -> Precondition {
    Precondition { text: text.into(), command: Some(command.into()) }
}

fn shows(text: impl Into<String>, command: impl Into<String>) -> Proof {
    Proof { text: text.into(), command: Some(command.into()) }
}

fn back(step: StepId, text: impl Into<String>, seconds: u64) -> Undo {
    Undo::Step { step: step.to_owned(), text: text.into(), seconds }
}

fn nothing(why: impl Into<String>) -> Undo {
    Undo::None { why: why.into() }
}

/// The step that tells of the end of a phase, where the installation has anybody to tell.
///
/// `once_for` says what a repetition of makes no second message: `this package`, `each run`.
fn messages(
    facts: &Facts,
    id: StepId,
    title: &'static str,
    before: &str,
    event: &str,
    once_for: &str,
) -> Option<Draft> {
    let services: Vec<&str> = facts.messages.iter().map(|service| service.name()).collect();
    (!services.is_empty()).then(|| Draft {
        id,
        title,
        side: Side::Target,
        actor: Actor::Automation,
        what: format!(
            "Tells {} of the {event}, once for {once_for}, in a sentence without personal data, and proves that it arrived: {}.",
            services.join(" and "),
            facts.messages.iter().map(|service| service.proof()).collect::<Vec<_>>().join("; ")
        ),
        command: None,
        before: needs(before, "./migrate status"),
        proof: shows(
            format!("one message for {once_for}"),
            format!("./migrate {}", id.split('/').next().unwrap_or(id)),
        ),
        abort_when: "a message is refused or does not arrive: exit 1; what came before stands".into(),
        undo: nothing("a message cannot be called back"),
        estimate: Estimate::fixed(10, "some requests"),
        mark: None,
    })
}

/// The phases that this target does not need.
pub(super) fn not_needed(facts: &Facts) -> Vec<NotNeeded> {
    match facts.site.made {
        Some(_) => Vec::new(),
        None => vec![NotNeeded { id: "provision", why: "the machine exists already; preflight examines it" }],
    }
}

/// All phases of this target, in order, with shares and automation computed.
pub(super) fn assemble(facts: &Facts, automated: &[&str]) -> Vec<Phase> {
    let mut drafts: Vec<PhaseDraft> = provision::phase(facts).into_iter().collect();
    drafts.extend([
        preflight::phase(facts),
        recover::backup(facts),
        prepare::phase(facts),
        deploy::phase(facts),
        import::phase(facts),
        content::phase(facts),
        // After the files, which may take weeks: an invitation ends. Before the users' checklist, for which they sign in.
        import::invite(facts),
        verify::phase(facts),
        cutover::phase(facts),
        watch::watch(facts),
        watch::finalize(facts),
        rollback::phase(facts),
        service::abort(facts),
        recover::restore(facts),
        recover::export(facts),
        service::status(facts),
    ]);
    let mut phases: Vec<Phase> = drafts.into_iter().map(|draft| finish(facts, draft, automated)).collect();
    share_out(&mut phases);
    phases
}

/// Gives every step of the phases that the package runs forward its stretch of their planned time, which is what
/// `./migrate status` counts.
fn share_out(phases: &mut [Phase]) {
    let runs = |phase: &Phase| phase.place == Place::Forward && phase.automated;
    let total: u64 = phases.iter().filter(|phase| runs(phase)).map(Phase::seconds).sum();
    let mut passed = 0;
    for step in phases.iter_mut().filter(|phase| runs(phase)).flat_map(|phase| &mut phase.steps) {
        let from = thousandths(passed, total);
        passed += step.estimate.seconds;
        step.share = Some(Share { from, to: thousandths(passed, total) });
    }
}

/// Thousandths of `total` at `part`.
fn thousandths(part: u64, total: u64) -> u32 {
    let share = u128::from(part) * 1_000 / u128::from(total.max(1));
    u32::try_from(share).unwrap_or(1_000)
}

fn finish(facts: &Facts, draft: PhaseDraft, automated: &[&str]) -> Phase {
    let PhaseDraft { id, title, place, command, gate, purpose, steps } = draft;
    let by_program: Vec<StepId> =
        steps.iter().filter(|step| step.actor == Actor::Automation).map(|step| step.id).collect();
    let automated_phase = !by_program.is_empty() && by_program.iter().all(|step| automated.contains(step));
    let steps: Vec<Step> = steps
        .into_iter()
        .map(|step| {
            let runs = step.actor == Actor::Automation && automated.contains(&step.id);
            // What people do between steps that nothing runs would rest on nothing: to tell users that they were moved, say.
            let without = instead::of_person(step.id).filter(|_| !automated_phase);
            let lacking = step.actor == Actor::Automation && !runs || without.is_some();
            // A step that nothing runs is shown by no `./migrate` either.
            let shown =
                |command: Option<String>| command.filter(|text| !lacking || !text.starts_with("./migrate"));
            let typed = match step.id {
                "abort/delete-data" => format!("{command} --delete-data"),
                _ => command.to_owned(),
            };
            Step {
                automated: runs,
                instead: without.or_else(|| lacking.then(|| instead::of_step(step.id, facts)).flatten()),
                only_with: ONLY_WITH.iter().find(|(id, _)| *id == step.id).map(|(_, option)| *option),
                scale: scale(step.id),
                share: None,
                id: step.id,
                title: step.title,
                side: step.side,
                actor: step.actor,
                what: step.what,
                command: (!lacking).then(|| step.command.unwrap_or(typed)),
                precondition: Precondition { command: shown(step.before.command), ..step.before },
                proof: Proof { command: shown(step.proof.command), ..step.proof },
                abort_when: step.abort_when,
                undo: step.undo,
                estimate: step.estimate,
                mark: step.mark,
            }
        })
        .collect();
    let instead = if automated_phase { None } else { instead::of_phase(id, facts) };
    Phase {
        id,
        title,
        place,
        automated: automated_phase,
        command,
        after: builds_on(id, facts),
        gate,
        purpose,
        instead,
        steps,
    }
}

/// The phases that have to have come to their end before the phase `id` may begin: what it builds on.
fn builds_on(id: &str, facts: &Facts) -> &'static [&'static str] {
    match id {
        // It looks at a machine that has to be there.
        "preflight" if facts.site.made.is_some() => &["provision"],
        "prepare" => &["preflight"],
        "deploy" => &["prepare"],
        "import" | "content" => &["deploy"],
        // Not on the content: what people use can be looked at while files are still on their way.
        "invite" | "verify" => &["import"],
        "cutover" => &["content", "verify"],
        "watch" => &["cutover"],
        "finalize" => &["watch"],
        _ => &[],
    }
}

/// The stretch of a step on the scale of the cutover: that of its part, in equal pieces.
fn scale(id: StepId) -> Option<Scale> {
    cutover::PARTS.iter().chain(watch::PARTS).find_map(|part| {
        let at = u32::try_from(part.steps.iter().position(|step| *step == id)?).ok()?;
        let count = u32::try_from(part.steps.len()).ok()?;
        let width = part.to - part.from;
        Some(Scale {
            part: part.name,
            share: Share { from: part.from + width * at / count, to: part.from + width * (at + 1) / count },
        })
    })
}

/// A part of the cutover's scale.
struct Part {
    name: &'static str,
    from: u32,
    to: u32,
    steps: &'static [StepId],
}
