//! The connection to one of the three engines.
//!
//! A [`Database`] has several pools. Requests use one. Readers of whole tables have another with a limit of its own, so
//! that slow readers can't keep a sign-in or a clear from getting a connection. On SQLite two more exist: one for
//! changes of whole tables, whose connections check foreign keys at the commit, and one for heartbeats, which does not
//! wait for locks.
//!
//! [`session`] sets every session property that must not depend on a server's defaults. [`reachability`] says why a
//! server can't be reached. [`inspection`] finds out whose tables a database has before anything is written.
//! [`read_only`] opens a database of another program. [`check`] says whether the database can be used as it is set up,
//! and [`defect`] what is wrong. [`schema`] runs migrations, [`id_counter`] reads the greatest id of a table, [`clock`]
//! is the common clock of all copies of the service, and [`pool_usage`] counts connections.

mod check;
mod clock;
mod defect;
mod id_counter;
mod inspection;
mod pool_usage;
mod reachability;
mod read_only;
mod schema;
mod session;
mod tx_connection;

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{
    AccessMode, ConnAcquireErr, ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, IsolationLevel, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

pub use campus_backup_engine::Engine;

pub use self::defect::{Defect, DefectReason};
pub(crate) use self::id_counter::{FRESH_STATISTICS, counter_sql};
pub use self::inspection::SchemaState;
pub use self::pool_usage::{POOLS, PoolUsage};
pub use self::read_only::ReadOnlyDatabase;
pub(crate) use self::schema::schema_version;
use self::session::SearchPath;
pub(crate) use self::tx_connection::TxConnection;
use crate::catalog::Table;
use crate::entity::audit_event;
use crate::error::{Error, Result};
use crate::mutex::lock;

/// How to connect.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite:`, `postgres:` or `mysql:`.
    pub url: String,
    /// How many connections requests share.
    pub connections: u32,
    /// How many readers of whole tables may run at a time.
    pub readers: u32,
    /// How long a request waits for a connection or for a lock.
    pub lock_timeout: Duration,
}

impl DatabaseSettings {
    /// The location of the database, for people: the path of the file, or the address without its password and options.
    pub fn place(&self) -> String {
        if let Some(file) = sqlite_file(&self.url) {
            return std::path::absolute(&file).unwrap_or(file).display().to_string();
        }
        let Ok(mut url) = Url::parse(&self.url) else {
            return "the database".to_owned();
        };
        // This fails only for an address that can't have a password.
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.into()
    }
}

/// How many jobs of the service may read whole tables at a time, besides the downloads.
const WORKERS: u32 = 3;

/// The database, connected.
#[derive(Clone, Debug)]
pub struct Database {
    requests: DatabaseConnection,
    readers: DatabaseConnection,
    changes: DatabaseConnection,
    heartbeats: DatabaseConnection,
    cores: usize,
    readers_at_most: usize,
    reader_permits: Arc<Semaphore>,
    worker_permits: Arc<Semaphore>,
    parallel_permits: Arc<Semaphore>,
    audit_permit: Arc<Semaphore>,
    unwritten_events: Arc<Mutex<VecDeque<audit_event::Model>>>,
    engine: Engine,
    file: Option<Arc<SqliteFile>>,
}

/// The file of an SQLite database, and its identity when it was opened.
#[derive(Debug)]
struct SqliteFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Database {
    /// Connects. On SQLite this creates a missing file and switches it to WAL mode. Call [`Database::inspect`] before,
    /// to find out whether the file is another program's. No migration is run.
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
        let parallel = match path {
            Some(_) => u32::try_from(cores / 2).unwrap_or(u32::MAX),
            None => 0,
        };
        let search_path = SearchPath::default();
        let connect = async |pool| connect_pool(settings, pool, &search_path).await;
        let requests = connect(Pool::Requests).await?;
        let readers = connect(Pool::Readers { parallel }).await?;
        let engine = match requests.get_database_backend() {
            DbBackend::Postgres => Engine::Postgres,
            DbBackend::MySql => Engine::Mysql,
            _ => Engine::Sqlite,
        };
        let changes = match engine {
            Engine::Sqlite => connect(Pool::Changes).await?,
            Engine::Postgres | Engine::Mysql => requests.clone(),
        };
        let heartbeats = match engine {
            Engine::Sqlite => connect(Pool::Heartbeat).await?,
            Engine::Postgres | Engine::Mysql => requests.clone(),
        };
        let file = path.map(|path| {
            Arc::new(SqliteFile {
                identity: identity(&path),
                path,
            })
        });
        Ok(Self {
            requests,
            readers,
            changes,
            heartbeats,
            cores,
            readers_at_most: settings.readers as usize,
            reader_permits: Arc::new(Semaphore::new(settings.readers as usize)),
            worker_permits: Arc::new(Semaphore::new(WORKERS as usize)),
            parallel_permits: Arc::new(Semaphore::new(cores / 2)),
            audit_permit: Arc::new(Semaphore::new(1)),
            unwritten_events: Arc::default(),
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

    /// The file for events of the audit that wait for the write lock: beside the database. None on a server, which has no lock
    /// for all writers.
    pub(crate) fn audit_file(&self) -> Option<PathBuf> {
        let mut path = self.file.as_ref()?.path.clone().into_os_string();
        path.push("-audit");
        Some(path.into())
    }

    /// The pool for reading whole tables. Acquire a [`Database::reader_permit`] first.
    pub(crate) fn readers(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// The pool of [`Change`](crate::change::Change). On SQLite it checks foreign keys at the commit.
    pub(crate) fn changes(&self) -> &DatabaseConnection {
        &self.changes
    }

    /// A permit for reading whole tables.
    ///
    /// # Errors
    /// [`Error::TooManyDownloads`] if none becomes free within half a second.
    pub(crate) async fn reader_permit(&self) -> Result<OwnedSemaphorePermit> {
        const PERMIT_TIMEOUT: Duration = Duration::from_millis(500);
        let permit = self.reader_permits.clone().acquire_owned();
        match tokio::time::timeout(PERMIT_TIMEOUT, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(closed)) => Err(Error::internal("taking a place among the readers")(closed)),
            Err(_) => Err(Error::TooManyDownloads {
                retry_after: Duration::from_secs(10),
            }),
        }
    }

    /// A permit for jobs that read whole tables, independent of the downloads. It waits without a limit.
    pub(crate) async fn worker_permit(&self) -> Result<OwnedSemaphorePermit> {
        let permit = self.worker_permits.clone().acquire_owned().await;
        permit.map_err(Error::internal("taking a place among the workers"))
    }

    /// A permit for a second thread and connection of one reader on SQLite, if the other downloads leave a core free.
    /// It does not wait: without a permit the reader works alone.
    pub(crate) fn parallel_permit(&self) -> Option<OwnedSemaphorePermit> {
        let readers = self
            .readers_at_most
            .saturating_sub(self.reader_permits.available_permits());
        let seconds = (self.cores / 2).saturating_sub(self.parallel_permits.available_permits());
        let left = readers + seconds < self.cores;
        left.then(|| self.parallel_permits.clone().try_acquire_owned().ok())?
    }

    /// A permit to try to write an event of the audit while another writer probably holds SQLite's write lock. It does not wait.
    pub(crate) fn try_audit_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.audit_permit.clone().try_acquire_owned().ok()
    }

    /// Events of the audit that wait in the memory, because nothing could be written. The oldest is the first.
    pub(crate) fn unwritten_events(&self) -> MutexGuard<'_, VecDeque<audit_event::Model>> {
        lock(&self.unwritten_events)
    }

    /// Begins a transaction that writes. It waits for other writers up to [`DatabaseSettings::lock_timeout`]. SQLite
    /// takes its write lock at once, so that the waiting happens here.
    ///
    /// # Errors
    /// [`Error::DatabaseBusy`] if another writer holds the lock for longer. [`Error::Internal`] if the file of an
    /// SQLite database was replaced, because writes to it would be lost.
    pub async fn begin_write(&self, doing: &'static str) -> Result<DatabaseTransaction> {
        self.begin_immediate(&self.requests, doing).await
    }

    /// Begins a transaction for a write that may be skipped. On SQLite it gives none if another writer holds the write
    /// lock, or if too many wait for that already. The other engines have no such lock; there the caller only touches rows that
    /// are locked briefly.
    pub(crate) async fn try_begin_write(&self, doing: &'static str) -> Result<Option<DatabaseTransaction>> {
        match self.begin_immediate(&self.heartbeats, doing).await {
            Err(Error::DatabaseBusy { .. }) => Ok(None),
            // The one connection is in use by others that wait for the lock.
            Err(Error::DatabaseUnavailable { source, .. }) if self.engine == Engine::Sqlite && is_timeout(&source) => {
                Ok(None)
            }
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

    /// Begins a short transaction with a consistent view of the whole database, as of its first read.
    pub(crate) async fn begin_read(&self) -> Result<DatabaseTransaction> {
        let doing = "beginning a snapshot";
        let (isolation, access) = match self.engine {
            // A deferred transaction that only reads has both properties.
            Engine::Sqlite => (None, None),
            Engine::Postgres | Engine::Mysql => (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)),
        };
        let transaction = self
            .requests
            .begin_with_config(isolation, access)
            .await
            .map_err(Error::database(doing))?;
        if self.engine == Engine::Postgres {
            // TRUNCATE is not MVCC-safe: a snapshot that has not read a table yet would see it empty. This lock
            // prevents it, as in pg_dump, and blocks nothing else.
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

    /// Closes all connections and waits for that, as is needed before an SQLite database's files are removed.
    pub(crate) async fn close(self) {
        for pool in [&self.requests, &self.readers, &self.changes] {
            // A failure does not matter, because the pool is not used again.
            let _ = pool.close_by_ref().await;
        }
    }

    /// Checks that the database responds, and that its file is still the one that was opened. A file that was replaced
    /// under an open connection answers every read and loses every write.
    pub async fn ping(&self) -> Result<()> {
        let doing = "asking the database whether it is there";
        self.check_file(doing)?;
        self.requests.ping().await.map_err(Error::database(doing))
    }

    /// Checks that the file of an SQLite database is still the one that was opened.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is not, because writes to it would be lost.
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

/// The purpose of a pool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pool {
    /// Short statements.
    Requests,
    /// Reading whole tables; `parallel` of the readers have a second connection.
    Readers { parallel: u32 },
    /// Changing whole tables.
    Changes,
    /// Heartbeats of jobs.
    Heartbeat,
}

async fn connect_pool(settings: &DatabaseSettings, pool: Pool, search_path: &SearchPath) -> Result<DatabaseConnection> {
    let size = match pool {
        Pool::Requests | Pool::Changes => settings.connections,
        Pool::Readers { parallel } => settings.readers + WORKERS + parallel,
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
        // A connection that the server closed while it was idle is noticed here, not by a request.
        .test_before_acquire(true);
    session::configure(&mut options, pool, lock_timeout, search_path);
    sea_orm::Database::connect(options)
        .await
        .map_err(Error::database("connecting to the database"))
}

/// Whether no connection of a pool became free in time.
fn is_timeout(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
}

/// As the driver reads the address, with its percent-encoding.
fn sqlite_file(url: &str) -> Option<PathBuf> {
    let options = url
        .starts_with("sqlite:")
        .then(|| SqliteConnectOptions::from_str(url).ok())??;
    Some(options.get_filename().to_owned())
}

/// Creates a missing file, with access for its owner only: it has password hashes. SQLite gives its other files the
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
