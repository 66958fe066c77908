//! A bounded queue of chunks between the thread that writes a download and the connection that sends it.
//!
//! The end is an explicit message. If the writer fails or panics without sending it, the receiver gets an error, and
//! the file never looks complete.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::coding::Coder;
use crate::blocking;
use crate::error::{Error, Result};
use crate::mutex::lock;

/// How many chunks the queue holds.
const QUEUE: usize = 4;

/// A message of the queue.
pub(super) enum Chunk {
    Bytes(Bytes),
    End,
    Failed(Error),
}

/// The receiving side of the queue.
pub(crate) struct ChunkReceiver {
    pub(super) chunks: mpsc::Receiver<Chunk>,
    /// Updated whenever the client reads bytes.
    pub(super) progress: ClientProgress,
}

/// The time when the client last read bytes. The sender waits for a full queue as long as the client makes progress,
/// even slowly.
#[derive(Clone)]
pub(super) struct ClientProgress(Arc<Mutex<ClientProgressInner>>);

struct ClientProgressInner {
    latest: Instant,
    /// The time limit, once it was exceeded.
    stalled: Option<Duration>,
}

impl ClientProgress {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(ClientProgressInner {
            latest: Instant::now(),
            stalled: None,
        })))
    }

    /// Records that the client read bytes.
    pub(super) fn made(&self) {
        self.state().latest = Instant::now();
    }

    /// The time limit after which the download was ended, if it was.
    pub(super) fn stalled(&self) -> Option<Duration> {
        self.state().stalled
    }

    fn give_up(&self, limit: Duration) {
        self.state().stalled = Some(limit);
    }

    fn latest(&self) -> Instant {
        self.state().latest
    }

    fn state(&self) -> MutexGuard<'_, ClientProgressInner> {
        lock(&self.0)
    }
}

/// Creates a queue for chunks of that size. With a coder, they are compressed on the way.
pub(crate) fn channel(
    chunk_size: usize,
    stall_timeout: Duration,
    coder: Option<Coder>,
) -> (ChunkSender, ChunkReceiver) {
    let progress = ClientProgress::new();
    let (queue, mut chunks) = ChunkQueue::new(stall_timeout, progress.clone());
    if let Some(coder) = coder {
        let (compressed, compressed_chunks) = ChunkQueue::new(stall_timeout, progress.clone());
        // A thread of its own, so that reading continues meanwhile.
        blocking::spawn(move || compress(chunks, coder, compressed));
        chunks = compressed_chunks;
    }
    let sender = ChunkSender {
        buffer: Vec::with_capacity(chunk_size),
        chunk_size,
        queue,
    };
    (sender, ChunkReceiver { chunks, progress })
}

/// The sending side of the queue.
pub(crate) struct ChunkSender {
    buffer: Vec<u8>,
    chunk_size: usize,
    queue: ChunkQueue,
}

impl ChunkSender {
    /// The bytes that were not sent yet. Append to it.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Sends the buffer as a chunk, if it is full.
    ///
    /// # Errors
    /// [`Error::Gone`] if the client has disconnected; [`Error::Stalled`] if it read nothing for too long.
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

    /// Sends the rest, and the end.
    pub(crate) async fn end(self) {
        if self.queue.bytes(self.buffer).await.is_ok() {
            self.queue.end().await;
        }
    }

    /// Ends the download with an error.
    pub(crate) async fn fail(self, error: Error) {
        self.queue.fail(error).await;
    }
}

/// Compresses the chunks into another queue.
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

/// The sending end of the queue.
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
        // A client that no longer reads learns from the closed queue that the download is incomplete.
        let _ = self.send(Chunk::End).await;
    }

    async fn fail(&self, error: Error) {
        match error {
            Error::Gone => {}
            // A stalled client would not read this error either. The closed queue shows that the download is
            // incomplete.
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

    /// A body that streams the chunks.
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
    async fn dropped_sender_is_an_error() {
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
    async fn compressed_queue_forwards_the_end_and_errors() {
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
    async fn slow_client_receives_the_error() {
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
    async fn disconnected_client_ends_the_writing() {
        let (mut sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(1), None);
        drop(receiver);
        assert!(matches!(sender.flush_if_full().await, Err(Error::Gone)));
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_client_ends_the_writing() {
        let (mut sender, _incoming) = channel(CHUNK_SIZE, Duration::from_secs(60), None);
        fill(&mut sender).await;
        assert!(matches!(sender.flush_if_full().await, Err(Error::Stalled(_))));
    }

    /// The client reads less than a chunk within the stall timeout.
    #[tokio::test(start_paused = true)]
    async fn slow_client_with_progress_is_not_disconnected() {
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
