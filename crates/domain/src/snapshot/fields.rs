//! The columns and the SQL of a selection.

use std::fmt::Write as _;

use campus_backup_archive::{Cell, Kind};

use super::Selection;
use crate::catalog::{ColumnSource, Table};
use crate::error::Error;
use crate::native::Natives;

/// The problem of a value that could not be read. It never contains the value.
pub(super) fn problem(kind: Kind) -> String {
    format!("it can't be read as {kind}")
}

/// A column of the result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    /// Whether it is an id or a reference to one.
    pub(super) is_key: bool,
}

impl Field {
    /// Whether the schema admits the value: a NULL in a column without NULLs counts as unreadable.
    #[inline]
    pub(super) fn admits(&self, cell: &Cell<'_>) -> bool {
        self.nullable || !matches!(cell, Cell::Null)
    }

    /// A value that its kind can't hold, as the engine's own text.
    #[cold]
    pub(super) fn native<'a>(
        &self,
        natives: &'a Natives,
        position: usize,
        text: Option<String>,
    ) -> Result<Cell<'a>, String> {
        match text {
            Some(text) if !self.is_key => Ok(natives.keep(position, text)),
            _ => Err(problem(self.kind)),
        }
    }

    /// The error of a value that can't be kept as a native one either.
    #[cold]
    pub(super) fn unreadable(&self, table: Table, row: i64, problem: String) -> Error {
        Error::Unexportable {
            table,
            row,
            column: self.name,
            problem,
        }
    }
}

fn is_key(table: Table, name: &str) -> bool {
    name == "id" || table.references().iter().any(|reference| reference.column == name)
}

/// The columns of a selection, in its order.
pub(super) fn of(table: Table, selection: Selection) -> Vec<Field> {
    match selection {
        Selection::Columns => table
            .columns()
            .iter()
            .map(|column| Field {
                name: column.name,
                kind: column.kind,
                nullable: column.nullable,
                is_key: is_key(table, column.name),
            })
            .collect(),
        Selection::ExportColumns(names) => table
            .export_columns(names)
            .iter()
            .map(|column| Field {
                name: column.source.key(),
                kind: column.kind,
                // Foreign keys are enforced, and every referenced row has a name.
                nullable: match column.source {
                    ColumnSource::Own(name) => table.columns().iter().any(|own| own.name == name && own.nullable),
                    ColumnSource::Of { .. } => false,
                },
                is_key: matches!(column.source, ColumnSource::Own(name) if is_key(table, name)),
            })
            .collect(),
    }
}

/// `SELECT ... FROM table AS t`, with a join for each value of another table. All names are those of the catalogue.
pub(super) fn select(table: Table, selection: Selection) -> String {
    let mut joins = String::new();
    let columns = match selection {
        Selection::Columns => table
            .columns()
            .iter()
            .map(|column| format!("t.{}", column.name))
            .collect::<Vec<_>>(),
        Selection::ExportColumns(names) => table
            .export_columns(names)
            .iter()
            .enumerate()
            .map(|(position, column)| match column.source {
                ColumnSource::Own(name) => format!("t.{name}"),
                ColumnSource::Of { key, table, column } => {
                    let _ = write!(joins, " LEFT JOIN {table} AS j{position} ON j{position}.id = t.{key}");
                    format!("j{position}.{column}")
                }
            })
            .collect(),
    };
    format!("SELECT {} FROM {table} AS t{joins}", columns.join(", "))
}
