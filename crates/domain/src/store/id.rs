//! The ids of archives, such as `2026-11-25T03-53-08Z-5f1c2a9b`. They sort by time and need no escaping.

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::error::{Error, Result};

const TIME: &str = "%Y-%m-%dT%H-%M-%SZ";
/// `2026-11-25T03-53-08Z`
const TIME_LENGTH: usize = 20;
/// The length of the random part, in hexadecimal digits.
const TAIL: usize = 8;

pub(super) fn new(at: DateTime<Utc>) -> String {
    format!("{}-{:08x}", at.format(TIME), rand::random::<u32>())
}

/// Checks that an id has exactly the form of [`new`]. Nothing else may become part of a path.
///
/// # Errors
/// [`Error::ArchiveNotFound`] for anything else: no archive can have it.
pub(super) fn checked(id: &str) -> Result<&str> {
    match is_id(id) {
        true => Ok(id),
        false => Err(Error::ArchiveNotFound { id: id.to_owned() }),
    }
}

/// Whether it has the form of an archive's id.
pub fn is_id(id: &str) -> bool {
    let Some((time, tail)) = id.split_at_checked(TIME_LENGTH) else {
        return false;
    };
    let is_tail = |tail: &str| tail.len() == TAIL && tail.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // chrono accepts some texts that it would not write, such as a sign before the year.
    let is_time = NaiveDateTime::parse_from_str(time, TIME).is_ok_and(|read| read.format(TIME).to_string() == time);
    is_time && tail.strip_prefix('-').is_some_and(is_tail)
}

/// The time part of an id.
pub(super) fn time(id: &str) -> &str {
    id.get(..TIME_LENGTH).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_ids_are_refused() {
        for id in [
            "",
            ".",
            "..",
            "../2026-11-25T03-53-08Z-5f1c2a9b",
            "2026-11-25T03-53-08Z-5f1c2a9b/..",
            "2026-11-25T03-53-08Z-5f1c2a9b/",
            "/026-11-25T03-53-08Z-5f1c2a9b",
            "2026-11-25T03-53-08Z-5F1C2A9B",
            "2026-11-25T03-53-08Z-5f1c2a9",
            "2026-11-25T03-53-08Z-5f1c2a9b0",
            "2026-11-25T03-53-08Z_5f1c2a9b",
            "2026-13-25T03-53-08Z-5f1c2a9b",
            "2026-11-25T03-53-08Z-5f1c2a9\0",
            "2026-11-25T03-53-08Z-5f1c2aé",
            "2026-11-25T03-53-0é-5f1c2a9bc",
            "+026-11-25T03-53-08Z-5f1c2a9b",
            "2026-11-25T03%2F53-08Z-5f1c2a",
            "deleted.json",
        ] {
            assert!(matches!(checked(id), Err(Error::ArchiveNotFound { .. })), "{id}");
        }
    }

    #[test]
    fn new_ids_are_valid_and_sort_by_time() {
        let early = new("2026-11-25T03:53:08.999Z".parse().unwrap());
        let late = new("2026-11-25T03:53:09Z".parse().unwrap());
        assert!(early.starts_with("2026-11-25T03-53-08Z-"), "{early}");
        assert!(early < late);
        assert_ne!(early, new("2026-11-25T03:53:08.999Z".parse().unwrap()));
        checked(&early).unwrap();
        assert_eq!(time(&late), "2026-11-25T03-53-09Z");
    }
}
