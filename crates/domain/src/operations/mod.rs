//! Archives: taking, bringing, looking at, verifying and restoring them, and clearing with a way back.
//!
//! The front door is [`Operations`]. It puts together what lies elsewhere: a [snapshot](crate::snapshot) is written into the
//! [store](crate::store) by a [job](crate::job), read back by [`open`](crate::open), tested by a restore in
//! [`verify`](crate::verify), brought back by [`restore`](crate::restore). Whatever takes long or changes the live data
//! is a job; what is wrong with a request is said before there is one.
//!
//! What removes or replaces rows keeps one order, here and nowhere else:
//!
//! 1. Whatever has to be read is read to its end and checked.
//! 2. The change begins: nobody else can write to its tables any more.
//! 3. A *safety archive* of what is there is taken, read back and listed ([`safety_backup`]). Without it nothing goes on.
//! 4. Rows are changed, counted and checked, in one transaction.
//! 5. The job's end, its result, its record in the [change log](crate::change_log) and the effect are one commit ([`Context::finish_in`](crate::job::Context::finish_in)).
//!
//! What fails before the commit has changed nothing, and its safety archive is removed again.
//!
//! What proves an archive is in the database and not beside it ([`records`]).
//!
//! In reading order: [`annotations`] are those of people; [`backup`] begins an archive, [`pipeline`] is how it is written and checked,
//! `safety_backup` takes those that can undo something;
//! `stored` reads what is there, [`published`](mod@published) finds what a job has published; [`listing`] lists and keeps;
//! [`upload`] lets one in; [`table`] takes one table out; [`verify`] looks again; then [`restore`], [`clear`] and [`undo`].

mod annotations;
mod backup;
mod clear;
mod listing;
mod pipeline;
mod published;
mod records;
mod restore;
mod safety_backup;
mod stored;
mod table;
mod undo;
mod upload;
mod verify;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use campus_backup_archive::{Keys, Layers, Manifest, ManifestKey, Recipients};
use chrono::TimeDelta;
use tokio::sync::OnceCell;

pub use self::annotations::{AnnotationPatch, Annotations};
pub use self::clear::ClearReport;
pub use self::listing::{ArchivePage, UndoLoss};
pub use self::published::published;
pub use self::records::{ArchiveOrigin, ListedArchive};
pub use self::restore::{RESTORE, RestoreReport, RestoreRequest, Unencrypted};
pub use self::stored::StoredArchives;
pub use self::table::TableRequest;
pub use self::undo::UndoReport;
pub use self::upload::Upload;
use crate::database::Database;
use crate::error::Result;
use crate::job::Jobs;
use crate::open::Source;
use crate::store::{Store, SweepReport};
use crate::verify as verification;

/// How old what a test restore or a restore has left must be before it is removed.
const LEFTOVER_AGE: TimeDelta = TimeDelta::hours(1);

/// How archives are made and kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The version of the program, for the header of what is taken.
    pub app_version: &'static str,
    /// To whom archives are encrypted; to nobody if it is empty.
    pub recipients: Recipients,
    /// What opens encrypted ones.
    pub keys: Keys,
    /// A folder for what a restore or a test restore needs while it works.
    pub scratch: PathBuf,
    /// For how long a clear can be undone.
    pub undo_window: TimeDelta,
    /// How many bytes an archive that is brought may have.
    pub upload_limit: u64,
}

/// All archives of a school. Cloning is cheap, and clones are the same.
#[derive(Clone)]
pub struct Operations(Arc<Shared>);

#[derive(Clone)]
struct Shared {
    database: Database,
    store: Store,
    jobs: Jobs,
    settings: Settings,
    layers: Layers,
    /// Read once.
    manifest_key: OnceCell<ManifestKey>,
}

impl Operations {
    /// The archives in a store, of the live data in a database. Nothing is asked or written yet.
    pub fn new(database: Database, store: Store, jobs: Jobs, settings: Settings) -> Self {
        let layers = Layers {
            recipients: settings.recipients.clone(),
            ..Layers::default()
        };
        Self(Arc::new(Shared {
            database,
            store,
            jobs,
            settings,
            layers,
            manifest_key: OnceCell::new(),
        }))
    }

    /// How many bytes an archive that is brought may have.
    pub fn upload_limit(&self) -> u64 {
        self.0.settings.upload_limit
    }

    /// The same archives as whoever has their files sees them.
    fn stored(&self) -> StoredArchives {
        let Settings { keys, scratch, .. } = &self.0.settings;
        StoredArchives::new(self.0.store.clone(), keys.clone(), scratch.clone())
    }

    /// The bytes of an archive that is listed.
    fn source(&self, manifest: &Manifest) -> Arc<dyn Source> {
        self.0.store.source(&manifest.id, manifest.object.form())
    }

    /// Removes what a crash left, in the store and in the scratch folder, and records of archives that were deleted long ago.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable), what the system says of the folder, and what the
    /// database says.
    pub async fn sweep(&self) -> Result<SweepReport> {
        verification::sweep(&self.0.settings.scratch, LEFTOVER_AGE)?;
        let swept = self.0.store.sweep().await?;
        self.prune_records().await?;
        Ok(swept)
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations")
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}
