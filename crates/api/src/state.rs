//! What every handler can reach.

use std::sync::Arc;

use campus_backup_domain::account::Accounts;
use campus_backup_domain::clear::Confirmation;
use campus_backup_domain::stats::Counter;
use campus_backup_domain::{Database, Error, export};
use secrecy::SecretString;

use crate::settings::Settings;

/// What every handler can reach, as `web::Data<AppState>`. Built once, in [`startup`](crate::startup).
#[derive(Clone)]
pub struct AppState {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The database, connected and migrated.
    pub database: Database,
    /// Counts the rows, for all who ask at once.
    pub counter: Arc<Counter>,
    /// Who may sign in.
    pub accounts: Accounts,
    /// How downloads are made.
    pub downloads: export::Settings,
    /// Whether a clear has to be confirmed.
    pub confirmation: Confirmation,
}

impl AppState {
    /// The state of a service with these settings.
    ///
    /// # Errors
    /// What the accounts say of their settings.
    pub fn new(settings: Settings, secret: SecretString, database: Database) -> Result<Self, Error> {
        let downloads = export::Settings {
            time_zone: settings.timezone,
            chunk_size: settings.chunk_size,
            stall_timeout: settings.stall_timeout,
            app_version: env!("CARGO_PKG_VERSION"),
        };
        let confirmation = match settings.require_confirmation {
            true => Confirmation::Required,
            false => Confirmation::Optional,
        };
        Ok(Self {
            accounts: Accounts::new(database.clone(), settings.accounts(secret))?,
            settings: Arc::new(settings),
            counter: Arc::new(Counter::new(database.clone())),
            database,
            downloads,
            confirmation,
        })
    }
}
