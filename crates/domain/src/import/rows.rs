//! Writes the rows of a file into the staging database as they are read.

use std::collections::BTreeSet;

use campus_backup_archive::Kind;
use sea_orm::sqlx::sqlite::LockedSqliteHandle;
use serde_json::json;

use super::plan::MatchedColumn;
use super::read::{CellFault, FileCell, FileColumn, FileSink, FileTarget};
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::job::Progress;
use crate::restore::staging::{failed, staged};
use crate::statement::{BoundValue, Statement};

/// What is being done, for errors.
const DOING: &str = "reading a file to be imported";

/// The number of rows between two reports of the progress. A report also checks for cancellation.
const REPORT_EVERY: u64 = 512;

/// The columns of a table that a file has.
#[derive(Clone, Debug)]
pub(super) struct FileLayout {
    table: Table,
    columns: Vec<FileColumn>,
    /// The places of columns with values that can be read in two ways.
    ambiguous: BTreeSet<usize>,
}

impl FileLayout {
    fn of(&self, place: usize) -> Option<&FileColumn> {
        self.columns.iter().find(|column| place_of(column) == place)
    }

    /// Whether the file has values for the column at a place of the table.
    pub(super) fn has(&self, place: usize) -> bool {
        self.of(place).is_some()
    }

    /// The heading of a column; its name if the file does not have it.
    pub(super) fn heading(&self, place: usize) -> &str {
        let name = self.table.columns().get(place).map_or("", |column| column.name);
        self.of(place).map_or(name, |column| &column.heading)
    }

    /// The column of the other table whose texts the file has instead of ids.
    pub(super) fn referenced_by(&self, place: usize) -> Option<&'static str> {
        match self.of(place)?.target {
            FileTarget::Reference { column, .. } => Some(column),
            FileTarget::Own(_) => None,
        }
    }

    /// Whether some values of the column can be read in two ways. A text that names a row of another table can't.
    pub(super) fn is_ambiguous(&self, place: usize) -> bool {
        self.referenced_by(place).is_none() && self.ambiguous.contains(&place)
    }

    /// The matched columns, for the plan.
    pub(super) fn matched(&self) -> Vec<MatchedColumn> {
        let columns = self.table.columns();
        let matched = self.columns.iter().map(|column| MatchedColumn {
            heading: column.heading.clone(),
            column: columns
                .get(place_of(column))
                .map_or("", |column| column.name)
                .to_owned(),
        });
        matched.collect()
    }
}

/// The place of a column of the file among the columns of the table.
fn place_of(column: &FileColumn) -> usize {
    match column.target {
        FileTarget::Own(place) | FileTarget::Reference { position: place, .. } => place,
    }
}

/// Inserts the rows of a file into the table `f` of the staging database, which it creates.
pub(super) struct FileRows<'h, 'c> {
    /// Until the insert is prepared.
    handle: Option<&'h mut LockedSqliteHandle<'c>>,
    insert: Option<Statement<'h>>,
    layout: FileLayout,
    /// The parameters of each column begin here.
    parameters: Vec<usize>,
    /// The place of the parameter for the faults of a wrong row.
    faults: usize,
    progress: &'h Progress,
    unreported: u64,
}

impl<'h, 'c> FileRows<'h, 'c> {
    pub(super) fn new(handle: &'h mut LockedSqliteHandle<'c>, table: Table, progress: &'h Progress) -> Self {
        Self {
            handle: Some(handle),
            insert: None,
            layout: FileLayout {
                table,
                columns: Vec::new(),
                ambiguous: BTreeSet::new(),
            },
            parameters: Vec::new(),
            faults: 0,
            progress,
            unreported: 0,
        }
    }

    /// The layout of the file. All rows are written.
    pub(super) fn finish(self) -> FileLayout {
        self.layout
    }

    fn kind(&self, place: usize) -> Option<Kind> {
        self.layout.table.columns().get(place).map(|column| column.kind)
    }

    fn report(&mut self) -> Result<()> {
        self.unreported += 1;
        match self.unreported >= REPORT_EVERY {
            true => self.progress.advance(std::mem::take(&mut self.unreported)),
            false => Ok(()),
        }
    }
}

impl FileSink for FileRows<'_, '_> {
    fn begin(&mut self, columns: &[FileColumn]) -> Result<()> {
        let mut names = vec!["row INTEGER PRIMARY KEY".to_owned()];
        let mut values = vec!["?1".to_owned()];
        for column in columns {
            let (place, parameter) = (place_of(column), values.len());
            self.parameters.push(parameter);
            match column.target {
                FileTarget::Reference { table, column, .. } => {
                    names.extend([format!("v{place}"), format!("t{place}")]);
                    let text = format!("?{}", parameter + 1);
                    values.push(format!("(SELECT id FROM l_{table} WHERE {column} = {text})"));
                    values.push(text);
                }
                FileTarget::Own(_) => {
                    names.extend([format!("v{place}"), format!("o{place}")]);
                    values.extend([format!("?{}", parameter + 1), format!("?{}", parameter + 2)]);
                    if self.kind(place) == Some(Kind::Timestamp) {
                        names.push(format!("u{place}"));
                        values.push(format!("?{}", parameter + 3));
                    }
                }
            }
        }
        self.faults = values.len();
        names.push("faults".to_owned());
        values.push(format!("?{}", self.faults + 1));
        self.layout.columns = columns.to_vec();
        let handle = self
            .handle
            .take()
            .ok_or_else(|| Error::internal(DOING)("the file began twice"))?;
        for column in columns {
            if let FileTarget::Reference { table, column, .. } = column.target {
                let index = format!("CREATE INDEX IF NOT EXISTS text_l_{table} ON l_{table} ({column})");
                Statement::prepare(handle, &index)
                    .and_then(|mut index| index.run())
                    .map_err(failed)?;
            }
        }
        let create = format!("CREATE TABLE f ({})", names.join(", "));
        Statement::prepare(handle, &create)
            .and_then(|mut create| create.run())
            .map_err(failed)?;
        let insert = format!("INSERT INTO f VALUES ({})", values.join(", "));
        self.insert = Some(Statement::prepare(handle, &insert).map_err(failed)?);
        Ok(())
    }

    fn row(&mut self, row: u64, cells: &[FileCell<'_>]) -> Result<()> {
        self.report()?;
        let Some(insert) = &mut self.insert else {
            return Err(Error::internal(DOING)("a row came before the headings"));
        };
        insert
            .bind(0, &BoundValue::Integer(row.cast_signed()))
            .map_err(failed)?;
        insert.bind(self.faults, &BoundValue::Null).map_err(failed)?;
        for ((cell, column), &first) in cells.iter().zip(&self.layout.columns).zip(&self.parameters) {
            let place = place_of(column);
            let mut bind = |offset: usize, value: &BoundValue<'_>| insert.bind(first + offset, value).map_err(failed);
            match cell {
                FileCell::Empty if place == 0 => bind(0, &BoundValue::Null)?,
                FileCell::Empty => bind(0, &BoundValue::Blob(&[]))?,
                FileCell::Value(value) => {
                    let value = staged(value).map_err(|problem| Error::internal(DOING)(problem))?;
                    bind(0, &value)?;
                }
                FileCell::Text { value, other } => {
                    bind(0, &BoundValue::Text(value.as_bytes()))?;
                    bind(1, &BoundValue::Text(other.as_bytes()))?;
                    self.layout.ambiguous.insert(place);
                    continue;
                }
                FileCell::Timestamp {
                    value,
                    other,
                    precision,
                } => {
                    bind(0, &BoundValue::Integer(value.timestamp_micros()))?;
                    match other {
                        None => bind(1, &BoundValue::Null)?,
                        Some(other) => {
                            bind(1, &BoundValue::Integer(other.timestamp_micros()))?;
                            self.layout.ambiguous.insert(place);
                        }
                    }
                    bind(2, &BoundValue::Integer(*precision))?;
                    continue;
                }
            }
            if matches!(column.target, FileTarget::Own(_)) {
                bind(1, &BoundValue::Null)?;
            }
        }
        insert.run().map_err(failed)
    }

    fn wrong(&mut self, row: u64, faults: &[CellFault]) -> Result<()> {
        self.report()?;
        let Some(insert) = &mut self.insert else {
            return Err(Error::internal(DOING)("a row came before the headings"));
        };
        let faults: Vec<_> = faults
            .iter()
            .map(|fault| json!([fault.heading, fault.value, fault.reason]))
            .collect();
        let faults = json!(faults).to_string();
        for parameter in 1..self.faults {
            insert.bind(parameter, &BoundValue::Null).map_err(failed)?;
        }
        insert
            .bind(0, &BoundValue::Integer(row.cast_signed()))
            .map_err(failed)?;
        insert
            .bind(self.faults, &BoundValue::Text(faults.as_bytes()))
            .map_err(failed)?;
        insert.run().map_err(failed)
    }
}
