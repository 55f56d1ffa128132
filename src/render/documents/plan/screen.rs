//! The first screen: how long, what people notice, until when one can turn back, what only a person can do.

use crate::model::Invitation;
use crate::plan::{Certificate, NeededBy, Origin, Phase, Place, Plan, SecretUse, figures};
use crate::render::documents::site::SiteText;
use serde::Serialize;

/// The first screen.
#[derive(Serialize)]
pub(super) struct Screen {
    duration: String,
    notice: String,
    turn_back: String,
    before: Vec<String>,
    /// What cannot be there before provision has made it.
    later: Vec<String>,
}

impl Screen {
    pub fn of(plan: &Plan, site: &SiteText) -> Self {
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
        let within = match (when.is_empty(), plan.timetable.fits) {
            (true, _) => when,
            (false, true) => format!(" within {when}"),
            (false, false) => format!(", longer than the window {when} leaves (chapter 4)"),
        };
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
            return Self { duration, notice, turn_back, before, later };
        }
        // What is planned for later may not be read as what this package does.
        let own = plan.phases.iter().filter(|phase| phase.automated && phase.place == Place::Forward);
        let own = figures::duration(own.map(Phase::seconds).sum());
        Self {
            duration: format!(
                "{own} for the phases that this package runs; all to the end of the cutover {duration}"
            ),
            notice: [
                before_it,
                vec!["nothing else from this package, which moves nobody".to_owned(), notice],
            ]
            .concat()
            .join("; "),
            turn_back: format!(
                "at any time, by ./migrate abort: this package changes nothing at the source; from the cutover on {turn_back}"
            ),
            before,
            later,
        }
    }
}

/// The secrets that only the Trust Architect has.
pub(in crate::render::documents) fn provided(plan: &Plan) -> impl Iterator<Item = &SecretUse> {
    plan.facts.secrets.iter().filter(|secret| secret.origin == Origin::Provided)
}

/// Their names: those that there are only after provision, and the others.
pub(super) fn provided_when<'a>(plan: &'a Plan, site: &SiteText) -> (Vec<&'a str>, Vec<&'a str>) {
    provided(plan).map(|secret| secret.name.as_str()).partition(|name| site.comes_later(name))
}

/// What a person sees to before anything begins, and what only after provision.
fn asked(plan: &Plan, site: &SiteText) -> (Vec<String>, Vec<String>) {
    let facts = &plan.facts;
    let mut before = vec!["verify this package (VERIFY.txt, which you got another way)".to_owned()];
    before.extend(site.asked());
    before.extend(asked_for(plan, |secret| !site.comes_later(secret)));
    if facts.certificate == Certificate::Provided {
        before.push(format!("have certificate and key for {} (README.md, Prepare)", facts.domain));
    }
    if !facts.web_allowed.is_empty() {
        before.push("work on a machine whose address is among those that 80 and 443 answer (docs/security.md): verify looks from there".to_owned());
    }
    before.push(match facts.record_of_terraform() {
        None => {
            format!("be able to change the record of {} and lower its lifetime to 300 s, a day ahead", facts.domain)
        }
        Some(seconds @ ..=300) => format!(
            "leave the record of {} to Terraform, which sets it by provision, with a lifetime of {seconds} s",
            facts.domain
        ),
        Some(seconds) => format!(
            "leave the record of {} to Terraform, and have its lifetime lowered from {seconds} s to 300 s a day ahead: by a package whose target says so",
            facts.domain
        ),
    });
    before.push("choose who approves and who may say panic".to_owned());
    let asked_there = facts.certificate == Certificate::Acme && site.record_is_yours();
    let record = asked_there.then(|| {
        format!(
            "let the record of {} lead to the address that provision has named, before deploy",
            facts.domain
        )
    });
    (before, asked_for(plan, |secret| site.comes_later(secret)).chain(record).collect())
}

/// The secrets of a kind that only the Trust Architect has, by the phase that cannot begin without them.
fn asked_for(plan: &Plan, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    let names =
        |phase| provided(plan).filter(move |secret| secret.needed_by == phase).map(|secret| &secret.name);
    let phases =
        [(NeededBy::Prepare, "prepare"), (NeededBy::Deploy, "deploy"), (NeededBy::Content, "content")];
    phases.into_iter().filter_map(move |(phase, word)| {
        let names: Vec<&str> = names(phase).map(String::as_str).filter(|name| wanted(name)).collect();
        let count = figures::count(names.len() as u64, "secret", "secrets");
        (!names.is_empty()).then(|| format!("provide {count}, before {word}: {}", names.join(", ")))
    })
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
