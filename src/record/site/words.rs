//! What the pages call things.

use crate::record::{Area, Event, Verdict};
use serde::Serialize;

/// A word on a coloured ground; the colour says no more than the word.
#[derive(Serialize)]
pub(super) struct Badge {
    pub text: String,
    pub tone: &'static str,
}

impl Badge {
    pub fn new(text: impl Into<String>, tone: &'static str) -> Self {
        Self { text: text.into(), tone }
    }
}

/// What an operation was.
pub(super) fn kind(event: Option<Event>) -> Badge {
    match event {
        Some(Event::Init) => Badge::new("glass made", "plain"),
        Some(Event::Package) => Badge::new("package", "note"),
        Some(Event::Deployment) => Badge::new("deployment", "good"),
        Some(Event::Configuration) => Badge::new("configuration change", "warn"),
        Some(Event::Cutover) => Badge::new("cutover", "deep"),
        Some(Event::Rollback) => Badge::new("rollback", "bad"),
        Some(Event::Access) => Badge::new("access", "plain"),
        None => Badge::new("unreadable", "bad"),
    }
}

/// What the check said of the whole history, and what follows from it.
pub(super) fn whole(verdict: Verdict) -> (Badge, &'static str) {
    match verdict {
        Verdict::Pass => (
            Badge::new("verified", "good"),
            "Every commit is signed by somebody who may, follows the one before it and changes only what it may, and the \
             history holds what was known of it by another way.",
        ),
        Verdict::Unverifiable => (
            Badge::new("not proven as a whole", "warn"),
            "Nothing is wrong with any commit, and a proof is missing that only something from outside can give.",
        ),
        Verdict::Fail => (
            Badge::new("not verified", "bad"),
            "Something is wrong. Trust nothing that stands on a commit that is not verified.",
        ),
    }
}

/// The heading over what differs in one area.
pub(super) fn area(area: Area) -> &'static str {
    match area {
        Area::Package => "Package",
        Area::Phases => "Phases",
        Area::Checks => "Checks of the last verification",
        Area::Images => "Images that run",
        Area::Settings => "Settings",
        Area::Plan => "Plan",
        Area::Personal => "Personal files",
        Area::Code => "Code",
        Area::Documents => "Documents",
    }
}

/// How many things of one area differ.
pub(super) fn count(area: Area, number: usize) -> String {
    let (one, many) = match area {
        Area::Package => ("detail of the package", "details of the package"),
        Area::Phases => ("phase", "phases"),
        Area::Checks => ("check", "checks"),
        Area::Images => ("image", "images"),
        Area::Settings => ("setting", "settings"),
        Area::Plan => ("detail of the plan", "details of the plan"),
        Area::Personal => return "personal files".to_owned(),
        Area::Code => ("code file", "code files"),
        Area::Documents => ("document", "documents"),
    };
    format!("{number} {}", if number == 1 { one } else { many })
}
