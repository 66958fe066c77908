//! Checks that the store supports what the service needs, with a file of the service's own.

use bytes::Bytes;
use object_store::PutMode;

use super::backend::PutOutcome;
use super::names::UNFINISHED;
use super::{Store, id};
use crate::error::{Error, Result};

const DOING: &str = "checking the store of archives";

/// Larger than the probe file: another program wrote it.
const LARGEST: u64 = 1_024;

/// The capabilities of a working store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreCheck {
    /// Whether it supports conditional writes.
    pub has_conditions: bool,
}

impl StoreCheck {
    /// A warning about a store that works, as sentences.
    pub fn warning(self) -> Option<&'static str> {
        (!self.has_conditions).then_some(
            "The store can't write on a condition, so two copies of the service that change a backup's name or note at once may \
             lose one of the changes. Run one copy of the service on it.",
        )
    }
}

impl Store {
    /// Writes a file, reads it, writes it again on a condition, lists it and deletes it, as the service does with
    /// archives.
    ///
    /// The file is called `unfinished` and is in the folder of a new id. No listing of archives has it. If the process
    /// ends meanwhile, [`Store::sweep`] removes it.
    ///
    /// # Errors
    /// The first operation that fails: [`Error::StoreMisconfigured`] if the settings or rights are wrong,
    /// [`Error::StoreUnavailable`] if it may be an outage, [`Error::InsufficientStorage`].
    pub async fn check(&self) -> Result<StoreCheck> {
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
        backend.remove(id, UNFINISHED).await?;
        match backend.object_version(id, UNFINISHED).await? {
            None => Ok(StoreCheck {
                has_conditions: backend.has_conditions(),
            }),
            Some(_) => Err(Self::broken("what was deleted is still there")),
        }
    }

    fn broken(what: &'static str) -> Error {
        Error::StoreUnavailable {
            doing: DOING,
            source: what.into(),
        }
    }
}
