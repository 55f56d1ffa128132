//! Two things at once that wait for the disk.

use std::panic::resume_unwind;
use std::thread;

/// Runs `beside` on a thread of its own while `here` runs; a panic of either is the caller's.
///
/// For what waits: rayon's threads are as many as there are processors, and one that waits computes nothing.
pub(crate) fn at_once<A: Send, B>(beside: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let beside = scope.spawn(beside);
        let here = here();
        (beside.join().unwrap_or_else(|panic| resume_unwind(panic)), here)
    })
}
