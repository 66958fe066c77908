//! Native values: values that the kind of their column can't hold, as the text of their own engine.
//!
//! An engine stores more than the kinds of an archive can express: PostgreSQL a day in the year 20140 or at infinity,
//! MySQL a zero date, SQLite a value of any type in any column. Such a value is a [`Cell::Native`]. It is restored
//! exactly into the same engine, and refused by others. Reading makes the text, and writing parses it; a text that
//! reading would not make ([`is_native`]) is refused.
//!
//! Ids and references are never native, because rows are identified by them.

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

    /// Clears it for the next row.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.0.take();
    }
}

/// Whether the text is a value of an engine that the kind can't hold.
pub(crate) fn is_native(engine: Engine, kind: Kind, text: &str) -> bool {
    match engine {
        Engine::Sqlite => sqlite::is_native(kind, text),
        Engine::Postgres => postgres::binary(kind, text).is_some(),
        Engine::Mysql => mysql::is_native(kind, text),
    }
}

/// Whether every engine can hold a date.
#[inline]
pub(crate) fn is_common_date(date: NaiveDate) -> bool {
    YEARS.contains(&date.year())
}

/// Whether every engine can hold a timestamp, to the microsecond. A leap second is excluded.
#[inline]
pub(crate) fn is_common_time(time: DateTime<Utc>) -> bool {
    let nanoseconds = time.nanosecond();
    is_common_date(time.date_naive()) && nanoseconds < 1_000_000_000 && nanoseconds.is_multiple_of(1_000)
}

/// Parses exactly these digits as a number.
fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0u32, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
