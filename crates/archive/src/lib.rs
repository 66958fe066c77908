//! The archive format: a school's complete data in one file.
//!
//! An archive is valid JSON with one row per line, so that it can be parsed as a document or by line. Its last member
//! is a `summary` of counts, digests and totals, so a document without one is truncated. Compression and encryption are
//! layers around it, and a small [`Manifest`] is stored beside it. This crate writes and reads bytes. It uses no
//! database and no network, knows no table by name, and waits only for the bytes.
//!
//! In reading order: [`value`] has the kinds of values and their canonical forms (with [`digits`] and [`real`] for
//! numbers). [`header`] and [`schema`] describe the tables, and [`order`] the order of their rows. [`writer`] writes a
//! document, and [`summary`] is its end. [`layers`] adds compression and encryption. [`reader`] reads it within
//! [`limits`], and [`error`] says what is wrong. [`manifest`] describes a stored archive, and [`signature`] signs that.
//!
//! One reader and one writer know every [`Version`]. It decides which kinds, names, keys and limits there are. The
//! service writes version 1 and reads only that, which is the default of [`Limits`].
//!
//! `docs/archive-format.md` describes the format completely.

pub mod digits;
pub mod error;
pub mod header;
pub mod layers;
pub mod limits;
pub mod manifest;
pub mod order;
pub mod reader;
pub mod real;
mod rows;
pub mod schema;
pub mod signature;
pub mod summary;
mod totals;
pub mod value;
mod version;
pub mod writer;

pub use error::{Error, Position, Result};
pub use header::{ArchiveHeader, HeaderError};
pub use layers::{
    Compression, DigestStream, Encryption, Form, KeyError, KeyFingerprint, Keys, Layers, MAX_RECIPIENTS, Measurement,
    PublicKey, Recipients, Sealer, document,
};
pub use limits::Limits;
pub use manifest::{Manifest, ManifestError, ObjectFile};
pub use reader::{Reader, Row};
pub use schema::{Column, Reference, Schema, SchemaMismatch, TableSchema};
pub use signature::ManifestKey;
pub use summary::Summary;
pub use value::{Cell, Kind, StoredValue};
pub use version::Version;
pub use writer::{ColumnSchema, Header, Writer};

/// The `format` of every archive.
pub const FORMAT: &str = "campus-backup";
