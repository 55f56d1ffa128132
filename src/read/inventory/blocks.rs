//! Goes over an inventory in blocks, on every core, with the same result as one row after the other.
//!
//! Whoever is free takes the next block: under a lock it is read, hashed, decompressed and cut at its last line end, and
//! outside of it its rows are looked at while they are still in the core's cache. What was made of the blocks is merged in
//! their order. A cut is a guess, since a line end may stand inside quotes; it was right when the block before ends with
//! a record. Where it was wrong, what was made of the block is thrown away, and the block is looked at again together
//! with what was left of the one before.

use super::rows::{Flaw, Reading, Row, Scratch, State, Step, row};
use super::{Form, source};
use memchr::memrchr;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// How an inventory is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Bytes of a block: large against the cost of a hand-over, small against a core's cache and the promise of 64 MiB.
    pub block: usize,
    pub threads: usize,
}

impl Cut {
    /// For a file of `length` bytes on the disk, which may be compressed: one that fits is one block.
    pub fn of(length: u64) -> Self {
        let block =
            usize::try_from(length).unwrap_or(usize::MAX).saturating_add(1).clamp(64 << 10, 512 << 10);
        // One after the other reads and hashes, so more than a few have nothing to do.
        let threads = rayon::current_num_threads().clamp(1, 4);
        Self { block, threads: if length < block as u64 { 1 } else { threads } }
    }
}

/// Bytes of the file, in order.
struct Block {
    bytes: Vec<u8>,
    length: usize,
    last: bool,
}

impl Block {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Adds each row of `reader` to a part, and merges the parts; [`super::pass`] says how. Returns `false` when the reader was
/// not read to its end, since nothing more was wanted of it.
pub(super) fn fold<P: Default + Send>(
    reader: impl Read + Send,
    form: Form,
    cut: Cut,
    each: impl Fn(&mut P, Result<Row<'_>, Flaw>) + Sync,
    mut merge: impl FnMut(u64, P) -> ControlFlow<()>,
) -> io::Result<bool> {
    // A part of some text, which begins in a state, and where reading ended.
    let part = |text: &[u8], last: bool, state: State, scratch: &mut Scratch| {
        let (mut part, mut reading) = (P::default(), Reading::new(form, state));
        loop {
            match reading.step(text, last) {
                Step::Record(record) => each(&mut part, row(text, &record, scratch)),
                Step::Flaw(flaw) => each(&mut part, Err(flaw)),
                Step::More => return (part, reading),
            }
        }
    };
    let guess = |number: u64| if number == 0 { State::first(form) } else { State::Rows };

    let (give_back, empty) = channel();
    for _ in 0..cut.threads * 2 + 1 {
        let _ = give_back.send(Vec::new());
    }
    let cutter =
        Mutex::new(Cutter { reader, empty, block: cut.block, tail: Vec::new(), number: 0, ended: false });
    let (send, done) = channel();
    std::thread::scope(|scope| {
        for _ in 0..cut.threads {
            let send = send.clone();
            scope.spawn(|| {
                let send = send;
                let mut scratch = Scratch::default();
                // A poisoned lock means that the reader panicked; the scope passes that on.
                while let Ok(Some(next)) = cutter.lock().map(|mut cutter| cutter.next()) {
                    let (number, block) = next;
                    let mut turn = Turn { number, made: None, send: &send };
                    turn.made = Some(block.map(|block| {
                        let made = part(block.text(), block.last, guess(number), &mut scratch);
                        (block, made)
                    }));
                }
            });
        }
        drop(send);
        merge_in_order(done, give_back, State::first(form), guess, part, &mut merge)
    })
}

/// Merges the parts in the order of their blocks. The channels end with it, and so do the threads that read.
fn merge_in_order<P>(
    done: Receiver<(u64, Made<P>)>,
    give_back: Sender<Vec<u8>>,
    mut state: State,
    guess: impl Fn(u64) -> State,
    part: impl Fn(&[u8], bool, State, &mut Scratch) -> (P, Reading),
    merge: &mut impl FnMut(u64, P) -> ControlFlow<()>,
) -> io::Result<bool> {
    let mut early = BTreeMap::new();
    let mut scratch = Scratch::default();
    // What was left of the blocks so far: the beginning of a record.
    let mut left: Vec<u8> = Vec::new();
    let (mut next, mut lines) = (0, 0);
    while let Ok((number, made)) = done.recv() {
        early.insert(number, made);
        while let Some(made) = early.remove(&next) {
            let (block, mut made) = made?;
            if left.is_empty() && state == guess(next) {
                left.extend_from_slice(&block.text()[made.1.at..]);
            } else {
                left.extend_from_slice(block.text());
                made = part(&left, block.last, state, &mut scratch);
                left.drain(..made.1.at);
            }
            let (part, reading) = made;
            let last = block.last;
            // Nobody takes it when the file is at its end.
            let _ = give_back.send(block.bytes);
            if merge(lines, part).is_break() {
                return Ok(false);
            }
            lines += reading.line - 1;
            state = reading.state;
            next += 1;
            if last || state == State::End {
                return Ok(last);
            }
        }
    }
    Err(io::Error::other("the reading thread panicked"))
}

/// A block and what was made of it, or why there is none.
type Made<P> = io::Result<(Block, (P, Reading))>;

/// Hands over what was made of a block, whatever happens: a thread that panics would keep the others waiting.
struct Turn<'s, P> {
    number: u64,
    made: Option<Made<P>>,
    send: &'s Sender<(u64, Made<P>)>,
}

impl<P> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        let made = self.made.take().unwrap_or_else(|| Err(io::Error::other("the reading thread panicked")));
        // When the other side is gone, it wants no more.
        let _ = self.send.send((self.number, made));
    }
}

/// Cuts a file into blocks, each up to a line end where there is one.
struct Cutter<R> {
    reader: R,
    /// Buffers, those that were not used yet without room.
    empty: Receiver<Vec<u8>>,
    /// Bytes of a block.
    block: usize,
    /// What stands behind the last line end of the block before.
    tail: Vec<u8>,
    number: u64,
    ended: bool,
}

impl<R: Read> Cutter<R> {
    /// The next block with its number; `None` behind the last one, or when nobody wants more.
    fn next(&mut self) -> Option<(u64, io::Result<Block>)> {
        if self.ended {
            return None;
        }
        let bytes = self.empty.recv().ok()?;
        let number = self.number;
        self.number += 1;
        let block = self.block(bytes);
        self.ended = block.as_ref().map_or(true, |block| block.last);
        Some((number, block))
    }

    fn block(&mut self, mut bytes: Vec<u8>) -> io::Result<Block> {
        bytes.resize(self.block, 0);
        let begun = self.tail.len();
        bytes[..begun].copy_from_slice(&self.tail);
        self.tail.clear();
        let length = begun + source::fill(&mut self.reader, &mut bytes[begun..])?;
        let mut block = Block { bytes, length, last: false };
        block.last = block.length < block.bytes.len();
        if !block.last
            && let Some(end) = memrchr(b'\n', &block.bytes)
        {
            self.tail.extend_from_slice(&block.bytes[end + 1..]);
            block.length = end + 1;
        }
        Ok(block)
    }
}
