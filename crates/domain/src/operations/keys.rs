//! The keys that open archives: those of the settings, and the identity of a caller.
//!
//! An *identity* is a secret key of age that a caller sends with a request, because the service has none that opens the archive.
//! It is only in the memory of this process, in the copy of [`Operations`] that does the work. It is in no job, record or log, and
//! the memory of the key is overwritten with zeros when the work ends. The body of the request was in other buffers before, which are
//! not overwritten.

use std::sync::Arc;

use campus_backup_archive::{
    self as archive, Encryption, Keys, Limits, Manifest, ObjectFile, PublicKey, Reader, Recipients,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Operations, OperationsInner};
use crate::error::{Error, Result};
use crate::priority::{self, Priority};

/// How new archives are encrypted. `none`: not at all. `key_file`: to the key of the settings, so that the service can open them.
/// `recipients`: to public keys alone, so that the service can't open them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyMode {
    /// They are not encrypted.
    None,
    /// A secret key of the settings opens them.
    KeyFile,
    /// No secret key of the settings opens them.
    Recipients,
}

impl KeyMode {
    /// The mode of these public keys, for a service with these secret keys.
    pub fn of(recipients: &Recipients, keys: &Keys) -> Self {
        if recipients.is_empty() {
            Self::None
        } else if recipients.are_opened_by(keys) {
            Self::KeyFile
        } else {
            Self::Recipients
        }
    }

    /// Its name in the API and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::KeyFile => "key_file",
            Self::Recipients => "recipients",
        }
    }
}

impl Operations {
    /// The same operations, which also open archives with the identity of a caller.
    #[must_use]
    pub fn with_identity(&self, identity: &Keys) -> Self {
        let mut shared = OperationsInner::clone(&self.0);
        shared.settings.keys = shared.settings.keys.with(identity);
        Self(Arc::new(shared))
    }

    /// How new archives are encrypted.
    pub fn key_mode(&self) -> KeyMode {
        KeyMode::of(&self.0.layers.recipients, &self.0.settings.keys)
    }

    /// Whether the service can open the archives that it creates. Otherwise verifying them, and the undo of a clear, need the
    /// identity of a caller.
    pub fn opens_new_archives(&self) -> bool {
        self.key_mode() != KeyMode::Recipients
    }

    /// The public keys that new archives are encrypted to.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.0.layers.recipients.public_keys()
    }

    /// Their fingerprints, for manifests.
    pub(super) fn fingerprints(&self) -> Vec<String> {
        let keys = self.public_keys().into_iter();
        keys.map(|key| key.fingerprint.into()).collect()
    }

    /// Ensures that a key opens an archive, as far as its first bytes say.
    ///
    /// # Errors
    /// [`Error::Archive`] with [`archive::Error::KeyRequired`] or [`archive::Error::WrongKey`].
    pub async fn ensure_opens(&self, id: &str) -> Result<()> {
        let manifest = self.0.store.manifest(id).await?;
        self.ensure_opens_file(id, manifest.file()).await
    }

    pub(super) async fn ensure_opens_file(&self, id: &str, file: ObjectFile) -> Result<()> {
        match self.key_fault(id, file).await {
            Ok(Some(fault)) => Err(fault.into()),
            // The work itself reports an error of the store.
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Whether a key opens an archive. Only its first bytes are read.
    ///
    /// # Errors
    /// Errors of the store.
    pub(crate) async fn has_key_for(&self, manifest: &Manifest) -> Result<bool> {
        let fault = self.key_fault(&manifest.id, manifest.file()).await?;
        Ok(fault.is_none())
    }

    /// Why no key opens an archive; none if one does. Damage is found by a verification.
    async fn key_fault(&self, id: &str, file: ObjectFile) -> Result<Option<archive::Error>> {
        if file.form.encryption == Encryption::None {
            return Ok(None);
        }
        let (source, keys) = (self.0.store.source(id, file), self.0.settings.keys.clone());
        let opened = priority::run(Priority::Low, "testing a key", move || {
            let bytes = source.open()?;
            Reader::open(bytes, &keys, Limits::default())
                .map(drop)
                .map_err(Error::from)
        });
        match opened.await? {
            Err(Error::Archive(fault @ (archive::Error::WrongKey | archive::Error::KeyRequired { .. }))) => {
                Ok(Some(fault))
            }
            Ok(()) | Err(Error::Archive(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
