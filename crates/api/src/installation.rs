//! What a command works on: the data folder, the database and the place of the archives. `serve`, `migrate`, `demo` and
//! `admin create` make what is missing; every other command needs all of it and makes nothing.

use std::path::{Path, PathBuf};

use campus_backup_domain::database::SchemaState;

use crate::failure::Failure;
use crate::settings::Settings;

/// Whether a command may make an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installation {
    /// What is missing is made.
    CreateIfMissing,
    /// All of it must be there. A mistyped path is refused, and nothing appears there.
    Required,
}

/// Whether there is an installation where the settings say, with `found` in its database.
///
/// # Errors
/// [`Failure::Settings`] with a line that names what is missing; [`Failure::OlderSchema`] if its migrations have not been
/// run: the service may be running on it, as an older version.
pub fn require(settings: &Settings, found: &SchemaState) -> Result<(), Failure> {
    let data_dir = &settings.data_dir;
    if !data_dir.is_dir() {
        let folder = format!("the data folder {}", shown(data_dir));
        return Err(missing(
            &folder,
            "does not exist",
            "--data-dir (CAMPUS_BACKUP_DATA_DIR)",
        ));
    }
    let database = format!("the database {}", settings.database.place());
    match found {
        SchemaState::Empty => {
            return Err(missing(
                &database,
                "does not exist or is empty",
                "--database-url (DATABASE_URL)",
            ));
        }
        SchemaState::Pending(migrations) => {
            return Err(Failure::OlderSchema {
                database,
                migrations: migrations.len(),
            });
        }
        SchemaState::Current | SchemaState::Newer(_) | SchemaState::Foreign(_) => {}
    }
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

fn missing(what: &str, how: &str, setting: &str) -> Failure {
    Failure::Settings(vec![format!(
        "there is no installation of campus-backup: {what} {how}. Nothing was created. Check {setting}, or create \
         an installation there with `campus-backup migrate`"
    )])
}

/// The whole path: what `./data` means depends on the folder in which the command runs.
fn shown(path: &Path) -> String {
    std::path::absolute(path)
        .unwrap_or(PathBuf::from(path))
        .display()
        .to_string()
}
