//! An [`Incoming`] for a thread that may block, so that an archive can be sealed into it.

use std::io::{self, Write};

use super::Incoming;
use crate::error::Error;

/// What is gathered before it is handed on, in bytes.
const BUFFER: usize = 256 * 1024;

/// Writes into an [`Incoming`]. It blocks while the store is slow, and must not be used on an async worker.
pub struct Writer {
    incoming: Incoming,
    buffer: Vec<u8>,
}

impl Incoming {
    /// Writing that blocks.
    pub fn into_writer(self) -> Writer {
        Writer {
            incoming: self,
            buffer: Vec::with_capacity(BUFFER),
        }
    }
}

impl Writer {
    /// Hands on what was gathered, and waits until the disk has what it can have before the archive is
    /// [finished](Incoming::finish), which then takes no longer than it must.
    ///
    /// # Errors
    /// Those of [`Incoming::write`].
    pub fn into_incoming(mut self) -> Result<Incoming, Error> {
        self.hand_on()?;
        self.incoming.settle_blocking()?;
        Ok(self.incoming)
    }

    fn hand_on(&mut self) -> Result<(), Error> {
        match self.buffer.is_empty() {
            true => Ok(()),
            false => self.incoming.write_blocking(&mut self.buffer),
        }
    }
}

/// Its errors carry those of the store, which [`Error::io`] takes out again.
impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= BUFFER {
            self.hand_on().map_err(io::Error::other)?;
        }
        let taken = bytes.len().min(BUFFER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on().map_err(io::Error::other)
    }
}
