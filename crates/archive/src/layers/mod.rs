//! What may lie around a document: compression by zstd and encryption by age.
//!
//! What this crate writes is age around zstd around the document, each of them optional. It reads the two in either
//! order. [`seal`] writes, [`open`](mod@open) reads, with [`unzstd`] for the compression; [`keys`] has what encrypts and
//! decrypts, [`measured`] counts and digests what goes to and comes from the store.

pub(crate) mod fault;
mod keys;
mod measured;
mod open;
mod seal;
mod trailer;
mod unzstd;

use serde::{Deserialize, Serialize};

pub use keys::{KeyError, Keys, Recipients};
pub use measured::{Measured, Measurement};
pub(crate) use open::open;
pub use seal::{Layers, Sealer};

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// As one frame of zstd (RFC 8878).
    Zstd,
}

/// How an archive is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// Not at all.
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

/// The first bytes of a zstd frame.
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
