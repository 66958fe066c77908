//! A short queue of bytes between the thread that writes a download and the connection that sends it.
//!
//! The end is said aloud: a queue whose writer vanished without saying it, because it failed or panicked, yields an
//! error and never looks like a whole file.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use super::coding::Coder;
use crate::error::{Error, Result};

/// How many pieces may wait for the reader.
const QUEUE: usize = 4;

enum Piece {
    Bytes(Bytes),
    End,
    Failed(Error),
}

/// Opens an outlet that hands on pieces of that size; its body is for whoever sends the bytes, compressed if there is a
/// coder.
pub(crate) fn open(piece: usize, stall_timeout: Duration, coder: Option<Coder>) -> (Outlet, Body) {
    let (queue, mut receiver) = Queue::new(stall_timeout);
    if let Some(coder) = coder {
        let (compressed, compressed_receiver) = Queue::new(stall_timeout);
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own, so that reading goes on meanwhile.
        tokio::task::spawn_blocking(move || runtime.block_on(compress(receiver, coder, compressed)));
        receiver = compressed_receiver;
    }
    let outlet = Outlet {
        buffer: Vec::with_capacity(piece),
        piece,
        queue,
    };
    let body = Body {
        first: None,
        receiver,
        ended: false,
    };
    (outlet, body)
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
}

impl Queue {
    fn new(stall_timeout: Duration) -> (Self, mpsc::Receiver<Piece>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { sender, stall_timeout }, receiver)
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
            Error::Stalled(_) => tracing::warn!(%error, "a download was given up"),
            error => drop(self.send(Piece::Failed(error)).await),
        }
    }

    async fn send(&self, piece: Piece) -> Result<()> {
        match tokio::time::timeout(self.stall_timeout, self.sender.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Gone),
            Err(_) => Err(Error::Stalled(self.stall_timeout)),
        }
    }
}

/// The reader's side: a stream that ends only if everything was written, and otherwise yields an error.
#[derive(Debug)]
pub struct Body {
    first: Option<Bytes>,
    receiver: mpsc::Receiver<Piece>,
    ended: bool,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::End => f.write_str("end"),
            Self::Failed(error) => write!(f, "failed: {error}"),
        }
    }
}

impl Body {
    /// Waits for the first bytes, so that what fails before them fails as an error of the whole.
    pub(crate) async fn first_piece_awaited(mut self) -> Result<Self> {
        match self.receiver.recv().await {
            Some(Piece::Bytes(bytes)) => self.first = Some(bytes),
            Some(Piece::End) => self.ended = true,
            Some(Piece::Failed(error)) => return Err(error),
            None => return Err(cut()),
        }
        Ok(self)
    }
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.receiver.poll_recv(context)) {
            Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
            other => {
                self.ended = true;
                match other {
                    Some(Piece::End) => None,
                    Some(Piece::Failed(error)) => Some(Err(error)),
                    _ => Some(Err(cut())),
                }
            }
        })
    }
}

fn cut() -> Error {
    Error::internal("writing a download")("its writer ended without saying that it was everything")
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::super::coding::Coding;
    use super::*;

    const PIECE: usize = 64 * 1024;

    #[tokio::test]
    async fn a_writer_that_vanishes_never_looks_like_an_end() {
        let (mut outlet, mut body) = open(PIECE, Duration::from_secs(1), None);
        outlet.buffer().extend_from_slice(&[b'x'; PIECE]);
        outlet.hand_on().await.unwrap();
        drop(outlet);
        assert!(body.next().await.unwrap().is_ok());
        assert!(body.next().await.unwrap().is_err());
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn compressing_passes_on_how_it_ended() {
        let gzip = || Coder::new(Coding::Gzip).unwrap();
        let (mut outlet, mut body) = open(PIECE, Duration::from_secs(1), gzip());
        outlet.buffer().extend_from_slice(&[b'x'; PIECE]);
        outlet.hand_on().await.unwrap();
        assert!(body.next().await.unwrap().is_ok());
        drop(outlet);
        assert!(body.next().await.unwrap().is_err());

        let (outlet, body) = open(PIECE, Duration::from_secs(1), gzip());
        outlet.fail(Error::Forbidden).await;
        assert!(matches!(body.first_piece_awaited().await, Err(Error::Forbidden)));

        let (outlet, mut body) = open(PIECE, Duration::from_secs(1), gzip());
        outlet.end().await;
        assert!(body.next().await.unwrap().is_ok(), "an empty file has a coded form");
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn an_error_before_the_first_byte_is_an_error_of_the_whole() {
        let (outlet, body) = open(PIECE, Duration::from_secs(1), None);
        outlet.fail(Error::Forbidden).await;
        assert!(matches!(body.first_piece_awaited().await, Err(Error::Forbidden)));
    }

    #[tokio::test]
    async fn a_slow_reader_learns_what_went_wrong() {
        let (mut outlet, mut body) = open(PIECE, Duration::from_secs(60), None);
        for _ in 0..QUEUE {
            outlet.buffer().resize(PIECE, b'x');
            outlet.hand_on().await.unwrap();
        }
        let failing = tokio::spawn(outlet.fail(Error::Forbidden));
        for _ in 0..QUEUE {
            assert!(body.next().await.unwrap().is_ok());
        }
        assert!(matches!(body.next().await, Some(Err(Error::Forbidden))));
        failing.await.unwrap();
    }

    #[tokio::test]
    async fn a_reader_who_goes_away_ends_the_writing() {
        let (mut outlet, body) = open(PIECE, Duration::from_secs(1), None);
        drop(body);
        assert!(matches!(outlet.hand_on().await, Err(Error::Gone)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_nothing_is_given_up() {
        let (mut outlet, _body) = open(PIECE, Duration::from_secs(60), None);
        for _ in 0..QUEUE {
            outlet.buffer().resize(PIECE, b'x');
            outlet.hand_on().await.unwrap();
        }
        outlet.buffer().resize(PIECE, b'x');
        assert!(matches!(outlet.hand_on().await, Err(Error::Stalled(_))));
    }
}
