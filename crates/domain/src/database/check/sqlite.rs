//! SQLite: the requirements on its file system.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, FlockOperation, access, fcntl_lock};
use rustix::io::Errno;

use super::super::defect::{Defect, DefectReason};
use crate::disk;

/// The file and its folder must be writable, because the log is beside the file.
pub(super) fn writable(file: &Path) -> Option<Defect> {
    let folder = folder(file);
    let places = [(file, Access::WRITE_OK), (&folder, Access::WRITE_OK | Access::EXEC_OK)];
    let (place, errno) = places
        .into_iter()
        .find_map(|(place, needed)| Some((place, access(place, needed).err()?)))?;
    let shown = place.display();
    let how = match errno {
        // A missing file is another defect, which is found before.
        Errno::NOENT => return None,
        Errno::ROFS => "its file system is mounted read-only; mount it for writing".to_owned(),
        _ => format!("the user of the service may not write to it; `chmod u+w {shown}` or `chown` mends that"),
    };
    let detail = format!("The database takes no writes: {shown}: {how}.");
    Some(Defect::new(DefectReason::ReadOnly, detail))
}

pub(super) fn room(file: &Path, least: u64) -> Option<Defect> {
    let folder = folder(file);
    let free = disk::free(&folder).ok().filter(|free| *free < least)?;
    let detail = format!(
        "The disk of the database has {} MiB left: {}. Reading still works; a change or a backup may fail for lack of space. \
         Delete old backups, or free space.",
        free >> 20,
        folder.display()
    );
    Some(Defect::new(DefectReason::LittleRoom, detail))
}

/// Whether files in the folder of a database can be locked as SQLite does it. The check uses a temporary file: closing
/// the database file would end this process's locks on it.
pub(in crate::database) fn locking(file: &Path) -> Option<Defect> {
    // If no file can be created, another check reports it.
    let probe = tempfile::tempfile_in(folder(file)).ok()?;
    lock_defect(file, fcntl_lock(&probe, FlockOperation::NonBlockingLockExclusive))
}

fn lock_defect(file: &Path, locked: Result<(), Errno>) -> Option<Defect> {
    match locked {
        Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            let detail = format!(
                "The database file {} lies on a disk that can't lock files, such as a network drive without its lock service. \
                 Put it on a local disk with --data-dir or --database-url, or mount the drive with locks.",
                file.display()
            );
            Some(Defect::new(DefectReason::NoLocking, detail))
        }
        _ => None,
    }
}

fn folder(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_without_locks_is_reported_with_the_file() {
        let file = Path::new("/mnt/share/campus-backup.db");
        for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
            let defect = lock_defect(file, Err(errno)).unwrap();
            assert_eq!(defect.reason, DefectReason::NoLocking);
            assert!(defect.detail.contains("/mnt/share/campus-backup.db"), "{defect}");
        }
        // The file is locked by another process, so locks are supported.
        assert_eq!(lock_defect(file, Err(Errno::AGAIN)), None);
    }

    #[test]
    fn lock_probe_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(locking(&folder.path().join("school.db")), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn disk_with_little_space_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("school.db");
        assert_eq!(room(&file, 0), None);
        assert_eq!(room(&file, u64::MAX).unwrap().reason, DefectReason::LittleRoom);
    }
}
