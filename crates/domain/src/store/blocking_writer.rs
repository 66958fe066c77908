//! A [`StoreWriter`] for a thread that may block, so that an archive can be encrypted into it.

use std::io::{self, Write};

use super::StoreWriter;
use crate::error::Error;

/// The buffer, in bytes.
const BUFFER: usize = 256 * 1024;

/// Writes into a [`StoreWriter`]. It blocks while the store is slow, and must not be used on an async worker.
pub struct BlockingWriter {
    incoming: StoreWriter,
    buffer: Vec<u8>,
}

impl StoreWriter {
    /// Converts it to a blocking writer.
    pub fn into_writer(self) -> BlockingWriter {
        BlockingWriter {
            incoming: self,
            buffer: Vec::with_capacity(BUFFER),
        }
    }
}

impl BlockingWriter {
    /// Flushes the buffer and waits until the written bytes are on the disk, so that [finishing](StoreWriter::finish)
    /// the archive takes little time.
    ///
    /// # Errors
    /// Those of [`StoreWriter::write`].
    pub fn into_incoming(mut self) -> Result<StoreWriter, Error> {
        self.sync()?;
        Ok(self.incoming)
    }

    /// Flushes the buffer and waits until the written bytes are on the disk.
    ///
    /// # Errors
    /// Those of [`StoreWriter::write`].
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        self.flush_buffer()?;
        self.incoming.sync_all()
    }

    fn flush_buffer(&mut self) -> Result<(), Error> {
        match self.buffer.is_empty() {
            true => Ok(()),
            false => self.incoming.write_blocking(&mut self.buffer),
        }
    }
}

/// Its errors wrap those of the store, which [`Error::io`] unwraps.
impl Write for BlockingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= BUFFER {
            self.flush_buffer().map_err(io::Error::other)?;
        }
        let taken = bytes.len().min(BUFFER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_buffer().map_err(io::Error::other)
    }
}
