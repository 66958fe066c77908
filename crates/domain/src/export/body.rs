//! The body of a download.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, Take};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::io::ReaderStream;

use super::chunk::{Chunk, ChunkReceiver, ended_without_end};
use super::spool::{Reservation, Spooled};
use crate::error::{Error, Result};

/// The largest piece that is sent at once. Small pieces show the progress of a client on a slow line.
const SLICE: usize = 16 * 1024;

/// How many bytes of a spooled file are read at a time.
const FILE_CHUNK_SIZE: usize = 64 * 1024;

/// The bytes of a download: a stream that ends only if everything was written, and otherwise yields an error.
pub struct Body {
    /// The bytes to send next.
    current: Bytes,
    head: VecDeque<Bytes>,
    file: Option<FileStream>,
    /// The bytes that did not fit into the spool.
    after_file: Option<Bytes>,
    /// The rest, while it is still being written.
    receiver: Option<ChunkReceiver>,
    digest: Option<BodyDigest>,
    permit: Option<Arc<OwnedSemaphorePermit>>,
}

/// The length and digest of a download that was completed before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDigest {
    /// The number of bytes that are sent, after compression.
    pub length: u64,
    /// The SHA-256 of these bytes.
    pub sha256: [u8; 32],
}

/// The file of a spool that is being read.
struct FileStream {
    bytes: ReaderStream<Take<File>>,
    _reservation: Reservation,
}

impl Body {
    /// A complete body.
    pub(super) fn complete(spooled: Spooled) -> Self {
        let digest = BodyDigest {
            length: spooled.length,
            sha256: spooled.sha256,
        };
        Self {
            digest: Some(digest),
            ..Self::spooled(spooled)
        }
    }

    /// A body that is still being written. `after_file` comes between the spool and the rest.
    pub(super) fn growing(spooled: Spooled, after_file: Option<Bytes>, receiver: ChunkReceiver) -> Self {
        Self {
            after_file,
            receiver: Some(receiver),
            ..Self::spooled(spooled)
        }
    }

    fn spooled(spooled: Spooled) -> Self {
        let file = spooled.file.map(|spooled| FileStream {
            bytes: ReaderStream::with_capacity(File::from_std(spooled.file).take(spooled.length), FILE_CHUNK_SIZE),
            _reservation: spooled.reservation,
        });
        Self {
            current: Bytes::new(),
            head: spooled.head,
            file,
            after_file: None,
            receiver: None,
            digest: None,
            permit: None,
        }
    }

    /// Holds a permit until the body is dropped.
    pub(super) fn with_permit(mut self, permit: Arc<OwnedSemaphorePermit>) -> Self {
        self.permit = Some(permit);
        self
    }

    /// Its length and digest, if it is complete.
    pub fn digest(&self) -> Option<BodyDigest> {
        self.digest
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if let Some(bytes) = self.head.pop_front() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        if let Some(file) = &mut self.file {
            match ready!(Pin::new(&mut file.bytes).poll_next(context)) {
                Some(read) => return Poll::Ready(Some(read.map_err(Error::io("reading a spooled download")))),
                None => self.file = None,
            }
        }
        if let Some(bytes) = self.after_file.take() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        let Some(receiver) = &mut self.receiver else {
            return Poll::Ready(None);
        };
        let chunk = ready!(receiver.chunks.poll_recv(context));
        if let Some(Chunk::Bytes(bytes)) = chunk {
            return Poll::Ready(Some(Ok(bytes)));
        }
        let stalled = receiver.progress.stalled();
        self.receiver = None;
        Poll::Ready(match chunk {
            Some(Chunk::End) => None,
            Some(Chunk::Failed(error)) => Some(Err(error)),
            // The client stalled and returned too late.
            _ => Some(Err(stalled.map_or_else(ended_without_end, Error::Stalled))),
        })
    }
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        while this.current.is_empty() {
            match ready!(this.poll_chunk(context)) {
                Some(Ok(bytes)) => this.current = bytes,
                other => return Poll::Ready(other),
            }
        }
        if let Some(receiver) = &this.receiver {
            receiver.progress.made();
        }
        let slice = this.current.split_to(SLICE.min(this.current.len()));
        Poll::Ready(Some(Ok(slice)))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
