//! When everything is done: lines of the timetables, and the window of the cutover.

use crate::plan::{Plan, Row, figures};
use crate::render::documents::words;
use serde::Serialize;

/// One line of a timetable.
#[derive(Serialize)]
pub(super) struct Line {
    id: String,
    title: &'static str,
    starts: String,
    duration: String,
    slack: String,
    latest_end: String,
}

impl Line {
    pub fn of(row: &Row) -> Self {
        Self {
            id: row.id.to_owned(),
            title: row.title,
            starts: words::offset(row.starts),
            duration: figures::duration(row.seconds),
            slack: figures::duration(row.slack),
            latest_end: words::offset(row.latest_end),
        }
    }
}

/// The cutover's window.
#[derive(Serialize)]
pub(super) struct WindowText {
    opens: String,
    length: String,
    turn_back_by: String,
    fits: bool,
    cutover: String,
}

impl WindowText {
    /// Nothing where no window is told.
    pub fn of(plan: &Plan) -> Option<Self> {
        let table = &plan.timetable;
        Some(Self {
            opens: table.window.clone()?,
            length: figures::duration(table.window_seconds?),
            turn_back_by: words::offset(table.turn_back_by?),
            fits: table.fits,
            cutover: figures::duration(table.cutover_seconds),
        })
    }
}
