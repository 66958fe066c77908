//! Reads back the rows that a change has written, before the commit. A row with an unexpected value fails the restore, so
//! no trigger, column type or session mode can change a value unnoticed.

use campus_backup_archive::{Cell, Keys, Summary, Writer};

use super::outcome::RowAction;
use super::staging::{StagedRows, Staging};
use crate::catalog::{Table, cells};
use crate::change::{Change, RowStream};
use crate::error::{Error, Result};
use crate::export::header;
use crate::job::Progress;
use crate::open::{self, ArchiveSource, Archived};
use crate::snapshot::Sink;
use crate::stats;

/// Ensures that a table has the expected rows: the live rows that stay, and the archive's rows that were written.
///
/// # Errors
/// [`Error::Unrestorable`] with the first row that differs.
pub(super) async fn ensure_staged(
    change: &mut Change,
    staging: &mut Staging,
    table: Table,
    summary: Option<&mut RowSummary>,
    progress: &Progress,
) -> Result<()> {
    let sql = format!(
        "SELECT l.* FROM l_{table} l WHERE NOT EXISTS (SELECT 1 FROM x_{table} x WHERE x.id = l.id) \
         UNION ALL SELECT a.* FROM x_{table} x JOIN a_{table} a ON a.id = x.id WHERE x.action IN ({}) ORDER BY 1",
        RowAction::write()
    );
    let mut handle = staging.lock().await?;
    let mut expected = StagedRows::prepare(&mut handle, table, &sql)?;
    ensure_rows(change, table, &mut expected, summary, progress).await
}

/// Ensures that tables have exactly the rows of an archive. Digests are compared; the archive is read once more only if one
/// differs, to find the row.
///
/// # Errors
/// [`Error::Unrestorable`] with the first row that differs.
pub(super) async fn ensure_archived(
    change: &mut Change,
    tables: &[Table],
    archive: &Summary,
    source: &dyn ArchiveSource,
    keys: &Keys,
    progress: &Progress,
) -> Result<()> {
    let written = summary(change, tables, progress).await?;
    let differs = |table: &&Table| written.sha256.get(table.name()) != archive.sha256.get(table.name());
    let Some(table) = tables.iter().find(differs).copied() else {
        return Ok(());
    };
    let (mut reader, archived) = open::reader(source.open()?, keys)?;
    for next in archived {
        reader.next_table()?;
        if next == table {
            // Its rows were reported before.
            let uncounted = Progress::default();
            let mut expected = Archived::new(&mut reader, table, &uncounted);
            ensure_rows(change, table, &mut expected, None, progress).await?;
            break;
        }
    }
    Err(unrestorable(table, "what was read back has another digest".to_owned()))
}

/// The summary of tables as they are in the change.
pub(crate) async fn summary(change: &mut Change, tables: &[Table], progress: &Progress) -> Result<Summary> {
    let mut summary = RowSummary::of(tables);
    for table in tables {
        summary.begin_table();
        let mut sink = SummarySink {
            summary: &mut summary,
            progress,
        };
        change.read(*table, &mut sink).await?;
        summary.end_table();
    }
    Ok(summary.finish())
}

/// A summary of tables, made row by row.
pub(super) struct RowSummary {
    writer: Writer,
    json: Vec<u8>,
}

impl RowSummary {
    pub(super) fn of(tables: &[Table]) -> Self {
        let mut json = Vec::new();
        let writer = Writer::begin(&header(stats::now(), "", "", tables), &mut json);
        Self { writer, json }
    }

    pub(super) fn begin_table(&mut self) {
        self.writer.begin_table(&mut self.json);
    }

    fn row(&mut self, cells: &[Cell<'_>]) {
        self.json.clear();
        self.writer.row(cells, &mut self.json);
    }

    pub(super) fn end_table(&mut self) {
        self.writer.end_table(&mut self.json);
    }

    pub(super) fn finish(mut self) -> Summary {
        self.writer.finish(&mut self.json)
    }
}

struct SummarySink<'a> {
    summary: &'a mut RowSummary,
    progress: &'a Progress,
}

impl Sink for SummarySink<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.summary.row(cells);
        Ok(())
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        self.progress.advance(0)
    }
}

async fn ensure_rows(
    change: &mut Change,
    table: Table,
    expected: &mut impl RowStream,
    summary: Option<&mut RowSummary>,
    progress: &Progress,
) -> Result<()> {
    let mut comparison = ComparingSink {
        table,
        expected,
        summary,
        progress,
    };
    change.read(table, &mut comparison).await?;
    let mut missing = cells();
    match comparison.expected.next(&mut missing)? {
        true => Err(unrestorable(table, format!("row {} was not written", id(&missing)))),
        false => Ok(()),
    }
}

/// Compares the rows that are read with the expected ones, both in the order of their ids.
struct ComparingSink<'a, R> {
    table: Table,
    expected: &'a mut R,
    /// Also gets the rows, if it is wanted.
    summary: Option<&'a mut RowSummary>,
    progress: &'a Progress,
}

impl<R: RowStream> Sink for ComparingSink<'_, R> {
    fn row(&mut self, found: &[Cell<'_>]) -> Result<()> {
        if let Some(summary) = &mut self.summary {
            summary.row(found);
        }
        let mut expected = cells();
        let problem = match self.expected.next(&mut expected)? {
            false => format!("row {} should not be there", id(found)),
            true if id(found) < id(&expected) => format!("row {} should not be there", id(found)),
            true if id(found) > id(&expected) => format!("row {} was not written", id(&expected)),
            true => {
                let columns = self.table.columns().iter();
                let mut values = columns.zip(found.iter().zip(&expected));
                let Some((column, _)) = values.find(|(_, (found, expected))| found != expected) else {
                    return Ok(());
                };
                format!("row {} was read back with another value in {}", id(found), column.name)
            }
        };
        Err(unrestorable(self.table, problem))
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        self.progress.advance(0)
    }
}

fn id(cells: &[Cell<'_>]) -> i64 {
    match cells.first() {
        Some(Cell::Integer(id)) => *id,
        _ => 0,
    }
}

fn unrestorable(table: Table, problem: String) -> Error {
    Error::Unrestorable { table, problem }
}
