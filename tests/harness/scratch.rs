//! A database that exists as long as its test.

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
use super::{WAIT_LIMIT, until};

const PREFIX: &str = "test_";

/// An empty database and a folder. Both are removed when this is dropped.
pub struct Scratch {
    engine: Engine,
    name: String,
    url: String,
    connection: DatabaseConnection,
    folder: TempDir,
    /// The server that only this database uses.
    own_server: Option<Mariadb>,
}

impl Scratch {
    /// A database without tables.
    pub async fn empty(engine: Engine) -> Self {
        Self::on_server(engine, None).await
    }

    /// The same on a separate server.
    pub(super) async fn on_server(engine: Engine, own_server: Option<Mariadb>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A UUID of version 7 begins with the time, which identifies the databases of earlier runs.
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

    /// A database with the service's schema and no rows.
    pub async fn migrated(engine: Engine) -> Self {
        let scratch = Self::empty(engine).await;
        scratch.migrate().await;
        scratch
    }

    pub async fn migrate(&self) {
        Migrator::up(&self.connection, None).await.unwrap();
    }

    /// The name on the server. SQLite has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The value for `DATABASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Connects as the service does.
    pub async fn database(&self) -> campus_backup_domain::Database {
        let settings = campus_backup_domain::database::DatabaseSettings {
            url: self.url.clone(),
            connections: 4,
            readers: 4,
            lock_timeout: Duration::from_secs(10),
        };
        campus_backup_domain::Database::connect(&settings).await.unwrap()
    }

    /// Another connection, for this test only.
    pub async fn another_connection(&self) -> DatabaseConnection {
        connect(&self.url, 1).await
    }

    /// Runs one or more statements.
    pub async fn execute(&self, sql: &str) {
        if let Err(error) = self.connection.execute_unprepared(sql).await {
            panic!("{:?}: {error}\n{sql}", self.engine);
        }
    }

    /// All rows, with every value as text. NULL is `None`.
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

    /// The first value of the first row, as a number.
    pub async fn number(&self, sql: &str) -> i64 {
        self.value(sql).await.expect(sql).parse().expect(sql)
    }

    /// The number of rows of a table.
    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("select count(*) from {table}")).await
    }

    /// The number of rows of each of the seven tables as JSON, to compare with the service's answer.
    pub async fn counts(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut counts = serde_json::Map::new();
        for table in super::TABLES {
            counts.insert(table.to_owned(), self.count(table).await.into());
        }
        counts
    }

    /// All rows of the seven tables, to check that they did not change.
    pub async fn everything(&self) -> Vec<Vec<Vec<Option<String>>>> {
        let mut everything = Vec::new();
        for table in super::TABLES {
            everything.push(self.rows(&format!("select * from {table} order by id")).await);
        }
        everything
    }

    /// Ends every connection of the service, as an administrator of the server could.
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
                        // The connection may have ended already.
                        let _ = self.connection.execute_unprepared(&format!("kill {id}")).await;
                    }
                }
            }
        }
    }

    /// The number of connections to this database besides the test's own. On SQLite they can't be counted.
    pub async fn connections_of_others(&self) -> usize {
        let own = self.own_connections().await;
        self.connections().await.iter().filter(|id| !own.contains(id)).count()
    }

    /// Polls until this many sessions wait for a lock. Returns at once on SQLite, which does not show waiting
    /// connections.
    pub async fn until_waiting(&self, sessions: i64) {
        let sql = match self.engine {
            Engine::Sqlite => return,
            Engine::Postgres => {
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            }
            // InnoDB's list of waits is a copy that is not renewed while it is polled. While another client holds the
            // locks, each unfinished statement without NOWAIT waits for them.
            Engine::Mysql => {
                "select count(*) from information_schema.processlist where db = database() and command = 'Query' \
                 and id <> connection_id() and info not like '%nowait'"
            }
        };
        until("sessions wait for a lock", WAIT_LIMIT, async || {
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

    /// All connections of the pool are held at the same time, so that each reports its own id.
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
        // Best effort: the next run removes any remaining databases.
        blocking(async move {
            if let Ok(connection) = try_connect(server.as_str(), 1).await {
                let _ = connection.execute_unprepared(&drop).await;
            }
        });
    }
}

/// Drops the databases of earlier runs. Databases of the last hours are kept, because another run may still use them.
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

/// Ensures that a test's rows are stored whatever defaults it sets on the server. The mode is strict, as it is by
/// default in MySQL and MariaDB, with sqlx's additions. Only a strict session refuses a value that does not fit its
/// column.
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

/// The value as text for any type. The most likely types are tried first.
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
