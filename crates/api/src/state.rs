//! The state that every handler can use.

use std::sync::Arc;

use campus_backup_domain::account::Accounts;
use campus_backup_domain::audit::Audit;
use campus_backup_domain::automation::Automation;
use campus_backup_domain::clear::Confirmation;
use campus_backup_domain::clock::Clock;
use campus_backup_domain::destination::{CopyRunner, Destinations};
use campus_backup_domain::health::{Health, HealthSettings};
use campus_backup_domain::job::{self, Jobs, Runner};
use campus_backup_domain::notify::{DeliveryRunner, Notifications, SecretsKey};
use campus_backup_domain::operations::{self, Operations};
use campus_backup_domain::retention::Retention;
use campus_backup_domain::schedule::{RunnerSettings, ScheduleRunner, Schedules};
use campus_backup_domain::stats::Counter;
use campus_backup_domain::store::{Store, SweepReport};
use campus_backup_domain::{Database, Error, export};
use chrono::TimeDelta;
use futures_util::future::BoxFuture;

use crate::problem::{ApiError, chain};
use crate::readiness::Readiness;
use crate::settings::{ScheduleSwitch, Settings};

/// The state that every handler can use, as `web::Data<AppState>`. Built once, in [`startup`](crate::startup).
#[derive(Clone)]
pub struct AppState {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The database, connected and migrated.
    pub database: Database,
    /// The operations on archives and data.
    pub operations: Operations,
    /// Counts the rows, once for concurrent requests.
    pub counter: Arc<Counter>,
    /// The accounts.
    pub accounts: Accounts,
    /// The settings of downloads.
    pub downloads: export::ExportSettings,
    /// Whether a clear requires a confirmation.
    pub confirmation: Confirmation,
    /// The schedules.
    pub schedules: Schedules,
    /// The retention of archives.
    pub retention: Retention,
    /// The notifications.
    pub notifications: Notifications,
    /// Sends the messages of notifications.
    pub(crate) deliveries: DeliveryRunner,
    /// The destinations.
    pub destinations: Destinations,
    /// Copies archives to the destinations.
    pub(crate) copies: CopyRunner,
    /// The audit.
    pub audit: Audit,
    /// The jobs.
    pub jobs: Jobs,
    /// The readiness of the service.
    pub readiness: Readiness,
    /// The health of the backups.
    pub health: Health,
}

impl AppState {
    /// The state of a process with these settings and this runner.
    pub fn new(
        settings: Settings,
        accounts: Accounts,
        database: Database,
        store: Store,
        runner: Runner,
        secrets_key: Option<SecretsKey>,
    ) -> Self {
        let destinations = settings.destinations(secrets_key.clone());
        let notify = settings.notify(secrets_key);
        let downloads = export::ExportSettings {
            time_zone: settings.timezone,
            chunk_size: settings.chunk_size,
            stall_timeout: settings.stall_timeout,
            app_version: VERSION,
            spool: export::SpoolSpace::new(settings.data_dir.clone(), settings.spool_limit),
        };
        let confirmation = match settings.require_confirmation {
            true => Confirmation::Required,
            false => Confirmation::Optional,
        };
        let jobs = Jobs::new(database.clone(), job_settings(&database, &store), runner);
        let notifications = Notifications::new(database.clone(), store.clone(), Clock::system(), notify.clone());
        let deliveries = DeliveryRunner::new(database.clone(), store.clone(), Clock::system(), notify);
        let first = (store.clone(), settings.archives.clone());
        let copies = CopyRunner::new(database.clone(), first.clone(), Clock::system(), destinations.clone());
        let destinations = Destinations::new(database.clone(), first, Clock::system(), destinations);
        let operations = operations_settings(&settings);
        let operations = Operations::new(database.clone(), store.clone(), jobs.clone(), operations);
        let retention = Retention::new(database.clone(), operations.clone(), Clock::system(), settings.timezone);
        let health = Health::new(
            database.clone(),
            operations.clone(),
            retention.clone(),
            notifications.clone(),
            Clock::system(),
            health_settings(&settings),
        );
        let audit = Audit::new(database.clone(), audit_keep(&settings));
        let readiness = Readiness::new(database.clone(), store, health.clone(), settings.store_policy);
        Self {
            accounts,
            readiness,
            schedules: Schedules::new(database.clone(), operations.clone(), Clock::system()),
            retention,
            notifications,
            deliveries,
            destinations,
            copies,
            operations,
            settings: Arc::new(settings),
            counter: Arc::new(Counter::new(database.clone())),
            database,
            downloads,
            confirmation,
            audit,
            jobs,
            health,
        }
    }

    /// What this copy of the service does by itself.
    pub fn automation(&self) -> Automation {
        let settings = RunnerSettings {
            catch_up: TimeDelta::from_std(self.settings.catch_up).unwrap_or(TimeDelta::MAX),
            attempts: self.settings.schedule_attempts,
        };
        let executor = Arc::new(self.operations.clone());
        let automation = match self.settings.schedules {
            ScheduleSwitch::On => {
                let runner = ScheduleRunner::new(self.database.clone(), executor, Clock::system(), settings);
                Automation::new(runner).with_retention(self.retention.clone())
            }
            ScheduleSwitch::Off => Automation::default(),
        };
        automation
            .with_deliveries(self.deliveries.clone())
            .with_copies(self.copies.clone())
            .with_audit(self.audit.clone())
    }
}

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long the audit keeps its events; none to keep all.
fn audit_keep(settings: &Settings) -> Option<TimeDelta> {
    match settings.audit_days {
        0 => None,
        days => Some(TimeDelta::days(days.into())),
    }
}

fn health_settings(settings: &Settings) -> HealthSettings {
    let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
    HealthSettings {
        stale_after: settings.stale_after.map(delta),
        verify_stale_after: delta(settings.verify_stale_after),
        destination_stale_after: delta(settings.destination_stale_after),
    }
}

fn operations_settings(settings: &Settings) -> operations::OperationSettings {
    operations::OperationSettings {
        app_version: VERSION,
        recipients: settings.archive_recipients.clone(),
        keys: settings.archive_keys.clone(),
        scratch: settings.data_dir.clone(),
        undo_window: TimeDelta::from_std(settings.undo_window).unwrap_or(TimeDelta::MAX),
        upload_limit: settings.upload_limit,
        import_limit: settings.import_limit,
        suspicion_threshold: settings.suspicion_threshold,
    }
}

/// When an interrupted job is reaped, its leftovers among the archives are removed, and the archive that it published is found.
fn job_settings(database: &Database, store: &Store) -> job::JobSettings {
    let (swept, asked) = (store.clone(), (database.clone(), store.clone()));
    let sweep = move |_| {
        let store = swept.clone();
        tokio::spawn(async move { report(store.sweep().await) });
    };
    let published = move || -> BoxFuture<'static, Result<job::Published, Error>> {
        let (database, store) = asked.clone();
        Box::pin(async move { operations::published(&database, &store).await })
    };
    job::JobSettings {
        interrupted: Arc::new(sweep),
        published: Arc::new(published),
        ..job::JobSettings::new(ApiError::fault_of_job)
    }
}

/// Logs the result of a sweep. An unavailable store is only a warning.
pub(crate) fn report(swept: Result<SweepReport, Error>) {
    match swept {
        Ok(swept) if swept == SweepReport::default() => {}
        Ok(swept) => tracing::info!(?swept, "removed leftovers among the archives"),
        Err(error) => tracing::warn!(
            error = chain(&error),
            "leftovers among the archives could not be removed"
        ),
    }
}
