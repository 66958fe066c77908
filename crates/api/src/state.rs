//! What every handler can reach.

use std::sync::Arc;

use campus_backup_domain::account::Accounts;
use campus_backup_domain::clear::Confirmation;
use campus_backup_domain::job::{self, Jobs, Runner};
use campus_backup_domain::operations::{self, Operations};
use campus_backup_domain::stats::Counter;
use campus_backup_domain::store::{Store, SweepReport};
use campus_backup_domain::{Database, Error, export};
use chrono::TimeDelta;
use futures_util::future::BoxFuture;

use crate::problem::{ApiError, chain};
use crate::readiness::Readiness;
use crate::settings::Settings;

/// What every handler can reach, as `web::Data<AppState>`. Built once, in [`startup`](crate::startup).
#[derive(Clone)]
pub struct AppState {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The database, connected and migrated.
    pub database: Database,
    /// The archives.
    pub operations: Operations,
    /// Counts the rows, for all who ask at once.
    pub counter: Arc<Counter>,
    /// Who may sign in.
    pub accounts: Accounts,
    /// How downloads are made.
    pub downloads: export::ExportSettings,
    /// Whether a clear has to be confirmed.
    pub confirmation: Confirmation,
    /// Long work.
    pub jobs: Jobs,
    /// Whether the service can work.
    pub readiness: Readiness,
}

impl AppState {
    /// The state of a process with these settings that works under the name of `runner`.
    pub fn new(settings: Settings, accounts: Accounts, database: Database, store: Store, runner: Runner) -> Self {
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
        let jobs = Jobs::new(database.clone(), of_jobs(&database, &store), runner);
        Self {
            accounts,
            readiness: Readiness::new(database.clone(), store.clone(), settings.store_policy),
            operations: Operations::new(database.clone(), store, jobs.clone(), operations_settings(&settings)),
            settings: Arc::new(settings),
            counter: Arc::new(Counter::new(database.clone())),
            database,
            downloads,
            confirmation,
            jobs,
        }
    }
}

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn operations_settings(settings: &Settings) -> operations::Settings {
    operations::Settings {
        app_version: VERSION,
        recipients: settings.archive_recipients.clone(),
        keys: settings.archive_keys.clone(),
        scratch: settings.data_dir.clone(),
        undo_window: TimeDelta::from_std(settings.undo_window).unwrap_or(TimeDelta::MAX),
        upload_limit: settings.upload_limit,
    }
}

/// What jobs that died have left among the archives is removed when that is noticed, and what they have published is found.
fn of_jobs(database: &Database, store: &Store) -> job::Settings {
    let (swept, asked) = (store.clone(), (database.clone(), store.clone()));
    let sweep = move |_| {
        let store = swept.clone();
        tokio::spawn(async move { report(store.sweep().await) });
    };
    let published = move || -> BoxFuture<'static, Result<job::Published, Error>> {
        let (database, store) = asked.clone();
        Box::pin(async move { operations::published(&database, &store).await })
    };
    job::Settings {
        interrupted: Arc::new(sweep),
        published: Arc::new(published),
        ..job::Settings::new(ApiError::fault_of_job)
    }
}

/// Says in the log what was swept. A store that is slow to answer, or does not, keeps nobody from anything.
pub(crate) fn report(swept: Result<SweepReport, Error>) {
    match swept {
        Ok(swept) if swept == SweepReport::default() => {}
        Ok(swept) => tracing::info!(?swept, "removed what was left among the archives"),
        Err(error) => tracing::warn!(
            error = chain(&error),
            "what may be left among the archives was not removed"
        ),
    }
}
