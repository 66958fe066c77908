//! The output of a command.
//!
//! The standard output has the result. Logs, questions, progress and errors go to the standard error. Texts of an archive, a manifest or
//! a database may come from anyone, and a terminal executes control characters: none is printed ([`printable`], [`Escaping`]). If
//! the reader closes the standard output, the command ends silently ([`reader_is_gone`]).

use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, StdoutLock, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::cli::exit::ExitError;

const WRITING: &str = "writing to the standard output";

/// Whether the reader of the standard output has closed it.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// The form of a command's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Lines for people.
    Text,
    /// Nothing.
    Quiet,
    /// One JSON object. With `--quiet` it is printed, too, because `--json` asks for it.
    Json,
}

impl Report {
    /// The form for the flags `--json` and `--quiet`.
    pub(crate) fn of(json: bool, quiet: bool) -> Self {
        match (json, quiet) {
            (true, _) => Self::Json,
            (false, true) => Self::Quiet,
            (false, false) => Self::Text,
        }
    }

    /// Prints a line for people.
    pub(crate) fn say(self, line: &str) -> Result<(), ExitError> {
        match self {
            Self::Text => print(line),
            Self::Quiet | Self::Json => Ok(()),
        }
    }
}

/// Prints a line.
pub(crate) fn print(line: &str) -> Result<(), ExitError> {
    writeln!(standard_output(), "{}", printable(line)).map_err(ExitError::failed(WRITING))
}

/// Prints a value as one line of JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), ExitError> {
    let text = serde_json::to_string(value).map_err(ExitError::failed("writing JSON"))?;
    writeln!(standard_output(), "{}", escaped_json(&text)).map_err(ExitError::failed(WRITING))
}

/// Escapes control characters that JSON does not escape itself. They occur only in its strings.
pub(crate) fn escaped_json(json: &str) -> String {
    escape(json, |letter, out| {
        // Writing to a `String` can't fail. All of them have four digits.
        let _ = write!(out, "\\u{:04x}", u32::from(letter));
    })
}

/// The text with each control character replaced by its number.
pub(crate) fn printable(text: &str) -> String {
    escape(text, |letter, out| out.extend(letter.escape_default()))
}

fn escape(text: &str, write: impl Fn(char, &mut String)) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_control(letter) {
            true => write(letter, &mut escaped),
            false => escaped.push(letter),
        }
    }
    escaped
}

/// Control characters, line separators, and characters that change the direction of text.
fn is_control(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether the reader of the standard output has closed it, as `head` does.
pub(crate) fn reader_is_gone() -> bool {
    IS_CLOSED.load(Ordering::Relaxed)
}

/// The standard output, for a whole file.
pub(crate) fn file_output() -> Box<dyn Write> {
    match io::stdout().is_terminal() {
        true => Box::new(Escaping::new(standard_output())),
        false => Box::new(standard_output()),
    }
}

/// The standard output. It records when its reader closes it.
pub(crate) fn standard_output() -> StandardOutput {
    StandardOutput(io::stdout().lock())
}

/// See [`standard_output`].
pub(crate) struct StandardOutput(StdoutLock<'static>);

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).inspect_err(note)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().inspect_err(note)
    }
}

fn note(error: &io::Error) {
    if error.kind() == ErrorKind::BrokenPipe {
        IS_CLOSED.store(true, Ordering::Relaxed);
    }
}

/// A file that is printed on a terminal: line ends and tabs stay, every other control character is replaced by its number.
struct Escaping<W> {
    inner: W,
    /// The previous byte, if its meaning depends on the next one.
    held: Option<u8>,
}

/// The first byte of the control characters U+0080 to U+009F in UTF-8, and of others.
const C1_LEAD: u8 = 0xc2;

impl<W: Write> Escaping<W> {
    fn new(inner: W) -> Self {
        Self { inner, held: None }
    }

    fn show(shown: &mut Vec<u8>, byte: u8) {
        shown.extend_from_slice(format!("\\u{{{byte:x}}}").as_bytes());
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shown = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match (self.held.take(), byte) {
                (Some(C1_LEAD), 0x80..=0x9f) => {
                    Self::show(&mut shown, byte);
                    continue;
                }
                (Some(b'\r'), b'\n') => shown.push(b'\r'),
                // Otherwise the rest of the line would overwrite its beginning.
                (Some(b'\r'), _) => Self::show(&mut shown, b'\r'),
                (Some(held), _) => shown.push(held),
                (None, _) => {}
            }
            match byte {
                C1_LEAD | b'\r' => self.held = Some(byte),
                b'\n' | b'\t' => shown.push(byte),
                0..=0x1f | 0x7f => Self::show(&mut shown, byte),
                _ => shown.push(byte),
            }
        }
        self.inner.write_all(&shown).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2Jb\u{9b}31mc\u{7f}\u{202e}d\u{2028}é😀";

    #[test]
    fn control_characters_are_shown_by_their_number() {
        assert_eq!(
            printable(HOSTILE),
            "a\\u{1b}[2Jb\\u{9b}31mc\\u{7f}\\u{202e}d\\u{2028}é😀"
        );
        assert_eq!(printable("a\nb\tc"), "a\\nb\\tc");
        let json = serde_json::to_string(HOSTILE).unwrap();
        let escaped = escaped_json(&json);
        assert!(!escaped.chars().any(is_control), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), HOSTILE);
    }

    #[test]
    fn file_on_a_terminal_keeps_its_lines_and_nothing_else() {
        let file = "a,é\u{a0}\r\n\"b\u{1b}[2J\rc\",\t\u{9b}1m\n";
        let expected = "a,é\u{a0}\r\n\"b\\u{1b}[2J\\u{d}c\",\t\\u{9b}1m\n";
        for size in [1, 2, 3, 100] {
            let mut escaping = Escaping::new(Vec::new());
            for piece in file.as_bytes().chunks(size) {
                escaping.write_all(piece).unwrap();
            }
            assert_eq!(String::from_utf8(escaping.inner).unwrap(), expected);
        }
    }

    #[test]
    fn quiet_still_answers_json() {
        assert_eq!(Report::of(true, true), Report::Json);
        assert_eq!(Report::of(false, true), Report::Quiet);
        assert_eq!(Report::of(false, false), Report::Text);
    }
}
