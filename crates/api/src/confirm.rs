//! Asking a person at the terminal, on the standard error, whether something is to be done.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::interrupt;

const ASKING: &str = "asking for the confirmation";

/// Demands that somebody can be asked, or has answered already.
///
/// # Errors
/// [`Failure::Settings`]
pub(crate) fn ensure_answerable(is_answered: bool) -> Result<(), Failure> {
    match is_answered || io::stdin().is_terminal() {
        true => Ok(()),
        false => {
            let problem =
                "--yes is needed where nobody can be asked; --dry-run, where there is one, shows what would be done";
            Err(Failure::Settings(vec![problem.to_owned()]))
        }
    }
}

/// Whether the word is typed.
///
/// # Errors
/// [`Failure::Interrupted`] on Ctrl-C; [`Failure::Failed`] if the terminal can't be used.
pub(crate) async fn is_typed(word: &str) -> Result<bool, Failure> {
    write!(io::stderr().lock(), "Type {word} to go on: ").map_err(Failure::failed(ASKING))?;
    let (answer, answered) = oneshot::channel();
    // Not a thread of the runtime, which would wait for the answer before it ends.
    std::thread::spawn(move || {
        let mut typed = String::new();
        let read = io::stdin().lock().read_line(&mut typed);
        // After Ctrl-C nobody asks for it any more.
        let _ = answer.send(read.map(|_| typed));
    });
    let typed = interrupt::until_pressed(async {
        let typed = answered.await.map_err(Failure::failed(ASKING))?;
        typed.map_err(Failure::failed(ASKING))
    });
    Ok(typed.await?.trim() == word)
}
