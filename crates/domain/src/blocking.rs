//! Async work on a thread that may block. The work drives its own future there, so a slow disk, a driver that blocks or a
//! long computation never holds up the requests.

use tokio::runtime::Handle;

use crate::error::{Error, Result};

/// Starts async work on a blocking thread at once. The future has its result; the work goes to its end even if the
/// future is dropped.
///
/// # Errors
/// The error of the work; [`Error::Internal`] if it panics. The hook for panics has then logged the panic.
pub(crate) fn run<T, F>(
    doing: &'static str,
    work: impl FnOnce() -> F + Send + 'static,
) -> impl Future<Output = Result<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    let runtime = Handle::current();
    let worked = tokio::task::spawn_blocking(move || runtime.block_on(work()));
    async move { worked.await.map_err(|_| Error::internal(doing)("it panicked"))? }
}

/// Starts async work on a blocking thread. Its result is sent by the work itself, such as into a queue.
pub(crate) fn spawn<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work()));
}

/// Waits on a thread that may block, even if it already waits for a future, such as a job's. There `Handle::block_on`
/// alone would panic.
pub(crate) fn wait<F: Future>(runtime: &Handle, doing: F) -> F::Output {
    tokio::task::block_in_place(|| runtime.block_on(doing))
}
