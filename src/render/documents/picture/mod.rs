//! The drawings of `MIGRATION-PLAN.html`, as numbers that the template places.
//!
//! Lengths down the page are pixels; lengths across are shares of the width. So a drawing is as wide as the screen, and
//! its text as large as the page's, on a telephone too; nothing is scaled.

mod bars;
mod stack;

use super::words;
use crate::model::{Pathway, Service};
use crate::plan::{Mark, Plan, Row, figures};
use crate::provider::Home;
use bars::{Chart, Split, Tone};
use serde::Serialize;
use stack::{Machine, Stack, Way};

/// Every drawing of the page.
#[derive(Serialize)]
pub(super) struct Pictures {
    topology: Stack,
    preparation: Chart,
    cutover: Chart,
    window: Option<Split>,
    /// When users cannot upload, from the beginning of the cutover.
    closed: Option<(String, String)>,
}

impl Pictures {
    pub fn of(plan: &Plan) -> Self {
        let table = &plan.timetable;
        let closed = closed(plan);
        let tone = |row: &Row| match closed {
            Some((from, until)) if (from..until).contains(&row.starts) => Tone::Closed,
            _ => Tone::Work,
        };
        Self {
            topology: topology(plan),
            preparation: bars::chart(&table.preparation, true, |_| Tone::Work),
            cutover: bars::chart(&table.cutover, false, tone),
            window: table.window_seconds.filter(|_| table.fits).map(|window| {
                let spare = window.saturating_sub(table.cutover_seconds + table.rollback_seconds);
                bars::split(&[
                    (Tone::Work, "cutover", table.cutover_seconds),
                    (Tone::Spare, "slack", spare),
                    (Tone::Back, "kept for a rollback", table.rollback_seconds),
                ])
            }),
            closed: closed.map(|(from, until)| (words::offset(from), words::offset(until))),
        }
    }
}

/// From when until when of the cutover users cannot upload.
fn closed(plan: &Plan) -> Option<(u64, u64)> {
    let impact = plan.steps().find(|step| step.mark == Some(Mark::UserImpact))?;
    let row = plan.timetable.cutover.iter().find(|row| row.id == impact.id)?;
    Some((row.starts, row.starts + plan.timetable.without_uploads))
}

/// What is left, what is moved to, and the machine that both are reached from.
fn topology(plan: &Plan) -> Stack {
    let facts = &plan.facts;
    let (content, site) = (&facts.content, &facts.site);
    let (here, there) = match facts.pathway {
        Pathway::HostedToSelf | Pathway::HostedToFullySelf => ("the hosted service", site.short),
        Pathway::SelfToHosted => (site.short, "the hosted service"),
    };
    let files = if content.objects == 0 {
        "no uploaded files".to_owned()
    } else {
        format!("{}, {}", figures::count(content.objects, "file", "files"), figures::bytes(content.bytes))
    };
    let source = Machine {
        tone: "fill-plain",
        title: format!("Source: {here}"),
        lines: vec![facts.hosted.to_string(), "people work here until the cutover".to_owned()],
        parts: vec![
            "pages and API".to_owned(),
            "identity (Keycloak)".to_owned(),
            format!("storage: {files}"),
        ],
    };
    let storage = match site.storage.home {
        Home::Project { .. } => None,
        Home::Outside { name, .. } => Some(format!("object storage ({name})")),
    };
    let database = site.database.as_ref();
    let named = |service: &Service| match (service, database) {
        (Service::Postgres, Some(database)) => format!("identity's database ({})", database.name),
        _ => words::service(*service).to_owned(),
    };
    let way = match site.machine.way {
        Some(way) if facts.ssh_allowed.is_empty() => format!("SSH through {way}, as {}", site.machine.user),
        _ => format!("SSH, port {}, as {}", site.machine.port, site.machine.user),
    };
    let target = Machine {
        tone: "fill-note",
        title: format!("Target: {there}, {}", site.name),
        lines: vec![facts.origin(), "people come here after the cutover".to_owned()],
        parts: facts.images.keys().map(named).chain(storage).collect(),
    };
    let controller = Machine {
        tone: "fill-good",
        title: "Controller: your ./migrate".to_owned(),
        lines: vec!["this package, its journal and reports, and the secrets that you provide".to_owned()],
        parts: Vec::new(),
    };
    let mut moved = vec!["this package: settings, users, roles".to_owned()];
    if content.objects > 0 {
        moved.push(if plan.runs("content") {
            format!("content: {files}, read by the target with source_read")
        } else {
            format!("by a later package: {files}")
        });
    }
    stack::draw(
        &[source, target, controller],
        &[Way { up: false, texts: moved }, Way { up: true, texts: vec![way] }],
    )
}
