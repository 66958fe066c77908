//! The archives of a store without a database: reading them needs only the files.

use std::path::PathBuf;
use std::sync::Arc;

use campus_backup_archive::{Keys, Manifest};

use super::listing::ArchivePage;
use super::{ArchiveQuery, ListedArchive};
use crate::error::Result;
use crate::open::ArchiveSource;
use crate::store::{Listing, Store};

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

    /// Lists archives. No archive matches a filter of what needs a database: the origin, a suspicion, a destination or a schedule.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid), [`Error::StoreUnavailable`](crate::Error::StoreUnavailable)
    pub async fn list(&self, query: &ArchiveQuery) -> Result<ArchivePage> {
        query.filter.check()?;
        let Listing { archives, unreadable } = self.store.list().await?;
        let mut items: Vec<_> = match query.filter.schedule_id {
            Some(_) => Vec::new(),
            None => query
                .select(archives)
                .into_iter()
                .map(ListedArchive::unproven)
                .collect(),
        };
        items.retain(|archive| query.filter.matches_description(archive));
        Ok(ArchivePage {
            total: items.len() as u64,
            items: query.page(items),
            unreadable,
        })
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
        self.store.source(&manifest.id, manifest.file())
    }
}
