//! The store of archives: a folder, or storage with the interface of S3, Google Cloud Storage or Azure Blob Storage.
//!
//! The store is authoritative. The history of backups is a listing of it, so it survives the loss of the database. A
//! folder or a bucket that is copied elsewhere has its history there too.
//!
//! ```text
//! <archives>/2026-11-25T03-53-08Z-5f1c2a9b/archive.json.zst    the archive: .zst if compressed, .age if encrypted
//!                                         /manifest.json       its manifest; written last
//!                                         /unfinished          a check is still running; removed when the manifest exists
//!                                         /archive-407133.json.zst.age  the archive instead, after it was encrypted again
//!           /deleted/2026-11-25T03-53-08Z-5f1c2a9b             tombstone: when the archive was deleted
//! ```
//!
//! - **An archive is published atomically.** [`Store::create`] gives a [`StoreWriter`]. It writes under a temporary
//!   name (folder) or in parts that no listing shows (remote). [`StoreWriter::finish`] makes the archive durable and
//!   gives it its name. [`Store::put_manifest`] lists it, after the writer has read it back.
//! - **An archive is encrypted again atomically.** The new file has another name ([`ObjectFile`]). The manifest names the file that
//!   counts, so that changing it is the one step. [`Store::remove_superseded`] removes the former file afterwards.
//! - **An archive is deleted atomically.** In a folder its manifest is renamed to its tombstone, `deleted/<id>`, which
//!   needs no space. In remote storage the tombstone is written first. [`Store::sweep`] removes the rest if a crash
//!   interrupts. If the store refuses it (a retention rule), the archive stays as it is. A tombstone distinguishes "deleted" from "never existed", for [`TOMBSTONE_DAYS`] and for the newest
//!   [`TOMBSTONES`].
//! - **Concurrent writers lose no update.** [`Store::update`] writes a manifest on the condition that it is still the
//!   version that was read. A folder has no such condition; it has a lock, for other processes too.
//! - **Memory is bounded.** At most two parts of [`PART`] are being uploaded, and at most two chunks of [`CHUNK_SIZE`]
//!   are being downloaded.
//! - **Foreign files are never touched.** Only the names above and those of unfinished files are ever removed. An
//!   archive without a manifest, such as one that is being copied in, is [listed](Listing::unreadable) as incomplete
//!   and stays; verifying it creates the manifest again. Symbolic links are never followed
//!   ([`Directory`](crate::directory::Directory)).
//! - **One bad entry affects only itself.** An unreadable entry is listed with the reason ([`entry`]).
//!
//! Credentials and endpoints come from the variables of each provider's own tools (`AWS_ACCESS_KEY_ID`,
//! `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`; `GOOGLE_SERVICE_ACCOUNT`; `AZURE_STORAGE_ACCOUNT_NAME`,
//! `AZURE_STORAGE_ACCOUNT_KEY`; and so on, as [`object_store`] lists them). For a [destination](crate::destination) they are
//! given as [`StoreAccess`]. Tests use a folder, memory and a server of the S3 protocol; for Google and Azure only the settings
//! are tested.
//!
//! A process that is killed during an upload leaves parts that this interface can't list and that cost money. Give the
//! bucket a lifecycle rule that aborts incomplete multipart uploads after a few days.
//!
//! In reading order: [`location`] has the settings, [`id`] and [`names`] the names. [`writer`] and [`blocking_writer`]
//! write an archive, [`reader`] reads it, [`manifests`] keeps and lists manifests, [`removal`] deletes, and [`sweep`]
//! cleans up. [`probe`] checks the store, and [`time_limit`] limits the time of requests. [`backend`] has the
//! operations that all of these use, on [`object`]s; [`remote`] and [`folder`] implement them. [`entry`] and [`fault`]
//! classify errors.

mod backend;
mod blocking_writer;
mod entry;
mod fault;
mod folder;
mod id;
mod location;
mod manifests;
mod names;
mod object;
mod probe;
mod reader;
mod remote;
mod removal;
mod sweep;
mod time_limit;
mod writer;

use std::fmt;
use std::io::{BufReader, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campus_backup_archive::ObjectFile;
use chrono::{DateTime, Utc};
use tokio::runtime::Handle;

pub use self::blocking_writer::BlockingWriter;
pub use self::entry::EntryFault;
pub use self::fault::StoreFault;
pub(crate) use self::fault::is_refusal;
pub use self::id::is_id;
pub use self::location::{StoreAccess, StoreCredentials, StorePlace, StoreSettings};
pub use self::manifests::{ArchiveSizes, Listing};
pub use self::object::UnreadableEntry;
pub use self::probe::{MissingStoreFeature, StoreCheck};
pub use self::reader::{CHUNK_SIZE, StoreReader};
pub use self::sweep::{SweepReport, TOMBSTONE_DAYS, TOMBSTONES};
pub use self::writer::{PART, StoreWriter};

use self::backend::Backend;
use self::folder::FolderAccess;
use self::manifests::ManifestCache;
use self::names::{OLD_TOMBSTONE, UNFINISHED};
use self::object::ObjectVersion;
use self::time_limit::TimeLimit;
use crate::blocking::wait;
use crate::error::{Error, Result};
use crate::open::ArchiveSource;
use crate::priority::{self, Priority};

/// The buffer for reading a whole archive, in bytes.
const BUFFER: usize = 128 * 1024;

/// A store of archives. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<StoreInner>, Option<Arc<TimeLimit>>);

struct StoreInner {
    backend: Backend,
    /// The runtime that requests run on. It outlives all users of the store.
    runtime: Handle,
    leftover_age: Duration,
    /// Serialises changes of manifests in this process. Other processes are excluded by the backend.
    update_lock: tokio::sync::Mutex<()>,
    manifest_cache: ManifestCache,
    /// The id of the file of a [check](Store::check) that the store refused to delete.
    kept_probe: Mutex<Option<String>>,
}

impl Store {
    /// Opens the store. A missing folder is created, with access for its owner only. Nothing is requested of remote
    /// storage yet.
    ///
    /// Must be called within a Tokio runtime, which must outlive the store.
    ///
    /// # Errors
    /// [`Error::Invalid`] of `archives` if the folder can't be created, or if settings of the environment are not
    /// valid.
    pub fn open(settings: &StoreSettings) -> Result<Self> {
        Self::connect(settings, FolderAccess::Create)
    }

    /// Opens the store for reading: in a folder nothing is created, not even by [`Store::update`]. Otherwise as
    /// [`Store::open`].
    ///
    /// # Errors
    /// [`Error::Invalid`] of `archives` if there is no such folder, or if settings of the environment are not valid.
    pub fn open_existing(settings: &StoreSettings) -> Result<Self> {
        Self::connect(settings, FolderAccess::Existing)
    }

    fn connect(settings: &StoreSettings, access: FolderAccess) -> Result<Self> {
        let runtime = Handle::current();
        let backend = location::connect(settings, access, &runtime)?;
        Ok(Self::over(backend, runtime, settings.leftover_age))
    }

    fn over(backend: Backend, runtime: Handle, leftover_age: Duration) -> Self {
        let shared = StoreInner {
            backend,
            runtime,
            leftover_age,
            update_lock: tokio::sync::Mutex::default(),
            manifest_cache: ManifestCache::default(),
            kept_probe: Mutex::default(),
        };
        Self(Arc::new(shared), None)
    }

    /// A unique id for a new archive. Ids sort by `at`, to the second.
    pub fn new_id(&self, at: DateTime<Utc>) -> String {
        id::new(at)
    }

    /// An archive by its file (that of its manifest: [`Manifest::file`](campus_backup_archive::Manifest::file)), as a source that
    /// can be read repeatedly. It need not have a manifest yet.
    pub fn source(&self, id: &str, file: impl Into<ObjectFile>) -> Arc<dyn ArchiveSource> {
        Arc::new(StoredSource {
            store: self.clone(),
            id: id.to_owned(),
            file: file.into(),
        })
    }

    /// The free space in bytes; none if unknown, as for remote storage.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if the folder can't be read.
    pub async fn room(&self) -> Result<Option<u64>> {
        let Some(folder) = self.0.backend.folder().cloned() else {
            return Ok(None);
        };
        blocking(move || folder.room().map(Some).map_err(fault::io("asking for room")))
            .await
            .flatten()
    }

    /// Waits for an operation of the store on a thread that may block.
    fn wait<F: Future>(&self, doing: F) -> F::Output {
        wait(&self.0.runtime, doing)
    }

    /// The file of an archive without a readable manifest.
    ///
    /// # Errors
    /// [`Error::ArchiveNotFound`] or [`Error::ArchiveGone`] if there is no such archive.
    pub async fn file_of(&self, id: &str) -> Result<ObjectFile> {
        match self.stored(id::checked(id)?).await? {
            Some((file, _)) => Ok(file),
            None => Err(self.absent(id).await),
        }
    }

    /// The archive file, if it exists and the service is not still writing it.
    async fn stored(&self, id: &str) -> Result<Option<(ObjectFile, ObjectVersion)>> {
        let backend = &self.0.backend;
        if backend.object_version(id, UNFINISHED).await?.is_some() {
            return Ok(None);
        }
        for file in names::first_files() {
            if let Some(object_version) = backend.object_version(id, &file.name()).await? {
                return Ok(Some((file, object_version)));
            }
        }
        // Only an archive that was encrypted again has another file. Any of its files has the same content.
        for file in self.files_encrypted_again(id).await? {
            if let Some(object_version) = backend.object_version(id, &file.name()).await? {
                return Ok(Some((file, object_version)));
            }
        }
        Ok(None)
    }

    /// The files of an archive that was encrypted again.
    async fn files_encrypted_again(&self, id: &str) -> Result<Vec<ObjectFile>> {
        let names = self.0.backend.names(id).await?;
        let files = names.iter().filter_map(|name| ObjectFile::from_name(name));
        Ok(files.filter(|file| file.number > 0).collect())
    }

    /// Why an object of that archive is missing.
    async fn absent(&self, id: &str) -> Error {
        self.look_for(id).await.unwrap_or_else(|error| error)
    }

    async fn look_for(&self, id: &str) -> Result<Error> {
        let (tombstone, stored) = tokio::try_join!(self.0.backend.tombstone(id), self.stored(id))?;
        let id = id.to_owned();
        let is_later = |stored: &ObjectVersion| {
            tombstone
                .as_ref()
                .is_none_or(|tombstone| tombstone.changed < stored.changed)
        };
        Ok(match stored {
            Some((_, stored)) if is_later(&stored) => Error::ArchiveIncomplete { id },
            _ if tombstone.is_some() => Error::ArchiveGone { id },
            _ if self.0.backend.object_version(&id, OLD_TOMBSTONE).await?.is_some() => Error::ArchiveGone { id },
            _ => {
                self.0.backend.demand().await?;
                Error::ArchiveNotFound { id }
            }
        })
    }
}

/// An archive of the store that can be read repeatedly.
struct StoredSource {
    store: Store,
    id: String,
    file: ObjectFile,
}

impl ArchiveSource for StoredSource {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let reader = self.store.wait(self.store.read(&self.id, self.file, None))?;
        Ok(Box::new(BufReader::with_capacity(BUFFER, reader.into_reader())))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.backend)
    }
}

/// Runs blocking work on a thread for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    priority::run(Priority::Usual, "working in the folder of archives", work).await
}

#[cfg(test)]
mod tests;
