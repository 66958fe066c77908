//! The folder of the temporary database of a test restore. It is removed when it is dropped, and swept at the next start if the
//! program was killed.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::FileType;
use tempfile::TempDir;

use crate::directory::Directory;
use crate::disk;
use crate::error::{Error, Result};
use crate::restore::staging;

/// The beginning of the folder's name.
const PREFIX: &str = "campus-backup-test-restore-";

/// How many random characters follow.
const RANDOM: usize = 6;

/// The database in the folder.
const DATABASE: &str = "test-restore.db";

/// The file in the folder that is locked while the folder is in use.
const LOCK: &str = "lock";

const DOING: &str = "preparing a test restore";

/// The folder of one temporary database.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Creates a folder in `place`, if its disk has room for a database with so many bytes of rows.
    ///
    /// # Errors
    /// [`Error::InsufficientStorage`]
    pub(super) fn create(place: &Path, row_bytes: u64) -> Result<Self> {
        let (needed, free) = (needed(row_bytes), disk::free(place).map_err(Error::io(DOING))?);
        if free < needed {
            return Err(Error::InsufficientStorage {
                doing: DOING,
                source: format!("{needed} bytes are needed and {free} are free").into(),
            });
        }
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(RANDOM)
            .tempdir_in(place);
        let folder = folder.map_err(Error::io(DOING))?;
        let lock = File::create(folder.path().join(LOCK)).map_err(Error::io(DOING))?;
        match lock.lock() {
            // Without file locks a sweep at the same moment could remove the folder in use.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(Error::io(DOING)(error)),
            _ => Ok(Self { folder, _lock: lock }),
        }
    }

    /// The URL of the database in the folder.
    ///
    /// # Errors
    /// If the folder's name is not UTF-8.
    pub(super) fn url(&self) -> Result<String> {
        let file = self.folder.path().join(DATABASE);
        let unwritable = || Error::internal(DOING)("the folder's name is not UTF-8");
        let path = file.to_str().ok_or_else(unwritable)?;
        Ok(format!("sqlite://{}", path.replace('%', "%25").replace('?', "%3F")))
    }
}

/// The bytes that a test restore needs: for rows and indexes, and the same again for the write-ahead log, which has
/// all of it before the commit. Rows of the demo school need 1.6 times their size in the archive, long texts at most
/// twice; 4 MiB are added.
fn needed(row_bytes: u64) -> u64 {
    (row_bytes / 2).saturating_mul(5).saturating_add(4 << 20)
}

/// Removes the leftovers of killed restores and test restores from a folder. Files of running ones stay, in this process or
/// in another. A leftover has a name that the service gives, is at least as old as `age`, and its lock is free.
/// Other files stay, and symbolic links are not followed.
///
/// # Errors
/// If the folder can't be read. Leftovers that can't be removed are logged.
pub fn sweep(place: &Path, age: TimeDelta) -> Result<()> {
    let moment = Utc::now() - age;
    let directory = Directory::at(place);
    let listed = directory.and_then(|directory| Ok((directory.names()?, directory)));
    let (names, directory) = listed.map_err(Error::io("removing leftovers of test restores"))?;
    for name in names
        .iter()
        .filter(|name| is_test_restore(name) || staging::is_name(name))
    {
        match remove_unused(&directory, name, moment) {
            // Its owner has just removed it, or it has another file.
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                tracing::warn!(name, %error, "a leftover of a restore or a test restore was not removed");
            }
            _ => {}
        }
    }
    Ok(())
}

fn remove_unused(place: &Directory, name: &str, moment: DateTime<Utc>) -> io::Result<()> {
    let status = place.status(name)?;
    match status.kind {
        _ if status.changed > moment => Ok(()),
        FileType::RegularFile if staging::is_name(name) => place.remove(name),
        FileType::Directory if is_test_restore(name) => {
            let folder = place.open(name)?;
            match folder.file(LOCK) {
                Ok(lock) if lock.try_lock().is_ok() => {
                    for suffix in ["", "-journal", "-wal", "-shm"] {
                        remove_if_there(&folder, &format!("{DATABASE}{suffix}"))?;
                    }
                    remove_if_there(&folder, LOCK)?;
                }
                Ok(_) => return Ok(()),
                // The process was killed before it created the lock.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            place.remove_directory(name)
        }
        // Not a file of this service.
        _ => Ok(()),
    }
}

fn remove_if_there(folder: &Directory, name: &str) -> io::Result<()> {
    match folder.remove(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Whether a file name is one of [`Scratch::create`].
fn is_test_restore(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX);
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn missing_disk_space_is_refused_before_the_restore() {
        let place = tempfile::tempdir().unwrap();
        let refused = Scratch::create(place.path(), u64::MAX).unwrap_err();
        assert!(matches!(refused, Error::InsufficientStorage { .. }), "{refused}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_unused_leftovers_are_swept() {
        let place = tempfile::tempdir().unwrap();
        let inside = |name: &str| place.path().join(name);
        let names = || {
            let entries = fs::read_dir(place.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let others = [
            "campus-backup-test-restore-of-mine",
            "other",
            "restore-0123.db",
            "restore-of-mine.db",
        ];
        for other in others {
            fs::write(inside(other), "stays").unwrap();
        }
        let killed = Scratch::create(place.path(), 0).unwrap().folder.keep();
        fs::write(killed.join("test-restore.db"), "rows").unwrap();
        fs::write(inside("restore-0123456789abcdef0123456789abcdef.db"), "").unwrap();
        let used = Scratch::create(place.path(), 0).unwrap();
        sweep(place.path(), TimeDelta::hours(1)).unwrap();
        assert_eq!(names().len(), others.len() + 3, "they are young");
        sweep(place.path(), TimeDelta::zero()).unwrap();
        assert!(!killed.exists());
        assert!(used.folder.path().exists());
        drop(used);
        assert_eq!(names(), others);
    }

    #[test]
    fn sweep_follows_no_link_and_removes_no_file_of_others() {
        let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join(LOCK), "").unwrap();
        fs::write(outside.path().join(DATABASE), "of another program").unwrap();
        let link = |name: &str| std::os::unix::fs::symlink(outside.path(), place.path().join(name)).unwrap();
        link("campus-backup-test-restore-a1b2c3");
        link("restore-0123456789abcdef0123456789abcdef.db");
        let mixed = Scratch::create(place.path(), 0).unwrap().folder.keep();
        fs::write(mixed.join("notes.txt"), "of a person").unwrap();
        sweep(place.path(), TimeDelta::zero()).unwrap();
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
        assert!(mixed.join("notes.txt").exists());
    }
}
