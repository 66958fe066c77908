//! Whether the service can work. It is found out at most once a second, however often it is asked, and within a limit of time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use campus_backup_domain::database::SchemaState;
use campus_backup_domain::store::Store;
use campus_backup_domain::{Database, Error};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::problem::{ApiError, Code, chain};

/// How long an answer is repeated.
const FRESH: Duration = Duration::from_secs(1);

/// How long the tables are taken for usable: rights and character sets seldom change.
const TABLES_FRESH: Duration = Duration::from_secs(30);

/// How long the database has to answer.
const LIMIT: Duration = Duration::from_secs(3);

/// How long a store has to show that it works.
const STORE_LIMIT: Duration = Duration::from_secs(10);

/// How often a store is checked that works, and one that does not.
const STORE_INTERVAL: Duration = Duration::from_secs(60 * 60);
const STORE_INTERVAL_BROKEN: Duration = Duration::from_secs(60);

/// Something that an administrator should mend, although the service can work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Warning {
    /// What kind of thing, for programs.
    #[schema(example = "store_unavailable")]
    pub code: &'static str,
    /// What is wrong and what mends it.
    #[schema(example = "The store of archives can't be reached.")]
    pub detail: String,
}

/// Clones are the same.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    database: Database,
    store: Store,
    last: tokio::sync::Mutex<Last>,
    /// What was wrong with the store when it was checked last.
    store_warning: Mutex<Option<Warning>>,
}

/// What was found out about the database.
type Found = Result<Option<Warning>, Arc<ApiError>>;

/// What was found last.
#[derive(Default)]
struct Last {
    looked: Option<(Instant, Found)>,
    tables: Option<Instant>,
}

impl Readiness {
    /// Nothing is asked yet.
    pub fn new(database: Database, store: Store) -> Self {
        Self(Arc::new(Inner {
            database,
            store,
            last: tokio::sync::Mutex::default(),
            store_warning: Mutex::default(),
        }))
    }

    /// What should be mended, if the service can work.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn warnings(&self) -> Result<Vec<Warning>, ApiError> {
        // It costs the database nothing, and what is written from here on would be lost.
        let kept = self.0.database.check_file("looking at the database file");
        kept.map_err(not_ready)?;
        let room = self.database_warning().await?;
        let store = self.store_warning().clone();
        Ok(room.into_iter().chain(store).collect())
    }

    async fn database_warning(&self) -> Result<Option<Warning>, ApiError> {
        // Who asks meanwhile waits for the same answer.
        let mut last = self.0.last.lock().await;
        if let Some((at, found)) = &last.looked
            && at.elapsed() < FRESH
        {
            return found.clone().map_err(|error| error.repeated());
        }
        let found = match tokio::time::timeout(LIMIT, self.look(&mut last.tables)).await {
            Ok(found) => found,
            Err(_) => {
                let detail = format!("The database did not answer within {} seconds.", LIMIT.as_secs());
                Err(ApiError::new(Code::DatabaseUnavailable, detail))
            }
        };
        let found = found.map_err(Arc::new);
        last.looked = Some((Instant::now(), found.clone()));
        found.map_err(|error| {
            tracing::warn!(error = chain(&*error), "the service is not ready");
            error.repeated()
        })
    }

    async fn look(&self, tables: &mut Option<Instant>) -> Result<Option<Warning>, ApiError> {
        let database = &self.0.database;
        database.ping().await.map_err(not_ready)?;
        database.check_writable().await.map_err(not_ready)?;
        schema_is_current(database.schema_state().await.map_err(not_ready)?)?;
        if tables.is_none_or(|at| at.elapsed() >= TABLES_FRESH) {
            *tables = None;
            database.check_tables().await.map_err(not_ready)?;
            *tables = Some(Instant::now());
        }
        Ok(database.room().map(|defect| Warning {
            code: defect.reason.code(),
            detail: defect.detail,
        }))
    }

    /// Checks the store of archives, and remembers what is wrong with it.
    ///
    /// # Errors
    /// What is wrong, also if it is only slow.
    pub async fn check_store(&self) -> Result<(), Error> {
        let checked = match tokio::time::timeout(STORE_LIMIT, self.0.store.check()).await {
            Ok(checked) => checked,
            Err(_) => Err(Error::StoreUnavailable {
                doing: "checking the store of archives",
                source: format!("it did not answer within {} seconds", STORE_LIMIT.as_secs()).into(),
            }),
        };
        let warning = match &checked {
            Ok(checked) => checked.warning().map(|detail| Warning {
                code: "store_without_conditions",
                detail: detail.to_owned(),
            }),
            Err(error) => Some(Warning {
                code: match error {
                    Error::StoreMisconfigured { .. } => Code::StoreMisconfigured.name(),
                    Error::NoRoom { .. } => Code::NoRoom.name(),
                    _ => Code::StoreUnavailable.name(),
                },
                // Everybody may ask, and what a store has said may name its key.
                detail: format!("Backups and changes are refused: {error}. The log has the details."),
            }),
        };
        *self.store_warning() = warning;
        checked.map(drop)
    }

    /// Goes on checking the store, for as long as the process lives.
    pub(crate) async fn watch_store(self) {
        loop {
            let interval = match *self.store_warning() {
                Some(_) => STORE_INTERVAL_BROKEN,
                None => STORE_INTERVAL,
            };
            tokio::time::sleep(interval).await;
            if let Err(error) = self.check_store().await {
                tracing::warn!(error = chain(&error), "the store of archives does not work");
            }
        }
    }

    fn store_warning(&self) -> std::sync::MutexGuard<'_, Option<Warning>> {
        self.0.store_warning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn schema_is_current(found: SchemaState) -> Result<(), ApiError> {
    let detail = match found {
        SchemaState::Current => return Ok(()),
        SchemaState::Empty => "The database has no table.".to_owned(),
        SchemaState::Foreign(_) => "The database has the tables of another program.".to_owned(),
        SchemaState::Pending(migrations) => {
            format!("The database's schema lacks {} migrations.", migrations.len())
        }
        SchemaState::Newer(_) => "The database's schema is newer than this program.".to_owned(),
    };
    Err(ApiError::new(Code::DatabaseUnavailable, detail).with_reason("schema"))
}

/// Whatever is wrong with the database, for whoever sends requests here the service is not ready.
fn not_ready(error: Error) -> ApiError {
    match ApiError::from(error) {
        error if error.code() == Code::Internal => {
            error.with_code(Code::DatabaseUnavailable, "The database can't be used.")
        }
        error => error,
    }
}
