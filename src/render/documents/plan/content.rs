//! How much there is to move, how long that takes, and which upload the machine bears.

use crate::plan::{Estimate, Plan, figures};
use crate::render::documents::words;
use serde::Serialize;

/// The inventory, in words.
#[derive(Serialize)]
pub(super) struct ContentText {
    none: bool,
    /// With their noun.
    objects: String,
    files: String,
    uploads: String,
    bytes: String,
    largest: String,
    histogram: Vec<(String, u64)>,
    one_by_one: u64,
    renamed: u64,
    batches: String,
    batch_objects: u64,
    batch_bytes: String,
    copy: Estimated,
    proof: Estimated,
    delta: Estimated,
    changed: String,
    changed_source: String,
    bound_to_windows: bool,
    windows_needed: u64,
    elapsed: String,
    windows: Vec<(u64, String, String, String, u64, u64)>,
}

impl ContentText {
    pub fn of(plan: &Plan) -> Self {
        let content = &plan.facts.content;
        Self {
            none: content.objects == 0,
            objects: figures::count(content.objects, "object", "objects"),
            files: figures::count(content.objects, "file", "files"),
            uploads: figures::count(content.objects, "uploaded file", "uploaded files"),
            bytes: figures::bytes(content.bytes),
            largest: figures::bytes(content.largest),
            histogram: content
                .histogram
                .iter()
                .map(|(bound, count)| (figures::bytes(*bound), *count))
                .collect(),
            one_by_one: content.one_by_one,
            renamed: content.renamed,
            batches: figures::count(content.batches.len() as u64, "batch", "batches"),
            batch_objects: content.batch_objects,
            batch_bytes: figures::bytes(content.batch_bytes),
            copy: Estimated::of(&content.copy),
            proof: Estimated::of(&content.proof),
            delta: Estimated::of(&content.delta),
            changed: figures::count(content.changed, "object", "objects"),
            changed_source: content.changed_source.clone(),
            bound_to_windows: content.bound_to_windows,
            windows_needed: content.windows_needed,
            elapsed: figures::duration(content.elapsed),
            windows: content
                .windows
                .iter()
                .map(|window| {
                    let at = |seconds| words::offset(seconds);
                    (
                        window.number,
                        window.opens_at.clone(),
                        at(window.opens),
                        at(window.ends),
                        window.first_batch,
                        window.last_batch,
                    )
                })
                .collect(),
        }
    }
}

/// An estimate, in words.
#[derive(Serialize)]
pub(super) struct Estimated {
    duration: String,
    formula: String,
    figures: String,
}

impl Estimated {
    pub fn of(estimate: &Estimate) -> Self {
        Self {
            duration: figures::duration(estimate.seconds),
            formula: estimate.formula.clone(),
            figures: estimate.figures.clone(),
        }
    }
}

/// The sizes, in words.
#[derive(Serialize)]
pub(super) struct SizesText {
    limit: u64,
    asked: u64,
    lowered: bool,
    figures: String,
    formula: &'static str,
    sufficient: u64,
    largest_too_large: bool,
    memory: u64,
    parallel: u64,
}

impl SizesText {
    pub fn of(plan: &Plan) -> Self {
        let sizes = &plan.facts.sizes;
        Self {
            limit: sizes.upload_limit_mib,
            asked: sizes.asked_upload_mib,
            lowered: sizes.lowered,
            figures: sizes.figures.clone(),
            formula: sizes.formula,
            sufficient: sizes.sufficient_memory_mib,
            largest_too_large: sizes.largest_object_bytes.div_ceil(1 << 20) > sizes.bearable_upload_mib,
            memory: sizes.api_memory_mib,
            parallel: sizes.parallel_requests,
        }
    }
}
