//! What archives there are, and what is said of them.

use std::ops::Range;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::Origin;

use super::{AnnotationPatch, ListedArchive, Operations};
use crate::account::Admin;
use crate::change_log;
use crate::diff::{self, Side};
use crate::error::{Error, Result};
use crate::store::{self, StoreReader, UnreadableEntry};

/// Some of the archives that are kept.
#[derive(Clone, Debug, Default)]
pub struct ArchivePage {
    /// The newest first.
    pub items: Vec<ListedArchive>,
    /// How many there are in all.
    pub total: u64,
    /// Those whose manifest can't be read.
    pub unreadable: Vec<UnreadableEntry>,
}

/// Whether an archive may be deleted that an undo needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoLoss {
    /// It may not.
    Refused,
    /// It may: somebody knows it and wants it.
    Accepted,
}

impl Operations {
    /// Lists archives, if wanted only those that came in one way, the newest first.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`], and what the database says.
    pub async fn list(&self, _: &Admin, kind: Option<Origin>, limit: u64, offset: u64) -> Result<ArchivePage> {
        let (page, total, unreadable) = self.stored().page(kind, limit, offset).await?;
        Ok(ArchivePage {
            total,
            items: self.describe(page).await?,
            unreadable,
        })
    }

    /// What is known of one.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest).
    pub async fn show(&self, _: &Admin, id: &str) -> Result<ListedArchive> {
        self.describe_one(self.0.store.manifest(id).await?).await
    }

    /// Changes what is said of one. The manifest is signed again only if it was signed before: nothing else of it is looked at.
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

    /// Deletes one. A clear that can be undone only with it can't be undone afterwards, so that has to be
    /// [allowed](UndoLoss).
    ///
    /// # Errors
    /// [`Error::ArchiveNeededForUndo`], [`Error::ArchiveProtected`], and those of
    /// [`Store::delete`](crate::store::Store::delete).
    pub async fn delete(&self, _: &Admin, id: &str, loss: UndoLoss) -> Result<()> {
        if loss == UndoLoss::Refused && store::is_id(id) {
            let change = change_log::undoable_with(&self.0.database, id).await?;
            if let Some((change_id, until)) = change.and_then(|change| Some((change.id, change.undo_until?))) {
                return Err(Error::ArchiveNeededForUndo { change_id, until });
            }
        }
        self.0.store.delete(id).await
    }

    /// One as a side of a comparison.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest).
    pub async fn side(&self, _: &Admin, id: &str) -> Result<Side> {
        let manifest = self.0.store.manifest(id).await?;
        Ok(Side::Archive(diff::Archive {
            source: self.source(&manifest),
            keys: self.0.settings.keys.clone(),
            manifest: Some(manifest),
        }))
    }

    /// The bytes of one as they are stored, or a range of them.
    ///
    /// # Errors
    /// Those of [`Store::read`](crate::store::Store::read).
    pub async fn file(&self, _: &Admin, manifest: &Manifest, range: Option<Range<u64>>) -> Result<StoreReader> {
        self.0.store.read(&manifest.id, manifest.object.form(), range).await
    }
}
