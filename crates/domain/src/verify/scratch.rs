//! The folder of a scratch database: gone when it is dropped, and swept at the next start if the program was killed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use tempfile::TempDir;

use crate::disk;
use crate::error::{Error, Result};

/// How its name begins.
const PREFIX: &str = "campus-backup-rehearsal-";

/// The file in it that is locked for as long as it is in use.
const LOCK: &str = "lock";

const DOING: &str = "making room for a rehearsal";

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
    /// [`Error::NoRoom`]
    pub(super) fn make(place: &Path, row_bytes: u64) -> Result<Self> {
        let (needed, free) = (needed(row_bytes), disk::free(place).map_err(Error::io(DOING))?);
        if free < needed {
            return Err(Error::NoRoom {
                doing: DOING,
                source: format!("{needed} bytes are needed and {free} are free").into(),
            });
        }
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(place);
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
        let file = self.folder.path().join("rehearsal.db");
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

/// Removes what rehearsals that were killed have left in a folder, and leaves those alone that are at work, in this
/// process or in another.
///
/// # Errors
/// What the system says. What could be removed is.
pub fn sweep(place: &Path) -> Result<()> {
    let doing = "sweeping what rehearsals have left";
    for entry in fs::read_dir(place).map_err(Error::io(doing))? {
        let entry = entry.map_err(Error::io(doing))?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove_unused(&entry.path()).map_err(Error::io(doing))?;
        }
    }
    Ok(())
}

fn remove_unused(folder: &Path) -> io::Result<()> {
    let removed = match File::open(folder.join(LOCK)) {
        Ok(lock) if lock.try_lock().is_ok() => fs::remove_dir_all(folder),
        Ok(_) => return Ok(()),
        // It was killed before there was anything else in it.
        Err(error) if error.kind() == ErrorKind::NotFound => fs::remove_dir(folder),
        Err(error) => Err(error),
    };
    match removed {
        // It has just removed itself.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_before_it_is_full() {
        let place = tempfile::tempdir().unwrap();
        let refused = Scratch::make(place.path(), u64::MAX).unwrap_err();
        assert!(matches!(refused, Error::NoRoom { .. }), "{refused}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_nobody_uses_is_swept() {
        let place = tempfile::tempdir().unwrap();
        let names = || {
            let entries = fs::read_dir(place.path()).unwrap();
            entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
        };
        fs::write(place.path().join("other"), "stays").unwrap();
        let killed = Scratch::make(place.path(), 0).unwrap().folder.keep();
        fs::write(killed.join("rehearsal.db"), "rows").unwrap();
        let used = Scratch::make(place.path(), 0).unwrap();
        sweep(place.path()).unwrap();
        assert!(!killed.exists());
        assert!(used.folder.path().exists());
        drop(used);
        assert_eq!(names(), [place.path().join("other")]);
    }
}
