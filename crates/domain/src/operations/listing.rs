//! Listing, showing, editing and deleting archives.

use std::ops::Range;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::ArchiveKind;

use super::{AnnotationPatch, ListedArchive, Operations};
use crate::account::Admin;
use crate::change_log;
use crate::diff::{self, DiffInput};
use crate::error::{Error, Result};
use crate::store::{self, StoreReader, UnreadableEntry};

/// A page of the list of archives.
#[derive(Clone, Debug, Default)]
pub struct ArchivePage {
    /// The archives of the page, newest first.
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
    /// Lists archives, newest first; only those of one kind if `kind` is set.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`], and database errors.
    pub async fn list(&self, _: &Admin, kind: Option<ArchiveKind>, limit: u64, offset: u64) -> Result<ArchivePage> {
        let (page, total, unreadable) = self.stored().page(kind, limit, offset).await?;
        Ok(ArchivePage {
            total,
            items: self.describe(page).await?,
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
    pub async fn edit(&self, _: &Admin, id: &str, edit: &AnnotationPatch) -> Result<ListedArchive> {
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
        self.describe_one(self.0.store.update(id, change).await?).await
    }

    /// Deletes an archive. If a clear can be undone only with this archive, or if it is the newest good backup or the newest
    /// verified one, the caller must [accept](ArchiveLoss) its loss.
    ///
    /// # Errors
    /// [`Error::ArchiveNeededForUndo`], [`Error::ArchiveIsNewest`], [`Error::ArchiveProtected`], and those of
    /// [`Store::delete`](crate::store::Store::delete).
    pub async fn delete(&self, _: &Admin, id: &str, loss: ArchiveLoss) -> Result<()> {
        if loss == ArchiveLoss::Refused && store::is_id(id) {
            let change = change_log::undoable_with(&self.0.database, id).await?;
            if let Some((change_id, until)) = change.and_then(|change| Some((change.id, change.undo_until?))) {
                return Err(Error::ArchiveNeededForUndo { change_id, until });
            }
            self.ensure_not_newest(id).await?;
        }
        self.0.store.delete(id).await
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
    /// Those of [`Store::read`](crate::store::Store::read).
    pub async fn file(&self, _: &Admin, manifest: &Manifest, range: Option<Range<u64>>) -> Result<StoreReader> {
        self.0.store.read(&manifest.id, manifest.object.form(), range).await
    }
}
