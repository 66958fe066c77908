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

/// How many pieces may wait for the reader.
const QUEUE: usize = 4;

/// What stands in the queue.
pub(super) enum Piece {
    Bytes(Bytes),
    End,
    Failed(Error),
}

/// The reader's side of the queue.
pub(crate) struct Incoming {
    pub(super) pieces: mpsc::Receiver<Piece>,
    /// To be told of every byte that the client has taken.
    pub(super) progress: Progress,
}

/// When the client last took bytes: the writer waits for a queue that is full as long as there is progress, however slow.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<Reading>>);

struct Reading {
    latest: Instant,
    /// The limit, once the writer has waited for so long in vain.
    stalled: Option<Duration>,
}

impl Progress {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Reading {
            latest: Instant::now(),
            stalled: None,
        })))
    }

    /// Some bytes were taken.
    pub(super) fn made(&self) {
        self.reading().latest = Instant::now();
    }

    /// After how long without progress the download was given up, if it was.
    pub(super) fn stalled(&self) -> Option<Duration> {
        self.reading().stalled
    }

    fn give_up(&self, limit: Duration) {
        self.reading().stalled = Some(limit);
    }

    fn latest(&self) -> Instant {
        self.reading().latest
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens an outlet that hands on pieces of that size; what comes out of it is compressed if there is a coder.
pub(crate) fn open(piece: usize, stall_timeout: Duration, coder: Option<Coder>) -> (Outlet, Incoming) {
    let progress = Progress::new();
    let (queue, mut pieces) = Queue::new(stall_timeout, progress.clone());
    if let Some(coder) = coder {
        let (compressed, compressed_pieces) = Queue::new(stall_timeout, progress.clone());
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own, so that reading goes on meanwhile.
        tokio::task::spawn_blocking(move || runtime.block_on(compress(pieces, coder, compressed)));
        pieces = compressed_pieces;
    }
    let outlet = Outlet {
        buffer: Vec::with_capacity(piece),
        piece,
        queue,
    };
    (outlet, Incoming { pieces, progress })
}

/// The writer's side.
pub(crate) struct Outlet {
    buffer: Vec<u8>,
    piece: usize,
    queue: Queue,
}

impl Outlet {
    /// What has gathered and not been handed on. Append to it.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Hands on what has gathered, if it is enough.
    ///
    /// # Errors
    /// [`Error::Gone`] if nobody is there any more; [`Error::Stalled`] if the reader took nothing for too long.
    pub(crate) async fn hand_on(&mut self) -> Result<()> {
        if self.buffer.len() < self.piece {
            return if self.queue.sender.is_closed() {
                Err(Error::Gone)
            } else {
                Ok(())
            };
        }
        let gathered = std::mem::replace(&mut self.buffer, Vec::with_capacity(self.piece));
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
async fn compress(mut pieces: mpsc::Receiver<Piece>, mut coder: Coder, queue: Queue) {
    let passed = async {
        loop {
            match pieces.recv().await {
                Some(Piece::Bytes(bytes)) => queue.bytes(coder.compress(&bytes)?).await?,
                Some(Piece::End) => return queue.bytes(coder.finish()?).await,
                Some(Piece::Failed(error)) => return Err(error),
                None => return Err(cut()),
            }
        }
    };
    match passed.await {
        Ok(()) => queue.end().await,
        Err(error) => queue.fail(error).await,
    }
}

/// The end of a queue into which pieces are put.
struct Queue {
    sender: mpsc::Sender<Piece>,
    stall_timeout: Duration,
    progress: Progress,
}

impl Queue {
    fn new(stall_timeout: Duration, progress: Progress) -> (Self, mpsc::Receiver<Piece>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let queue = Self {
            sender,
            stall_timeout,
            progress,
        };
        (queue, receiver)
    }

    async fn bytes(&self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() {
            Ok(())
        } else {
            self.send(Piece::Bytes(bytes.into())).await
        }
    }

    async fn end(&self) {
        // Who takes nothing any more learns from the closed queue that this was not everything.
        let _ = self.send(Piece::End).await;
    }

    async fn fail(&self, error: Error) {
        match error {
            Error::Gone => {}
            // Who takes nothing will not take this either, and learns from the closed queue that it was not everything.
            Error::Stalled(limit) => {
                self.progress.give_up(limit);
                tracing::warn!(%error, "a download was given up");
            }
            error => drop(self.send(Piece::Failed(error)).await),
        }
    }

    async fn send(&self, piece: Piece) -> Result<()> {
        let mut sending = std::pin::pin!(self.sender.send(piece));
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

pub(super) fn cut() -> Error {
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

    const PIECE: usize = 64 * 1024;

    fn space() -> SpoolSpace {
        SpoolSpace::new(std::env::temp_dir(), 64 << 20)
    }

    /// What comes out, as it comes.
    fn streamed(incoming: Incoming) -> Body {
        Body::growing(space().spool().into_spooled().unwrap(), None, incoming)
    }

    async fn delivered(incoming: Incoming, length: LengthPolicy) -> Result<Body> {
        incoming.into_body(&space(), length, std::future::pending()).await
    }

    async fn bytes(body: &mut Body, number: usize) {
        let mut taken = 0;
        while taken < number {
            taken += body.next().await.unwrap().unwrap().len();
        }
    }

    #[tokio::test]
    async fn a_writer_that_vanishes_never_looks_like_an_end() {
        let (mut outlet, incoming) = open(PIECE, Duration::from_secs(1), None);
        let mut body = streamed(incoming);
        outlet.buffer().extend_from_slice(&[b'x'; PIECE]);
        outlet.hand_on().await.unwrap();
        drop(outlet);
        bytes(&mut body, PIECE).await;
        assert!(body.next().await.unwrap().is_err());
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn compressing_passes_on_how_it_ended() {
        let gzip = || Coder::new(Coding::Gzip).unwrap();
        let (mut outlet, incoming) = open(PIECE, Duration::from_secs(1), gzip());
        let mut body = streamed(incoming);
        outlet.buffer().extend_from_slice(&[b'x'; PIECE]);
        outlet.hand_on().await.unwrap();
        assert!(body.next().await.unwrap().is_ok());
        drop(outlet);
        assert!(body.next().await.unwrap().is_err());

        let (outlet, incoming) = open(PIECE, Duration::from_secs(1), gzip());
        outlet.fail(Error::Forbidden).await;
        let failed = delivered(incoming, LengthPolicy::IfShort).await;
        assert!(matches!(failed, Err(Error::Forbidden)));

        let (outlet, incoming) = open(PIECE, Duration::from_secs(1), gzip());
        outlet.end().await;
        let mut body = delivered(incoming, LengthPolicy::IfShort).await.unwrap();
        assert!(body.next().await.unwrap().is_ok(), "an empty file has a coded form");
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_slow_reader_learns_what_went_wrong() {
        let (mut outlet, incoming) = open(PIECE, Duration::from_secs(60), None);
        let mut body = streamed(incoming);
        for _ in 0..QUEUE {
            outlet.buffer().resize(PIECE, b'x');
            outlet.hand_on().await.unwrap();
        }
        let failing = tokio::spawn(outlet.fail(Error::Forbidden));
        bytes(&mut body, QUEUE * PIECE).await;
        assert!(matches!(body.next().await, Some(Err(Error::Forbidden))));
        failing.await.unwrap();
    }

    #[tokio::test]
    async fn a_reader_who_goes_away_ends_the_writing() {
        let (mut outlet, incoming) = open(PIECE, Duration::from_secs(1), None);
        drop(incoming);
        assert!(matches!(outlet.hand_on().await, Err(Error::Gone)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_nothing_is_given_up() {
        let (mut outlet, _incoming) = open(PIECE, Duration::from_secs(60), None);
        fill(&mut outlet).await;
        assert!(matches!(outlet.hand_on().await, Err(Error::Stalled(_))));
    }

    /// Less than a piece in the time after which a reader is taken for stalled.
    #[tokio::test(start_paused = true)]
    async fn slow_reader_who_makes_progress_is_not_given_up() {
        let (mut outlet, incoming) = open(PIECE, Duration::from_secs(60), None);
        let mut body = streamed(incoming);
        fill(&mut outlet).await;
        let writing = tokio::spawn(async move {
            for _ in 0..3 {
                outlet.buffer().resize(PIECE, b'x');
                outlet.hand_on().await?;
            }
            Ok::<_, Error>(())
        });
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            assert!(body.next().await.unwrap().is_ok());
        }
        writing.await.unwrap().unwrap();
    }

    async fn fill(outlet: &mut Outlet) {
        for _ in 0..QUEUE {
            outlet.buffer().resize(PIECE, b'x');
            outlet.hand_on().await.unwrap();
        }
        outlet.buffer().resize(PIECE, b'x');
    }
}
