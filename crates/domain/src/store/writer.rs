//! Writing an archive to the store.

use std::mem;

use bytes::Bytes;
use campus_backup_archive::ObjectFile;
use object_store::PutMode;
use object_store::buffered::BufWriter;
use tokio::io::AsyncWriteExt;

use super::backend::Backend;
use super::folder::Unfinished;
use super::names::UNFINISHED;
use super::{Store, blocking, fault, id};
use crate::blocking::wait;
use crate::directory::OnConflict;
use crate::error::{Error, Result};

/// The size of the parts of an upload to remote storage, in bytes; the minimum of S3. There are at most 10,000 parts,
/// so an archive has at most 48 GiB.
pub const PART: usize = 5 << 20;

/// How many parts an upload has at most.
const MAX_PARTS: u64 = 10_000;

/// How many parts are uploaded at once.
const PARTS: usize = 2;

/// The most bytes that are passed on at once. Less than a part, so that each call begins at most one upload.
const SLICE: usize = 1 << 20;

const WRITING: &str = "writing an archive";
const FINISHING: &str = "finishing an archive";

/// An archive that is being written. It is invisible before [`StoreWriter::finish`]. Dropped before that, it is
/// removed.
#[must_use = "what is not finished is dropped"]
pub struct StoreWriter {
    store: Store,
    id: String,
    /// Its final name.
    name: String,
    sink: ObjectSink,
    /// A write was cancelled, so bytes may be missing.
    is_torn: bool,
}

enum ObjectSink {
    File(Unfinished),
    /// An archive of less than one part is sent as a whole at the end.
    Remote(Box<BufWriter>),
    /// Finished, or writing has failed.
    Closed,
}

impl Store {
    /// How many bytes an archive may have; none for no limit.
    pub fn largest_archive(&self) -> Option<u64> {
        match &self.0.backend {
            Backend::Folder(_) => None,
            Backend::Remote(_) => Some(MAX_PARTS * PART as u64),
        }
    }

    /// Begins to write an archive with that [new id](Store::new_id) and this file, or another file of an archive that is listed.
    ///
    /// # Errors
    /// [`Error::ArchiveNotFound`] if the id is not valid; [`Error::InsufficientStorage`], [`Error::StoreUnavailable`].
    pub async fn create(&self, id: &str, file: impl Into<ObjectFile>) -> Result<StoreWriter> {
        let name = file.into().name();
        let sink = match &self.0.backend {
            Backend::Folder(folder) => {
                let (folder, id, name) = (folder.clone(), id::checked(id)?.to_owned(), name.clone());
                let created = blocking(move || Unfinished::create(&folder, &id, &name)).await?;
                ObjectSink::File(created.map_err(fault::io(WRITING))?)
            }
            Backend::Remote(remote) => {
                let path = remote.path(id::checked(id)?, &name);
                let writer = BufWriter::with_capacity(remote.objects.clone(), path, PART).with_max_concurrency(PARTS);
                ObjectSink::Remote(Box::new(writer))
            }
        };
        Ok(StoreWriter {
            store: self.clone(),
            id: id.to_owned(),
            name,
            sink,
            is_torn: false,
        })
    }
}

impl StoreWriter {
    /// Writes the next bytes. Waits while [`PARTS`] parts are being uploaded: a slow store slows its writer.
    ///
    /// After an error or a cancelled call, nothing can be written any more.
    ///
    /// # Errors
    /// [`Error::InsufficientStorage`], [`Error::StoreUnavailable`].
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        match self.take()? {
            ObjectSink::File(mut file) => {
                let written = blocking(move || file.write_all(&bytes).map(|()| file)).await?;
                self.sink = ObjectSink::File(written.map_err(fault::io(WRITING))?);
            }
            ObjectSink::Remote(writer) => {
                // Put back at once, so that its parts can be aborted if this call is cancelled.
                self.sink = ObjectSink::Remote(writer);
                self.is_torn = true;
                while !bytes.is_empty() {
                    let slice = bytes.split_to(bytes.len().min(SLICE));
                    let ObjectSink::Remote(writer) = &mut self.sink else {
                        break;
                    };
                    let put = async { writer.put(slice).await.map_err(fault::store(WRITING)) };
                    if let Err(error) = self.store.within(WRITING, put).await {
                        self.give_up();
                        return Err(error);
                    }
                }
                self.is_torn = false;
            }
            ObjectSink::Closed => {}
        }
        Ok(())
    }

    /// As [`StoreWriter::write`], on a thread that may block.
    pub(super) fn write_blocking(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        match &mut self.sink {
            ObjectSink::File(file) => {
                let written = file.write_all(bytes).map_err(fault::io(WRITING));
                bytes.clear();
                if written.is_err() {
                    self.give_up();
                }
                written
            }
            _ => {
                let capacity = bytes.capacity();
                let full = mem::replace(bytes, Vec::with_capacity(capacity));
                let runtime = self.store.0.runtime.clone();
                wait(&runtime, self.write(full.into()))
            }
        }
    }

    /// Forces the written bytes to the disk. Remote storage needs nothing: its parts are being uploaded.
    pub(super) fn sync_all(&self) -> Result<()> {
        match &self.sink {
            ObjectSink::File(file) => file.sync_all().map_err(fault::io(WRITING)),
            ObjectSink::Remote(_) | ObjectSink::Closed => Ok(()),
        }
    }

    /// Makes the archive durable and gives it its name, beside a file `unfinished` that marks it as the service's.
    /// [`Store::put_manifest`] lists it; if there will be no manifest, [`Store::discard`] removes it.
    ///
    /// # Errors
    /// [`Error::InsufficientStorage`], [`Error::StoreUnavailable`]. Then it does not have its name. Only if the
    /// response of remote storage was lost, it may have it, and is [swept](Store::sweep) later.
    pub async fn finish(mut self) -> Result<()> {
        // Put back until the marker exists, so that parts can be aborted if it can't be written.
        self.sink = self.take()?;
        let (store, id) = (self.store.clone(), self.id.clone());
        let backend = &store.0.backend;
        let marked = backend.put(&id, UNFINISHED, Bytes::new(), PutMode::Overwrite);
        store.within(FINISHING, marked).await?;
        let sink = self.take()?;
        let finished = store.within(FINISHING, publish(&store, &id, sink)).await;
        if finished.is_err() {
            let cleaned = store.within(FINISHING, async {
                if backend.object_version(&id, &self.name).await?.is_none() {
                    backend.remove(&id, UNFINISHED).await?;
                    store.tidy(&id).await?;
                }
                Ok(())
            });
            // A sweep removes what remains.
            let _ = cleaned.await;
        }
        finished
    }

    /// Removes what was written and waits for that. Dropping does the same in the background.
    pub async fn abort(mut self) {
        match self.take() {
            Ok(ObjectSink::Remote(mut writer)) => abort(&mut writer).await,
            // Removing a large file takes time.
            Ok(ObjectSink::File(file)) => drop(blocking(move || drop(file)).await),
            Ok(ObjectSink::Closed) | Err(_) => {}
        }
    }

    /// Takes the sink out. It is closed until it is put back.
    fn take(&mut self) -> Result<ObjectSink> {
        if self.is_torn {
            self.give_up();
        }
        match mem::replace(&mut self.sink, ObjectSink::Closed) {
            ObjectSink::Closed => Err(Error::internal(WRITING)("it had failed before, or was not waited for")),
            sink => Ok(sink),
        }
    }

    fn give_up(&mut self) {
        if let ObjectSink::Remote(mut writer) = mem::replace(&mut self.sink, ObjectSink::Closed) {
            self.store.0.runtime.spawn(async move { abort(&mut writer).await });
        }
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        self.give_up();
    }
}

async fn publish(store: &Store, id: &str, sink: ObjectSink) -> Result<()> {
    match sink {
        ObjectSink::File(file) => {
            let (store, id) = (store.clone(), id.to_owned());
            let published = blocking(move || -> std::io::Result<()> {
                if let (Some(file), Some(folder)) = (file.publish(OnConflict::Keep)?, store.0.backend.folder()) {
                    folder.hold(&id, file);
                }
                Ok(())
            });
            published.await?.map_err(fault::io(FINISHING))
        }
        ObjectSink::Remote(mut writer) => {
            // A separate task, which continues if this call is cancelled: only then are the parts removed if they
            // can't be joined.
            let finished = store.0.runtime.spawn(async move { writer.shutdown().await });
            let finished = finished.await.map_err(Error::internal(FINISHING))?;
            finished.map_err(|error| match error.downcast::<object_store::Error>() {
                Ok(error) => fault::store(FINISHING)(error),
                Err(error) => fault::io(FINISHING)(error),
            })
        }
        ObjectSink::Closed => Ok(()),
    }
}

async fn abort(writer: &mut BufWriter) {
    if let Err(error) = writer.abort().await {
        tracing::warn!(%error, "the parts of an unfinished archive could not be removed; a lifecycle rule should");
    }
}
