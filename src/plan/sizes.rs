//! Which uploads the API's memory can bear.

use crate::model::memory::{
    API_BASE_MIB as BASE_MIB, UPLOAD_COPIES as COPIES, bearable_upload_mib, sufficient_memory_mib,
};
use crate::model::{ContentSummary, Target};
use crate::provider::{Home, Storage};
use schemars::JsonSchema;
use serde::Serialize;

/// The sizes that fit together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Sizes {
    /// Memory limit of the API, in MiB.
    pub api_memory_mib: u64,
    /// Requests that the proxy hands to the API at once.
    pub parallel_requests: u64,
    /// The largest upload that the target asks for, in MiB.
    pub asked_upload_mib: u64,
    /// The largest upload that the memory bears, in MiB.
    pub bearable_upload_mib: u64,
    /// The limit that the proxy enforces: the smaller of both, in MiB.
    pub upload_limit_mib: u64,
    /// Whether the asked-for limit had to be lowered.
    pub lowered: bool,
    /// The largest object there is, in bytes.
    pub largest_object_bytes: u64,
    /// Memory with which every object there is can be downloaded and the asked-for upload limit holds, in MiB.
    pub sufficient_memory_mib: u64,
    /// Free room below /var/lib/docker that preflight asks for, in bytes: 10 GiB, and where the content lies there too, that
    /// and a fifth of it.
    pub disk_bytes: u64,
    /// The formula in words.
    pub formula: &'static str,
    /// The formula in numbers.
    pub figures: String,
}

/// Room beside the content, in bytes: images, logs, database.
pub(super) const ROOM: u64 = 10 << 30;

/// Fits the sizes together.
pub(super) fn fit(target: &Target, content: &ContentSummary, storage: &Storage) -> Sizes {
    let memory = target.sizes.api_memory.mebibytes();
    let parallel = u64::from(target.sizes.parallel_requests.max(1));
    let asked = target.sizes.upload_limit.mebibytes().max(1);
    let bearable = bearable_upload_mib(memory, parallel).max(1);
    let largest_mib = content.largest.div_ceil(1 << 20);
    let on_the_disk = match storage.home {
        Home::Project { .. } => content.bytes.saturating_add(content.bytes / 5),
        Home::Outside { .. } => 0,
    };
    Sizes {
        api_memory_mib: memory,
        parallel_requests: parallel,
        asked_upload_mib: asked,
        bearable_upload_mib: bearable,
        upload_limit_mib: asked.min(bearable),
        lowered: asked > bearable,
        largest_object_bytes: content.largest,
        sufficient_memory_mib: sufficient_memory_mib(asked.max(largest_mib), parallel),
        disk_bytes: on_the_disk.saturating_add(ROOM),
        formula: "(memory of the API − what it needs without uploads) ÷ (copies of an upload in memory × requests at once)",
        figures: format!("({memory} MiB − {BASE_MIB} MiB) ÷ ({COPIES} × {parallel}) = {bearable} MiB"),
    }
}
