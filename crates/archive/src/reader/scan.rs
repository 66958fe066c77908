//! Reads the values of one line. Each value has only one accepted form, that of the writer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;

use super::text;
use crate::error::{Error, Position};
use crate::value::{Cell, Kind, NATIVE, StoredValue, YEARS};
use crate::version::Version;

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

impl ValueProblem {
    pub(super) fn into_error(self, at: Position) -> Error {
        match self {
            Self::Invalid(problem) => Error::InvalidValue { at, problem },
            Self::Form(problem) => Error::NotCanonical { at, problem },
            Self::Syntax(problem) => Error::Corrupt { at, problem },
        }
    }
}

const ANOTHER_TYPE: ValueProblem = ValueProblem::Invalid("a value of another type");
const NO_DATE: ValueProblem = ValueProblem::Invalid("not a date of the calendar");
const NO_NATIVE: ValueProblem = ValueProblem::Invalid("an object that is not a native value");
const NEEDLESS_NATIVE: ValueProblem = ValueProblem::Form("a native value that its column could hold as it is");
const NO_ESCAPE: ValueProblem = ValueProblem::Invalid("an object that is not an escape");
const NEEDLESS_ESCAPE: ValueProblem = ValueProblem::Form("an escape for a value that its column could hold as it is");
const NEEDLESS_BYTES: ValueProblem = ValueProblem::Form("a text as bytes that could be written as it is");
const NO_BASE64: ValueProblem = ValueProblem::Invalid("not base64 with padding, or with bits that belong to no byte");
const NO_REAL: ValueProblem = ValueProblem::Invalid("not a number");
const REAL_FORM: ValueProblem = ValueProblem::Form("a number that is not written with its shortest digits");
const NO_TIME: ValueProblem = ValueProblem::Invalid("not a point in time");
const NO_DATETIME: ValueProblem = ValueProblem::Invalid("not a date and time without a zone");
const DATETIME_FORM: ValueProblem =
    ValueProblem::Form("a time that is not written as YYYY-MM-DDTHH:MM:SS, with six digits if not whole");
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
    version: Version,
}

impl<'a> Scan<'a> {
    /// If the line has a backslash or base64, the scratch space must be as long as the line.
    pub(super) fn new(line: &'a str, scratch: &'a mut [u8], version: Version) -> Self {
        Self {
            line,
            position: 0,
            scratch,
            version,
        }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
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
            Kind::Real if first == b'"' => self.plain()?.pipe(real).map(Cell::Real),
            Kind::Real32 if first == b'"' => self.plain()?.pipe(real32).map(Cell::Real32),
            Kind::Datetime if first == b'"' => self.plain()?.pipe(datetime).map(Cell::Datetime),
            Kind::Bytes if first == b'"' => self.bytes().map(Cell::Bytes),
            Kind::Native if first == b'"' => self.text().map(Cell::Text),
            _ if self.take(b"null") && nullable => Ok(Cell::Null),
            _ if first == b'{' && (self.version == Version::One || self.rest().starts_with(NATIVE.0)) => {
                self.native(kind)
            }
            _ if first == b'{' => self.stored(kind).map(Cell::Stored),
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
            Kind::Real => real(text).is_ok(),
            Kind::Real32 => real32(text).is_ok(),
            Kind::Datetime => datetime(text).is_ok(),
            Kind::Text | Kind::Boolean | Kind::Bytes => false,
            Kind::Native => true,
        };
        if is_needless || text.is_empty() {
            return Err(NEEDLESS_NATIVE);
        }
        Ok(Cell::Native(text))
    }

    /// The escape for a value of another storage class. Only the class that the kind itself stands for is refused: a date
    /// that is stored as a text may be written as a date or, if its engine would store that in another way, as a text.
    #[cold]
    fn stored(&mut self, kind: Kind) -> Result<StoredValue<'a>, ValueProblem> {
        let class = StoredClass::ALL.into_iter().find(|class| self.take(class.opening()));
        let first = self.rest().first().copied().unwrap_or_default();
        let value = match class.ok_or(NO_ESCAPE)? {
            StoredClass::Integer if first == b'-' || first.is_ascii_digit() => StoredValue::Integer(self.integer()?),
            StoredClass::Integer => return Err(ANOTHER_TYPE),
            _ if first != b'"' => return Err(ANOTHER_TYPE),
            StoredClass::Real => StoredValue::Real(self.plain()?.pipe(real)?),
            StoredClass::Text => StoredValue::Text(self.text()?),
            StoredClass::Bytes => StoredValue::Bytes(self.bytes()?),
            StoredClass::TextBytes => StoredValue::TextBytes(self.bytes()?),
        };
        if !self.take(b"}") {
            return Err(NO_ESCAPE);
        }
        match (value, kind) {
            (StoredValue::TextBytes(bytes), _) if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) => {
                Err(NEEDLESS_BYTES)
            }
            (StoredValue::Integer(_), Kind::Integer)
            | (StoredValue::Integer(0 | 1), Kind::Boolean)
            | (StoredValue::Real(_), Kind::Real)
            | (StoredValue::Text(_), Kind::Text | Kind::Native)
            | (StoredValue::Bytes(_), Kind::Bytes) => Err(NEEDLESS_ESCAPE),
            _ => Ok(value),
        }
    }

    /// A text of base64.
    fn bytes(&mut self) -> Result<&'a [u8], ValueProblem> {
        let text = self.plain()?;
        let length = STANDARD.decode_slice(text, self.scratch).map_err(|_| NO_BASE64)?;
        let scratch = std::mem::take(&mut self.scratch);
        let (bytes, rest) = scratch.split_at_mut(length);
        self.scratch = rest;
        Ok(bytes)
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

/// The storage classes of SQLite.
#[derive(Clone, Copy)]
enum StoredClass {
    Integer,
    Real,
    Text,
    Bytes,
    TextBytes,
}

impl StoredClass {
    const ALL: [Self; 5] = [Self::Integer, Self::Real, Self::Text, Self::Bytes, Self::TextBytes];

    const fn opening(self) -> &'static [u8] {
        match self {
            Self::Integer => b"{\"integer\":",
            Self::Real => b"{\"real\":",
            Self::Text => b"{\"text\":",
            Self::Bytes => b"{\"bytes\":",
            Self::TextBytes => b"{\"text_bytes\":",
        }
    }
}

/// Only the canonical form, for a number of eight bytes.
pub(super) fn real(text: &str) -> Result<f64, ValueProblem> {
    let value = text.parse().map_err(|_| NO_REAL)?;
    as_written(Cell::Real(value), text, REAL_FORM)?;
    Ok(value)
}

/// Only the canonical form, for a number of four bytes.
pub(super) fn real32(text: &str) -> Result<f32, ValueProblem> {
    let value = text.parse().map_err(|_| NO_REAL)?;
    as_written(Cell::Real32(value), text, REAL_FORM)?;
    Ok(value)
}

/// A timestamp without its `Z`.
pub(super) fn datetime(text: &str) -> Result<NaiveDateTime, ValueProblem> {
    if text.ends_with(['Z', 'z']) {
        return Err(DATETIME_FORM);
    }
    // No longer text is one.
    if text.len() > 32 {
        return Err(NO_DATETIME);
    }
    match timestamp(&format!("{text}Z")) {
        Ok(time) => Ok(time.naive_utc()),
        Err(ValueProblem::Form(_)) => Err(DATETIME_FORM),
        Err(_) => Err(NO_DATETIME),
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
