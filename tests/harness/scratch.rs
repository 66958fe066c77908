//! A database that lives as long as its test.

use std::path::Path;
use std::time::{Duration, SystemTime};

use campus_backup_migration::{Migrator, MigratorTrait};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use sea_orm::sqlx::Executor as _;
use sea_orm::sqlx::sqlite::SqliteJournalMode;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, QueryResult, Statement};
use tempfile::TempDir;
use uuid::Uuid;

use super::defaults::Mariadb;
use super::engine::{Engine, blocking};
use super::{PATIENCE, until};

const PREFIX: &str = "test_";

/// An empty database of its own, and a folder. Both go when it goes.
pub struct Scratch {
    engine: Engine,
    name: String,
    url: String,
    connection: DatabaseConnection,
    folder: TempDir,
    /// The server that is this database's alone.
    own_server: Option<Mariadb>,
}

impl Scratch {
    /// A database without a table.
    pub async fn empty(engine: Engine) -> Self {
        Self::on_server(engine, None).await
    }

    /// The same on a server of its own.
    pub(super) async fn on_server(engine: Engine, own_server: Option<Mariadb>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Version 7 begins with the time, by which those of earlier runs are known.
        let name = format!("{PREFIX}{}", Uuid::now_v7().simple());
        let server = own_server.as_ref().map(Mariadb::url).or_else(|| engine.server());
        let url = match server {
            None => format!("sqlite://{}", folder.path().join("school.db").display()),
            Some(mut server) => {
                connect(server.as_str(), 1)
                    .await
                    .execute_unprepared(&format!("create database {name}"))
                    .await
                    .unwrap();
                server.set_path(&name);
                server.into()
            }
        };
        let connection = connect(&url, 4).await;
        Self {
            engine,
            name,
            url,
            connection,
            folder,
            own_server,
        }
    }

    /// A database with the schema of the service and no row.
    pub async fn migrated(engine: Engine) -> Self {
        let scratch = Self::empty(engine).await;
        scratch.migrate().await;
        scratch
    }

    pub async fn migrate(&self) {
        Migrator::up(&self.connection, None).await.unwrap();
    }

    /// What the server calls it; SQLite has no name for it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// What `DATABASE_URL` has to be.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// The database as the service connects to it.
    pub async fn database(&self) -> campus_backup_domain::Database {
        let settings = campus_backup_domain::database::DatabaseSettings {
            url: self.url.clone(),
            connections: 4,
            readers: 4,
            lock_timeout: Duration::from_secs(10),
        };
        campus_backup_domain::Database::connect(&settings).await.unwrap()
    }

    /// One more connection, for this test only.
    pub async fn another_connection(&self) -> DatabaseConnection {
        connect(&self.url, 1).await
    }

    /// Runs one statement, or several.
    pub async fn execute(&self, sql: &str) {
        if let Err(error) = self.connection.execute_unprepared(sql).await {
            panic!("{:?}: {error}\n{sql}", self.engine);
        }
    }

    /// Every row, every value as text, NULL as none.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        let rows = self.connection.query_all_raw(statement).await;
        let rows = rows.unwrap_or_else(|error| panic!("{:?}: {error}\n{sql}", self.engine));
        rows.iter()
            .map(|row| (0..row.column_names().len()).map(|index| text(row, index)).collect())
            .collect()
    }

    /// The first value of the first row.
    pub async fn value(&self, sql: &str) -> Option<String> {
        let mut rows = self.rows(sql).await;
        assert!(!rows.is_empty(), "no row: {sql}");
        rows.swap_remove(0).swap_remove(0)
    }

    /// The first value of the first row, a number.
    pub async fn number(&self, sql: &str) -> i64 {
        self.value(sql).await.expect(sql).parse().expect(sql)
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("select count(*) from {table}")).await
    }

    /// How many rows each of the seven tables has, as JSON, to compare with what the service says.
    pub async fn counts(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut counts = serde_json::Map::new();
        for table in super::TABLES {
            counts.insert(table.to_owned(), self.count(table).await.into());
        }
        counts
    }

    /// Everything in the seven tables, to see that nothing changed.
    pub async fn everything(&self) -> Vec<Vec<Vec<Option<String>>>> {
        let mut everything = Vec::new();
        for table in super::TABLES {
            everything.push(self.rows(&format!("select * from {table} order by id")).await);
        }
        everything
    }

    /// Ends every connection that the service has, as an administrator of the server would.
    pub async fn terminate_connections_of_the_service(&self) {
        match self.engine {
            Engine::Sqlite => {}
            Engine::Postgres => {
                self.rows(
                    "select pg_terminate_backend(pid)::text from pg_stat_activity \
                     where datname = current_database() and application_name = 'campus-backup'",
                )
                .await;
            }
            Engine::Mysql => {
                let own = self.own_connections().await;
                for id in self.connections().await {
                    if !own.contains(&id) {
                        // It may have ended by itself in the meantime.
                        let _ = self.connection.execute_unprepared(&format!("kill {id}")).await;
                    }
                }
            }
        }
    }

    /// How many connections to this database there are besides the test's own; none can be counted on SQLite.
    pub async fn connections_of_others(&self) -> usize {
        let own = self.own_connections().await;
        self.connections().await.iter().filter(|id| !own.contains(id)).count()
    }

    /// Polls until so many sessions wait for a lock. SQLite does not show which connections wait: there it returns at once.
    pub async fn until_waiting(&self, sessions: i64) {
        let sql = match self.engine {
            Engine::Sqlite => return,
            Engine::Postgres => {
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            }
            // InnoDB's own list of waits is a copy that is not renewed while it is polled. While another holds the locks, a
            // statement that has not ended, other than one with NOWAIT, waits for them.
            Engine::Mysql => {
                "select count(*) from information_schema.processlist where db = database() and command = 'Query' \
                 and id <> connection_id() and info not like '%nowait'"
            }
        };
        until("sessions wait for a lock", PATIENCE, async || {
            self.number(sql).await >= sessions
        })
        .await;
    }

    async fn connections(&self) -> Vec<String> {
        let sql = match self.engine {
            Engine::Sqlite => return Vec::new(),
            Engine::Postgres => "select pid::text from pg_stat_activity where datname = current_database()",
            Engine::Mysql => "select cast(id as char) from information_schema.processlist where db = database()",
        };
        self.rows(sql)
            .await
            .into_iter()
            .map(|mut row| row.swap_remove(0).unwrap())
            .collect()
    }

    /// Those of the pool are held all at once, so that each tells its number.
    async fn own_connections(&self) -> Vec<String> {
        use sea_orm::TransactionTrait;
        let sql = match self.engine {
            Engine::Sqlite => return Vec::new(),
            Engine::Postgres => "select pg_backend_pid()::text",
            Engine::Mysql => "select cast(connection_id() as char)",
        };
        let mut own = Vec::new();
        let mut held = Vec::new();
        for _ in 0..4 {
            let transaction = self.connection.begin().await.unwrap();
            let statement = Statement::from_string(self.connection.get_database_backend(), sql);
            let row = transaction.query_one_raw(statement).await.unwrap().unwrap();
            own.push(text(&row, 0).unwrap());
            held.push(transaction);
        }
        own
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.own_server.is_some() {
            return;
        }
        let Some(server) = self.engine.server() else { return };
        let drop = drop_database(self.engine, &self.name);
        // Best effort: the next run sweeps what stayed.
        blocking(async move {
            if let Ok(connection) = try_connect(server.as_str(), 1).await {
                let _ = connection.execute_unprepared(&drop).await;
            }
        });
    }
}

/// Drops what earlier runs left behind. Runs of the last hours may be other people's, still going on.
pub(super) async fn sweep(engine: Engine, connection: &DatabaseConnection) {
    const OLD: Duration = Duration::from_secs(3 * 60 * 60);
    let sql = match engine {
        Engine::Sqlite => return,
        Engine::Postgres => "select datname::text from pg_database",
        Engine::Mysql => "select cast(schema_name as char) from information_schema.schemata",
    };
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    for row in connection.query_all_raw(statement).await.unwrap_or_default() {
        let Some(name) = text(&row, 0) else { continue };
        let made = name
            .strip_prefix(PREFIX)
            .and_then(|id| Uuid::try_parse(id).ok()?.get_timestamp())
            .map(|time| time.to_unix().0);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        if made.is_some_and(|made| made + OLD.as_secs() < now.as_secs()) {
            let _ = connection.execute_unprepared(&drop_database(engine, &name)).await;
        }
    }
}

fn drop_database(engine: Engine, name: &str) -> String {
    let force = if engine == Engine::Postgres {
        " with (force)"
    } else {
        ""
    };
    format!("drop database if exists {name}{force}")
}

async fn connect(url: &str, size: u32) -> DatabaseConnection {
    try_connect(url, size).await.unwrap()
}

/// What a test writes is written, whatever defaults it gives the server. The mode is the strict one that MySQL and MariaDB
/// have by default, with what sqlx adds: only a strict session refuses a value that does not fit its column.
const MYSQL_SESSION: &str = "set autocommit = 1, completion_type = 0, sql_safe_updates = 0, sql_mode = \
     'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT'";

async fn try_connect(url: &str, size: u32) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(30))
        })
        .map_sqlx_mysql_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move { connection.execute(MYSQL_SESSION).await.map(drop) })
            })
        });
    Database::connect(options).await
}

/// The value as text, whatever its type is; the types are tried from the likely to the rare.
fn text(row: &QueryResult, index: usize) -> Option<String> {
    macro_rules! first_of {
        ($($kind:ty),+) => {
            $(if let Ok(value) = row.try_get_by_index::<Option<$kind>>(index) {
                return value.map(|value| value.to_string());
            })+
        };
    }
    first_of!(
        String,
        i64,
        i32,
        u64,
        bool,
        f64,
        Decimal,
        DateTime<Utc>,
        NaiveDateTime,
        NaiveDate
    );
    panic!(
        "column {index} ({}) has a type that can't be read",
        row.column_names()[index]
    );
}
