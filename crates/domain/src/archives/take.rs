//! Taking an archive: one snapshot, written into the store while it is read, and read back before it counts.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use campus_backup_archive::manifest::{Object, Origin};
use campus_backup_archive::{Cell, Layers, Manifest, Measurement, Summary, Writer};
use serde_json::json;

use super::{Archives, Words};
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::export::header;
use crate::job::{Idempotency, Kind, Needs, Phase, Progress, Steps, Submission, Submitted};
use crate::open;
use crate::priority::{self, Priority};
use crate::snapshot::{Selection, Sink, Snapshot};
use crate::stats;
use crate::store::{self, Incoming};

/// How many bytes of the document are handed on at once, and how many such pieces may wait to be stored.
const PIECE: usize = 256 * 1024;
const QUEUE: usize = 4;

/// What is being done, for errors.
const STORING: &str = "storing an archive";
const READING_BACK: &str = "reading back what was stored";

/// How many bytes a row takes in the store while nothing is known of this school's; the demo school's take a tenth of it
/// when they are compressed.
const BYTES_OF_A_ROW: u64 = 100;

/// What there must be to spare beside an archive.
pub(super) const TO_SPARE: u64 = 4 << 20;

impl Archives {
    /// Begins to take an archive of the live data: a job whose result is `{"archive_id"}` and the archive's numbers.
    ///
    /// 1. There must be room for it, as far as anybody can say.
    /// 2. One snapshot of all tables is written into the store while it is read, and counted.
    /// 3. What is stored is read back to its end; size, digests, counts and sums must be those that were written.
    /// 4. It is listed, and the job has succeeded. Whatever fails before that leaves nothing.
    ///
    /// # Errors
    /// Then there is no job: [`Error::Invalid`], [`Error::NoRoom`], and those of [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn take(&self, admin: &Admin, words: Words, idempotency: Option<Idempotency>) -> Result<Submitted> {
        words.check()?;
        self.demand_room().await?;
        let submission = Submission {
            kind: Kind::Archive,
            parameters: json!(words),
            idempotency,
            needs: Needs::Nothing,
        };
        let (archives, by) = (self.clone(), admin.clone());
        let work = async move |context: crate::job::Context| {
            let progress = context.progress();
            let manifest = archives
                .write(&by, &words, Origin::Taken, Phase::Taking, progress)
                .await?;
            archives.enlist(&manifest, progress.commit()).await?;
            Ok(said_of(&manifest))
        };
        self.0.jobs.submit(admin, submission, work).await
    }

    /// Demands room for an archive of the live data, if anybody can say how much there is.
    ///
    /// # Errors
    /// [`Error::NoRoom`]
    pub(super) async fn demand_room(&self) -> Result<()> {
        let Some(free) = self.0.store.room().await? else {
            return Ok(());
        };
        let (rows, listing) = tokio::try_join!(stats::stats(&self.0.database), self.0.store.list())?;
        let last = listing.archives.iter().find(|manifest| manifest.total > 0);
        let needed = room_for(
            rows.total(),
            last.map(|manifest| (manifest.object.size, manifest.total)),
        );
        demand_bytes(free, needed)
    }

    /// Lists an archive that was stored and looked at, if it may be. Otherwise, and if it can't be listed, nothing is left of
    /// it.
    pub(super) async fn enlist(&self, manifest: &Manifest, may: Result<()>) -> Result<()> {
        let listed = match may {
            Ok(()) => self.0.store.put_manifest(manifest).await,
            Err(error) => Err(error),
        };
        if listed.is_err() {
            self.discard(manifest).await;
        }
        listed
    }

    /// Writes an archive of the live data into the store and reads it back. It is in no list yet.
    ///
    /// It works on the thread that polls it, which must be one that may block, and on another.
    pub(super) async fn write(
        &self,
        by: &Admin,
        words: &Words,
        kind: Origin,
        phase: Phase,
        progress: &Progress,
    ) -> Result<Manifest> {
        let priority = match kind {
            // Others wait for what a safety archive is taken for, which has locked the tables.
            Origin::Safety => Priority::Usual,
            Origin::Taken | Origin::Uploaded => Priority::Low,
        };
        let snapshot = Snapshot::take_for_work(&self.0.database, &Table::ALL).await?;
        progress.enter(phase, Some(snapshot.total()))?;
        let id = self.0.store.new_id(snapshot.taken_at());
        let incoming = self.0.store.create(&id, self.0.layers.form()).await?;
        let (summary, measurement) = self.store(snapshot, incoming, priority, progress).await?;
        let read_back = self
            .read_back(&id, &summary, measurement, kind, priority, progress)
            .await;
        match read_back {
            Ok(mut manifest) => {
                words.put(&mut manifest);
                manifest.taken_by = Some(by.username().to_owned());
                Ok(manifest)
            }
            Err(error) => {
                self.discard_form(&id, self.0.layers.form()).await;
                Err(error)
            }
        }
    }

    /// Reads the snapshot and stores it at the same time.
    async fn store(
        &self,
        snapshot: Snapshot,
        incoming: Incoming,
        priority: Priority,
        progress: &Progress,
    ) -> Result<(Summary, Measurement)> {
        let (queue, pieces) = sync_channel(QUEUE);
        let (layers, told) = (self.0.layers.clone(), progress.clone());
        let sealing = priority::run(priority, STORING, move || seal(&layers, incoming, &pieces, told));
        let read = self.read(snapshot, queue, progress).await;
        let sealed = sealing.await?;
        let (summary, (incoming, measurement)) = match (read, sealed) {
            (Ok(summary), Ok(sealed)) => (summary, sealed),
            // That nobody takes what was read, or that no more comes, is only what it looks like from the other side.
            (Err(Error::Gone), Err(error)) | (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
        };
        incoming.finish().await?;
        Ok((summary, measurement))
    }

    async fn read(&self, mut snapshot: Snapshot, queue: SyncSender<Piece>, progress: &Progress) -> Result<Summary> {
        let mut buffer = Vec::with_capacity(PIECE + PIECE / 8);
        let engine = snapshot.engine().name();
        let header = header(snapshot.taken_at(), self.0.settings.app_version, engine, &Table::ALL);
        let mut sink = Document {
            writer: Writer::begin(&header, &mut buffer),
            buffer,
            queue,
            steps: Steps::of(progress),
            rows: 0,
        };
        for table in Table::ALL {
            sink.rows = 0;
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
        sink.steps.tell()?;
        let summary = sink.writer.finish(&mut sink.buffer);
        for piece in [Piece::Bytes(sink.buffer), Piece::End] {
            sink.queue.send(piece).map_err(|_| Error::Gone)?;
        }
        Ok(summary)
    }

    /// Reads what was stored to its end: it must be what was written.
    async fn read_back(
        &self,
        id: &str,
        summary: &Summary,
        measurement: Measurement,
        kind: Origin,
        priority: Priority,
        progress: &Progress,
    ) -> Result<Manifest> {
        progress.enter(Phase::Checking, Some(summary.total))?;
        let form = self.0.layers.form();
        let (source, keys) = (self.0.store.source(id, form), self.0.settings.keys.clone());
        let told = progress.clone();
        let check = move || open::check(source.open()?, &keys, &told);
        let checked = priority::run(priority, READING_BACK, check).await??;
        if checked.summary != *summary || checked.object != Object::new(measurement, form) {
            return Err(Error::internal(READING_BACK)("it is not what was written"));
        }
        let id = id.to_owned();
        Ok(Manifest::new(
            id,
            kind,
            &checked.header,
            &checked.summary,
            checked.object,
        ))
    }

    /// Removes an archive that is in no list. What fails is swept later.
    pub(super) async fn discard(&self, manifest: &Manifest) {
        self.discard_form(&manifest.id, manifest.object.form()).await;
    }

    pub(super) async fn discard_form(&self, id: &str, form: campus_backup_archive::Form) {
        if let Err(error) = self.0.store.discard(id, form).await {
            tracing::warn!(id, %error, "an archive that is in no list could not be removed; it will be swept");
        }
    }
}

/// What a job says of the archive that came of it.
pub(super) fn said_of(manifest: &Manifest) -> serde_json::Value {
    json!({
        "archive_id": manifest.id,
        "rows": manifest.rows,
        "total": manifest.total,
        "size": manifest.object.size,
    })
}

/// Demands so many bytes of those that are free.
///
/// # Errors
/// [`Error::NoRoom`]
pub(super) fn demand_bytes(free: u64, needed: u64) -> Result<()> {
    match free < needed {
        true => Err(Error::NoRoom {
            doing: "looking for room for an archive",
            source: format!("about {needed} bytes are needed and {free} are free").into(),
        }),
        false => Ok(()),
    }
}

/// How many bytes should be free before an archive of so many rows is begun, by the size and the rows of one before.
fn room_for(rows: u64, last: Option<(u64, u64)>) -> u64 {
    let needed = match last {
        // A few more rows than it had should not take it for too small.
        Some((size, total)) => (u128::from(rows) * u128::from(size)).div_ceil(u128::from(total.max(1))),
        None => u128::from(rows) * u128::from(BYTES_OF_A_ROW),
    };
    u64::try_from(needed.saturating_mul(2))
        .unwrap_or(u64::MAX)
        .saturating_add(TO_SPARE)
}

/// A piece of the document on its way to the store.
enum Piece {
    Bytes(Vec<u8>),
    /// It was everything. Without it nothing is stored.
    End,
}

/// Writes rows into the document.
struct Document<'p> {
    writer: Writer,
    buffer: Vec<u8>,
    queue: SyncSender<Piece>,
    steps: Steps<'p>,
    rows: u64,
}

impl Sink for Document<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.rows += 1;
        self.writer.row(cells, &mut self.buffer);
        self.steps.step()
    }

    /// Blocks while the store is slow.
    async fn hand_on(&mut self) -> Result<()> {
        if self.buffer.len() < PIECE {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE + PIECE / 8));
        self.queue.send(Piece::Bytes(full)).map_err(|_| Error::Gone)
    }
}

/// Puts what comes through the layers into the store.
fn seal(
    layers: &Layers,
    incoming: Incoming,
    pieces: &Receiver<Piece>,
    progress: Progress,
) -> Result<(Incoming, Measurement)> {
    let failed = || Error::io(STORING);
    let writer = incoming.into_writer();
    let mut sealer = layers.seal(Told { writer, progress }).map_err(failed())?;
    loop {
        match pieces.recv() {
            Ok(Piece::Bytes(bytes)) => sealer.write_all(&bytes).map_err(failed())?,
            Ok(Piece::End) => break,
            Err(_) => return Err(Error::Gone),
        }
    }
    let (told, measurement) = sealer.finish().map_err(failed())?;
    Ok((told.writer.into_incoming()?, measurement))
}

/// Tells how many bytes were stored.
struct Told {
    writer: store::Writer,
    progress: Progress,
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.progress.add_bytes(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_asked_for_by_what_the_last_one_took() {
        assert_eq!(room_for(0, None), TO_SPARE);
        assert_eq!(room_for(10, None), 2_000 + TO_SPARE);
        assert_eq!(room_for(10, Some((50, 5))), 200 + TO_SPARE);
        assert_eq!(room_for(10, Some((50, 0))), 1_000 + TO_SPARE);
        assert_eq!(room_for(u64::MAX, Some((u64::MAX, 1))), u64::MAX);
    }
}
