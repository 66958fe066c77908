//! Safety archives: what is there before something is removed or replaced.

use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::Origin;

use super::{Annotations, Operations, Shared};
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::Result;
use crate::job::{Phase, Progress};

/// How long the store may take for an answer while a change has locked its tables. Two parts of 5 MiB are on their way at
/// once, which needs a line of three megabits a second.
const STORE_LIMIT: Duration = Duration::from_secs(30);

/// A safety archive that is listed. If what it was taken for comes to nothing, so does the archive.
pub(super) struct SafetyBackup {
    operations: Operations,
    pub(super) manifest: Manifest,
}

impl Operations {
    /// Takes one, within a change that has begun, and lists it: the change may commit, and the program end, at any moment
    /// afterwards.
    ///
    /// # Errors
    /// Then nothing may be changed.
    pub(super) async fn create_safety_backup(
        &self,
        admin: &Admin,
        label: &str,
        progress: &Progress,
    ) -> Result<SafetyBackup> {
        let annotations = Annotations {
            label: Some(label.to_owned()),
            ..Annotations::default()
        };
        let bounded = self.bounded();
        let written = bounded
            .write(admin, &annotations, Origin::Safety, Phase::SafetyBackup, progress)
            .await;
        let mut manifest = written?;
        self.manifest_key().await?.sign(&mut manifest);
        bounded.publish(&manifest, Ok(())).await?;
        Ok(SafetyBackup {
            operations: self.clone(),
            manifest,
        })
    }
}

impl Operations {
    /// The same archives, in a store that may hang for [`STORE_LIMIT`] at the most.
    fn bounded(&self) -> Self {
        let mut shared = Shared::clone(&self.0);
        shared.store = shared.store.bounded(STORE_LIMIT);
        Self(Arc::new(shared))
    }
}

impl SafetyBackup {
    /// How many rows of a table it has.
    pub(super) fn rows_of(&self, table: Table) -> u64 {
        self.manifest.rows.get(table.name()).copied().unwrap_or_default()
    }

    /// Removes it again: what it was taken for has changed nothing. It is not missed if that fails.
    pub(super) async fn discard(self) {
        let id = &self.manifest.id;
        if let Err(error) = self.operations.0.store.delete(id).await {
            tracing::warn!(id, %error, "a safety archive that nothing needs could not be removed");
        }
    }
}
