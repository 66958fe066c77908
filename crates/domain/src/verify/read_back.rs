//! The counts, digests and totals of a database's rows as an archive of them would have them.

use campus_backup_archive::{Cell, Summary, Writer};

use crate::catalog::Table;
use crate::database::Database;
use crate::error::Result;
use crate::export::header;
use crate::job::{Progress, Steps};
use crate::snapshot::{Selection, Sink, Snapshot};

/// Writes rows as an archive, of which nothing is kept.
struct Digesting<'p> {
    writer: Writer,
    written: Vec<u8>,
    steps: Steps<'p>,
}

impl Sink for Digesting<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.written.clear();
        self.writer.row(cells, &mut self.written);
        self.steps.step()
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Reads all seven tables.
pub(super) async fn read_back(database: &Database, progress: &Progress) -> Result<Summary> {
    let mut snapshot = Snapshot::take_for_work(database, &Table::ALL).await?;
    let mut written = Vec::new();
    let header = header(snapshot.taken_at(), "", snapshot.engine().name(), &Table::ALL);
    let mut sink = Digesting {
        writer: Writer::begin(&header, &mut written),
        written,
        steps: Steps::of(progress),
    };
    for table in Table::ALL {
        sink.writer.begin_table(&mut sink.written);
        snapshot.read(table, Selection::Columns, &mut sink).await?;
        sink.writer.end_table(&mut sink.written);
    }
    snapshot.end().await?;
    sink.steps.tell()?;
    Ok(sink.writer.finish(&mut sink.written))
}
