//! What the API's memory bears: it reads a whole upload into memory, and a whole download too.

/// What the API's process needs before the first upload, in MiB: interpreter, libraries, token keys.
pub const API_BASE_MIB: u64 = 192;

/// How often an upload lies in memory: once as the form's spool file (a memory file system, since the root file system
/// is read-only), once as the bytes that `await file.read()` returns.
pub const UPLOAD_COPIES: u64 = 2;

/// The largest upload, in MiB, that `memory_mib` bears when `parallel` requests are served at once.
pub fn bearable_upload_mib(memory_mib: u64, parallel: u64) -> u64 {
    memory_mib.saturating_sub(API_BASE_MIB) / UPLOAD_COPIES.saturating_mul(parallel.max(1))
}

/// The memory, in MiB, with which uploads of `upload_mib` are borne.
pub fn sufficient_memory_mib(upload_mib: u64, parallel: u64) -> u64 {
    UPLOAD_COPIES.saturating_mul(parallel.max(1)).saturating_mul(upload_mib).saturating_add(API_BASE_MIB)
}
