//! Every setting with its changes: who changed it, when, from what to what.

use super::words::Badge;
use super::{Change, Row, Whole, visible};
use crate::record::history::{History, Past};
use crate::record::meaning::{Area, Changed};
use serde::Serialize;
use std::collections::BTreeMap;

/// The page.
#[derive(Serialize)]
pub(super) struct Settings<'a> {
    whole: &'a Whole,
    count: usize,
    files: Vec<File>,
}

/// The settings of one file.
#[derive(Serialize)]
struct File {
    id: String,
    title: String,
    rows: Vec<Line>,
}

/// One change of one setting.
#[derive(Serialize)]
struct Line {
    setting: String,
    link: String,
    title: String,
    at: String,
    who: String,
    before: Option<String>,
    after: Option<String>,
    became: &'static str,
    standing: Badge,
}

/// Files in their order (0), then what runs (1), then what is encrypted (2).
type Place = (u8, String);

impl<'a> Settings<'a> {
    pub fn of(history: &History, whole: &'a Whole) -> Self {
        let mut files: BTreeMap<Place, BTreeMap<String, Vec<Line>>> = BTreeMap::new();
        for (index, past) in history.commits.iter().enumerate() {
            for change in past.changes.iter().flatten() {
                let Some((place, setting)) = place(change) else { continue };
                let line = Line::of(history, index, past, change, setting.clone());
                files.entry(place).or_default().entry(setting).or_default().push(line);
            }
        }
        let mut count = 0;
        let files = files.into_iter().enumerate().map(|(number, ((_, title), settings))| {
            count += settings.len();
            // Newest first, as everywhere.
            let rows = settings.into_values().flat_map(|lines| lines.into_iter().rev()).collect();
            File { id: format!("file-{}", number + 1), title, rows }
        });
        let files = files.collect();
        Self { whole, count, files }
    }
}

/// Under which heading a change stands, and what its setting is called; nothing of what is no value of an installation.
fn place(change: &Changed) -> Option<(Place, String)> {
    let what = change.what.as_str();
    let (order, title, setting) = match change.area {
        // Of a file that holds no values with names, only that it is another is known.
        Area::Settings => match what.split_once(": ") {
            Some((file, setting)) => (0, file, setting),
            None => (0, what, "the whole file"),
        },
        Area::Images => (1, "Images that run", what),
        Area::Personal => (2, "Personal files, encrypted: only that they changed", what),
        _ => return None,
    };
    Some(((order, visible(title)), visible(setting)))
}

impl Line {
    fn of(history: &History, index: usize, past: &Past, change: &Changed, setting: String) -> Self {
        let row = Row::of(history, index);
        let Change { before, after, became, .. } = Change::of(change);
        let told =
            change.area != Area::Personal && (change.area != Area::Settings || change.what.contains(": "));
        Self {
            setting,
            link: row.link,
            title: row.title,
            at: row.at,
            who: who(past),
            before: before.filter(|_| told),
            after: after.filter(|_| told),
            became,
            standing: row.standing,
        }
    }
}

/// Under whose name it was recorded, and who asked for it and approved it, as the commit says.
fn who(past: &Past) -> String {
    let entry = past.entry.as_ref();
    let said = [
        ("asked for by", entry.and_then(|entry| entry.requested_by.as_ref())),
        ("approved by", entry.and_then(|entry| entry.approved_by.as_ref())),
        ("ticket", entry.and_then(|entry| entry.ticket.as_ref())),
    ];
    let said = said.into_iter().filter_map(|(word, value)| Some(format!("; {word} {}", visible(value?))));
    visible(&past.name) + &said.collect::<String>()
}
