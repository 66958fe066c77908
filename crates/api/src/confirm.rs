//! Asking a person at the terminal, on the standard error, whether something is to be done.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::failure::Failure;

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
pub(crate) fn is_typed(word: &str) -> Result<bool, Failure> {
    write!(io::stderr().lock(), "Type {word} to go on: ").map_err(Failure::failed(ASKING))?;
    let mut typed = String::new();
    io::stdin()
        .lock()
        .read_line(&mut typed)
        .map_err(Failure::failed(ASKING))?;
    Ok(typed.trim() == word)
}
