//! A short queue of bytes between the thread that writes a download and the connection that sends it.
//!
//! The end is said aloud: a queue whose writer vanished without saying it, because it failed or panicked, yields an
//! error and never looks like a whole file.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::coding::Coder;
use crate::error::{Error, Result};

/// How many chunks may wait for the reader.
const QUEUE: usize = 4;

/// What stands in the queue.
pub(super) enum Chunk {
    Bytes(Bytes),
    End,
    Failed(Error),
}

/// The reader's side of the queue.
pub(crate) struct ChunkReceiver {
    pub(super) chunks: mpsc::Receiver<Chunk>,
    /// To be told of every byte that the client has taken.
    pub(super) progress: ClientProgress,
}

/// When the client last took bytes: the writer waits for a queue that is full as long as there is progress, however slow.
#[derive(Clone)]
pub(super) struct ClientProgress(Arc<Mutex<ProgressState>>);

struct ProgressState {
    latest: Instant,
    /// The limit, once the writer has waited for so long in vain.
    stalled: Option<Duration>,
}

impl ClientProgress {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(ProgressState {
            latest: Instant::now(),
            stalled: None,
        })))
    }

    /// Some bytes were taken.
    pub(super) fn made(&self) {
        self.state().latest = Instant::now();
    }

    /// After how long without progress the download was given up, if it was.
    pub(super) fn stalled(&self) -> Option<Duration> {
        self.state().stalled
    }

    fn give_up(&self, limit: Duration) {
        self.state().stalled = Some(limit);
    }

    fn latest(&self) -> Instant {
        self.state().latest
    }

    fn state(&self) -> MutexGuard<'_, ProgressState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens an sender that hands on chunks of that size; what comes out of it is compressed if there is a coder.
pub(crate) fn channel(
    chunk_size: usize,
    stall_timeout: Duration,
    coder: Option<Coder>,
) -> (ChunkSender, ChunkReceiver) {
    let progress = ClientProgress::new();
    let (queue, mut chunks) = ChunkQueue::new(stall_timeout, progress.clone());
    if let Some(coder) = coder {
        let (compressed, compressed_chunks) = ChunkQueue::new(stall_timeout, progress.clone());
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own, so that reading goes on meanwhile.
        tokio::task::spawn_blocking(move || runtime.block_on(compress(chunks, coder, compressed)));
        chunks = compressed_chunks;
    }
    let sender = ChunkSender {
        buffer: Vec::with_capacity(chunk_size),
        chunk_size,
        queue,
    };
    (sender, ChunkReceiver { chunks, progress })
}

/// The writer's side.
pub(crate) struct ChunkSender {
    buffer: Vec<u8>,
    chunk_size: usize,
    queue: ChunkQueue,
}

impl ChunkSender {
    /// What has gathered and not been handed on. Append to it.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Hands on what has gathered, if it is enough.
    ///
    /// # Errors
    /// [`Error::Gone`] if nobody is there any more; [`Error::Stalled`] if the reader took nothing for too long.
    pub(crate) async fn flush_if_full(&mut self) -> Result<()> {
        if self.buffer.len() < self.chunk_size {
            return if self.queue.sender.is_closed() {
                Err(Error::Gone)
            } else {
                Ok(())
            };
        }
        let gathered = std::mem::replace(&mut self.buffer, Vec::with_capacity(self.chunk_size));
        self.queue.bytes(gathered).await
    }

    /// Hands on the rest and says that it was everything.
    pub(crate) async fn end(self) {
        if self.queue.bytes(self.buffer).await.is_ok() {
            self.queue.end().await;
        }
    }

    /// Says that there will be no more because of an error.
    pub(crate) async fn fail(self, error: Error) {
        self.queue.fail(error).await;
    }
}

/// Passes on what comes, compressed.
async fn compress(mut chunks: mpsc::Receiver<Chunk>, mut coder: Coder, queue: ChunkQueue) {
    let passed = async {
        loop {
            match chunks.recv().await {
                Some(Chunk::Bytes(bytes)) => queue.bytes(coder.compress(&bytes)?).await?,
                Some(Chunk::End) => return queue.bytes(coder.finish()?).await,
                Some(Chunk::Failed(error)) => return Err(error),
                None => return Err(ended_without_end()),
            }
        }
    };
    match passed.await {
        Ok(()) => queue.end().await,
        Err(error) => queue.fail(error).await,
    }
}

/// The end of a queue into which chunks are put.
struct ChunkQueue {
    sender: mpsc::Sender<Chunk>,
    stall_timeout: Duration,
    progress: ClientProgress,
}

impl ChunkQueue {
    fn new(stall_timeout: Duration, progress: ClientProgress) -> (Self, mpsc::Receiver<Chunk>) {
        let (sender, queued) = mpsc::channel(QUEUE);
        let queue = Self {
            sender,
            stall_timeout,
            progress,
        };
        (queue, queued)
    }

    async fn bytes(&self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() {
            Ok(())
        } else {
            self.send(Chunk::Bytes(bytes.into())).await
        }
    }

    async fn end(&self) {
        // Who takes nothing any more learns from the closed queue that this was not everything.
        let _ = self.send(Chunk::End).await;
    }

    async fn fail(&self, error: Error) {
        match error {
            Error::Gone => {}
            // Who takes nothing will not take this either, and learns from the closed queue that it was not everything.
            Error::Stalled(limit) => {
                self.progress.give_up(limit);
                tracing::warn!(%error, "a download was given up");
            }
            error => drop(self.send(Chunk::Failed(error)).await),
        }
    }

    async fn send(&self, chunk: Chunk) -> Result<()> {
        let mut sending = std::pin::pin!(self.sender.send(chunk));
        let mut since = Instant::now();
        loop {
            match tokio::time::timeout_at(since + self.stall_timeout, &mut sending).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(_)) => return Err(Error::Gone),
                Err(_) => match self.progress.latest() {
                    latest if latest > since => since = latest,
                    _ => return Err(Error::Stalled(self.stall_timeout)),
                },
            }
        }
    }
}

pub(super) fn ended_without_end() -> Error {
    Error::internal("writing a download")("its writer ended without saying that it was everything")
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::super::body::Body;
    use super::super::coding::Coding;
    use super::super::delivery::LengthPolicy;
    use super::super::spool::SpoolSpace;
    use super::*;

    const CHUNK_SIZE: usize = 64 * 1024;

    fn space() -> SpoolSpace {
        SpoolSpace::new(std::env::temp_dir(), 64 << 20)
    }

    /// What comes out, as it comes.
    fn streamed(receiver: ChunkReceiver) -> Body {
        Body::growing(space().spool().into_spooled().unwrap(), None, receiver)
    }

    async fn delivered(receiver: ChunkReceiver, length: LengthPolicy) -> Result<Body> {
        receiver.into_body(&space(), length, std::future::pending()).await
    }

    async fn bytes(body: &mut Body, number: usize) {
        let mut taken = 0;
        while taken < number {
            taken += body.next().await.unwrap().unwrap().len();
        }
    }

    #[tokio::test]
    async fn a_writer_that_vanishes_never_looks_like_an_end() {
        let (mut sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(1), None);
        let mut body = streamed(receiver);
        sender.buffer().extend_from_slice(&[b'x'; CHUNK_SIZE]);
        sender.flush_if_full().await.unwrap();
        drop(sender);
        bytes(&mut body, CHUNK_SIZE).await;
        assert!(body.next().await.unwrap().is_err());
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn compressing_passes_on_how_it_ended() {
        let gzip = || Coder::new(Coding::Gzip).unwrap();
        let (mut sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(1), gzip());
        let mut body = streamed(receiver);
        sender.buffer().extend_from_slice(&[b'x'; CHUNK_SIZE]);
        sender.flush_if_full().await.unwrap();
        assert!(body.next().await.unwrap().is_ok());
        drop(sender);
        assert!(body.next().await.unwrap().is_err());

        let (sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(1), gzip());
        sender.fail(Error::Forbidden).await;
        let failed = delivered(receiver, LengthPolicy::IfShort).await;
        assert!(matches!(failed, Err(Error::Forbidden)));

        let (sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(1), gzip());
        sender.end().await;
        let mut body = delivered(receiver, LengthPolicy::IfShort).await.unwrap();
        assert!(body.next().await.unwrap().is_ok(), "an empty file has a coded form");
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_slow_reader_learns_what_went_wrong() {
        let (mut sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(60), None);
        let mut body = streamed(receiver);
        for _ in 0..QUEUE {
            sender.buffer().resize(CHUNK_SIZE, b'x');
            sender.flush_if_full().await.unwrap();
        }
        let failing = tokio::spawn(sender.fail(Error::Forbidden));
        bytes(&mut body, QUEUE * CHUNK_SIZE).await;
        assert!(matches!(body.next().await, Some(Err(Error::Forbidden))));
        failing.await.unwrap();
    }

    #[tokio::test]
    async fn a_reader_who_goes_away_ends_the_writing() {
        let (mut sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(1), None);
        drop(receiver);
        assert!(matches!(sender.flush_if_full().await, Err(Error::Gone)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_nothing_is_given_up() {
        let (mut sender, _incoming) = channel(CHUNK_SIZE, Duration::from_secs(60), None);
        fill(&mut sender).await;
        assert!(matches!(sender.flush_if_full().await, Err(Error::Stalled(_))));
    }

    /// Less than a chunk in the time after which a reader is taken for stalled.
    #[tokio::test(start_paused = true)]
    async fn slow_reader_who_makes_progress_is_not_given_up() {
        let (mut sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(60), None);
        let mut body = streamed(receiver);
        fill(&mut sender).await;
        let writing = tokio::spawn(async move {
            for _ in 0..3 {
                sender.buffer().resize(CHUNK_SIZE, b'x');
                sender.flush_if_full().await?;
            }
            Ok::<_, Error>(())
        });
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            assert!(body.next().await.unwrap().is_ok());
        }
        writing.await.unwrap().unwrap();
    }

    async fn fill(sender: &mut ChunkSender) {
        for _ in 0..QUEUE {
            sender.buffer().resize(CHUNK_SIZE, b'x');
            sender.flush_if_full().await.unwrap();
        }
        sender.buffer().resize(CHUNK_SIZE, b'x');
    }
}
