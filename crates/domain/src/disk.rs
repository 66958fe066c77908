//! Free space on a disk, and the service's own files.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::directory::is_link;

/// The bytes that the user of this process may still write.
pub(crate) fn free(place: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(place)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// A new file without a name in that folder, with access for its owner only. The system removes it when it is closed.
pub(crate) fn unnamed_file(folder: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::TMPFILE.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(flags);
    // Not every file system supports this; there the name is removed at once.
    options
        .open(folder)
        .or_else(|_| Ok(tempfile::NamedTempFile::new_in(folder)?.into_file()))
}

/// Opens a file of the service, with access for its owner only if it is new. A symbolic link is not opened: it may lead
/// to another program's file.
pub(crate) fn open_own(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    options
        .mode(0o600)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| match is_link(&error) {
            true => io::Error::other(format!(
                "`{}` is a symbolic link, which is never followed",
                path.display()
            )),
            false => error,
        })
}
