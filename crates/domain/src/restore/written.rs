//! Reads back what a change has written, before it is committed: a row that did not become what it should be fails the
//! restore. So neither a trigger, nor a type that holds less, nor a mode of the session can change a value unseen.

use campus_backup_archive::{Cell, Keys, Summary, Writer};

use super::stage::{Stage, Staged};
use crate::catalog::{Table, cells};
use crate::change::{Change, Rows};
use crate::error::{Error, Result};
use crate::export::header;
use crate::job::Progress;
use crate::open::{self, Archived, Source};
use crate::snapshot::Sink;
use crate::stats;

/// Demands that a table has what the stage says: the live rows that stay, and those of the archive that were written.
///
/// # Errors
/// [`Error::Unrestorable`] with the first row that differs.
pub(super) async fn demand_staged(
    change: &mut Change,
    stage: &mut Stage,
    table: Table,
    progress: &Progress,
) -> Result<()> {
    let sql = format!(
        "SELECT l.* FROM l_{table} l WHERE NOT EXISTS (SELECT 1 FROM x_{table} x WHERE x.id = l.id) \
         UNION ALL SELECT a.* FROM x_{table} x JOIN a_{table} a ON a.id = x.id WHERE x.action IN ('i', 'u') ORDER BY 1"
    );
    let mut handle = stage.lock().await?;
    let mut expected = Staged::prepare(&mut handle, table, &sql)?;
    demand_rows(change, table, &mut expected, progress).await
}

/// Demands that tables have exactly what an archive has. The digests are compared; only if one differs, the archive is read
/// once more, to find the row.
///
/// # Errors
/// [`Error::Unrestorable`] with the first row that differs.
pub(super) async fn demand_archived(
    change: &mut Change,
    tables: &[Table],
    archive: &Summary,
    source: &dyn Source,
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
            // Its rows were counted before.
            let uncounted = Progress::default();
            let mut expected = Archived::new(&mut reader, table, &uncounted);
            demand_rows(change, table, &mut expected, progress).await?;
            break;
        }
    }
    Err(unrestorable(table, "what was read back has another digest".to_owned()))
}

/// What a summary says of tables as they are in the change.
async fn summary(change: &mut Change, tables: &[Table], progress: &Progress) -> Result<Summary> {
    let mut json = Vec::new();
    let mut sink = Summing {
        writer: Writer::begin(&header(stats::now(), "", "", tables), &mut json),
        json,
        progress,
    };
    for table in tables {
        sink.writer.begin_table(&mut sink.json);
        change.read(*table, &mut sink).await?;
        sink.writer.end_table(&mut sink.json);
    }
    Ok(sink.writer.finish(&mut sink.json))
}

struct Summing<'a> {
    writer: Writer,
    json: Vec<u8>,
    progress: &'a Progress,
}

impl Sink for Summing<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.json.clear();
        self.writer.row(cells, &mut self.json);
        Ok(())
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        self.progress.advance(0)
    }
}

async fn demand_rows(change: &mut Change, table: Table, expected: &mut impl Rows, progress: &Progress) -> Result<()> {
    let mut comparison = Comparison {
        table,
        expected,
        progress,
    };
    change.read(table, &mut comparison).await?;
    let mut missing = cells();
    match comparison.expected.next(&mut missing)? {
        true => Err(unrestorable(table, format!("row {} was not written", id(&missing)))),
        false => Ok(()),
    }
}

/// Compares rows that are read with others, both in the order of their ids.
struct Comparison<'a, R> {
    table: Table,
    expected: &'a mut R,
    progress: &'a Progress,
}

impl<R: Rows> Sink for Comparison<'_, R> {
    fn row(&mut self, found: &[Cell<'_>]) -> Result<()> {
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
