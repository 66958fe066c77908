//! Writing numbers as text, without the detour over `fmt`, which a million rows feel.

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};

/// Appends an integer.
pub fn write_integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the last two digits of a number.
pub fn write_two(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[digit(value / 10), digit(value)]);
}

/// Appends a year with at least four digits.
pub fn write_year(date: NaiveDate, out: &mut Vec<u8>) {
    match u32::try_from(date.year()) {
        Ok(year @ 0..=9999) => {
            write_two(year / 100, out);
            write_two(year, out);
        }
        _ => write_integer(date.year().into(), out),
    }
}

/// Appends `HH:MM:SS`.
pub fn write_time(time: NaiveTime, out: &mut Vec<u8>) {
    write_two(time.hour(), out);
    out.push(b':');
    write_two(time.minute(), out);
    out.push(b':');
    write_two(time.second(), out);
}

/// Appends `YYYY-MM-DD`.
pub fn write_iso_date(date: NaiveDate, out: &mut Vec<u8>) {
    write_year(date, out);
    out.push(b'-');
    write_two(date.month(), out);
    out.push(b'-');
    write_two(date.day(), out);
}

/// Appends microseconds as six digits.
pub fn write_microseconds(microseconds: u32, out: &mut Vec<u8>) {
    write_two(microseconds / 10_000, out);
    write_two(microseconds / 100, out);
    write_two(microseconds, out);
}

fn digit(value: u32) -> u8 {
    // One digit is less than 256.
    b'0' + (value % 10) as u8
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
    fn numbers_are_written_as_fmt_would() {
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
        }
    }
}
