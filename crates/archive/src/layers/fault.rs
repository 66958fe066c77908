//! Errors on their way through the layers: `Read` has only `io::Error`, and at the top the kinds must be distinguished
//! again.

use std::fmt;
use std::io::{self, Read};

use crate::error::{Error, Position};

/// An error that one of this crate's layers has found, on its way through `io::Error`.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The source itself has failed.
    Source(io::Error),
    /// The source ends too early.
    Truncated,
    /// Any error in its final form.
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

/// The original error before the layers. All other errors come from age.
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

/// Marks the errors of the source, to distinguish them from those of the layers.
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
