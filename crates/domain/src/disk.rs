//! What a disk has room for.

use std::io;
use std::path::Path;

/// Bytes that whoever runs this may still write there.
pub(crate) fn free(place: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(place)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
