//! The engines' own tools on a database.

use std::fs::File;
use std::process::{Command, Stdio};

use url::Url;

use super::{Database, Engine};
use crate::Result;
use crate::shell::{output, program};

impl Database {
    /// The first value of a statement's result.
    pub(crate) fn sql(&self, statement: &str) -> Result<String> {
        match self.engine {
            Engine::Sqlite => Ok(output(self.shell(statement))?.trim().to_owned()),
            Engine::Postgres | Engine::Mysql => sql(self.engine, &self.url.parse()?, statement),
        }
    }

    /// The engine's own shell, which prints the result of a statement as text.
    pub(crate) fn shell(&self, statement: &str) -> Command {
        match self.engine {
            Engine::Sqlite => program("sqlite3", ["-bail", "-csv", self.path(), statement]),
            Engine::Postgres => {
                let mut command = psql(&self.url);
                command.args(["--command", statement]);
                command
            }
            Engine::Mysql => mariadb(&self.url, &["--quick", "--batch", "--execute", statement]),
        }
    }

    /// The engine's own shell, which runs a file of SQL over one connection.
    pub(crate) fn read(&self, file: &str) -> Result<Command> {
        Ok(match self.engine {
            Engine::Sqlite => program("sqlite3", ["-bail", self.path(), &format!(".read {file}")]),
            Engine::Postgres => {
                let mut command = psql(&self.url);
                command.args(["--set", "ON_ERROR_STOP=1", "--file", file]);
                command
            }
            Engine::Mysql => {
                let mut command = mariadb(&self.url, &["--batch"]);
                command.stdin(File::open(file)?);
                command
            }
        })
    }

    /// The engine's own dump of everything, as plain SQL. MariaDB's is not used as a yardstick.
    pub(crate) fn dump(&self) -> Option<Command> {
        match self.engine {
            Engine::Sqlite => Some(program("sqlite3", [self.path(), ".dump"])),
            Engine::Postgres => Some(program("pg_dump", ["--no-owner", "--dbname", &self.url])),
            Engine::Mysql => None,
        }
    }
}

/// The first value of a statement's result, on one of the servers. The caller describes an error.
pub(super) fn sql(engine: Engine, url: &Url, statement: &str) -> Result<String> {
    let mut command = match engine {
        Engine::Postgres => {
            let mut command = psql(url.as_str());
            command.args(["--no-align", "--command", statement]);
            command
        }
        _ => mariadb(
            url.as_str(),
            &["--batch", "--skip-column-names", "--execute", statement],
        ),
    };
    command.stderr(Stdio::null());
    let answer = command.output()?;
    if !answer.status.success() {
        return Err(format!("{}: {statement}: {}", engine.name(), answer.status).into());
    }
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}

fn psql(url: &str) -> Command {
    program("psql", ["--no-psqlrc", "--quiet", "--tuples-only", "--dbname", url])
}

fn mariadb(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("mariadb");
    if let Ok(url) = Url::parse(url) {
        command.arg(format!("--host={}", url.host_str().unwrap_or("127.0.0.1")));
        command.arg(format!("--port={}", url.port().unwrap_or(3306)));
        command.arg(format!("--user={}", url.username()));
        if let Some(password) = url.password() {
            command.arg(format!("--password={password}"));
        }
        let name = url.path().trim_start_matches('/');
        if !name.is_empty() {
            command.arg(format!("--database={name}"));
        }
    }
    command.args(arguments);
    command
}
