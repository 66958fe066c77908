//! The manifests of archives: writing, changing and listing them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use campus_backup_archive::{Manifest, ManifestError, ObjectFile};
use futures_util::{StreamExt, stream};
use object_store::{PutMode, UpdateVersion};

use super::backend::PutOutcome;
use super::entry::EntryFault;
use super::names::{MANIFEST, UNFINISHED};
use super::object::{ObjectVersion, UnreadableEntry};
use super::{Store, fault, id};
use crate::error::{Error, Result};
use crate::mutex::lock;

/// The size limit of a manifest, in bytes.
const MAX_MANIFEST_BYTES: u64 = 256 << 10;

/// How many manifests are fetched concurrently.
const FETCHES: usize = 16;

/// The detail for an archive with an unreadable manifest.
const UNREADABLE: &str = "The manifest of the archive is damaged, or a later version of the program wrote it. If the \
    archive is whole, verifying it makes a damaged manifest again.";

/// How often a change is tried again after concurrent changes.
const TRIES: usize = 20;

/// The archives in a store.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The manifests of the readable archives, the newest first.
    pub archives: Vec<Arc<Manifest>>,
    /// The unreadable entries.
    pub unreadable: Vec<UnreadableEntry>,
}

/// The archives that have a manifest, with their files, as one listing shows them: nothing of them is read.
#[derive(Clone, Debug, Default)]
pub struct ArchiveSizes {
    /// The files of each archive with their bytes.
    archives: HashMap<String, Vec<(ObjectFile, u64)>>,
    /// The ids of which nothing is known, because they can't be read.
    unreadable: BTreeSet<String>,
}

impl ArchiveSizes {
    /// Whether an archive is there with a manifest and this file of this size. Where none is given, any is right.
    pub fn has(&self, id: &str, file: Option<ObjectFile>, size: Option<u64>) -> bool {
        let mut files = self.archives.get(id).into_iter().flatten();
        let is_it = |(found, bytes): &(ObjectFile, u64)| {
            file.is_none_or(|file| file == *found) && size.is_none_or(|size| size == *bytes)
        };
        self.unreadable.contains(id) || files.any(is_it)
    }
}

/// A cache of manifests. An entry is valid as long as the version of its object is the same.
#[derive(Default)]
pub(super) struct ManifestCache(Mutex<CachedManifests>);

/// The cached manifests by id.
type CachedManifests = HashMap<String, (ObjectVersion, ParsedManifest)>;

/// A manifest, or the code of the reason why it can't be read.
type ParsedManifest = std::result::Result<Arc<Manifest>, &'static str>;

impl Store {
    /// Publishes an archive: its writer has read it back and found it intact.
    ///
    /// # Errors
    /// [`Error::Internal`] if it has another manifest; [`Error::InsufficientStorage`], [`Error::StoreUnavailable`].
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<()> {
        const DOING: &str = "writing a manifest";
        self.within(DOING, self.put_first_manifest(manifest, DOING)).await
    }

    async fn put_first_manifest(&self, manifest: &Manifest, doing: &'static str) -> Result<()> {
        let json = Bytes::from(manifest.to_json());
        let (id, backend) = (id::checked(&manifest.id)?, &self.0.backend);
        match backend.put(id, MANIFEST, json.clone(), PutMode::Create).await? {
            PutOutcome::Done => {}
            // An earlier attempt of ours may have written it, with a lost response.
            PutOutcome::Refused => match self.fetch(id).await? {
                Some((_, _, there)) if there == json => {}
                _ => return Err(Error::internal(doing)("the archive has one")),
            },
        }
        self.end_writing(id).await;
        Ok(())
    }

    /// Removes the mark of an archive that was written and is listed.
    pub(crate) async fn end_writing(&self, id: &str) {
        let backend = &self.0.backend;
        match backend.remove(id, UNFINISHED).await {
            // It stays in an immutable bucket and has no effect.
            Err(error) if fault::is_refusal(&error) => {
                tracing::debug!(id, %error, "the store keeps the file `unfinished` of an archive that is listed");
            }
            Err(error) => {
                tracing::warn!(id, %error, "an archive is listed and still has its file `unfinished`; it will be swept");
            }
            Ok(()) => {}
        }
        if let Some(folder) = backend.folder() {
            folder.release(id);
        }
    }

    /// Creates the manifest of an archive that has none, or an unreadable one. The caller has read the archive to its
    /// end and found it intact.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if another process has written one meanwhile; [`Error::InsufficientStorage`].
    pub async fn remake_manifest(&self, manifest: &Manifest) -> Result<()> {
        const DOING: &str = "making a manifest again";
        let id = id::checked(&manifest.id)?;
        let _turn = self.0.update_lock.lock().await;
        let _lock = self.0.backend.lock().await?;
        let mode = match self.fetch(id).await? {
            None => Some(PutMode::Create),
            Some((version, _, json)) => parsed(id, &json).is_err().then_some(PutMode::Update(version)),
        };
        let json = Bytes::from(manifest.to_json());
        let put = match mode {
            Some(mode) => self.0.backend.put(id, MANIFEST, json, mode).await?,
            None => PutOutcome::Refused,
        };
        match put {
            PutOutcome::Done => Ok(()),
            PutOutcome::Refused => Err(Error::StoreUnavailable {
                doing: DOING,
                source: "the archive has one now".into(),
            }),
        }
    }

    /// The manifest of one archive.
    ///
    /// # Errors
    /// [`Error::ArchiveNotFound`] if it never existed, [`Error::ArchiveGone`] if it was deleted,
    /// [`Error::ManifestUnreadable`], [`Error::StoreUnavailable`].
    pub async fn manifest(&self, id: &str) -> Result<Arc<Manifest>> {
        let (_, _, json) = self.current(id).await?;
        parsed(id, &json).map(Arc::new)
    }

    /// Changes a manifest and returns the new one.
    ///
    /// 1. Reads the manifest and applies `change`.
    /// 2. Writes it, on the condition that the stored one is still the one that was read; a folder is locked meanwhile.
    ///    Otherwise this begins again, so `change` may be called several times, each time on the current manifest.
    /// 3. Fails if the archive was deleted meanwhile.
    ///
    /// # Errors
    /// Those of [`Store::manifest`] and of `change`, and [`Error::InsufficientStorage`].
    pub async fn update(&self, id: &str, mut change: impl FnMut(&mut Manifest) -> Result<()>) -> Result<Arc<Manifest>> {
        const DOING: &str = "changing a manifest";
        let _turn = self.0.update_lock.lock().await;
        let _lock = self.0.backend.lock().await?;
        let mut tried: Option<Bytes> = None;
        for _ in 0..TRIES {
            let (version, object_version, json) = self.current(id).await?;
            let mut changed = parsed(id, &json)?;
            if tried.is_some_and(|tried| tried == json) {
                // It was written, and the response was lost.
                return Ok(Arc::new(changed));
            }
            change(&mut changed)?;
            id.clone_into(&mut changed.id);
            let json = Bytes::from(changed.to_json());
            let condition = PutMode::Update(version);
            if let PutOutcome::Done = self.0.backend.put(id, MANIFEST, json.clone(), condition).await? {
                return match self.0.backend.tombstone(id).await? {
                    Some(tombstone) if tombstone.changed >= object_version.changed => {
                        Err(Error::ArchiveGone { id: id.to_owned() })
                    }
                    _ => Ok(Arc::new(changed)),
                };
            }
            tried = Some(json);
        }
        Err(Error::StoreUnavailable {
            doing: DOING,
            source: "others were faster each time".into(),
        })
    }

    /// All archives, the newest first. It needs one listing, and reads only new and changed manifests.
    ///
    /// An unreadable archive is listed as such and hides no other.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if the store itself can't be read.
    pub async fn list(&self) -> Result<Listing> {
        let contents = self.0.backend.contents().await?;
        let mut versions = HashMap::new();
        let mut unreadable = Vec::new();
        for (id, objects) in &contents.archives {
            if contents.is_deleted(id) {
                continue;
            }
            let manifest = objects.iter().find(|object| object.name == MANIFEST);
            let has_archive = objects.iter().any(|object| object.file().is_some());
            let is_unfinished = objects.iter().any(|object| object.name == UNFINISHED);
            match manifest {
                Some(manifest) => drop(versions.insert(id.clone(), manifest.version.clone())),
                None if has_archive && !is_unfinished => {
                    unreadable.push(UnreadableEntry::new(id.clone(), EntryFault::Incomplete));
                }
                None => {}
            }
        }
        unreadable.extend(contents.unreadable);
        let (mut read, missing) = self.0.manifest_cache.split(versions);
        let fetched = stream::iter(missing)
            .map(|(id, object_version)| async move {
                let fetched = self.fetch(&id).await;
                (id, object_version, fetched)
            })
            .buffer_unordered(FETCHES);
        let fetched: Vec<_> = fetched.collect().await;
        for (id, object_version, fetched) in fetched {
            match fetched {
                Ok(Some((_, _, json))) => {
                    let parsed = parse_and_log(&id, &json);
                    read.insert(id, (object_version, parsed));
                }
                // It was deleted meanwhile.
                Ok(None) => {}
                Err(error) => {
                    let fault = fault::of_one(&error).ok_or(error)?;
                    unreadable.push(UnreadableEntry::new(id, fault));
                }
            }
        }
        self.0.manifest_cache.keep(&read);
        Ok(Listing::of(read, unreadable))
    }

    /// Which archives have a manifest and a file of which size. It needs one listing.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if the store itself can't be read.
    pub async fn archive_sizes(&self) -> Result<ArchiveSizes> {
        let contents = self.0.backend.contents().await?;
        let mut sizes = ArchiveSizes {
            unreadable: contents.unreadable.iter().map(|entry| entry.id.clone()).collect(),
            ..ArchiveSizes::default()
        };
        for (id, objects) in &contents.archives {
            let has_manifest = objects.iter().any(|object| object.name == MANIFEST);
            if has_manifest && !contents.is_deleted(id) {
                let files = objects
                    .iter()
                    .filter_map(|object| object.file().map(|file| (file, object.version.size)));
                sizes.archives.insert(id.clone(), files.collect());
            }
        }
        Ok(sizes)
    }

    /// The manifest of an archive that exists and is not deleted.
    async fn current(&self, id: &str) -> Result<(UpdateVersion, ObjectVersion, Bytes)> {
        let backend = &self.0.backend;
        let (tombstone, fetched) = tokio::join!(backend.tombstone(id::checked(id)?), self.fetch(id));
        // If both are refused, only the answer to the second request has a body that says why.
        let (fetched, tombstone) = (fetched?, tombstone?);
        match fetched {
            Some((version, object_version, json))
                if tombstone.is_none_or(|tombstone| tombstone.changed < object_version.changed) =>
            {
                Ok((version, object_version, json))
            }
            _ => Err(self.absent(id).await),
        }
    }

    /// The bytes of a manifest; none if there is none.
    pub(super) async fn fetch(&self, id: &str) -> Result<Option<(UpdateVersion, ObjectVersion, Bytes)>> {
        self.0.backend.get(id, MANIFEST, MAX_MANIFEST_BYTES).await
    }
}

/// The id is that of the folder: a copy of an archive under another id is another archive.
fn parse(id: &str, json: &[u8]) -> std::result::Result<Manifest, ManifestError> {
    let mut manifest = Manifest::from_json(json)?;
    id.clone_into(&mut manifest.id);
    Ok(manifest)
}

fn parsed(id: &str, json: &[u8]) -> Result<Manifest> {
    let id = id.to_owned();
    parse(&id, json).map_err(|source| Error::ManifestUnreadable { id, source })
}

fn parse_and_log(id: &str, json: &[u8]) -> ParsedManifest {
    parse(id, json).map(Arc::new).map_err(|error| {
        tracing::warn!(id, code = error.code(), %error, "the manifest of an archive can't be read");
        error.code()
    })
}

impl ManifestCache {
    /// Splits a listing into cached manifests and those to read. The version is the listing's: a manifest that changes
    /// before it is read is read again next time.
    fn split(&self, versions: HashMap<String, ObjectVersion>) -> (CachedManifests, Vec<(String, ObjectVersion)>) {
        let known = lock(&self.0);
        let mut reads = CachedManifests::new();
        let mut missing = Vec::new();
        for (id, object_version) in versions {
            match known.get(&id).filter(|(known, _)| *known == object_version) {
                Some((_, read)) => drop(reads.insert(id, (object_version, read.clone()))),
                None => missing.push((id, object_version)),
            }
        }
        (reads, missing)
    }

    fn keep(&self, reads: &CachedManifests) {
        lock(&self.0).clone_from(reads);
    }
}

impl Listing {
    fn of(reads: CachedManifests, unreadable: Vec<UnreadableEntry>) -> Self {
        let mut listing = Self {
            unreadable,
            ..Self::default()
        };
        for (id, (_, read)) in reads {
            match read {
                Ok(manifest) => listing.archives.push(manifest),
                Err(code) => listing.unreadable.push(UnreadableEntry {
                    id,
                    code,
                    detail: UNREADABLE,
                }),
            }
        }
        // An uploaded archive may have an older creation time, so the time of its arrival sorts first.
        listing.archives.sort_by_cached_key(|manifest| {
            let id = &manifest.id;
            Reverse((id::time(id).to_owned(), manifest.created_at, id.clone()))
        });
        listing.unreadable.sort_by(|one, other| other.id.cmp(&one.id));
        listing
    }
}
