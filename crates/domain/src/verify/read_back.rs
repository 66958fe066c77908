//! The summary of a database's rows: counts, digests and totals, as in an archive of them.

use campus_backup_archive::{Cell, Summary, Writer};

use crate::catalog::Table;
use crate::database::Database;
use crate::error::Result;
use crate::export::header;
use crate::job::{Progress, ProgressBatch};
use crate::snapshot::{Selection, Sink, Snapshot};

/// Writes rows as an archive and keeps only the summary.
struct DigestSink<'p> {
    writer: Writer,
    written: Vec<u8>,
    progress_batch: ProgressBatch<'p>,
}

impl Sink for DigestSink<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.written.clear();
        self.writer.row(cells, &mut self.written);
        self.progress_batch.add_row()
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Reads all seven tables and returns their summary.
pub(super) async fn read_back(database: &Database, progress: &Progress) -> Result<Summary> {
    let mut snapshot = Snapshot::take_for_work(database, &Table::ALL).await?;
    let mut written = Vec::new();
    let header = header(snapshot.taken_at(), "", snapshot.engine().name(), &Table::ALL);
    let mut sink = DigestSink {
        writer: Writer::begin(&header, &mut written),
        written,
        progress_batch: ProgressBatch::new(progress),
    };
    for table in Table::ALL {
        sink.writer.begin_table(&mut sink.written);
        snapshot.read(table, Selection::Columns, &mut sink).await?;
        sink.writer.end_table(&mut sink.written);
    }
    snapshot.end().await?;
    sink.progress_batch.flush()?;
    Ok(sink.writer.finish(&mut sink.written))
}
