//! Remote storage: names and listings.
//!
//! A bucket may have keys that are no paths (`a//b`, `./x`, a control character in a name), which other programs have put
//! there. The library's listing ends at the first of them; [`Remote::contents`] continues after it.

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::{Error as PathError, Path};
use object_store::{ObjectMeta, ObjectStore};

use super::entry::EntryFault;
use super::id;
use super::names::{self, DELETED};
use super::place::{Contents, Mark, Object, Unreadable};

/// How many keys a page has at most, as in all such stores.
const PAGE: usize = 1_000;

/// Remote storage, or memory.
#[derive(Clone)]
pub(super) struct Remote {
    pub(super) objects: Arc<dyn ObjectStore>,
    /// The same storage by pages. None in memory, where all keys are paths.
    pub(super) pages: Option<Arc<dyn PaginatedListStore>>,
    /// What all names begin with.
    pub(super) prefix: Path,
}

impl From<ObjectMeta> for Mark {
    fn from(meta: ObjectMeta) -> Self {
        Self {
            e_tag: meta.e_tag,
            last_modified: meta.last_modified,
            changed: meta.last_modified,
            size: meta.size,
        }
    }
}

impl Remote {
    /// The full name of an object.
    pub(super) fn path(&self, id: &str, name: &str) -> Path {
        self.prefix.clone().join(id).join(name)
    }

    /// What all keys begin with.
    fn key_prefix(&self) -> String {
        match self.prefix.is_root() {
            true => String::new(),
            false => format!("{}/", self.prefix),
        }
    }

    /// Asks for one key, whatever it is.
    pub(super) async fn demand(&self) -> object_store::Result<()> {
        let Some(pages) = &self.pages else { return Ok(()) };
        let options = PaginatedListOptions {
            max_keys: Some(1),
            ..PaginatedListOptions::default()
        };
        let prefix = self.key_prefix();
        // Other keys may be another's secret.
        match pages.list_paginated(Some(&prefix), options).await {
            Err(object_store::Error::InvalidPath { .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Everything that belongs to some archive. What lies elsewhere is passed over.
    pub(super) async fn contents(&self) -> object_store::Result<Contents> {
        let mut contents = Contents::default();
        match &self.pages {
            Some(pages) => self.list_pages(pages.as_ref(), &mut contents).await?,
            None => {
                let prefix = Some(&self.prefix).filter(|prefix| !prefix.is_root());
                let listed: Vec<_> = self.objects.list(prefix).try_collect().await?;
                for meta in listed {
                    self.add(meta, &mut contents);
                }
            }
        }
        Ok(contents)
    }

    /// Page after page. A page with a key that is no path is asked for again in ever smaller pages, until that key is alone
    /// on one; then the listing continues after it.
    async fn list_pages(&self, pages: &dyn PaginatedListStore, contents: &mut Contents) -> object_store::Result<()> {
        let prefix = self.key_prefix();
        let mut options = PaginatedListOptions::default();
        loop {
            match (
                pages.list_paginated(Some(&prefix), options.clone()).await,
                options.max_keys,
            ) {
                (Ok(page), keys) => {
                    for meta in page.result.objects {
                        self.add(meta, contents);
                    }
                    if page.page_token.is_none() {
                        return Ok(());
                    }
                    options.page_token = page.page_token;
                    options.offset = None;
                    options.max_keys = keys.map(|keys| (keys * 2).min(PAGE));
                }
                (Err(object_store::Error::InvalidPath { source }), Some(1)) => {
                    let Some(key) = key_of(&source) else {
                        return Err(object_store::Error::InvalidPath { source });
                    };
                    let name = key.strip_prefix(&prefix).unwrap_or(&key).to_owned();
                    contents.unreadable.push(Unreadable::new(name, EntryFault::InvalidName));
                    options.page_token = None;
                    options.offset = Some(key);
                }
                (Err(object_store::Error::InvalidPath { .. }), keys) => {
                    options.max_keys = Some(keys.unwrap_or(PAGE) / 2);
                }
                (Err(error), _) => return Err(error),
            }
        }
    }

    fn add(&self, meta: ObjectMeta, contents: &mut Contents) {
        let parts = meta.location.prefix_match(&self.prefix);
        let parts: Option<Vec<String>> = parts.map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
        match parts.as_deref() {
            Some([folder, id]) if folder == DELETED && id::is_id(id) => {
                contents.tombstones.insert(id.clone(), meta.into());
            }
            Some([id, name]) if id::is_id(id) && names::is_ours(name) => {
                let object = Object {
                    name: name.clone(),
                    mark: meta.into(),
                };
                contents.add(id, object);
            }
            _ => {}
        }
    }
}

/// The key that is no path.
fn key_of(error: &PathError) -> Option<String> {
    match error {
        PathError::EmptySegment { path } | PathError::BadSegment { path, .. } => Some(path.clone()),
        _ => None,
    }
}
