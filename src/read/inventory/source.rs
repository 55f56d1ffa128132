//! The bytes of an inventory: hashed as they stand on disk, and without compression for whoever reads.

use crate::model::Digest;
use sha2::Digest as _;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// The content of the file without compression.
pub(super) fn plain<'r>(path: &Path, file: impl Read + Send + 'r) -> io::Result<Box<dyn Read + Send + 'r>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".gz") {
        Ok(Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file))))
    } else if name.ends_with(".zst") {
        let decoder = ruzstd::decoding::StreamingDecoder::new(BufReader::with_capacity(1 << 16, file))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        Ok(Box::new(decoder))
    } else {
        Ok(Box::new(file))
    }
}

/// Reads until the buffer is full or the file ends, and returns the number of bytes.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A file whose bytes are hashed on their way.
pub(super) struct Hashed {
    file: File,
    hasher: sha2::Sha256,
}

impl Hashed {
    pub(super) fn new(file: File) -> Self {
        Self { file, hasher: sha2::Sha256::new() }
    }

    /// The digest of the whole file, bytes that no reader wanted included.
    pub(super) fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(Digest(self.hasher.finalize().into()))
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
