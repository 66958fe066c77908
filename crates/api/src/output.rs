//! The command line's own output, which goes to the standard output; logs go to the standard error.

use std::io::Write;

use crate::failure::Failure;

/// Writes a line of the command line's own output.
pub(crate) fn print(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(Failure::failed("writing to the standard output"))
}

/// What stands in an archive or a manifest may be anybody's, and a terminal acts on control characters.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => printable.extend(letter.escape_debug()),
            false => printable.push(letter),
        }
    }
    printable
}
