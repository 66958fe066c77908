//! Plans and restores on a school of the tests.

use campus_backup_archive::Keys;

use super::super::*;
use crate::account::Admin;
use crate::catalog::Table;
use crate::change::Change;
use crate::error::Result;
use crate::job::Progress;
use crate::open::{self, ArchiveSource};
use crate::sample::School;

impl School {
    pub(super) fn context<'a>(
        &'a self,
        admin: &'a Admin,
        source: &'a dyn ArchiveSource,
        request: &'a Restore,
        keys: &'a Keys,
        progress: &'a Progress,
    ) -> RestoreContext<'a> {
        RestoreContext {
            admin,
            database: &self.database,
            source,
            keys,
            request,
            provenance: Provenance::Unknown,
            scratch: self.folder.path(),
            progress,
        }
    }

    pub(super) async fn plan(&self, admin: &Admin, source: &dyn ArchiveSource, request: &Restore) -> Result<Plan> {
        let (keys, progress) = (Keys::none(), Progress::default());
        plan(&self.context(admin, source, request, &keys, &progress)).await
    }

    /// All steps of a restore except the safety backup.
    pub(super) async fn restore(
        &self,
        admin: &Admin,
        source: &dyn ArchiveSource,
        request: &Restore,
    ) -> Result<Restored> {
        let (keys, progress) = (Keys::none(), Progress::default());
        // Without a check of references, which would refuse the archive before the restore can.
        let summary = open::reader(source.open()?, &keys)?.0.finish()?;
        let mut change = Change::begin(&self.database, request.tables(), "restoring").await?;
        let context = self.context(admin, source, request, &keys, &progress);
        let restored = apply(&context, &mut change, &summary).await?;
        change.commit().await?;
        Ok(restored)
    }
}

pub(super) fn request(scope: Scope, mode: RestoreMode) -> Restore {
    Restore {
        scope,
        mode,
        disable_administrators: false,
    }
}

pub(super) fn tables<const N: usize>(tables: [Table; N]) -> Scope {
    Scope::Tables(tables.into())
}

pub(super) fn of_student(id: i64) -> Scope {
    Scope::Entity {
        table: Table::Students,
        id,
    }
}
