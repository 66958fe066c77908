//! Writes numbers as text without `fmt`, which would be slow for a million rows.

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};

/// Appends an integer.
pub fn write_integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the last two digits of a number.
pub fn write_two(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&two(value));
}

/// Appends `HH:MM:SS`.
pub fn write_time(time: NaiveTime, out: &mut Vec<u8>) {
    let ([a, b], [c, d], [e, f]) = (two(time.hour()), two(time.minute()), two(time.second()));
    out.extend_from_slice(&[a, b, b':', c, d, b':', e, f]);
}

/// Appends `YYYY-MM-DD`, with more digits for a year that has more.
pub fn write_iso_date(date: NaiveDate, out: &mut Vec<u8>) {
    let ([m, n], [d, e]) = (two(date.month()), two(date.day()));
    match year(date) {
        Some([a, b, c, y]) => out.extend_from_slice(&[a, b, c, y, b'-', m, n, b'-', d, e]),
        None => {
            write_integer(date.year().into(), out);
            out.extend_from_slice(&[b'-', m, n, b'-', d, e]);
        }
    }
}

/// Appends `DD-MM-YYYY`, with more digits for a year that has more.
pub fn write_day_first(date: NaiveDate, out: &mut Vec<u8>) {
    let ([m, n], [d, e]) = (two(date.month()), two(date.day()));
    match year(date) {
        Some([a, b, c, y]) => out.extend_from_slice(&[d, e, b'-', m, n, b'-', a, b, c, y]),
        None => {
            out.extend_from_slice(&[d, e, b'-', m, n, b'-']);
            write_integer(date.year().into(), out);
        }
    }
}

/// Appends microseconds as six digits.
pub fn write_microseconds(microseconds: u32, out: &mut Vec<u8>) {
    for pair in [microseconds / 10_000, microseconds / 100, microseconds] {
        write_two(pair, out);
    }
}

/// The last two digits of a number.
fn two(value: u32) -> [u8; 2] {
    // One digit is less than 256.
    [value / 10, value].map(|value| b'0' + (value % 10) as u8)
}

/// A year of four digits.
fn year(date: NaiveDate) -> Option<[u8; 4]> {
    let year = u32::try_from(date.year()).ok().filter(|year| *year <= 9999)?;
    let ([a, b], [c, d]) = (two(year / 100), two(year));
    Some([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_like_those_of_fmt() {
        for value in [0, 7, -7, i64::MIN, i64::MAX] {
            assert_eq!(written(|out| write_integer(value, out)), value.to_string());
        }
        for value in [0, 1, 9, 10, 99, 123_456] {
            assert_eq!(written(|out| write_microseconds(value, out)), format!("{value:06}"));
        }
        for year in [-1, 0, 7, 999, 1970, 9999, 10_000] {
            let date = NaiveDate::from_ymd_opt(year, 2, 3).unwrap();
            let expected = if year == -1 {
                "-1-02-03".to_owned()
            } else {
                format!("{year:04}-02-03")
            };
            assert_eq!(written(|out| write_iso_date(date, out)), expected);
            let year = expected.strip_suffix("-02-03").unwrap();
            assert_eq!(written(|out| write_day_first(date, out)), format!("03-02-{year}"));
        }
    }
}
