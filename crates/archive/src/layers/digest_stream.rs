//! Counts and digests the bytes that pass through, so that a stored object can be compared with its manifest.

use std::fmt;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use crate::summary::hexadecimal;

/// A reader or a writer that measures its bytes.
pub struct DigestStream<T> {
    inner: T,
    bytes: u64,
    digest: Sha256,
}

/// The bytes that passed through a [`DigestStream`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// How many bytes.
    pub bytes: u64,
    /// Their SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

impl<T> DigestStream<T> {
    /// Begins to measure.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            bytes: 0,
            digest: Sha256::new(),
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The measurement so far.
    pub fn measurement(&self) -> Measurement {
        Measurement {
            bytes: self.bytes,
            sha256: hexadecimal(self.digest.clone()),
        }
    }

    /// Returns the inner reader or writer.
    pub fn into_inner(self) -> T {
        self.inner
    }

    pub(super) fn sha256(&self) -> Sha256 {
        self.digest.clone()
    }

    fn count(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<R: Read> Read for DigestStream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count(&buffer[..read]);
        Ok(read)
    }
}

impl<W: Write> Write for DigestStream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T> fmt::Debug for DigestStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestStream")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
