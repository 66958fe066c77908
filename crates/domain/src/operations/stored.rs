//! The archives of a store for whoever has its files: reading them needs no database and no account.

use std::path::PathBuf;
use std::sync::Arc;

use campus_backup_archive::manifest::Origin;
use campus_backup_archive::{Keys, Manifest};

use super::ListedArchive;
use super::listing::ArchivePage;
use crate::error::Result;
use crate::open::Source;
use crate::store::{Store, UnreadableEntry};

/// Archives that are looked at and verified. It is for the command line, where nobody is to be asked: whoever starts it can read
/// the files anyway. Requests come through [`Operations`](super::Operations), which wants an
/// [`Admin`](crate::account::Admin) for each.
#[derive(Clone, Debug)]
pub struct StoredArchives {
    pub(super) store: Store,
    pub(super) keys: Keys,
    /// A folder for what a test restore needs while it works.
    pub(super) scratch: PathBuf,
}

impl StoredArchives {
    /// Those in a store, opened with these keys.
    pub fn new(store: Store, keys: Keys, scratch: PathBuf) -> Self {
        Self { store, keys, scratch }
    }

    /// Lists archives, if wanted only those that came in one way, the newest first.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable)
    pub async fn list(&self, kind: Option<Origin>, limit: u64, offset: u64) -> Result<ArchivePage> {
        let (page, total, unreadable) = self.page(kind, limit, offset).await?;
        Ok(ArchivePage {
            total,
            items: page.into_iter().map(ListedArchive::unproven).collect(),
            unreadable,
        })
    }

    /// Some of the manifests, the newest first, how many there are in all, and what can't be read.
    pub(super) async fn page(
        &self,
        kind: Option<Origin>,
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

    /// What is known of one.
    ///
    /// # Errors
    /// Those of [`Store::manifest`].
    pub async fn show(&self, id: &str) -> Result<ListedArchive> {
        self.store.manifest(id).await.map(ListedArchive::unproven)
    }

    /// The bytes of one that is listed, to be read by what [`open`](crate::open) has.
    pub fn source(&self, manifest: &Manifest) -> Arc<dyn Source> {
        self.store.source(&manifest.id, manifest.object.form())
    }
}
