//! The facts that the health is evaluated from.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbErr;

use super::report::KeyHealth;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::operations::{BackupSurvey, Operations};
use crate::schedule::ScheduleStatuses;

/// How long the database and the store may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long after its time the backup of a run is expected. All attempts of a run take less than two hours.
pub(super) const GRACE: TimeDelta = TimeDelta::hours(3);

/// The facts at one moment.
#[derive(Clone, Debug)]
pub(super) struct HealthFacts {
    /// The moment.
    pub(super) now: DateTime<Utc>,
    /// The schedules.
    pub(super) schedules: ScheduleStatuses,
    /// The store of archives.
    pub(super) store: StoreFacts,
    /// The encryption of archives.
    pub(super) key: KeyHealth,
}

/// What is known of the store.
#[derive(Clone, Debug)]
pub(super) enum StoreFacts {
    /// It answers.
    Reachable(BackupSurvey),
    /// It does not.
    Unreachable {
        /// Why.
        problem: String,
        /// The newest backup by the records in the database.
        last_recorded: Option<(String, DateTime<Utc>)>,
    },
}

/// Whether a key opens the archive of this id.
#[derive(Clone, Debug)]
pub(super) struct KeyTest {
    archive_id: String,
    is_usable: bool,
}

impl HealthFacts {
    /// Gathers the facts. An archive is opened for the test of its key only if it was not tested before.
    ///
    /// # Errors
    /// Errors of the database, which is also one that does not answer in time.
    pub(super) async fn gather(
        database: &Database,
        operations: &Operations,
        key_test: &Mutex<Option<KeyTest>>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let read = async {
            let schedules = ScheduleStatuses::read(database.connection(), now, GRACE).await?;
            Ok::<_, Error>((schedules, operations.last_recorded_backup().await?))
        };
        let (schedules, last_recorded) = match tokio::time::timeout(TIMEOUT, read).await {
            Ok(read) => read?,
            Err(_) => return Err(slow_database()),
        };
        let survey = match tokio::time::timeout(TIMEOUT, operations.survey(now)).await {
            Ok(survey) => survey,
            Err(_) => Err(slow_store()),
        };
        let store = match survey {
            Ok(survey) => StoreFacts::Reachable(survey),
            Err(error) if is_of_database(&error) => return Err(error),
            Err(error) => StoreFacts::Unreachable {
                problem: error.to_string(),
                last_recorded,
            },
        };
        Ok(Self {
            now,
            schedules,
            key: key(operations, &store, key_test).await,
            store,
        })
    }
}

async fn key(operations: &Operations, store: &StoreFacts, key_test: &Mutex<Option<KeyTest>>) -> KeyHealth {
    let encrypts = operations.encrypts();
    let last_backup = match store {
        StoreFacts::Reachable(survey) => survey.last_backup.as_ref(),
        StoreFacts::Unreachable { .. } => None,
    };
    let Some(last_backup) = last_backup else {
        return KeyHealth {
            encrypts,
            opens_last_backup: None,
        };
    };
    let tested = key_test.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let known = tested.filter(|tested| tested.archive_id == last_backup.id);
    let opens_last_backup = match known {
        Some(known) => Some(known.is_usable),
        None => match tokio::time::timeout(TIMEOUT, operations.has_key_for(last_backup)).await {
            Ok(tested) => tested.ok(),
            Err(_) => None,
        },
    };
    if let Some(is_usable) = opens_last_backup {
        *key_test.lock().unwrap_or_else(PoisonError::into_inner) = Some(KeyTest {
            archive_id: last_backup.id.clone(),
            is_usable,
        });
    }
    KeyHealth {
        encrypts,
        opens_last_backup,
    }
}

fn is_of_database(error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseBusy { .. }
            | Error::DatabaseUnavailable { .. }
            | Error::DatabaseReadOnly { .. }
            | Error::DatabaseAccessDenied { .. }
            | Error::DatabaseLimit { .. }
    )
}

fn slow_database() -> Error {
    Error::DatabaseUnavailable {
        doing: "reading the state of the backups",
        source: DbErr::Custom(unanswered()),
    }
}

fn slow_store() -> Error {
    Error::StoreUnavailable {
        doing: "looking at the store of archives",
        source: unanswered().into(),
    }
}

fn unanswered() -> String {
    format!("there was no answer within {} seconds", TIMEOUT.as_secs())
}
