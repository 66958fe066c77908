//! Times as texts for SQLite.

use std::io::Write as _;

use campus_backup_archive::digits::{write_iso_date, write_microseconds, write_time};
use chrono::{DateTime, Utc};

/// Appends a time as SeaORM writes it into SQLite, which compares it as a text: `YYYY-MM-DDTHH:MM:SS+00:00`, with three
/// or six digits of the second if it has them.
pub(super) fn write_timestamp(time: DateTime<Utc>, out: &mut Vec<u8>) {
    write_iso_date(time.date_naive(), out);
    out.push(b'T');
    write_time(time.time(), out);
    match time.timestamp_subsec_micros() {
        0 => {}
        microseconds if microseconds.is_multiple_of(1000) => {
            // Writing to a `Vec` can't fail.
            let _ = write!(out, ".{:03}", microseconds / 1000);
        }
        microseconds => {
            out.push(b'.');
            write_microseconds(microseconds, out);
        }
    }
    out.extend_from_slice(b"+00:00");
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    #[test]
    fn times_are_written_like_those_of_the_orm() {
        for text in [
            "2024-02-29T12:34:56Z",
            "1890-01-01T00:00:00.120Z",
            "2099-12-31T23:59:59.000001Z",
            "2024-02-29T12:34:56.999999Z",
        ] {
            let time: DateTime<Utc> = text.parse().unwrap();
            let mut out = Vec::new();
            write_timestamp(time, &mut out);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                time.to_rfc3339_opts(SecondsFormat::AutoSi, false)
            );
        }
    }
}
