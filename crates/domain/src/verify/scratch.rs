//! The folder of a scratch database: gone when it is dropped, and swept at the next start if the program was killed.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::FileType;
use tempfile::TempDir;

use crate::directory::Directory;
use crate::disk;
use crate::error::{Error, Result};
use crate::restore::stage;

/// How its name begins.
const PREFIX: &str = "campus-backup-test-restore-";

/// How many random letters are behind that.
const RANDOM: usize = 6;

/// The database in it.
const DATABASE: &str = "test-restore.db";

/// The file in it that is locked for as long as it is in use.
const LOCK: &str = "lock";

const DOING: &str = "making room for a test restore";

/// A folder for one scratch database.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes one in `place`, if its disk has room for a database of so many bytes of rows.
    ///
    /// # Errors
    /// [`Error::InsufficientStorage`]
    pub(super) fn make(place: &Path, row_bytes: u64) -> Result<Self> {
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
            // On a file system without locks nobody is kept from it, which only a sweep at that moment would notice.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(Error::io(DOING)(error)),
            _ => Ok(Self { folder, _lock: lock }),
        }
    }

    /// The address of the database in it.
    ///
    /// # Errors
    /// If the folder's name can't be written in one.
    pub(super) fn url(&self) -> Result<String> {
        let file = self.folder.path().join(DATABASE);
        let unwritable = || Error::internal(DOING)("the folder's name is not UTF-8");
        let path = file.to_str().ok_or_else(unwritable)?;
        Ok(format!("sqlite://{}", path.replace('%', "%25").replace('?', "%3F")))
    }
}

/// Room for the rows with their indexes, and once more for the log, which has all of it before the commit: 1.6 times what
/// the rows of the demo school's archive have, at the most twice if their texts are long, and some to spare.
fn needed(row_bytes: u64) -> u64 {
    (row_bytes / 2).saturating_mul(5).saturating_add(4 << 20)
}

/// Removes what test restores and restores that were killed have left in a folder, and leaves those alone that are at work, in
/// this process or in another. What is removed has a name that the service gives, is at least as old as `age`, and its lock
/// is free. Nothing else is, and no symbolic link is followed.
///
/// # Errors
/// If the folder can't be read. What can't be removed is logged.
pub fn sweep(place: &Path, age: TimeDelta) -> Result<()> {
    let moment = Utc::now() - age;
    let directory = Directory::at(place);
    let listed = directory.and_then(|directory| Ok((directory.names()?, directory)));
    let (names, directory) = listed.map_err(Error::io("sweeping what test restores have left"))?;
    for name in names
        .iter()
        .filter(|name| is_test_restore(name) || stage::is_name(name))
    {
        match remove_unused(&directory, name, moment) {
            // It has just removed itself, or a person has put something into it.
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                tracing::warn!(name, %error, "what a test restore or a restore has left was not removed");
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
        FileType::RegularFile if stage::is_name(name) => place.remove(name),
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
                // It was killed before there was anything else in it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            place.remove_directory(name)
        }
        // Another's.
        _ => Ok(()),
    }
}

fn remove_if_there(folder: &Directory, name: &str) -> io::Result<()> {
    match folder.remove(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Whether it is a name that [`Scratch::make`] gives.
fn is_test_restore(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX);
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_full_disk_is_told_before_it_is_full() {
        let place = tempfile::tempdir().unwrap();
        let refused = Scratch::make(place.path(), u64::MAX).unwrap_err();
        assert!(matches!(refused, Error::InsufficientStorage { .. }), "{refused}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_nobody_uses_is_swept() {
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
        let killed = Scratch::make(place.path(), 0).unwrap().folder.keep();
        fs::write(killed.join("test-restore.db"), "rows").unwrap();
        fs::write(inside("restore-0123456789abcdef0123456789abcdef.db"), "").unwrap();
        let used = Scratch::make(place.path(), 0).unwrap();
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
        let mixed = Scratch::make(place.path(), 0).unwrap().folder.keep();
        fs::write(mixed.join("notes.txt"), "of a person").unwrap();
        sweep(place.path(), TimeDelta::zero()).unwrap();
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
        assert!(mixed.join("notes.txt").exists());
    }
}
