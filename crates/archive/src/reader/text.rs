//! Texts with escapes.

use super::scan::ValueProblem;

pub(super) const UNENDED: ValueProblem = ValueProblem::Syntax("a text without an end");
pub(super) const NUL: ValueProblem = ValueProblem::Invalid("a NUL in a text");
const NEEDLESS: ValueProblem = ValueProblem::Form("an escape where none is needed, or another than the shortest");
const UNKNOWN: ValueProblem = ValueProblem::Syntax("an escape that JSON does not know");

/// Unescapes a text up to its closing quote. Returns the number of bytes that were read, with the quote, and that were
/// written. The unescaped text is never longer.
pub(super) fn unescape(escaped: &[u8], out: &mut [u8]) -> Result<(usize, usize), ValueProblem> {
    let (mut read, mut written) = (0, 0);
    loop {
        let (byte, length) = match escaped.get(read..).unwrap_or_default() {
            [] => return Err(UNENDED),
            [b'"', ..] => return Ok((read + 1, written)),
            [b'\\', escape @ ..] => escaped_byte(escape)?,
            [0, ..] => return Err(NUL),
            [..0x20, ..] => return Err(ValueProblem::Syntax("a control character that is not escaped")),
            [byte, ..] => (*byte, 1),
        };
        *out.get_mut(written).ok_or(UNENDED)? = byte;
        written += 1;
        read += length;
    }
}

/// The byte for the escape after a backslash, and the length of both.
fn escaped_byte(escape: &[u8]) -> Result<(u8, usize), ValueProblem> {
    match escape {
        [byte @ (b'"' | b'\\'), ..] => Ok((*byte, 2)),
        [b'n', ..] => Ok((b'\n', 2)),
        [b'r', ..] => Ok((b'\r', 2)),
        [b't', ..] => Ok((b'\t', 2)),
        [b'b' | b'f' | b'/', ..] => Err(NEEDLESS),
        [b'u', rest @ ..] => match code_unit(rest).ok_or(UNKNOWN)? {
            0 => Err(NUL),
            unit @ 1..0x20 if !matches!(unit, 0x09 | 0x0a | 0x0d) && is_lower_case(rest) => {
                // Less than 32.
                Ok((unit as u8, 6))
            }
            0xd800..=0xdbff if is_low_surrogate(&rest[4..]) => Err(NEEDLESS),
            0xd800..=0xdfff => Err(ValueProblem::Invalid("half of a character (a lone surrogate)")),
            _ => Err(NEEDLESS),
        },
        _ => Err(UNKNOWN),
    }
}

fn is_lower_case(digits: &[u8]) -> bool {
    !digits.iter().take(4).any(u8::is_ascii_uppercase)
}

fn is_low_surrogate(escape: &[u8]) -> bool {
    matches!(escape, [b'\\', b'u', digits @ ..] if matches!(code_unit(digits), Some(0xdc00..=0xdfff)))
}

fn code_unit(digits: &[u8]) -> Option<u32> {
    digits.get(..4)?.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit * 16 + digit)
    })
}
