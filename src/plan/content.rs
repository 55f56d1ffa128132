//! How much content there is, how it is cut into batches, and how long moving it takes.

use super::step::{Estimate, Phase};
use super::windows::Part;
use super::{figures, windows};
use crate::model::{Bandwidth, Checked, ContentOptions, ContentSummary, TimedBandwidth, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// Requests that each store answers for one copied object: one that looks, one that carries.
const REQUESTS_FOR_COPY: u64 = 2;
/// Requests for proving one object: one for its bytes, one for its metadata.
const REQUESTS_FOR_PROOF: u64 = 2;
/// Bytes per second at which a machine reads its own store back.
const READ_BACK: u64 = 100_000_000;
/// Objects that one listing request names.
const LISTED: u64 = 1_000;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// Windows that the plan lists one by one.
const WINDOWS_LISTED: usize = 60;

/// One batch of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Batch {
    /// Number from 1; its list is `content/batches/NNNNN.jsonl.gz`.
    pub number: u64,
    /// Objects in it.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Planned copying time in seconds.
    pub seconds: u64,
}

impl Batch {
    /// Path of its list inside the package.
    pub fn path(&self) -> String {
        batch_path(self.number)
    }
}

/// Path of the list of batch `number` inside the package.
pub fn batch_path(number: u64) -> String {
    format!("content/batches/{number:05}.jsonl.gz")
}

/// An off-peak window and what is copied in it, in seconds from the beginning of the first window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ContentWindow {
    /// Number from 1.
    pub number: u64,
    /// Day and time at which it opens, UTC.
    pub opens_at: String,
    /// When it opens.
    pub opens: u64,
    /// When it closes.
    pub closes: u64,
    /// When copying in it ends.
    pub ends: u64,
    /// First batch that is copied in it.
    pub first_batch: u64,
    /// Last batch that is copied in it; it goes on in the next window when that begins with the same batch.
    pub last_batch: u64,
}

/// What the inventory holds and how it moves; no key, no name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Content {
    /// Number of objects.
    pub objects: u64,
    /// Sum of their sizes.
    pub bytes: u64,
    /// The largest one, in bytes.
    pub largest: u64,
    /// Objects by size: upper bound in bytes, and count.
    pub histogram: Vec<(u64, u64)>,
    /// Objects that are copied one by one, since rclone cannot carry their keys.
    pub one_by_one: u64,
    /// Objects whose keys a rule of the target renames.
    pub renamed: u64,
    /// Bits per second, where the timetable has no other.
    pub bandwidth: u64,
    /// Other bandwidths at other times of the week, such as `20 Mbit/s mon-fri 08:00-18:00 UTC`.
    pub timetable: Vec<String>,
    /// Bits per second with which copying is planned: of the hours in which it may run the lowest, or their average where it
    /// takes a day or longer.
    pub planned_bandwidth: u64,
    /// Requests per second that each store bears.
    pub requests_per_second: u64,
    /// Largest number of objects in a batch.
    pub batch_objects: u64,
    /// Largest number of bytes in a batch; a larger object is a batch of its own.
    pub batch_bytes: u64,
    /// The batches, in the order in which they are copied.
    pub batches: Vec<Batch>,
    /// Copying everything, working time.
    pub copy: Estimate,
    /// Proving everything.
    pub proof: Estimate,
    /// The part of it that reads files at the source, in seconds; it comes last and keeps to the windows.
    pub proof_at_source: u64,
    /// Objects that the plan expects to have changed between the copy and the cutover.
    pub changed: u64,
    /// Where that figure comes from.
    pub changed_source: String,
    /// Finding and copying what changed, while users cannot upload.
    pub delta: Estimate,
    /// Whether copying is bound to windows.
    pub bound_to_windows: bool,
    /// When copying may run, such as `mon-fri 20:00-06:00 UTC`; none means always.
    pub may_run: Vec<String>,
    /// How many windows copying takes.
    pub windows_needed: u64,
    /// Seconds from the first window's opening to the end of copying, waiting included.
    pub elapsed: u64,
    /// Seconds from the opening of whichever window to the end of the phase that begins then, waiting included: the most that
    /// it takes, and as long as the source is read.
    pub elapsed_at_most: u64,
    /// The windows, at most the first 60.
    pub windows: Vec<ContentWindow>,
}

/// Time for `objects` with `bytes`: what is slower, the line or the requests.
fn transfer(objects: u64, bytes: u64, bandwidth: u64, requests: u64) -> u64 {
    let line = u128::from(bytes) * 8;
    let line = u64::try_from(line.div_ceil(u128::from(bandwidth.max(1)))).unwrap_or(u64::MAX);
    line.max((objects.saturating_mul(REQUESTS_FOR_COPY)).div_ceil(requests.max(1)))
}

/// A line of the timetable, as people read it.
fn timed(TimedBandwidth { window, bandwidth }: &TimedBandwidth) -> String {
    format!("{} {window}", figures::bandwidth(bandwidth.0))
}

/// The lowest bandwidth there is in a week, since nobody knows when a delta will run.
fn slowest(options: &ContentOptions) -> u64 {
    let Bandwidth(otherwise) = options.bandwidth;
    options.timetable.iter().map(|timed| timed.bandwidth.0).chain([otherwise]).min().unwrap_or(otherwise)
}

/// Analyses the content.
pub(super) fn analyse(checked: &Checked) -> Content {
    let (summary, options) = (&checked.content, &checked.target.content);
    let weekly = windows::merge(&options.windows);
    let requests = u64::from(options.requests_per_second.max(1));
    let (lowest, mean) = windows::bandwidths(&weekly, options.bandwidth, &options.timetable);
    let brief = transfer(summary.objects, summary.bytes, lowest.0, requests) < DAY;
    let Bandwidth(bandwidth) = if brief { lowest } else { mean };
    let batches: Vec<Batch> = (1..)
        .zip(&summary.batches)
        .map(|(number, &(objects, bytes))| Batch {
            number,
            objects,
            bytes,
            seconds: transfer(objects, bytes, bandwidth, requests),
        })
        .collect();
    let copy_seconds = batches.iter().map(|batch| batch.seconds).sum();
    let (stretches, windows_needed, elapsed) =
        windows::pour(&weekly, checked.export.exported_at, copy_seconds, WINDOWS_LISTED);

    let (changed, changed_source) = changed(checked);
    let average = summary.bytes.checked_div(summary.objects).unwrap_or(0);
    let listing = (2 * summary.objects.div_ceil(LISTED)).div_ceil(requests);
    let moved = transfer(changed, changed.saturating_mul(average), slowest(options), requests);
    let (proof, proof_at_source) = proof(summary, slowest(options), requests);

    Content {
        objects: summary.objects,
        bytes: summary.bytes,
        largest: summary.largest,
        histogram: summary.histogram.clone(),
        one_by_one: summary.one_by_one,
        renamed: summary.renamed,
        bandwidth: options.bandwidth.0,
        timetable: options.timetable.iter().map(timed).collect(),
        planned_bandwidth: bandwidth,
        requests_per_second: requests,
        batch_objects: u64::from(options.batch_objects),
        batch_bytes: options.batch_bytes.bytes(),
        copy: Estimate {
            seconds: copy_seconds,
            formula: "sum over the batches of the larger of bytes × 8 ÷ bandwidth and objects × requests ÷ requests per second".to_owned(),
            figures: format!(
                "{} × 8 ÷ {}; {} × {REQUESTS_FOR_COPY} ÷ {requests}/s; {} → {}",
                figures::bytes(summary.bytes),
                figures::bandwidth(bandwidth),
                figures::count(summary.objects, "object", "objects"),
                figures::count(batches.len() as u64, "batch", "batches"),
                figures::duration(copy_seconds),
            ),
        },
        proof,
        proof_at_source,
        changed,
        changed_source,
        delta: Estimate {
            seconds: listing + moved,
            formula: "listing both stores + the larger of changed bytes × 8 ÷ bandwidth and changed objects × requests ÷ requests per second".to_owned(),
            figures: format!(
                "{listing} s + {} with {} → {}",
                figures::count(changed, "object", "objects"),
                figures::bytes(changed.saturating_mul(average)),
                figures::duration(listing + moved),
            ),
        },
        bound_to_windows: weekly != windows::Weekly::Always,
        may_run: options.windows.iter().map(ToString::to_string).collect(),
        windows_needed,
        elapsed,
        elapsed_at_most: 0, // until the phase is laid out
        windows: place(&batches, &stretches),
        batches,
    }
}

impl Content {
    /// Seconds in which a machine reads all of it in its own store.
    pub fn reading(&self) -> u64 {
        read_back(self.objects, self.bytes, self.requests_per_second)
    }
}

/// The most that the phase takes, from the opening of whichever window: what reads files at the source waits for the next one
/// wherever it comes to the end of one.
pub(super) fn elapsed_at_most(content: &Content, options: &ContentOptions, phase: &Phase) -> u64 {
    let parts = phase.steps.iter().flat_map(|step| {
        let seconds = step.estimate.seconds;
        match step.id {
            "content/copy-batches" => vec![Part::InWindows(seconds)],
            // What changed meanwhile is carried first; then the target is read back, and last what has no digest.
            "content/prove-batches" => vec![
                Part::InWindows(content.delta.seconds),
                Part::AtAnyTime(seconds.saturating_sub(content.proof_at_source)),
                Part::InWindows(content.proof_at_source),
            ],
            _ => vec![Part::AtAnyTime(seconds)],
        }
    });
    windows::longest(&windows::merge(&options.windows), &parts.collect::<Vec<_>>())
}

fn read_back(objects: u64, bytes: u64, requests: u64) -> u64 {
    bytes.div_ceil(READ_BACK).max((objects * REQUESTS_FOR_PROOF).div_ceil(requests))
}

/// Proving everything, and the seconds of it in which files are read at the source.
fn proof(summary: &ContentSummary, bandwidth: u64, requests: u64) -> (Estimate, u64) {
    let &ContentSummary { objects, bytes, without_digest: (unknown, unknown_bytes), .. } = summary;
    let back = read_back(objects, bytes, requests);
    let mut formula =
        "the larger of bytes ÷ reading speed and objects × requests ÷ requests per second".to_owned();
    let mut figures = format!(
        "{} ÷ {}/s; {} × {REQUESTS_FOR_PROOF} ÷ {requests}/s",
        figures::bytes(bytes),
        figures::bytes(READ_BACK),
        figures::count(objects, "object", "objects"),
    );
    // What the export gives no digest of is read at the source too, over the same line as the copy.
    let at_source = transfer(unknown, unknown_bytes, bandwidth, requests);
    let seconds = back + at_source;
    if unknown > 0 {
        formula += " + what the export has no digest of, read at the source: the larger of bytes × 8 ÷ bandwidth and objects × requests ÷ requests per second";
        figures += &format!(
            " + {} with {} × 8 ÷ {}",
            figures::count(unknown, "object", "objects"),
            figures::bytes(unknown_bytes),
            figures::bandwidth(bandwidth),
        );
    }
    figures += &format!(" → {}", figures::duration(seconds));
    (Estimate { seconds, formula, figures }, at_source)
}

/// How many objects change between the copy and the cutover: a day's worth, or one in a hundred.
fn changed(checked: &Checked) -> (u64, String) {
    match checked.export.content.changed_per_day {
        Some(changed) => {
            (changed, "objects changed on an average day, as the source counts them, for one day".to_owned())
        }
        None => (
            checked.content.objects.div_ceil(100),
            "one object in a hundred, since the source does not count changes".to_owned(),
        ),
    }
}

/// Which batches are copied in which window, by pouring them in one after the other.
fn place(batches: &[Batch], stretches: &[windows::Stretch]) -> Vec<ContentWindow> {
    let (mut placed, mut done, mut at, mut into) = (Vec::new(), 0, 0, 0);
    for (number, stretch) in (1..).zip(stretches) {
        let first = at;
        let until = done + (stretch.ends - stretch.opens);
        while let Some(batch) = batches.get(at) {
            if into + batch.seconds > until {
                break;
            }
            into += batch.seconds;
            at += 1;
        }
        done = until;
        let last = if into < done { at } else { at.saturating_sub(1).max(first) };
        let number_of = |index: usize| batches.get(index).or(batches.last()).map_or(0, |batch| batch.number);
        placed.push(ContentWindow {
            number,
            opens_at: figures::minute_of_week(stretch.minute),
            opens: stretch.opens,
            closes: stretch.closes,
            ends: stretch.ends,
            first_batch: number_of(first),
            last_batch: number_of(last),
        });
    }
    placed
}

/// The figures of the content for `content/summary.json`: no key, no name.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ContentDocument<'a> {
    /// Version of this document.
    pub schema: u32,
    /// When the export was made.
    #[schemars(with = "String")]
    pub exported_at: Timestamp,
    /// The figures.
    #[serde(flatten)]
    pub content: &'a Content,
}
