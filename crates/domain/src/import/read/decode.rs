//! Finds the encoding of a text file, and decodes it to UTF-8.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::fault::{FileFault, ReadError};

const BUFFER: usize = 64 * 1024;

/// How many bytes decide whether a text is UTF-16 without a byte order mark.
const SAMPLE: usize = 4 * 1024;

/// How many bytes are given to the detector of other encodings.
const DETECTED: usize = 8 << 20;

/// The encoding of a text file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charset {
    encoding: &'static Encoding,
    /// The length of the byte order mark.
    mark: u64,
}

impl Charset {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self.encoding.name() {
            "windows-1252" => "Windows-1252",
            name => name,
        }
    }

    /// Whether it is the encoding that every program reads correctly.
    pub(super) fn is_utf8(self) -> bool {
        self.encoding == UTF_8
    }

    /// Finds the encoding. A text without a byte order mark is UTF-8 if all of it is valid.
    ///
    /// # Errors
    /// If it is none of UTF-8, UTF-16 and Windows-1252.
    pub(super) fn detect(path: &Path) -> Result<Self, ReadError> {
        let mut file = File::open(path)?;
        let mut sample = Vec::with_capacity(SAMPLE);
        file.by_ref().take(SAMPLE as u64).read_to_end(&mut sample)?;
        let marked = Encoding::for_bom(&sample).map(|(encoding, mark)| Self {
            encoding,
            mark: mark as u64,
        });
        if let Some(charset) = marked.or_else(|| utf16_without_mark(&sample)) {
            if charset.is_utf8() && !is_utf8(&mut file)? {
                let problem = "The file begins as UTF-8, but has bytes that are not UTF-8. Save it again as CSV UTF-8.";
                return Err(FileFault::new(problem).into());
            }
            return Ok(charset);
        }
        let encoding = match is_utf8(&mut file)? {
            true => UTF_8,
            false => other_encoding(&mut file)?,
        };
        Ok(Self { encoding, mark: 0 })
    }

    /// The text from its beginning, as UTF-8 without a byte order mark.
    pub(super) fn open(self, path: &Path) -> io::Result<Box<dyn Read>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.mark))?;
        if self.is_utf8() {
            return Ok(Box::new(file));
        }
        Ok(Box::new(Decoded {
            source: BufReader::with_capacity(BUFFER, file),
            decoder: self.encoding.new_decoder_without_bom_handling(),
            input: vec![0; BUFFER],
            unread: 0..0,
            is_last: false,
        }))
    }
}

/// Half of the bytes of Latin text in UTF-16 are zero.
fn utf16_without_mark(sample: &[u8]) -> Option<Charset> {
    let zeros = |from: usize| sample.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), sample.len() / 2);
    let encoding = match half >= 4 {
        true if even == 0 && odd > half / 2 => UTF_16LE,
        true if odd == 0 && even > half / 2 => UTF_16BE,
        _ => return None,
    };
    Some(Charset { encoding, mark: 0 })
}

/// Gives the whole file to `receive`, with whether it is the end, until that returns false.
fn each_block(file: &mut File, mut receive: impl FnMut(&[u8], bool) -> bool) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut block = vec![0; BUFFER];
    loop {
        let read = file.read(&mut block)?;
        if !receive(&block[..read], read == 0) || read == 0 {
            return Ok(());
        }
    }
}

fn is_utf8(file: &mut File) -> io::Result<bool> {
    let mut decoder = UTF_8.new_decoder_without_bom_handling();
    let mut out = vec![0; 3 * BUFFER + 16];
    let mut valid = true;
    each_block(file, |block, is_last| {
        let (result, ..) = decoder.decode_to_utf8_without_replacement(block, &mut out, is_last);
        valid = result == DecoderResult::InputEmpty;
        valid
    })?;
    Ok(valid)
}

/// The encoding of a text that is not UTF-8.
fn other_encoding(file: &mut File) -> Result<&'static Encoding, ReadError> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut fed = 0;
    each_block(file, |block, is_last| {
        let ends = is_last || fed >= DETECTED;
        detector.feed(block, ends);
        fed += block.len();
        !ends
    })?;
    let encoding = detector.guess(None, Utf8Detection::Deny);
    if encoding == WINDOWS_1252 {
        return Ok(encoding);
    }
    let problem = format!(
        "The text is neither UTF-8 nor UTF-16 nor Windows-1252; it looks like {}. Save it again as CSV UTF-8.",
        encoding.name()
    );
    Err(FileFault::new(problem).into())
}

/// Decodes while it is read.
struct Decoded {
    source: BufReader<File>,
    decoder: Decoder,
    input: Vec<u8>,
    unread: std::ops::Range<usize>,
    is_last: bool,
}

impl Read for Decoded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.unread.is_empty() && !self.is_last {
                let read = self.source.read(&mut self.input)?;
                self.unread = 0..read;
                self.is_last = read == 0;
            }
            let input = &self.input[self.unread.clone()];
            let (result, read, written) = self
                .decoder
                .decode_to_utf8_without_replacement(input, out, self.is_last);
            self.unread.start += read;
            if let DecoderResult::Malformed(..) = result {
                return Err(io::Error::new(io::ErrorKind::InvalidData, MALFORMED));
            }
            let is_end = self.is_last && result == DecoderResult::InputEmpty;
            if written > 0 || is_end || out.len() < 4 {
                return Ok(written);
            }
        }
    }
}

/// The text of the error of a malformed text.
const MALFORMED: &str = "half of a character that has two parts (a lone surrogate), or a cut one";

/// The fault of a text that can't be decoded, or the error of the disk.
pub(super) fn decoding_error(error: io::Error, row: u64) -> ReadError {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            let problem = format!("The text has {MALFORMED}, after row {row}. Save it again as CSV UTF-8.");
            FileFault::new(problem).in_row(row).into()
        }
        _ => error.into(),
    }
}
