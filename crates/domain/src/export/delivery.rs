//! Decides whether a download's length is sent before its first byte.
//!
//! With a length, every client notices an incomplete download. Without one, some proxies end a broken response cleanly.
//! A length needs a [spool](super::spool) and delays the first byte, so long downloads are streamed where no proxy is
//! configured.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::body::Body;
use super::chunk::{Chunk, ChunkReceiver, ended_without_end};
use super::coding::Coding;
use super::spool::{Spool, SpoolSpace};
use crate::blocking;
use crate::error::{Error, Result};

/// Downloads of up to this many bytes always have a length.
const SHORT: u64 = 4 << 20;

/// How the bytes of a download are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// The content coding.
    pub coding: Coding,
    /// Whether the length is sent first.
    pub length: LengthPolicy,
}

/// Which downloads have a length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthPolicy {
    /// Those of up to a few MiB. Longer ones are streamed.
    #[default]
    IfShort,
    /// Every download that fits into the spool. Errors are found before the first byte.
    IfRoom,
    /// Every download; one that does not fit is refused.
    Always,
}

impl ChunkReceiver {
    /// Waits until the length is known or not needed. An earlier failure is an error of this function. `abandoned`
    /// completes when the client disconnects, and ends the writing.
    ///
    /// # Errors
    /// Those of the writer; [`Error::SpoolFull`] with [`LengthPolicy::Always`]; [`Error::Gone`].
    pub(crate) async fn into_body(
        self,
        space: &SpoolSpace,
        length: LengthPolicy,
        abandoned: impl Future<Output = ()>,
    ) -> Result<Body> {
        let (asker, body) = oneshot::channel();
        let spool = space.spool();
        // Files are written by a thread that may block.
        blocking::spawn(move || gather(self, spool, length, asker));
        tokio::select! {
            body = body => body.unwrap_or_else(|_| Err(ended_without_end())),
            () = abandoned => Err(Error::Gone),
        }
    }
}

async fn gather(receiver: ChunkReceiver, spool: Spool, length: LengthPolicy, mut asker: oneshot::Sender<Result<Body>>) {
    let gathered = tokio::select! {
        gathered = gathered(receiver, spool, length) => gathered,
        () = asker.closed() => return,
    };
    // If the client disconnected just now, the body is dropped, which ends the writing.
    let _ = asker.send(gathered);
}

async fn gathered(mut receiver: ChunkReceiver, mut spool: Spool, length: LengthPolicy) -> Result<Body> {
    loop {
        match receiver.chunks.recv().await {
            Some(Chunk::Bytes(bytes)) => match spool.append(&bytes) {
                Ok(()) => {}
                Err(error) if length == LengthPolicy::Always => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "a download is sent without its length");
                    return growing(spool, Some(bytes), receiver);
                }
            },
            Some(Chunk::End) => return Ok(Body::complete(spool.into_spooled()?)),
            Some(Chunk::Failed(error)) => return Err(error),
            None => return Err(ended_without_end()),
        }
        if length == LengthPolicy::IfShort && spool.length() > SHORT {
            return growing(spool, None, receiver);
        }
    }
}

fn growing(spool: Spool, after_file: Option<Bytes>, receiver: ChunkReceiver) -> Result<Body> {
    Ok(Body::growing(spool.into_spooled()?, after_file, receiver))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::StreamExt as _;

    use super::super::chunk::{ChunkSender, channel};
    use super::*;

    const CHUNK_SIZE: usize = 64 * 1024;

    async fn write(mut sender: ChunkSender, bytes: u64) {
        for _ in 0..bytes / CHUNK_SIZE as u64 {
            sender.buffer().resize(CHUNK_SIZE, b'x');
            if sender.flush_if_full().await.is_err() {
                return;
            }
        }
        sender.end().await;
    }

    async fn delivered(bytes: u64, limit: u64, length: LengthPolicy) -> Result<Body> {
        let (sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(5), None);
        let writing = tokio::spawn(write(sender, bytes));
        let space = SpoolSpace::new(std::env::temp_dir(), limit);
        let body = receiver.into_body(&space, length, std::future::pending()).await;
        if let Err(Error::SpoolFull { .. }) = &body {
            writing.await.unwrap();
        }
        body
    }

    async fn assert_whole(mut body: Body, length: u64) {
        let mut taken = 0;
        while let Some(bytes) = body.next().await {
            taken += bytes.unwrap().len() as u64;
        }
        assert_eq!(taken, length);
    }

    #[tokio::test]
    async fn short_downloads_have_a_length_where_it_is_optional() {
        for (bytes, is_known) in [
            (0, true),
            (SHORT, true),
            (SHORT + CHUNK_SIZE as u64, false),
            (2 * SHORT, false),
        ] {
            let body = delivered(bytes, 64 << 20, LengthPolicy::IfShort).await.unwrap();
            assert_eq!(body.digest().map(|digest| digest.length), is_known.then_some(bytes));
            assert_whole(body, bytes).await;
        }
    }

    #[tokio::test]
    async fn every_download_has_a_length_where_it_is_needed() {
        let body = delivered(2 * SHORT, 64 << 20, LengthPolicy::Always).await.unwrap();
        assert_eq!(body.digest().map(|digest| digest.length), Some(2 * SHORT));
        assert_whole(body, 2 * SHORT).await;
    }

    #[tokio::test]
    async fn download_that_needs_a_length_is_refused_without_room() {
        let refused = delivered(2 * SHORT, SHORT, LengthPolicy::Always).await;
        assert!(matches!(
            refused,
            Err(Error::SpoolFull {
                is_temporary: false,
                ..
            })
        ));
    }

    #[tokio::test]
    async fn download_that_needs_no_length_needs_no_room() {
        for length in [LengthPolicy::IfShort, LengthPolicy::IfRoom] {
            for limit in [0, SHORT / 2] {
                let body = delivered(2 * SHORT, limit, length).await.unwrap();
                assert_eq!(body.digest(), None);
                assert_whole(body, 2 * SHORT).await;
            }
        }
    }

    #[tokio::test]
    async fn disconnected_client_ends_the_delivery() {
        let (sender, receiver) = channel(CHUNK_SIZE, Duration::from_secs(5), None);
        let space = SpoolSpace::new(std::env::temp_dir(), u64::MAX);
        let writing = tokio::spawn(write(sender, u64::MAX));
        let leaving = tokio::time::sleep(Duration::from_millis(20));
        let gone = receiver.into_body(&space, LengthPolicy::Always, leaving).await;
        assert!(matches!(gone, Err(Error::Gone)));
        writing.await.unwrap();
    }
}
