//! The archive: the one format in which a school's data is kept and given out whole.
//!
//! It is valid JSON with one row a line, so that it can be parsed as a document or read by line; its last member is
//! a `summary` of counts, digests and totals, so that a document without one was cut. This crate writes bytes and
//! knows no database, no network and no table by name.
//!
//! In reading order: [`value`] has the kinds of values and their canonical forms (with [`digits`] for numbers), [`writer`] writes a document,
//! [`summary`] is what stands at its end.

pub mod digits;
pub mod error;
pub mod limits;
pub mod schema;
pub mod summary;
mod totals;
pub mod value;
pub mod writer;

pub use error::{Error, Position, Result};
pub use limits::Limits;
pub use schema::{Column, Schema, SchemaMismatch, TableSchema};
pub use summary::Summary;
pub use value::{Cell, Kind};
pub use writer::{ColumnSchema, Header, Writer};

/// The `format` of every archive.
pub const FORMAT: &str = "campus-backup";

/// The `version` that this crate writes.
pub const VERSION: u32 = 1;
