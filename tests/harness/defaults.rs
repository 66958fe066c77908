//! Databases whose sessions have other defaults than usual, as an administrator of the server may have set them.
//!
//! PostgreSQL has defaults of a database. Those of MariaDB are the whole server's, so a server of its own is started for
//! them; without the programs `mariadbd` and `mariadb-install-db` such a test is left out.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sea_orm::{ConnectOptions, Database};
use tempfile::TempDir;
use url::Url;

use super::engine::Engine;
use super::scratch::Scratch;
use super::{PATIENCE, tool, until};

/// Names and values as SQL, for each engine that has such defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// As for `ALTER DATABASE ... SET`.
    pub postgres: &'static [(&'static str, &'static str)],
    /// As for `SET GLOBAL`.
    pub mysql: &'static [(&'static str, &'static str)],
}

impl Defaults {
    /// An empty database with the schema of the service, whose next sessions begin with these defaults; none where what is
    /// needed for it is absent.
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

    /// Takes these defaults away again.
    pub async fn reset(&self, scratch: &Scratch) {
        let (prefix, defaults) = self.of(scratch);
        for (name, _) in defaults {
            scratch.execute(&format!("{prefix} {name} = default")).await;
        }
    }

    /// How a statement begins that sets one, and which there are.
    fn of(&self, scratch: &Scratch) -> (String, &'static [(&'static str, &'static str)]) {
        match scratch.engine() {
            Engine::Sqlite => (String::new(), &[]),
            Engine::Postgres => (format!("alter database {} set", scratch.name()), self.postgres),
            Engine::Mysql => ("set global".to_owned(), self.mysql),
        }
    }
}

/// An empty database without a table, whose defaults may be changed; none where what is needed for it is absent.
pub async fn changeable(engine: Engine) -> Option<Scratch> {
    let server = match engine {
        Engine::Mysql => Some(Mariadb::start().await?),
        Engine::Sqlite | Engine::Postgres => None,
    };
    Some(Scratch::on_server(engine, server).await)
}

/// A server of its own, which ends with the test.
pub struct Mariadb {
    child: Child,
    port: u16,
    // Dropped after the server was ended.
    _folder: TempDir,
}

impl Mariadb {
    async fn start() -> Option<Self> {
        if !["mariadbd", "mariadb-install-db"].into_iter().all(tool::is_here) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let data = format!("--datadir={}", folder.path().join("data").display());
        // A server that starts removes the temporary tables of others from a folder that they share.
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
        until("a server of MariaDB answers", PATIENCE, async || {
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
