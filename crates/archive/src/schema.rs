//! The tables and columns of an archive, and their differences from the expected ones.
//!
//! This crate knows no table by name. The caller checks the schema with [`Schema::mismatches`].

use std::fmt;

use crate::error::{Error, Result};
use crate::value::Kind;
use crate::writer::ColumnSchema;

/// The tables of an archive, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The tables.
    pub tables: Vec<TableSchema>,
}

/// One table of an archive. The first column is always `id`, an integer that is never null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// The table's name.
    pub name: String,
    /// Its columns, in the order of each row.
    pub columns: Vec<Column>,
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

impl TableSchema {
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
    }
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
        let table = |name: &str, columns| TableSchema {
            name: name.to_owned(),
            columns,
        };
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
        let cases: [(Change, &str); 8] = [
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
