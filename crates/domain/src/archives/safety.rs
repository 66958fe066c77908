//! Safety archives: what is there before something is removed or replaced.

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::Origin;

use super::{Archives, Words};
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::Result;
use crate::job::{Phase, Progress};

/// A safety archive that is listed. If what it was taken for comes to nothing, so does the archive.
pub(super) struct Safety {
    archives: Archives,
    pub(super) manifest: Manifest,
}

impl Archives {
    /// Takes one, within a change that has begun, and lists it: the change may commit, and the program end, at any moment
    /// afterwards.
    ///
    /// # Errors
    /// Then nothing may be changed.
    pub(super) async fn safety(&self, admin: &Admin, label: &str, progress: &Progress) -> Result<Safety> {
        let words = Words {
            label: Some(label.to_owned()),
            ..Words::default()
        };
        let written = self.write(admin, &words, Origin::Safety, Phase::Safety, progress).await;
        let manifest = written?;
        self.enlist(&manifest, Ok(())).await?;
        Ok(Safety {
            archives: self.clone(),
            manifest,
        })
    }
}

impl Safety {
    /// How many rows of a table it has.
    pub(super) fn rows_of(&self, table: Table) -> u64 {
        self.manifest.rows.get(table.name()).copied().unwrap_or_default()
    }

    /// Removes it again: what it was taken for has changed nothing. It is not missed if that fails.
    pub(super) async fn take_back(self) {
        let id = &self.manifest.id;
        if let Err(error) = self.archives.0.store.delete(id).await {
            tracing::warn!(id, %error, "a safety archive that nothing needs could not be removed");
        }
    }
}
