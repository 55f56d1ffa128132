//! Machines, one below the other, and what goes between them.

use serde::Serialize;

/// Characters that fit beside each other at 360 pixels, in the widest of the usual fonts.
const TITLE_FITS: usize = 33;
const LINE_FITS: usize = 38;
const PART_FITS: usize = 36;
const WAY_FITS: usize = 36;
/// From one line to the next.
const LINE: u32 = 19;
/// From the top of a line to the foot of its letters.
const FOOT: u32 = 14;
/// Between a machine's edge and its text.
const INSET: u32 = 12;
/// Between what a machine is called and what runs on it.
const GAP: u32 = 6;
/// Between a machine and the arrow that leads to it.
const ROOM: u32 = 3;

/// A machine, as it is told.
pub struct Machine {
    /// Class of its ground.
    pub tone: &'static str,
    /// What it is.
    pub title: String,
    /// What else there is to say of it.
    pub lines: Vec<String>,
    /// What runs on it.
    pub parts: Vec<String>,
}

/// What goes from a machine to the next below it, or up from there.
pub struct Way {
    /// Whether it leads up.
    pub up: bool,
    /// What goes there.
    pub texts: Vec<String>,
}

/// The drawing.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Stack {
    height: u32,
    machines: Vec<Drawn>,
    ways: Vec<Arrow>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Drawn {
    tone: &'static str,
    y: u32,
    height: u32,
    title: Vec<Line>,
    lines: Vec<Line>,
    parts: Vec<Line>,
}

/// A line of text, by the foot of its letters.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    y: u32,
    text: String,
    /// Whether its text begins here.
    first: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Arrow {
    from: u32,
    to: u32,
    /// The path of its tip.
    tip: String,
    texts: Vec<Line>,
}

impl Arrow {
    /// An arrow that leaves some room to the machines at its ends.
    fn between(above: u32, below: u32, up: bool, texts: Vec<Line>) -> Self {
        let (from, to) = (above + ROOM, below - ROOM);
        let tip = if up { format!("M20 {}h12l-6-9z", from + 9) } else { format!("M20 {}h12l-6 9z", to - 9) };
        Self { from: if up { from + 9 } else { from }, to: if up { to } else { to - 9 }, tip, texts }
    }
}

/// Draws machines with a way between each and the next.
pub fn draw(machines: &[Machine], ways: &[Way]) -> Stack {
    let mut y = 0;
    let mut stack = Stack { height: 0, machines: Vec::new(), ways: Vec::new() };
    for (number, machine) in machines.iter().enumerate() {
        if let Some(way) = number.checked_sub(1).and_then(|before| ways.get(before)) {
            let from = y;
            y += INSET;
            let texts = set(&mut y, &way.texts, WAY_FITS);
            y += INSET;
            stack.ways.push(Arrow::between(from, y, way.up, texts));
        }
        let top = y;
        y += INSET;
        let title = set(&mut y, std::slice::from_ref(&machine.title), TITLE_FITS);
        let lines = set(&mut y, &machine.lines, LINE_FITS);
        if !machine.parts.is_empty() {
            y += GAP;
        }
        let parts = set(&mut y, &machine.parts, PART_FITS);
        y += INSET;
        stack.machines.push(Drawn { tone: machine.tone, y: top, height: y - top, title, lines, parts });
    }
    stack.height = y;
    stack
}

/// Sets texts one below the other, from `y` on.
fn set(y: &mut u32, texts: &[String], fits: usize) -> Vec<Line> {
    let mut set = Vec::new();
    for text in texts {
        for (number, text) in broken(text, fits).into_iter().enumerate() {
            set.push(Line { y: *y + FOOT, text, first: number == 0 });
            *y += LINE;
        }
    }
    set
}

/// Breaks a text into lines: at a space, else after a sign that joins, else where the line is full.
fn broken(text: &str, fits: usize) -> Vec<String> {
    let mut rest: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    while rest.len() > fits {
        let space = rest[..=fits].iter().rposition(|c| *c == ' ').filter(|at| *at > 0);
        let joint = || rest[..fits].iter().rposition(|c| ".-/@_".contains(*c)).map(|at| at + 1);
        let end = space.or_else(joint).unwrap_or(fits);
        lines.push(rest[..end].iter().collect());
        rest.drain(..end + usize::from(space.is_some()));
    }
    lines.push(rest.into_iter().collect());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_broken_where_its_parts_meet_and_loses_nothing() {
        assert_eq!(broken("short", 10), ["short"]);
        assert_eq!(broken("two words here", 10), ["two words", "here"]);
        assert_eq!(broken("files.of.a.very.long.example", 10), ["files.of.", "a.very.", "long.", "example"]);
        assert_eq!(broken(&"x".repeat(25), 10), ["x".repeat(10), "x".repeat(10), "x".repeat(5)]);
        let domain = format!("{}.example", "ab-".repeat(80));
        assert_eq!(broken(&domain, LINE_FITS).concat(), domain);
        assert!(broken(&domain, LINE_FITS).iter().all(|line| line.chars().count() <= LINE_FITS));
    }

    #[test]
    fn machines_stand_below_each_other_and_ways_fill_what_is_between() {
        let machine = |title: &str, parts: &[&str]| Machine {
            tone: "fill-note",
            title: title.to_owned(),
            lines: Vec::new(),
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
        };
        let way = Way { up: true, texts: vec!["SSH".to_owned()] };

        let stack = draw(&[machine("above", &["one", "two"]), machine("below", &[])], &[way]);

        let drawn: Vec<_> = stack.machines.iter().map(|m| (m.y, m.height)).collect();
        assert_eq!(drawn, [(0, 87), (130, 43)]);
        let parts: Vec<_> = stack.machines[0].parts.iter().map(|line| line.y).collect();
        assert_eq!((stack.machines[0].title[0].y, parts), (26, vec![51, 70]));
        let text = Line { y: 113, text: "SSH".to_owned(), first: true };
        let tip = "M20 99h12l-6-9z".to_owned();
        assert_eq!(stack.ways, [Arrow { from: 99, to: 127, tip, texts: vec![text] }]);
        assert_eq!(stack.height, 173);
    }
}
