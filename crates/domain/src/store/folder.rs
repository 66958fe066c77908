//! The folder backend: files that only their owner can read, durable before they get their name, and locks that show
//! whether a writer is active.
//!
//! A writer locks its file until the manifest exists. The system releases the lock when the process ends, for any
//! reason.
//!
//! The folder may contain foreign files. Symbolic links are never followed ([`Directory`]). An unreadable entry is
//! reported as such and hides no other.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use rustix::fs::FileType;
use rustix::io::Errno;

use super::entry::EntryFault;
use super::id;
use super::names::{self, DELETED, MANIFEST};
use super::object::{Object, ObjectVersion, StoreContents, UnreadableEntry};
use crate::directory::{Directory, FileStatus, OnConflict, OnMissing};
use crate::disk;
use crate::error::is_full;
use crate::mutex::lock;

/// Locked by the process that changes a manifest.
const LOCK: &str = ".lock";

/// The folder. Clones share it.
#[derive(Clone)]
pub(super) struct Folder(Arc<Inner>);

struct Inner {
    root: PathBuf,
    access: FolderAccess,
    /// The locked files of archives that have their name and no manifest yet.
    held: Mutex<HashMap<String, File>>,
}

/// Whether opening a folder may create it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FolderAccess {
    /// A missing folder is created.
    Create,
    /// Nothing is created.
    Existing,
}

/// The state of the writer of an unfinished file.
pub(super) enum WriterState {
    /// It is active, in this process or another.
    AtWork,
    /// It has ended. While this value exists, no other process can lock the file.
    Gone(#[expect(dead_code, reason = "held for its lock")] File),
    /// Unknown: the file system has no locks.
    Unknown,
}

impl Folder {
    /// Opens the folder. `access` says whether a missing one is created, with access for its owner only.
    pub(super) fn open(root: &Path, access: FolderAccess) -> io::Result<Self> {
        let is_new = access == FolderAccess::Create && !root.try_exists()?;
        if access == FolderAccess::Create {
            DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        }
        let root = match root.canonicalize() {
            // Reading from it will report that it is missing.
            Err(error) if error.kind() == ErrorKind::NotFound && access == FolderAccess::Existing => root.to_owned(),
            found => found?,
        };
        if let Some(parent) = root.parent().filter(|_| is_new) {
            File::open(parent)?.sync_all()?;
        }
        let folder = Self(Arc::new(Inner {
            root,
            access,
            held: Mutex::default(),
        }));
        if access == FolderAccess::Create {
            let directory = folder.directory()?;
            // Created while there is space, because deleting must not need any. On a read-only folder archives can
            // still be read.
            let _ = directory.make(DELETED);
            let _ = directory.lock_file(LOCK, OnMissing::Create);
        }
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.0.root
    }

    fn directory(&self) -> io::Result<Directory> {
        Directory::at(&self.0.root)
    }

    /// The bytes that the user of this process may still write.
    pub(super) fn room(&self) -> io::Result<u64> {
        disk::free(self.root())
    }

    /// Locks the manifests against other processes, after waiting for them, until the file is dropped.
    ///
    /// None on a disk that is too full for a lock file: no manifest can be changed there. None also if nothing may be
    /// created and there is no lock file: every service creates it when it opens the folder, so no service uses the
    /// folder.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let missing = match self.0.access {
            FolderAccess::Create => OnMissing::Create,
            FolderAccess::Existing => OnMissing::Fail,
        };
        let file = match self.directory()?.lock_file(LOCK, missing) {
            Err(error) if is_full(&error) || error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        match file.lock() {
            // On a file system without locks, this goes ahead without one.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(Some(file)),
        }
    }

    /// Protects an archive without a manifest from being swept, until [`Folder::release`].
    pub(super) fn hold(&self, id: &str, file: File) {
        self.held().insert(id.to_owned(), file);
    }

    pub(super) fn release(&self, id: &str) {
        self.held().remove(id);
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<String, File>> {
        lock(&self.0.held)
    }

    /// All objects of archives, and the unreadable entries. The tombstones are those of archives that have a folder.
    pub(super) fn contents(&self) -> io::Result<StoreContents> {
        let root = self.directory()?;
        // Where tombstones can't be read, no archive is hidden.
        let deleted = root.open(DELETED).ok();
        let mut contents = StoreContents::default();
        for id in root.names()?.into_iter().filter(|id| id::is_id(id)) {
            match objects_of(&root, &id) {
                Ok(objects) => {
                    if let Some(Ok(tombstone)) = deleted.as_ref().map(|deleted| deleted.status(&id)) {
                        contents.tombstones.insert(id.clone(), ObjectVersion::of(&tombstone));
                    }
                    // Also if it is empty.
                    contents.archives.entry(id.clone()).or_default();
                    for object in objects {
                        contents.add(&id, object);
                    }
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    let fault = EntryFault::of(&error).ok_or(error)?;
                    contents.unreadable.push(UnreadableEntry::new(id, fault));
                }
            }
        }
        Ok(contents)
    }

    /// The tombstone of an archive; none if it was not deleted.
    pub(super) fn tombstone(&self, id: &str) -> io::Result<Option<ObjectVersion>> {
        let status = self.directory()?.open(DELETED).and_then(|deleted| deleted.status(id));
        match status {
            Ok(status) => Ok(Some(ObjectVersion::of(&status))),
            // Where tombstones can't be read, no archive is hidden.
            Err(error) => EntryFault::of(&error).map(|_| None).ok_or(error),
        }
    }

    /// The tombstones of all deleted archives.
    pub(super) fn tombstones(&self) -> io::Result<Vec<(String, ObjectVersion)>> {
        let deleted = match self.directory()?.open(DELETED) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let ids = deleted.names()?.into_iter().filter(|id| id::is_id(id));
        let status = |id: String| {
            let status = deleted.status(&id).ok()?;
            Some((id, ObjectVersion::of(&status)))
        };
        Ok(ids.filter_map(status).collect())
    }

    /// Deletes an archive's manifest in one step that needs no space: the manifest is renamed to the tombstone.
    pub(super) fn put_tombstone(&self, id: &str) -> io::Result<()> {
        let root = self.directory()?;
        root.make(DELETED)?;
        let (deleted, directory) = (root.open(DELETED)?, root.open(id)?);
        match directory.rename(MANIFEST, &deleted, id, OnConflict::Replace) {
            // An archive without a manifest.
            Err(error) if error.kind() == ErrorKind::NotFound => match deleted.create(id) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            },
            renamed => renamed?,
        }
        // Until this is durable, a crash may bring the archive back, intact.
        directory.sync()?;
        deleted.sync()?;
        if let Ok(file) = deleted.file(id) {
            // Otherwise the tombstone expires sooner.
            let _ = file.set_modified(SystemTime::now());
        }
        Ok(())
    }

    /// Removes the tombstone of [`Folder::put_tombstone`]: the manifest gets its name again.
    pub(super) fn remove_tombstone(&self, id: &str) -> io::Result<()> {
        let root = self.directory()?;
        let (deleted, directory) = (root.open(DELETED)?, root.open(id)?);
        match deleted.status(id)?.size {
            // The archive had no manifest.
            0 => deleted.remove(id)?,
            _ => deleted.rename(id, &directory, MANIFEST, OnConflict::Keep)?,
        }
        directory.sync()?;
        deleted.sync()
    }

    /// Opens a file of an archive; none if there is none.
    pub(super) fn file(&self, id: &str, name: &str) -> io::Result<Option<File>> {
        let opened = self.directory()?.open(id).and_then(|directory| directory.file(name));
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The version of a file; none if there is none.
    pub(super) fn object_version(&self, id: &str, name: &str) -> io::Result<Option<ObjectVersion>> {
        let status = self.directory()?.open(id).and_then(|directory| directory.status(name));
        match status {
            Ok(status) => {
                regular(&status)?;
                Ok(Some(ObjectVersion::of(&status)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names of the files in the folder of an archive; none if there is no such folder.
    pub(super) fn names(&self, id: &str) -> io::Result<Vec<String>> {
        match self.directory()?.open(id).and_then(|directory| directory.names()) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            names => names,
        }
    }

    /// Reads a small file, up to a limit; none if there is none.
    pub(super) fn get(&self, id: &str, name: &str, limit: u64) -> io::Result<Option<(ObjectVersion, Vec<u8>)>> {
        let Some(file) = self.file(id, name)? else {
            return Ok(None);
        };
        let object_version = ObjectVersion::of(&FileStatus::of(&file)?);
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some((object_version, bytes)))
    }

    /// The state of a file's writer.
    pub(super) fn writer_of(&self, id: &str, name: &str) -> io::Result<WriterState> {
        let Some(file) = self.file(id, name)? else {
            return Err(ErrorKind::NotFound.into());
        };
        match file.try_lock() {
            Ok(()) => Ok(WriterState::Gone(file)),
            Err(TryLockError::WouldBlock) => Ok(WriterState::AtWork),
            Err(TryLockError::Error(_)) => Ok(WriterState::Unknown),
        }
    }

    /// Writes a small file. It gets its name once all of it is on the disk.
    pub(super) fn put(&self, id: &str, name: &str, bytes: &[u8], on_conflict: OnConflict) -> io::Result<()> {
        let mut file = Unfinished::create(self, id, name)?;
        file.write_all(bytes)?;
        file.publish(on_conflict).map(drop)
    }

    /// Removes a file of an archive, if it is there.
    pub(super) fn remove(&self, id: &str, name: &str) -> io::Result<()> {
        match self.directory()?.open(id).and_then(|directory| directory.remove(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the folder of an archive if it has been empty since before that time.
    pub(super) fn tidy_before(&self, id: &str, moment: DateTime<Utc>) {
        let status = self.directory().and_then(|root| root.status(id));
        if status.is_ok_and(|status| status.kind == FileType::Directory && status.changed <= moment) {
            self.tidy(id);
        }
    }

    /// Removes the folder of an archive if it is empty.
    pub(super) fn tidy(&self, id: &str) {
        // It may not be empty, not a folder, or not exist.
        let _ = self.directory().and_then(|root| root.remove_directory(id));
    }
}

/// The files of an archive.
///
/// # Errors
/// Also if something other than a file has one of the service's names.
fn objects_of(root: &Directory, id: &str) -> io::Result<Vec<Object>> {
    let directory = root.open(id)?;
    let mut objects = Vec::new();
    for name in directory.names()?.into_iter().filter(|name| names::is_ours(name)) {
        let status = match directory.status(&name) {
            // It was removed meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            status => status?,
        };
        regular(&status)?;
        objects.push(Object {
            version: ObjectVersion::of(&status),
            name,
        });
    }
    Ok(objects)
}

/// Fails unless it is a regular file, as opening it would.
fn regular(status: &FileStatus) -> io::Result<()> {
    match status.kind {
        FileType::RegularFile => Ok(()),
        FileType::Symlink => Err(Errno::LOOP.into()),
        _ => Err(ErrorKind::InvalidInput.into()),
    }
}

/// A file that is being written, under a temporary name. Dropped, it is removed.
pub(super) struct Unfinished {
    /// None once it has its final name.
    file: Option<(File, String)>,
    directory: Directory,
    folder: Folder,
    id: String,
    name: String,
    /// Whether the folder of the archive is new.
    is_first: bool,
}

impl Unfinished {
    pub(super) fn create(folder: &Folder, id: &str, name: &str) -> io::Result<Self> {
        let root = folder.directory()?;
        let is_first = root.make(id)?;
        let directory = root.open(id)?;
        let mut unfinished = Self {
            file: None,
            directory,
            folder: folder.clone(),
            id: id.to_owned(),
            name: name.to_owned(),
            is_first,
        };
        unfinished.file = Some(unfinished.create_file()?);
        Ok(unfinished)
    }

    fn create_file(&self) -> io::Result<(File, String)> {
        loop {
            let name = names::unfinished(&self.name);
            let file = match self.directory.create(&name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                created => created?,
            };
            // Without locks, unfinished files are recognised by their age.
            let _ = file.lock();
            // A sweep may have removed it before it was locked.
            if file.metadata()?.nlink() > 0 {
                return Ok((file, name));
            }
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |(file, _)| file.write_all(bytes))
    }

    /// Forces what was written to the disk.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |(file, _)| file.sync_all())
    }

    /// Forces the file to the disk, renames it, and forces the name to the disk. The file stays locked.
    ///
    /// # Errors
    /// If any of that fails. Then it does not have the name; only if it was to replace another file, it may.
    pub(super) fn publish(mut self, on_conflict: OnConflict) -> io::Result<Option<File>> {
        // Dropping it removes the file until it has its name.
        let Some((file, temporary)) = &self.file else {
            return Ok(None);
        };
        file.sync_all()?;
        self.directory
            .rename(temporary, &self.directory, &self.name, on_conflict)?;
        let file = self.file.take().map(|(file, _)| file);
        let mut synced = self.directory.sync();
        if self.is_first {
            synced = synced.and_then(|()| self.folder.directory()?.sync());
        }
        if synced.is_err() && on_conflict == OnConflict::Keep {
            // A file that is not durable must not be visible. The original error is returned even if removing fails.
            let _ = self.directory.remove(&self.name);
        }
        synced.map(|()| file)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some((file, name)) = self.file.take() {
            // The lock is released afterwards.
            let _ = self.directory.remove(&name);
            drop(file);
        }
        self.folder.tidy(&self.id);
    }
}
