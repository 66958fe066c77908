//! The archive format: a school's complete data in one file.
//!
//! An archive is valid JSON with one row per line, so that it can be parsed as a document or by line. Its last member
//! is a `summary` of counts, digests and totals, so a document without one is truncated. Compression and encryption are
//! layers around it, and a small [`Manifest`] is stored beside it. This crate writes and reads bytes. It uses no
//! database and no network, knows no table by name, and waits only for the bytes.
//!
//! In reading order: [`value`] has the kinds of values and their canonical forms (with [`digits`] for numbers).
//! [`writer`] writes a document, and [`summary`] is its end. [`layers`] adds compression and encryption. [`reader`]
//! reads it within [`limits`], and [`error`] says what is wrong. [`schema`] compares the content of an archive with the
//! expected tables. [`manifest`] describes a stored archive, and [`signature`] signs that.
//!
//! `docs/archive-format.md` describes the format completely.

pub mod digits;
pub mod error;
pub mod layers;
pub mod limits;
pub mod manifest;
pub mod reader;
mod rows;
pub mod schema;
pub mod signature;
pub mod summary;
mod totals;
pub mod value;
pub mod writer;

pub use error::{Error, Position, Result};
pub use layers::{
    Compression, DigestStream, Encryption, Form, KeyError, KeyFingerprint, Keys, Layers, MAX_RECIPIENTS, Measurement,
    PublicKey, Recipients, Sealer, document,
};
pub use limits::Limits;
pub use manifest::{Manifest, ManifestError, ObjectFile};
pub use reader::{ArchiveHeader, Reader, Row};
pub use schema::{Column, Schema, SchemaMismatch, TableSchema};
pub use signature::ManifestKey;
pub use summary::Summary;
pub use value::{Cell, Kind};
pub use writer::{ColumnSchema, Header, Writer};

/// The `format` of every archive.
pub const FORMAT: &str = "campus-backup";

/// The `version` that this crate writes.
pub const VERSION: u32 = 1;
