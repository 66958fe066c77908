//! What a folder needs beyond the common interface: files for their owner alone, durable before they have their name,
//! and locks that say who is still at work.
//!
//! A file that is being written is locked by its writer, and stays so until its manifest is there. The system lets go of
//! the lock when the process ends, however it ends; so whoever sweeps knows at once what a crash left, and takes nothing
//! from another process that is at work.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::NamedTempFile;

use super::id;
use super::manifests::{Mark, Object};
use crate::disk;

/// At the end of the name of whatever is not finished.
pub(super) const UNFINISHED: &str = ".part";
/// Held by whoever changes a manifest.
const LOCK: &str = ".lock";

/// The folder. Clones are the same.
#[derive(Clone)]
pub(super) struct Folder(Arc<Inner>);

struct Inner {
    root: PathBuf,
    /// Archives that have their name and no manifest yet, locked.
    held: Mutex<HashMap<String, File>>,
}

/// What is known of a leftover's writer.
pub(super) enum Writer {
    /// It is at work, here or in another process.
    AtWork,
    /// It is gone. As long as this lives, nobody can take it up again.
    Gone(#[expect(dead_code, reason = "held for its lock")] File),
    /// The file system has no locks.
    Unknown,
}

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    Replaced,
    Kept,
}

impl Folder {
    /// Makes the folder if there is none, for its owner alone.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let is_new = !root.try_exists()?;
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        let root = root.canonicalize()?;
        if let Some(parent) = root.parent().filter(|_| is_new) {
            sync(parent)?;
        }
        Ok(Self(Arc::new(Inner {
            root,
            held: Mutex::default(),
        })))
    }

    pub(super) fn root(&self) -> &Path {
        &self.0.root
    }

    /// Bytes that whoever runs this may still write.
    pub(super) fn room(&self) -> io::Result<u64> {
        disk::free(self.root())
    }

    /// Waits until nobody else changes a manifest, and keeps others from it until it is dropped.
    pub(super) fn lock(&self) -> io::Result<File> {
        let file = File::options().create(true).append(true).open(self.root().join(LOCK))?;
        match file.lock() {
            // A file system without locks is shared by nobody who knows of them.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(file),
        }
    }

    /// Keeps an archive that has its name from being swept, until [`Folder::release`].
    pub(super) fn hold(&self, id: &str, file: File) {
        self.held().insert(id.to_owned(), file);
    }

    pub(super) fn release(&self, id: &str) {
        self.held().remove(id);
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<String, File>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that belongs to some archive.
    pub(super) fn objects(&self) -> io::Result<Vec<Object>> {
        let mut objects = Vec::new();
        for place in fs::read_dir(self.root())? {
            let Some(id) = place?.file_name().into_string().ok().filter(|id| id::is_id(id)) else {
                continue;
            };
            let entries = match fs::read_dir(self.root().join(&id)) {
                Ok(entries) => entries,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else {
                    // Its name is none of ours, or it is gone again.
                    continue;
                };
                if metadata.is_file() {
                    objects.push(Object {
                        id: id.clone(),
                        name,
                        mark: Mark {
                            // Times may be the same for some milliseconds.
                            e_tag: Some(metadata.ino().to_string()),
                            last_modified: metadata.modified()?.into(),
                            size: metadata.len(),
                        },
                    });
                }
            }
        }
        Ok(objects)
    }

    /// Whether somebody is still at work on a file.
    pub(super) fn writer_of(&self, id: &str, name: &str) -> io::Result<Writer> {
        let file = File::open(self.root().join(id).join(name))?;
        match file.try_lock() {
            Ok(()) => Ok(Writer::Gone(file)),
            Err(TryLockError::WouldBlock) => Ok(Writer::AtWork),
            Err(TryLockError::Error(_)) => Ok(Writer::Unknown),
        }
    }

    /// Writes a small file: it has its name when all of it is on the disk.
    pub(super) fn put(&self, id: &str, name: &str, bytes: &[u8], existing: Existing) -> io::Result<()> {
        let mut file = Unfinished::create(self, id, name)?;
        file.write_all(bytes)?;
        file.publish(existing).map(drop)
    }

    /// Removes the folder of an archive that has nothing in it any more.
    pub(super) fn tidy(&self, id: &str) {
        // It has something in it, or was never made.
        let _ = fs::remove_dir(self.root().join(id));
    }
}

/// A file that is being written, under a name that nobody looks for. Dropped, it is gone.
pub(super) struct Unfinished {
    /// None once it has its name.
    file: Option<NamedTempFile>,
    folder: Folder,
    id: String,
    name: String,
    /// The folder of the archive is new.
    is_first: bool,
}

impl Unfinished {
    pub(super) fn create(folder: &Folder, id: &str, name: &str) -> io::Result<Self> {
        let place = folder.root().join(id);
        let is_first = match DirBuilder::new().mode(0o700).create(&place) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        let file = loop {
            let file = tempfile::Builder::new()
                .prefix(&format!(".{name}."))
                .suffix(UNFINISHED)
                .tempfile_in(&place)?;
            // Without locks leftovers are told by their age.
            let _ = file.as_file().lock();
            // Whoever sweeps may have been faster than the lock.
            if file.as_file().metadata()?.nlink() > 0 {
                break file;
            }
        };
        Ok(Self {
            file: Some(file),
            folder: folder.clone(),
            id: id.to_owned(),
            name: name.to_owned(),
            is_first,
        })
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file
            .as_mut()
            .map_or(Ok(()), |file| file.as_file_mut().write_all(bytes))
    }

    /// Forces what was written to the disk.
    pub(super) fn settle(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.as_file().sync_all())
    }

    /// Forces it to the disk, gives it its name and forces that to the disk, too. The file is still locked.
    ///
    /// # Errors
    /// If any of that fails. Then it does not have the name; only if it was to replace another, it may.
    pub(super) fn publish(mut self, existing: Existing) -> io::Result<Option<File>> {
        let Some(file) = self.file.take() else {
            return Ok(None);
        };
        let place = self.folder.root().join(&self.id);
        let path = place.join(&self.name);
        file.as_file().sync_all()?;
        let persisted = match existing {
            Existing::Replaced => file.persist(&path),
            Existing::Kept => file.persist_noclobber(&path),
        };
        let file = persisted.map_err(|error| error.error)?;
        let mut synced = sync(&place);
        if self.is_first {
            synced = synced.and_then(|()| sync(self.folder.root()));
        }
        if synced.is_err() && existing == Existing::Kept {
            // What is not durable must not be seen. If that fails as well, the error is told all the same.
            let _ = fs::remove_file(&path);
        }
        synced.map(|()| Some(file))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            drop(file);
        }
        self.folder.tidy(&self.id);
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
