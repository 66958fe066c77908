//! Databases with unusual session defaults, as an administrator of the server could set them.
//!
//! A PostgreSQL database has its own defaults. MariaDB's defaults are global, so a separate server is started. Without
//! the programs `mariadbd` and `mariadb-install-db` such a test is skipped.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sea_orm::{ConnectOptions, Database};
use tempfile::TempDir;
use url::Url;

use super::engine::Engine;
use super::scratch::Scratch;
use super::{WAIT_LIMIT, tool, until};

/// Names and values as SQL, for each engine that has such defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// For `ALTER DATABASE ... SET`.
    pub postgres: &'static [(&'static str, &'static str)],
    /// For `SET GLOBAL`.
    pub mysql: &'static [(&'static str, &'static str)],
}

impl Defaults {
    /// An empty database with the schema of the service, whose next sessions have these defaults. `None` if a needed
    /// program is absent.
    pub async fn database(&self, engine: Engine) -> Option<Scratch> {
        let scratch = changeable(engine).await?;
        scratch.migrate().await;
        self.apply(&scratch).await;
        Some(scratch)
    }

    /// Gives these defaults to the next sessions.
    pub async fn apply(&self, scratch: &Scratch) {
        let (prefix, defaults) = self.of(scratch);
        for (name, value) in defaults {
            scratch.execute(&format!("{prefix} {name} = {value}")).await;
        }
    }

    /// Resets these defaults for the next sessions.
    pub async fn reset(&self, scratch: &Scratch) {
        let (prefix, defaults) = self.of(scratch);
        for (name, _) in defaults {
            scratch.execute(&format!("{prefix} {name} = default")).await;
        }
    }

    /// The beginning of the statement that sets a default, and the defaults of this engine.
    fn of(&self, scratch: &Scratch) -> (String, &'static [(&'static str, &'static str)]) {
        match scratch.engine() {
            Engine::Sqlite => (String::new(), &[]),
            Engine::Postgres => (format!("alter database {} set", scratch.name()), self.postgres),
            Engine::Mysql => ("set global".to_owned(), self.mysql),
        }
    }
}

/// An empty database without tables, whose defaults may be changed. `None` if a needed program is absent.
pub async fn changeable(engine: Engine) -> Option<Scratch> {
    let server = match engine {
        Engine::Mysql => Some(Mariadb::start().await?),
        Engine::Sqlite | Engine::Postgres => None,
    };
    Some(Scratch::on_server(engine, server).await)
}

/// A separate server, which stops at the end of the test.
pub struct Mariadb {
    child: Child,
    port: u16,
    // Dropped after the server has stopped.
    _folder: TempDir,
}

impl Mariadb {
    async fn start() -> Option<Self> {
        if !["mariadbd", "mariadb-install-db"].into_iter().all(tool::is_available) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let data = format!("--datadir={}", folder.path().join("data").display());
        // MariaDB removes other servers' temporary tables from a shared folder when it starts.
        let temporary = format!("--tmpdir={}", folder.path().display());
        let user = tool::run(Command::new("id").arg("-un")).stdout;
        let user = format!("--user={}", String::from_utf8(user).unwrap().trim());
        tool::run(Command::new("mariadb-install-db").args([
            "--no-defaults",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
            &data,
            &temporary,
            &user,
        ]));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("mariadbd")
            .args(["--no-defaults", "--bind-address=127.0.0.1", &data, &temporary, &user])
            .args(["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"])
            .arg(format!("--port={port}"))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = Self {
            child: child.unwrap(),
            port,
            _folder: folder,
        };
        until("a server of MariaDB answers", WAIT_LIMIT, async || {
            let mut options = ConnectOptions::new(server.url().as_str());
            options.connect_timeout(Duration::from_secs(1)).sqlx_logging(false);
            Database::connect(options).await.is_ok()
        })
        .await;
        Some(server)
    }

    pub(super) fn url(&self) -> Url {
        Url::parse(&format!("mysql://root@127.0.0.1:{}/", self.port)).unwrap()
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
