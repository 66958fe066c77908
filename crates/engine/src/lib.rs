//! What a database contains, read from its engine's own catalogs: the floor below the rules of the service.
//!
//! - [`catalog`] describes the tables of a database as a value: [`Catalog`], its [`Table`]s, their columns, keys and
//!   references. Its digest changes if and only if that description changes.
//! - [`introspection`] reads such a value from SQLite, PostgreSQL, MySQL or MariaDB. It only reads, it needs no
//!   ownership of the tables, and it takes a fixed number of queries, however many tables there are.
//! - [`mapping`] is what a person declares about such a database in a file, resolved against its catalogue.
//! - [`survey`] counts rows, and rows that break a reference.
//!
//! This crate knows no school, no HTTP and no archive.

pub mod catalog;
pub mod introspection;
pub mod mapping;
mod sql;
pub mod survey;

pub use self::catalog::{Catalog, Table};
pub use self::introspection::introspect;

/// One of the three engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

impl Engine {
    /// The word for it in answers and archives.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
            Self::Mysql => "mysql",
        }
    }

    /// The engine of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let engines = [Self::Sqlite, Self::Postgres, Self::Mysql];
        engines.into_iter().find(|engine| engine.name() == name)
    }
}
