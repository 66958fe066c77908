//! Databases that exist as long as one measurement.

use std::fs::File;
use std::ops::Deref;
use std::thread;
use std::time::{Duration, Instant};

use super::{Database, Engine};
use crate::Result;

const NAME: &str = "bench_scratch";

/// A database that is dropped with this value.
pub(crate) struct Scratch(Database);

impl Scratch {
    /// A database without tables.
    pub(crate) fn empty(engine: Engine) -> Result<Self> {
        let database = Database::named(engine, NAME)?;
        database.forget()?;
        Ok(Self(database))
    }

    /// A copy with the same data. The original must have no connections. MariaDB does not support such copies.
    pub(crate) fn copy_of(original: &Database) -> Result<Self> {
        let scratch = Self::empty(original.engine)?;
        match original.engine {
            Engine::Sqlite => {
                original.sql("PRAGMA wal_checkpoint(TRUNCATE)")?;
                std::fs::copy(original.path(), scratch.path())?;
                // Otherwise the copy would still be written during the measurement.
                File::open(scratch.path())?.sync_all()?;
            }
            Engine::Postgres => {
                scratch.remove()?;
                let template = &original.name;
                until(|| {
                    original
                        .engine
                        .ask_server(&format!("CREATE DATABASE {NAME} TEMPLATE {template}"))
                })?;
                original.engine.ask_server("CHECKPOINT")?;
            }
            Engine::Mysql => return Err("MariaDB can't copy a database".into()),
        }
        Ok(scratch)
    }
}

impl Deref for Scratch {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: the next one would remove any rest.
        let _ = self.0.remove();
    }
}

/// The server notices the end of a service a little late, and does not copy a database with connections.
fn until(mut attempt: impl FnMut() -> Result<String>) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match attempt() {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > end => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}
