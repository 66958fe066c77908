//! Where archives lie: a folder, or storage that speaks S3, Google Cloud Storage or Azure Blob Storage.
//!
//! The store is the truth. A history is a listing of it, so it survives the loss of the database, and a folder or a
//! bucket that is carried elsewhere is a history there.
//!
//! ```text
//! <archives>/2026-11-25T03-53-08Z-5f1c2a9b/archive.json.zst    the archive: .zst if compressed, .age if encrypted
//!                                         /manifest.json       what is known of it; written last
//!                                         /unfinished          it is still being checked; gone when the manifest is there
//!           /deleted/2026-11-25T03-53-08Z-5f1c2a9b             it was deleted, and when; the files above are gone
//! ```
//!
//! - **An archive appears at once or not at all.** [`Store::create`] gives an [`StoreWriter`], which is written under a
//!   temporary name (a folder) or in parts that nobody sees (the others). [`StoreWriter::finish`] makes it durable and gives
//!   it its name. It is still in no list: [`Store::put_manifest`] does that, when whoever wrote it has read it back.
//! - **An archive vanishes at once.** In a folder its manifest is renamed to its tombstone, `deleted/<id>`, which needs no
//!   room; elsewhere the tombstone is written first. The rest is tidying up, which [`Store::sweep`] does if a crash came
//!   between. A tombstone tells "gone" from "never was", for [`TOMBSTONE_DAYS`] and the newest [`TOMBSTONES`].
//! - **Two writers lose nothing.** [`Store::update`] writes a manifest on the condition that it is still the one that
//!   was read; a folder, which has no such condition, has a lock, for other processes too.
//! - **Memory is bounded.** Two parts of [`PART`] are on their way out at most, two pieces of [`CHUNK_SIZE`] on their way in.
//! - **What the service did not make is not touched.** Only the names above and those of unfinished files are ever removed.
//!   An archive without a manifest, such as one that a person is copying in, is [listed](Listing::unreadable) as incomplete
//!   and stays; verifying it makes the manifest again. Symbolic links are never followed ([`Directory`](crate::directory::Directory)).
//! - **One bad entry spoils only itself.** What can't be read is listed with the reason ([`entry`]).
//!
//! Credentials and endpoints come from the variables that the tools of each provider know (`AWS_ACCESS_KEY_ID`,
//! `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`; `GOOGLE_SERVICE_ACCOUNT`; `AZURE_STORAGE_ACCOUNT_NAME`,
//! `AZURE_STORAGE_ACCOUNT_KEY`; and so on, as [`object_store`] lists them). Tests run against a folder, memory and a
//! server of the S3 protocol; of Google and Azure only the settings are tested.
//!
//! A process that dies while it uploads leaves parts that no listing of this interface shows, and that cost money. Give
//! the bucket a lifecycle rule that aborts incomplete multipart uploads after a few days.
//!
//! In reading order: [`location`] has the settings, [`id`] and [`names`] the names; [`writer`] and [`blocking_writer`] put an
//! archive in, [`reader`] takes it out, [`manifests`] keeps what is known of it and lists it, [`removal`] deletes and
//! [`sweep`] tidies up; [`probe`] tries whether the store can do all that, and [`time_limit`] limits how long
//! it may hang. [`backend`] has the operations that all of these are made of, [`remote`] and [`folder`] do them,
//! [`entry`] and [`fault`] sort what can go wrong.

mod backend;
mod blocking_writer;
mod entry;
mod fault;
mod folder;
mod id;
mod location;
mod manifests;
mod names;
mod probe;
mod reader;
mod remote;
mod removal;
mod sweep;
mod time_limit;
mod writer;

use std::fmt;
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::Form;
use chrono::{DateTime, Utc};
use tokio::runtime::Handle;

pub use self::backend::UnreadableEntry;
pub use self::blocking_writer::BlockingWriter;
pub use self::entry::EntryFault;
pub use self::fault::StoreFault;
pub use self::id::is_id;
pub use self::location::StoreSettings;
pub use self::manifests::Listing;
pub use self::probe::StoreCheck;
pub use self::reader::{CHUNK_SIZE, StoreReader};
pub use self::sweep::{SweepReport, TOMBSTONE_DAYS, TOMBSTONES};
pub use self::writer::{PART, StoreWriter};

use self::backend::{Backend, ObjectVersion};
use self::folder::FolderAccess;
use self::manifests::ManifestCache;
use self::names::{OLD_TOMBSTONE, UNFINISHED};
use self::time_limit::TimeLimit;
use crate::error::{Error, Result};
use crate::open::Source;
use crate::priority::{self, Priority};

/// How much is read at once by whoever reads a whole archive, in bytes.
const BUFFER: usize = 128 * 1024;

/// A place for archives. Clones are the same place.
#[derive(Clone)]
pub struct Store(Arc<StoreInner>, Option<Arc<TimeLimit>>);

struct StoreInner {
    backend: Backend,
    /// Where requests run: that of whoever opened the store outlives all who use it.
    runtime: Handle,
    leftover_age: Duration,
    /// One change of a manifest at a time in this process; other processes are the store's business.
    update_lock: tokio::sync::Mutex<()>,
    manifest_cache: ManifestCache,
}

impl Store {
    /// Opens the store; a folder is made, for its owner alone, if there is none. Nothing is asked of a remote one yet.
    ///
    /// Must be called within a Tokio runtime, which must outlive the store.
    ///
    /// # Errors
    /// [`Error::Invalid`] of `archives` if the folder can't be made, or if settings of the environment don't fit.
    pub fn open(settings: &StoreSettings) -> Result<Self> {
        Self::connect(settings, FolderAccess::Create)
    }

    /// Opens the store to read it: in a folder nothing is made, not even by [`Store::update`]. Otherwise as [`Store::open`].
    ///
    /// # Errors
    /// [`Error::Invalid`] of `archives` if there is no such folder, or if settings of the environment don't fit.
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
        };
        Self(Arc::new(shared), None)
    }

    /// A name for a new archive: it sorts by `at`, to the second, and nobody else has it.
    pub fn new_id(&self, at: DateTime<Utc>) -> String {
        id::new(at)
    }

    /// An archive with these layers as bytes that can be read again and again. It need not have a manifest yet.
    pub fn source(&self, id: &str, form: Form) -> Arc<dyn Source> {
        Arc::new(StoredSource {
            store: self.clone(),
            id: id.to_owned(),
            form,
        })
    }

    /// How many bytes there is room for; none if nobody can say, as in remote stores.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if the folder can't be asked.
    pub async fn room(&self) -> Result<Option<u64>> {
        let Some(folder) = self.0.backend.folder().cloned() else {
            return Ok(None);
        };
        blocking(move || folder.room().map(Some).map_err(fault::io("asking for room")))
            .await
            .flatten()
    }

    /// Waits for what the store does on a thread that may block, whatever else waits on it already.
    fn wait<F: Future>(&self, doing: F) -> F::Output {
        wait(&self.0.runtime, doing)
    }

    /// The layers of an archive that has no manifest or an unreadable one, by the name of its file.
    ///
    /// # Errors
    /// [`Error::ArchiveNotFound`] or [`Error::ArchiveGone`] if there is no such archive.
    pub async fn form(&self, id: &str) -> Result<Form> {
        match self.stored(id::checked(id)?).await? {
            Some((form, _)) => Ok(form),
            None => Err(self.absent(id).await),
        }
    }

    /// The archive itself, if it is there and is not one that the service is still writing.
    async fn stored(&self, id: &str) -> Result<Option<(Form, ObjectVersion)>> {
        if self.0.backend.object_version(id, UNFINISHED).await?.is_some() {
            return Ok(None);
        }
        for form in names::FORMS {
            if let Some(object_version) = self.0.backend.object_version(id, &names::archive(form)).await? {
                return Ok(Some((form, object_version)));
            }
        }
        Ok(None)
    }

    /// Why something of that archive is not there.
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

/// An archive of the store, for whoever reads it.
struct StoredSource {
    store: Store,
    id: String,
    form: Form,
}

impl Source for StoredSource {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let reader = self.store.wait(self.store.read(&self.id, self.form, None))?;
        Ok(Box::new(BufReader::with_capacity(BUFFER, reader.into_reader())))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.backend)
    }
}

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    priority::run(Priority::Usual, "working in the folder of archives", work).await
}

/// Waits on a thread that may block: also on one that waits for a future already, such as a job's, where
/// `Handle::block_on` alone would panic.
fn wait<F: Future>(runtime: &Handle, doing: F) -> F::Output {
    tokio::task::block_in_place(|| runtime.block_on(doing))
}

#[cfg(test)]
mod tests;
