//! Stores the first bytes of a download, or all of them, until its length is known.
//!
//! The first bytes are kept in memory, the rest in a file without a name: it is private, and the system removes it when
//! it is closed, also after a crash. All downloads together use at most as much of the disk as the [`SpoolSpace`]
//! allows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::disk;
use crate::error::{Error, Result};

/// The bytes that a spool keeps in memory: enough for most tables of a school, and few enough for many downloads at
/// once.
const MEMORY: u64 = 256 * 1024;

/// The bytes of the disk that are reserved at a time.
const STEP: u64 = 1 << 20;

/// The bytes that spools leave free, because the database may be on the same disk.
const KEPT_FREE: u64 = 64 << 20;

const DOING: &str = "spooling a download";

/// The disk space that all downloads share for spooling.
#[derive(Clone, Debug)]
pub struct SpoolSpace(Arc<Space>);

#[derive(Debug)]
struct Space {
    folder: PathBuf,
    limit: u64,
    used: AtomicU64,
}

impl SpoolSpace {
    /// A limit in bytes for files in that folder.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self(Arc::new(Space {
            folder,
            limit,
            used: AtomicU64::new(0),
        }))
    }

    /// An empty spool.
    pub(super) fn spool(&self) -> Spool {
        Spool {
            head: VecDeque::new(),
            file: None,
            reservation: Reservation {
                space: self.clone(),
                bytes: 0,
            },
            in_file: 0,
            length: 0,
            digest: Sha256::new(),
        }
    }
}

/// A part of the [`SpoolSpace`], released when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    space: SpoolSpace,
    bytes: u64,
}

impl Reservation {
    fn grow_to(&mut self, needed: u64) -> Result<()> {
        while self.bytes < needed {
            self.grow()?;
        }
        Ok(())
    }

    fn grow(&mut self) -> Result<()> {
        let Space { folder, limit, used } = &*self.space.0;
        let grown = |used: u64| used.checked_add(STEP).filter(|used| used <= limit);
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .map_err(|used| Error::SpoolFull {
                reason: format!("`--spool-limit` allows {limit} bytes for all downloads together"),
                is_temporary: used > self.bytes,
            })?;
        self.bytes += STEP;
        let free = disk::free(folder).map_err(Error::io(DOING))?;
        if free < KEPT_FREE + STEP {
            return Err(Error::SpoolFull {
                reason: format!(
                    "the disk of the data folder has {free} bytes left, of which {KEPT_FREE} are kept free"
                ),
                is_temporary: false,
            });
        }
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.space.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The spooled bytes, in order.
pub(super) struct Spool {
    head: VecDeque<Bytes>,
    file: Option<File>,
    reservation: Reservation,
    in_file: u64,
    length: u64,
    digest: Sha256,
}

impl Spool {
    /// Appends bytes. After a failure the bytes before can still be read.
    ///
    /// # Errors
    /// [`Error::SpoolFull`], or an I/O error.
    pub(super) fn append(&mut self, bytes: &Bytes) -> Result<()> {
        let added = bytes.len() as u64;
        if self.file.is_none() && self.length + added <= MEMORY {
            self.head.push_back(bytes.clone());
        } else {
            self.reservation.grow_to(self.in_file + added)?;
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(disk::unnamed_file(&self.reservation.space.0.folder).map_err(Error::io(DOING))?),
            };
            file.write_all(bytes).map_err(Error::io(DOING))?;
            self.in_file += added;
        }
        self.length += added;
        self.digest.update(bytes);
        Ok(())
    }

    /// The number of bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Completes it for sending.
    ///
    /// # Errors
    /// An I/O error.
    pub(super) fn into_spooled(self) -> Result<Spooled> {
        let file = match self.file {
            Some(mut file) => {
                file.rewind().map_err(Error::io(DOING))?;
                Some(SpooledFile {
                    file,
                    length: self.in_file,
                    reservation: self.reservation,
                })
            }
            None => None,
        };
        Ok(Spooled {
            head: self.head,
            file,
            length: self.length,
            sha256: self.digest.finalize().into(),
        })
    }
}

/// A completed spool.
pub(super) struct Spooled {
    /// The first bytes.
    pub(super) head: VecDeque<Bytes>,
    /// The bytes after them.
    pub(super) file: Option<SpooledFile>,
    /// The total number of bytes.
    pub(super) length: u64,
    /// Their digest.
    pub(super) sha256: [u8; 32],
}

/// The part of a spool that is not in memory.
pub(super) struct SpooledFile {
    pub(super) file: File,
    /// The number of its bytes that belong to the download. The bytes of a failed append may follow.
    pub(super) length: u64,
    pub(super) reservation: Reservation,
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    const CHUNK_SIZE: usize = 64 * 1024;

    fn space(limit: u64) -> (tempfile::TempDir, SpoolSpace) {
        let folder = tempfile::tempdir().unwrap();
        let space = SpoolSpace::new(folder.path().to_owned(), limit);
        (folder, space)
    }

    fn append(spool: &mut Spool, bytes: u64) -> Result<()> {
        let piece = Bytes::from(vec![b'x'; CHUNK_SIZE]);
        (0..bytes / CHUNK_SIZE as u64).try_for_each(|_| spool.append(&piece))
    }

    #[test]
    fn spooled_file_is_private_and_unnamed() {
        let (folder, space) = space(4 * STEP);
        let mut spool = space.spool();
        append(&mut spool, 2 * STEP).unwrap();
        let spooled = spool.into_spooled().unwrap();
        let metadata = spooled.file.as_ref().unwrap().file.metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(metadata.nlink(), 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(spooled.length, 2 * STEP);
    }

    #[test]
    fn short_download_needs_no_disk() {
        let mut spool = SpoolSpace::new("/nowhere".into(), 0).spool();
        append(&mut spool, MEMORY).unwrap();
        assert!(spool.into_spooled().unwrap().file.is_none());
    }

    #[test]
    fn limit_is_shared_and_space_is_released() {
        let (_folder, space) = space(3 * STEP);
        let mut first = space.spool();
        append(&mut first, 2 * STEP + MEMORY).unwrap();
        let mut second = space.spool();
        append(&mut second, STEP + MEMORY).unwrap();
        let refused = append(&mut second, STEP).unwrap_err();
        assert!(matches!(refused, Error::SpoolFull { is_temporary: true, .. }));
        drop(first);
        append(&mut second, 2 * STEP).unwrap();
        let refused = append(&mut second, STEP).unwrap_err();
        assert!(matches!(
            refused,
            Error::SpoolFull {
                is_temporary: false,
                ..
            }
        ));
        drop(second);
        assert_eq!(space.0.used.load(Ordering::Relaxed), 0);
    }
}
