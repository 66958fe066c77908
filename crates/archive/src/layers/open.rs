//! Removes the layers.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor};

use super::fault::{self, Fault, Source};
use super::unzstd::Unzstd;
use super::{AGE_MAGIC, ARMOUR_MAGIC, Compression, Encryption, Form, Keys, ZSTD_MAGIC};
use crate::error::{Error, KeyKind, Limit, Position, Result};
use crate::limits::Limits;

type Input<'s> = Box<dyn Read + Send + 's>;

/// A header of age has some 100 bytes for each recipient, and age parses it again for each of its lines.
const MOST_HEADER: usize = 8 << 10;

/// A line of armour has 64 characters.
const MOST_ARMOUR_LINE: usize = 1 << 10;

/// The bytes of a document without the layers around it, to write them with other layers. Nothing of the document is checked.
///
/// # Errors
/// [`Error::KeyRequired`], [`Error::WrongKey`], and damage of a layer. Later damage is an error of the reader.
pub fn document<'s>(source: impl Read + Send + 's, keys: &Keys, limits: &Limits) -> Result<impl Read + Send + 's> {
    let (document, _) = open(Box::new(source), keys, limits)?;
    Ok(Document(document))
}

/// Gives errors of the layers as I/O errors with this crate's error as their source.
struct Document<'s>(Input<'s>);

impl Read for Document<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer);
        read.map_err(|error| match fault::unwrap(error, Position::default()) {
            Error::Io(error) => error,
            error => io::Error::new(io::ErrorKind::InvalidData, error),
        })
    }
}

/// Removes at most one layer of each kind, and returns the bytes of the document.
pub(crate) fn open<'s>(source: Input<'s>, keys: &Keys, limits: &Limits) -> Result<(Input<'s>, Form)> {
    let mut input: Input<'s> = Box::new(Source(source));
    let mut form = Form::default();
    loop {
        let (start, whole) = peek(input).map_err(|error| fault::unwrap(error, Position::default()))?;
        let is = |magic: &[u8]| start.starts_with(magic);
        let is_compressed = form.compression == Compression::None && is(ZSTD_MAGIC);
        let is_encrypted = form.encryption == Encryption::None && (is(AGE_MAGIC) || is(ARMOUR_MAGIC));
        input = if is_compressed {
            form.compression = Compression::Zstd;
            let layer = Unzstd::new(whole, limits).map_err(|error| fault::unwrap(error, Position::default()))?;
            Box::new(layer)
        } else if is_encrypted {
            form.encryption = Encryption::Age;
            decrypt(whole, is(ARMOUR_MAGIC), keys, limits)?
        } else if [ZSTD_MAGIC, AGE_MAGIC, ARMOUR_MAGIC]
            .iter()
            .any(|magic| is_part(&start, magic))
        {
            return Err(Error::Truncated {
                at: Position::default(),
            });
        } else {
            return Ok((whole, form));
        };
    }
}

/// Whether the input is only the beginning of the magic bytes.
fn is_part(start: &[u8], magic: &[u8]) -> bool {
    !start.is_empty() && start.len() < magic.len() && magic.starts_with(start)
}

/// The first bytes, and the whole input with these bytes still in it.
fn peek(mut input: Input<'_>) -> io::Result<(Vec<u8>, Input<'_>)> {
    let mut start = Vec::with_capacity(ARMOUR_MAGIC.len());
    (&mut input).take(ARMOUR_MAGIC.len() as u64).read_to_end(&mut start)?;
    let whole = Cursor::new(start.clone()).chain(input);
    Ok((start, Box::new(whole)))
}

fn decrypt<'s>(input: Input<'s>, is_armoured: bool, keys: &Keys, limits: &Limits) -> Result<Input<'s>> {
    let input: Input<'s> = match is_armoured {
        true => Box::new(ArmoredReader::new(ShortLines { input, length: 0 })),
        false => input,
    };
    let is_open = Arc::new(AtomicBool::new(false));
    let gate = Gate {
        input,
        is_open: Arc::clone(&is_open),
        // Bytes that are read ahead count, too.
        allowance: 2 * MOST_HEADER,
    };
    let refuse = |error| refusal(error, keys, limits);
    let decryptor = Decryptor::new_buffered(BufReader::with_capacity(MOST_HEADER, gate)).map_err(refuse)?;
    let needed = match decryptor.is_scrypt() {
        true => KeyKind::Passphrase,
        false => KeyKind::Identity,
    };
    if !keys.has(needed) {
        return Err(Error::KeyRequired { needed });
    }
    let decrypted = decryptor
        .decrypt(keys.identities(limits.work_factor).iter().map(AsRef::as_ref))
        .map_err(refuse)?;
    is_open.store(true, Ordering::Relaxed);
    Ok(Box::new(decrypted))
}

fn refusal(error: DecryptError, keys: &Keys, limits: &Limits) -> Error {
    match error {
        DecryptError::Io(error) => fault::unwrap(error, Position::default()),
        DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed
            if !keys.is_empty() =>
        {
            Error::WrongKey
        }
        DecryptError::ExcessiveWork { .. } => Error::LimitExceeded {
            limit: Limit::WorkFactor,
            allowed: limits.work_factor.into(),
        },
        DecryptError::InvalidMac => Error::CorruptLayer {
            problem: "the header of the encrypted file was changed".to_owned(),
        },
        _ => Error::CorruptLayer {
            problem: "the header of the encrypted file is none".to_owned(),
        },
    }
}

/// Limits the bytes until the header was read, because age keeps a whole header in memory.
struct Gate<R> {
    input: R,
    is_open: Arc<AtomicBool>,
    allowance: usize,
}

impl<R: Read> Read for Gate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if self.is_open.load(Ordering::Relaxed) {
            return Ok(read);
        }
        self.allowance = self
            .allowance
            .checked_sub(read)
            .ok_or(Fault::Final(Error::LimitExceeded {
                limit: Limit::EncryptionHeader,
                allowed: MOST_HEADER as u64,
            }))?;
        Ok(read)
    }
}

/// Refuses armour with long lines, because each line is kept in memory.
struct ShortLines<R> {
    input: R,
    length: usize,
}

impl<R: Read> Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(MOST_ARMOUR_LINE);
        let read = self.input.read(&mut buffer[..most])?;
        self.length = match memchr::memrchr(b'\n', &buffer[..read]) {
            Some(last) => read - last - 1,
            None => self.length + read,
        };
        if self.length > MOST_ARMOUR_LINE {
            let problem = "the armour of the encrypted file has lines that are too long".to_owned();
            return Err(Fault::Final(Error::CorruptLayer { problem }).into());
        }
        Ok(read)
    }
}
