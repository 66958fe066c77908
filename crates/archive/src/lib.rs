//! The archive: the one format in which a school's data is kept and given out whole.
//!
//! It is valid JSON with one row a line, so that it can be parsed as a document or read by line; its last member is
//! a `summary` of counts, digests and totals, so that a document without one was cut. Compression and encryption are
//! layers around it, and a small [`Manifest`] lies beside what is stored. This crate writes and reads bytes; it knows
//! no database, no network and no table by name, and nothing in it waits for anything but the bytes.
//!
//! In reading order: [`value`] has the kinds of values and their canonical forms (with [`digits`] for numbers),
//! [`writer`] writes a document, [`summary`] is what stands at its end; [`layers`] puts compression and encryption
//! around it; [`reader`] reads it all again within [`limits`], and says by [`error`] what is wrong; [`schema`] compares
//! what an archive holds with what is expected; [`manifest`] is what lies beside it, and [`signature`] signs that.
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
pub use layers::{Compression, Encryption, Form, KeyError, Keys, Layers, Measured, Measurement, Recipients, Sealer};
pub use limits::Limits;
pub use manifest::{Manifest, ManifestError};
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
