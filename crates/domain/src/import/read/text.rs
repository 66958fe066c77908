//! Checks texts, and reads status words.

use super::limits::MAX_SHOWN_CHARACTERS;
use super::synonyms::normalized;
use crate::catalog::Table;

/// Checks a text for a column with at most so many characters.
pub(super) fn check(text: &str, longest: Option<u32>) -> Result<(), String> {
    if text.contains('\0') {
        return Err("The text has a NUL character, which no spreadsheet can show.".to_owned());
    }
    let Some(longest) = longest else { return Ok(()) };
    // A text has at most as many characters as bytes.
    match text.len() as u64 <= u64::from(longest) || text.chars().count() as u64 <= u64::from(longest) {
        true => Ok(()),
        false => Err(format!(
            "The text is too long: it has {} characters, at most {longest} fit.",
            text.chars().count()
        )),
    }
}

/// The words of a column that has one of a few values: each value, and the words that people write for it.
pub(super) fn words(table: Table, column: &str) -> Option<&'static [(&'static str, &'static [&'static str])]> {
    match (table, column) {
        (Table::Attendance, "status") => Some(&[
            ("present", &["present", "p", "1", "yes", "y", "true", "attended"]),
            ("absent", &["absent", "a", "0", "no", "n", "false"]),
            ("leave", &["leave", "l", "onleave", "excused"]),
        ]),
        (Table::Payments, "status") => Some(&[
            ("paid", &["paid", "fullypaid", "paidinfull"]),
            ("pending", &["pending", "unpaid", "notpaid", "due"]),
            (
                "partial_paid",
                &["partialpaid", "partial", "partiallypaid", "partpaid", "paidpartially"],
            ),
        ]),
        _ => None,
    }
}

/// The value that a word means.
pub(super) fn word(
    text: &str,
    words: &'static [(&'static str, &'static [&'static str])],
) -> Result<&'static str, String> {
    // This is true for our own files.
    if let Some((value, _)) = words.iter().find(|(value, _)| *value == text) {
        return Ok(value);
    }
    let wanted = normalized(text);
    let found = words.iter().find(|(_, words)| words.contains(&wanted.as_str()));
    found.map(|(value, _)| *value).ok_or_else(|| {
        let values: Vec<_> = words.iter().map(|(value, _)| *value).collect();
        format!("It must be one of {}.", values.join(", "))
    })
}

/// A value in an answer, shortened.
pub(super) fn shown(text: &str) -> String {
    let visible = |letter: char| if letter == '\0' { '\u{fffd}' } else { letter };
    let mut shown: String = text.chars().take(MAX_SHOWN_CHARACTERS).map(visible).collect();
    if shown.len() < text.len() {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_are_read_in_any_case() {
        let attendance = words(Table::Attendance, "status").unwrap();
        let payments = words(Table::Payments, "status").unwrap();
        for (text, words, value) in [
            ("Present", attendance, "present"),
            ("P", attendance, "present"),
            ("1", attendance, "present"),
            ("ABSENT", attendance, "absent"),
            ("0", attendance, "absent"),
            ("On Leave", attendance, "leave"),
            ("Paid", payments, "paid"),
            ("partial_paid", payments, "partial_paid"),
            ("Partially Paid", payments, "partial_paid"),
            ("Partial", payments, "partial_paid"),
            ("unpaid", payments, "pending"),
        ] {
            assert_eq!(word(text, words), Ok(value), "{text}");
        }
        assert!(word("late", attendance).unwrap_err().contains("present, absent, leave"));
        assert!(word("1", payments).is_err());
    }

    #[test]
    fn word_means_one_status() {
        for table in [Table::Attendance, Table::Payments] {
            let mut all: Vec<_> = words(table, "status")
                .unwrap()
                .iter()
                .flat_map(|(_, words)| words.iter())
                .collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{table}");
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(check(&"é".repeat(255), Some(255)), Ok(()));
        assert!(
            check(&"é".repeat(256), Some(255))
                .unwrap_err()
                .contains("256 characters")
        );
        assert_eq!(check(&"x".repeat(100_000), None), Ok(()));
        assert!(check("a\0", None).unwrap_err().contains("NUL"));
    }

    #[test]
    fn long_values_are_shortened_in_answers() {
        assert_eq!(shown("abc"), "abc");
        assert_eq!(shown("a\0"), "a\u{fffd}");
        let long = shown(&"x".repeat(1_000));
        assert_eq!(long.chars().count(), MAX_SHOWN_CHARACTERS);
        assert!(long.ends_with('…'));
    }
}
