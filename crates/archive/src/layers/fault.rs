//! How errors come through the layers: `Read` knows only `io::Error`, and at the top each must be told apart again.

use std::fmt;
use std::io::{self, Read};

use crate::error::{Error, Position};

/// An error that a layer of ours has found, on its way through `io::Error`.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The source has failed by itself.
    Source(io::Error),
    /// It ends too early.
    Truncated,
    /// Anything that has its final form.
    Final(Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Truncated => f.write_str("the data ends too early"),
            Self::Final(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        let kind = match &fault {
            Fault::Source(error) => error.kind(),
            Fault::Truncated => io::ErrorKind::UnexpectedEof,
            Fault::Final(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, fault)
    }
}

/// What an error was before it went through the layers. What is none of ours comes from age.
pub(crate) fn unwrap(error: io::Error, at: Position) -> Error {
    match error.downcast::<Fault>() {
        Ok(Fault::Source(error)) => Error::Io(error),
        Ok(Fault::Truncated) => Error::Truncated { at },
        Ok(Fault::Final(error)) => error,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Error::Truncated { at },
        Err(_) => Error::CorruptLayer {
            problem: "the encrypted data was changed or cut".to_owned(),
        },
    }
}

/// Marks the errors of the source, so that those of the layers can be told from them.
pub(crate) struct Source<R>(pub(crate) R);

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Source(error).into()),
                Ok(read) => return Ok(read),
            }
        }
    }
}
