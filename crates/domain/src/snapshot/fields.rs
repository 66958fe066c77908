//! What a reader asks a table for, in SQL's words.

use std::fmt::Write as _;

use campus_backup_archive::{Cell, Kind};

use super::Selection;
use crate::catalog::{Source, Table};
use crate::error::Error;
use crate::native::Natives;

/// What is wrong with a value that could not be read; the value itself is nobody's business.
pub(super) fn problem(kind: Kind) -> String {
    format!("it can't be read as {kind}")
}

/// A column of the result: the name to report it by, and what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    /// Whether rows are known by it: an id, or a reference to one.
    pub(super) is_key: bool,
}

impl Field {
    /// A NULL where the schema admits none is a value that could not be read.
    #[inline]
    pub(super) fn admits(&self, cell: &Cell<'_>) -> bool {
        self.nullable || !matches!(cell, Cell::Null)
    }

    /// What the kind can't hold, as the engine's own text.
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

    /// The error of a value that can't even be kept as a native one.
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
                // Foreign keys hold, and what they point to is a name that every row has.
                nullable: match column.source {
                    Source::Own(name) => table.columns().iter().any(|own| own.name == name && own.nullable),
                    Source::Of { .. } => false,
                },
                is_key: matches!(column.source, Source::Own(name) if is_key(table, name)),
            })
            .collect(),
    }
}

/// `SELECT ... FROM table AS t`, with a join for each value that comes from another table. All names are the
/// catalogue's own.
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
                Source::Own(name) => format!("t.{name}"),
                Source::Of { key, table, column } => {
                    let _ = write!(joins, " LEFT JOIN {table} AS j{position} ON j{position}.id = t.{key}");
                    format!("j{position}.{column}")
                }
            })
            .collect(),
    };
    format!("SELECT {} FROM {table} AS t{joins}", columns.join(", "))
}
