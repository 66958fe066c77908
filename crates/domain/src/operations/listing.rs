//! Listing, showing, editing and deleting archives.

use std::ops::Range;

use campus_backup_archive::Manifest;

use super::{AnnotationPatch, ArchiveQuery, ListedArchive, Operations};
use crate::account::{Admin, TokenScope};
use crate::audit::{AuditEntry, AuditEvent};
use crate::change_log;
use crate::diff::{self, DiffInput};
use crate::error::{Error, Result};
use crate::schedule;
use crate::store::{self, Listing, StoreReader, UnreadableEntry};

/// A page of the list of archives.
#[derive(Clone, Debug, Default)]
pub struct ArchivePage {
    /// The archives of the page.
    pub items: Vec<ListedArchive>,
    /// How many archives the whole list has.
    pub total: u64,
    /// Archives whose manifest can't be read.
    pub unreadable: Vec<UnreadableEntry>,
}

/// Whether an archive that is needed may be deleted: for an undo, or as the newest backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveLoss {
    /// It may not be deleted.
    Refused,
    /// The caller accepts that the undo, or the newest backup, is lost.
    Accepted,
}

impl Operations {
    /// Lists archives.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::StoreUnavailable`], and database errors.
    pub async fn list(&self, _: &Admin, query: &ArchiveQuery) -> Result<ArchivePage> {
        query.filter.check()?;
        let Listing { archives, unreadable } = self.0.store.list().await?;
        let mut found = query.select(archives);
        if let Some(schedule_id) = query.filter.schedule_id {
            let of_schedule = schedule::archives_of(&self.0.database, schedule_id).await?;
            found.retain(|manifest| of_schedule.contains(&manifest.id));
        }
        let (total, items) = match query.filter.needs_description() {
            true => {
                let mut described = self.describe(found).await?;
                described.retain(|archive| query.filter.matches_description(archive));
                (described.len(), query.page(described))
            }
            false => (found.len(), self.describe(query.page(found)).await?),
        };
        Ok(ArchivePage {
            items,
            total: total as u64,
            unreadable,
        })
    }

    /// Shows one archive.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest).
    pub async fn show(&self, _: &Admin, id: &str) -> Result<ListedArchive> {
        self.describe_one(self.0.store.manifest(id).await?).await
    }

    /// Changes the annotations of an archive. The manifest is signed again only if it was signed before, because nothing else
    /// of it is checked here.
    ///
    /// # Errors
    /// [`Error::Invalid`], and those of [`Store::update`](crate::store::Store::update).
    pub async fn edit(&self, admin: &Admin, id: &str, edit: &AnnotationPatch) -> Result<ListedArchive> {
        if edit.protected == Some(false) {
            // Retention deletes archives without protection.
            admin.ensure_scope(TokenScope::Restore)?;
        }
        edit.check()?;
        let key = self.manifest_key().await?;
        let change = |manifest: &mut Manifest| {
            let was_signed = key.has_signed(manifest);
            edit.apply_to(manifest);
            manifest.signature = None;
            if was_signed {
                key.sign(manifest);
            }
            Ok(())
        };
        // No transaction includes the store, so the event is stored before the change.
        let event = AuditEntry::by(admin, AuditEvent::ArchiveChange).about(id).changing([
            ("label", edit.label.is_some()),
            ("note", edit.note.is_some()),
            ("protected", edit.protected.is_some()),
        ]);
        let event = event.store(&self.0.database).await?;
        match self.0.store.update(id, change).await {
            Ok(edited) => {
                event.succeeded(|event| event.with("protected", edited.protected)).await;
                self.describe_one(edited).await
            }
            Err(error) => {
                event.withdraw().await;
                Err(error)
            }
        }
    }

    /// Deletes an archive. If a clear can be undone only with this archive, or if it is the newest good backup or the newest
    /// verified one, the caller must [accept](ArchiveLoss) its loss.
    ///
    /// # Errors
    /// [`Error::ArchiveNeededForUndo`], [`Error::ArchiveIsNewest`], [`Error::ArchiveProtected`], and those of
    /// [`Store::delete`](crate::store::Store::delete).
    pub async fn delete(&self, admin: &Admin, id: &str, loss: ArchiveLoss) -> Result<()> {
        if loss == ArchiveLoss::Refused && store::is_id(id) {
            let change = change_log::undoable_with(&self.0.database, id).await?;
            if let Some((change_id, until)) = change.and_then(|change| Some((change.id, change.undo_until?))) {
                return Err(Error::ArchiveNeededForUndo { change_id, until });
            }
            self.ensure_not_newest(id).await?;
        }
        // No transaction includes the store, so the event is stored before the deletion.
        let event = AuditEntry::by(admin, AuditEvent::ArchiveDeletion).about(id);
        let event = event.store(&self.0.database).await?;
        match self.delete_stored(id).await {
            Ok(()) => {
                event.succeeded(|event| event).await;
                Ok(())
            }
            Err(error) => {
                event.withdraw().await;
                Err(error)
            }
        }
    }

    /// An archive as an input of a comparison.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest).
    pub async fn diff_input(&self, _: &Admin, id: &str) -> Result<DiffInput> {
        let manifest = self.0.store.manifest(id).await?;
        Ok(DiffInput::Archive(diff::Archive {
            source: self.source(&manifest),
            keys: self.0.settings.keys.clone(),
            manifest: Some(manifest),
        }))
    }

    /// The stored bytes of an archive, or a range of them.
    ///
    /// # Errors
    /// [`Error::ScopeMissing`] for a named token without the scope `backup`, and those of
    /// [`Store::read`](crate::store::Store::read).
    pub async fn file(&self, admin: &Admin, manifest: &Manifest, range: Option<Range<u64>>) -> Result<StoreReader> {
        admin.ensure_scope(TokenScope::Backup)?;
        self.0.store.read(&manifest.id, manifest.file(), range).await
    }
}
