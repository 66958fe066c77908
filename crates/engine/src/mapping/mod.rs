//! The mapping file: what a person declares about a database that was not made by this service.
//!
//! It is TOML without SQL: a condition compares a column with values, and a value of a sheet is a path over references.
//! Unknown members are refused.
//!
//! 1. [`Mapping::parse`] reads the text. It knows no database.
//! 2. [`Mapping::resolve`] finds every table and column that the file names in a [`Catalog`], and decides what follows
//!    from each reference ([`MappedCatalog`]).
//!
//! Both report each fault with its line.

mod closure;
mod condition;
mod error;
mod guess;
mod resolve;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use toml::Spanned;

pub use self::closure::Closure;
pub use self::condition::{Condition, Conditions, Scalar};
pub use self::error::MappingError;
pub use self::guess::{guess, suggested_references, table_of};
pub use self::resolve::{MappedCatalog, MappedReference, MappedSheet, ReferenceSource, ResolvedCondition};
pub use self::value::{Part, Path};
#[cfg(doc)]
use crate::Catalog;

/// The version of the format that [`Mapping::parse`] reads.
pub const VERSION: i64 = 1;

/// A mapping file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    version: Spanned<i64>,
    engine: Spanned<String>,
    /// Whether a person has read the file. A guessed file says `false`.
    #[serde(default)]
    pub reviewed: bool,
    /// The digest of the catalogue for which the file was written.
    pub catalog: Option<String>,
    timezone: Option<Spanned<String>>,
    #[serde(default)]
    hide: Vec<Spanned<String>>,
    #[serde(default)]
    money: Vec<Spanned<String>>,
    keep: Option<Rows>,
    entity: Option<Spanned<SheetName>>,
    implied: Option<ImpliedReferences>,
    #[serde(default)]
    reference: Vec<DeclaredReference>,
    #[serde(default)]
    key: Vec<DeclaredKey>,
    #[serde(default)]
    sheet: BTreeMap<SheetName, Sheet>,
    skip: Option<Skipped>,
    only: Option<Only>,
    /// The text, for the lines of faults.
    #[serde(skip)]
    text: String,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// [`MappingError`] with the line of the first fault.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let read: Result<Self, _> = toml::from_str(text);
        let mut mapping = read.map_err(|error| MappingError::of_toml(text, &error))?;
        text.clone_into(&mut mapping.text);
        if *mapping.version.get_ref() != VERSION {
            let fault = format!("this program reads version {VERSION} of mapping files");
            return Err(MappingError::at(text, mapping.version.span(), "version", fault));
        }
        Ok(mapping)
    }

    /// The sheets of the file.
    pub fn sheets(&self) -> impl Iterator<Item = SheetName> {
        self.sheet.keys().copied()
    }
}

/// One of the sheets that the service offers, whatever the tables are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SheetName {
    /// Students.
    Students,
    /// Courses.
    Courses,
    /// Payments.
    Payments,
    /// Attendance.
    Attendance,
    /// Which student takes which course.
    Enrollments,
    /// Accounts of users.
    Users,
}

impl SheetName {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::Students,
        Self::Courses,
        Self::Payments,
        Self::Attendance,
        Self::Enrollments,
        Self::Users,
    ];

    /// Its name in the file and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Students => "students",
            Self::Courses => "courses",
            Self::Payments => "payments",
            Self::Attendance => "attendance",
            Self::Enrollments => "enrollments",
            Self::Users => "users",
        }
    }

    /// The sheet of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sheet| sheet.name() == name)
    }
}

impl fmt::Display for SheetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What follows from a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The referring row is a part of the referenced one, and goes with it.
    Belongs,
    /// The referenced row stays while a row refers to it.
    Refuses,
    /// Nothing: the referenced row may go.
    Mentions,
}

impl Effect {
    /// Its word in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Belongs => "belongs",
            Self::Refuses => "refuses",
            Self::Mentions => "mentions",
        }
    }
}

/// Which references are assumed without a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ImpliedReferences {
    /// A column with the name of another table's key mentions that table.
    SameName,
}

/// A reference that the database does not declare, or whose effect is not the usual one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclaredReference {
    /// `table.column`.
    from: Spanned<String>,
    /// A table with a key of one column.
    to: Spanned<String>,
    how: Effect,
    /// Values that stand for no row.
    #[serde(default)]
    none: Vec<String>,
}

/// A key that the database does not declare.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclaredKey {
    table: Spanned<String>,
    columns: Vec<Spanned<String>>,
}

/// Rows of a table, all of them without a condition.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    table: Spanned<String>,
    #[serde(default, rename = "where")]
    conditions: Option<Spanned<Conditions>>,
}

/// A sheet: rows of a table, and what its columns show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    table: Spanned<String>,
    #[serde(default, rename = "where")]
    conditions: Option<Spanned<Conditions>>,
    /// Heading and value.
    columns: Vec<(String, Spanned<String>)>,
}

/// Tables that are left out by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skipped {
    /// Not in backups.
    #[serde(default)]
    backup: Vec<Spanned<String>>,
    /// In backups, but not restored.
    #[serde(default)]
    restore: Vec<Spanned<String>>,
}

/// The part of the database that matters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    /// Schemas of PostgreSQL.
    schemas: Vec<Spanned<String>>,
}
