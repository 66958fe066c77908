//! The measured databases, and the engines' own tools for them.
//!
//! `engine` finds the engines, `tools` runs their shells and dumps, `scratch` creates databases for one measurement.
//! Databases of a scale are created once and kept.

mod engine;
mod scratch;
mod tools;

pub(crate) use self::engine::Engine;
pub(crate) use self::scratch::Scratch;
use crate::shell::output;
use crate::{Result, service};

/// The seven tables, in the order in which they can be emptied.
pub(crate) const TABLES: [&str; 7] = [
    "attendance",
    "payments",
    "enrollments",
    "payment_categories",
    "courses",
    "students",
    "users",
];

/// A database on one of the three engines.
pub(crate) struct Database {
    /// The engine.
    pub(crate) engine: Engine,
    /// The value for `DATABASE_URL`.
    pub(crate) url: String,
    name: String,
}

impl Database {
    /// The demo school of this scale, from an earlier run or filled now.
    pub(crate) fn of_scale(engine: Engine, scale: u32) -> Result<Self> {
        let database = Self::named(engine, &format!("bench_scale_{scale}"))?;
        let expected = (u64::from(scale) * 100_000).to_string();
        if !database.is_there() || database.sql("SELECT count(*) FROM attendance").ok() != Some(expected) {
            eprintln!("filling {} at scale {scale}", engine.name());
            database.forget()?;
            output(service::command(&database.url, ["demo", "--scale", &scale.to_string()]))?;
        }
        Ok(database)
    }

    /// A database that may not exist yet.
    fn named(engine: Engine, name: &str) -> Result<Self> {
        let url = match engine {
            Engine::Sqlite => {
                std::fs::create_dir_all("target/bench")?;
                format!("sqlite:target/bench/{name}.db")
            }
            Engine::Postgres | Engine::Mysql => {
                let mut url = engine.server()?;
                url.set_path(name);
                url.into()
            }
        };
        let name = name.to_owned();
        Ok(Self { engine, url, name })
    }

    fn is_there(&self) -> bool {
        match self.engine {
            // SQLite's shell would create an empty file and report a missing table.
            Engine::Sqlite => std::fs::exists(self.path()).unwrap_or(false),
            Engine::Postgres | Engine::Mysql => self.sql("SELECT 1").is_ok(),
        }
    }

    /// Empties it, because the demo fills only an empty database.
    fn forget(&self) -> Result<()> {
        self.remove()?;
        match self.engine {
            Engine::Sqlite => Ok(()),
            Engine::Postgres | Engine::Mysql => self
                .engine
                .ask_server(&format!("CREATE DATABASE {}", self.name))
                .map(drop),
        }
    }

    /// Removes the database if it exists.
    fn remove(&self) -> Result<()> {
        let forced = match self.engine {
            Engine::Sqlite => {
                for suffix in ["", "-wal", "-shm", "-journal"] {
                    let file = format!("{}{suffix}", self.path());
                    if std::fs::exists(&file)? {
                        std::fs::remove_file(file)?;
                    }
                }
                return Ok(());
            }
            // The server may still have connections of a service that has just ended.
            Engine::Postgres => " WITH (FORCE)",
            Engine::Mysql => "",
        };
        self.engine
            .ask_server(&format!("DROP DATABASE IF EXISTS {}{forced}", self.name))
            .map(drop)
    }

    /// The file of an SQLite database.
    pub(crate) fn path(&self) -> &str {
        self.url.strip_prefix("sqlite:").unwrap_or(&self.url)
    }
}
