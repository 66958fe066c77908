//! How a download goes out: whether its length is said before its first byte.
//!
//! A length is what shows every client that a broken download is broken, whatever stands in between: some proxies end an
//! answer without a length cleanly when its connection breaks. It takes a [spool](super::spool) and time until the first byte, so
//! long downloads go out while they are written where no proxy is in the way.

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::body::Body;
use super::coding::Coding;
use super::outlet::{Incoming, Piece, cut};
use super::spool::{Spool, SpoolSpace};
use crate::error::{Error, Result};

/// Downloads of up to so many bytes always have a length.
const SHORT: u64 = 4 << 20;

/// How the bytes of a download are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// How they may be compressed on their way.
    pub coding: Coding,
    /// Whether their number is said first.
    pub length: LengthPolicy,
}

/// Which downloads have a length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthPolicy {
    /// Those of up to a few MiB. Longer ones are sent while they are written.
    #[default]
    IfShort,
    /// Every one that there is room for. What can't be written is found before the first byte.
    IfRoom,
    /// Every one; without room for it there is no download.
    Always,
}

impl Incoming {
    /// Waits until the length is known, or needs not be. What fails before fails as an error of the whole. `abandoned` is
    /// ready when nobody waits any more, and ends the writing.
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
        let (spool, runtime) = (space.spool(), Handle::current());
        // Files are written by a thread that may block.
        tokio::task::spawn_blocking(move || runtime.block_on(gather(self, spool, length, asker)));
        tokio::select! {
            body = body => body.unwrap_or_else(|_| Err(cut())),
            () = abandoned => Err(Error::Gone),
        }
    }
}

async fn gather(incoming: Incoming, spool: Spool, length: LengthPolicy, mut asker: oneshot::Sender<Result<Body>>) {
    let gathered = tokio::select! {
        gathered = gathered(incoming, spool, length) => gathered,
        () = asker.closed() => return,
    };
    // Who went away at this very moment drops the body, which ends the writing.
    let _ = asker.send(gathered);
}

async fn gathered(mut incoming: Incoming, mut spool: Spool, length: LengthPolicy) -> Result<Body> {
    loop {
        match incoming.pieces.recv().await {
            Some(Piece::Bytes(bytes)) => match spool.append(&bytes) {
                Ok(()) => {}
                Err(error) if length == LengthPolicy::Always => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "a download is sent without its length");
                    return growing(spool, Some(bytes), incoming);
                }
            },
            Some(Piece::End) => return Ok(Body::complete(spool.into_spooled()?)),
            Some(Piece::Failed(error)) => return Err(error),
            None => return Err(cut()),
        }
        if length == LengthPolicy::IfShort && spool.length() > SHORT {
            return growing(spool, None, incoming);
        }
    }
}

fn growing(spool: Spool, after_file: Option<Bytes>, incoming: Incoming) -> Result<Body> {
    Ok(Body::growing(spool.into_spooled()?, after_file, incoming))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::StreamExt as _;

    use super::super::outlet::{Outlet, open};
    use super::*;

    const PIECE: usize = 64 * 1024;

    async fn write(mut outlet: Outlet, bytes: u64) {
        for _ in 0..bytes / PIECE as u64 {
            outlet.buffer().resize(PIECE, b'x');
            if outlet.hand_on().await.is_err() {
                return;
            }
        }
        outlet.end().await;
    }

    async fn delivered(bytes: u64, limit: u64, length: LengthPolicy) -> Result<Body> {
        let (outlet, incoming) = open(PIECE, Duration::from_secs(5), None);
        let writing = tokio::spawn(write(outlet, bytes));
        let space = SpoolSpace::new(std::env::temp_dir(), limit);
        let body = incoming.into_body(&space, length, std::future::pending()).await;
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
    async fn only_short_downloads_have_a_length_where_it_is_not_needed() {
        for (bytes, is_known) in [
            (0, true),
            (SHORT, true),
            (SHORT + PIECE as u64, false),
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
    async fn client_that_leaves_ends_the_writing() {
        let (outlet, incoming) = open(PIECE, Duration::from_secs(5), None);
        let space = SpoolSpace::new(std::env::temp_dir(), u64::MAX);
        let writing = tokio::spawn(write(outlet, u64::MAX));
        let leaving = tokio::time::sleep(Duration::from_millis(20));
        let gone = incoming.into_body(&space, LengthPolicy::Always, leaving).await;
        assert!(matches!(gone, Err(Error::Gone)));
        writing.await.unwrap();
    }
}
