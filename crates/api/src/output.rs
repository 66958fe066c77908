//! The command line's own output, which goes to the standard output; logs go to the standard error.

use std::io::Write;

use crate::failure::Failure;

/// Writes a line of the command line's own output.
pub(crate) fn print(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(Failure::failed("writing to the standard output"))
}
