//! Pages: a package, and a comparison, each as one file that needs nothing beside itself.
//!
//! What a page shows is put into words here; its template places them. Texts of packages may hold anything: markup in them is
//! escaped by the format, and what would turn or hide a line is made visible here.

use super::comparison::{self, notes, promise, reasons, result};
use super::{Access, Inspection, Phase, Step};
use crate::compare::{Change, Class, Comparison, Difference};
use crate::open::Standing;
use crate::pack::SecretOrigin;
use crate::plan::figures::{bytes, count, duration};
use crate::plan::{Actor, Mark, Place, Side};
use crate::render::{Document, Engine, Error, cut, visible};
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// Characters of a value that a page shows; JSON shows all of it.
const LONGEST: usize = 2_000;

/// The page of a package.
///
/// # Errors
/// A template that asks for what is not there, which is a defect.
pub fn inspection_page(inspection: &Inspection) -> Result<String, Error> {
    render("inspect", of_package(inspection))
}

/// The page of a comparison.
///
/// # Errors
/// As [`inspection_page`].
pub fn comparison_page(comparison: &Comparison) -> Result<String, Error> {
    render("diff", of_comparison(comparison))
}

fn render(name: &str, context: Json) -> Result<String, Error> {
    let template = match name {
        "inspect" => "page/inspect.html.jinja",
        _ => "page/diff.html.jinja",
    };
    Engine::new().render(&Document {
        path: format!("{name}.html"),
        template,
        personal: false,
        context: minijinja::Value::from(Serde(&told(context))),
    })
}

/// The same with every text on one line, nothing in it hidden.
fn told(value: Json) -> Json {
    match value {
        Json::String(text) => visible(&text).into(),
        Json::Array(items) => items.into_iter().map(told).collect(),
        Json::Object(map) => map.into_iter().map(|(key, value)| (key, told(value))).collect(),
        other => other,
    }
}

fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn of_package(inspection: &Inspection) -> Json {
    let Inspection { schema: _, package, contents, needs, phases, not_needed, gates: _, time } = inspection;
    let (standing, tone) = match package.standing {
        Standing::Current => (format!("use before {}", package.expires_at), "good"),
        Standing::Expired => (format!("expired on {}", package.expires_at), "bad"),
        Standing::Future => ("made in the future: check the clock".to_owned(), "warn"),
    };
    let step = |step: &Option<String>| step.clone().unwrap_or_else(|| "no step".to_owned());
    let before = match &package.previous {
        Some(before) => format!("package {}, {}", before.number, before.sha256),
        None => "none".to_owned(),
    };
    let ledger = &contents.ledger;
    let ours = if contents.code.of_this_version { "as of this version" } else { "of another version" };
    let sides = [Side::Source, Side::Target, Side::Controller].map(|side| acts_on(phases, side));
    let groups = [(Place::Forward, "On the way"), (Place::Back, "Ways back"), (Place::Beside, "At any time")]
        .map(|(place, title)| {
            let phases = phases.iter().filter(|phase| phase.place == place);
            let phases = phases.map(|phase| of_phase(phase, &inspection.waits(phase)));
            json!({ "title": title, "phases": phases.collect::<Json>() })
        });
    json!({
        "name": package.name,
        "number": package.number,
        "from": package.installation,
        "to": package.domain,
        "way": format!("{}, {}, {}", word(package.pathway), word(package.provider), word(package.environment)),
        "standing": { "word": standing, "tone": tone },
        "cards": [
            {
                "title": "Work",
                "value": format!(
                    "{}, of which copying {}",
                    duration(time.working_seconds),
                    duration(time.copy_seconds)
                ),
            },
            {
                "title": "Users notice",
                "value": format!(
                    "no uploads for {}, from {}",
                    duration(time.without_uploads_seconds),
                    step(&time.user_impact)
                ),
            },
            {
                "title": "Turn back",
                "value": format!(
                    "in {}; nothing is lost until {}; no way back from {}",
                    duration(time.rollback_seconds),
                    step(&time.hand_over),
                    step(&time.no_return)
                ),
            },
            {
                "title": "Afterwards",
                "value": format!(
                    "watched for {}, the source kept for {} more",
                    duration(time.watch_seconds),
                    duration(time.grace_seconds)
                ),
            },
        ],
        "signed": [
            ["By", package.principal],
            ["Key", package.fingerprint],
            ["Package-SHA256", package.sha256],
            ["Package before", before],
            ["Made", format!("from the export of {}, by {}", package.created_at, package.made_by)],
            ["Use before", package.expires_at.to_string()],
            ["Judged at", package.judged_at.to_string()],
        ],
        "contents": [
            ["Files", format!("{} with {}", contents.files, bytes(contents.bytes))],
            ["Code", format!("{}, {ours}: {}", count(contents.code.files, "file", "files"), contents.code.digest)],
            ["Data", format!("{}: {}", count(contents.data.files, "file", "files"), contents.data.digest)],
            ["Personal", count(contents.personal_files, "file", "files")],
            ["Settings", format!("{}: {}", ledger.settings, ledger.outcomes())],
            [
                "To be copied",
                format!(
                    "{} with {}, in {}",
                    count(contents.content.objects, "object", "objects"),
                    bytes(contents.content.bytes),
                    count(contents.content.batches, "batch", "batches")
                ),
            ],
        ],
        "folders": contents
            .folders
            .iter()
            .map(|folder| match folder.path.as_str() {
                "" => json!(["beside the folders", folder.files]),
                path => json!([format!("{path}/"), folder.files]),
            })
            .collect::<Json>(),
        "tools": needs
            .tools
            .iter()
            .chain(&needs.collections)
            .map(|needed| json!([needed.name, needed.version]))
            .collect::<Json>(),
        "images": needs.images.iter().map(|image| json!([image.service, image.image])).collect::<Json>(),
        "secrets": needs
            .secrets
            .iter()
            .map(|secret| {
                let origin = match secret.origin {
                    SecretOrigin::Generated => "the target makes it",
                    SecretOrigin::Provided => "you provide it",
                };
                let before = format!("./migrate {}", word(secret.needed_by));
                json!({ "name": secret.name, "origin": origin, "before": before, "purpose": secret.purpose })
            })
            .collect::<Json>(),
        "access": needs.access.iter().map(|access| json!([word(access.side), reached(access)])).collect::<Json>(),
        "sides": sides,
        "groups": groups,
        "not_needed": not_needed.iter().map(|phase| json!([phase.id, phase.why])).collect::<Json>(),
    })
}

fn reached(access: &Access) -> String {
    let mut words = vec![access.address.clone().unwrap_or_else(|| "made by provision".to_owned())];
    words.extend(access.account.as_ref().map(|account| format!("SSH as {account}")));
    words.extend(access.port.map(|port| format!("port {port}")));
    words.extend(access.host_keys.iter().map(|key| format!("host key {key}")));
    words.extend(access.secrets.iter().map(|secret| format!("with the secret {secret}")));
    words.join(", ")
}

fn acts_on(phases: &[Phase], side: Side) -> Json {
    let steps = || phases.iter().flat_map(|phase| &phase.steps).filter(|step| step.side == side);
    let run = steps().filter(|step| step.automated).count();
    let all = count(steps().count() as u64, "step", "steps");
    json!([word(side), format!("{all}, of which this package runs {run}")])
}

fn of_phase(phase: &Phase, waits: &str) -> Json {
    let runs =
        if phase.automated { ("this package runs it", "good") } else { ("not run by this package", "plain") };
    json!({
        "title": phase.title,
        "command": phase.command,
        "runs": { "word": runs.0, "tone": runs.1 },
        "about": format!("{}{waits}", duration(phase.seconds)),
        "steps": phase.steps.iter().map(of_step).collect::<Json>(),
    })
}

fn of_step(step: &Step) -> Json {
    let who = match step.actor {
        Actor::Automation if step.automated => "the package",
        Actor::Automation => "nobody with this package",
        Actor::TrustArchitect => "the Trust Architect",
        Actor::Operator => "the operator",
    };
    let mark = step.mark.map(|mark| match mark {
        Mark::UserImpact => "users notice from here on",
        Mark::HandOver => "hand-over",
        Mark::NoReturn => "no way back from here on",
    });
    json!({
        "title": step.title,
        "side": word(step.side),
        "who": who,
        "takes": duration(step.seconds),
        "mark": mark,
    })
}

fn of_comparison(comparison: &Comparison) -> Json {
    let sides = [("Old", &comparison.old), ("New", &comparison.new)].map(|(word, which)| {
        let mut rows = vec![
            json!(["Named", which.name]),
            json!(["Installation", which.installation]),
            json!(["Export of", which.exported_at]),
            json!(["Made by", which.made_by]),
        ];
        if let Some(package) = &which.package {
            rows.push(json!(["Package", package.name]));
            rows.push(json!(["Signed by", package.principal]));
            rows.push(json!(["Key", package.fingerprint]));
            rows.push(json!(["Package-SHA256", package.sha256]));
        }
        json!({ "word": word, "rows": rows })
    });
    let classes = Class::ALL.into_iter().filter(|class| comparison.counts.of(*class) > 0).map(|class| {
        let listed = comparison.differences.iter().filter(|difference| difference.class == class);
        json!({
            "word": class.as_str(),
            "meaning": class.meaning(),
            "count": comparison.counts.of(class),
            "differences": listed.map(of_difference).collect::<Json>(),
        })
    });
    let code = comparison.code.as_ref().map(|code| {
        let result = if code.equal {
            format!("The same in both: {}.", code.new)
        } else {
            format!(
                "{} differ: {} before, {} now.",
                count(code.files.len() as u64, "file", "files"),
                code.old,
                code.new
            )
        };
        let files = code.files.iter().map(|file| {
            let (word, tone) = changed(file.change);
            json!({ "path": file.path, "change": word, "tone": tone })
        });
        json!({ "result": result, "files": files.collect::<Json>() })
    });
    let reasons = reasons(&comparison.explained);
    json!({
        "kind": comparison.compared.one(),
        "title": format!("{} and {}", comparison.old.name, comparison.new.name),
        "result": result(comparison),
        "sides": sides,
        "classes": classes.collect::<Json>(),
        "code": code,
        "explained": reasons.iter().map(|one| json!([one.words, one.count, one.example])).collect::<Json>(),
        "notes": notes(comparison),
    })
}

fn of_difference(difference: &Difference) -> Json {
    let (word, tone) = changed(difference.change);
    let (old, new) =
        (difference.old.as_ref().map(comparison::value), difference.new.as_ref().map(comparison::value));
    let (old, new) = cut(old.as_deref(), new.as_deref(), LONGEST);
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let promised = difference.promised.as_ref().map(|promised| match promise(promised) {
        (Some(expected), why) => format!("{}, {why}", short(&expected)),
        (None, why) => why,
    });
    json!({
        "path": difference.path,
        "change": word,
        "tone": tone,
        "personal": difference.personal,
        "old": or_none(old),
        "new": or_none(new),
        "also": difference.also.join(", "),
        "promised": promised,
    })
}

fn changed(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Added => ("added", "good"),
        Change::Removed => ("removed", "bad"),
        Change::Changed => ("changed", "note"),
        Change::Unchanged => ("unchanged", "warn"),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
