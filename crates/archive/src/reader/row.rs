//! One row, and its checks.

use std::fmt;

use super::row_order::{NO_ID, OrderProblem, RowOrder, id_of};
use super::scan::{Scan, ValueProblem};
use crate::error::{Error, Position};
use crate::schema::TableSchema;
use crate::totals::TableTotals;
use crate::value::Cell;
use crate::version::Version;
use crate::writer::RowLayout;

/// One row, borrowed from the reader until the next row is read.
pub struct Row<'a> {
    json: &'a [u8],
    number: u64,
    id: Option<i64>,
    key: Option<&'a [usize]>,
    cells: Vec<Cell<'a>>,
    /// Receives the memory of the cells when the row is dropped.
    home: &'a mut Vec<Cell<'static>>,
}

impl<'a> Row<'a> {
    /// The cells, in the order of the table's columns.
    pub fn cells(&self) -> &[Cell<'a>] {
        &self.cells
    }

    /// The row's canonical JSON without the line feed: the bytes for the digest of its table.
    pub fn json(&self) -> &'a [u8] {
        self.json
    }

    /// The id, which is larger than that of every earlier row: the value of a key of one column, if it is an integer, as
    /// in each table of version 1. Other rows of version 2 have no id, which is 0 here; see [`Row::key`].
    pub fn id(&self) -> i64 {
        self.id.unwrap_or_default()
    }

    /// The values of the key, in the order of its columns; `None` in a table without a key.
    pub fn key(&self) -> Option<impl Iterator<Item = &Cell<'a>>> {
        let positions = self.key?;
        Some(positions.iter().filter_map(|position| self.cells.get(*position)))
    }

    /// The number of the row in its table, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// Leaves out the values, because they are personal data.
impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("number", &self.number)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        *self.home = recycled(std::mem::take(&mut self.cells));
    }
}

/// Empties the cells and keeps their memory, for cells with another lifetime. Collecting a vector into one of the same
/// layout happens in place; the test `memory` checks that.
fn recycled<'b>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'b>> {
    cells.clear();
    cells.into_iter().map(|_| Cell::Null).collect()
}

/// The table that is being read.
pub(super) struct ReaderTable {
    version: Version,
    schema: TableSchema,
    layout: RowLayout,
    cells: Vec<Cell<'static>>,
    scratch: Vec<u8>,
    totals: TableTotals,
    rows: u64,
    order: RowOrder,
}

/// The fault, and the column of the fault if it is known.
struct RowFault {
    column: Option<usize>,
    id: Option<i64>,
    problem: FaultKind,
}

enum FaultKind {
    Value(ValueProblem),
    Keys,
    Order(OrderProblem),
}

impl ReaderTable {
    pub(super) fn new(version: Version, schema: TableSchema) -> Self {
        Self {
            version,
            layout: RowLayout::new(&schema),
            cells: Vec::with_capacity(schema.columns.len()),
            scratch: Vec::new(),
            totals: TableTotals::new(version, &schema),
            rows: 0,
            order: RowOrder::new(version, &schema),
            schema,
        }
    }

    pub(super) fn schema(&self) -> &TableSchema {
        &self.schema
    }

    pub(super) fn totals(&self) -> &TableTotals {
        &self.totals
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Reads the row in these bytes.
    pub(super) fn row<'a>(&'a mut self, json: &'a [u8], line: u64) -> Result<Row<'a>, Error> {
        self.rows += 1;
        // In version 2 each row may have bytes, which are decoded there.
        let needs_scratch = self.version >= Version::Two || memchr::memchr(b'\\', json).is_some();
        if needs_scratch && self.scratch.len() < json.len() {
            // Enough for most rows.
            self.scratch.resize(json.len().max(4 << 10), 0);
        }
        let Self {
            version,
            schema,
            layout,
            cells: home,
            scratch,
            totals,
            rows,
            order,
        } = self;
        let mut cells = recycled(std::mem::take(home));
        let scratch = scratch.as_mut_slice();
        let parsed = parse(json, *version, schema, layout, scratch, &mut cells).and_then(|()| {
            order.check(schema, &cells).map_err(|problem| RowFault {
                column: None,
                id: id_of(schema, &cells),
                problem: FaultKind::Order(problem),
            })
        });
        match parsed {
            Ok(id) => {
                totals.add(&cells);
                Ok(Row {
                    json,
                    number: *rows,
                    id,
                    key: schema.key.as_deref(),
                    cells,
                    home,
                })
            }
            Err(fault) => Err(fault.into_error(json, schema, line, *rows)),
        }
    }
}

fn parse<'a>(
    json: &'a [u8],
    version: Version,
    schema: &TableSchema,
    layout: &RowLayout,
    scratch: &'a mut [u8],
    cells: &mut Vec<Cell<'a>>,
) -> Result<(), RowFault> {
    let Ok(text) = std::str::from_utf8(json) else {
        return Err(RowFault {
            column: None,
            id: None,
            problem: FaultKind::Value(ValueProblem::Syntax("bytes that are not UTF-8")),
        });
    };
    let mut scan = Scan::new(text, scratch, version);
    for (position, (column, prefix)) in schema.columns.iter().zip(&layout.prefixes).enumerate() {
        let result = if scan.take(prefix) {
            scan.value(column.kind, column.nullable).map_err(FaultKind::Value)
        } else {
            Err(FaultKind::Keys)
        };
        match result {
            Ok(Cell::Native(_)) if position == 0 && version == Version::One => {
                return Err(RowFault {
                    column: Some(position),
                    id: None,
                    problem: FaultKind::Value(NO_ID),
                });
            }
            Ok(cell) => cells.push(cell),
            Err(problem) => {
                return Err(RowFault {
                    column: Some(position),
                    id: id_of(schema, cells),
                    problem,
                });
            }
        }
    }
    if !scan.take(layout.end) || !scan.is_at_end() {
        return Err(RowFault {
            column: None,
            id: id_of(schema, cells),
            problem: FaultKind::Keys,
        });
    }
    Ok(())
}

impl RowFault {
    #[cold]
    fn into_error(self, json: &[u8], schema: &TableSchema, line: u64, row: u64) -> Error {
        let column = self.column.and_then(|column| schema.columns.get(column));
        let at = Position {
            line,
            table: Some(schema.name.clone()),
            row: Some(row),
            id: self.id,
            column: column.map(|column| column.name.clone()),
        };
        match self.problem {
            FaultKind::Value(problem) | FaultKind::Order(OrderProblem::Key(problem)) => problem.into_error(at),
            FaultKind::Order(OrderProblem::Order) => Error::IdsOutOfOrder { at },
            FaultKind::Order(OrderProblem::Duplicate) => Error::DuplicateId { at },
            FaultKind::Keys => super::keys::diagnose(json, schema, at),
        }
    }
}
