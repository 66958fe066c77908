//! The backends of the store: a folder of this machine, or remote storage. Each has the few operations that the store
//! uses.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{GetResult, ObjectStoreExt, PutMode, UpdateVersion};

use super::folder::Folder;
use super::names::DELETED;
use super::object::{ObjectVersion, StoreContents};
use super::remote::Remote;
use super::{blocking, fault};
use crate::directory::OnConflict;
use crate::error::Result;

const LOOKING: &str = "looking for an archive";
const WRITING: &str = "writing to the store of archives";
const DELETING: &str = "deleting from the store of archives";

/// Where the objects are. The first part of an object's name is the id of the archive, or [`DELETED`].
pub(super) enum Backend {
    Folder(Folder),
    Remote(Remote),
}

/// The version for a folder, which has locks instead.
const NO_VERSION: UpdateVersion = UpdateVersion {
    e_tag: None,
    version: None,
};

/// The result of a conditional write.
pub(super) enum PutOutcome {
    Done,
    /// The current object is not the expected one.
    Refused,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.root().display()),
            Self::Remote(remote) => write!(f, "{}", remote.objects),
        }
    }
}

impl Backend {
    /// The folder, if this is one.
    pub(super) fn folder(&self) -> Option<&Folder> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Remote(_) => None,
        }
    }

    /// All objects of archives, and the unreadable entries. Other objects are skipped.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable) if the backend itself can't be listed. An unreadable
    /// entry is [listed](StoreContents::unreadable) and is not an error.
    pub(super) async fn contents(&self) -> Result<StoreContents> {
        const DOING: &str = "listing the archives";
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || folder.contents()).await?.map_err(fault::io(DOING))
            }
            Self::Remote(remote) => remote.contents().await.map_err(fault::store(DOING)),
        }
    }

    /// Fails if the bucket does not exist: remote storage also answers "not found" for an object of a missing bucket.
    ///
    /// # Errors
    /// [`Error::StoreMisconfigured`](crate::Error::StoreMisconfigured)
    pub(super) async fn demand(&self) -> Result<()> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Remote(remote) => remote.demand().await.map_err(fault::store(LOOKING)),
        }
    }

    /// All tombstones, including those that [`Backend::contents`] does not read.
    pub(super) async fn tombstones(&self, contents: &StoreContents) -> Result<HashMap<String, ObjectVersion>> {
        let mut tombstones = contents.tombstones.clone();
        if let Some(folder) = self.folder().cloned() {
            let listed = blocking(move || folder.tombstones()).await?;
            tombstones.extend(listed.map_err(fault::io("listing the deleted archives"))?);
        }
        Ok(tombstones)
    }

    /// When an archive was deleted, if it was.
    pub(super) async fn tombstone(&self, id: &str) -> Result<Option<ObjectVersion>> {
        match self {
            Self::Folder(folder) => {
                let (folder, id) = (folder.clone(), id.to_owned());
                blocking(move || folder.tombstone(&id))
                    .await?
                    .map_err(fault::io(LOOKING))
            }
            Self::Remote(_) => self.object_version(DELETED, id).await,
        }
    }

    /// The version of an object; none if it does not exist.
    pub(super) async fn object_version(&self, id: &str, name: &str) -> Result<Option<ObjectVersion>> {
        match self {
            Self::Folder(folder) => {
                let (folder, owned, name) = (folder.clone(), id.to_owned(), name.to_owned());
                let found = blocking(move || folder.object_version(&owned, &name)).await?;
                found.map_err(fault::entry(id, LOOKING))
            }
            Self::Remote(remote) => match remote.objects.head(&remote.path(id, name)).await {
                Ok(meta) => Ok(Some(ObjectVersion::from(meta))),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(fault::store(LOOKING)(error)),
            },
        }
    }

    /// Writes a tombstone. In a folder the same step deletes the manifest and needs no space.
    pub(super) async fn put_tombstone(&self, id: &str) -> Result<()> {
        match self {
            Self::Folder(folder) => {
                let (folder, id) = (folder.clone(), id.to_owned());
                blocking(move || folder.put_tombstone(&id))
                    .await?
                    .map_err(fault::io(DELETING))
            }
            Self::Remote(_) => self.put(DELETED, id, Bytes::new(), PutMode::Overwrite).await.map(drop),
        }
    }

    /// Removes the tombstone of [`Backend::put_tombstone`], because the archive can't be deleted.
    pub(super) async fn remove_tombstone(&self, id: &str) -> Result<()> {
        match self {
            Self::Folder(folder) => {
                let (folder, id) = (folder.clone(), id.to_owned());
                blocking(move || folder.remove_tombstone(&id))
                    .await?
                    .map_err(fault::io(DELETING))
            }
            Self::Remote(_) => self.remove(DELETED, id).await,
        }
    }

    /// Reads a small object with its version; none if it does not exist. If it is larger than `limit`, the bytes are
    /// empty.
    pub(super) async fn get(
        &self,
        id: &str,
        name: &str,
        limit: u64,
    ) -> Result<Option<(UpdateVersion, ObjectVersion, Bytes)>> {
        const DOING: &str = "reading a manifest";
        match self {
            Self::Folder(folder) => {
                let (folder, owned, name) = (folder.clone(), id.to_owned(), name.to_owned());
                let read = blocking(move || folder.get(&owned, &name, limit + 1)).await?;
                let read = read.map_err(fault::entry(id, DOING))?;
                Ok(read.map(|(object_version, bytes)| {
                    let is_small = bytes.len() as u64 <= limit;
                    let bytes = if is_small { bytes.into() } else { Bytes::new() };
                    (NO_VERSION, object_version, bytes)
                }))
            }
            Self::Remote(remote) => {
                let result: GetResult = match remote.objects.get(&remote.path(id, name)).await {
                    Ok(result) => result,
                    Err(object_store::Error::NotFound { .. }) => return Ok(None),
                    Err(error) => return Err(fault::store(DOING)(error)),
                };
                let meta = result.meta.clone();
                let bytes = match meta.size > limit {
                    true => Bytes::new(),
                    false => result.bytes().await.map_err(fault::store(DOING))?,
                };
                let version = UpdateVersion {
                    e_tag: meta.e_tag.clone(),
                    version: meta.version.clone(),
                };
                Ok(Some((version, ObjectVersion::from(meta), bytes)))
            }
        }
    }

    /// Writes a small object.
    pub(super) async fn put(&self, id: &str, name: &str, bytes: Bytes, mode: PutMode) -> Result<PutOutcome> {
        let remote = match self {
            Self::Remote(remote) => remote,
            Self::Folder(folder) => {
                let on_conflict = match mode {
                    PutMode::Create => OnConflict::Keep,
                    PutMode::Overwrite | PutMode::Update(_) => OnConflict::Replace,
                };
                let (folder, owned, name) = (folder.clone(), id.to_owned(), name.to_owned());
                return match blocking(move || folder.put(&owned, &name, &bytes, on_conflict)).await? {
                    Ok(()) => Ok(PutOutcome::Done),
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(PutOutcome::Refused),
                    Err(error) => Err(fault::io(WRITING)(error)),
                };
            }
        };
        let path = remote.path(id, name);
        let is_conditional = !matches!(mode, PutMode::Overwrite);
        if is_conditional && !self.has_conditions() {
            return self.put_without_condition(remote, &path, bytes, mode).await;
        }
        let put = remote
            .objects
            .put_opts(&path, bytes.clone().into(), mode.clone().into());
        match put.await {
            Ok(_) => Ok(PutOutcome::Done),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(PutOutcome::Refused)
            }
            Err(error) if is_conditional && fault::is_not_implemented(&error) => {
                self.ignores_conditions();
                self.put_without_condition(remote, &path, bytes, mode).await
            }
            Err(error) => Err(fault::store(WRITING)(error)),
        }
    }

    /// Writes without support for conditions: checks first, then writes. Within this process updates are serialised;
    /// another process may write in between.
    async fn put_without_condition(
        &self,
        remote: &Remote,
        path: &Path,
        bytes: Bytes,
        mode: PutMode,
    ) -> Result<PutOutcome> {
        let there = match remote.objects.head(path).await {
            Ok(meta) => Some(meta),
            Err(object_store::Error::NotFound { .. }) => None,
            Err(error) => return Err(fault::store(WRITING)(error)),
        };
        let may_write = match mode {
            PutMode::Overwrite => true,
            PutMode::Create => there.is_none(),
            PutMode::Update(version) => there.is_some_and(|meta| meta.e_tag == version.e_tag),
        };
        if !may_write {
            return Ok(PutOutcome::Refused);
        }
        let put = remote.objects.put(path, bytes.into()).await;
        put.map(|_| PutOutcome::Done).map_err(fault::store(WRITING))
    }

    /// Whether conditional writes are supported.
    pub(super) fn has_conditions(&self) -> bool {
        match self {
            Self::Folder(_) => true,
            Self::Remote(remote) => !remote.ignores_conditions.load(Ordering::Relaxed),
        }
    }

    /// Whether an object has a version only in a bucket that keeps versions.
    pub(super) fn reports_versions(&self) -> bool {
        matches!(self, Self::Remote(remote) if remote.reports_versions)
    }

    /// Records that conditional writes are not supported.
    pub(super) fn ignores_conditions(&self) {
        if let Self::Remote(remote) = self {
            remote.ignores_conditions.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a listing has that object.
    pub(super) async fn lists(&self, id: &str, name: &str) -> Result<bool> {
        let names = self.names(id).await?;
        Ok(names.iter().any(|listed| listed == name))
    }

    /// The names of the objects of an archive, as a listing has them; also those of other programs. None if there is no such
    /// archive.
    pub(super) async fn names(&self, id: &str) -> Result<Vec<String>> {
        const DOING: &str = "listing the archives";
        match self {
            Self::Folder(folder) => {
                let (folder, owned) = (folder.clone(), id.to_owned());
                blocking(move || folder.names(&owned)).await?.map_err(fault::io(DOING))
            }
            Self::Remote(remote) => {
                let listed = remote
                    .objects
                    .list(Some(&remote.prefix.clone().join(id)))
                    .try_collect::<Vec<_>>();
                let listed = listed.await.map_err(fault::store(DOING))?;
                let names = listed.iter().filter_map(|meta| meta.location.filename());
                Ok(names.map(str::to_owned).collect())
            }
        }
    }

    /// Removes an object, if it is there.
    pub(super) async fn remove(&self, id: &str, name: &str) -> Result<()> {
        match self {
            Self::Folder(folder) => {
                let (folder, id, name) = (folder.clone(), id.to_owned(), name.to_owned());
                let removed = blocking(move || folder.remove(&id, &name)).await?;
                removed.map_err(fault::io(DELETING))
            }
            Self::Remote(remote) => match remote.objects.delete(&remote.path(id, name)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(fault::store(DELETING)(error)),
            },
        }
    }

    /// Keeps other processes from changing manifests in a folder.
    pub(super) async fn lock(&self) -> Result<Option<std::fs::File>> {
        let Some(folder) = self.folder().cloned() else {
            return Ok(None);
        };
        let locked = blocking(move || folder.lock()).await?;
        locked.map_err(fault::io("locking the folder of archives"))
    }
}
