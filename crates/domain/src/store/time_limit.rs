//! A time limit for a store that does not respond, for work that others wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Store;
use crate::error::{Error, Result};

/// The time limit for each response. After the first timeout, every further request fails at once.
pub(super) struct TimeLimit {
    limit: Duration,
    is_over: AtomicBool,
}

impl Store {
    /// The same store with a time limit. If one response of remote storage takes longer than `limit`, that request and
    /// all later ones of this handle fail, so an unresponsive store costs that time only once. The operation continues
    /// in the background, and its remains are [swept](Store::sweep).
    pub fn bounded(&self, limit: Duration) -> Self {
        let time_limit = TimeLimit {
            limit,
            is_over: AtomicBool::new(false),
        };
        Self(self.0.clone(), Some(Arc::new(time_limit)))
    }

    /// Waits for a response within the time limit.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] after the time limit.
    pub(super) async fn within<T>(&self, doing: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(time_limit) = &self.1 else {
            return work.await;
        };
        if !time_limit.is_over.load(Ordering::Relaxed)
            && let Ok(done) = tokio::time::timeout(time_limit.limit, work).await
        {
            return done;
        }
        time_limit.is_over.store(true, Ordering::Relaxed);
        Err(Error::StoreUnavailable {
            doing,
            source: format!("it did not answer within {} seconds", time_limit.limit.as_secs_f32()).into(),
        })
    }
}
