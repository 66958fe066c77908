//! An installation: the data folder, the database and the place of the archives. `serve`, `migrate`, `demo` and `admin create` create
//! missing parts. Every other command creates nothing and requires the parts that its [`Installation`] names.

use campus_backup_domain::database::SchemaState;

use crate::cli::exit::ExitError;
use crate::data_dir::{DATA_DIR, shown};
use crate::settings::Settings;

/// The parts of an installation that a command requires, and whether it may create them. A command that may not refuses a mistyped
/// path and creates nothing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installation {
    /// Missing parts are created.
    CreateIfMissing,
    /// All parts must exist.
    Required,
    /// All parts must exist. An empty database gets the schema, for a restore.
    EmptyDatabase,
    /// The data folder and the database must exist. The archives may be unreachable.
    Database,
    /// Only the archives must exist.
    Archives,
}

/// Demands the required parts of an installation. `found` is the schema of the database.
///
/// # Errors
/// [`ExitError::Settings`] with a line that names the missing part; [`ExitError::OlderSchema`] if migrations are pending, because an
/// older version of the service may be running on the database.
pub fn require(settings: &Settings, installation: Installation, found: &SchemaState) -> Result<(), ExitError> {
    require_data_dir(settings)?;
    let database = format!("the database {}", settings.database.place());
    match found {
        SchemaState::Empty if installation == Installation::EmptyDatabase => {}
        SchemaState::Empty => {
            return Err(missing(
                &database,
                "does not exist or is empty",
                "--database-url (DATABASE_URL)",
            ));
        }
        SchemaState::Pending(migrations) => {
            return Err(ExitError::OlderSchema {
                database,
                migrations: migrations.len(),
            });
        }
        SchemaState::Current | SchemaState::Newer(_) | SchemaState::Foreign(_) => {}
    }
    match installation {
        Installation::Database => Ok(()),
        _ => require_archives(settings),
    }
}

/// Demands the data folder.
///
/// # Errors
/// [`ExitError::Settings`] with a line that names it.
pub fn require_data_dir(settings: &Settings) -> Result<(), ExitError> {
    let data_dir = &settings.data_dir;
    match data_dir.is_dir() {
        true => Ok(()),
        false => Err(missing(
            &format!("the data folder {}", shown(data_dir)),
            "does not exist",
            DATA_DIR,
        )),
    }
}

/// Demands the folder of archives. Another store is not asked.
///
/// # Errors
/// [`ExitError::Settings`] with a line that names it.
pub fn require_archives(settings: &Settings) -> Result<(), ExitError> {
    match settings.archives.local_folder() {
        Some(folder) if !folder.is_dir() => {
            let folder = format!("the folder of archives {}", shown(folder));
            Err(missing(
                &folder,
                "does not exist",
                "--archives (CAMPUS_BACKUP_ARCHIVES)",
            ))
        }
        _ => Ok(()),
    }
}

fn missing(what: &str, how: &str, setting: &str) -> ExitError {
    ExitError::Settings(vec![format!(
        "there is no installation of campus-backup: {what} {how}. Nothing was created. Check {setting}, or create \
         an installation there with `campus-backup migrate`"
    )])
}
