//! Test restores: an archive is restored into a temporary database, to prove that it can be restored and to measure the time.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use campus_backup_archive::manifest::ArchiveKind;
use campus_backup_archive::{Keys, Manifest, Summary};
use sea_orm::{DbBackend, Statement};

use super::read_back::read_back;
use super::scratch::Scratch;
use super::{digest, first_difference};
use crate::blocking;
use crate::catalog::{LARGEST_ID, Table};
use crate::change::{Change, LoadMode};
use crate::database::{self, Database};
use crate::error::{Error, Result};
use crate::job::{Phase, Progress};
use crate::open::{self, ArchiveSource, Archived, Checked};
use crate::statement::StatementError;

const DOING: &str = "testing a restore";

/// SQLite's primary result code for violations of the schema.
const CONSTRAINT: i32 = 19;

/// The result of a test restore.
#[derive(Debug)]
pub struct TestRestored {
    /// The content of the archive.
    pub checked: Checked,
    /// How long the restore took: reading the archive, writing its rows, and the commit.
    pub restored_in: Duration,
}

/// Restores an archive into a temporary database and compares the rows with the archive.
///
/// 1. The archive is verified by [`digest`].
/// 2. The disk of `folder` must have room for two and a half times the uncompressed bytes of the rows.
/// 3. An SQLite database is created in a new folder there, readable only by its owner, and migrated.
/// 4. One transaction inserts all rows, which tests every key and every check of the schema, checks foreign keys, and
///    commits. Its duration is measured.
/// 5. The rows are read back; their counts, digests and sums of money must be those of the archive.
/// 6. The folder is removed, also after an error. If the program is killed, [`sweep`](super::sweep) removes it.
///
/// It works on a blocking thread, in memory that does not grow with the rows. Dropping the future does not stop the work;
/// cancelling the progress does.
///
/// # Errors
/// As [`digest`]; [`Error::TableNotFound`] if the archive does not have all tables; [`Error::Inadmissible`],
/// [`Error::DuplicateKey`] and [`Error::Unrestorable`] for rows that the schema refuses, the last also if
/// the rows that were read back differ; [`Error::InsufficientStorage`].
pub async fn test_restore(
    source: &Arc<dyn ArchiveSource>,
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
    let work = TestRestoreWork {
        source: Arc::clone(source),
        keys: keys.clone(),
        summary: checked.summary.clone(),
        has_native: checked.has_native,
        progress: progress.clone(),
        // As in a restore into an empty database; the rows of a safety backup have had their ids here.
        largest_id: match expected.map(|manifest| manifest.kind) {
            Some(ArchiveKind::Safety) => i64::MAX,
            Some(ArchiveKind::Created | ArchiveKind::Uploaded) | None => LARGEST_ID,
        },
    };
    let (folder, row_bytes) = (folder.to_owned(), checked.row_bytes);
    let worked = blocking::run(DOING, move || async move {
        let scratch = Scratch::create(&folder, row_bytes)?;
        work.restore_in(&scratch).await
    });
    let restored_in = worked.await?;
    Ok(TestRestored { checked, restored_in })
}

/// The work of the blocking thread.
struct TestRestoreWork {
    source: Arc<dyn ArchiveSource>,
    keys: Keys,
    summary: Summary,
    has_native: bool,
    progress: Progress,
    largest_id: i64,
}

impl TestRestoreWork {
    async fn restore_in(&self, scratch: &Scratch) -> Result<Duration> {
        let settings = database::DatabaseSettings {
            url: scratch.url()?,
            connections: 2,
            readers: 1,
            lock_timeout: Duration::from_secs(30),
        };
        let database = Database::connect(&settings).await?;
        let worked = self.with(&database).await;
        // Closed before its files are removed.
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
            // SQLite could store native values of any engine, but its checks refuse them. Other values were checked before.
            let unchecked = Statement::from_string(DbBackend::Sqlite, "PRAGMA ignore_check_constraints = ON");
            change.execute(&unchecked).await?;
        }
        for table in tables {
            reader.next_table()?;
            let mut rows = Archived::new(&mut reader, table, &self.progress).with_largest_id(self.largest_id);
            let loaded = change.load(table, &mut rows, LoadMode::Bulk).await;
            loaded.map_err(|error| refused(table, error))?;
        }
        // The stored object may have changed since the first reading.
        if reader.finish()? != self.summary {
            return Err(Error::ManifestMismatch {
                what: "what was read the second time".to_owned(),
            });
        }
        change.commit().await
    }

    /// Ensures that the rows that were read back are those of the archive.
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
        // Equal rows have equal sums, unless a sum is wrong.
        match first_difference("the sum of", &found.totals, &self.summary.totals) {
            Some(what) => Err(Error::internal(DOING)(format!("{what} differs"))),
            None => Ok(()),
        }
    }
}

/// Rows that the schema refuses are an error of the archive, not of the program.
fn refused(table: Table, error: Error) -> Error {
    let Error::Internal { source, .. } = &error else {
        return error;
    };
    match source.downcast_ref::<StatementError>() {
        Some(failure) if failure.code & 0xff == CONSTRAINT => Error::Unrestorable {
            table,
            // The text names columns and never a value.
            problem: failure.to_string(),
        },
        _ => error,
    }
}
