//! Threads for blocking work, and the priority of that work compared with requests.

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// The priority of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// The priority of a request: a client waits for the work, or for tables that it has locked.
    Usual,
    /// Other work gets the processor first; an idle processor is used fully.
    Low,
}

/// Of two threads that want the same processor, Linux gives one with this niceness a tenth (`sched(7)`).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Starts blocking work at once on a thread of its own. The future has its result; dropping the future does not stop the work.
pub(crate) fn run<T: Send + 'static>(
    priority: Priority,
    doing: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T>> {
    let (done, result) = oneshot::channel();
    let work = move || {
        // The receiver may have been dropped.
        let _ = done.send(work());
    };
    let begun = match priority {
        Priority::Usual => {
            tokio::task::spawn_blocking(work);
            Ok(())
        }
        // Not a thread of the runtime: those are used again, and a process can't raise a priority that it has lowered.
        Priority::Low => {
            let thread = std::thread::Builder::new().name(doing.to_owned());
            let begun = thread.spawn(move || {
                lower_priority();
                work();
            });
            begun.map(drop)
        }
    };
    async move {
        begun.map_err(Error::internal(doing))?;
        // The hook for panics has logged the panic.
        result.await.map_err(|_| Error::internal(doing)("it panicked"))
    }
}

/// Lowers the priority of this thread. Only Linux has a priority for each thread.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "the priority of a thread could not be lowered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_thread_of_the_work_has_a_lower_priority() {
        let niceness = || rustix::process::nice(0).unwrap();
        let before = niceness();
        for (priority, expected) in [
            (Priority::Usual, before),
            (Priority::Low, before + NICENESS),
            (Priority::Usual, before),
        ] {
            assert_eq!(
                run(priority, "a test", niceness).await.unwrap(),
                expected,
                "{priority:?}"
            );
        }
        assert_eq!(niceness(), before);
    }

    #[tokio::test]
    async fn panic_is_an_error() {
        for priority in [Priority::Usual, Priority::Low] {
            let panicked: Result<()> = run(priority, "a test", || panic!("as it should")).await;
            assert!(panicked.is_err(), "{priority:?}");
        }
    }
}
