//! Puts the layers around a document while it is written.

use std::fmt;
use std::io::{self, Write};

use age::Encryptor;
use age::stream::StreamWriter;
use zstd::stream::write::Encoder;

use super::digest_stream::{DigestStream, Measurement};
use super::trailer::{MARK, trailer};
use super::{Compression, Encryption, Form, Recipients};
use crate::limits::RATIO_FROM;

/// Which layers to write. By default quick compression and no encryption.
#[derive(Clone, Debug)]
pub struct Layers {
    /// The level of zstd, from 1 to 19, or `None` for no compression. What is above takes windows that readers refuse,
    /// and is taken as 19.
    pub compression: Option<i32>,
    /// The recipients; empty for no encryption.
    pub recipients: Recipients,
}

/// Documents are columns of much the same: of the demo school's, level 1 makes less than level 3 does, in three quarters of
/// the time.
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
    /// None at all: the bare document.
    pub fn none() -> Self {
        Self {
            compression: None,
            recipients: Recipients::none(),
        }
    }

    /// What [`Reader::form`](crate::Reader::form) will say of it.
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
    /// If the sink fails, or if the system gives no memory.
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

/// Writes one document through the layers. Without [`Sealer::finish`] the object is not whole, and no reader takes it.
#[must_use = "without `finish` the object is not whole"]
pub struct Sealer<W: Write>(Stack<W>);

enum Stack<W: Write> {
    Bare(DigestStream<W>),
    Compressed(Box<Compressor<W>>),
    Encrypted(Box<StreamWriter<DigestStream<W>>>),
    Both(Box<Compressor<StreamWriter<DigestStream<W>>>>),
}

impl<W: Write> Sealer<W> {
    /// Ends every layer and flushes the sink. Answers with it and with what went into it, which is what the manifest
    /// says of the object.
    ///
    /// # Errors
    ///
    /// If the sink fails. The object is not whole then.
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

    /// Nothing is gained by flushing a document midway: compression would suffer.
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

/// From so many bytes of the document on, the compressor looks at what became of them. It is less than what a reader unpacks
/// before it does the same, so that there is time to get below the reader's limit.
const REGULAR_FROM: u64 = RATIO_FROM / 4;

/// Content is too regular with more bytes than that for each compressed one: half of what a reader accepts.
const REGULAR_RATIO: u64 = 500;

/// What a block has at the most where the content is too regular. Each has some 10 bytes, whatever is in it.
const REGULAR_BLOCK: usize = 2 << 10;

/// What is compressed before what became of it is looked at again.
const AT_ONCE: usize = 1 << 20;

/// Writes one frame, with a checksum and with the mark and the trailer that `trailer` describes.
struct Compressor<W: Write> {
    encoder: Encoder<'static, DigestStream<W>>,
    /// Bytes until the end of the first block.
    before_mark: usize,
    /// Whether the bytes so far are those of an archive. Others are compressed, too, but get no trailer.
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
            // Ends the block.
            self.encoder.flush()?;
        }
        Ok(written)
    }

    /// Very regular content is cut into small blocks, so that it does not look like a bomb to a reader.
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

    /// Ends the frame, with its trailer. Both have passed through what this answers with.
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
