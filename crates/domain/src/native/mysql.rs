//! MySQL and MariaDB: dates with zeros, impossible days, the year 0, and truth values that are other numbers.

use campus_backup_archive::Kind;
use chrono::NaiveDate;

use super::{digits, is_common_date};

/// The text of a value in the binary protocol that its kind can't hold. `None` if it has another type, or a usual
/// value.
pub(crate) fn text(kind: Kind, value: &[u8]) -> Option<String> {
    let text = match kind {
        // The protocol leaves out trailing zeros. The first byte is the length.
        Kind::Date | Kind::Timestamp => {
            let (length, rest) = value.split_first()?;
            let mut parts = [0; 11];
            parts
                .get_mut(..rest.len().min(usize::from(*length)))?
                .copy_from_slice(rest);
            let [y1, y2, month, day, hour, minute, second, fraction @ ..] = parts;
            let year = u16::from_le_bytes([y1, y2]);
            let date = format!("{year:04}-{month:02}-{day:02}");
            match kind {
                Kind::Date => date,
                _ => {
                    let fraction = u32::from_le_bytes(fraction);
                    format!("{date} {hour:02}:{minute:02}:{second:02}.{fraction:06}")
                }
            }
        }
        Kind::Boolean => match value {
            [number] => i8::from_le_bytes([*number]).to_string(),
            _ => return None,
        },
        _ => return None,
    };
    is_native(kind, &text).then_some(text)
}

pub(super) fn is_native(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Date => is_odd_date(text.as_bytes()),
        Kind::Timestamp => {
            let Some((date, time)) = text.as_bytes().split_at_checked(10) else {
                return false;
            };
            let [b' ', h, i, b':', m, n, b':', s, t, b'.', fraction @ ..] = time else {
                return false;
            };
            let within = |tens: &u8, ones: &u8, most| digits(&[*tens, *ones]).is_some_and(|number| number <= most);
            is_odd_date(date)
                && within(h, i, 23)
                && within(m, n, 59)
                && within(s, t, 59)
                && fraction.len() == 6
                && digits(fraction).is_some()
        }
        Kind::Boolean => {
            let number = text.parse::<i8>();
            number.is_ok_and(|number| !matches!(number, 0 | 1) && number.to_string() == text)
        }
        _ => false,
    }
}

fn is_odd_date(text: &[u8]) -> bool {
    let [a, b, c, d, b'-', e, f, b'-', g, h] = *text else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(&[a, b, c, d]), digits(&[e, f]), digits(&[g, h])) else {
        return false;
    };
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), month, day);
    month <= 12 && day <= 31 && !date.is_some_and(is_common_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_equal_those_of_the_server() {
        for (kind, value, expected) in [
            (Kind::Date, &b"\x00"[..], Some("0000-00-00")),
            (Kind::Date, b"\x04\xd4\x07\x00\x00", Some("2004-00-00")),
            (Kind::Date, b"\x04\x00\x00\x05\x03", Some("0000-05-03")),
            (Kind::Date, b"\x04\xd4\x07\x02\x1f", Some("2004-02-31")),
            (Kind::Date, b"\x04\xd4\x07\x02\x1d", None),
            (Kind::Timestamp, b"\x00", Some("0000-00-00 00:00:00.000000")),
            (
                Kind::Timestamp,
                b"\x04\xd4\x07\x00\x00",
                Some("2004-00-00 00:00:00.000000"),
            ),
            (
                Kind::Timestamp,
                b"\x0b\xd4\x07\x00\x00\x01\x02\x03\x04\x00\x00\x00",
                Some("2004-00-00 01:02:03.000004"),
            ),
            (Kind::Timestamp, b"\x04\xd4\x07\x01\x01", None),
            (Kind::Boolean, b"\xff", Some("-1")),
            (Kind::Boolean, b"\x01", None),
        ] {
            assert_eq!(text(kind, value).as_deref(), expected);
        }
        for (kind, other) in [
            (Kind::Date, "2004-13-00"),
            (Kind::Date, "2004-02-29"),
            (Kind::Date, "20140-01-01"),
            (Kind::Timestamp, "0000-00-00 00:00:00"),
            (Kind::Timestamp, "0000-00-00 24:00:00.000000"),
            (Kind::Boolean, "1"),
            (Kind::Boolean, "+2"),
        ] {
            assert!(!is_native(kind, other), "{other}");
        }
    }
}
