//! The name under which a process does its jobs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use uuid::Uuid;

use crate::disk::open_own;
use crate::error::{Error, Result};

const FILE: &str = "runner";

/// The name of a process among all that do jobs on a database.
///
/// The name of a folder is kept in it, and whoever has it also has an exclusive lock on the file. The system lets go of
/// the lock when the process ends, however it ends. So who gets it knows that no other process has this name any more, and
/// that all its jobs are dead.
#[derive(Debug)]
pub struct Runner {
    id: String,
    lock: Option<File>,
}

impl Runner {
    /// A name that nobody had before and nobody will have.
    pub fn passing() -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            lock: None,
        }
    }

    /// The name of a folder, or a passing one if another process has that, or if the folder's file system has no locks.
    ///
    /// # Errors
    /// [`Error::InsufficientStorage`] and [`Error::Internal`] if the file can't be read or made, or is a symbolic link.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let failed = || Error::io("reading the name of this runner");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = open_own(&mut options, &folder.join(FILE)).map_err(failed())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Self::passing()),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the data folder can't be locked; after a crash, jobs are found dead only later");
                return Ok(Self::passing());
            }
        }
        let mut kept = Vec::new();
        file.read_to_end(&mut kept).map_err(failed())?;
        let kept = std::str::from_utf8(&kept)
            .ok()
            .and_then(|text| Uuid::try_parse(text.trim()).ok());
        let id = match kept {
            Some(id) => id.to_string(),
            None => {
                let id = Uuid::new_v4().to_string();
                write(&mut file, &id).map_err(failed())?;
                id
            }
        };
        Ok(Self { id, lock: Some(file) })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether jobs of this name that were there before are dead.
    pub(super) fn is_alone(&self) -> bool {
        self.lock.is_some()
    }
}

fn write(file: &mut File, id: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{id}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_has_the_name_of_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Runner::of_folder(folder.path()).unwrap();
        let second = Runner::of_folder(folder.path()).unwrap();
        assert!(first.is_alone() && !second.is_alone());
        assert_ne!(first.id(), second.id());
        let name = first.id().to_owned();
        drop(first);
        let third = Runner::of_folder(folder.path()).unwrap();
        assert_eq!(third.id(), name);
        assert!(third.is_alone());
    }

    #[test]
    fn symbolic_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        std::fs::write(&other, "of another program").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(FILE)).unwrap();
        Runner::of_folder(folder.path()).unwrap_err();
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "of another program");
    }

    #[test]
    fn a_file_that_was_cut_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), [0xff, 0x30]).unwrap();
        let name = Runner::of_folder(folder.path()).unwrap().id().to_owned();
        assert!(Uuid::try_parse(&name).is_ok());
        assert_eq!(Runner::of_folder(folder.path()).unwrap().id(), name);
    }
}
