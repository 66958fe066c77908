//! What is known of each archive: writing it, changing it, listing it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use campus_backup_archive::{Manifest, ManifestError};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{GetResult, ObjectMeta, ObjectStoreExt, PutMode, UpdateVersion};

use super::folder::Existing;
use super::{MANIFEST, Presence, Store, TOMBSTONE, blocking, fault, id};
use crate::error::{Error, Result};

/// No manifest is larger, in bytes: it would be something else.
const MOST: u64 = 1 << 20;

/// How many manifests are fetched at once.
const FETCHES: usize = 16;

/// How often somebody else may be faster before a change is given up.
const TRIES: usize = 20;

/// The archives in a store.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Those whose manifest can be read, the newest first.
    pub archives: Vec<Arc<Manifest>>,
    /// The others.
    pub unreadable: Vec<Unreadable>,
}

/// An archive whose manifest can't be read. What it holds may be whole all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its id.
    pub id: String,
    /// What is wrong: a [code](ManifestError::code) of manifests.
    pub code: &'static str,
}

/// Manifests that were read, for as long as the store says that they are the same.
#[derive(Default)]
pub(super) struct Known(Mutex<Reads>);

/// What was read, by id.
type Reads = HashMap<String, (Mark, Read)>;

/// A manifest, or the code of why it can't be read.
type Read = std::result::Result<Arc<Manifest>, &'static str>;

/// Something that belongs to an archive.
pub(super) struct Object {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) mark: Mark,
}

/// What changes when an object does.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) e_tag: Option<String>,
    pub(super) last_modified: DateTime<Utc>,
    /// In bytes.
    pub(super) size: u64,
}

impl Store {
    /// Lists an archive: whoever wrote it has read it back and found it whole. From here on it counts.
    ///
    /// # Errors
    /// [`Error::Internal`] if it has another manifest; [`Error::NoRoom`], [`Error::StoreUnavailable`].
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<()> {
        const DOING: &str = "writing a manifest";
        let json = Bytes::from(manifest.to_json());
        match self.put(&manifest.id, MANIFEST, json.clone(), PutMode::Create).await? {
            Put::Done => {}
            // Perhaps by us, and the answer was lost.
            Put::Refused => match self.fetch(&manifest.id).await? {
                Some((_, there)) if there == json => {}
                _ => return Err(Error::internal(DOING)("the archive has one")),
            },
        }
        if let Some(folder) = &self.0.folder {
            folder.release(&manifest.id);
        }
        Ok(())
    }

    /// What is known of one archive.
    ///
    /// # Errors
    /// [`Error::ArchiveNotFound`] if it never was, [`Error::ArchiveGone`] if it was deleted,
    /// [`Error::ManifestUnreadable`], [`Error::StoreUnavailable`].
    pub async fn manifest(&self, id: &str) -> Result<Arc<Manifest>> {
        let (_, json) = self.current(id).await?;
        parsed(id, &json).map(Arc::new)
    }

    /// Changes what is known of an archive, and gives it as it is then.
    ///
    /// 1. The manifest is read and `change` applied.
    /// 2. It is written, on the condition that it is still the one that was read; a folder is locked meanwhile. Otherwise
    ///    this begins again, so `change` may be called several times, each time on what is there.
    /// 3. If the archive was deleted meanwhile, that is the answer.
    ///
    /// # Errors
    /// Those of [`Store::manifest`], and [`Error::NoRoom`].
    pub async fn update(&self, id: &str, mut change: impl FnMut(&mut Manifest)) -> Result<Arc<Manifest>> {
        const DOING: &str = "changing a manifest";
        let _turn = self.0.turns.lock().await;
        let _lock = self.lock_folder().await?;
        let mut tried: Option<Bytes> = None;
        for _ in 0..TRIES {
            let (meta, json) = self.current(id).await?;
            let mut changed = parsed(id, &json)?;
            if tried.is_some_and(|tried| tried == json) {
                // It was written, and the answer was lost.
                return Ok(Arc::new(changed));
            }
            change(&mut changed);
            id.clone_into(&mut changed.id);
            let json = Bytes::from(changed.to_json());
            let condition = PutMode::Update(UpdateVersion {
                e_tag: meta.e_tag,
                version: meta.version,
            });
            if let Put::Done = self.put(id, MANIFEST, json.clone(), condition).await? {
                return match self.presence(id).await? {
                    Presence::Gone => Err(Error::ArchiveGone { id: id.to_owned() }),
                    Presence::Unknown => Ok(Arc::new(changed)),
                };
            }
            tried = Some(json);
        }
        Err(Error::StoreUnavailable {
            doing: DOING,
            source: "others were faster each time".into(),
        })
    }

    /// All archives, the newest first. One listing; only manifests that are new or have changed are read.
    ///
    /// One that can't be read hides no other: it is among the unreadable, and logged when it is first seen.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub async fn list(&self) -> Result<Listing> {
        let mut marks = HashMap::new();
        let mut deleted = Vec::new();
        for object in self.objects().await? {
            match object.name.as_str() {
                MANIFEST => drop(marks.insert(object.id, object.mark)),
                TOMBSTONE => deleted.push(object.id),
                _ => {}
            }
        }
        for id in deleted {
            marks.remove(&id);
        }
        let (mut read, missing) = self.0.known.split(marks);
        let fetched = stream::iter(missing)
            .map(|(id, mark)| async move {
                let fetched = self.fetch(&id).await?;
                Ok::<_, Error>(fetched.map(|(_, json)| {
                    let read = parse_and_log(&id, &json);
                    (id, (mark, read))
                }))
            })
            .buffer_unordered(FETCHES)
            .try_filter_map(|fetched| async { Ok(fetched) });
        let fetched: Vec<_> = fetched.try_collect().await?;
        read.extend(fetched);
        self.0.known.keep(&read);
        Ok(Listing::of(read))
    }

    /// Everything that belongs to some archive. What lies elsewhere is passed over.
    pub(super) async fn objects(&self) -> Result<Vec<Object>> {
        const DOING: &str = "listing the archives";
        if let Some(folder) = self.0.folder.clone() {
            return blocking(move || folder.objects()).await?.map_err(fault::io(DOING));
        }
        let prefix = Some(&self.0.prefix).filter(|prefix| !prefix.is_root());
        let listed = self.0.objects.list(prefix).try_filter_map(|meta| async move {
            let parts = meta.location.prefix_match(&self.0.prefix);
            let parts: Option<Vec<String>> = parts.map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
            Ok(match parts.as_deref() {
                Some([id, name]) if id::is_id(id) => Some(Object {
                    id: id.clone(),
                    name: name.clone(),
                    mark: Mark {
                        e_tag: meta.e_tag,
                        last_modified: meta.last_modified,
                        size: meta.size,
                    },
                }),
                _ => None,
            })
        });
        listed.try_collect().await.map_err(fault::store(DOING))
    }

    /// A manifest's bytes, if the archive is there.
    async fn current(&self, id: &str) -> Result<(ObjectMeta, Bytes)> {
        let (presence, fetched) = tokio::try_join!(self.presence(id), self.fetch(id))?;
        let id = id.to_owned();
        match (presence, fetched) {
            (Presence::Gone, _) => Err(Error::ArchiveGone { id }),
            (Presence::Unknown, None) => Err(Error::ArchiveNotFound { id }),
            (Presence::Unknown, Some(fetched)) => Ok(fetched),
        }
    }

    /// A manifest's bytes; none if there is none.
    pub(super) async fn fetch(&self, id: &str) -> Result<Option<(ObjectMeta, Bytes)>> {
        const DOING: &str = "reading a manifest";
        let result: GetResult = match self.0.objects.get(&self.path(id, MANIFEST)?).await {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(fault::store(DOING)(error)),
        };
        let meta = result.meta.clone();
        let json = match meta.size > MOST {
            // It will be found to be no manifest.
            true => Bytes::new(),
            false => result.bytes().await.map_err(fault::store(DOING))?,
        };
        Ok(Some((meta, json)))
    }

    /// Writes something small.
    pub(super) async fn put(&self, id: &str, name: &'static str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        const DOING: &str = "writing to the store of archives";
        let path = self.path(id, name)?;
        if let Some(folder) = &self.0.folder {
            let existing = match mode {
                PutMode::Create => Existing::Kept,
                PutMode::Overwrite | PutMode::Update(_) => Existing::Replaced,
            };
            let (folder, id) = (folder.clone(), id.to_owned());
            return match blocking(move || folder.put(&id, name, &bytes, existing)).await? {
                Ok(()) => Ok(Put::Done),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Put::Refused),
                Err(error) => Err(fault::io(DOING)(error)),
            };
        }
        match self.0.objects.put_opts(&path, bytes.clone().into(), mode.into()).await {
            Ok(_) => Ok(Put::Done),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(Put::Refused)
            }
            // Some servers have no conditions. Within this process there are turns.
            Err(object_store::Error::NotImplemented { .. }) => {
                let put = self.0.objects.put(&path, bytes.into()).await;
                put.map(|_| Put::Done).map_err(fault::store(DOING))
            }
            Err(error) => Err(fault::store(DOING)(error)),
        }
    }

    /// Keeps other processes from changing manifests in a folder.
    pub(super) async fn lock_folder(&self) -> Result<Option<std::fs::File>> {
        let Some(folder) = self.0.folder.clone() else {
            return Ok(None);
        };
        let locked = blocking(move || folder.lock()).await?;
        locked.map(Some).map_err(fault::io("locking the folder of archives"))
    }
}

/// What came of writing something on a condition.
pub(super) enum Put {
    Done,
    /// What is there is not what was expected.
    Refused,
}

/// The place is the truth: whoever copies an archive to another id has another archive.
fn parse(id: &str, json: &[u8]) -> std::result::Result<Manifest, ManifestError> {
    let mut manifest = Manifest::from_json(json)?;
    id.clone_into(&mut manifest.id);
    Ok(manifest)
}

fn parsed(id: &str, json: &[u8]) -> Result<Manifest> {
    let id = id.to_owned();
    parse(&id, json).map_err(|source| Error::ManifestUnreadable { id, source })
}

fn parse_and_log(id: &str, json: &[u8]) -> Read {
    parse(id, json).map(Arc::new).map_err(|error| {
        tracing::warn!(id, code = error.code(), %error, "the manifest of an archive can't be read");
        error.code()
    })
}

impl Known {
    /// What is known of what a listing has found, and what has to be read. The mark is the listing's: what changes before
    /// it is read is read again next time.
    fn split(&self, marks: HashMap<String, Mark>) -> (Reads, Vec<(String, Mark)>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reads = Reads::new();
        let mut missing = Vec::new();
        for (id, mark) in marks {
            match known.get(&id).filter(|(known, _)| *known == mark) {
                Some((_, read)) => drop(reads.insert(id, (mark, read.clone()))),
                None => missing.push((id, mark)),
            }
        }
        (reads, missing)
    }

    fn keep(&self, reads: &Reads) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone_from(reads);
    }
}

impl Listing {
    fn of(reads: Reads) -> Self {
        let mut listing = Self::default();
        for (id, (_, read)) in reads {
            match read {
                Ok(manifest) => listing.archives.push(manifest),
                Err(code) => listing.unreadable.push(Unreadable { id, code }),
            }
        }
        // An archive that was brought may show an old moment: what counts first is when it came.
        listing.archives.sort_by_cached_key(|manifest| {
            let id = &manifest.id;
            Reverse((id::time(id).to_owned(), manifest.created_at, id.clone()))
        });
        listing.unreadable.sort_by(|one, other| other.id.cmp(&one.id));
        listing
    }
}
