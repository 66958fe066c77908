//! Adds the layers around a document while it is written.

use std::fmt;
use std::io::{self, Write};

use age::Encryptor;
use age::stream::StreamWriter;
use zstd::stream::write::Encoder;

use super::digest_stream::{DigestStream, Measurement};
use super::trailer::{MARK, trailer};
use super::{Compression, Encryption, Form, Recipients};
use crate::limits::RATIO_FROM;

/// The layers to write. The default is fast compression and no encryption.
#[derive(Clone, Debug)]
pub struct Layers {
    /// The level of zstd, from 1 to 19, or `None` for no compression. Higher levels are reduced to 19, because they
    /// use windows that readers refuse.
    pub compression: Option<i32>,
    /// The recipients; empty for no encryption.
    pub recipients: Recipients,
}

/// Columns of a document are repetitive: for the demo school, level 1 gives a smaller result than level 3, in three
/// quarters of the time.
const LEVEL: i32 = 1;

impl Default for Layers {
    fn default() -> Self {
        Self {
            compression: Some(LEVEL),
            recipients: Recipients::none(),
        }
    }
}

impl Layers {
    /// No layers: the bare document.
    pub fn none() -> Self {
        Self {
            compression: None,
            recipients: Recipients::none(),
        }
    }

    /// The later result of [`Reader::form`](crate::Reader::form).
    pub fn form(&self) -> Form {
        Form {
            compression: match self.compression {
                Some(_) => Compression::Zstd,
                None => Compression::None,
            },
            encryption: match self.recipients.is_empty() {
                true => Encryption::None,
                false => Encryption::Age,
            },
        }
    }

    /// Begins to write through the layers into the sink. With a passphrase this takes a second.
    ///
    /// # Errors
    ///
    /// If the sink fails, or if there is not enough memory.
    pub fn seal<W: Write>(&self, sink: W) -> io::Result<Sealer<W>> {
        let level = self.compression.map(|level| level.clamp(1, 19));
        let stack = match (level, self.recipients.is_empty()) {
            (None, true) => Stack::Bare(DigestStream::new(sink)),
            (Some(level), true) => Stack::Compressed(Box::new(Compressor::new(sink, level)?)),
            (None, false) => Stack::Encrypted(Box::new(self.encrypt(DigestStream::new(sink))?)),
            (Some(level), false) => {
                let sink = self.encrypt(DigestStream::new(sink))?;
                Stack::Both(Box::new(Compressor::new(sink, level)?))
            }
        };
        Ok(Sealer(stack))
    }

    fn encrypt<W: Write>(&self, sink: W) -> io::Result<StreamWriter<W>> {
        let recipients = self.recipients.boxed();
        let encryptor = Encryptor::with_recipients(recipients.iter().map(AsRef::as_ref)).map_err(io::Error::other)?;
        encryptor.wrap_output(sink)
    }
}

/// Writes one document through the layers. Without [`Sealer::finish`] the object is incomplete, and every reader
/// refuses it.
#[must_use = "without `finish` the object is not whole"]
pub struct Sealer<W: Write>(Stack<W>);

enum Stack<W: Write> {
    Bare(DigestStream<W>),
    Compressed(Box<Compressor<W>>),
    Encrypted(Box<StreamWriter<DigestStream<W>>>),
    Both(Box<Compressor<StreamWriter<DigestStream<W>>>>),
}

impl<W: Write> Sealer<W> {
    /// Ends every layer and flushes the sink. Returns the sink and the measurement of the written bytes, for the
    /// manifest.
    ///
    /// # Errors
    ///
    /// If the sink fails. The object is then incomplete.
    pub fn finish(self) -> io::Result<(W, Measurement)> {
        let mut sink = match self.0 {
            Stack::Bare(sink) => sink,
            Stack::Compressed(layer) => layer.finish()?,
            Stack::Encrypted(layer) => layer.finish()?,
            Stack::Both(layer) => layer.finish()?.into_inner().finish()?,
        };
        sink.flush()?;
        let measurement = sink.measurement();
        Ok((sink.into_inner(), measurement))
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Stack::Bare(sink) => sink.write(bytes),
            Stack::Compressed(layer) => layer.write(bytes),
            Stack::Encrypted(layer) => layer.write(bytes),
            Stack::Both(layer) => layer.write(bytes),
        }
    }

    /// Does nothing: a flush in the middle of a document would reduce the compression.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> fmt::Debug for Sealer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Stack::Bare(_) => "Sealer(bare)",
            Stack::Compressed(_) => "Sealer(zstd)",
            Stack::Encrypted(_) => "Sealer(age)",
            Stack::Both(_) => "Sealer(zstd, age)",
        })
    }
}

/// From this number of bytes on, the compressor checks its ratio. It is less than the number from which a reader
/// checks it, so that the ratio can still be reduced below the reader's limit.
const REGULAR_FROM: u64 = RATIO_FROM / 4;

/// Content with more bytes than this for each compressed byte is too regular: half of the reader's limit.
const REGULAR_RATIO: u64 = 500;

/// The largest block of content that is too regular. Each block takes some 10 bytes, whatever its content.
const REGULAR_BLOCK: usize = 2 << 10;

/// How many bytes are compressed between two checks of the ratio.
const AT_ONCE: usize = 1 << 20;

/// Writes one frame, with a checksum, and with the mark and the trailer of `trailer`.
struct Compressor<W: Write> {
    encoder: Encoder<'static, DigestStream<W>>,
    /// Bytes until the end of the first block.
    before_mark: usize,
    /// Whether the bytes so far are those of an archive. Other content is compressed without a trailer.
    is_marked: bool,
    /// Bytes of the document so far.
    written: u64,
}

impl<W: Write> Compressor<W> {
    fn new(sink: W, level: i32) -> io::Result<Self> {
        let mut encoder = Encoder::new(DigestStream::new(sink), level)?;
        encoder.include_checksum(true)?;
        Ok(Self {
            encoder,
            before_mark: MARK.len(),
            is_marked: true,
            written: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.before_mark == 0 {
            return self.write_block(bytes);
        }
        let written = self.encoder.write(&bytes[..bytes.len().min(self.before_mark)])?;
        let expected = &MARK[MARK.len() - self.before_mark..][..written];
        self.is_marked &= &bytes[..written] == expected;
        self.before_mark -= written;
        if self.before_mark == 0 {
            // This ends the block.
            self.encoder.flush()?;
        }
        Ok(written)
    }

    /// Very regular content is divided into small blocks, so that a reader does not take it for a decompression bomb.
    fn write_block(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let compressed = self.encoder.get_ref().bytes();
        let is_too_regular = self.written > REGULAR_FROM && self.written / REGULAR_RATIO > compressed;
        let most = if is_too_regular { REGULAR_BLOCK } else { AT_ONCE };
        let written = self.encoder.write(&bytes[..bytes.len().min(most)])?;
        self.written += written as u64;
        if is_too_regular {
            self.encoder.flush()?;
        }
        Ok(written)
    }

    /// Ends the frame, with its trailer, and returns the measured sink.
    fn finish(self) -> io::Result<DigestStream<W>> {
        let is_marked = self.is_marked && self.before_mark == 0;
        let mut sink = self.encoder.finish()?;
        if is_marked {
            let trailer = trailer(sink.sha256());
            sink.write_all(&trailer)?;
        }
        Ok(sink)
    }
}
