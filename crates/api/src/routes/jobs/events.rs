//! The events of a job as a stream of bytes (HTML Standard, section 9.2, server-sent events).

use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use campus_backup_domain::Result;
use campus_backup_domain::job::{Event, LAST_EVENT, Watch};
use futures_util::Stream;
use futures_util::stream::unfold;

/// A comment is sent after this time without an event, because only writing reveals that the client has disconnected.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How often the stream checks whether the client may still read.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The stream, with the times of its last event and its last check.
struct Events<A> {
    watch: Watch,
    is_admitted: A,
    asked_at: Instant,
    sent_at: Instant,
}

/// All events from now on, while the client may read them. A stream that fails is broken off, and the client
/// reconnects with its last id.
pub(super) fn events<A: AsyncFn() -> bool>(watch: Watch, is_admitted: A) -> impl Stream<Item = Result<Bytes>> {
    let now = Instant::now();
    let events = Events {
        watch,
        is_admitted,
        asked_at: now,
        sent_at: now,
    };
    unfold(Some(events), |events| async move {
        let mut events = events?;
        match events.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(events))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

impl<A: AsyncFn() -> bool> Events<A> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let next = tokio::time::timeout(ASK_AGAIN, self.watch.next()).await;
            if self.asked_at.elapsed() >= ASK_AGAIN {
                if !(self.is_admitted)().await {
                    return Ok(None);
                }
                self.asked_at = Instant::now();
            }
            let bytes = match next {
                Ok(event) => event?.map(written),
                Err(_) if self.sent_at.elapsed() < KEEP_ALIVE => continue,
                Err(_) => Some(Bytes::from_static(b":\n\n")),
            };
            self.sent_at = Instant::now();
            return Ok(bytes);
        }
    }
}

fn written(event: Event) -> Bytes {
    let name = if event.id == LAST_EVENT { "ended" } else { "progress" };
    let id = event.id;
    // JSON in one line: line breaks in texts are escaped.
    let data = serde_json::to_string(&event.job).unwrap_or_default();
    format!("id: {id}\nevent: {name}\ndata: {data}\n\n").into()
}
