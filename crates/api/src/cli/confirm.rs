//! The question for confirmation, at the terminal, on the standard error.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tokio::sync::oneshot;

use crate::cli::exit::ExitError;
use crate::cli::interrupt;

const ASKING: &str = "asking for the confirmation";

/// Demands a terminal to ask on, unless the answer is given already.
///
/// # Errors
/// [`ExitError::Settings`] if there is no terminal.
pub(crate) fn ensure_answerable(is_answered: bool) -> Result<(), ExitError> {
    match is_answered || io::stdin().is_terminal() {
        true => Ok(()),
        false => {
            let problem = "--yes is needed because there is no terminal to ask on; --dry-run, where a command has it, shows what would be done";
            Err(ExitError::Settings(vec![problem.to_owned()]))
        }
    }
}

/// Asks for the word, and returns whether it was typed.
///
/// # Errors
/// [`ExitError::Interrupted`] on Ctrl-C; [`ExitError::Failed`] if the terminal can't be used.
pub(crate) async fn is_typed(word: &str) -> Result<bool, ExitError> {
    write!(io::stderr().lock(), "Type {word} to confirm: ").map_err(ExitError::failed(ASKING))?;
    let (answer, answered) = oneshot::channel();
    // Not a thread of the runtime: its shutdown would wait for the answer.
    std::thread::spawn(move || {
        let mut typed = String::new();
        let read = io::stdin().lock().read_line(&mut typed);
        // After Ctrl-C the receiver is gone.
        let _ = answer.send(read.map(|_| typed));
    });
    let typed = interrupt::until_pressed(async {
        let typed = answered.await.map_err(ExitError::failed(ASKING))?;
        typed.map_err(ExitError::failed(ASKING))
    });
    Ok(typed.await?.trim() == word)
}
