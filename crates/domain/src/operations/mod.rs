//! Operations on archives and live data: backup, upload, list, verify, compare, restore, clear, import and undo.
//!
//! The front door is [`Operations`], which orchestrates the capabilities of this crate. A [job](crate::job) writes a
//! [snapshot](crate::snapshot) into the [store](crate::store), [`open`](crate::open) reads it back,
//! [`verify`](crate::verify) tests it with a restore, and [`restore`](crate::restore) restores it. Everything that takes
//! long or changes the live data is a job. A wrong request is refused before its job is created.
//!
//! Operations that remove or replace rows follow one procedure, here and nowhere else:
//!
//! 1. Everything that has to be read is read to its end and checked.
//! 2. The change begins. From now on no other client can write to its tables.
//! 3. A *safety backup* of the live data is created, read back and listed ([`safety_backup`]). Without it the operation ends.
//! 4. Rows are changed, counted and checked, in one transaction.
//! 5. The end of the job, its result, its record in the [change log](crate::change_log) and the effect are one commit
//!    ([`Context::finish_in`](crate::job::Context::finish_in)).
//!
//! A failure before the commit changes nothing, and the safety backup is deleted again.
//!
//! The proof of an archive's origin is in the database, not in the store ([`records`]).
//!
//! In reading order: [`annotations`] are label, note and protection of an archive; [`backup`] creates a backup, and [`pipeline`]
//! writes and checks it; `safety_backup` creates the backups that can undo a change; `stored` reads archives without a
//! database, and [`published`](mod@published) finds the archives of a job; `archive_query`
//! says which archives a list has, and [`listing`] lists, edits and deletes; `history` is for charts; [`upload`]
//! accepts an uploaded file; [`table`] downloads one table; [`verify`] verifies; [`certificate`](mod@certificate) issues the
//! certificate of an archive; `keys` has the keys that open archives, and `rekey` encrypts archives again; then [`restore`],
//! [`clear`], `import` and [`undo`].
//! [`inventory`] is a listing with the proof of each archive. From it, [`facts`] has what [`retention`](crate::retention) must
//! know, `suspicion` marks and accepts backups that look wrong, and [`survey`] looks at the stored backups for the health.

mod annotations;
mod archive_query;
mod backup;
mod certificate;
mod clear;
mod facts;
mod history;
mod import;
mod inventory;
mod keys;
mod listing;
mod pipeline;
mod published;
mod records;
mod rekey;
mod restore;
mod safety_backup;
mod stored;
mod survey;
mod suspicion;
mod table;
mod undo;
mod upload;
mod verify;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use campus_backup_archive::{Keys, Layers, Manifest, ManifestKey, Recipients};
use chrono::{TimeDelta, Utc};
use tokio::sync::OnceCell;

pub(crate) use self::annotations::check_text;
pub use self::annotations::{AnnotationPatch, Annotations};
pub use self::archive_query::{ArchiveFilter, ArchiveQuery, ArchiveSort, LastResult, MAX_SEARCH_CHARS, SortDirection};
pub use self::history::{BackupHistory, HistoryBackup, HistoryPeriod, HistoryRun};
pub use self::import::{IMPORT, NewImport};
pub(crate) use self::inventory::{Inventory, SinceListing};
pub use self::keys::KeyMode;
pub use self::listing::{ArchiveLoss, ArchivePage};
pub use self::published::published;
pub use self::records::{ArchiveOrigin, ArchiveRetention, ListedArchive};
pub(crate) use self::records::{ensure_same, manifest_key};
pub use self::restore::{RESTORE, RestoreRequest, Unencrypted};
pub use self::stored::StoredArchives;
pub use self::survey::{ArchiveUsage, VerifiedBackup};
pub(crate) use self::survey::{BackupSurvey, SuspiciousBackup};
pub(crate) use self::suspicion::suspicion_event;
pub use self::table::TableRequest;
pub use self::upload::Upload;
use crate::database::Database;
use crate::error::Result;
use crate::job::Jobs;
use crate::open::ArchiveSource;
use crate::store::{Store, SweepReport};
use crate::verify as verification;

/// The age at which leftovers of a restore or a test restore are removed.
const LEFTOVER_AGE: TimeDelta = TimeDelta::hours(1);

/// How archives are created and kept.
#[derive(Clone, Debug)]
pub struct OperationSettings {
    /// The version of the program, for the header of archives.
    pub app_version: &'static str,
    /// The recipients that archives are encrypted to. Archives are not encrypted if there are none.
    pub recipients: Recipients,
    /// The keys that open encrypted archives.
    pub keys: Keys,
    /// A folder for temporary files of restores and test restores.
    pub scratch: PathBuf,
    /// For how long a clear can be undone.
    pub undo_window: TimeDelta,
    /// How many bytes an uploaded archive may have.
    pub upload_limit: u64,
    /// How many bytes a file to be imported may have.
    pub import_limit: u64,
    /// By how many percent a table's rows or a sum may fall before a new backup is suspicious; none to compare nothing.
    pub suspicion_threshold: Option<u8>,
}

/// All operations on the archives of a school. Cloning is cheap; clones share the same state.
#[derive(Clone)]
pub struct Operations(Arc<OperationsInner>);

#[derive(Clone)]
struct OperationsInner {
    database: Database,
    store: Store,
    jobs: Jobs,
    settings: OperationSettings,
    layers: Layers,
    /// Read once and then cached.
    manifest_key: OnceCell<ManifestKey>,
}

impl Operations {
    /// Operations on a store and on the live data of a database. This reads and writes nothing.
    pub fn new(database: Database, store: Store, jobs: Jobs, settings: OperationSettings) -> Self {
        let layers = Layers {
            recipients: settings.recipients.clone(),
            ..Layers::default()
        };
        Self(Arc::new(OperationsInner {
            database,
            store,
            jobs,
            settings,
            layers,
            manifest_key: OnceCell::new(),
        }))
    }

    /// How many bytes an uploaded archive may have.
    pub fn upload_limit(&self) -> u64 {
        self.0.settings.upload_limit
    }

    /// The jobs of this process.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// The same archives without a database.
    fn stored(&self) -> StoredArchives {
        let OperationSettings { keys, scratch, .. } = &self.0.settings;
        StoredArchives::new(self.0.store.clone(), keys.clone(), scratch.clone())
    }

    /// The bytes of a listed archive.
    fn source(&self, manifest: &Manifest) -> Arc<dyn ArchiveSource> {
        self.0.store.source(&manifest.id, manifest.file())
    }

    /// Removes leftovers of a crash, in the store and in the scratch folder, expired imports, and records of archives that were deleted long ago.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable), errors of the folder, and database errors.
    pub async fn sweep(&self) -> Result<SweepReport> {
        verification::sweep(&self.0.settings.scratch, LEFTOVER_AGE)?;
        crate::import::sweep(&self.0.settings.scratch, Utc::now())?;
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
