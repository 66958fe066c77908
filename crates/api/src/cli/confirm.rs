//! Asking a person at the terminal, on the standard error, whether something is to be done.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tokio::sync::oneshot;

use crate::cli::exit::ExitError;
use crate::cli::interrupt;

const ASKING: &str = "asking for the confirmation";

/// Demands that somebody can be asked, or has answered already.
///
/// # Errors
/// [`ExitError::Settings`]
pub(crate) fn ensure_answerable(is_answered: bool) -> Result<(), ExitError> {
    match is_answered || io::stdin().is_terminal() {
        true => Ok(()),
        false => {
            let problem =
                "--yes is needed where nobody can be asked; --dry-run, where there is one, shows what would be done";
            Err(ExitError::Settings(vec![problem.to_owned()]))
        }
    }
}

/// Whether the word is typed.
///
/// # Errors
/// [`ExitError::Interrupted`] on Ctrl-C; [`ExitError::Failed`] if the terminal can't be used.
pub(crate) async fn is_typed(word: &str) -> Result<bool, ExitError> {
    write!(io::stderr().lock(), "Type {word} to go on: ").map_err(ExitError::failed(ASKING))?;
    let (answer, answered) = oneshot::channel();
    // Not a thread of the runtime, which would wait for the answer before it ends.
    std::thread::spawn(move || {
        let mut typed = String::new();
        let read = io::stdin().lock().read_line(&mut typed);
        // After Ctrl-C nobody asks for it any more.
        let _ = answer.send(read.map(|_| typed));
    });
    let typed = interrupt::until_pressed(async {
        let typed = answered.await.map_err(ExitError::failed(ASKING))?;
        typed.map_err(ExitError::failed(ASKING))
    });
    Ok(typed.await?.trim() == word)
}
