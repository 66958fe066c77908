//! The lines of the document, one after another, in a buffer that grows only for a long line.

use std::io::{self, Read};
use std::ops::Range;

use crate::error::{Error, Limit, Position, Result};
use crate::layers::fault;
use crate::limits::Limits;

/// The number of bytes of one read from the source.
const PIECE: usize = 128 << 10;

pub(super) struct Lines<'s> {
    input: Box<dyn Read + Send + 's>,
    /// The bytes that were read are in `start..end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    /// The number of returned lines.
    number: u64,
    /// The number of bytes that may still be read.
    allowance: u64,
    limits: Limits,
}

impl<'s> Lines<'s> {
    pub(super) fn new(input: Box<dyn Read + Send + 's>, limits: Limits) -> Self {
        Self {
            input,
            buffer: vec![0; 2 * PIECE],
            start: 0,
            end: 0,
            ended: false,
            number: 0,
            allowance: limits.document_bytes,
            limits,
        }
    }

    /// Replaces the limits, once the version of the archive is known.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The number of the last returned line, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn position(&self) -> Position {
        Position {
            line: self.number,
            ..Position::default()
        }
    }

    /// The bytes of the line that [`Lines::advance`] has found last.
    pub(super) fn line(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Finds the next line. The line feed at its end is not part of the range. Without one the document is truncated.
    pub(super) fn advance(&mut self) -> Result<Range<usize>> {
        let mut searched = self.start;
        loop {
            if let Some(length) = memchr::memchr(b'\n', &self.buffer[searched..self.end]) {
                let range = self.start..searched + length;
                self.check_length(range.len())?;
                self.start = range.end + 1;
                self.number += 1;
                return Ok(range);
            }
            let unfinished = self.end - self.start;
            self.check_length(unfinished)?;
            if !self.fill()? {
                return Err(Error::Truncated { at: self.position() });
            }
            searched = self.start + unfinished;
        }
    }

    /// The next unread bytes: at least as many as requested, unless the document is shorter.
    pub(super) fn peek(&mut self, length: usize) -> Result<&[u8]> {
        while self.end - self.start < length && self.fill()? {}
        Ok(&self.buffer[self.start..self.end])
    }

    /// Ensures that nothing follows, in every layer.
    pub(super) fn demand_end(&mut self) -> Result<()> {
        if self.start == self.end && !self.fill()? {
            return Ok(());
        }
        Err(Error::TrailingData)
    }

    fn check_length(&self, length: usize) -> Result<()> {
        if length <= self.limits.line_bytes {
            return Ok(());
        }
        Err(Error::LimitExceeded {
            limit: Limit::LineBytes,
            allowed: self.limits.line_bytes as u64,
        })
    }

    /// Reads more, and returns whether there was more.
    fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.buffer.len() - self.end < PIECE && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < PIECE {
            // The size doubles, so that a long line is not copied many times, up to the size that the longest line
            // needs.
            let most = self.limits.line_bytes.saturating_add(2 * PIECE);
            let length = (self.buffer.len() * 2).min(most).max(self.end + PIECE);
            self.buffer.resize(length, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fault::unwrap(error, self.position())),
            }
        };
        self.ended = read == 0;
        self.end += read;
        self.allowance = self.allowance.checked_sub(read as u64).ok_or(Error::LimitExceeded {
            limit: Limit::DocumentBytes,
            allowed: self.limits.document_bytes,
        })?;
        Ok(!self.ended)
    }
}
