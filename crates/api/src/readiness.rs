//! Whether the service is ready. The checks run at most once a second, whatever the number of requests, and have a timeout.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use campus_backup_domain::database::{DefectReason, SchemaState};
use campus_backup_domain::health::{Health, HealthCode, Severity};
use campus_backup_domain::operations::Operations;
use campus_backup_domain::store::{MissingStoreFeature, Store};
use campus_backup_domain::{Database, Error};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::metrics;
use crate::problem::{ApiError, Code, chain};

/// The lifetime of a result.
const FRESH: Duration = Duration::from_secs(1);

/// The lifetime of a check of the tables. Rights and character sets seldom change.
const TABLES_FRESH: Duration = Duration::from_secs(30);

/// The timeout of the database.
const LIMIT: Duration = Duration::from_secs(3);

/// The timeout of the store.
const STORE_LIMIT: Duration = Duration::from_secs(10);

/// The interval of the checks of the store.
const STORE_INTERVAL: Duration = Duration::from_secs(15);

/// The interval of checks that write. Such a check writes and deletes a file, and some stores keep versions of it. Checks in between
/// only read.
const CHECK_FRESH: Duration = Duration::from_secs(60 * 60);

/// The code of the warning that the store has no conditional writes.
const WITHOUT_CONDITIONS: &str = "store_without_conditions";

/// The code of the warning that the store refuses deletions.
const WITHOUT_DELETIONS: &str = "store_without_deletions";

/// The code of the warning that the health of the backups is failing.
const BACKUPS_FAILING: &str = "backups_failing";

/// The codes of all warnings.
const WARNINGS: [&str; 7] = [
    Code::StoreUnavailable.name(),
    Code::StoreMisconfigured.name(),
    Code::InsufficientStorage.name(),
    WITHOUT_CONDITIONS,
    WITHOUT_DELETIONS,
    DefectReason::LittleRoom.code(),
    BACKUPS_FAILING,
];

/// Reasons of the health that the readiness reports itself.
const TOLD_OTHERWISE: [HealthCode; 3] = [
    HealthCode::DatabaseUnavailable,
    HealthCode::StoreUnavailable,
    HealthCode::StoreFull,
];

/// A defect that an administrator should repair although the service is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Warning {
    /// The kind of defect, for programs.
    #[schema(example = "store_unavailable")]
    pub code: &'static str,
    /// What is wrong and how to repair it.
    #[schema(example = "The store of archives can't be reached.")]
    pub detail: String,
}

impl Warning {
    fn of_store(error: &Error) -> Self {
        Self {
            code: match error {
                Error::StoreMisconfigured { .. } => Code::StoreMisconfigured.name(),
                Error::InsufficientStorage { .. } => Code::InsufficientStorage.name(),
                _ => Code::StoreUnavailable.name(),
            },
            // The answer is public, and an error of the store may contain its key.
            detail: format!("Backups and changes are refused: {error}. The log has the details."),
        }
    }

    /// The problem code, if the store does not work at all.
    fn of_broken_store(&self) -> Option<Code> {
        [Code::StoreMisconfigured, Code::StoreUnavailable]
            .into_iter()
            .find(|code| code.name() == self.code)
    }
}

/// Whether the service is ready without its store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorePolicy {
    /// It is ready, with a warning: live data can be read and downloaded.
    #[default]
    Optional,
    /// It is not ready, and should get no requests.
    Required,
}

/// Clones share one state.
#[derive(Clone)]
pub struct Readiness(Arc<ReadinessInner>);

struct ReadinessInner {
    database: Database,
    store: Store,
    health: Health,
    last: tokio::sync::Mutex<Last>,
    store_policy: StorePolicy,
    /// The error of the last check of the store.
    store_warning: Mutex<Option<Warning>>,
}

/// The state of the database.
type Found = Result<Option<Warning>, Arc<ApiError>>;

/// The last result.
#[derive(Default)]
struct Last {
    looked: Option<(Instant, Found)>,
    tables: Option<Instant>,
}

impl Readiness {
    /// A new readiness, before the first check.
    pub fn new(database: Database, store: Store, health: Health, store_policy: StorePolicy) -> Self {
        Self(Arc::new(ReadinessInner {
            database,
            store,
            health,
            last: tokio::sync::Mutex::default(),
            store_policy,
            store_warning: Mutex::default(),
        }))
    }

    /// The warnings, if the service is ready.
    ///
    /// # Errors
    /// The reason why it is not ready.
    pub async fn warnings(&self) -> Result<Vec<Warning>, ApiError> {
        // This costs the database nothing, and if the file is gone, later writes would be lost.
        let kept = self.0.database.check_file("looking at the database file");
        kept.map_err(not_ready)?;
        let room = self.database_warning().await?;
        let store = self.store_warning().clone();
        if let Some(code) = store.as_ref().and_then(Warning::of_broken_store)
            && self.0.store_policy == StorePolicy::Required
        {
            let detail = "The store of archives can't be used. The log has the details.";
            return Err(ApiError::new(code, detail).with_retry_after(STORE_INTERVAL));
        }
        Ok(room.into_iter().chain(store).chain(self.backups_warning()).collect())
    }

    /// The warning that the health of the backups is failing, by its last check. The service is ready all the same: it works, and
    /// an administrator has to reach it.
    fn backups_warning(&self) -> Option<Warning> {
        let report = self.0.health.last()?;
        let codes: Vec<_> = report
            .reasons
            .iter()
            .filter(|reason| reason.severity == Severity::Failing && !TOLD_OTHERWISE.contains(&reason.code))
            .map(|reason| reason.code.name())
            .collect();
        // The answer is public, so it has only the codes.
        (!codes.is_empty()).then(|| Warning {
            code: BACKUPS_FAILING,
            detail: format!(
                "The backups need attention: {}. `GET /backup/health` and `campus-backup health --backups` say more.",
                codes.join(", ")
            ),
        })
    }

    /// Updates the metrics of the readiness.
    pub(crate) async fn measure(&self) {
        let found = self.warnings().await;
        metrics::ready(found.is_ok());
        // The warnings of the store and the backups stay if the service is not ready.
        let warnings = found.unwrap_or_else(|_| {
            let store = self.store_warning().clone();
            store.into_iter().chain(self.backups_warning()).collect()
        });
        for code in WARNINGS {
            metrics::warning(code, warnings.iter().any(|warning| warning.code == code));
        }
        metrics::database_pools(&self.0.database);
    }

    async fn database_warning(&self) -> Result<Option<Warning>, ApiError> {
        // Concurrent requests wait for the same result.
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

    /// Checks the store of archives and keeps the error.
    ///
    /// # Errors
    /// The error, also a timeout.
    pub async fn check_store(&self) -> Result<(), Error> {
        let checked = match tokio::time::timeout(STORE_LIMIT, self.0.store.check()).await {
            Ok(checked) => checked,
            Err(_) => Err(slow_store()),
        };
        let warning = match &checked {
            Ok(checked) => checked.missing_feature().map(|missing| Warning {
                code: match missing {
                    MissingStoreFeature::Conditions => WITHOUT_CONDITIONS,
                    MissingStoreFeature::Deletions => WITHOUT_DELETIONS,
                },
                detail: missing.detail().to_owned(),
            }),
            Err(error) => Some(Warning::of_store(error)),
        };
        self.remember(warning).await;
        checked.map(drop)
    }

    /// Checks whether the store is readable and has space for another backup, and keeps the error.
    async fn look_at_store(&self, operations: &Operations) -> Result<(), Error> {
        let looked = match tokio::time::timeout(STORE_LIMIT, operations.check_room()).await {
            Ok(looked) => looked,
            Err(_) => Err(slow_store()),
        };
        match &looked {
            // The store still does not have the feature.
            Ok(()) => self
                .store_warning()
                .take_if(|warning| ![WITHOUT_CONDITIONS, WITHOUT_DELETIONS].contains(&warning.code)),
            Err(error) => self.store_warning().replace(Warning::of_store(error)),
        };
        let warning = self.store_warning().clone();
        self.remember(warning).await;
        looked
    }

    async fn remember(&self, warning: Option<Warning>) {
        let is_up = warning
            .as_ref()
            .is_none_or(|warning| warning.of_broken_store().is_none());
        *self.store_warning() = warning;
        // A network drive that hangs must not block the metrics.
        let room = tokio::time::timeout(STORE_LIMIT, self.0.store.room()).await;
        metrics::store(is_up, room.ok().and_then(Result::ok).flatten());
    }

    /// Checks the store regularly, until the process ends.
    pub(crate) async fn watch_store(self, operations: Operations) {
        let mut checked_at = Instant::now();
        let mut was_said = false;
        loop {
            tokio::time::sleep(STORE_INTERVAL).await;
            let is_broken = self
                .store_warning()
                .as_ref()
                .and_then(Warning::of_broken_store)
                .is_some();
            let looked = match is_broken || checked_at.elapsed() >= CHECK_FRESH {
                true => {
                    checked_at = Instant::now();
                    self.check_store().await
                }
                false => self.look_at_store(&operations).await,
            };
            match looked {
                Err(error) if !was_said => {
                    tracing::warn!(error = chain(&error), "the store of archives does not work");
                    was_said = true;
                }
                Err(_) => {}
                Ok(()) => was_said = false,
            }
        }
    }

    fn store_warning(&self) -> std::sync::MutexGuard<'_, Option<Warning>> {
        self.0.store_warning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slow_store() -> Error {
    Error::StoreUnavailable {
        doing: "looking at the store of archives",
        source: format!("it did not answer within {} seconds", STORE_LIMIT.as_secs()).into(),
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

/// The answer for any error of the database: the service is not ready.
fn not_ready(error: Error) -> ApiError {
    match ApiError::from(error) {
        error if error.code() == Code::Internal => {
            error.with_code(Code::DatabaseUnavailable, "The database can't be used.")
        }
        error => error,
    }
}
