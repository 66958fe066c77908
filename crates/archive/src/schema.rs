//! The tables and columns of an archive, and their differences from the expected ones.
//!
//! This crate knows no table by name. The caller checks the schema with [`Schema::mismatches`].

use std::collections::HashSet;
use std::fmt;

use crate::error::{Error, Result};
use crate::value::{Kind, write_json_text};
use crate::version::Version;
use crate::writer::ColumnSchema;

/// The tables of an archive, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The tables.
    pub tables: Vec<TableSchema>,
}

/// One table of an archive.
///
/// In version 1 the first column is `id`, an integer that is never null. It is the key, and there are no references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// The table's name in the archive. It begins with the [schema](Self::schema) and a point if there is one.
    pub name: String,
    /// The schema of the table, if it is not the usual one of the engine.
    pub schema: Option<String>,
    /// Its columns, in the order of each row.
    pub columns: Vec<Column>,
    /// The positions of the columns that identify a row, in the order of the key. Rows are in the order of their keys.
    pub key: Option<Vec<usize>>,
    /// The references to other tables.
    pub references: Vec<Reference>,
}

/// Columns that refer to those of a table. The table may be missing in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The positions of the referring columns.
    pub columns: Vec<usize>,
    /// The table that they refer to, by its name in an archive.
    pub table: String,
    /// The columns that they refer to, in the same order.
    pub to: Vec<String>,
}

/// One column of an archive's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
    /// The type as its engine calls it, such as `varchar(20)`. Empty in version 1, which does not have it.
    pub native: String,
    /// Whether the summary has the sum of this column of reals. It has that of each column of decimals.
    pub has_total: bool,
}

/// One difference between an archive's schema and the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaMismatch {
    /// A table that is not expected.
    UnknownTable(String),
    /// An expected table is missing.
    MissingTable(String),
    /// The tables are the expected ones, in another order.
    TableOrder,
    /// A column that is not expected.
    UnknownColumn {
        /// Its table.
        table: String,
        /// The column.
        column: String,
    },
    /// An expected column is missing.
    MissingColumn {
        /// Its table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column has values of another kind.
    Kind {
        /// Its table.
        table: String,
        /// The column.
        column: String,
        /// The expected kind.
        expected: Kind,
        /// The kind in the archive.
        found: Kind,
    },
    /// A column is nullable and should not be, or the other way round.
    Nullability {
        /// Its table.
        table: String,
        /// The column.
        column: String,
        /// Whether it should be nullable.
        expected: bool,
    },
    /// The columns of a table are the expected ones, in another order.
    ColumnOrder {
        /// The table.
        table: String,
    },
    /// The key is not the first column, or the table is one of another schema.
    Key {
        /// The table.
        table: String,
    },
}

impl Schema {
    /// All differences from the expected tables and columns, tables first; empty if they are the same.
    ///
    /// A caller that can read an older schema inspects the list; others call [`Schema::demand`].
    pub fn mismatches(&self, expected: &[(&str, Vec<ColumnSchema<'_>>)]) -> Vec<SchemaMismatch> {
        let names: Vec<&str> = self.tables.iter().map(|table| table.name.as_str()).collect();
        let wanted: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
        let (unknown, missing) = differences(&names, &wanted);
        let mut mismatches: Vec<_> = unknown.map(SchemaMismatch::UnknownTable).collect();
        mismatches.extend(missing.map(SchemaMismatch::MissingTable));
        if mismatches.is_empty() && names != wanted {
            mismatches.push(SchemaMismatch::TableOrder);
        }
        for (name, columns) in expected {
            if let Some(table) = self.tables.iter().find(|table| table.name == *name) {
                table.compare(columns, &mut mismatches);
            }
        }
        mismatches
    }

    /// Refuses every schema but the expected one.
    ///
    /// # Errors
    ///
    /// [`Error::SchemaMismatch`] with the first difference.
    pub fn demand(&self, expected: &[(&str, Vec<ColumnSchema<'_>>)]) -> Result<()> {
        match self.mismatches(expected).into_iter().next() {
            Some(mismatch) => Err(Error::SchemaMismatch(mismatch)),
            None => Ok(()),
        }
    }
}

impl Schema {
    /// A table whose name another table has, too.
    pub(crate) fn repeated_table(&self) -> Option<&TableSchema> {
        let mut names = HashSet::new();
        self.tables.iter().find(|table| !names.insert(&table.name))
    }
}

/// The bytes of the longest name of version 2.
pub(crate) const MAX_NAME_BYTES: usize = 255;

const LONG_NAME: &str = "a name that is empty, longer than 255 bytes, or has a NUL";

impl TableSchema {
    /// A table whose key is its first column, `id`.
    pub(crate) fn with_id(name: String, columns: Vec<Column>) -> Self {
        Self {
            name,
            schema: None,
            columns,
            key: Some(vec![0]),
            references: Vec::new(),
        }
    }

    /// What is wrong with its names.
    pub(crate) fn name_problem(&self, version: Version) -> Option<&'static str> {
        let columns = || self.columns.iter().map(|column| column.name.as_str());
        if version == Version::One {
            let has_names = is_plain_name(&self.name) && columns().all(is_plain_name);
            return (!has_names).then_some("a name of other characters than a to z, 0 to 9 and _");
        }
        let own_name = match &self.schema {
            Some(schema) if !is_name(schema) => return Some(LONG_NAME),
            Some(schema) => match self.name.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.')) {
                Some(name) => name,
                None => return Some("a name that does not begin with its schema"),
            },
            None => &self.name,
        };
        let references = self.references.iter();
        // SQLite has columns without a name.
        let has_names = is_name(own_name)
            && columns()
                .chain(references.clone().flat_map(|reference| reference.to.iter().map(String::as_str)))
                .all(|name| name.is_empty() || is_name(name))
            // Of a table in another schema.
            && references.map(|reference| &reference.table).all(|table| {
                !table.is_empty() && table.len() <= 2 * MAX_NAME_BYTES + 1 && !table.contains('\0')
            });
        (!has_names).then_some(LONG_NAME)
    }

    /// What is wrong apart from names.
    pub(crate) fn structure_problem(&self, version: Version) -> Option<&'static str> {
        if version == Version::One {
            let is_id = |column: &Column| column.name == "id" && column.kind == Kind::Integer && !column.nullable;
            if !self.columns.first().is_some_and(is_id) {
                return Some("a table whose first column is not its id");
            }
        }
        let mut names = HashSet::new();
        if !self.columns.iter().all(|column| names.insert(&column.name)) {
            return Some("a column occurs twice");
        }
        if self.columns.iter().any(|column| column.native.contains('\0')) {
            return Some("a NUL in a text");
        }
        let is_real = |column: &Column| matches!(column.kind, Kind::Real | Kind::Real32);
        if self.columns.iter().any(|column| column.has_total && !is_real(column)) {
            return Some("the total of a column that has no real numbers");
        }
        if self.key.as_ref().is_some_and(|key| !self.are_columns(key)) {
            return Some("a key without columns, or with one that is repeated or not known");
        }
        let is_reference = |reference: &Reference| {
            self.are_columns(&reference.columns) && reference.columns.len() == reference.to.len()
        };
        if !self.references.iter().all(is_reference) {
            return Some("a reference with columns that are repeated, not known, or of another number");
        }
        None
    }

    fn are_columns(&self, positions: &[usize]) -> bool {
        let mut seen = HashSet::new();
        let is_column = |position: &usize| *position < self.columns.len() && seen.insert(*position);
        !positions.is_empty() && positions.iter().all(is_column)
    }

    /// Appends its part of an archive's `schema`.
    pub(crate) fn write(&self, version: Version, out: &mut Vec<u8>) {
        write_json_text(&self.name, out);
        out.push(b':');
        if version >= Version::Two {
            out.push(b'{');
            if let Some(schema) = &self.schema {
                out.extend_from_slice(b"\"schema\":");
                write_json_text(schema, out);
                out.push(b',');
            }
            out.extend_from_slice(b"\"columns\":");
        }
        write_list(&self.columns, out, |column, out| column.write(version, out));
        if version >= Version::Two {
            out.extend_from_slice(b",\"key\":");
            match &self.key {
                Some(key) => self.write_columns(key, out),
                None => out.extend_from_slice(b"null"),
            }
            out.extend_from_slice(b",\"references\":");
            write_list(&self.references, out, |reference, out| {
                out.extend_from_slice(b"{\"columns\":");
                self.write_columns(&reference.columns, out);
                out.extend_from_slice(b",\"table\":");
                write_json_text(&reference.table, out);
                out.extend_from_slice(b",\"to\":");
                write_list(&reference.to, out, |name, out| write_json_text(name, out));
                out.push(b'}');
            });
            out.push(b'}');
        }
    }

    fn write_columns(&self, positions: &[usize], out: &mut Vec<u8>) {
        write_list(positions, out, |position, out| {
            let name = self.columns.get(*position).map_or("", |column| column.name.as_str());
            write_json_text(name, out);
        });
    }

    fn compare(&self, expected: &[ColumnSchema<'_>], mismatches: &mut Vec<SchemaMismatch>) {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let wanted: Vec<&str> = expected.iter().map(|column| column.name).collect();
        let (unknown, missing) = differences(&names, &wanted);
        let table = || self.name.clone();
        let before = mismatches.len();
        mismatches.extend(unknown.map(|column| SchemaMismatch::UnknownColumn { table: table(), column }));
        mismatches.extend(missing.map(|column| SchemaMismatch::MissingColumn { table: table(), column }));
        if mismatches.len() == before && names != wanted {
            mismatches.push(SchemaMismatch::ColumnOrder { table: table() });
        }
        for expected in expected {
            let Some(column) = self.columns.iter().find(|column| column.name == expected.name) else {
                continue;
            };
            if column.kind != expected.kind {
                mismatches.push(SchemaMismatch::Kind {
                    table: table(),
                    column: column.name.clone(),
                    expected: expected.kind,
                    found: column.kind,
                });
            }
            if column.nullable != expected.nullable {
                mismatches.push(SchemaMismatch::Nullability {
                    table: table(),
                    column: column.name.clone(),
                    expected: expected.nullable,
                });
            }
        }
        if self.schema.is_some() || self.key.as_deref() != Some(&[0]) {
            mismatches.push(SchemaMismatch::Key { table: table() });
        }
    }
}

impl Column {
    fn write(&self, version: Version, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"name\":");
        write_json_text(&self.name, out);
        out.extend_from_slice(format!(",\"type\":\"{}\"", self.kind).as_bytes());
        if version >= Version::Two {
            out.extend_from_slice(b",\"native\":");
            write_json_text(&self.native, out);
        }
        out.extend_from_slice(format!(",\"nullable\":{}", self.nullable).as_bytes());
        if self.has_total {
            out.extend_from_slice(b",\"total\":true");
        }
        out.push(b'}');
    }
}

/// Appends a list of JSON without white space.
fn write_list<T>(items: &[T], out: &mut Vec<u8>, mut write: impl FnMut(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// A name of version 1.
fn is_plain_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A name of version 2.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains('\0')
}

/// The unexpected names, and the missing ones.
fn differences<'a>(
    found: &'a [&str],
    wanted: &'a [&str],
) -> (impl Iterator<Item = String> + 'a, impl Iterator<Item = String> + 'a) {
    let without = |from: &'a [&str], those: &'a [&str]| {
        from.iter()
            .filter(|name| !those.contains(name))
            .map(|name| (*name).to_owned())
    };
    (without(found, wanted), without(wanted, found))
}

impl fmt::Display for SchemaMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTable(table) => write!(f, "it has a table {table}, which is not known here"),
            Self::MissingTable(table) => write!(f, "it has no table {table}"),
            Self::TableOrder => write!(f, "its tables stand in another order"),
            Self::UnknownColumn { table, column } => {
                write!(f, "its table {table} has a column {column}, which is not known here")
            }
            Self::MissingColumn { table, column } => write!(f, "its table {table} has no column {column}"),
            Self::Kind {
                table,
                column,
                expected,
                found,
            } => write!(
                f,
                "its column {table}.{column} is of type {found} instead of {expected}"
            ),
            Self::Nullability {
                table,
                column,
                expected: true,
            } => write!(f, "its column {table}.{column} can't be null, and should"),
            Self::Nullability { table, column, .. } => {
                write!(f, "its column {table}.{column} may be null, and should not")
            }
            Self::ColumnOrder { table } => write!(f, "the columns of its table {table} stand in another order"),
            Self::Key { table } => write!(f, "its table {table} has another key than its first column"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: Kind, nullable: bool) -> Column {
        Column {
            name: name.to_owned(),
            kind,
            nullable,
            native: String::new(),
            has_total: false,
        }
    }

    fn expected() -> Vec<(&'static str, Vec<ColumnSchema<'static>>)> {
        let column = |name, kind, nullable| ColumnSchema { name, kind, nullable };
        vec![
            (
                "courses",
                vec![column("id", Kind::Integer, false), column("fee", Kind::Decimal, false)],
            ),
            (
                "students",
                vec![column("id", Kind::Integer, false), column("email", Kind::Text, true)],
            ),
        ]
    }

    fn schema() -> Schema {
        let id = || column("id", Kind::Integer, false);
        let table = |name: &str, columns| TableSchema::with_id(name.to_owned(), columns);
        Schema {
            tables: vec![
                table("courses", vec![id(), column("fee", Kind::Decimal, false)]),
                table("students", vec![id(), column("email", Kind::Text, true)]),
            ],
        }
    }

    #[test]
    fn every_difference_is_named() {
        type Change = fn(&mut Schema);
        let cases: [(Change, &str); 9] = [
            (
                |schema| schema.tables[0].name = "lessons".to_owned(),
                "it has a table lessons, which is not known here; it has no table courses",
            ),
            (|schema| schema.tables.truncate(1), "it has no table students"),
            (|schema| schema.tables.reverse(), "its tables stand in another order"),
            (
                |schema| schema.tables[1].columns.push(column("age", Kind::Integer, false)),
                "its table students has a column age, which is not known here",
            ),
            (
                |schema| schema.tables[1].columns.truncate(1),
                "its table students has no column email",
            ),
            (
                |schema| schema.tables[0].columns.reverse(),
                "the columns of its table courses stand in another order",
            ),
            (
                |schema| schema.tables[0].columns[1].kind = Kind::Text,
                "its column courses.fee is of type text instead of decimal",
            ),
            (
                |schema| schema.tables[1].columns[1].nullable = false,
                "its column students.email can't be null, and should",
            ),
            (
                |schema| schema.tables[1].key = None,
                "its table students has another key than its first column",
            ),
        ];
        for (change, message) in cases {
            let mut schema = schema();
            change(&mut schema);
            let mismatches = schema.mismatches(&expected());
            let messages: Vec<_> = mismatches.iter().map(ToString::to_string).collect();
            assert_eq!(messages.join("; "), message);
            assert_eq!(schema.demand(&expected()).unwrap_err().code(), "schema_mismatch");
        }
        schema().demand(&expected()).unwrap();
    }
}
