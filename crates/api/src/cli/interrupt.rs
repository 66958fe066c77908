//! Ctrl-C, for commands that report the interruption.

use std::future::Future;
use std::io;
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::exit::ExitError;

/// Waits for Ctrl-C. The first call replaces the default action, which would end the process at once. From then on Ctrl-C is only
/// recorded, so that all long work has to wait for it, too.
pub(crate) async fn pressed() {
    static PRESSED: OnceLock<CancellationToken> = OnceLock::new();
    let pressed = PRESSED.get_or_init(|| {
        let pressed = CancellationToken::new();
        if let Err(error) = listen(pressed.clone()) {
            tracing::warn!(%error, "can't listen for Ctrl-C");
        }
        pressed
    });
    pressed.cancelled().await;
}

fn listen(pressed: CancellationToken) -> io::Result<()> {
    // Registered before anything else is awaited, so that no signal is missed.
    let mut interrupts = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        while interrupts.recv().await.is_some() {
            pressed.cancel();
        }
    });
    Ok(())
}

/// Does work that changes nothing, until Ctrl-C.
///
/// # Errors
/// [`ExitError::Interrupted`], and the errors of the work.
pub(crate) async fn until_pressed<T>(work: impl Future<Output = Result<T, ExitError>>) -> Result<T, ExitError> {
    tokio::select! {
        biased;
        () = pressed() => Err(ExitError::interrupted()),
        done = work => done,
    }
}
