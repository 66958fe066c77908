//! Reads the values of one line. Each value has only one accepted form, that of the writer.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;

use super::text;
use crate::value::{Cell, Kind, NATIVE, YEARS};

/// The fault of a value. Its texts never contain the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueProblem {
    /// A value that a column of this kind can't have.
    Invalid(&'static str),
    /// A valid value in another form than the writer's.
    Form(&'static str),
    /// Not even JSON.
    Syntax(&'static str),
}

const ANOTHER_TYPE: ValueProblem = ValueProblem::Invalid("a value of another type");
const NO_DATE: ValueProblem = ValueProblem::Invalid("not a date of the calendar");
const NO_NATIVE: ValueProblem = ValueProblem::Invalid("an object that is not a native value");
const NEEDLESS_NATIVE: ValueProblem = ValueProblem::Form("a native value that its column could hold as it is");
const NO_TIME: ValueProblem = ValueProblem::Invalid("not a point in time");
const DATE_FORM: ValueProblem = ValueProblem::Form("a date that is not written as YYYY-MM-DD");
const TIME_FORM: ValueProblem =
    ValueProblem::Form("a time that is not written as YYYY-MM-DDTHH:MM:SSZ, with six digits if not whole");
const DECIMAL_FORM: ValueProblem =
    ValueProblem::Form("a decimal that is not written with two digits, or as many as it needs");

/// A line that is read from left to right.
pub(super) struct Scan<'a> {
    line: &'a str,
    position: usize,
    /// The space in which texts with escapes are unescaped.
    scratch: &'a mut [u8],
}

impl<'a> Scan<'a> {
    /// If the line has a backslash, the scratch space must be as long as the line.
    pub(super) fn new(line: &'a str, scratch: &'a mut [u8]) -> Self {
        Self {
            line,
            position: 0,
            scratch,
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.line.as_bytes()[self.position..]
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.line.len()
    }

    /// Reads exactly these bytes, or nothing.
    pub(super) fn take(&mut self, expected: &[u8]) -> bool {
        let is_there = self.rest().starts_with(expected);
        if is_there {
            self.position += expected.len();
        }
        is_there
    }

    pub(super) fn value(&mut self, kind: Kind, nullable: bool) -> Result<Cell<'a>, ValueProblem> {
        let first = self.rest().first().copied().unwrap_or_default();
        match kind {
            Kind::Integer if first == b'-' || first.is_ascii_digit() => self.integer().map(Cell::Integer),
            Kind::Text if first == b'"' => self.text().map(Cell::Text),
            Kind::Decimal if first == b'"' => self.plain()?.pipe(decimal).map(Cell::Decimal),
            Kind::Date if first == b'"' => self.plain()?.pipe(date).map(Cell::Date),
            Kind::Timestamp if first == b'"' => self.plain()?.pipe(timestamp).map(Cell::Timestamp),
            Kind::Boolean if self.take(b"true") => Ok(Cell::Boolean(true)),
            Kind::Boolean if self.take(b"false") => Ok(Cell::Boolean(false)),
            _ if self.take(b"null") && nullable => Ok(Cell::Null),
            _ if first == b'{' => self.native(kind),
            _ if first == b'n' => Err(ValueProblem::Invalid("null in a column that has none")),
            _ if first.is_ascii_whitespace() => Err(ValueProblem::Form("spaces")),
            _ => Err(ANOTHER_TYPE),
        }
    }

    /// The escape for a native value. The caller decides whether the engine knows such a text. This only checks that it
    /// is not a value with a canonical form of its own.
    #[cold]
    fn native(&mut self, kind: Kind) -> Result<Cell<'a>, ValueProblem> {
        let (before, behind) = NATIVE;
        if !self.take(before) || self.rest().first() != Some(&b'"') {
            return Err(NO_NATIVE);
        }
        let text = self.text()?;
        if !self.take(behind) {
            return Err(NO_NATIVE);
        }
        let is_needless = match kind {
            Kind::Integer => text.parse::<i64>().is_ok_and(|value| value.to_string() == text),
            Kind::Decimal => decimal(text).is_ok(),
            Kind::Date => date(text).is_ok(),
            Kind::Timestamp => timestamp(text).is_ok(),
            Kind::Text | Kind::Boolean => false,
        };
        if is_needless || text.is_empty() {
            return Err(NEEDLESS_NATIVE);
        }
        Ok(Cell::Native(text))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, ValueProblem> {
        let start = self.position + 1;
        let bytes = self.line.as_bytes();
        let mut end = start;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => return self.escaped_text(start),
                Some(0) => return Err(text::NUL),
                Some(..0x20) => return Err(ValueProblem::Syntax("a control character that is not escaped")),
                Some(_) => end += 1,
                None => return Err(text::UNENDED),
            }
        }
        self.position = end + 1;
        // Both positions are at quotes, so they are between characters.
        self.line.get(start..end).ok_or(text::UNENDED)
    }

    fn escaped_text(&mut self, start: usize) -> Result<&'a str, ValueProblem> {
        let (length, written) = text::unescape(&self.line.as_bytes()[start..], self.scratch)?;
        self.position = start + length;
        let scratch = std::mem::take(&mut self.scratch);
        let (unescaped, rest) = scratch.split_at_mut(written);
        self.scratch = rest;
        // Unescaping replaces ASCII by ASCII.
        std::str::from_utf8(unescaped).map_err(|_| text::UNENDED)
    }

    /// A text that has no escapes: a number, a date or a time.
    fn plain(&mut self) -> Result<&'a str, ValueProblem> {
        let start = self.position + 1;
        let length = self.line.as_bytes()[start..]
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\'))
            .ok_or(text::UNENDED)?;
        self.position = start + length;
        if !self.take(b"\"") {
            return Err(ValueProblem::Form("an escape where none is needed"));
        }
        self.line.get(start..start + length).ok_or(text::UNENDED)
    }

    fn integer(&mut self) -> Result<i64, ValueProblem> {
        let rest = self.rest();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = &rest[..sign + digits];
        match number {
            b"0" => {}
            [b'-'] => return Err(ValueProblem::Syntax("a sign without a number")),
            [b'0', ..] | [b'-', b'0', ..] => {
                return Err(ValueProblem::Form("a number with a leading zero, or minus zero"));
            }
            _ => {}
        }
        if let Some(b'.' | b'e' | b'E') = rest.get(number.len()) {
            return Err(ANOTHER_TYPE);
        }
        self.position += number.len();
        let magnitude = number[sign..].iter().try_fold(0_i64, |value, digit| {
            let digit = i64::from(digit - b'0');
            let value = value.checked_mul(10)?;
            // Subtracts for a negative number, because the smallest integer has no positive counterpart.
            if sign == 1 {
                value.checked_sub(digit)
            } else {
                value.checked_add(digit)
            }
        });
        magnitude.ok_or(ValueProblem::Invalid("an integer beyond 64 bits"))
    }
}

/// Lets conversions read from left to right.
trait Pipe: Sized {
    fn pipe<T>(self, next: impl FnOnce(Self) -> T) -> T {
        next(self)
    }
}

impl Pipe for &str {}

/// Amounts are usually short and have two digits after the point. All others go through `Decimal` and are compared
/// with their canonical form.
pub(super) fn decimal(text: &str) -> Result<Decimal, ValueProblem> {
    if let Some(cents) = cents(text.as_bytes()) {
        return Ok(Decimal::new(cents, 2));
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.starts_with(|digit: char| digit.is_ascii_digit())
        && digits.ends_with(|digit: char| digit.is_ascii_digit())
        && digits.bytes().filter(|byte| *byte == b'.').count() <= 1
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_number {
        return Err(ValueProblem::Invalid("not a decimal number"));
    }
    let value =
        Decimal::from_str_exact(text).map_err(|_| ValueProblem::Invalid("a decimal of more digits than are kept"))?;
    as_written(Cell::Decimal(value), text, DECIMAL_FORM)?;
    Ok(value)
}

/// `-?(0|[1-9][0-9]{0,15})\.[0-9]{2}`, except for minus zero.
fn cents(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (whole, fraction) = digits.split_last_chunk::<3>()?;
    let [b'.', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = fraction else {
        return None;
    };
    if whole.is_empty() || whole.len() > 16 || (whole[0] == b'0' && whole.len() > 1) {
        return None;
    }
    let mut value = 0;
    for digit in whole.iter().chain([tens, ones]) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    match (negative, value) {
        (true, 0) => None,
        (true, value) => Some(-value),
        (false, value) => Some(value),
    }
}

pub(super) fn date(text: &str) -> Result<NaiveDate, ValueProblem> {
    if let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes()
        && let (Some(century), Some(year)) = (two(y1, y2), two(y3, y4))
        && let (Some(month), Some(day)) = (two(m1, m2), two(d1, d2))
    {
        // At most 9999.
        let value = NaiveDate::from_ymd_opt((century * 100 + year) as i32, month, day);
        return value.filter(|date| YEARS.contains(&date.year())).ok_or(NO_DATE);
    }
    let mut parts = text.rsplitn(3, '-');
    let mut part = || parts.next().filter(|part| !part.is_empty()).ok_or(NO_DATE);
    let (day, month, year) = (part()?, part()?, part()?);
    let (Ok(day), Ok(month), Ok(year)) = (day.parse(), month.parse(), year.parse()) else {
        return Err(NO_DATE);
    };
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(value) if YEARS.contains(&value.year()) => Err(DATE_FORM),
        _ => Err(NO_DATE),
    }
}

pub(super) fn timestamp(text: &str) -> Result<DateTime<Utc>, ValueProblem> {
    let Some((day, clock)) = text.split_once('T') else {
        return Err(if date(text).is_ok() { TIME_FORM } else { NO_TIME });
    };
    let day = date(day)?;
    let time = match *clock.as_bytes() {
        [h1, h2, b':', m1, m2, b':', s1, s2, b'Z'] => time([h1, h2, m1, m2, s1, s2], 0)?,
        [h1, h2, b':', m1, m2, b':', s1, s2, b'.', f1, f2, f3, f4, f5, f6, b'Z'] => {
            let (Some(high), Some(middle), Some(low)) = (two(f1, f2), two(f3, f4), two(f5, f6)) else {
                return Err(NO_TIME);
            };
            let microseconds = high * 10_000 + middle * 100 + low;
            if microseconds == 0 {
                return Err(TIME_FORM);
            }
            time([h1, h2, m1, m2, s1, s2], microseconds)?
        }
        _ => {
            let is_one = DateTime::parse_from_rfc3339(text).is_ok();
            return Err(if is_one { TIME_FORM } else { NO_TIME });
        }
    };
    Ok(day.and_time(time).and_utc())
}

fn time([h1, h2, m1, m2, s1, s2]: [u8; 6], microseconds: u32) -> Result<NaiveTime, ValueProblem> {
    let (Some(hour), Some(minute), Some(second)) = (two(h1, h2), two(m1, m2), two(s1, s2)) else {
        return Err(NO_TIME);
    };
    NaiveTime::from_hms_micro_opt(hour, minute, second, microseconds).ok_or(NO_TIME)
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
}

/// Ensures that the value has its canonical form, apart from the quotes.
fn as_written(value: Cell<'_>, text: &str, problem: ValueProblem) -> Result<(), ValueProblem> {
    let mut written = Vec::with_capacity(text.len() + 2);
    value.write_json(&mut written);
    match written.as_slice() {
        [b'"', written @ .., b'"'] if written == text.as_bytes() => Ok(()),
        _ => Err(problem),
    }
}
