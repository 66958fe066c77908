//! Safety backups: copies of the live data before rows are removed or replaced.

use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::ArchiveKind;

use super::{Annotations, Operations, OperationsInner};
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::Result;
use crate::job::{Phase, Progress};

/// How long the store may take for an answer while a change has locked its tables. Two parts of 5 MiB are sent at the same
/// time, which needs three megabits a second.
const STORE_LIMIT: Duration = Duration::from_secs(30);

/// A safety backup that is listed. It is discarded if its change fails.
pub(super) struct SafetyBackup {
    operations: Operations,
    pub(super) manifest: Manifest,
}

impl Operations {
    /// Creates a safety backup within a change that has begun, and lists it. After that the change may commit, and the program
    /// may end, at any moment.
    ///
    /// # Errors
    /// The change must then not continue.
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
            .write(
                admin.username(),
                &annotations,
                ArchiveKind::Safety,
                Phase::SafetyBackup,
                progress,
            )
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
    /// The same operations, with a store whose calls time out after [`STORE_LIMIT`].
    fn bounded(&self) -> Self {
        let mut shared = OperationsInner::clone(&self.0);
        shared.store = shared.store.bounded(STORE_LIMIT);
        Self(Arc::new(shared))
    }
}

impl SafetyBackup {
    /// How many rows of a table the backup has.
    pub(super) fn rows_of(&self, table: Table) -> u64 {
        self.manifest.rows.get(table.name()).copied().unwrap_or_default()
    }

    /// Deletes the backup again, because its change has changed nothing. A failure is only logged.
    pub(super) async fn discard(self) {
        let id = &self.manifest.id;
        if let Err(error) = self.operations.0.store.delete(id).await {
            tracing::warn!(id, %error, "a safety backup that is not needed could not be deleted");
        }
    }
}
