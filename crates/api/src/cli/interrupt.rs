//! Ctrl-C, for commands that say how they were ended.

use std::future::Future;
use std::io;
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::exit::ExitError;

/// Waits for Ctrl-C. The first call takes it from the system, which would end the process at once; from then on it is remembered,
/// so that everything that may take long has to ask for it.
pub(crate) async fn pressed() {
    static PRESSED: OnceLock<CancellationToken> = OnceLock::new();
    let pressed = PRESSED.get_or_init(|| {
        let pressed = CancellationToken::new();
        if let Err(error) = listen(pressed.clone()) {
            tracing::warn!(%error, "Ctrl-C can't be listened to");
        }
        pressed
    });
    pressed.cancelled().await;
}

fn listen(pressed: CancellationToken) -> io::Result<()> {
    // Before anything is waited for: what comes from here on is seen.
    let mut interrupts = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        while interrupts.recv().await.is_some() {
            pressed.cancel();
        }
    });
    Ok(())
}

/// Does what changes nothing, until Ctrl-C.
///
/// # Errors
/// [`ExitError::Interrupted`], and what the work says.
pub(crate) async fn until_pressed<T>(work: impl Future<Output = Result<T, ExitError>>) -> Result<T, ExitError> {
    tokio::select! {
        biased;
        () = pressed() => Err(ExitError::interrupted()),
        done = work => done,
    }
}
