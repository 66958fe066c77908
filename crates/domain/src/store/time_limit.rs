//! A limit of time for a store that hangs, for work that keeps others waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Store;
use crate::error::{Error, Result};

/// How long each answer is waited for. After the first that does not come, none is waited for.
pub(super) struct TimeLimit {
    limit: Duration,
    is_over: AtomicBool,
}

impl Store {
    /// The same store for work that keeps others waiting. If one answer of a remote store takes longer than `limit`, that and
    /// everything that is asked of this handle afterwards fails, so that a store that hangs costs that time once. What was
    /// asked goes on in the background; what comes of it is [swept](Store::sweep).
    pub fn bounded(&self, limit: Duration) -> Self {
        let time_limit = TimeLimit {
            limit,
            is_over: AtomicBool::new(false),
        };
        Self(self.0.clone(), Some(Arc::new(time_limit)))
    }

    /// Waits for an answer as long as it may take.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if it takes longer.
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
