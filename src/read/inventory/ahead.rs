//! Reads a file ahead of its user: one thread reads, hashes and decompresses, the other parses.

use crate::model::Digest;
use sha2::Digest as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes handed over at once: large against the cost of a hand-over, small against caches and the promise of 64 MiB.
const PIECE: usize = 1 << 20;

/// Runs `user` on the plain content of the file at `path`, and returns the digest of the file's own bytes.
pub(super) fn with(path: &Path, user: impl FnOnce(&mut dyn Read) -> io::Result<()>) -> io::Result<Digest> {
    let file = File::open(path)?;
    let (send_full, full) = sync_channel::<io::Result<Vec<u8>>>(2);
    let (send_empty, empty) = sync_channel::<Vec<u8>>(4);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut hashed = Hashed { file, hasher: sha2::Sha256::new() };
            let finished =
                plain(path, &mut hashed).and_then(|mut content| hand_over(&mut content, &send_full, &empty));
            match finished {
                // What the decoder left unread (there should be nothing) belongs to the file all the same.
                Ok(()) => {
                    io::copy(&mut hashed, &mut io::sink()).map(|_| Digest(hashed.hasher.finalize().into()))
                }
                Err(error) => {
                    let _ = send_full.send(Err(io::Error::new(error.kind(), error.to_string())));
                    Err(error)
                }
            }
        });
        let used = user(&mut Pieces { full, empty: send_empty, piece: Vec::new(), at: 0 });
        // The channels are gone with their user, so the reader ends.
        let digest = reader.join().map_err(|_| io::Error::other("the reading thread panicked"))?;
        used?;
        digest
    })
}

/// The content of the file without compression.
pub(super) fn plain<'r>(path: &Path, file: impl Read + Send + 'r) -> io::Result<Box<dyn Read + Send + 'r>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".gz") {
        Ok(Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, file))))
    } else if name.ends_with(".zst") {
        let decoder = ruzstd::decoding::StreamingDecoder::new(io::BufReader::with_capacity(1 << 16, file))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        Ok(Box::new(decoder))
    } else {
        Ok(Box::new(file))
    }
}

fn hand_over(
    content: &mut dyn Read,
    full: &SyncSender<io::Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
) -> io::Result<()> {
    loop {
        let mut piece = empty.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        let mut filled = 0;
        while filled < PIECE {
            match content.read(&mut piece[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        piece.truncate(filled);
        // A user that is gone wants no more; that is no error of the file.
        if filled == 0 || full.send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
}

/// Hashes what passes.
struct Hashed {
    file: File,
    hasher: sha2::Sha256,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// The pieces as one reader.
struct Pieces {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            match self.full.recv() {
                Ok(piece) => {
                    let used = std::mem::replace(&mut self.piece, piece?);
                    self.at = 0;
                    let _ = self.empty.try_send(used);
                }
                Err(_) => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len() - self.at);
        buffer[..length].copy_from_slice(&self.piece[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
