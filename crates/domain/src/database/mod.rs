//! The connection to one of the three engines.
//!
//! A [`Database`] has two pools. Requests use the one; what reads whole tables uses the other, which has a limit of
//! its own, so that readers who stall can never keep a sign-in or a clear from getting a connection. On SQLite what
//! changes whole tables has a third one, whose connections leave foreign keys to the end of a change, and the signs of
//! life of long work a fourth one, which waits for no lock. [`session`] sets on each connection what must not depend on the
//! defaults of a server, [`reachability`] says why a server is not reached, [`inspection`] finds out before the first write whose tables a database has, [`check`] whether the
//! database can be used as it is set up, with [`defect`] for what is wrong; [`schema`] brings the schema up to date, [`id_counter`] says how far ids have come, [`clock`] is the one that all copies of the service go by.

mod check;
mod clock;
mod defect;
mod id_counter;
mod inspection;
mod reachability;
mod schema;
mod session;
mod tx_connection;

use std::fs::OpenOptions;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

pub use self::defect::{Defect, DefectReason};
pub(crate) use self::id_counter::{FRESH_STATISTICS, counter_sql};
pub use self::inspection::SchemaState;
use self::session::SearchPath;
pub(crate) use self::tx_connection::TxConnection;
use crate::catalog::Table;
use crate::error::{Error, Result};

/// One of the three engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

impl Engine {
    /// The word for it in answers and archives.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
            Self::Mysql => "mysql",
        }
    }

    /// The engine of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let engines = [Self::Sqlite, Self::Postgres, Self::Mysql];
        engines.into_iter().find(|engine| engine.name() == name)
    }
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite:`, `postgres:` or `mysql:`.
    pub url: String,
    /// How many connections requests share.
    pub connections: u32,
    /// How many readers of whole tables there may be at a time.
    pub readers: u32,
    /// How long a request waits for a connection or for another writer.
    pub lock_timeout: Duration,
}

impl DatabaseSettings {
    /// Where the database is, for people: the file's path, or the address without its password and options.
    pub fn place(&self) -> String {
        if let Some(file) = sqlite_file(&self.url) {
            return std::path::absolute(&file).unwrap_or(file).display().to_string();
        }
        let Ok(mut url) = Url::parse(&self.url) else {
            return "the database".to_owned();
        };
        // An address that can't have a password has none.
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.into()
    }
}

/// How many of the service's own works may read whole tables at a time, beside the downloads.
const WORKERS: u32 = 3;

/// The database, connected.
#[derive(Clone, Debug)]
pub struct Database {
    requests: DatabaseConnection,
    readers: DatabaseConnection,
    changes: DatabaseConnection,
    signs: DatabaseConnection,
    cores: usize,
    readers_at_most: usize,
    reader_permits: Arc<Semaphore>,
    worker_permits: Arc<Semaphore>,
    pair_permits: Arc<Semaphore>,
    engine: Engine,
    file: Option<Arc<File>>,
}

/// The file of an SQLite database, and which file it was when it was opened.
#[derive(Debug)]
struct File {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Database {
    /// Connects. On SQLite this makes the file if there is none, and switches it to WAL mode: [`Database::inspect`] says
    /// before whether it is another program's. No migration is run.
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self> {
        let path = sqlite_file(&settings.url);
        if let Some(path) = &path {
            if let Some(defect) = check::locking(path) {
                return Err(Error::DatabaseDefect(defect));
            }
            create_private(path)
                .map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
                .map_err(Error::io("creating the database file"))?;
        }
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let pairs = match path {
            Some(_) => u32::try_from(cores / 2).unwrap_or(u32::MAX),
            None => 0,
        };
        let search_path = SearchPath::default();
        let connect = async |pool| connect_pool(settings, pool, &search_path).await;
        let requests = connect(Pool::Requests).await?;
        let readers = connect(Pool::Readers { pairs }).await?;
        let engine = match requests.get_database_backend() {
            DbBackend::Postgres => Engine::Postgres,
            DbBackend::MySql => Engine::Mysql,
            _ => Engine::Sqlite,
        };
        let changes = match engine {
            Engine::Sqlite => connect(Pool::Changes).await?,
            Engine::Postgres | Engine::Mysql => requests.clone(),
        };
        let signs = match engine {
            Engine::Sqlite => connect(Pool::Heartbeat).await?,
            Engine::Postgres | Engine::Mysql => requests.clone(),
        };
        let file = path.map(|path| {
            Arc::new(File {
                identity: identity(&path),
                path,
            })
        });
        Ok(Self {
            requests,
            readers,
            changes,
            signs,
            cores,
            readers_at_most: settings.readers as usize,
            reader_permits: Arc::new(Semaphore::new(settings.readers as usize)),
            worker_permits: Arc::new(Semaphore::new(WORKERS as usize)),
            pair_permits: Arc::new(Semaphore::new(cores / 2)),
            engine,
            file,
        })
    }

    /// Which engine it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The pool that requests share.
    pub fn connection(&self) -> &DatabaseConnection {
        &self.requests
    }

    /// The pool of those who read whole tables. Take a permit from [`Database::reader_permit`] first.
    pub(crate) fn readers(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// The pool of [`Change`](crate::change::Change), which on SQLite looks at foreign keys when it commits.
    pub(crate) fn changes(&self) -> &DatabaseConnection {
        &self.changes
    }

    /// A place among those who read whole tables.
    ///
    /// # Errors
    /// [`Error::TooManyDownloads`] if none becomes free in half a second.
    pub(crate) async fn reader_permit(&self) -> Result<OwnedSemaphorePermit> {
        const PATIENCE: Duration = Duration::from_millis(500);
        let permit = self.reader_permits.clone().acquire_owned();
        match tokio::time::timeout(PATIENCE, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(closed)) => Err(Error::internal("taking a place among the readers")(closed)),
            Err(_) => Err(Error::TooManyDownloads {
                retry_after: Duration::from_secs(10),
            }),
        }
    }

    /// A place among those who read whole tables for the service's own work, which downloads can't take away. It is waited
    /// for as long as it takes.
    pub(crate) async fn worker_permit(&self) -> Result<OwnedSemaphorePermit> {
        let permit = self.worker_permits.clone().acquire_owned().await;
        permit.map_err(Error::internal("taking a place among the workers"))
    }

    /// A place for a second thread and connection of somebody who reads whole tables on SQLite, if the other downloads
    /// leave a core for it. It is not waited for: who gets none reads alone.
    pub(crate) fn pair_permit(&self) -> Option<OwnedSemaphorePermit> {
        let readers = self
            .readers_at_most
            .saturating_sub(self.reader_permits.available_permits());
        let seconds = (self.cores / 2).saturating_sub(self.pair_permits.available_permits());
        let left = readers + seconds < self.cores;
        left.then(|| self.pair_permits.clone().try_acquire_owned().ok())?
    }

    /// Begins a transaction that will write, waiting for other writers no longer than the settings say. SQLite takes
    /// its write lock at once, so that the waiting happens here and not in the middle.
    ///
    /// # Errors
    /// [`Error::DatabaseBusy`] if another writer does not let go in time. [`Error::Internal`] if the file of an SQLite
    /// database is no longer the one that was opened, because what is written to it would be lost.
    pub async fn begin_write(&self, doing: &'static str) -> Result<DatabaseTransaction> {
        self.begin_immediate(&self.requests, doing).await
    }

    /// The same for what can be left out: nothing if another writer has SQLite's write lock. The other engines have none;
    /// who gets here touches rows that nobody holds for long.
    pub(crate) async fn try_begin_write(&self, doing: &'static str) -> Result<Option<DatabaseTransaction>> {
        match self.begin_immediate(&self.signs, doing).await {
            Err(Error::DatabaseBusy { .. }) => Ok(None),
            begun => begun.map(Some),
        }
    }

    async fn begin_immediate(&self, pool: &DatabaseConnection, doing: &'static str) -> Result<DatabaseTransaction> {
        self.check_file(doing)?;
        let transaction = pool
            .begin_with_options(TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..Default::default()
            })
            .await
            .map_err(Error::database(doing))?;
        Ok(transaction)
    }

    /// Begins a short transaction that sees one moment of the whole database: the moment of its first read.
    pub(crate) async fn begin_read(&self) -> Result<DatabaseTransaction> {
        self.begin_consistent(&self.requests).await
    }

    /// The same for one who reads whole tables. Take a [`Database::reader_permit`] first.
    pub(crate) async fn begin_snapshot(&self) -> Result<DatabaseTransaction> {
        self.begin_consistent(&self.readers).await
    }

    async fn begin_consistent(&self, pool: &DatabaseConnection) -> Result<DatabaseTransaction> {
        let doing = "beginning a snapshot";
        let (isolation, access) = match self.engine {
            // A deferred transaction that only reads is both.
            Engine::Sqlite => (None, None),
            Engine::Postgres | Engine::Mysql => (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)),
        };
        let transaction = pool
            .begin_with_config(isolation, access)
            .await
            .map_err(Error::database(doing))?;
        if self.engine == Engine::Postgres {
            // TRUNCATE is not MVCC-safe: a snapshot that has not touched a table yet would see it empty. This lock
            // holds it off, as pg_dump does, and lets everything else go on.
            let lock = format!(
                "LOCK TABLE {} IN ACCESS SHARE MODE",
                Table::ALL.map(Table::name).join(", ")
            );
            transaction
                .execute_unprepared(&lock)
                .await
                .map_err(Error::database(doing))?;
        }
        Ok(transaction)
    }

    /// Closes all connections and waits for them, as is needed before an SQLite database's files are removed.
    pub(crate) async fn close(self) {
        for pool in [&self.requests, &self.readers, &self.changes] {
            // What is closed is of no further use, however that went.
            let _ = pool.close_by_ref().await;
        }
    }

    /// Asks the database whether it is there, and whether its file is still the one that was opened: a file that was
    /// swapped under an open connection answers every read and loses every write.
    pub async fn ping(&self) -> Result<()> {
        let doing = "asking the database whether it is there";
        self.check_file(doing)?;
        self.requests.ping().await.map_err(Error::database(doing))
    }

    /// Whether an SQLite database's file is still the one that was opened.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is not, because what is written to it would be lost.
    pub fn check_file(&self, doing: &'static str) -> Result<()> {
        match &self.file {
            Some(file) if identity(&file.path) != file.identity => Err(Error::Internal {
                doing,
                source: "the database file was replaced or removed while the service ran".into(),
            }),
            _ => Ok(()),
        }
    }
}

/// What the connections of a pool are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pool {
    /// Whatever is short.
    Requests,
    /// Reading whole tables, some of them by so many pairs.
    Readers { pairs: u32 },
    /// Changing whole tables.
    Changes,
    /// Signs of life.
    Heartbeat,
}

async fn connect_pool(settings: &DatabaseSettings, pool: Pool, search_path: &SearchPath) -> Result<DatabaseConnection> {
    let size = match pool {
        Pool::Requests | Pool::Changes => settings.connections,
        Pool::Readers { pairs } => settings.readers + WORKERS + pairs,
        Pool::Heartbeat => 1,
    };
    let lock_timeout = settings.lock_timeout;
    let mut options = ConnectOptions::new(&settings.url);
    options
        .max_connections(size)
        .min_connections(0)
        .acquire_timeout(lock_timeout)
        .connect_timeout(lock_timeout)
        .sqlx_logging(false)
        // A connection that the server ended while it lay in the pool is noticed here, not by a request.
        .test_before_acquire(true);
    session::configure(&mut options, pool, lock_timeout, search_path);
    sea_orm::Database::connect(options)
        .await
        .map_err(Error::database("connecting to the database"))
}

/// As the driver reads the address, with its percent-encoding.
fn sqlite_file(url: &str) -> Option<PathBuf> {
    let options = url
        .starts_with("sqlite:")
        .then(|| SqliteConnectOptions::from_str(url).ok())??;
    Some(options.get_filename().to_owned())
}

/// Makes the file for its owner alone, if there is none: password hashes are in it. SQLite gives its other files the
/// same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match options {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
