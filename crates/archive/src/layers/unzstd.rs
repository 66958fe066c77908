//! Strict decompression: one frame, a limited window, a limited ratio, and no byte after it.

use std::io::{self, Read};

use sha2::{Digest, Sha256};
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name, is_error_kind};

use super::fault::Fault;
use super::trailer::{MARK_REACH, TRAILER_LENGTH, is_marked, trailer};
use crate::error::{Digested, Error, Limit};
use crate::limits::{Limits, RATIO_FROM};

/// How many compressed bytes are read at once.
const PIECE: usize = 64 << 10;

pub(super) struct Unzstd<R> {
    source: R,
    decoder: DCtx<'static>,
    /// The bytes in `start..end` were read and not yet decompressed.
    input: Vec<u8>,
    start: usize,
    end: usize,
    has_ended: bool,
    /// The digest of the frame, if it has a trailer.
    digest: Option<Sha256>,
    compressed: u64,
    decompressed: u64,
    limits: Limits,
}

impl<R: Read> Unzstd<R> {
    pub(super) fn new(source: R, limits: &Limits) -> io::Result<Self> {
        let mut decoder = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(limits.window_log))
            .map_err(|code| io::Error::other(get_error_name(code)))?;
        let mut layer = Self {
            source,
            decoder,
            input: vec![0; PIECE],
            start: 0,
            end: 0,
            has_ended: false,
            digest: None,
            compressed: 0,
            decompressed: 0,
            limits: *limits,
        };
        while layer.end < MARK_REACH && layer.fill()? {}
        if is_marked(&layer.input[..layer.end]) {
            layer.digest = Some(Sha256::new());
        }
        Ok(layer)
    }

    /// Reads more compressed bytes, and returns whether there were any.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let read = self.source.read(&mut self.input[self.end..])?;
        self.end += read;
        Ok(read > 0)
    }

    /// Decompresses the bytes that were read. Returns the number of decompressed bytes, and whether the frame has
    /// ended.
    fn step(&mut self, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
        let mut input = InBuffer::around(&self.input[self.start..self.end]);
        let mut output = OutBuffer::around(buffer);
        let hint = self
            .decoder
            .decompress_stream(&mut output, &mut input)
            .map_err(|code| Fault::Final(self.refusal(code)))?;
        let (taken, given) = (input.pos(), output.pos());
        if let Some(digest) = &mut self.digest {
            digest.update(&self.input[self.start..self.start + taken]);
        }
        self.start += taken;
        self.compressed += taken as u64;
        self.decompressed += given as u64;
        if self.decompressed > RATIO_FROM && self.decompressed / self.limits.ratio > self.compressed {
            return Err(limit(Limit::Ratio, self.limits.ratio));
        }
        Ok((given, hint == 0))
    }

    fn refusal(&self, code: usize) -> Error {
        if is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge) {
            return Error::LimitExceeded {
                limit: Limit::Window,
                allowed: self.limits.window_log.into(),
            };
        }
        Error::CorruptLayer {
            problem: format!("the compressed data does not unpack ({})", get_error_name(code)),
        }
    }

    /// Ensures that only the trailer follows the frame, or nothing if it has none.
    fn end_frame(&mut self) -> io::Result<()> {
        self.has_ended = true;
        let expected = self.digest.take().map(trailer);
        let length = expected.as_ref().map_or(0, |trailer| trailer.len());
        let mut rest = self.input[self.start..self.end].to_vec();
        while rest.len() <= TRAILER_LENGTH {
            self.start = self.end;
            if !self.fill()? {
                break;
            }
            rest.extend_from_slice(&self.input[self.start..self.end]);
        }
        let (found, behind) = rest.split_at(length.min(rest.len()));
        let fault = match expected {
            Some(expected) if found != expected && expected.starts_with(found) => Fault::Truncated,
            Some(expected) if found != expected => Fault::Final(Error::DigestMismatch {
                what: Digested::Compressed,
            }),
            _ if !behind.is_empty() => Fault::Final(Error::TrailingData),
            _ => return Ok(()),
        };
        Err(fault.into())
    }
}

impl<R: Read> Read for Unzstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.has_ended && !buffer.is_empty() {
            let (given, is_end) = self.step(buffer)?;
            if is_end {
                self.end_frame()?;
            }
            if given > 0 {
                return Ok(given);
            }
            if !is_end && self.start == self.end && !self.fill()? {
                return Err(Fault::Truncated.into());
            }
        }
        Ok(0)
    }
}

fn limit(limit: Limit, allowed: u64) -> io::Error {
    Fault::Final(Error::LimitExceeded { limit, allowed }).into()
}
