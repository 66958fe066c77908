//! How people's copies write values, and how a text is kept from being run as a formula.

use std::borrow::Cow;

use campus_backup_archive::digits::{write_day_first, write_time};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// Why a text can't be shown to people.
pub(super) const HAS_NUL: &str = "the text has a NUL character, which no spreadsheet can hold; JSON has no such limit";

/// Appends `DD-MM-YYYY HH:MM:SS` in the school's time zone.
pub(super) fn write_timestamp(time: DateTime<Utc>, zone: Tz, out: &mut Vec<u8>) {
    // Most schools leave it at UTC, where there is nothing to look up.
    let local = if zone == Tz::UTC {
        time.naive_utc()
    } else {
        time.with_timezone(&zone).naive_local()
    };
    write_day_first(local.date(), out);
    out.push(b' ');
    write_time(local.time(), out);
}

/// The same as texts.
pub(super) fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Puts one `'` before a text that a spreadsheet would run as a formula (OWASP, "CSV Injection"), and before one that
/// looks as if that had been done: reading back, one `'` is taken from whatever is `'`s followed by a trigger.
/// Plain numbers and phone numbers are left alone, because they can't call anything.
pub(super) fn guard(text: &str) -> Cow<'_, str> {
    if text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Cow::Borrowed(text);
    }
    let bare = text.trim_start_matches('\'');
    let triggered = bare.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quoted = bare.len() < text.len();
    if triggered && (quoted || !is_number_or_phone(text)) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
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

    /// What a reader does to get the text back.
    fn unguard(text: &str) -> &str {
        let bare = text.trim_start_matches('\'');
        let triggered = bare.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
        if triggered {
            text.strip_prefix('\'').unwrap_or(text)
        } else {
            text
        }
    }

    #[test]
    fn formulas_are_made_harmless() {
        for text in [
            "=1+1",
            "+1+1",
            "-1+cmd|' /C calc'!A0",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "＋1",
            "－1",
            "＠A",
            "+",
            "-A1",
        ] {
            assert_eq!(guard(text), format!("'{text}"), "{text:?}");
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
            assert_eq!(guard(text), text);
        }
    }

    #[test]
    fn times_are_the_schools() {
        let time = DateTime::parse_from_rfc3339("1931-12-31T20:00:00.999999Z")
            .unwrap()
            .to_utc();
        assert_eq!(
            written(|out| write_timestamp(time, Tz::UTC, out)),
            "31-12-1931 20:00:00"
        );
        assert_eq!(
            written(|out| write_timestamp(time, chrono_tz::Asia::Kolkata, out)),
            "01-01-1932 01:30:00"
        );
    }

    proptest! {
        #[test]
        fn guarding_can_be_undone(text in "['=+@\\t\\n\\r＝0-9 .()a-]{0,8}|\\PC{0,8}") {
            let guarded = guard(&text);
            prop_assert_eq!(unguard(&guarded), text.as_str());
        }
    }
}
