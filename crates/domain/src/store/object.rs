//! Objects of the store as both backends describe them: names, versions, and what a listing finds.

use std::collections::{BTreeMap, HashMap};

use campus_backup_archive::ObjectFile;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::entry::EntryFault;
use super::names::{MANIFEST, OLD_TOMBSTONE};
use crate::directory::FileStatus;

/// The contents of the store.
#[derive(Default)]
pub(super) struct StoreContents {
    /// The objects of each archive.
    pub(super) archives: BTreeMap<String, Vec<Object>>,
    /// The tombstones. For a folder only those of archives without a manifest.
    pub(super) tombstones: HashMap<String, ObjectVersion>,
    /// The unreadable entries.
    pub(super) unreadable: Vec<UnreadableEntry>,
}

/// An unreadable entry of the store. Its data may still be intact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UnreadableArchive, example = json!({
    "id": "2026-11-25T03-53-08Z-5f1c2a9b", "code": "incomplete",
    "detail": "The archive has no manifest. If it is being copied, wait for the end. If it is whole, verify it: that makes \
        the manifest again.",
}))]
pub struct UnreadableEntry {
    /// The archive's id, or the name in the store if that is not an id.
    pub id: String,
    /// The kind of error: `incomplete` (it has no manifest), `access_denied`, `symbolic_link`, `wrong_kind` (no folder, or no
    /// file), `invalid_name`, `read_error`; or of the manifest `not_a_manifest`, `invalid_manifest`, `newer_version`.
    // See `EntryFault::code` and `ManifestError::code`.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub detail: &'static str,
}

/// An object of an archive.
pub(super) struct Object {
    pub(super) name: String,
    pub(super) version: ObjectVersion,
}

/// The version of an object. It changes whenever the object does.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ObjectVersion {
    pub(super) e_tag: Option<String>,
    pub(super) last_modified: DateTime<Utc>,
    /// When it was written here. The `last_modified` of a copy may be that of its original.
    pub(super) changed: DateTime<Utc>,
    /// In bytes.
    pub(super) size: u64,
}

impl UnreadableEntry {
    pub(super) fn new(id: String, fault: EntryFault) -> Self {
        Self {
            id,
            code: fault.code(),
            detail: fault.detail(),
        }
    }
}

impl ObjectVersion {
    pub(super) fn of(status: &FileStatus) -> Self {
        Self {
            // Times may be the same for some milliseconds.
            e_tag: Some(status.inode.to_string()),
            last_modified: status.modified,
            changed: status.changed.max(status.modified),
            size: status.size,
        }
    }
}

impl Object {
    /// The file of an archive that it is, if it is one.
    pub(super) fn file(&self) -> Option<ObjectFile> {
        ObjectFile::from_name(&self.name)
    }

    /// Whether it is the archive or its manifest.
    pub(super) fn is_of_archive(&self) -> bool {
        self.name == MANIFEST || self.file().is_some()
    }
}

impl StoreContents {
    /// Adds an object of an archive.
    pub(super) fn add(&mut self, id: &str, object: Object) {
        if object.name == OLD_TOMBSTONE {
            self.tombstones.entry(id.to_owned()).or_insert(object.version.clone());
        }
        self.archives.entry(id.to_owned()).or_default().push(object);
    }

    /// Whether an archive is deleted. A copy that was put back after the deletion is not.
    pub(super) fn is_deleted(&self, id: &str) -> bool {
        let Some(tombstone) = self.tombstones.get(id) else {
            return false;
        };
        let mut objects = self.archives.get(id).into_iter().flatten();
        objects.all(|object| !object.is_of_archive() || object.version.changed <= tombstone.changed)
    }
}
