//! Restoring an archive into a database of its own, to know that it can be restored and how long that takes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use campus_backup_archive::manifest::Origin;
use campus_backup_archive::{Keys, Manifest, Summary};
use sea_orm::{DbBackend, Statement};

use super::read_back::read_back;
use super::scratch::Scratch;
use super::{digest, first_difference};
use crate::catalog::{LARGEST_ID, Table};
use crate::change::{Change, Way};
use crate::database::{self, Database};
use crate::error::{Error, Result};
use crate::job::{Phase, Progress};
use crate::open::{self, Archived, Checked, Source};
use crate::statement::Failure;

const DOING: &str = "testing a restore";

/// SQLite's primary result code for whatever the schema refuses.
const CONSTRAINT: i32 = 19;

/// An archive that was restored into a database of its own.
#[derive(Debug)]
pub struct TestRestored {
    /// What is in it.
    pub checked: Checked,
    /// How long its restore took: reading it, writing its rows, and the commit.
    pub restored_in: Duration,
}

/// Restores an archive into a scratch database and compares what is there with what the archive has.
///
/// 1. Everything that [`digest`] does.
/// 2. The disk of `folder` must have room: two and a half times the bytes of the rows, unpacked.
/// 3. An SQLite database is made in a new folder there, for its owner alone, and migrated.
/// 4. One transaction: all rows are inserted, so that every key and every check of the schema is tried, foreign keys
///    are checked, and it is committed. This is what is timed.
/// 5. The rows are read back; their counts, digests and sums of money must be those of the archive.
/// 6. The folder is removed, whatever happened. If the program is killed, [`sweep`](super::sweep) removes it.
///
/// It works on a thread that may block, in memory that does not grow with the rows. A future that is dropped leaves the
/// work to go on until it is cancelled.
///
/// # Errors
/// As [`digest`]; [`Error::TableNotFound`] for an archive that does not have all tables; [`Error::Inadmissible`],
/// [`Error::DuplicateKey`] and [`Error::Unrestorable`] for rows that the schema refuses, the last also if what was read back
/// is not the same; [`Error::InsufficientStorage`].
pub async fn test_restore(
    source: &Arc<dyn Source>,
    keys: &Keys,
    expected: Option<&Manifest>,
    folder: &Path,
    progress: &Progress,
) -> Result<TestRestored> {
    let checked = digest(source, keys, expected, progress).await?;
    let has = |table: &Table| checked.summary.rows.contains_key(table.name());
    if let Some(missing) = Table::ALL.into_iter().find(|table| !has(table)) {
        return Err(Error::TableNotFound(missing));
    }
    let work = Work {
        source: Arc::clone(source),
        keys: keys.clone(),
        summary: checked.summary.clone(),
        has_native: checked.has_native,
        progress: progress.clone(),
        // As a restore into an empty database would; a safety archive's rows have had their ids here.
        largest_id: match expected.map(|manifest| manifest.kind) {
            Some(Origin::Safety) => i64::MAX,
            Some(Origin::Taken | Origin::Uploaded) | None => LARGEST_ID,
        },
    };
    let (folder, row_bytes) = (folder.to_owned(), checked.row_bytes);
    let runtime = tokio::runtime::Handle::current();
    let worked = tokio::task::spawn_blocking(move || {
        let scratch = Scratch::make(&folder, row_bytes)?;
        runtime.block_on(work.within(&scratch))
    });
    let restored_in = worked.await.map_err(Error::internal(DOING))??;
    Ok(TestRestored { checked, restored_in })
}

/// What the thread needs.
struct Work {
    source: Arc<dyn Source>,
    keys: Keys,
    summary: Summary,
    has_native: bool,
    progress: Progress,
    largest_id: i64,
}

impl Work {
    async fn within(&self, scratch: &Scratch) -> Result<Duration> {
        let settings = database::DatabaseSettings {
            url: scratch.url()?,
            connections: 2,
            readers: 1,
            lock_timeout: Duration::from_secs(30),
        };
        let database = Database::connect(&settings).await?;
        let worked = self.with(&database).await;
        // Before its files are removed.
        database.close().await;
        worked
    }

    async fn with(&self, database: &Database) -> Result<Duration> {
        database.migrate().await?;
        self.progress.enter(Phase::TestRestore, Some(self.summary.total))?;
        let began = Instant::now();
        self.restore(database).await?;
        let restored_in = began.elapsed();
        self.progress.enter(Phase::Checking, Some(self.summary.total))?;
        self.compare(&read_back(database, &self.progress).await?)?;
        Ok(restored_in)
    }

    async fn restore(&self, database: &Database) -> Result<()> {
        let (mut reader, tables) = open::reader(self.source.open()?, &self.keys)?;
        let mut change = Change::begin(database, Table::ALL.to_vec(), DOING).await?;
        if self.has_native {
            // SQLite keeps native values of any engine, but for its checks. What they ask of others was asked before.
            let unchecked = Statement::from_string(DbBackend::Sqlite, "PRAGMA ignore_check_constraints = ON");
            change.execute(&unchecked).await?;
        }
        for table in tables {
            reader.next_table()?;
            let mut rows = Archived::new(&mut reader, table, &self.progress).with_largest_id(self.largest_id);
            let loaded = change.load(table, &mut rows, Way::Bulk).await;
            loaded.map_err(|error| refused(table, error))?;
        }
        // It could be another one than before.
        if reader.finish()? != self.summary {
            return Err(Error::ManifestMismatch {
                what: "what was read the second time".to_owned(),
            });
        }
        change.commit().await
    }

    /// Demands that what was read back is what the archive has.
    fn compare(&self, found: &Summary) -> Result<()> {
        for table in Table::ALL {
            let name = table.name();
            let problem = if found.rows.get(name) != self.summary.rows.get(name) {
                "another number of rows was read back"
            } else if found.sha256.get(name) != self.summary.sha256.get(name) {
                "other values were read back"
            } else {
                continue;
            };
            return Err(Error::Unrestorable {
                table,
                problem: problem.to_owned(),
            });
        }
        // Equal rows have equal sums, or the sums are wrong.
        match first_difference("the sum of", &found.totals, &self.summary.totals) {
            Some(what) => Err(Error::internal(DOING)(format!("{what} is another one"))),
            None => Ok(()),
        }
    }
}

/// What the schema refuses is the archive's fault and not the program's.
fn refused(table: Table, error: Error) -> Error {
    let Error::Internal { source, .. } = &error else {
        return error;
    };
    match source.downcast_ref::<Failure>() {
        Some(failure) if failure.code & 0xff == CONSTRAINT => Error::Unrestorable {
            table,
            // It names columns and never a value.
            problem: failure.to_string(),
        },
        _ => error,
    }
}
