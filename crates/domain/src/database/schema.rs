//! Bringing the schema up to date, and telling whether it is.

use std::fs::File;
use std::path::Path;

use campus_backup_migration::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, DbErr, TransactionTrait};

use super::{Database, Engine};
use crate::error::{Error, Result};

/// Whether the schema is the one that this program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// It is.
    Current,
    /// So many migrations have not been run.
    Pending(usize),
    /// It has a migration that this program does not know: a newer version was here.
    Newer(String),
}

impl Database {
    /// Runs the migrations that have not been run. Copies of the service that start at once do it one after the other.
    pub async fn migrate(&self) -> Result<()> {
        let doing = "migrating the schema";
        match self.engine {
            Engine::Sqlite => {
                // Not the database file itself: closing it would end SQLite's own locks on it.
                let _lock = self
                    .file
                    .as_ref()
                    .map(|file| lock_beside(&file.path))
                    .transpose()
                    .map_err(Error::io(doing))?;
                self.run_migrations().await
            }
            Engine::Postgres => {
                // Ends with its transaction, whatever happens.
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

    async fn run_migrations(&self) -> Result<()> {
        let migrated = Migrator::up(&self.requests, None).await;
        migrated.map_err(Error::database("migrating the schema"))
    }

    /// The state of the schema.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        let doing = "reading the schema's state";
        let known = Migrator::migrations();
        let applied = self.applied_migrations().await.map_err(Error::database(doing))?;
        let newer = applied
            .iter()
            .find(|applied| !known.iter().any(|migration| migration.name() == **applied));
        Ok(match newer {
            Some(migration) => SchemaState::Newer(migration.clone()),
            None if applied.len() < known.len() => SchemaState::Pending(known.len() - applied.len()),
            None => SchemaState::Current,
        })
    }

    /// The migrator's own way of asking makes its table first; a question must not need the right to write.
    async fn applied_migrations(&self) -> Result<Vec<String>, DbErr> {
        let log = Migrator::migration_table_name();
        if !SchemaManager::new(&self.requests).has_table(log.to_string()).await? {
            return Ok(Vec::new());
        }
        let select = Query::select().column("version").from(log).to_owned();
        let rows = self.requests.query_all(&select).await?;
        rows.iter().map(|row| row.try_get("", "version")).collect()
    }
}

/// Holds until it is dropped.
fn lock_beside(database: &Path) -> std::io::Result<File> {
    let mut name = database.as_os_str().to_owned();
    name.push("-migrating");
    let file = File::create(name)?;
    file.lock()?;
    Ok(file)
}
