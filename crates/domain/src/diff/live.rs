//! The cursor of the live data. The snapshot pushes rows, and the merge pulls them: [`produce`] sends them into a short queue
//! from which [`LiveCursor`] receives them. Both run on one thread and take turns.

use campus_backup_archive::{Cell, Writer};
use tokio::sync::mpsc;

use super::DOING;
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::export::header;
use crate::job::ProgressBatch;
use crate::snapshot::{Selection, Sink, Snapshot};

/// How many bytes of rows are collected before the merge takes its turn.
const BATCH: usize = 64 * 1024;

/// How many batches may wait.
const QUEUE: usize = 1;

/// Rows of one table, in the canonical form of archives.
#[derive(Debug, Default)]
struct Batch {
    json: Vec<u8>,
    /// The id of each row, with its range in `json`.
    rows: Vec<(i64, usize, usize)>,
}

#[derive(Debug)]
enum LiveChunk {
    Rows(Batch),
    EndOfTable,
}

/// Receives the rows.
pub(super) struct LiveCursor<'p> {
    queue: mpsc::Receiver<LiveChunk>,
    batch: Batch,
    /// How many rows of the batch were read; the last of them is the current row.
    taken: usize,
    progress_batch: ProgressBatch<'p>,
}

/// Sends the rows.
pub(super) struct Producer {
    snapshot: Snapshot,
    tables: Vec<Table>,
    queue: mpsc::Sender<LiveChunk>,
}

/// Opens both ends of the queue. The tables are read in their order.
pub(super) fn open(
    snapshot: Snapshot,
    tables: Vec<Table>,
    progress_batch: ProgressBatch<'_>,
) -> (LiveCursor<'_>, Producer) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let side = LiveCursor {
        queue: receiver,
        batch: Batch::default(),
        taken: 0,
        progress_batch,
    };
    let producer = Producer {
        snapshot,
        tables,
        queue: sender,
    };
    (side, producer)
}

impl LiveCursor<'_> {
    /// The current row.
    pub(super) fn head(&self) -> Option<(i64, &[u8])> {
        let (id, start, end) = self.batch.rows.get(self.taken.checked_sub(1)?)?;
        Some((*id, self.batch.json.get(*start..*end)?))
    }

    /// Moves to the next row. At the end of a table there is none, and the next call moves to the next table.
    pub(super) async fn advance(&mut self) -> Result<()> {
        if self.taken >= self.batch.rows.len() {
            self.taken = 0;
            self.batch = match self.queue.recv().await {
                Some(LiveChunk::Rows(batch)) => batch,
                Some(LiveChunk::EndOfTable) => Batch::default(),
                None => return Err(Error::internal(DOING)("the live data ended before its last table")),
            };
        }
        if self.batch.rows.is_empty() {
            return self.progress_batch.flush();
        }
        self.taken += 1;
        self.progress_batch.add_row()
    }
}

/// Reads the rows and sends them.
pub(super) async fn produce(producer: Producer) -> Result<()> {
    let Producer {
        mut snapshot,
        tables,
        queue,
    } = producer;
    let header = header(snapshot.taken_at(), "", snapshot.engine().name(), &tables);
    let mut sink = LiveSink {
        writer: Writer::begin(&header, &mut Vec::new()),
        batch: Batch::default(),
        rows: 0,
        queue,
    };
    for table in tables {
        sink.rows = 0;
        sink.writer.begin_table(&mut Vec::new());
        snapshot.read(table, Selection::Columns, &mut sink).await?;
        sink.writer.end_table(&mut Vec::new());
        if sink.rows != snapshot.rows_of(table) {
            return Err(Error::internal(DOING)(format!(
                "{table} has not as many rows as were counted"
            )));
        }
        if !sink.batch.rows.is_empty() {
            sink.send_batch().await?;
        }
        sink.send(LiveChunk::EndOfTable).await?;
    }
    snapshot.end().await
}

struct LiveSink {
    writer: Writer,
    batch: Batch,
    rows: u64,
    queue: mpsc::Sender<LiveChunk>,
}

impl LiveSink {
    async fn send_batch(&mut self) -> Result<()> {
        let rows = Vec::with_capacity(self.batch.rows.len());
        let json = Vec::with_capacity(self.batch.json.capacity());
        let batch = std::mem::replace(&mut self.batch, Batch { json, rows });
        self.send(LiveChunk::Rows(batch)).await
    }

    async fn send(&self, piece: LiveChunk) -> Result<()> {
        self.queue.send(piece).await.map_err(|_| Error::Gone)
    }
}

impl Sink for LiveSink {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        let Some(Cell::Integer(id)) = cells.first() else {
            return Err(Error::internal(DOING)("a row has no id"));
        };
        let json = &mut self.batch.json;
        let written = json.len();
        self.writer.row(cells, json);
        // Separators between rows are not part of them.
        let between = json[written..].iter().take_while(|byte| **byte != b'{').count();
        let end = json.len();
        self.batch.rows.push((*id, written + between, end));
        self.rows += 1;
        Ok(())
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        match self.batch.json.len() < BATCH {
            true => Ok(()),
            false => self.send_batch().await,
        }
    }
}
