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

use crate::error::{Error, Result};

/// How much is gathered before it is handed on.
const PIECE: usize = 64 * 1024;

/// How many pieces may wait for the reader.
const QUEUE: usize = 4;

enum Piece {
    Bytes(Bytes),
    End,
    Failed(Error),
}

/// Opens an outlet; its body is for whoever sends the bytes.
pub(super) fn open(stall_timeout: Duration) -> (Outlet, Body) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let outlet = Outlet {
        buffer: Vec::with_capacity(PIECE),
        sender,
        stall_timeout,
    };
    let body = Body {
        first: None,
        receiver,
        ended: false,
    };
    (outlet, body)
}

/// The writer's side.
pub(super) struct Outlet {
    buffer: Vec<u8>,
    sender: mpsc::Sender<Piece>,
    stall_timeout: Duration,
}

impl Outlet {
    /// What has gathered and not been handed on. Append to it.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Hands on what has gathered, if it is enough.
    ///
    /// # Errors
    /// [`Error::Gone`] if nobody is there any more; [`Error::Stalled`] if the reader took nothing for too long.
    pub(super) async fn hand_on(&mut self) -> Result<()> {
        if self.buffer.len() < PIECE {
            return if self.sender.is_closed() {
                Err(Error::Gone)
            } else {
                Ok(())
            };
        }
        self.send_gathered().await
    }

    /// Hands on the rest and says that it was everything.
    pub(super) async fn end(mut self) {
        if self.send_gathered().await.is_ok() {
            let _ = self.send(Piece::End).await;
        }
    }

    /// Says that there will be no more because of an error.
    pub(super) async fn fail(self, error: Error) {
        // A reader who has gone or who takes nothing will not take this either.
        let _ = self.sender.try_send(Piece::Failed(error));
    }

    async fn send_gathered(&mut self) -> Result<()> {
        let gathered = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        if gathered.is_empty() {
            Ok(())
        } else {
            self.send(Piece::Bytes(gathered.into())).await
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
    pub(super) async fn first_piece_awaited(mut self) -> Result<Self> {
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

    use super::*;

    #[tokio::test]
    async fn a_writer_that_vanishes_never_looks_like_an_end() {
        let (mut outlet, mut body) = open(Duration::from_secs(1));
        outlet.buffer().extend_from_slice(&[b'x'; PIECE]);
        outlet.hand_on().await.unwrap();
        drop(outlet);
        assert!(body.next().await.unwrap().is_ok());
        assert!(body.next().await.unwrap().is_err());
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn an_error_before_the_first_byte_is_an_error_of_the_whole() {
        let (outlet, body) = open(Duration::from_secs(1));
        outlet.fail(Error::Forbidden).await;
        assert!(matches!(body.first_piece_awaited().await, Err(Error::Forbidden)));
    }

    #[tokio::test]
    async fn a_reader_who_goes_away_ends_the_writing() {
        let (mut outlet, body) = open(Duration::from_secs(1));
        drop(body);
        assert!(matches!(outlet.hand_on().await, Err(Error::Gone)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_nothing_is_given_up() {
        let (mut outlet, _body) = open(Duration::from_secs(60));
        for _ in 0..QUEUE {
            outlet.buffer().resize(PIECE, b'x');
            outlet.hand_on().await.unwrap();
        }
        outlet.buffer().resize(PIECE, b'x');
        assert!(matches!(outlet.hand_on().await, Err(Error::Stalled(_))));
    }
}
