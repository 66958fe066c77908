//! Where archives lie: a folder, or storage that speaks S3, Google Cloud Storage or Azure Blob Storage.
//!
//! The store is the truth. A history is a listing of it, so it survives the loss of the database, and a folder or a
//! bucket that is carried elsewhere is a history there.
//!
//! ```text
//! <archives>/2026-11-25T03-53-08Z-5f1c2a9b/archive.json.zst    the archive: .zst if compressed, .age if encrypted
//!                                         /manifest.json       what is known of it; written last
//!                                         /deleted.json        it was deleted, and when; the two above are gone
//! ```
//!
//! - **An archive appears at once or not at all.** [`Store::create`] gives an [`Incoming`], which is written under a
//!   temporary name (a folder) or in parts that nobody sees (the others). [`Incoming::finish`] makes it durable and gives
//!   it its name. It is still in no list: [`Store::put_manifest`] does that, when whoever wrote it has read it back.
//! - **An archive vanishes at once.** Writing `deleted.json` is what deletes it; the rest is tidying up, which
//!   [`Store::sweep`] does if a crash came between. It stays for [`TOMBSTONE_DAYS`], so that "gone" can be told from
//!   "never was".
//! - **Two writers lose nothing.** [`Store::update`] writes a manifest on the condition that it is still the one that
//!   was read; a folder, which has no such condition, has a lock, for other processes too.
//! - **Memory is bounded.** Two parts of [`PART`] are on their way out at most, two pieces of [`PIECE`] on their way in.
//! - Whatever else lies there is neither listed nor touched.
//!
//! Credentials and endpoints come from the variables that the tools of each provider know (`AWS_ACCESS_KEY_ID`,
//! `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`; `GOOGLE_SERVICE_ACCOUNT`; `AZURE_STORAGE_ACCOUNT_NAME`,
//! `AZURE_STORAGE_ACCOUNT_KEY`; and so on, as [`object_store`] lists them). Tests run against a folder, memory and a
//! server of the S3 protocol; of Google and Azure only the settings are tested.
//!
//! A process that dies while it uploads leaves parts that no listing of this interface shows, and that cost money. Give
//! the bucket a lifecycle rule that aborts incomplete multipart uploads after a few days.
//!
//! In reading order: [`location`] has the settings, [`id`] the names; [`incoming`] and [`writer`] put an archive in,
//! [`outgoing`] takes it out, [`manifests`] keeps what is known of it and lists it, [`removal`] deletes and sweeps.
//! [`folder`] is what a folder needs beyond that, [`fault`] sorts what can go wrong.

mod fault;
mod folder;
mod id;
mod incoming;
mod location;
mod manifests;
mod outgoing;
mod removal;
mod writer;

use std::fmt;
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::Form;
use chrono::{DateTime, Utc};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

pub use self::incoming::{Incoming, PART};
pub use self::location::Settings;
pub use self::manifests::{Listing, Unreadable};
pub use self::outgoing::{Outgoing, PIECE};
pub use self::removal::{Swept, TOMBSTONE_DAYS};
pub use self::writer::Writer;

use self::folder::Folder;
use self::manifests::Known;
use crate::error::{Error, Result};
use crate::open::Source;
use crate::priority::{self, Priority};

/// How much is read at once by whoever reads a whole archive, in bytes.
const BUFFER: usize = 128 * 1024;

const MANIFEST: &str = "manifest.json";
const TOMBSTONE: &str = "deleted.json";
const ARCHIVE: &str = "archive.json";

/// A place for archives. Clones are the same place.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    objects: Arc<dyn ObjectStore>,
    /// What all names begin with.
    prefix: Path,
    /// Set if it is a folder.
    folder: Option<Folder>,
    /// Where requests run: that of whoever opened the store outlives all who use it.
    runtime: Handle,
    leftover_age: Duration,
    /// One change of a manifest at a time in this process; other processes are the store's business.
    turns: tokio::sync::Mutex<()>,
    known: Known,
}

impl Store {
    /// Opens the store; a folder is made, for its owner alone, if there is none. Nothing is asked of a remote one yet.
    ///
    /// Must be called within a Tokio runtime, which must outlive the store.
    ///
    /// # Errors
    /// [`Error::Invalid`] of `archives` if the folder can't be made, or if settings of the environment don't fit.
    pub fn open(settings: &Settings) -> Result<Self> {
        let runtime = Handle::current();
        let (objects, prefix, folder) = location::connect(settings, &runtime)?;
        Ok(Self::over(objects, prefix, folder, runtime, settings.leftover_age))
    }

    fn over(
        objects: Arc<dyn ObjectStore>,
        prefix: Path,
        folder: Option<Folder>,
        runtime: Handle,
        leftover_age: Duration,
    ) -> Self {
        Self(Arc::new(Shared {
            objects,
            prefix,
            folder,
            runtime,
            leftover_age,
            turns: tokio::sync::Mutex::default(),
            known: Known::default(),
        }))
    }

    /// A name for a new archive: it sorts by `at`, to the second, and nobody else has it.
    pub fn new_id(&self, at: DateTime<Utc>) -> String {
        id::new(at)
    }

    /// An archive with these layers as bytes that can be read again and again. It need not have a manifest yet.
    pub fn source(&self, id: &str, form: Form) -> Arc<dyn Source> {
        Arc::new(Stored {
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
        let Some(folder) = &self.0.folder else {
            return Ok(None);
        };
        let folder = folder.clone();
        blocking(move || folder.room().map(Some).map_err(fault::io("asking for room")))
            .await
            .flatten()
    }

    /// Waits for what the store does on a thread that may block, whatever else waits on it already.
    fn wait<F: Future>(&self, doing: F) -> F::Output {
        wait(&self.0.runtime, doing)
    }

    /// Whether an archive of that id is, was, or never was.
    async fn presence(&self, id: &str) -> Result<Presence> {
        match self.0.objects.head(&self.path(id, TOMBSTONE)?).await {
            Ok(_) => Ok(Presence::Gone),
            Err(object_store::Error::NotFound { .. }) => Ok(Presence::Unknown),
            Err(error) => Err(fault::store("looking for an archive")(error)),
        }
    }

    /// Why something of that archive is not there.
    async fn absent(&self, id: &str) -> Error {
        let id = id.to_owned();
        match self.presence(&id).await {
            Ok(Presence::Gone) => Error::ArchiveGone { id },
            Ok(Presence::Unknown) => Error::ArchiveNotFound { id },
            Err(error) => error,
        }
    }

    /// The full name of something that belongs to an archive.
    fn path(&self, id: &str, name: &str) -> Result<Path> {
        Ok(self.0.prefix.clone().join(id::checked(id)?).join(name))
    }
}

/// An archive of the store, for whoever reads it.
struct Stored {
    store: Store,
    id: String,
    form: Form,
}

impl Source for Stored {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let outgoing = self.store.wait(self.store.read(&self.id, self.form, None))?;
        Ok(Box::new(BufReader::with_capacity(BUFFER, outgoing.into_reader())))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.objects)
    }
}

enum Presence {
    Gone,
    /// It is there, or it never was.
    Unknown,
}

/// The name of an archive with these layers.
fn archive_name(form: Form) -> String {
    format!("{ARCHIVE}{}", form.suffix())
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
