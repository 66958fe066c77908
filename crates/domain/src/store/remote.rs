//! Remote storage: names and listings.
//!
//! A bucket may have keys of other programs that are not valid paths (`a//b`, `./x`, a control character in a name).
//! The library's listing ends at the first of them; [`Remote::contents`] continues after it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::TryStreamExt;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::{Error as PathError, Path, PathPart};
use object_store::{ObjectMeta, ObjectStore};

use super::entry::EntryFault;
use super::id;
use super::names::{self, DELETED};
use super::object::{Object, ObjectVersion, StoreContents, UnreadableEntry};

/// The most keys of a page, as in all such storage.
const PAGE: usize = 1_000;

/// Remote storage, or memory.
#[derive(Clone)]
pub(super) struct Remote {
    pub(super) objects: Arc<dyn ObjectStore>,
    /// The same storage with paginated listings. None in memory, where all keys are paths.
    pub(super) pages: Option<Arc<dyn PaginatedListStore>>,
    /// The prefix of all names.
    pub(super) prefix: Path,
    /// Whether an object has a version only in a bucket that keeps versions. Google gives one to each object.
    pub(super) reports_versions: bool,
    /// Whether the storage is known to ignore conditions.
    pub(super) ignores_conditions: Arc<AtomicBool>,
}

impl From<ObjectMeta> for ObjectVersion {
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

    /// The prefix of all keys.
    fn key_prefix(&self) -> String {
        match self.prefix.is_root() {
            true => String::new(),
            false => format!("{}/", self.prefix),
        }
    }

    /// Lists one key, to see whether the bucket exists.
    pub(super) async fn demand(&self) -> object_store::Result<()> {
        let Some(pages) = &self.pages else { return Ok(()) };
        let options = PaginatedListOptions {
            max_keys: Some(1),
            ..PaginatedListOptions::default()
        };
        let prefix = self.key_prefix();
        // Limited to the prefix: other keys may be confidential.
        match pages.list_paginated(Some(&prefix), options).await {
            Err(object_store::Error::InvalidPath { .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// All objects of archives. Other objects are skipped.
    pub(super) async fn contents(&self) -> object_store::Result<StoreContents> {
        let mut contents = StoreContents::default();
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

    /// Lists page by page. A page with an invalid key is requested again in ever smaller pages, until that key is alone
    /// on a page. The listing then continues after it, and after all keys that are invalid for the same reason.
    async fn list_pages(
        &self,
        pages: &dyn PaginatedListStore,
        contents: &mut StoreContents,
    ) -> object_store::Result<()> {
        let prefix = self.key_prefix();
        let mut options = PaginatedListOptions::default();
        // A server that returns the same page repeatedly would cause an endless loop.
        let mut skipped = String::new();
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
                    if page.page_token == options.page_token {
                        return Err(no_progress());
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
                    contents
                        .unreadable
                        .push(UnreadableEntry::new(name, EntryFault::InvalidName));
                    let after = after_keys_like(&key);
                    if after <= skipped {
                        return Err(no_progress());
                    }
                    skipped.clone_from(&after);
                    options.page_token = None;
                    options.offset = Some(after);
                }
                (Err(object_store::Error::InvalidPath { .. }), keys) => {
                    options.max_keys = Some(keys.unwrap_or(PAGE) / 2);
                }
                (Err(error), _) => return Err(error),
            }
        }
    }

    fn add(&self, meta: ObjectMeta, contents: &mut StoreContents) {
        let parts = meta.location.prefix_match(&self.prefix);
        let parts: Option<Vec<String>> = parts.map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
        match parts.as_deref() {
            Some([folder, id]) if folder == DELETED && id::is_id(id) => {
                contents.tombstones.insert(id.clone(), meta.into());
            }
            Some([id, name]) if id::is_id(id) && names::is_ours(name) => {
                let object = Object {
                    name: name.clone(),
                    version: meta.into(),
                };
                contents.add(id, object);
            }
            _ => {}
        }
    }
}

/// The invalid key.
fn key_of(error: &PathError) -> Option<String> {
    match error {
        PathError::EmptySegment { path } | PathError::BadSegment { path, .. } => Some(path.clone()),
        _ => None,
    }
}

/// A text that sorts after an invalid key, and after all keys with the same invalid prefix.
fn after_keys_like(key: &str) -> String {
    let mut end = 0;
    for part in key.split_inclusive('/') {
        end += part.len();
        let is_wrong = |part: &str| part.is_empty() || PathPart::parse(part).is_err();
        if part.strip_suffix('/').is_some_and(is_wrong) {
            return format!("{}{}", &key[..end], char::MAX);
        }
    }
    key.to_owned()
}

fn no_progress() -> object_store::Error {
    object_store::Error::Generic {
        store: "remote",
        source: "the store gives the same page of its listing again and again".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(key: &str) -> String {
        Path::parse(key).unwrap_err();
        after_keys_like(key)
    }

    #[test]
    fn keys_with_the_same_fault_are_skipped_at_once() {
        let skips = |after: &str, key: &str| key <= after;
        let empty = after("school/a//b");
        assert!(skips(&empty, "school/a//c/d") && !skips(&empty, "school/a/x") && !skips(&empty, "school/b"));
        let dot = after("school/./b");
        assert!(skips(&dot, "school/./z") && !skips(&dot, "school/0"));
        // Only itself.
        assert_eq!(after("school/a/.."), "school/a/..");
    }
}
