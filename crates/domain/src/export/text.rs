//! Writes values for CSV and XLSX, and prevents that a text is run as a formula.

use std::borrow::Cow;

use campus_backup_archive::digits::{write_day_first, write_iso_date, write_time};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{DateStyle, Delimiter};

/// Why a text can't be exported.
pub(super) const HAS_NUL: &str = "the text has a NUL character, which no spreadsheet can hold; JSON has no such limit";

/// Appends a date.
#[inline]
pub(super) fn write_date(date: NaiveDate, style: DateStyle, out: &mut Vec<u8>) {
    match style {
        DateStyle::DayFirst => write_day_first(date, out),
        DateStyle::Iso => write_iso_date(date, out),
    }
}

/// Appends the date and `HH:MM:SS` in the school's time zone.
#[inline]
pub(super) fn write_timestamp(time: DateTime<Utc>, zone: Tz, style: DateStyle, out: &mut Vec<u8>) {
    // Most schools use UTC, where no conversion is needed.
    let local = if zone == Tz::UTC {
        time.naive_utc()
    } else {
        time.with_timezone(&zone).naive_local()
    };
    write_date(local.date(), style, out);
    out.push(b' ');
    write_time(local.time(), out);
}

/// The same as texts.
pub(super) fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The first characters of a spreadsheet's formula.
const TRIGGERS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Puts a `'` before a text that a spreadsheet would run as a formula (OWASP, "CSV Injection"), and before a text that
/// looks escaped already. To read it back, remove one `'` from a text that is one or more `'` followed by a trigger.
/// Plain numbers and phone numbers are unchanged: they can't call anything.
///
/// A reader that expects another delimiter, such as Excel in a country with semicolon lists, begins a cell within the
/// text. For that reader the quotes around the text are in the middle of a cell and have no effect. So the same is done
/// after each delimiter of other readers and after each line break.
pub(crate) fn guard(text: &str, delimiter: Delimiter) -> Cow<'_, str> {
    let begins_cell = begins_cell(delimiter);
    let starts_plain = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_plain && !text.contains(&begins_cell) {
        return Cow::Borrowed(text);
    }
    let mut guarded = String::with_capacity(text.len() + 4);
    if !starts_plain && is_formula(text, &['\'']) {
        guarded.push('\'');
    }
    for (position, part) in text.split_inclusive(&begins_cell).enumerate() {
        // Such a reader removes a quote at the start of a cell.
        let cell = part.trim_end_matches(&begins_cell);
        if position > 0 && is_formula(cell, &['\'', '"']) {
            guarded.push('\'');
        }
        guarded.push_str(part);
    }
    Cow::Owned(guarded)
}

/// Recovers the text that [`guard`] has changed. Any other text is unchanged.
pub(crate) fn unguard(text: &str, delimiter: Delimiter) -> Cow<'_, str> {
    let begins_cell = begins_cell(delimiter);
    let is_guarded =
        |cell: &str, before: &[char]| cell.starts_with('\'') && cell.trim_start_matches(before).starts_with(TRIGGERS);
    // This is true for nearly all texts.
    if !text.contains('\'') {
        return Cow::Borrowed(text);
    }
    if !text.contains(&begins_cell) {
        return Cow::Borrowed(if is_guarded(text, &['\'']) { &text[1..] } else { text });
    }
    let mut bare = String::with_capacity(text.len());
    for (position, part) in text.split_inclusive(&begins_cell).enumerate() {
        let is_guarded = match position {
            0 => is_guarded(text, &['\'']),
            _ => is_guarded(part.trim_end_matches(&begins_cell), &['\'', '"']),
        };
        bare.push_str(if is_guarded { &part[1..] } else { part });
    }
    Cow::Owned(bare)
}

/// Whether a letter begins a cell for a reader that expects another delimiter.
fn begins_cell(delimiter: Delimiter) -> impl Fn(char) -> bool {
    let own = delimiter.letter();
    move |letter| letter != own && matches!(letter, ',' | ';' | '\t' | '\r' | '\n')
}

/// Whether a cell begins with a trigger, after any number of these characters.
fn is_formula(cell: &str, before: &[char]) -> bool {
    let bare = cell.trim_start_matches(before);
    bare.starts_with(TRIGGERS) && (bare.len() < cell.len() || !is_number_or_phone(cell))
}

fn is_number_or_phone(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['+', '-']) else {
        return false;
    };
    rest.bytes().any(|byte| byte.is_ascii_digit())
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'.' | b'(' | b')' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELIMITERS: [Delimiter; 3] = [Delimiter::Comma, Delimiter::Semicolon, Delimiter::Tab];

    #[test]
    fn formulas_are_made_harmless() {
        for text in [
            "=1+1",
            "+1+1",
            "-1+cmd|' /C calc'!A0",
            "@SUM(A1)",
            "\t1",
            "\r1",
            "\n1",
            "＝1",
            "＋1",
            "－1",
            "＠A",
            "+",
            "-A1",
        ] {
            assert_eq!(guard(text, Delimiter::Comma), format!("'{text}"), "{text:?}");
        }
    }

    #[test]
    fn cells_of_readers_with_another_delimiter_are_made_harmless() {
        for (text, delimiter, guarded) in [
            ("a;=1+1", Delimiter::Comma, "a;'=1+1"),
            ("a\t=1+1;b", Delimiter::Comma, "a\t'=1+1;b"),
            ("a,=1+1", Delimiter::Comma, "a,=1+1"),
            ("a,=1+1", Delimiter::Semicolon, "a,'=1+1"),
            ("a;=1+1", Delimiter::Semicolon, "a;=1+1"),
            ("a,=1;@x", Delimiter::Tab, "a,'=1;'@x"),
            ("a\r\n=1+1", Delimiter::Comma, "a\r\n'=1+1"),
            ("a;\"=1+1", Delimiter::Comma, "a;'\"=1+1"),
            ("a;'=1+1", Delimiter::Comma, "a;''=1+1"),
            ("0221 5; +49 221 5;-7", Delimiter::Comma, "0221 5; +49 221 5;-7"),
            ("Flat 3;\r\n12 High St", Delimiter::Comma, "Flat 3;\r\n12 High St"),
            ("=1;=1", Delimiter::Comma, "'=1;'=1"),
            ("\t=1", Delimiter::Comma, "'\t'=1"),
        ] {
            assert_eq!(guard(text, delimiter), guarded, "{text:?} {delimiter:?}");
        }
    }

    #[test]
    fn names_numbers_and_phones_are_left_alone() {
        for text in [
            "",
            "Ann",
            "'",
            "O'Brien",
            "0042",
            "-12.50",
            "+3",
            "+91 98450 12345",
            "+1 (555) 010-9999",
            "a=b",
        ] {
            assert_eq!(guard(text, Delimiter::Comma), text);
        }
    }

    #[test]
    fn times_are_in_the_time_zone_of_the_school() {
        let time = DateTime::parse_from_rfc3339("1931-12-31T20:00:00.999999Z")
            .unwrap()
            .to_utc();
        assert_eq!(
            written(|out| write_timestamp(time, Tz::UTC, DateStyle::DayFirst, out)),
            "31-12-1931 20:00:00"
        );
        assert_eq!(
            written(|out| write_timestamp(time, chrono_tz::Asia::Kolkata, DateStyle::DayFirst, out)),
            "01-01-1932 01:30:00"
        );
        assert_eq!(
            written(|out| write_timestamp(time, chrono_tz::Asia::Kolkata, DateStyle::Iso, out)),
            "1932-01-01 01:30:00"
        );
    }

    proptest! {
        #[test]
        fn guard_can_be_removed(text in "['\"=+@,;\\t\\n\\r＝0-9 .()a-]{0,9}|\\PC{0,8}") {
            for delimiter in DELIMITERS {
                let guarded = guard(&text, delimiter);
                prop_assert_eq!(unguard(&guarded, delimiter), text.as_str());
            }
        }
    }
}
