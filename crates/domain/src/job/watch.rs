//! Watching a job: what changes, as it changes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;

use super::running::End;
use super::{Job, Jobs};
use crate::error::Result;

/// The id of the event that a job has ended: greater than any other, and the largest whole number that JavaScript has.
pub const LAST_EVENT: u64 = (1 << 53) - 1;

/// How often a job of this process is looked at, and one of another.
const NEAR: Duration = Duration::from_millis(250);
const FAR: Duration = Duration::from_secs(1);

/// A job as it was at one moment.
#[derive(Clone, Debug)]
pub struct Event {
    /// The age of the job at that moment, in milliseconds, or [`LAST_EVENT`] if it has ended. Whoever has seen an event
    /// needs none with the same or a lower id, whichever copy of the service tells it.
    pub id: u64,
    /// The job.
    pub job: Job,
}

/// Tells the events of one job.
#[derive(Debug)]
pub struct Watch {
    jobs: Jobs,
    id: String,
    /// The id of the last event that was told.
    seen: Option<u64>,
    told: Option<Job>,
    next: Option<Instant>,
    ended: Option<watch::Receiver<End>>,
}

impl Jobs {
    /// Watches a job from now on, for somebody who has seen all up to the event `seen`.
    ///
    /// # Errors
    /// [`Error::UnknownJob`](crate::Error::UnknownJob).
    pub async fn watch(&self, id: &str, seen: Option<u64>) -> Result<Watch> {
        let job = self.get(id).await?;
        Ok(Watch {
            ended: self.running(&job.id).map(|running| running.end.subscribe()),
            jobs: self.clone(),
            id: job.id,
            seen,
            told: None,
            next: None,
        })
    }
}

impl Watch {
    /// Whether there is nothing more to tell: the end has been seen.
    pub fn is_over(&self) -> bool {
        self.seen >= Some(LAST_EVENT)
    }

    /// The next event: at once if something has changed since the last, at most four in a second, and the end without
    /// delay. None after the end, and when the service ends. A future that is dropped before it is ready loses nothing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        while !self.is_over() {
            if let Some(next) = self.next {
                let closing = self.jobs.0.closing.clone();
                tokio::select! {
                    () = tokio::time::sleep_until(next) => {}
                    () = ended(self.ended.as_mut()) => self.ended = None,
                    () = closing.cancelled() => return Ok(None),
                }
            }
            let near = self.jobs.running(&self.id).is_some();
            let job = self.jobs.get(&self.id).await?;
            self.next = Some(Instant::now() + if near { NEAR } else { FAR });
            if let Some(event) = self.event(job) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn event(&mut self, job: Job) -> Option<Event> {
        let same = |told: &Job| {
            let as_old = Job {
                heartbeat_at: told.heartbeat_at,
                ..job.clone()
            };
            as_old == *told
        };
        let id = match job.state.has_ended() {
            true => LAST_EVENT,
            false => age(job.created_at, job.heartbeat_at),
        };
        if self.seen.is_some_and(|seen| id <= seen) || self.told.as_ref().is_some_and(same) {
            return None;
        }
        self.seen = Some(id);
        self.told = Some(job.clone());
        Some(Event { id, job })
    }
}

fn age(created_at: DateTime<Utc>, at: DateTime<Utc>) -> u64 {
    let age = at.signed_duration_since(created_at).num_milliseconds();
    u64::try_from(age).unwrap_or_default()
}

/// Ready when a job of this process has ended; never for one of another.
async fn ended(job: Option<&mut watch::Receiver<End>>) {
    match job {
        // If its sender is gone, it is no longer one of this process.
        Some(job) => drop(job.wait_for(End::is_written).await),
        None => std::future::pending().await,
    }
}
