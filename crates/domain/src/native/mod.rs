//! Values that the kind of their column can't hold, each as the text by which its own engine knows it.
//!
//! An engine stores more than the kinds of an archive can say: PostgreSQL a day in the year 20140 or at infinity, MySQL a
//! date of zeros, SQLite a value of any type in any column. Such a value is a [`Cell::Native`]. It comes back into the same
//! engine exactly, and into no other. Reading makes the text, and writing takes it back; a text that reading would not make
//! ([`is_native`]) is refused.
//!
//! Ids and references are never native: rows are known by them.

pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::sync::OnceLock;

use campus_backup_archive::value::YEARS;
use campus_backup_archive::{Cell, Kind};
use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};

use crate::catalog::MAX_COLUMNS;
use crate::database::Engine;

/// The native texts of one row. Most rows have none, which costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Natives(OnceLock<Box<[OnceLock<String>; MAX_COLUMNS]>>);

impl Natives {
    /// Keeps the text of the value at a position, once for each row.
    #[cold]
    pub(crate) fn keep(&self, position: usize, text: String) -> Cell<'_> {
        let texts = self.0.get_or_init(Box::default);
        Cell::Native(texts[position].get_or_init(|| text))
    }

    /// Makes place for those of the next row.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.0.take();
    }
}

/// Whether an engine has a value of that text which the kind can't hold.
pub(crate) fn is_native(engine: Engine, kind: Kind, text: &str) -> bool {
    match engine {
        Engine::Sqlite => sqlite::is_native(kind, text),
        Engine::Postgres => postgres::binary(kind, text).is_some(),
        Engine::Mysql => mysql::is_native(kind, text),
    }
}

/// Whether a date is one that every engine holds.
#[inline]
pub(crate) fn is_common_date(date: NaiveDate) -> bool {
    YEARS.contains(&date.year())
}

/// Whether a timestamp is one that every engine holds, to the microsecond. A leap second is none.
#[inline]
pub(crate) fn is_common_time(time: DateTime<Utc>) -> bool {
    let nanoseconds = time.nanosecond();
    is_common_date(time.date_naive()) && nanoseconds < 1_000_000_000 && nanoseconds.is_multiple_of(1_000)
}

/// The number that so many digits are, and nothing else.
fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0u32, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
