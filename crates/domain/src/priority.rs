//! On which thread work is done that blocks, and how it ranks beside the requests.

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// How work ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Like a request: a caller waits for it, or for its locks.
    Usual,
    /// It gives way to whatever else wants a processor, and has all of an idle one.
    Low,
}

/// Of two threads that want the same processor, Linux gives one with this niceness a tenth (`sched(7)`).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Begins at once to run what blocks, on a thread that may. The future has what it gives; dropping it does not end the work.
pub(crate) fn run<T: Send + 'static>(
    priority: Priority,
    doing: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T>> {
    let (done, result) = oneshot::channel();
    let work = move || {
        // Who waited may be gone.
        let _ = done.send(work());
    };
    let begun = match priority {
        Priority::Usual => {
            tokio::task::spawn_blocking(work);
            Ok(())
        }
        // A thread of its own: the runtime's are used again, and a process can't raise a priority that it has lowered.
        Priority::Low => {
            let thread = std::thread::Builder::new().name(doing.to_owned());
            let begun = thread.spawn(move || {
                give_way();
                work();
            });
            begun.map(drop)
        }
    };
    async move {
        begun.map_err(Error::internal(doing))?;
        // What has panicked was logged by the hook for panics.
        result.await.map_err(|_| Error::internal(doing)("it panicked"))
    }
}

/// Lowers the priority of this thread; elsewhere than on Linux there is only that of the whole process.
fn give_way() {
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
    async fn only_the_thread_of_the_work_gives_way() {
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
    async fn a_panic_is_an_error() {
        for priority in [Priority::Usual, Priority::Low] {
            let panicked: Result<()> = run(priority, "a test", || panic!("as it should")).await;
            assert!(panicked.is_err(), "{priority:?}");
        }
    }
}
