//! However an inventory is cut, and whichever way a row is recognised, what is read is the same.

use super::blocks::{self, Cut};
use super::csv;
use super::rows::{self, Flaw, LONGEST, Row, Rows, Scratch};
use super::{Form, HEADER, plain};
use proptest::prelude::*;
use std::ops::ControlFlow;

/// A row or a flaw with its line, as text that can be compared.
fn told(lines: u64, row: Result<Row<'_>, Flaw>) -> String {
    match row {
        Ok(row) => {
            let metadata = row.metadata.json().into_owned();
            let at = lines + row.line;
            format!(
                "{at} {:?}",
                (
                    row.key,
                    row.size,
                    row.modified,
                    row.content_type,
                    row.sha256,
                    metadata,
                    row.metadata_bytes,
                    row.odd_names
                )
            )
        }
        Err(flaw) => format!("{} {} {} {}", lines + flaw.line, flaw.column, flaw.what, flaw.header),
    }
}

/// One row after the other.
fn in_turn(text: &[u8], form: Form) -> Vec<String> {
    let mut rows = Rows::new(text, form);
    let mut all = Vec::new();
    while let Some(row) = rows.next().expect("memory can be read") {
        all.push(told(0, row));
    }
    all
}

fn in_blocks(text: &[u8], form: Form, cut: Cut) -> Vec<String> {
    let mut all = Vec::new();
    let each = |part: &mut Vec<(u64, String)>, row: Result<Row<'_>, Flaw>| {
        let line = match &row {
            Ok(row) => row.line,
            Err(flaw) => flaw.line,
        };
        // Told without its line, which is known only when the parts are put together.
        let row = row.map(|row| Row { line: 0, ..row }).map_err(|flaw| Flaw { line: 0, ..flaw });
        part.push((line, told(0, row)));
    };
    let merge = |lines: u64, part: Vec<(u64, String)>| {
        all.extend(part.into_iter().map(|(line, told)| format!("{}{}", lines + line, &told[1..])));
        ControlFlow::Continue(())
    };
    blocks::fold(text, form, cut, each, merge).expect("memory can be read");
    all
}

/// Lines of every kind; most are rows, since what is wrong hides what follows.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let usual = (
        "[a-c/. ]{1,12}",
        0_u64..1 << 40,
        "[a-zA-Z_]{1,9}",
        "[ -!#-\\[\\]-~é]{0,20}",
        prop::sample::select(vec!["\n", "\r\n"]),
    )
        .prop_map(|(key, size, name, value, end)| {
            format!(
                "{key},{size},2026-11-01T08:00:00Z,text/plain,,\"{{\"\"{name}\"\":\"\"{value}\"\"}}\"{end}"
            )
        });
    let quoted = "[a-c,\n\r\"é]{1,12}".prop_map(|key| {
        format!("\"{}\",5,2026-11-01T08:00:00.5Z,text/plain,{},\n", key.replace('"', "\"\""), "0a".repeat(32))
    });
    let odd = (".{0,8}", "[0-9a:TZ-]{0,22}", "[ -~]{0,8}", "[0-9a-g]{0,3}", "[\"{}:,a\\\\ ]{0,20}").prop_map(
        |(size, time, kind, sha256, metadata)| format!("key,{size},{time},{kind},{sha256},{metadata}\n"),
    );
    // Around the length that is too long, with line ends inside or without.
    let long = (0_usize..8, any::<bool>(), prop::sample::select(vec!["\n", "\r\n", ""])).prop_map(
        |(more, lines, end)| {
            let rest = ",5,2026-11-01T08:00:00Z,text/plain,,";
            let key = if lines { "\"xxxxxxx\n" } else { "xxxxxxxx" };
            let close = if lines { "\"" } else { "" };
            let fill = "x".repeat(LONGEST - 4 + more - key.len() - close.len() - rest.len() - end.len());
            format!("{key}{fill}{close}{rest}{end}")
        },
    );
    prop_oneof![
        12 => usual.prop_map(String::into_bytes),
        6 => quoted.prop_map(String::into_bytes),
        3 => odd.prop_map(String::into_bytes),
        3 => "[\",\n\r a0{}:\\\\é\u{feff}]{0,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
        1 => long.prop_map(String::into_bytes),
    ]
}

/// A row that is a usual one but for a little, at most.
fn nearly_usual() -> impl Strategy<Value = Vec<u8>> {
    let some = "[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z";
    let time = prop_oneof![3 => Just("2026-11-01T08:00:00Z".to_owned()), 2 => some];
    let size = prop_oneof!["0", "[0-9]{1,3}", "[1-9][0-9]{16,18}"];
    let kind = prop_oneof![4 => "[ -~]{0,9}", 1 => (255_usize..258).prop_map(|length| "x".repeat(length))];
    let digest = prop_oneof![2 => Just(String::new()), 1 => "[0-9a-f]{63,65}", 1 => "[0-9a-fA-Fg]{64}"];
    let pair = ("[a-zA-Z0-9_]{0,9}|[a-z -]{1,3}", "[a-z]{0,9}|[a-z]{0,2}[\\\\\u{1}\u{1f}\u{7f}é\n]");
    let pairs = prop::collection::vec(pair, 0..3);
    let end = prop::sample::select(vec!["\n", "\r\n", "\r", ""]);
    ("[a-z/é\u{1}]{0,9}", size, time, kind, digest, pairs, end).prop_map(
        |(key, size, time, kind, digest, pairs, end)| {
            let pairs: Vec<_> =
                pairs.iter().map(|(name, value)| format!("\"\"{name}\"\":\"\"{value}\"\"")).collect();
            let metadata = format!("\"{{{}}}\"", pairs.join(","));
            format!("{key},{size},{time},{kind},{digest},{metadata}{end}").into_bytes()
        },
    )
}

fn csv_text() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        12 => Just(format!("{HEADER}\n")),
        4 => Just(format!("{HEADER}\r\n")),
        1 => Just(format!("\u{feff}{HEADER}\n")),
        1 => Just(HEADER.to_owned()),
        1 => Just(String::new()),
    ];
    let lines = prop::collection::vec(line(), 0..24);
    (header, lines, 0_usize..4).prop_map(|(header, lines, missing)| {
        let mut text = [header.into_bytes(), lines.concat()].concat();
        text.truncate(text.len().saturating_sub(missing));
        text
    })
}

/// The sizes of blocks that matter: shorter than a row, about as long as one, and longer than anything.
fn cuts() -> impl Strategy<Value = Cut> {
    (prop_oneof![1_usize..8, 40_usize..200, Just(1 << 10), Just(LONGEST + 1), Just(1 << 20)], 1_usize..4)
        .prop_map(|(block, threads)| Cut { block, threads })
}

/// Read in turn, such a record was called wrong for what stands in it, and in blocks too long.
#[test]
fn a_last_record_of_a_byte_too_many_is_too_long_however_it_is_cut() {
    let end = "x\",5,2026-11-01T08:00:00Z,text/plain,,";
    let text = format!("{HEADER}\n\"x\n{}{end}", "x".repeat(LONGEST + 1 - end.len()));
    let whole = in_turn(text.as_bytes(), Form::Csv);
    for block in [LONGEST + 1, 1 << 20] {
        assert_eq!(in_blocks(text.as_bytes(), Form::Csv, Cut { block, threads: 1 }), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_csv_reads_the_same_however_it_is_cut(text in csv_text(), cut in cuts()) {
        // Tiny blocks of long texts only take long.
        let cut = Cut { block: cut.block.max(text.len() / 500), ..cut };
        prop_assert_eq!(in_blocks(&text, Form::Csv, cut), in_turn(&text, Form::Csv));
    }

    #[test]
    fn json_lines_read_the_same_however_they_are_cut(
        lines in prop::collection::vec(prop_oneof![
            4 => "[a-c\"\\\\]{1,9}".prop_map(|key| format!(
                "{}\n",
                serde_json::json!({"key": key, "size": 5, "modified": "2026-11-01T08:00:00Z", "content_type": "text/plain"})
            )),
            1 => Just("\n".to_owned()),
            1 => "[{}\":,a\r]{0,9}\n".prop_map(|line| line),
            1 => Just(format!("{}\n", "x".repeat(LONGEST))),
        ], 0..12),
        cut in cuts(),
        missing in 0_usize..3,
    ) {
        let mut text = lines.concat().into_bytes();
        text.truncate(text.len().saturating_sub(missing));
        let cut = Cut { block: cut.block.max(text.len() / 500), ..cut };
        prop_assert_eq!(in_blocks(&text, Form::JsonLines, cut), in_turn(&text, Form::JsonLines));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// A row that is recognised as a usual one is the row that it is by RFC 4180.
    #[test]
    fn a_usual_row_means_what_it_always_means(
        line in prop_oneof![line(), nearly_usual(), nearly_usual()],
        changed in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        change in 0..4,
    ) {
        let mut line = line;
        if change == 0 && !line.is_empty() {
            let at = changed.index(line.len());
            line[at] = byte;
        }
        if let Some(usual) = plain::record(&line) {
            let text = &line[..usual.used];
            let csv::Step::Record { fields, used } = csv::record(&line, false) else {
                panic!("no record: {:?}", String::from_utf8_lossy(&line));
            };
            prop_assert_eq!(used, usual.used);
            let mut scratch = Scratch::default();
            let always = rows::csv_row(text, &fields, 1, &mut scratch);
            prop_assert_eq!(told(0, rows::plain_row(text, &usual, 1)), told(0, always));
        }
    }
}

/// Otherwise the test above could be true of nothing.
#[test]
fn usual_rows_are_recognised() {
    let sha256 = "0123456789abcdef".repeat(4);
    for line in [
        "a,0,2026-01-01T00:00:00Z,application/pdf,,\n".to_owned(),
        "a b/é.pdf,999999999999999999,1999-12-31T23:59:60Z,application/pdf,,{}\r\n".replace("{}", "\"{}\""),
        format!(
            "a,12,2026-01-01T00:00:00Z,text/plain; charset=utf-8,{sha256},\"{{\"\"a\"\":\"\"ü,\"\",\"\"B_9\"\":\"\"\"\"}}\"\n"
        ),
    ] {
        assert!(plain::record(line.as_bytes()).is_some(), "{line}");
        let csv::Step::Record { .. } = csv::record(line.as_bytes(), true) else { panic!("{line}") };
    }
}

/// A reader that fails ends the reading, wherever it fails.
#[test]
fn a_broken_file_is_an_error_however_it_is_cut() {
    struct Broken(usize);
    impl std::io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = buffer.len().min(self.0);
            if length == 0 {
                return Err(std::io::Error::other("broken"));
            }
            buffer[..length].fill(b'\n');
            self.0 -= length;
            Ok(length)
        }
    }
    for good in [0, 1, 1000, 5000] {
        for threads in 1..4 {
            let cut = Cut { block: 100, threads };
            let result = blocks::fold(
                Broken(good),
                Form::JsonLines,
                cut,
                |(), _| (),
                |_, ()| ControlFlow::Continue(()),
            );
            assert_eq!(result.expect_err("it is broken").to_string(), "broken");
        }
    }
}

/// Nobody waits for ever when nothing more is wanted.
#[test]
fn what_is_not_wanted_is_not_read() {
    let text = "x\n".repeat(100_000);
    for threads in 1..4 {
        let cut = Cut { block: 10, threads };
        let mut parts = 0;
        let merge = |_, ()| {
            parts += 1;
            if parts == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        assert!(
            !blocks::fold(text.as_bytes(), Form::JsonLines, cut, |(), _| (), merge)
                .expect("memory can be read")
        );
        assert_eq!(parts, 3);
    }
}
