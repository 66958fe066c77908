//! The archives of a store without a database: reading them needs only the files.

use std::path::PathBuf;
use std::sync::Arc;

use campus_backup_archive::manifest::ArchiveKind;
use campus_backup_archive::{Keys, Manifest};

use super::ListedArchive;
use super::listing::ArchivePage;
use crate::error::Result;
use crate::open::ArchiveSource;
use crate::store::{Store, UnreadableEntry};

/// Lists, shows and verifies archives. It is for the command line and needs no account, because its user can read
/// the files anyway. Requests use [`Operations`](super::Operations), which requires an [`Admin`](crate::account::Admin).
#[derive(Clone, Debug)]
pub struct StoredArchives {
    pub(super) store: Store,
    pub(super) keys: Keys,
    /// A folder for temporary files of test restores.
    pub(super) scratch: PathBuf,
}

impl StoredArchives {
    /// The archives of a store, opened with these keys.
    pub fn new(store: Store, keys: Keys, scratch: PathBuf) -> Self {
        Self { store, keys, scratch }
    }

    /// Lists archives, newest first; only those of one kind if `kind` is set.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable)
    pub async fn list(&self, kind: Option<ArchiveKind>, limit: u64, offset: u64) -> Result<ArchivePage> {
        let (page, total, unreadable) = self.page(kind, limit, offset).await?;
        Ok(ArchivePage {
            total,
            items: page.into_iter().map(ListedArchive::unproven).collect(),
            unreadable,
        })
    }

    /// A page of manifests, newest first, their total, and the archives that can't be read.
    pub(super) async fn page(
        &self,
        kind: Option<ArchiveKind>,
        limit: u64,
        offset: u64,
    ) -> Result<(Vec<Arc<Manifest>>, u64, Vec<UnreadableEntry>)> {
        let listing = self.store.list().await?;
        let found: Vec<_> = listing
            .archives
            .into_iter()
            .filter(|manifest| kind.is_none_or(|kind| manifest.kind == kind))
            .collect();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let total = found.len() as u64;
        let page = found.into_iter().skip(count(offset)).take(count(limit)).collect();
        Ok((page, total, listing.unreadable))
    }

    /// Shows one archive.
    ///
    /// # Errors
    /// Those of [`Store::manifest`].
    pub async fn show(&self, id: &str) -> Result<ListedArchive> {
        self.store.manifest(id).await.map(ListedArchive::unproven)
    }

    /// The bytes of a listed archive, for [`open`](crate::open).
    pub fn source(&self, manifest: &Manifest) -> Arc<dyn ArchiveSource> {
        self.store.source(&manifest.id, manifest.object.form())
    }
}
