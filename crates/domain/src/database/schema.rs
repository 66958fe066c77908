//! Runs the migrations of the schema.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use campus_backup_migration::{Migrator, MigratorTrait, tables_of};
use sea_orm::{ConnectionTrait, TransactionTrait};

use super::{Database, Engine, SchemaState, check, inspection};
use crate::disk::open_own;
use crate::error::{Error, Result};

/// How long a migration is retried while other sessions use the tables, and the interval between two tries.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
const PAUSE: Duration = Duration::from_secs(1);

/// The tables that are created with a row. All others have no rows before their migration has ended.
const CREATED_WITH_A_ROW: [&str; 4] = ["backup_leases", "backup_sessions", "backup_keys", "backup_audit_head"];

/// The version of the schema of this program: the name of its last migration.
pub(crate) fn schema_version() -> String {
    Migrator::migrations()
        .last()
        .map(|migration| migration.name().to_owned())
        .unwrap_or_default()
}

impl Database {
    /// Runs the migrations that have not been run. Copies of the service that start at once run them one after the
    /// other.
    pub async fn migrate(&self) -> Result<()> {
        let doing = "migrating the schema";
        match self.engine {
            Engine::Sqlite => {
                // A separate file: closing the database file would end SQLite's own locks on it.
                let _lock = self
                    .file
                    .as_ref()
                    .map(|file| lock_beside(&file.path))
                    .transpose()
                    .map_err(Error::io(doing))?;
                self.run_migrations().await
            }
            Engine::Postgres => {
                // The lock ends with its transaction.
                let lock = "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(7162534903146)";
                self.migrate_under(lock, None).await
            }
            Engine::Mysql => {
                let name = "CONCAT('campus_backup:', LEFT(DATABASE(), 48))";
                let lock = format!("SELECT GET_LOCK({name}, 3600)");
                self.migrate_under(&lock, Some(format!("SELECT RELEASE_LOCK({name})")))
                    .await
            }
        }
    }

    async fn migrate_under(&self, lock: &str, unlock: Option<String>) -> Result<()> {
        let doing = "waiting for another copy of the service to migrate the schema";
        let holder = self.requests.begin().await.map_err(Error::database(doing))?;
        holder.execute_unprepared(lock).await.map_err(Error::database(doing))?;
        let migrated = self.run_migrations().await;
        if let Some(unlock) = unlock {
            holder
                .execute_unprepared(&unlock)
                .await
                .map_err(Error::database(doing))?;
        }
        holder.rollback().await.map_err(Error::database(doing))?;
        migrated
    }

    /// A migration waits for table locks like every statement. During a rolling upgrade an older copy of the service
    /// may hold them for longer, such as for a backup, so the migration is tried again.
    async fn run_migrations(&self) -> Result<()> {
        let begin = Instant::now();
        loop {
            if self.engine == Engine::Mysql {
                self.drop_unfinished().await?;
            }
            let Err(error) = Migrator::up(&self.requests, None).await else {
                return Ok(());
            };
            match Error::database("migrating the schema")(error) {
                Error::DatabaseBusy { .. } if begin.elapsed() < PATIENCE => {
                    tracing::warn!("the migration waits for another user of the tables");
                    tokio::time::sleep(PAUSE).await;
                }
                error => return Err(check::explain(&self.requests, error).await),
            }
        }
    }

    /// MySQL commits at every change of a schema. So an interrupted migration leaves tables without a record of itself,
    /// and would fail on them when it runs again.
    async fn drop_unfinished(&self) -> Result<()> {
        let doing = "removing the tables of a migration that was interrupted";
        // Checked under the lock: another copy may have completed the migration meanwhile.
        let SchemaState::Pending(pending) = self.schema_state().await? else {
            return Ok(());
        };
        let tables = pending
            .iter()
            .rev()
            .flat_map(|migration| tables_of(migration).iter().rev());
        let existing = inspection::table_names(&self.requests)
            .await
            .map_err(Error::database(doing))?;
        let left: Vec<_> = tables.filter(|table| existing.contains(**table)).collect();
        // If another table has rows, the migration has ended and only its record is missing: nothing is dropped.
        for table in left.iter().filter(|table| !CREATED_WITH_A_ROW.contains(*table)) {
            let has_rows = inspection::has_rows(&self.requests, table).await;
            if has_rows.map_err(Error::database(doing))? {
                return Ok(());
            }
        }
        for table in left {
            let dropped = self.requests.execute_unprepared(&format!("DROP TABLE {table}")).await;
            dropped.map_err(Error::database(doing))?;
        }
        Ok(())
    }

    /// The state of the schema.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        inspection::schema_state(&self.requests).await
    }
}

/// A lock that is held until it is dropped.
fn lock_beside(database: &Path) -> std::io::Result<File> {
    let mut name = database.as_os_str().to_owned();
    name.push("-migrating");
    // An existing file is not truncated: it may be another program's.
    let file = open_own(File::options().create(true).append(true), Path::new(&name))?;
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_beside_follows_no_link_and_empties_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (database, lock) = (folder.path().join("db"), folder.path().join("db-migrating"));
        std::fs::write(&lock, "of another program").unwrap();
        drop(lock_beside(&database).unwrap());
        assert_eq!(std::fs::read_to_string(&lock).unwrap(), "of another program");
        let other = folder.path().join("other");
        std::fs::rename(&lock, &other).unwrap();
        std::os::unix::fs::symlink(&other, &lock).unwrap();
        lock_beside(&database).unwrap_err();
        std::fs::remove_file(&other).unwrap();
        lock_beside(&database).unwrap_err();
        assert!(!other.exists());
    }
}
