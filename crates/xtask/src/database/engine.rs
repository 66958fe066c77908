//! The three engines, and which of them can be measured on this machine.

use clap::ValueEnum;
use url::Url;

use super::tools;
use crate::Result;
use crate::shell::{is_here, output, program};

/// One of the three engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    Mysql,
}

impl Engine {
    /// For the table of results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MariaDB",
        }
    }

    /// Whether its server answers and its shell is installed.
    pub(crate) fn is_found(self) -> bool {
        let shell = match self {
            Self::Sqlite => "sqlite3",
            Self::Postgres => "psql",
            Self::Mysql => "mariadb",
        };
        let found = is_here(shell) && (self == Self::Sqlite || self.ask_server("SELECT 1").is_ok());
        if !found {
            eprintln!("SKIPPED: {}, its server or its shell is missing", self.name());
        }
        found
    }

    /// The version of the server, and for SQLite that of its shell.
    pub(crate) fn version(self) -> Result<String> {
        match self {
            Self::Sqlite => Ok(output(program("sqlite3", [":memory:", "SELECT sqlite_version()"]))?
                .trim()
                .to_owned()),
            Self::Postgres => self.ask_server("SHOW server_version"),
            Self::Mysql => self.ask_server("SELECT version()"),
        }
    }

    /// Sends a statement to the server outside of the measured databases, for example to create them.
    pub(super) fn ask_server(self, statement: &str) -> Result<String> {
        tools::sql(self, &self.server()?, statement)
    }

    /// Where the server is.
    pub(super) fn server(self) -> Result<Url> {
        let (variable, default) = match self {
            Self::Sqlite => return Err("SQLite has no server".into()),
            Self::Postgres => ("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
            Self::Mysql => ("TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/"),
        };
        Ok(std::env::var(variable).unwrap_or_else(|_| default.to_owned()).parse()?)
    }
}
