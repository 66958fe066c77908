//! PostgreSQL: dates and timestamps of any year or at infinity, as `ISO` dates in UTC, and special numbers.

use campus_backup_archive::Kind;
use campus_backup_archive::value::YEARS;

use super::digits;

const INFINITY: &str = "infinity";
const MINUS_INFINITY: &str = "-infinity";

/// Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAY: i64 = 10_957;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The days that the server accepts: from 4714-11-24 BC to 5874897-12-31.
const DAYS: std::ops::Range<i64> = -2_451_545..2_145_031_949;

/// The microseconds that the server accepts: from 4714-11-24 BC to 294276-12-31.
const MICROSECONDS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// Special numbers, by their sign in the binary format.
const NUMBERS: [(u16, &str); 3] = [(0xc000, "NaN"), (0xd000, "Infinity"), (0xf000, "-Infinity")];

/// The text of a value in the binary format that its kind can't hold. `None` if it has another type, or a usual value.
pub(crate) fn text(kind: Kind, value: &[u8]) -> Option<String> {
    match kind {
        Kind::Date => date_text(i32::from_be_bytes(value.try_into().ok()?)),
        Kind::Timestamp => time_text(i64::from_be_bytes(value.try_into().ok()?)),
        Kind::Decimal => {
            let [_, _, _, _, high, low, ..] = value else {
                return None;
            };
            let sign = u16::from_be_bytes([*high, *low]);
            let number = NUMBERS.iter().find(|(of_number, _)| *of_number == sign);
            number.map(|(_, text)| (*text).to_owned())
        }
        _ => None,
    }
}

/// The value in the binary format. `None` unless [`text`] returns exactly this text for it.
pub(crate) fn binary(kind: Kind, native: &str) -> Option<Vec<u8>> {
    let value = match kind {
        Kind::Date => days(native)?.to_be_bytes().to_vec(),
        Kind::Timestamp => microseconds(native)?.to_be_bytes().to_vec(),
        Kind::Decimal => {
            let (sign, _) = NUMBERS.iter().find(|(_, text)| *text == native)?;
            // No digits, the weight of the first digit, the sign, and no decimal places.
            [0, 0, *sign, 0].map(u16::to_be_bytes).concat()
        }
        _ => return None,
    };
    (text(kind, &value)? == native).then_some(value)
}

fn date_text(days: i32) -> Option<String> {
    match days {
        i32::MAX => Some(INFINITY.to_owned()),
        i32::MIN => Some(MINUS_INFINITY.to_owned()),
        days => {
            let (year, day) = written_day(days.into());
            (!YEARS.contains(&i32::try_from(year).ok()?)).then(|| format!("{day}{}", era(year)))
        }
    }
}

fn time_text(microseconds: i64) -> Option<String> {
    match microseconds {
        i64::MAX => return Some(INFINITY.to_owned()),
        i64::MIN => return Some(MINUS_INFINITY.to_owned()),
        _ => {}
    }
    let (days, of_day) = (microseconds.div_euclid(DAY), microseconds.rem_euclid(DAY));
    let (year, day) = written_day(days);
    if YEARS.contains(&i32::try_from(year).ok()?) {
        return None;
    }
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = match fraction {
        0 => String::new(),
        fraction => format!(".{fraction:06}").trim_end_matches('0').to_owned(),
    };
    Some(format!(
        "{day} {hour:02}:{minute:02}:{second:02}{fraction}+00{}",
        era(year)
    ))
}

fn days(native: &str) -> Option<i32> {
    match native {
        INFINITY => Some(i32::MAX),
        MINUS_INFINITY => Some(i32::MIN),
        native => {
            let (day, is_before_christ) = without_era(native);
            let days = days_of(day, is_before_christ)?;
            i32::try_from(days).ok().filter(|_| DAYS.contains(&days))
        }
    }
}

fn microseconds(native: &str) -> Option<i64> {
    match native {
        INFINITY => return Some(i64::MAX),
        MINUS_INFINITY => return Some(i64::MIN),
        _ => {}
    }
    let (moment, is_before_christ) = without_era(native);
    let (day, time) = moment.split_once(' ')?;
    let (clock, fraction) = time.strip_suffix("+00")?.split_at_checked(8)?;
    let [h, i, b':', m, n, b':', s, t] = *clock.as_bytes() else {
        return None;
    };
    let seconds = digits(&[h, i])? * 3_600 + digits(&[m, n])? * 60 + digits(&[s, t])?;
    let fraction = match fraction.strip_prefix('.') {
        None if fraction.is_empty() => 0,
        Some(fraction) if fraction.len() <= 6 => digits(format!("{fraction:0<6}").as_bytes())?,
        _ => return None,
    };
    let of_day = i64::from(seconds) * 1_000_000 + i64::from(fraction);
    let microseconds = days_of(day, is_before_christ)?.checked_mul(DAY)?.checked_add(of_day)?;
    Some(microseconds).filter(|microseconds| MICROSECONDS.contains(microseconds))
}

fn era(year: i64) -> &'static str {
    if year > 0 { "" } else { " BC" }
}

fn without_era(native: &str) -> (&str, bool) {
    native.strip_suffix(" BC").map_or((native, false), |day| (day, true))
}

/// The year of a day, and the day as text without its era. The year before 1 is 1 BC, which is 0 here.
fn written_day(days: i64) -> (i64, String) {
    let (year, month, day) = civil(days + EPOCH_DAY);
    let shown = if year > 0 { year } else { 1 - year };
    (year, format!("{shown:04}-{month:02}-{day:02}"))
}

fn days_of(day: &str, is_before_christ: bool) -> Option<i64> {
    let mut parts = day.splitn(3, '-').map(|part| digits(part.as_bytes()).map(i64::from));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let year = if is_before_christ { 1 - year } else { year };
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then(|| of_civil(year, month, day) - EPOCH_DAY)
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar
/// (<https://howardhinnant.github.io/date_algorithms.html>). PostgreSQL has more years than chrono.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The opposite of [`civil`].
fn of_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_equal_those_of_the_server() {
        for (days, expected) in [
            (i32::MAX, Some("infinity")),
            (i32::MIN, Some("-infinity")),
            (-730_120, Some("0001-12-31 BC")),
            (-730_119, None),
            (0, None),
        ] {
            assert_eq!(text(Kind::Date, &i32::to_be_bytes(days)).as_deref(), expected);
        }
        for native in ["20140-01-01", "0044-03-15 BC", "4714-11-24 BC", "5874897-12-31"] {
            let value = binary(Kind::Date, native).unwrap();
            assert_eq!(text(Kind::Date, &value).as_deref(), Some(native));
        }
        for native in [
            "20140-01-01 00:00:00+00",
            "0001-12-31 23:59:59.5+00 BC",
            "294276-12-31 23:59:59.999999+00",
        ] {
            let value = binary(Kind::Timestamp, native).unwrap();
            assert_eq!(text(Kind::Timestamp, &value).as_deref(), Some(native));
        }
        for (kind, other) in [
            (Kind::Date, "2024-01-01"),
            (Kind::Date, "020140-01-01"),
            (Kind::Date, "20140-02-30"),
            (Kind::Date, "5874898-01-01"),
            (Kind::Date, "Infinity"),
            (Kind::Date, ""),
            (Kind::Timestamp, "20140-01-01 00:00:00"),
            (Kind::Timestamp, "20140-01-01 00:00:00.50+00"),
            (Kind::Timestamp, "20140-01-01 24:00:00+00"),
            (Kind::Decimal, "nan"),
            (Kind::Text, "NaN"),
        ] {
            assert_eq!(binary(kind, other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn read_texts_are_written_unchanged(days: i32, microseconds: i64) {
            if let Some(native) = text(Kind::Date, &days.to_be_bytes())
                && (DAYS.contains(&days.into()) || native.ends_with("infinity")) {
                prop_assert_eq!(binary(Kind::Date, &native), Some(days.to_be_bytes().to_vec()));
            }
            if let Some(native) = text(Kind::Timestamp, &microseconds.to_be_bytes())
                && MICROSECONDS.contains(&microseconds) {
                prop_assert_eq!(binary(Kind::Timestamp, &native), Some(microseconds.to_be_bytes().to_vec()));
            }
        }
    }
}
