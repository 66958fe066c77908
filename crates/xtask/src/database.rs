//! The databases that are measured: made once for a scale and kept, and the engines' own tools on them.

use std::path::PathBuf;
use std::process::Command;

use url::Url;

use crate::shell::{is_here, output, program};
use crate::{Result, service};

/// One of the three engines, with the data of one scale.
pub(crate) struct Database {
    /// The engine's name.
    pub(crate) engine: Engine,
    /// What `DATABASE_URL` has to be.
    pub(crate) url: String,
    server: Option<Url>,
    name: String,
}

/// One of the three engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// Those whose server answers and whose shell is installed. SQLite is always among them, or its shell is missing.
    pub(crate) fn found() -> Vec<Self> {
        [Self::Sqlite, Self::Postgres, Self::Mysql]
            .into_iter()
            .filter(|engine| {
                let found = match engine {
                    Self::Sqlite => is_here("sqlite3"),
                    Self::Postgres => {
                        is_here("psql") && engine.server().is_ok_and(|url| sql(*engine, &url, "SELECT 1").is_ok())
                    }
                    Self::Mysql => {
                        is_here("mariadb") && engine.server().is_ok_and(|url| sql(*engine, &url, "SELECT 1").is_ok())
                    }
                };
                if !found {
                    eprintln!("LEFT OUT: {}, its server or its shell is not here", engine.name());
                }
                found
            })
            .collect()
    }

    fn server(self) -> Result<Url> {
        let (variable, default) = match self {
            Self::Sqlite => return Err("SQLite has no server".into()),
            Self::Postgres => ("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
            Self::Mysql => ("TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/"),
        };
        Ok(std::env::var(variable).unwrap_or_else(|_| default.to_owned()).parse()?)
    }
}

impl Database {
    /// The demo school of that scale; filled if it is not there from an earlier run.
    pub(crate) fn of_scale(engine: Engine, scale: u32) -> Result<Self> {
        let name = format!("bench_scale_{scale}");
        let database = match engine {
            Engine::Sqlite => {
                let file = PathBuf::from("target/bench").join(format!("{name}.db"));
                std::fs::create_dir_all("target/bench")?;
                Self {
                    engine,
                    url: format!("sqlite:{}", file.display()),
                    server: None,
                    name,
                }
            }
            Engine::Postgres | Engine::Mysql => {
                let server = engine.server()?;
                let mut url = server.clone();
                url.set_path(&name);
                if sql(engine, &url, "SELECT 1").is_err() {
                    sql(engine, &server, &format!("CREATE DATABASE {name}"))?;
                }
                Self {
                    engine,
                    url: url.into(),
                    server: Some(server),
                    name,
                }
            }
        };
        if database.sql("SELECT count(*) FROM attendance").ok().as_deref() != Some(&(scale * 100_000).to_string()) {
            eprintln!("filling {} at scale {scale}", engine.name());
            database.forget()?;
            output(service::command(&database.url, ["demo", "--scale", &scale.to_string()]))?;
        }
        Ok(database)
    }

    /// Takes away what is there, for the demo fills only an empty database.
    fn forget(&self) -> Result<()> {
        match &self.server {
            None => {
                for suffix in ["", "-wal", "-shm"] {
                    let file = format!("target/bench/{}.db{suffix}", self.name);
                    if std::fs::exists(&file)? {
                        std::fs::remove_file(file)?;
                    }
                }
                Ok(())
            }
            Some(server) => {
                sql(self.engine, server, &format!("DROP DATABASE IF EXISTS {}", self.name))?;
                sql(self.engine, server, &format!("CREATE DATABASE {}", self.name)).map(drop)
            }
        }
    }

    /// The first value that a statement answers with.
    fn sql(&self, statement: &str) -> Result<String> {
        match self.engine {
            Engine::Sqlite => Ok(output(self.shell(statement))?.trim().to_owned()),
            Engine::Postgres | Engine::Mysql => sql(self.engine, &self.url.parse()?, statement),
        }
    }

    /// The engine's own shell, writing what the statement answers as text.
    pub(crate) fn shell(&self, statement: &str) -> Command {
        match self.engine {
            Engine::Sqlite => program("sqlite3", ["-csv", self.path(), statement]),
            Engine::Postgres => program(
                "psql",
                [
                    "--no-psqlrc",
                    "--quiet",
                    "--tuples-only",
                    &self.url,
                    "--command",
                    statement,
                ],
            ),
            Engine::Mysql => mariadb(&self.url, &["--quick", "--batch", "--execute", statement]),
        }
    }

    /// Whether the complete backup has a yardstick on this engine.
    pub(crate) fn has_dump(&self) -> bool {
        self.engine != Engine::Mysql
    }

    /// The engine's own dump of everything, as plain SQL.
    pub(crate) fn dump(&self) -> Command {
        match self.engine {
            Engine::Sqlite => program("sqlite3", [self.path(), ".dump"]),
            Engine::Postgres => program("pg_dump", ["--dbname", &self.url]),
            Engine::Mysql => Command::new("mariadb-dump"),
        }
    }

    fn path(&self) -> &str {
        self.url.strip_prefix("sqlite:").unwrap_or(&self.url)
    }
}

fn sql(engine: Engine, url: &Url, statement: &str) -> Result<String> {
    let mut command = match engine {
        Engine::Postgres => program(
            "psql",
            [
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                url.as_str(),
                "--command",
                statement,
            ],
        ),
        _ => mariadb(
            url.as_str(),
            &["--batch", "--skip-column-names", "--execute", statement],
        ),
    };
    command.stderr(std::process::Stdio::null());
    let answer = command.output()?;
    if !answer.status.success() {
        return Err(format!("{}: {statement}: {}", engine.name(), answer.status).into());
    }
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
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
