//! Content codings (RFC 9110, section 8.4.1). Each download is compressed by a thread of its own, in bounded memory, so
//! the async workers are not delayed.

use std::io::Write;

use brotli::CompressorWriter;
use flate2::write::GzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;

use crate::error::{Error, Result};

/// The action, for errors.
const DOING: &str = "compressing a download";

/// The content coding of a download.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

// Rows are so repetitive that higher levels cost more time than the saved bytes on a fast line.
const GZIP_LEVEL: u32 = 1;
const BROTLI_QUALITY: u32 = 3;
const ZSTD_LEVEL: i32 = 3;

/// The size of brotli's window, in bits. The default of 22 would save 2 % of the bytes and use four times the memory.
const BROTLI_WINDOW: u32 = 19;

/// The size of brotli's output buffer.
const BROTLI_BUFFER: usize = 32 * 1024;

/// Compresses one download, chunk by chunk.
pub(crate) struct Coder {
    stream: Stream,
    begun: bool,
}

/// Each writes into a buffer.
enum Stream {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

impl Coder {
    /// A coder; none for [`Coding::Identity`].
    pub(crate) fn new(coding: Coding) -> Result<Option<Self>> {
        let made = Vec::new();
        let stream = match coding {
            Coding::Identity => return Ok(None),
            Coding::Gzip => Stream::Gzip(GzEncoder::new(made, flate2::Compression::new(GZIP_LEVEL))),
            Coding::Brotli => Stream::Brotli(Box::new(CompressorWriter::new(
                made,
                BROTLI_BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
            Coding::Zstd => Stream::Zstd(ZstdEncoder::new(made, ZSTD_LEVEL).map_err(Error::io(DOING))?),
        };
        Ok(Some(Self { stream, begun: false }))
    }

    /// Compresses a chunk and returns the available output. The first output is flushed, so that the client soon sees
    /// that the download has begun.
    pub(super) fn compress(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let first = !std::mem::replace(&mut self.begun, true);
        let write = |coder: &mut dyn Write| {
            coder.write_all(bytes)?;
            if first { coder.flush() } else { Ok(()) }
        };
        Ok(std::mem::take(match &mut self.stream {
            Stream::Gzip(coder) => {
                write(coder).map_err(Error::io(DOING))?;
                coder.get_mut()
            }
            Stream::Brotli(coder) => {
                write(coder).map_err(Error::io(DOING))?;
                coder.get_mut()
            }
            Stream::Zstd(coder) => {
                write(coder).map_err(Error::io(DOING))?;
                coder.get_mut()
            }
        }))
    }

    /// The rest, with the end of the coding.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        match self.stream {
            Stream::Gzip(coder) => coder.finish().map_err(Error::io(DOING)),
            // It does not report an error of its last bytes, but writing to a `Vec` can't fail.
            Stream::Brotli(coder) => Ok(coder.into_inner()),
            Stream::Zstd(coder) => coder.finish().map_err(Error::io(DOING)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        match coding {
            Coding::Identity => return bytes.to_vec(),
            Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut decoded),
            Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut decoded),
            Coding::Zstd => zstd::stream::read::Decoder::new(bytes)
                .unwrap()
                .read_to_end(&mut decoded),
        }
        .unwrap();
        decoded
    }

    #[test]
    fn every_coding_round_trips() {
        let lines: Vec<u8> = (0..40_000)
            .flat_map(|id| format!("{id},student {},present\r\n", id * 7919 % 1000).into_bytes())
            .collect();
        for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
            let mut coder = Coder::new(coding).unwrap().unwrap();
            let mut made = Vec::new();
            for piece in lines.chunks(1000) {
                made.extend(coder.compress(piece).unwrap());
                assert!(!made.is_empty(), "{coding:?} flushes its first output");
            }
            made.extend(coder.finish().unwrap());
            assert!(made.len() < lines.len() / 3, "{coding:?}: {} bytes", made.len());
            assert_eq!(decoded(coding, &made), lines, "{coding:?}");
        }
    }
}
