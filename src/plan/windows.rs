//! Weekly windows laid out on one line, and work poured into them.

use crate::model::{Bandwidth, TimedBandwidth, Timestamp, Window};

/// Minutes of a week.
const WEEK: u64 = 10_080;

/// Windows of one week: merged, sorted, each as (first minute, length in minutes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weekly {
    /// Work may run at any time.
    Always,
    /// Work may run in these windows only.
    In(Vec<(u64, u64)>),
}

/// One stretch of work inside a window, in seconds from the beginning of the first window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// When the window opens.
    pub opens: u64,
    /// When it closes.
    pub closes: u64,
    /// When the work in it ends.
    pub ends: u64,
    /// Minute of the week at which the window opens.
    pub minute: u64,
}

/// Merges overlapping and adjoining windows; none at all means always.
pub fn merge(windows: &[Window]) -> Weekly {
    if windows.is_empty() {
        return Weekly::Always;
    }
    // Three weeks in a row, so that what crosses Sunday midnight is merged too; the middle one is read off.
    let mut line: Vec<(u64, u64)> = Vec::new();
    for week in 0..3 {
        for window in windows {
            line.extend(
                window.spans().map(|(start, length)| (week * WEEK + start, week * WEEK + start + length)),
            );
        }
    }
    line.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (start, end) in line {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    if merged.iter().any(|(start, end)| end - start >= 2 * WEEK) {
        return Weekly::Always;
    }
    Weekly::In(
        merged
            .iter()
            .filter(|(start, _)| (WEEK..2 * WEEK).contains(start))
            .map(|(start, end)| (start - WEEK, end - start))
            .collect(),
    )
}

/// Minute of the week of `at`, 0 for Monday midnight UTC.
pub fn minute_of_week(at: Timestamp) -> u64 {
    // 1970-01-01 was a Thursday, three days after a Monday.
    let minutes = at.seconds().div_euclid(60) + 3 * 1_440;
    u64::try_from(minutes.rem_euclid(i64::try_from(WEEK).unwrap_or(i64::MAX))).unwrap_or(0)
}

/// The lowest bandwidth of a timetable in the minutes of a week in which work may run, and their average, rounded down.
pub fn bandwidths(
    weekly: &Weekly,
    otherwise: Bandwidth,
    timetable: &[TimedBandwidth],
) -> (Bandwidth, Bandwidth) {
    let within = |(start, length): (u64, u64), minute: u64| (minute + WEEK - start) % WEEK < length;
    let may_run = |minute: u64| match weekly {
        Weekly::Always => true,
        Weekly::In(windows) => windows.iter().any(|span| within(*span, minute)),
    };
    let at = |minute: u64| {
        let holds = |timed: &&TimedBandwidth| timed.window.spans().any(|span| within(span, minute));
        timetable.iter().find(holds).map_or(otherwise, |timed| timed.bandwidth)
    };
    let all: Vec<u64> = (0..WEEK).filter(|minute| may_run(*minute)).map(|minute| at(minute).0).collect();
    let lowest = all.iter().copied().min().unwrap_or(otherwise.0);
    let sum: u128 = all.iter().map(|bits| u128::from(*bits)).sum();
    let mean = u64::try_from(sum / all.len().max(1) as u128).unwrap_or(u64::MAX);
    // To whole units of which there are ten or more.
    let unit = [1_000_000_000, 1_000_000, 1_000].into_iter().find(|unit| mean >= unit * 10).unwrap_or(1);
    (Bandwidth(lowest), Bandwidth((mean / unit * unit).max(lowest)))
}

/// Pours `seconds` of work into the windows, beginning with the first that opens at or after `from`.
///
/// Work stops when a window closes and goes on in the next. Whole weeks in the middle are not listed one by one: at
/// most `listed` stretches come back, with the number of windows used and the second at which the work ends.
pub fn pour(weekly: &Weekly, from: Timestamp, seconds: u64, listed: usize) -> (Vec<Stretch>, u64, u64) {
    let Weekly::In(windows) = weekly else {
        return (Vec::new(), 0, seconds);
    };
    if seconds == 0 || windows.is_empty() {
        return (Vec::new(), 0, 0);
    }
    let minute = minute_of_week(from);
    let first = windows.iter().position(|(start, _)| *start >= minute).unwrap_or(0);
    pour_from(windows, first, seconds, listed)
}

/// One part of some work, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It needs no window.
    AtAnyTime(u64),
    /// It waits for a window, and for the next one where that closes.
    InWindows(u64),
}

/// Seconds from the opening of a window to the end of work that begins then, its parts one after the other, from the window
/// with which that takes longest. Work that begins before an opening, in another window or in none, ends no later.
pub fn longest(weekly: &Weekly, parts: &[Part]) -> u64 {
    let from = |windows: &[(u64, u64)], opens: u64| {
        let end = parts.iter().fold(opens, |at, part| match *part {
            Part::AtAnyTime(seconds) => at + seconds,
            Part::InWindows(seconds) => end_in(windows, at, seconds),
        });
        end - opens
    };
    match weekly {
        Weekly::In(windows) => windows.iter().map(|(start, _)| from(windows, start * 60)).max().unwrap_or(0),
        Weekly::Always => from(&[], 0),
    }
}

/// When `seconds` of work end that begin at `at`, or when the next window opens; both in seconds of the week and what follows
/// it. No window at all means always.
fn end_in(windows: &[(u64, u64)], at: u64, seconds: u64) -> u64 {
    let a_week: u64 = windows.iter().map(|(_, length)| length * 60).sum();
    if seconds == 0 || a_week == 0 {
        return at + seconds;
    }
    // Whole weeks are passed over, but for the last second of one: work ends in a window.
    let (mut at, mut left) = (at + (seconds - 1) / a_week * WEEK * 60, (seconds - 1) % a_week + 1);
    let since = |start: u64, at: u64| (at % (WEEK * 60) + WEEK * 60 - start * 60) % (WEEK * 60);
    loop {
        let open = windows.iter().find(|(start, length)| since(*start, at) < length * 60);
        let Some((start, length)) = open else {
            at += windows.iter().map(|(start, _)| WEEK * 60 - since(*start, at)).min().unwrap_or(1);
            continue;
        };
        let work = left.min(length * 60 - since(*start, at));
        (at, left) = (at + work, left - work);
        if left == 0 {
            return at;
        }
    }
}

/// Pours `seconds` of work, of which there are some, into the windows, beginning with the opening of the one at `first`.
fn pour_from(windows: &[(u64, u64)], first: usize, seconds: u64, listed: usize) -> (Vec<Stretch>, u64, u64) {
    let anchor = windows[first].0;
    let a_week: u64 = windows.iter().map(|(_, length)| length * 60).sum();

    let (mut stretches, mut left, mut used, mut week, mut at) = (Vec::new(), seconds, 0, 0, first);
    loop {
        // Once the list is full, whole weeks are skipped by division.
        if stretches.len() >= listed && at == first {
            let whole = (left - 1) / a_week;
            left -= whole * a_week;
            used += whole * windows.len() as u64;
            week += whole;
        }
        let (start, length) = windows[at];
        let opens = (week * WEEK + start - anchor) * 60;
        let work = left.min(length * 60);
        left -= work;
        used += 1;
        let stretch = Stretch { opens, closes: opens + length * 60, ends: opens + work, minute: start };
        if stretches.len() < listed {
            stretches.push(stretch);
        }
        if left == 0 {
            return (stretches, used, stretch.ends);
        }
        at += 1;
        if at == windows.len() {
            (at, week) = (0, week + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Part::{AtAnyTime, InWindows};
    use super::*;
    use crate::model::Word as _;

    fn windows(texts: &[&str]) -> Vec<Window> {
        texts.iter().filter_map(|text| Window::parse(text)).collect()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or(Timestamp(jiff::Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn windows_that_touch_or_cross_sunday_midnight_become_one() {
        let merged =
            merge(&windows(&["sun 22:00-02:00", "mon 02:00-04:00", "wed 10:00-12:00", "wed 11:00-13:00"]));

        assert_eq!(merged, Weekly::In(vec![(2 * 1440 + 600, 180), (6 * 1440 + 1320, 360)]));
    }

    #[test]
    fn windows_around_the_clock_mean_always() {
        assert_eq!(merge(&windows(&["mon-sun 00:00-12:00", "mon-sun 12:00-00:00"])), Weekly::Always);
    }

    #[test]
    fn bandwidths_are_those_of_the_hours_in_which_work_may_run() {
        let timetable: Vec<_> = TimedBandwidth::parse("mon-fri 08:00-18:00 20 Mbit/s").into_iter().collect();
        let of = |texts: &[&str]| {
            let (lowest, mean) = bandwidths(&merge(&windows(texts)), Bandwidth(200_000_000), &timetable);
            (lowest.0 / 1_000_000, mean.0 / 1_000_000)
        };

        assert_eq!(of(&["sat 08:00-20:00"]), (200, 200), "no hour of the timetable");
        assert_eq!(of(&["tue 09:00-17:00"]), (20, 20), "only hours of the timetable");
        assert_eq!(of(&["mon 16:00-20:00"]), (20, 110), "two hours of each");
        assert_eq!(of(&[]), (20, (50 * 20 + 118 * 200) / 168), "50 of a week's 168 hours");
    }

    #[test]
    fn work_goes_on_in_the_next_window_and_ends_in_the_second_week() {
        let weekly = merge(&windows(&["fri 22:00-23:00", "sat 22:00-23:00"]));

        // 2026-11-20 is a Friday; at noon the first window is the same evening's.
        let (stretches, used, ends) = pour(&weekly, at("2026-11-20T12:00:00Z"), 3 * 3600 - 60, 10);

        assert_eq!(used, 3);
        assert_eq!(ends, 7 * 86_400 + 3600 - 60);
        assert_eq!(stretches.iter().map(|s| s.opens).collect::<Vec<_>>(), [0, 86_400, 7 * 86_400]);
    }

    #[test]
    fn the_longest_is_from_the_window_after_which_the_next_is_farthest_away() {
        let weekly = merge(&windows(&["mon-fri 20:00-06:00", "sat 08:00-20:00"]));

        assert_eq!(longest(&weekly, &[InWindows(3_600)]), 3_600, "each window is long enough");
        // From Saturday 08:00: twelve hours, then the next hour is on Monday at 20:00.
        assert_eq!(longest(&weekly, &[InWindows(13 * 3_600)]), 61 * 3_600);
        assert_eq!(pour(&weekly, at("2026-11-20T12:00:00Z"), 13 * 3_600, 9).2, 15 * 3_600, "from Friday");
        assert_eq!(longest(&weekly, &[]), 0);
        assert_eq!(longest(&Weekly::Always, &[AtAnyTime(3), InWindows(4)]), 7);
    }

    #[test]
    fn what_needs_no_window_goes_on_after_one_and_what_needs_one_waits_for_the_next() {
        let weekly = merge(&windows(&["sat 08:00-20:00"]));
        let (hour, week) = (3_600, 7 * 86_400);

        // Copying ends with the window: what is carried and proven there waits a week, what is read back does not.
        assert_eq!(longest(&weekly, &[InWindows(12 * hour), AtAnyTime(hour)]), 13 * hour);
        assert_eq!(longest(&weekly, &[InWindows(12 * hour), AtAnyTime(hour), InWindows(1)]), week + 1);
        // A minute before copying is a minute of its window.
        assert_eq!(longest(&weekly, &[AtAnyTime(60), InWindows(12 * hour)]), week + 60);
        assert_eq!(
            longest(&weekly, &[InWindows(12 * hour), InWindows(0)]),
            12 * hour,
            "nothing waits for nothing"
        );
        assert_eq!(longest(&weekly, &[InWindows(24 * hour)]), week + 12 * hour, "two whole windows");
        assert_eq!(longest(&weekly, &[InWindows(24 * hour + 1)]), 2 * week + 1);
    }

    #[test]
    fn skipping_whole_weeks_ends_at_the_same_second_as_walking_them() {
        let weekly = merge(&windows(&["tue 01:00-02:30", "thu 05:00-05:10", "sun 23:00-01:00"]));
        for seconds in [1, 5_400, 13_200, 13_201, 1_000_000, 1_320_000] {
            let from = at("2026-11-19T05:00:00Z");
            let (_, used, ends) = pour(&weekly, from, seconds, 1);
            let (all, used_walking, ends_walking) = pour(&weekly, from, seconds, usize::MAX);

            assert_eq!((used, ends), (used_walking, ends_walking), "{seconds} s");
            assert_eq!(all.len() as u64, used);
        }
    }
}
