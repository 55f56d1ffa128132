//! Bars on a line of time: phases, steps, and what a window is divided into.

use crate::plan::{Row, figures};
use serde::Serialize;

/// Height of a line of text, and of what stands between two bars.
const LINE: u32 = 19;
const FOOT: u32 = 14;
const BAR: u32 = 8;
const GAP: u32 = 10;
/// Characters that fit beside each other at 360 pixels, in the widest of the usual fonts.
const FITS: usize = 37;
/// Ten thousandths of the width: a bar that is narrower is not seen.
const NARROWEST: u64 = 80;
const WHOLE: u64 = 10_000;

/// What a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Work.
    Work,
    /// Work while users cannot upload.
    Closed,
    /// Time that is free.
    Spare,
    /// The way back.
    Back,
}

/// A share of the width, in percent with two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Percent(u64);

impl Serialize for Percent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}.{:02}%", self.0 / 100, self.0 % 100))
    }
}

/// Bars one below the other, each with its name and times above.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Chart {
    height: u32,
    thick: u32,
    bars: Vec<Bar>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Bar {
    name: String,
    name_y: u32,
    times: String,
    /// Below the name where both do not fit on one line, and then from the left.
    times_y: u32,
    y: u32,
    x: Percent,
    width: Percent,
    /// Where the slack begins, and its width.
    spare: Option<(Percent, Percent)>,
    tone: Tone,
}

/// One bar, divided.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Split {
    height: u32,
    thick: u32,
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Piece {
    x: Percent,
    width: Percent,
    tone: Tone,
    text: String,
    text_y: u32,
}

/// Draws rows of a timetable; `slack`: each with its own.
pub fn chart(rows: &[Row], slack: bool, tone: impl Fn(&Row) -> Tone) -> Chart {
    let end = |row: &Row| if slack { row.latest_end } else { row.starts + row.seconds };
    let total = rows.iter().map(end).max().unwrap_or(0);
    let mut y = 0;
    let mut bars = Vec::new();
    for row in rows {
        let name = row.id.rsplit('/').next().unwrap_or(row.id).to_owned();
        let times = format!("+{}, {}", figures::duration(row.starts), figures::duration(row.seconds));
        let name_y = y + FOOT;
        let below = name.chars().count() + times.chars().count() > FITS;
        y += if below { 2 * LINE } else { LINE };
        let (x, width) = place(row.starts, row.seconds, total);
        let (_, spare) = place(row.starts + row.seconds, row.slack, total);
        let free = WHOLE - x - width;
        bars.push(Bar {
            name,
            name_y,
            times,
            times_y: if below { name_y + LINE } else { name_y },
            y,
            x: Percent(x),
            width: Percent(width),
            spare: slack.then_some((Percent(x + width), Percent(spare.min(free)))),
            tone: tone(row),
        });
        y += BAR + GAP;
    }
    Chart { height: y, thick: BAR, bars }
}

/// Draws what a stretch of time is divided into; each piece is named below.
pub fn split(pieces: &[(Tone, &str, u64)]) -> Split {
    let total = pieces.iter().map(|(.., seconds)| seconds).sum();
    let (mut at, mut y) = (0, 2 * BAR + GAP);
    let mut drawn = Vec::new();
    for (tone, name, seconds) in pieces {
        let (x, width) = place(at, *seconds, total);
        let text = format!("{name}: {}", figures::duration(*seconds));
        drawn.push(Piece { x: Percent(x), width: Percent(width), tone: *tone, text, text_y: y + FOOT });
        at += seconds;
        y += LINE;
    }
    Split { height: y, thick: 2 * BAR, pieces: drawn }
}

/// Where a stretch of time begins, and how wide it is; never outside of the drawing, and never too narrow to be seen.
fn place(starts: u64, seconds: u64, total: u64) -> (u64, u64) {
    let share = |seconds: u64| {
        let share = u128::from(seconds) * u128::from(WHOLE) / u128::from(total.max(1));
        u64::try_from(share).unwrap_or(WHOLE).min(WHOLE)
    };
    let width = share(seconds).max(NARROWEST);
    let x = share(starts).min(WHOLE - width);
    (x, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &'static str, starts: u64, seconds: u64, slack: u64) -> Row {
        Row { id, title: "", starts, seconds, slack, latest_end: starts + seconds + slack }
    }

    #[test]
    fn bars_stand_where_their_time_is_and_slack_follows() {
        let rows = [row("preflight", 0, 100, 300), row("verify", 400, 500, 100)];

        let chart = chart(&rows, true, |_| Tone::Work);

        let bars: Vec<_> = chart.bars.iter().map(|bar| (bar.name.as_str(), bar.x.0, bar.width.0)).collect();
        assert_eq!(bars, [("preflight", 0, 1_000), ("verify", 4_000, 5_000)]);
        assert_eq!(chart.bars[0].spare, Some((Percent(1_000), Percent(3_000))));
        assert_eq!((chart.bars[0].name_y, chart.bars[0].times_y, chart.bars[0].y), (14, 14, 19));
        assert_eq!((chart.bars[1].y, chart.height), (56, 74));
        assert_eq!(serde_json::to_value(chart.bars[1].x).expect("text"), "40.00%");
    }

    #[test]
    fn what_is_short_is_seen_and_what_is_last_ends_inside() {
        let chart =
            chart(&[row("cutover/a", 0, 100_000, 0), row("cutover/b", 100_000, 1, 0)], false, |row| {
                if row.starts > 0 { Tone::Closed } else { Tone::Work }
            });

        let last = &chart.bars[1];
        assert_eq!((last.x.0, last.width.0, last.tone), (WHOLE - NARROWEST, NARROWEST, Tone::Closed));
        assert_eq!((last.name.as_str(), last.spare), ("b", None));
    }

    #[test]
    fn a_long_name_and_its_times_stand_below_each_other() {
        let rows = [row("cutover/a-name-that-takes-most-of-a-line", 3_600, 90, 0)];
        let chart = chart(&rows, false, |_| Tone::Work);
        let bar = &chart.bars[0];
        assert_eq!((bar.name_y, bar.times_y, bar.y), (14, 33, 38));
    }

    #[test]
    fn a_window_is_divided_without_a_rest() {
        let split =
            split(&[(Tone::Work, "cutover", 900), (Tone::Spare, "slack", 2_400), (Tone::Back, "back", 300)]);
        let pieces: Vec<_> = split.pieces.iter().map(|piece| (piece.x.0, piece.width.0)).collect();
        assert_eq!(pieces, [(0, 2_500), (2_500, 6_666), (9_166, 833)]);
        assert_eq!(split.pieces[2].text, "back: 5 min");
        assert_eq!((split.pieces[0].text_y, split.height), (40, 83));
    }

    #[test]
    fn nothing_to_draw_is_no_error() {
        assert_eq!(chart(&[], true, |_| Tone::Work), Chart { height: 0, thick: BAR, bars: Vec::new() });
        assert_eq!(place(0, 0, 0), (0, NARROWEST));
    }
}
