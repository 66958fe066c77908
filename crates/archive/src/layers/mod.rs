//! What may lie around a document: compression by zstd and encryption by age.
//!
//! What this crate writes is age around zstd around the document, each of them optional. It reads the two in either
//! order. [`seal`] writes, [`open`](mod@open) reads, with [`unzstd`] for the compression; [`keys`] has what encrypts and
//! decrypts, [`digest_stream`] counts and digests what goes to and comes from the store.

mod digest_stream;
pub(crate) mod fault;
mod keys;
mod open;
mod seal;
mod trailer;
mod unzstd;

use serde::{Deserialize, Serialize};

pub use digest_stream::{DigestStream, Measurement};
pub use keys::{KeyError, KeyFingerprint, Keys, MAX_RECIPIENTS, PublicKey, Recipients};
pub use open::document;
pub(crate) use open::open;
pub use seal::{Layers, Sealer};

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ArchiveCompression))]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// No compression.
    #[default]
    None,
    /// As one frame of zstd (RFC 8878).
    Zstd,
}

/// How an archive is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ArchiveEncryption))]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// No encryption.
    #[default]
    None,
    /// As an age file, version 1.
    Age,
}

/// The layers around a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Its compression.
    pub compression: Compression,
    /// Its encryption.
    pub encryption: Encryption,
}

impl Form {
    /// All of them, those that the service writes first.
    pub const ALL: [Self; 4] = [
        Self::new(Compression::Zstd, Encryption::Age),
        Self::new(Compression::Zstd, Encryption::None),
        Self::new(Compression::None, Encryption::Age),
        Self::new(Compression::None, Encryption::None),
    ];

    const fn new(compression: Compression, encryption: Encryption) -> Self {
        Self {
            compression,
            encryption,
        }
    }

    /// The suffix of a file with these layers: nothing, `.zst`, `.age` or `.zst.age`.
    pub const fn suffix(self) -> &'static str {
        match (self.compression, self.encryption) {
            (Compression::None, Encryption::None) => "",
            (Compression::Zstd, Encryption::None) => ".zst",
            (Compression::None, Encryption::Age) => ".age",
            (Compression::Zstd, Encryption::Age) => ".zst.age",
        }
    }

    /// The probable layers of an object with these first bytes. The content of an encrypted object can't be seen; it
    /// counts as compressed, because [`Layers`] would compress it.
    pub fn guess(start: &[u8]) -> Self {
        let encrypted = [AGE_MAGIC, ARMOUR_MAGIC].iter().any(|magic| start.starts_with(magic));
        Self {
            compression: match encrypted || start.starts_with(ZSTD_MAGIC) {
                true => Compression::Zstd,
                false => Compression::None,
            },
            encryption: match encrypted {
                true => Encryption::Age,
                false => Encryption::None,
            },
        }
    }
}

/// The first bytes of a zstd frame.
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// The first bytes of a file of age, version 1, and of one in its armour.
const AGE_MAGIC: &[u8] = b"age-encryption.org/v1\n";
const ARMOUR_MAGIC: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
