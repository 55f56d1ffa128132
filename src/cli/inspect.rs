//! `stufpack inspect`: what is in a package, what it needs, and what it will do to which side.

use super::report::printable;
use super::verify::Trusting;
use super::{Outcome, PageFormat, now, output};
use crate::open::Standing;
use crate::plan::figures::{bytes, count, duration};
use crate::plan::{Actor, Mark, Place, Side};
use crate::show::{self, About, Access, Contents, Inspection, Needs, Phase, Step, Time};
use clap::Args;
use std::fmt::Write as _;

/// Tells what is in a package, once it is verified.
#[derive(Debug, Args)]
pub struct Inspect {
    #[command(flatten)]
    trusting: Trusting,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
}

impl Inspect {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let verified = self.trusting.verified()?;
        let inspection = show::package(&verified, self.trusting.at.unwrap_or_else(now))?;
        self.trusting.warn_if_expired(&verified);
        match self.format {
            PageFormat::Text => output::write(&text(&inspection)),
            PageFormat::Json => output::json(&inspection),
            PageFormat::Html => output::write(&show::inspection_page(&inspection)?),
        }
    }
}

/// A word that serde writes, such as `hosted-to-self`.
fn word(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// The package as people read it. Texts of the package may hold anything, so every line passes [`printable`].
fn text(inspection: &Inspection) -> String {
    let mut out = String::new();
    about(&mut out, &inspection.package);
    contents(&mut out, &inspection.contents);
    time(&mut out, &inspection.time);
    needs(&mut out, &inspection.needs);
    does(&mut out, inspection);
    printable(&out)
}

/// A part with its name above.
fn part(out: &mut String, title: &str, rows: &[(&str, String)]) {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let _ = writeln!(out, "\n{title}");
    for (name, value) in rows {
        let _ = writeln!(out, "  {name:width$}  {}", one_line(value));
    }
}

/// A text that stays on its line.
fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

fn about(out: &mut String, about: &About) {
    let (from, to) = (one_line(&about.installation), one_line(&about.domain));
    let _ = writeln!(out, "{}\n  {from} → {to}", one_line(&about.name));
    let validity = match about.standing {
        Standing::Current => format!("use before {}", about.expires_at),
        Standing::Expired => {
            format!("EXPIRED on {}: whole, but no changing phase begins with it", about.expires_at)
        }
        Standing::Future => "made in the future: check this machine's clock".to_owned(),
    };
    let number = match &about.previous {
        Some(before) => format!("{}, after package {} ({})", about.number, before.number, before.sha256),
        None => format!("{}, after none", about.number),
    };
    part(
        out,
        "Signed",
        &[
            ("by", about.principal.clone()),
            ("key", about.fingerprint.clone()),
            ("Package-SHA256", about.sha256.clone()),
            ("number", number),
            ("made", format!("from the export of {}, by {}", about.created_at, about.made_by)),
            ("validity", validity),
        ],
    );
}

fn contents(out: &mut String, contents: &Contents) {
    let Contents { files, code, data, personal_files, content, ledger, .. } = contents;
    let ours = if code.of_this_version {
        "as this version of stufpack puts into every package"
    } else {
        "of another version of stufpack than this one"
    };
    let folders = contents.folders.iter().map(|folder| match folder.path.as_str() {
        "" => format!("{} beside them", folder.files),
        path => format!("{} in {path}/", folder.files),
    });
    // Those in no folder come first.
    let folders: Vec<String> = folders.rev().collect();
    part(
        out,
        "In it",
        &[
            ("files", format!("{files} with {}: {}", bytes(contents.bytes), folders.join(", "))),
            ("code", format!("{}, {ours}", count(code.files, "file", "files"))),
            ("code digest", code.digest.clone()),
            ("data", format!("{}, documents included", count(data.files, "file", "files"))),
            ("data digest", data.digest.clone()),
            ("personal", count(*personal_files, "file", "files")),
            ("settings", format!("{}: {}", ledger.settings, ledger.outcomes())),
            (
                "to be copied",
                format!(
                    "{} with {}, in {}",
                    count(content.objects, "object", "objects"),
                    bytes(content.bytes),
                    count(content.batches, "batch", "batches")
                ),
            ),
        ],
    );
}

fn time(out: &mut String, time: &Time) {
    let step = |step: &Option<String>| step.clone().unwrap_or_else(|| "no step".to_owned());
    let window = match (&time.window, time.window_seconds, time.turn_back_by) {
        (Some(opens), Some(length), Some(back)) => {
            let fits = time.cutover_seconds <= back;
            let (length, back) = (duration(length), duration(back));
            if fits {
                format!(", in the window from {opens} UTC ({length}; turn back within {back} of it)")
            } else {
                format!(", TOO LONG for the window from {opens} UTC ({length}, with time to turn back)")
            }
        }
        _ => String::new(),
    };
    part(
        out,
        "Time",
        &[
            (
                "work",
                format!(
                    "{}, of which copying {}",
                    duration(time.working_seconds),
                    duration(time.copy_seconds)
                ),
            ),
            ("cutover", format!("{}{window}", duration(time.cutover_seconds))),
            (
                "users notice",
                format!(
                    "from {}: no uploads for {}",
                    step(&time.user_impact),
                    duration(time.without_uploads_seconds)
                ),
            ),
            (
                "turn back",
                format!(
                    "in {}; until {} nothing is lost; from {} there is no way back",
                    duration(time.rollback_seconds),
                    step(&time.hand_over),
                    step(&time.no_return)
                ),
            ),
            (
                "afterwards",
                format!(
                    "watched for {}, the source kept for {} more",
                    duration(time.watch_seconds),
                    duration(time.grace_seconds)
                ),
            ),
        ],
    );
}

fn needs(out: &mut String, needs: &Needs) {
    let versions = |versions: &[show::Version]| {
        let versions: Vec<String> =
            versions.iter().map(|needed| format!("{} {}", needed.name, needed.version)).collect();
        versions.join(", ")
    };
    let mut rows = vec![("tools", versions(&needs.tools)), ("collections", versions(&needs.collections))];
    rows.extend(needs.images.iter().map(|image| ("image", format!("{}: {}", image.service, image.image))));
    rows.extend(needs.secrets.iter().map(|secret| {
        let (origin, phase) = (word(secret.origin), word(secret.needed_by));
        ("secret", format!("{} ({origin}, before {phase}): {}", secret.name, secret.purpose))
    }));
    rows.extend(needs.access.iter().map(|access| ("access", self::access(access))));
    part(out, "It needs", &rows);
}

fn access(access: &Access) -> String {
    let mut out =
        format!("{}: {}", word(access.side), access.address.as_deref().unwrap_or("made by provision"));
    if let Some(account) = &access.account {
        let _ = write!(out, ", SSH as {account}");
    }
    if let Some(port) = access.port {
        let _ = write!(out, ", port {port}");
    }
    for key in &access.host_keys {
        let _ = write!(out, ", host key {key}");
    }
    for secret in &access.secrets {
        let _ = write!(out, ", with the secret {secret}");
    }
    out
}

fn does(out: &mut String, inspection: &Inspection) {
    let steps = || inspection.phases.iter().flat_map(|phase| &phase.steps);
    let at = |side: Side| {
        let all = steps().filter(|step| step.side == side).count() as u64;
        let run = steps().filter(|step| step.side == side && step.automated).count();
        format!("{}, of which this package runs {run}", count(all, "step", "steps"))
    };
    let sides = [Side::Source, Side::Target, Side::Controller];
    let sides: Vec<(String, String)> = sides.into_iter().map(|side| (word(side), at(side))).collect();
    let sides: Vec<(&str, String)> = sides.iter().map(|(side, what)| (side.as_str(), what.clone())).collect();
    part(out, "It acts on", &sides);
    for (place, title) in
        [(Place::Forward, "It does"), (Place::Back, "Ways back"), (Place::Beside, "At any time")]
    {
        let _ = writeln!(out, "\n{title}");
        let phases = inspection.phases.iter().filter(|phase| phase.place == place);
        phases.for_each(|one| phase(out, one, &inspection.waits(one)));
    }
    for phase in &inspection.not_needed {
        let _ = writeln!(out, "\nNot needed: {}, since {}", one_line(&phase.id), one_line(&phase.why));
    }
}

fn phase(out: &mut String, phase: &Phase, waits: &str) {
    let lacking = if phase.automated { "" } else { " (not run by this package)" };
    let (title, command) = (one_line(&phase.title), one_line(&phase.command));
    let _ = writeln!(out, "  {command}{lacking}: {title}, {}{}", duration(phase.seconds), one_line(waits));
    phase.steps.iter().for_each(|one| step(out, one));
}

fn step(out: &mut String, step: &Step) {
    let who = match step.actor {
        Actor::Automation if step.automated => "",
        Actor::Automation => ", not run by this package",
        Actor::TrustArchitect => ", by the Trust Architect",
        Actor::Operator => ", by the operator",
    };
    let only = step.only_with.as_ref().map(|option| format!(", only with {option}")).unwrap_or_default();
    let mark = match step.mark {
        Some(Mark::UserImpact) => "; users notice from here on",
        Some(Mark::HandOver) => "; from here on the target holds what the source does not",
        Some(Mark::NoReturn) => "; no way back from here on",
        None => "",
    };
    let (side, title) = (word(step.side), one_line(&step.title));
    let _ = writeln!(out, "    {side:10}  {title}, {}{who}{}{mark}", duration(step.seconds), one_line(&only));
}
