//! The facts that the health is evaluated from.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbErr;

use super::report::KeyHealth;
use crate::database::Database;
use crate::destination::{DestinationStatus, DestinationStatuses};
use crate::error::{Error, Result};
use crate::mutex::lock;
use crate::notify::{NotificationStatus, Notifications};
use crate::operations::{BackupSurvey, Operations};
use crate::retention::{Retention, RetentionHold};
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
    /// Why archives that are due for deletion stay, if so and if the store answers.
    pub(super) held: Option<RetentionHold>,
    /// The enabled notifications.
    pub(super) notifications: Vec<NotificationStatus>,
    /// The destinations, by name.
    pub(super) destinations: Vec<DestinationStatus>,
}

/// Where facts come from.
pub(super) struct FactSources {
    pub(super) database: Database,
    pub(super) operations: Operations,
    pub(super) retention: Retention,
    pub(super) notifications: Notifications,
    /// The result of the last test of a key.
    pub(super) key_test: Mutex<Option<KeyTest>>,
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
    pub(super) async fn gather(sources: &FactSources, now: DateTime<Utc>) -> Result<Self> {
        let FactSources {
            database,
            operations,
            retention,
            notifications,
            key_test,
        } = sources;
        let read = async {
            let schedules = ScheduleStatuses::read(database.connection(), now, GRACE).await?;
            let notifications = notifications.statuses().await?;
            let destinations = DestinationStatuses::read(database.connection()).await?;
            let last_recorded = operations.last_recorded_backup().await?;
            Ok::<_, Error>((schedules, notifications, destinations, last_recorded))
        };
        let (schedules, notifications, destinations, last_recorded) = match tokio::time::timeout(TIMEOUT, read).await {
            Ok(read) => read?,
            Err(_) => return Err(slow_database()),
        };
        let surveyed = async {
            let inventory = operations.inventory().await?;
            let survey = operations.survey(&inventory, now).await?;
            Ok::<_, Error>((survey, retention.held(&inventory).await?))
        };
        let surveyed = match tokio::time::timeout(TIMEOUT, surveyed).await {
            Ok(surveyed) => surveyed,
            Err(_) => Err(slow_store()),
        };
        let (store, held) = match surveyed {
            Ok((survey, held)) => (StoreFacts::Reachable(survey), held),
            Err(error) if is_of_database(&error) => return Err(error),
            Err(error) => {
                let store = StoreFacts::Unreachable {
                    problem: error.to_string(),
                    last_recorded,
                };
                (store, None)
            }
        };
        Ok(Self {
            now,
            schedules,
            key: key(operations, &store, key_test).await,
            store,
            held,
            notifications,
            destinations: destinations.0,
        })
    }
}

async fn key(operations: &Operations, store: &StoreFacts, key_test: &Mutex<Option<KeyTest>>) -> KeyHealth {
    let (encrypts, needs_identity) = (operations.encrypts(), !operations.opens_new_archives());
    let last_backup = match store {
        StoreFacts::Reachable(survey) => survey.last_backup.as_ref(),
        StoreFacts::Unreachable { .. } => None,
    };
    let Some(last_backup) = last_backup else {
        return KeyHealth {
            encrypts,
            opens_last_backup: None,
            needs_identity,
        };
    };
    let tested = lock(key_test).clone();
    let known = tested.filter(|tested| tested.archive_id == last_backup.id);
    let opens_last_backup = match known {
        Some(known) => Some(known.is_usable),
        None => match tokio::time::timeout(TIMEOUT, operations.has_key_for(last_backup)).await {
            Ok(tested) => tested.ok(),
            Err(_) => None,
        },
    };
    if let Some(is_usable) = opens_last_backup {
        *lock(key_test) = Some(KeyTest {
            archive_id: last_backup.id.clone(),
            is_usable,
        });
    }
    KeyHealth {
        encrypts,
        opens_last_backup,
        needs_identity,
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
