//! The pipeline of a backup: a snapshot is read, stored and opened again at the same time.
//!
//! ```text
//! snapshot -> document -> sealing -> object -> store
//!          (the caller's)                  \-> opening
//! ```
//!
//! Sealing and opening have a thread each, with a short queue of chunks before each. Opening checks what a restore would check
//! first: every layer, row, count, digest, sum and reference. In the end the stored object is read back, and its digest
//! proves that it is the object that was opened.
//!
//! If the service has no key that opens its archives, opening uses a key that was made for this archive alone
//! ([`ArchiveSeal`]).

use std::io::{self, Cursor, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use campus_backup_archive::manifest::{ArchiveKind, Object};
use campus_backup_archive::{Cell, Keys, Layers, Manifest, Measurement, ObjectFile, Summary, Writer};

use super::{Annotations, Operations};
use crate::catalog::Table;
use crate::error::{Error, Result, UnstorableRows};
use crate::export::{demand_archivable, header};
use crate::job::{Phase, Progress, ProgressBatch};
use crate::open::{self, Checked};
use crate::priority::{self, Priority};
use crate::snapshot::{Selection, Sink, Snapshot};
use crate::store::{self, StoreWriter};

/// How many bytes a chunk of the document has.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

/// How many chunks may wait between two threads.
const QUEUE: usize = 4;

/// What is being done, for errors.
const STORING: &str = "storing an archive";
const OPENING: &str = "opening what is stored";
const READING_BACK: &str = "reading back what was stored";

impl Operations {
    /// Writes an archive of the live data into the store and reads it back. It does not list the archive.
    ///
    /// It blocks the thread that polls it, and uses two more threads.
    pub(super) async fn write(
        &self,
        by: &str,
        annotations: &Annotations,
        kind: ArchiveKind,
        phase: Phase,
        progress: &Progress,
    ) -> Result<Manifest> {
        let priority = match kind {
            // Other clients wait for the change of a safety backup, which has locked the tables.
            ArchiveKind::Safety => Priority::Usual,
            ArchiveKind::Created | ArchiveKind::Uploaded => Priority::Low,
        };
        let snapshot = Snapshot::take_for_work(&self.0.database, &Table::ALL).await?;
        progress.enter(phase, Some(snapshot.total()))?;
        let (id, file) = (
            self.0.store.new_id(snapshot.taken_at()),
            ObjectFile::from(self.0.layers.form()),
        );
        let incoming = self.0.store.create(&id, file).await?;
        let (measurement, checked) = self.store(snapshot, incoming, priority, progress).await?;
        let rows = checked.summary.total;
        if let Err(error) = self.read_back(&id, file, measurement, rows, priority, progress).await {
            self.discard_file(&id, file).await;
            return Err(error);
        }
        let mut manifest = Manifest::new(id, kind, &checked.header, &checked.summary, checked.object);
        manifest.recipients = self.fingerprints();
        annotations.apply_to(&mut manifest);
        manifest.created_by = Some(by.to_owned());
        Ok(manifest)
    }

    /// Reads the snapshot, stores it and opens the stored bytes, at the same time.
    async fn store(
        &self,
        snapshot: Snapshot,
        incoming: StoreWriter,
        priority: Priority,
        progress: &Progress,
    ) -> Result<(Measurement, Checked)> {
        let read = async |document| self.read(snapshot, document, progress).await;
        let (summary, written) = self.seal(read, incoming, priority, progress).await?;
        written.finish(&summary).await
    }

    /// Writes the document that `produce` sends into the store and opens the stored bytes, at the same time.
    ///
    /// # Errors
    /// The error that caused the others. What was written is then removed.
    pub(super) async fn seal<T>(
        &self,
        produce: impl AsyncFnOnce(SyncSender<PipelineChunk>) -> Result<T>,
        incoming: StoreWriter,
        priority: Priority,
        progress: &Progress,
    ) -> Result<(T, WrittenArchive)> {
        let (document, chunks) = sync_channel(QUEUE);
        let (object, copies) = sync_channel(QUEUE);
        let (ArchiveSeal { layers, keys }, told) = (self.archive_seal(), progress.clone());
        let form = layers.form();
        let sealing = priority::run(priority, STORING, move || {
            seal(&layers, incoming, &chunks, object, told)
        });
        // The producer of the document reports the progress.
        let opening = move || open::check(ChunkReader::new(copies), &keys, &Progress::default());
        let opening = priority::run(priority, OPENING, opening);
        let produced = produce(document).await;
        let (sealed, opened) = (sealing.await.flatten(), opening.await.flatten());
        let (produced, (incoming, measurement), checked) = match (produced, sealed, opened) {
            (Ok(produced), Ok(sealed), Ok(checked)) => (produced, sealed, checked),
            (produced, sealed, opened) => return Err(cause([produced.err(), sealed.err(), opened.err()])),
        };
        if checked.object != Object::new(measurement.clone(), form) {
            return Err(Error::internal(OPENING)("it is not what was written"));
        }
        let written = WrittenArchive {
            incoming,
            measurement,
            checked,
        };
        Ok((produced, written))
    }

    /// The layers of one new archive, and the keys that open it while it is written.
    fn archive_seal(&self) -> ArchiveSeal {
        let (layers, keys) = (&self.0.layers, &self.0.settings.keys);
        if layers.recipients.is_empty() || layers.recipients.are_opened_by(keys) {
            return ArchiveSeal {
                layers: layers.clone(),
                keys: keys.clone(),
            };
        }
        let keys = Keys::generate();
        let mut layers = layers.clone();
        layers.recipients = layers.recipients.with(&keys.recipients());
        ArchiveSeal { layers, keys }
    }

    /// Reads the snapshot into a document.
    async fn read(
        &self,
        mut snapshot: Snapshot,
        queue: SyncSender<PipelineChunk>,
        progress: &Progress,
    ) -> Result<Summary> {
        let mut buffer = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
        let engine = snapshot.engine().name();
        let header = header(snapshot.taken_at(), self.0.settings.app_version, engine, &Table::ALL);
        let mut sink = Document {
            writer: Writer::begin(&header, &mut buffer),
            buffer,
            queue,
            progress_batch: ProgressBatch::new(progress),
            table: Table::Users,
            rows: 0,
            unstorable: UnstorableRows::default(),
        };
        for table in Table::ALL {
            (sink.table, sink.rows) = (table, 0);
            sink.writer.begin_table(&mut sink.buffer);
            snapshot.read(table, Selection::Columns, &mut sink).await?;
            sink.writer.end_table(&mut sink.buffer);
            let counted = snapshot.rows_of(table);
            if sink.rows != counted {
                let said = format!("{table} has {counted} rows and {} were read", sink.rows);
                return Err(Error::internal("comparing the rows read with those counted")(said));
            }
        }
        snapshot.end().await?;
        sink.unstorable.refuse()?;
        sink.progress_batch.flush()?;
        let summary = sink.writer.finish(&mut sink.buffer);
        for chunk in [PipelineChunk::Bytes(sink.buffer), PipelineChunk::End] {
            send(&sink.queue, chunk)?;
        }
        Ok(summary)
    }

    /// Reads the stored object to its end: it must be what was written, which has `rows` rows.
    pub(super) async fn read_back(
        &self,
        id: &str,
        file: ObjectFile,
        written: Measurement,
        rows: u64,
        priority: Priority,
        progress: &Progress,
    ) -> Result<()> {
        progress.enter(Phase::Checking, Some(rows))?;
        let (source, told) = (self.0.store.source(id, file), progress.clone());
        let size = written.bytes;
        let measure = move || open::measure(source.open()?, size, rows, &told);
        match priority::run(priority, READING_BACK, measure).await.flatten()? == written {
            true => Ok(()),
            false => Err(Error::internal(READING_BACK)("it is not what was written")),
        }
    }
}

/// The layers of one archive, and the keys that open it while it is written.
///
/// With public keys alone, the service has no secret key for its archives. What it reads back would then be compared without
/// being opened. So each archive gets one more recipient: a key that is made in memory for this archive alone. It is never
/// written anywhere, and its memory is overwritten with zeros when the check ends. From then on only the holders of the secret
/// keys open the archive.
struct ArchiveSeal {
    layers: Layers,
    keys: Keys,
}

/// An archive that was written and opened, and does not have its name yet.
pub(super) struct WrittenArchive {
    incoming: StoreWriter,
    measurement: Measurement,
    checked: Checked,
}

impl WrittenArchive {
    /// Gives the archive its name, if it has the expected content.
    ///
    /// # Errors
    /// [`Error::Internal`] if it has another content, and errors of the store.
    pub(super) async fn finish(self, expected: &Summary) -> Result<(Measurement, Checked)> {
        if self.checked.summary != *expected {
            return Err(Error::internal(OPENING)("it is not what was written"));
        }
        self.incoming.finish().await?;
        Ok((self.measurement, self.checked))
    }
}

/// The error that caused the others. [`Error::Gone`] only means that another thread has ended first.
fn cause(errors: [Option<Error>; 3]) -> Error {
    let real = |error: &Error| !matches!(error, Error::Gone);
    errors.into_iter().flatten().find(real).unwrap_or(Error::Gone)
}

/// A chunk of the document or of the object, for another thread.
pub(super) enum PipelineChunk {
    Bytes(Vec<u8>),
    /// The end of the bytes. Without it nothing is stored.
    End,
}

/// Sends a chunk.
///
/// # Errors
/// [`Error::Gone`]
pub(super) fn send(queue: &SyncSender<PipelineChunk>, chunk: PipelineChunk) -> Result<()> {
    queue.send(chunk).map_err(|_| Error::Gone)
}

/// Writes rows into the document.
struct Document<'p> {
    writer: Writer,
    buffer: Vec<u8>,
    queue: SyncSender<PipelineChunk>,
    progress_batch: ProgressBatch<'p>,
    table: Table,
    rows: u64,
    /// The rows that an archive can't hold. Reading continues to the end, so that one error names all of them.
    unstorable: UnstorableRows,
}

impl Sink for Document<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.rows += 1;
        let before = self.buffer.len();
        self.writer.row(cells, &mut self.buffer);
        if let Err(error) = demand_archivable(self.table, cells, self.buffer.len() - before) {
            self.buffer.truncate(before);
            self.unstorable.add(&error);
        }
        self.progress_batch.add_row()
    }

    fn unreadable(&mut self, error: Error) -> Result<()> {
        self.rows += 1;
        self.unstorable.add(&error);
        self.progress_batch.add_row()
    }

    /// Blocks while the store is slow.
    async fn flush_if_full(&mut self) -> Result<()> {
        if self.buffer.len() < CHUNK_BYTES {
            return Ok(());
        }
        if !self.unstorable.is_empty() {
            // An incomplete archive is not stored; the rest is only read for its errors.
            self.buffer.clear();
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8));
        send(&self.queue, PipelineChunk::Bytes(full))
    }
}

/// Compresses and encrypts the chunks, writes them into the store, and sends a copy to be opened.
fn seal(
    layers: &Layers,
    incoming: StoreWriter,
    chunks: &Receiver<PipelineChunk>,
    object: SyncSender<PipelineChunk>,
    progress: Progress,
) -> Result<(StoreWriter, Measurement)> {
    let failed = || Error::io(STORING);
    let writer = incoming.into_writer();
    let mut sealer = layers
        .seal(TeeWriter {
            writer,
            object,
            progress,
        })
        .map_err(failed())?;
    loop {
        match chunks.recv() {
            Ok(PipelineChunk::Bytes(bytes)) => sealer.write_all(&bytes).map_err(failed())?,
            Ok(PipelineChunk::End) => break,
            Err(_) => return Err(Error::Gone),
        }
    }
    let (copied, measurement) = sealer.finish().map_err(failed())?;
    send(&copied.object, PipelineChunk::End)?;
    Ok((copied.writer.into_incoming()?, measurement))
}

/// Writes into the store, reports the number of bytes, and sends a copy of them to be opened.
struct TeeWriter {
    writer: store::BlockingWriter,
    object: SyncSender<PipelineChunk>,
    progress: Progress,
}

impl Write for TeeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.progress.add_bytes(written as u64);
        send(&self.object, PipelineChunk::Bytes(bytes[..written].to_vec())).map_err(io::Error::other)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Reads an object from the chunks that the sealing thread sends.
struct ChunkReader {
    chunks: Receiver<PipelineChunk>,
    chunk: Cursor<Vec<u8>>,
    has_ended: bool,
}

impl ChunkReader {
    fn new(chunks: Receiver<PipelineChunk>) -> Self {
        Self {
            chunks,
            chunk: Cursor::default(),
            has_ended: false,
        }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || self.has_ended || buffer.is_empty() {
                return Ok(read);
            }
            match self.chunks.recv() {
                Ok(PipelineChunk::Bytes(bytes)) => self.chunk = Cursor::new(bytes),
                Ok(PipelineChunk::End) => self.has_ended = true,
                Err(_) => return Err(io::Error::other(Error::Gone)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_end_is_an_error() {
        let (queue, chunks) = sync_channel(QUEUE);
        send(&queue, PipelineChunk::Bytes(b"ab".to_vec())).unwrap();
        drop(queue);
        let mut read = Vec::new();
        let broken = ChunkReader::new(chunks).read_to_end(&mut read).unwrap_err();
        assert!(matches!(Error::io("a test")(broken), Error::Gone));
        assert_eq!(read, b"ab");

        let (queue, chunks) = sync_channel(QUEUE);
        for chunk in [
            PipelineChunk::Bytes(b"ab".to_vec()),
            PipelineChunk::Bytes(Vec::new()),
            PipelineChunk::Bytes(b"c".to_vec()),
            PipelineChunk::End,
        ] {
            send(&queue, chunk).unwrap();
        }
        let mut read = String::new();
        ChunkReader::new(chunks).read_to_string(&mut read).unwrap();
        assert_eq!(read, "abc");
    }

    #[test]
    fn causing_error_is_returned() {
        let told = cause([Some(Error::Gone), Some(Error::Forbidden), Some(Error::Gone)]);
        assert!(matches!(told, Error::Forbidden));
        assert!(matches!(cause([None, Some(Error::Gone), None]), Error::Gone));
    }
}
