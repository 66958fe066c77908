//! The events of a job as a stream of bytes (HTML Standard, section 9.2, server-sent events).

use std::time::Duration;

use actix_web::web::Bytes;
use campus_backup_domain::Result;
use campus_backup_domain::job::{Event, LAST_EVENT, Watch};
use futures_util::Stream;
use futures_util::stream::unfold;

use super::jobs::JobAnswer;

/// After how long without an event a comment is sent: a reader who is gone is noticed by writing only.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// All events from now on. A stream that fails is broken off; the client comes again with the last id.
pub(super) fn events(watch: Watch) -> impl Stream<Item = Result<Bytes>> {
    unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        let Ok(next) = tokio::time::timeout(KEEP_ALIVE, watch.next()).await else {
            return Some((Ok(Bytes::from_static(b":\n\n")), Some(watch)));
        };
        match next {
            Ok(Some(event)) => Some((Ok(written(event)), Some(watch))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

fn written(event: Event) -> Bytes {
    let name = if event.id == LAST_EVENT { "ended" } else { "progress" };
    let id = event.id;
    // JSON on one line: what would break it is escaped.
    let data = serde_json::to_string(&JobAnswer::from(event.job)).unwrap_or_default();
    format!("id: {id}\nevent: {name}\ndata: {data}\n\n").into()
}
