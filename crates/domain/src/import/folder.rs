//! The folder of one import: the file as it was sent, the staging database of its plan, and the plan.
//!
//! It is in the data folder of the copy of the service that received the file. Its name has the time of the import, so that an
//! abandoned one is removed after [`LIFETIME`] even if its plan was never finished.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::FileType;
use uuid::Uuid;

use super::plan::StoredImport;
use crate::directory::Directory;
use crate::disk;
use crate::error::{Error, Result};

/// For how long an import can be applied, from the time at which its file was sent.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::days(1);

const PREFIX: &str = "import-";
const FILE: &str = "file";
const STAGING: &str = "staging.db";
const PLAN: &str = "plan.json";
/// The plan while it is written.
const UNFINISHED_PLAN: &str = "plan.part";

/// What is being done, for errors.
const DOING: &str = "storing an import";

/// The folder of an import.
#[derive(Clone, Debug)]
pub(crate) struct ImportFolder {
    id: Uuid,
    path: PathBuf,
}

impl ImportFolder {
    /// The folder of an import that has a plan and has not expired.
    ///
    /// # Errors
    /// [`Error::UnknownImport`]
    pub(crate) fn open(place: &Path, id: &str, now: DateTime<Utc>) -> Result<Self> {
        let id = Uuid::try_parse(id).map_err(|_| Error::UnknownImport)?;
        let folder = Self::named(place, id);
        match created_at(id).is_some_and(|created_at| created_at + LIFETIME > now) && folder.path.join(PLAN).is_file() {
            true => Ok(folder),
            false => Err(Error::UnknownImport),
        }
    }

    fn named(place: &Path, id: Uuid) -> Self {
        let path = place.join(format!("{PREFIX}{}", id.simple()));
        Self { id, path }
    }

    pub(crate) fn id(&self) -> String {
        self.id.to_string()
    }

    /// When the import expires.
    pub(crate) fn expires_at(&self) -> DateTime<Utc> {
        created_at(self.id).unwrap_or_else(Utc::now) + LIFETIME
    }

    /// The file as it was sent.
    pub(crate) fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// Creates the file.
    pub(crate) fn create_file(&self) -> Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        disk::open_own(&mut options, &self.file()).map_err(Error::io(DOING))
    }

    /// The staging database of the plan.
    pub(crate) fn staging(&self) -> PathBuf {
        self.path.join(STAGING)
    }

    /// Stores the plan. Before that, the import can't be opened.
    fn write_plan(&self, stored: &StoredImport) -> Result<()> {
        let json = serde_json::to_vec(stored).map_err(Error::internal(DOING))?;
        let unfinished = self.path.join(UNFINISHED_PLAN);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let written = disk::open_own(&mut options, &unfinished).and_then(|mut file| file.write_all(&json));
        let written = written.and_then(|()| std::fs::rename(&unfinished, self.path.join(PLAN)));
        written.map_err(Error::io(DOING))
    }

    /// The plan.
    pub(crate) fn read_plan(&self) -> Result<StoredImport> {
        let doing = "reading an import";
        let mut options = OpenOptions::new();
        options.read(true);
        let file = disk::open_own(&mut options, &self.path.join(PLAN)).map_err(|error| match error.kind() {
            // It was discarded in this moment.
            ErrorKind::NotFound => Error::UnknownImport,
            _ => Error::io(doing)(error),
        })?;
        serde_json::from_reader(io::BufReader::new(file)).map_err(Error::internal(doing))
    }

    /// Removes the folder with its files.
    pub(crate) fn remove(&self) -> Result<()> {
        let place = self.path.parent().unwrap_or(Path::new("."));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let removed = Directory::at(place).and_then(|place| remove(&place, &name));
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("discarding an import")(error)),
            _ => Ok(()),
        }
    }
}

/// The folder of an import that has no plan yet. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct UnfinishedImport {
    folder: ImportFolder,
    is_finished: bool,
}

impl UnfinishedImport {
    /// Creates the folder of a new import.
    pub(crate) fn create(place: &Path) -> Result<Self> {
        let folder = ImportFolder::named(place, Uuid::now_v7());
        let made = DirBuilder::new().mode(0o700).create(&folder.path);
        made.map_err(Error::io(DOING))?;
        Ok(Self {
            folder,
            is_finished: false,
        })
    }

    pub(crate) fn folder(&self) -> &ImportFolder {
        &self.folder
    }

    /// Stores the plan. From now on the folder stays.
    pub(crate) fn finish(mut self, stored: &StoredImport) -> Result<()> {
        self.folder.write_plan(stored)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for UnfinishedImport {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        if let Err(error) = self.folder.remove() {
            let id = self.folder.id();
            tracing::warn!(id, %error, "a file that has no plan was not removed; it will be removed later");
        }
    }
}

/// The time that an id has; none if it is not an id of an import.
fn created_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
}

/// The id in the name of a folder.
fn id_of(name: &str) -> Option<Uuid> {
    let id = name.strip_prefix(PREFIX)?;
    (id.len() == 32).then(|| Uuid::try_parse(id).ok()).flatten()
}

/// Removes the folders of imports that have expired, also those of processes that were killed.
///
/// # Errors
/// If the folder can't be read. Leftovers that can't be removed are logged.
pub(crate) fn sweep(place: &Path, now: DateTime<Utc>) -> Result<()> {
    let directory = Directory::at(place);
    let listed = directory.and_then(|directory| Ok((directory.names()?, directory)));
    let (names, directory) = listed.map_err(Error::io("removing expired imports"))?;
    let is_expired = |name: &&String| {
        let created_at = id_of(name).and_then(created_at);
        created_at.is_some_and(|created_at| created_at + LIFETIME <= now)
    };
    for name in names.iter().filter(is_expired) {
        if let Err(error) = remove(&directory, name)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(name, %error, "an expired import was not removed");
        }
    }
    Ok(())
}

/// Removes a folder with the service's own files in it. A folder with other files stays.
fn remove(place: &Directory, name: &str) -> io::Result<()> {
    if place.status(name)?.kind != FileType::Directory {
        return Ok(());
    }
    let folder = place.open(name)?;
    // Without its plan nothing finds the import.
    for file in [PLAN, UNFINISHED_PLAN, STAGING, FILE] {
        match folder.remove(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    place.remove_directory(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn sweep_removes_expired_imports_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let unfinished = UnfinishedImport::create(place.path()).unwrap();
        let folder = unfinished.folder().clone();
        folder.create_file().unwrap();
        fs::write(folder.staging(), "rows").unwrap();
        fs::create_dir(place.path().join("import-notes")).unwrap();
        fs::write(
            place.path().join("import-0193d2f07a1c7d3e8f4b2c9d1e5a6b70"),
            "of a person",
        )
        .unwrap();
        sweep(place.path(), Utc::now()).unwrap();
        assert!(folder.staging().is_file());
        sweep(place.path(), Utc::now() + LIFETIME + TimeDelta::minutes(1)).unwrap();
        assert!(!folder.path.exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn folder_without_a_plan_and_expired_folder_are_unknown() {
        let place = tempfile::tempdir().unwrap();
        let unfinished = UnfinishedImport::create(place.path()).unwrap();
        let folder = unfinished.folder().clone();
        let open = |id: &str, now| ImportFolder::open(place.path(), id, now);
        assert!(matches!(open(&folder.id(), Utc::now()), Err(Error::UnknownImport)));
        fs::write(folder.path.join(PLAN), "{}").unwrap();
        assert!(open(&folder.id(), Utc::now()).is_ok());
        assert!(matches!(
            open(&folder.id(), folder.expires_at()),
            Err(Error::UnknownImport)
        ));
        for id in [
            "",
            "..",
            "../x",
            "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70",
            &Uuid::nil().to_string(),
        ] {
            assert!(matches!(open(id, Utc::now()), Err(Error::UnknownImport)), "{id}");
        }
        drop(unfinished);
        assert!(!folder.path.exists());
        folder.remove().unwrap();
    }
}
