//! Checks that the store supports what the service needs, with a file of the service's own.

use std::sync::MutexGuard;

use bytes::Bytes;
use object_store::PutMode;

use super::backend::PutOutcome;
use super::names::UNFINISHED;
use super::{Store, fault, id};
use crate::error::{Error, Result};
use crate::mutex::lock;

const DOING: &str = "checking the store of archives";

/// Larger than the probe file: another program wrote it.
const LARGEST: u64 = 1_024;

/// The capabilities of a working store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreCheck {
    /// Whether it supports conditional writes.
    pub has_conditions: bool,
    /// Whether it lets the service delete.
    pub can_delete: bool,
    /// Whether it keeps the old versions of what is deleted.
    pub keeps_versions: bool,
}

/// A feature that a store that works does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingStoreFeature {
    /// It has no conditional writes.
    Conditions,
    /// It refuses deletions.
    Deletions,
}

impl MissingStoreFeature {
    /// The warning about it, as sentences.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Conditions => {
                "The store can't write on a condition, so two copies of the service that change a backup's name or note at once \
                 may lose one of the changes. Run one copy of the service on it."
            }
            Self::Deletions => {
                "The store refuses deletions, so old backups stay until it allows them. If it is not immutable on purpose, give \
                 the credentials the right to delete: s3:DeleteObject."
            }
        }
    }
}

impl StoreCheck {
    /// The feature that it does not have, the more important first.
    pub fn missing_feature(self) -> Option<MissingStoreFeature> {
        let conditions = (!self.has_conditions).then_some(MissingStoreFeature::Conditions);
        conditions.or_else(|| (!self.can_delete).then_some(MissingStoreFeature::Deletions))
    }

    /// A warning about a store that works, as sentences.
    pub fn warning(self) -> Option<&'static str> {
        self.missing_feature().map(MissingStoreFeature::detail)
    }
}

impl Store {
    /// Writes a file, reads it, writes it again on a condition, lists it and deletes it, as the service does with
    /// archives.
    ///
    /// The file is called `unfinished` and is in the folder of a new id. No listing of archives has it. If the process
    /// ends meanwhile, [`Store::sweep`] removes it. In a store that refuses to delete it, it stays, and later checks of this
    /// process only list until it can be deleted.
    ///
    /// # Errors
    /// The first operation that fails: [`Error::StoreMisconfigured`] if the settings or rights are wrong,
    /// [`Error::StoreUnavailable`] if it may be an outage, [`Error::InsufficientStorage`].
    pub async fn check(&self) -> Result<StoreCheck> {
        let kept = self.kept_probe().clone();
        if let Some(id) = kept {
            match self.0.backend.remove(&id, UNFINISHED).await {
                Err(error) if fault::is_refusal(&error) => {
                    self.0.backend.contents().await?;
                    return Ok(StoreCheck {
                        has_conditions: self.0.backend.has_conditions(),
                        can_delete: false,
                        keeps_versions: false,
                    });
                }
                removed => removed?,
            }
            *self.kept_probe() = None;
        }
        let id = id::new(chrono::Utc::now());
        let checked = self.check_with(&id).await;
        if checked.is_err() {
            // A sweep removes what remains.
            let _ = self.0.backend.remove(&id, UNFINISHED).await;
        }
        // In a folder.
        let _ = self.tidy(&id).await;
        checked
    }

    async fn check_with(&self, id: &str) -> Result<StoreCheck> {
        let backend = &self.0.backend;
        let content = Bytes::from(format!("{id} is written to check the store. It can be deleted.\n"));
        let put = backend.put(id, UNFINISHED, content.clone(), PutMode::Create).await?;
        let read = backend.get(id, UNFINISHED, LARGEST).await?;
        let version = match (put, read) {
            (PutOutcome::Done, Some((version, _, read))) if read == content => version,
            _ => return Err(Self::broken("what was written is not what is read")),
        };
        let keeps_versions = backend.reports_versions() && version.version.as_deref().is_some_and(|id| id != "null");
        // A store without conditions may ignore them silently.
        if let PutOutcome::Done = backend.put(id, UNFINISHED, content.clone(), PutMode::Create).await? {
            backend.ignores_conditions();
        }
        if let PutOutcome::Refused = backend.put(id, UNFINISHED, content, PutMode::Update(version)).await?
            && backend.has_conditions()
        {
            return Err(Self::broken("an unchanged file can't be replaced"));
        }
        if !backend.lists(id, UNFINISHED).await? {
            return Err(Self::broken("what was written is in no list"));
        }
        match backend.remove(id, UNFINISHED).await {
            Err(error) if fault::is_refusal(&error) => {
                tracing::debug!(%error, "the store refuses deletions");
                *self.kept_probe() = Some(id.to_owned());
                return Ok(StoreCheck {
                    has_conditions: backend.has_conditions(),
                    can_delete: false,
                    keeps_versions,
                });
            }
            removed => removed?,
        }
        match backend.object_version(id, UNFINISHED).await? {
            None => Ok(StoreCheck {
                has_conditions: backend.has_conditions(),
                can_delete: true,
                keeps_versions,
            }),
            Some(_) => Err(Self::broken("what was deleted is still there")),
        }
    }

    /// The id of a file that the store refused to delete.
    fn kept_probe(&self) -> MutexGuard<'_, Option<String>> {
        lock(&self.0.kept_probe)
    }

    /// Writes a file by which [`Store::has_probe`] of another store finds out whether it is the same place under another name.
    /// It returns the file's id.
    ///
    /// # Errors
    /// Those of [`Store::check`].
    pub async fn put_probe(&self) -> Result<String> {
        let id = id::new(chrono::Utc::now());
        let content = Bytes::from(format!("{id} is written to compare two stores. It can be deleted.\n"));
        self.0.backend.put(&id, UNFINISHED, content, PutMode::Create).await?;
        Ok(id)
    }

    /// Whether the file of [`Store::put_probe`] is here.
    ///
    /// # Errors
    /// Those of [`Store::check`].
    pub async fn has_probe(&self, id: &str) -> Result<bool> {
        let found = self.0.backend.object_version(id::checked(id)?, UNFINISHED).await?;
        Ok(found.is_some())
    }

    /// Removes the file of [`Store::put_probe`].
    ///
    /// # Errors
    /// Those of [`Store::check`]. Then a sweep removes it.
    pub async fn remove_probe(&self, id: &str) -> Result<()> {
        self.0.backend.remove(id::checked(id)?, UNFINISHED).await?;
        self.tidy(id).await
    }

    fn broken(what: &'static str) -> Error {
        Error::StoreUnavailable {
            doing: DOING,
            source: what.into(),
        }
    }
}
