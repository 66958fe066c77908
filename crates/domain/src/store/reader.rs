//! Reading an archive from the store.
//!
//! Remote storage is read in chunks, one ahead. A slow reader keeps no connection open, and a failed chunk can be
//! requested again. Every chunk must be of the version that was opened.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use campus_backup_archive::ObjectFile;
use futures_util::{Stream, stream};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::backend::Backend;
use super::folder::Folder;
use super::{Store, blocking, fault, id};
use crate::blocking::wait;
use crate::error::{Error, Result};

/// The size of the chunks of remote storage, in bytes. At most two are in memory.
pub const CHUNK_SIZE: u64 = 4 << 20;

/// The size of the chunks of a file, in bytes.
const FILE_CHUNK_SIZE: u64 = 256 * 1024;

const READING: &str = "reading an archive";

/// An archive, or a range of it, that is being read. It ends after exactly the requested bytes, or with an error.
#[derive(Debug)]
pub struct StoreReader {
    source: ReaderSource,
    size: u64,
    /// The bytes that are still to be read.
    rest: Range<u64>,
    runtime: Handle,
    store: Store,
}

#[derive(Debug)]
enum ReaderSource {
    File(Arc<File>),
    Remote(RemoteReader),
}

#[derive(Debug)]
struct RemoteReader {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    e_tag: Option<String>,
    /// The next chunk, which is being fetched.
    next: Option<Fetch>,
}

impl Store {
    /// Opens an archive by its file (that of its manifest: [`Manifest::file`](campus_backup_archive::Manifest::file)), or a range of
    /// its bytes. It need not have a manifest yet.
    ///
    /// # Errors
    /// [`Error::ArchiveNotFound`] or [`Error::ArchiveGone`], [`Error::Invalid`] if there is no such `range`,
    /// [`Error::StoreUnavailable`].
    pub async fn read(&self, id: &str, file: impl Into<ObjectFile>, range: Option<Range<u64>>) -> Result<StoreReader> {
        self.within(READING, self.open_archive(id, file.into(), range)).await
    }

    async fn open_archive(&self, id: &str, file: ObjectFile, range: Option<Range<u64>>) -> Result<StoreReader> {
        let name = file.name();
        let opened = match &self.0.backend {
            Backend::Folder(folder) => {
                let (folder, owned) = (folder.clone(), id::checked(id)?.to_owned());
                let opened = blocking(move || open_file(&folder, &owned, &name)).await?;
                opened.map_err(fault::entry(id, READING))
            }
            Backend::Remote(storage) => match storage.objects.head(&storage.path(id::checked(id)?, &name)).await {
                Ok(meta) => {
                    let remote = RemoteReader {
                        objects: storage.objects.clone(),
                        path: meta.location,
                        e_tag: meta.e_tag,
                        next: None,
                    };
                    Ok(Some((ReaderSource::Remote(remote), meta.size)))
                }
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(fault::store(READING)(error)),
            },
        };
        let Some((source, size)) = opened? else {
            return Err(self.absent(id).await);
        };
        let rest = range.unwrap_or(0..size);
        if rest.start > rest.end || rest.end > size {
            return Err(Error::Invalid {
                field: "range",
                problem: format!("the archive has {size} bytes"),
            });
        }
        Ok(StoreReader {
            source,
            size,
            rest,
            runtime: self.0.runtime.clone(),
            store: self.clone(),
        })
    }
}

fn open_file(folder: &Folder, id: &str, name: &str) -> io::Result<Option<(ReaderSource, u64)>> {
    let Some(file) = folder.file(id, name)? else {
        return Ok(None);
    };
    let size = file.metadata()?.len();
    Ok(Some((ReaderSource::File(Arc::new(file)), size)))
}

impl StoreReader {
    /// How many bytes the whole archive has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes are still to be read.
    pub fn remaining(&self) -> u64 {
        self.rest.end - self.rest.start
    }

    /// The next bytes; none after the last.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`], also if the archive was truncated or replaced meanwhile.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let bytes = match &mut self.source {
            ReaderSource::File(file) => {
                let (file, at) = (file.clone(), self.rest.start);
                let length = FILE_CHUNK_SIZE.min(self.rest.end - at);
                blocking(move || read_at(&file, at, length)).await??
            }
            ReaderSource::Remote(remote) => {
                let next = remote.next(&self.rest, &self.runtime);
                self.store.within(READING, next).await?
            }
        };
        self.rest.start += bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// The bytes as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        stream::try_unfold(self, |mut reader| async move {
            let next = reader.next().await?;
            Ok(next.map(|bytes| (bytes, reader)))
        })
    }

    /// Converts it to a blocking reader, which must not be used on an async worker. Its errors wrap those of the store,
    /// which [`Error::io`] unwraps.
    pub fn into_reader(self) -> impl Read + Send + use<> {
        BlockingReader {
            reader: self,
            ready: Bytes::new(),
        }
    }
}

struct BlockingReader {
    reader: StoreReader,
    ready: Bytes,
}

impl Read for BlockingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reader = &mut self.reader;
        if let ReaderSource::File(file) = &reader.source {
            let wanted = usize::try_from(reader.remaining()).map_or(buffer.len(), |rest| rest.min(buffer.len()));
            let read = match file.read_at(&mut buffer[..wanted], reader.rest.start) {
                Ok(read) => read,
                // The caller tries again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => return Err(io::Error::other(fault::io(READING)(error))),
            };
            if read == 0 && wanted > 0 {
                return Err(io::Error::other(ends_too_early()));
            }
            reader.rest.start += read as u64;
            return Ok(read);
        }
        if self.ready.is_empty() {
            let runtime = reader.runtime.clone();
            let next = wait(&runtime, reader.next()).map_err(io::Error::other)?;
            self.ready = next.unwrap_or_default();
        }
        let length = buffer.len().min(self.ready.len());
        self.ready.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

fn read_at(file: &File, at: u64, length: u64) -> Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).map_err(Error::internal(READING))?];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(bytes.into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(ends_too_early()),
        Err(error) => Err(fault::io(READING)(error)),
    }
}

/// The archive has become shorter since it was opened.
fn ends_too_early() -> Error {
    fault::io(READING)(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the stored archive ends too early",
    ))
}

impl RemoteReader {
    /// The next chunk. The one after it is requested too.
    async fn next(&mut self, rest: &Range<u64>, runtime: &Handle) -> Result<Bytes> {
        let range = rest.start..rest.end.min(rest.start + CHUNK_SIZE);
        let mut fetch = match self.next.take() {
            Some(fetch) => fetch,
            None => self.fetch(range.clone(), runtime),
        };
        if range.end < rest.end {
            self.next = Some(self.fetch(range.end..rest.end.min(range.end + CHUNK_SIZE), runtime));
        }
        let fetched = (&mut fetch.0).await.map_err(Error::internal(READING)).flatten();
        if fetched.is_err() {
            // The caller may ask for the same chunk again.
            self.next = None;
        }
        fetched
    }

    fn fetch(&self, range: Range<u64>, runtime: &Handle) -> Fetch {
        let (objects, path, e_tag) = (self.objects.clone(), self.path.clone(), self.e_tag.clone());
        Fetch(runtime.spawn(async move {
            let length = range.end - range.start;
            let options = GetOptions::new().with_range(Some(range)).with_if_match(e_tag.clone());
            let result = match objects.get_opts(&path, options).await {
                // It was deleted meanwhile.
                Err(object_store::Error::NotFound { .. }) => return Err(ends_too_early()),
                result => result.map_err(fault::store(READING))?,
            };
            let is_same = e_tag.is_none() || result.meta.e_tag == e_tag;
            let bytes = result.bytes().await.map_err(fault::store(READING))?;
            match is_same && bytes.len() as u64 == length {
                true => Ok(bytes),
                false => Err(ends_too_early()),
            }
        }))
    }
}

/// A request that is aborted when it is dropped.
#[derive(Debug)]
struct Fetch(JoinHandle<Result<Bytes>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
