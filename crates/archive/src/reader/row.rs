//! One row, and its checks.

use std::fmt;

use super::scan::{Scan, ValueProblem};
use super::summary_check::Sums;
use crate::error::{Error, Position};
use crate::schema::TableSchema;
use crate::value::{Cell, write_json_text};

/// One row, borrowed from the reader until the next row is read.
pub struct Row<'a> {
    json: &'a [u8],
    number: u64,
    id: i64,
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

    /// The id, which is larger than that of every earlier row.
    pub fn id(&self) -> i64 {
        self.id
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
    schema: TableSchema,
    /// The bytes before each value: `{"id":`, `,"full_name":` and so on.
    prefixes: Vec<Vec<u8>>,
    cells: Vec<Cell<'static>>,
    scratch: Vec<u8>,
    sums: Sums,
    rows: u64,
    last_id: Option<i64>,
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
    Order,
    Duplicate,
}

impl ReaderTable {
    pub(super) fn new(schema: TableSchema) -> Self {
        let prefix = |(position, name): (usize, &str)| {
            let mut prefix = vec![if position == 0 { b'{' } else { b',' }];
            write_json_text(name, &mut prefix);
            prefix.push(b':');
            prefix
        };
        let names = schema.columns.iter().map(|column| column.name.as_str());
        Self {
            prefixes: names.enumerate().map(prefix).collect(),
            cells: Vec::with_capacity(schema.columns.len()),
            scratch: Vec::new(),
            sums: Sums::new(schema.columns.iter().map(|column| column.kind)),
            rows: 0,
            last_id: None,
            schema,
        }
    }

    pub(super) fn schema(&self) -> &TableSchema {
        &self.schema
    }

    pub(super) fn sums(&self) -> &Sums {
        &self.sums
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Reads the row in these bytes.
    pub(super) fn row<'a>(&'a mut self, json: &'a [u8], line: u64) -> Result<Row<'a>, Error> {
        self.rows += 1;
        if memchr::memchr(b'\\', json).is_some() && self.scratch.len() < json.len() {
            // Enough for most rows.
            self.scratch.resize(json.len().max(4 << 10), 0);
        }
        let Self {
            schema,
            prefixes,
            cells: home,
            scratch,
            sums,
            rows,
            last_id,
        } = self;
        let mut cells = recycled(std::mem::take(home));
        let parsed = parse(json, schema, prefixes, scratch, *last_id, &mut cells);
        match parsed {
            Ok(id) => {
                *last_id = Some(id);
                sums.add(&cells);
                Ok(Row {
                    json,
                    number: *rows,
                    id,
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
    schema: &TableSchema,
    prefixes: &[Vec<u8>],
    scratch: &'a mut [u8],
    last_id: Option<i64>,
    cells: &mut Vec<Cell<'a>>,
) -> Result<i64, RowFault> {
    let Ok(text) = std::str::from_utf8(json) else {
        return Err(RowFault {
            column: None,
            id: None,
            problem: FaultKind::Value(ValueProblem::Syntax("bytes that are not UTF-8")),
        });
    };
    let mut scan = Scan::new(text, scratch);
    for (position, (column, prefix)) in schema.columns.iter().zip(prefixes).enumerate() {
        let result = if scan.take(prefix) {
            scan.value(column.kind, column.nullable).map_err(FaultKind::Value)
        } else {
            Err(FaultKind::Keys)
        };
        match result {
            Ok(Cell::Native(_)) if position == 0 => {
                return Err(RowFault {
                    column: Some(position),
                    id: None,
                    problem: FaultKind::Value(ValueProblem::Invalid("an id that is not a number")),
                });
            }
            Ok(cell) => cells.push(cell),
            Err(problem) => {
                return Err(RowFault {
                    column: Some(position),
                    id: id_of(cells),
                    problem,
                });
            }
        }
    }
    let id = id_of(cells);
    let fault = |problem| RowFault {
        column: None,
        id,
        problem,
    };
    if !scan.take(b"}") || !scan.is_at_end() {
        return Err(fault(FaultKind::Keys));
    }
    // The header was refused unless the first column is the id.
    let Some(id) = id else {
        return Err(fault(FaultKind::Keys));
    };
    match last_id {
        Some(last) if last == id => Err(fault(FaultKind::Duplicate)),
        Some(last) if last > id => Err(fault(FaultKind::Order)),
        _ => Ok(id),
    }
}

fn id_of(cells: &[Cell<'_>]) -> Option<i64> {
    match cells.first() {
        Some(Cell::Integer(id)) => Some(*id),
        _ => None,
    }
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
            FaultKind::Value(ValueProblem::Invalid(problem)) => Error::InvalidValue { at, problem },
            FaultKind::Value(ValueProblem::Form(problem)) => Error::NotCanonical { at, problem },
            FaultKind::Value(ValueProblem::Syntax(problem)) => Error::Corrupt { at, problem },
            FaultKind::Order => Error::IdsOutOfOrder { at },
            FaultKind::Duplicate => Error::DuplicateId { at },
            FaultKind::Keys => super::keys::diagnose(json, schema, at),
        }
    }
}
