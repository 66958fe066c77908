//! Reads dates and times, as spreadsheets and people write them, in the school's time zone.

use campus_backup_archive::value::YEARS;
use chrono::{
    DateTime, Datelike as _, Days, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    TimeZone as _, Utc,
};
use chrono_tz::Tz;

use super::{DateOrder, FileCell};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// A date or time as a text says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The date.
    pub(super) date: NaiveDate,
    /// The time of day with its precision in microseconds, if there is one.
    pub(super) time: Option<(NaiveTime, i64)>,
    /// The offset, if there is one.
    pub(super) offset: Option<FixedOffset>,
    /// Whether only the order of the options says which number is the day.
    pub(super) is_ordered: bool,
    /// Whether the year has two digits.
    pub(super) is_short: bool,
}

impl Moment {
    /// A time of a workbook.
    pub(super) fn of_local(local: NaiveDateTime, is_date: bool) -> Self {
        let precision = match local.and_utc().timestamp_subsec_micros() {
            0 => SECOND,
            _ => SECOND / 1_000,
        };
        Self {
            date: local.date(),
            time: (!is_date).then(|| (local.time(), precision)),
            offset: None,
            is_ordered: false,
            is_short: false,
        }
    }

    /// The date. A time of day other than midnight is not lost.
    pub(super) fn date(self) -> Result<NaiveDate, String> {
        match self.time {
            Some((time, _)) if time != NaiveTime::MIN => {
                Err("It has a time of day, but the column has dates alone.".to_owned())
            }
            _ => Ok(self.date),
        }
    }

    /// The instant or the two instants that it means.
    pub(super) fn timestamp(self, zone: Tz) -> Result<FileCell<'static>, String> {
        let cell = match (self.time, self.offset) {
            (None, _) => self.day(zone)?,
            (Some((time, precision)), Some(offset)) => {
                let local = self.date.and_time(time).and_local_timezone(offset).single();
                let value = local.ok_or("It is no time.")?.to_utc();
                FileCell::Timestamp {
                    value,
                    other: None,
                    precision,
                }
            }
            (Some((time, precision)), None) => match instants(zone, self.date.and_time(time)) {
                LocalResult::None => {
                    return Err(format!(
                        "This time does not exist in the time zone {zone}: clocks were turned forward over it. Write the right time."
                    ));
                }
                LocalResult::Single(value) => FileCell::Timestamp {
                    value,
                    other: None,
                    precision,
                },
                LocalResult::Ambiguous(value, other) => FileCell::Timestamp {
                    value,
                    other: Some(other),
                    precision,
                },
            },
        };
        match cell {
            FileCell::Timestamp { value, .. } if YEARS.contains(&value.year()) => Ok(cell),
            _ => Err("The year must be from 1 to 9999.".to_owned()),
        }
    }

    fn day(self, zone: Tz) -> Result<FileCell<'static>, String> {
        let start =
            start_of_day(zone, self.date).ok_or_else(|| format!("This day does not exist in the time zone {zone}."))?;
        let next = self
            .date
            .checked_add_days(Days::new(1))
            .and_then(|next| start_of_day(zone, next));
        let length = next.map_or(TimeDelta::days(1), |next| next - start);
        Ok(FileCell::Timestamp {
            value: start,
            other: None,
            precision: length.num_microseconds().unwrap_or(86_400 * SECOND),
        })
    }
}

fn instants(zone: Tz, local: NaiveDateTime) -> LocalResult<DateTime<Utc>> {
    // Most schools use UTC, where no conversion is needed.
    if zone == Tz::UTC {
        return LocalResult::Single(local.and_utc());
    }
    zone.from_local_datetime(&local).map(|time| time.to_utc())
}

/// The first instant of a day: midnight, or the first time after it that exists.
fn start_of_day(zone: Tz, date: NaiveDate) -> Option<DateTime<Utc>> {
    let midnight = date.and_time(NaiveTime::MIN);
    let mut quarters = (0..96).map(|quarter| midnight + TimeDelta::minutes(15 * quarter));
    quarters.find_map(|local| instants(zone, local).earliest())
}

/// The local time of a serial number of Excel, and whether it is a date alone; none if Excel knows no such day.
pub(super) fn serial(value: f64, is_1904: bool) -> Option<(NaiveDateTime, bool)> {
    // One day is the smallest date of either system but for the first day of 1904.
    let smallest = if is_1904 { 0.0 } else { 1.0 };
    if !(smallest..2_958_466.0).contains(&value) {
        return None;
    }
    let days = value.floor();
    let milliseconds = ((value - days) * 86_400_000.0).round();
    let epoch = match days as u64 {
        _ if is_1904 => NaiveDate::from_ymd_opt(1904, 1, 1)?,
        // Excel has a 29 February 1900, which did not exist.
        60 => return None,
        days if days < 60 => NaiveDate::from_ymd_opt(1899, 12, 31)?,
        _ => NaiveDate::from_ymd_opt(1899, 12, 30)?,
    };
    let date = epoch.checked_add_days(Days::new(days as u64))?;
    let local = date
        .and_time(NaiveTime::MIN)
        .checked_add_signed(TimeDelta::milliseconds(milliseconds as i64))?;
    Some((local, milliseconds == 0.0))
}

/// Reads a date, or a date and a time.
pub(super) fn moment(text: &str, order: DateOrder) -> Result<Moment, String> {
    let text = text.trim();
    let (date_part, time_part) = match text.find(':') {
        None => (text, None),
        Some(colon) => {
            let begin = text[..colon].rfind(|letter: char| !letter.is_ascii_digit());
            let begin = begin.and_then(|place| Some(place + text[place..].chars().next()?.len_utf8()));
            let begin = begin.ok_or_else(no_date)?;
            (&text[..begin], Some(&text[begin..]))
        }
    };
    let is_gap = |letter: char| letter.is_whitespace() || matches!(letter, ',' | 'T' | 't');
    let mut moment = match time_part {
        None => date(date_part, order)?,
        Some(_) => date(date_part.trim_end_matches(is_gap), order)?,
    };
    if let Some(time_part) = time_part {
        let (time, precision, offset) = time(time_part)?;
        moment.time = Some((time, precision));
        moment.offset = offset;
    }
    Ok(moment)
}

fn date(text: &str, order: DateOrder) -> Result<Moment, String> {
    let mut groups = [""; 3];
    let mut count = 0;
    for group in text.split(['-', '/', '.', ' ', ',']).filter(|group| !group.is_empty()) {
        *groups.get_mut(count).ok_or_else(no_date)? = group;
        count += 1;
    }
    let [first, second, third] = groups;
    let (year, month, day, is_ordered) = match (count, is_number(first), month_named(first), month_named(second)) {
        // ISO 8601 without separators.
        (1, true, ..) if first.len() == 8 => (&first[..4], number(&first[4..6])?, number(&first[6..])?, false),
        (3, true, _, Some(month)) if first.len() == 4 => (first, month, number(third)?, false),
        (3, true, _, Some(month)) => (third, month, number(first)?, false),
        (3, false, Some(month), _) => (third, month, number(second)?, false),
        (3, true, ..) if first.len() == 4 => (first, number(second)?, number(third)?, false),
        (3, true, ..) => match order {
            DateOrder::DayFirst => (third, number(second)?, number(first)?, true),
            DateOrder::MonthFirst => (third, number(first)?, number(second)?, true),
            DateOrder::YearFirst => (first, number(second)?, number(third)?, true),
        },
        _ => return Err(no_date()),
    };
    if !is_number(year) || !matches!(year.len(), 2 | 4) {
        return Err(no_date());
    }
    let is_short = year.len() == 2;
    let year = match year.parse::<i32>().map_err(|_| no_date())? {
        year if !is_short => year,
        // The rule of Excel.
        year if year < 30 => 2000 + year,
        year => 1900 + year,
    };
    let date = NaiveDate::from_ymd_opt(year, month, day).filter(|_| YEARS.contains(&year));
    Ok(Moment {
        date: date.ok_or_else(|| no_day(year, month, day, is_ordered, order))?,
        time: None,
        offset: None,
        is_ordered,
        is_short,
    })
}

fn is_number(group: &str) -> bool {
    !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit())
}

/// A day or a month.
fn number(group: &str) -> Result<u32, String> {
    match is_number(group) && group.len() <= 2 {
        true => group.parse().map_err(|_| no_date()),
        false => Err(no_date()),
    }
}

/// The month of an English name or its first three letters.
fn month_named(group: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if group.len() < 3 || !group.is_ascii() || group.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    let group = group.to_ascii_lowercase();
    let is_named = |month: &str| {
        month == group || (group.len() == 3 && month.starts_with(&group)) || (group == "sept" && month == "september")
    };
    let place = MONTHS.iter().position(|month| is_named(month))?;
    u32::try_from(place + 1).ok()
}

fn no_date() -> String {
    "It must be a date, such as 31-12-2024 or 2024-12-31.".to_owned()
}

fn no_day(year: i32, month: u32, day: u32, is_ordered: bool, order: DateOrder) -> String {
    let swapped = NaiveDate::from_ymd_opt(year, day, month).is_some();
    match (is_ordered && swapped, order) {
        (true, DateOrder::DayFirst) => {
            "There is no such day if the day comes first. If all dates have the month first, use `dates=month_first`."
                .to_owned()
        }
        (true, DateOrder::MonthFirst) => {
            "There is no such day if the month comes first. If all dates have the day first, use `dates=day_first`."
                .to_owned()
        }
        _ => "There is no such day in the calendar.".to_owned(),
    }
}

/// A time of day, its precision in microseconds, and its offset.
fn time(text: &str) -> Result<(NaiveTime, i64, Option<FixedOffset>), String> {
    let (text, offset) = offset(text.trim())?;
    let (text, half) = half(text.trim());
    let mut parts = text.split(':');
    let hour = parts.next().and_then(|part| number(part).ok()).ok_or_else(no_time)?;
    let minute = parts
        .next()
        .filter(|part| part.len() == 2)
        .and_then(|part| number(part).ok())
        .ok_or_else(no_time)?;
    let (second, microseconds, precision) = match parts.next() {
        None => (0, 0, 60 * SECOND),
        Some(part) => seconds(part)?,
    };
    if parts.next().is_some() {
        return Err(no_time());
    }
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return Err(no_time()),
        Some(half) => hour % 12 + half,
    };
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second, microseconds).ok_or_else(no_time)?;
    Ok((time, precision, offset))
}

/// The seconds with their fraction and precision.
fn seconds(part: &str) -> Result<(u32, u32, i64), String> {
    let (second, fraction) = part.split_once(['.', ',']).unwrap_or((part, ""));
    let second = Some(second)
        .filter(|second| second.len() == 2)
        .and_then(|second| number(second).ok())
        .ok_or_else(no_time)?;
    let fraction = match fraction.len() > 6 {
        true if fraction[6..].bytes().all(|byte| byte == b'0') => &fraction[..6],
        true => return Err("It is more precise than a microsecond.".to_owned()),
        false => fraction,
    };
    if !fraction.is_empty() && !is_number(fraction) {
        return Err(no_time());
    }
    let mut microseconds: u32 = fraction.parse().unwrap_or_default();
    let mut precision = SECOND;
    for _ in 0..fraction.len() {
        precision /= 10;
    }
    for _ in fraction.len()..6 {
        microseconds *= 10;
    }
    Ok((second, microseconds, precision))
}

/// Removes `am` or `pm`, and returns how many hours it adds.
fn half(text: &str) -> (&str, Option<u32>) {
    for (mark, hours) in [("am", 0), ("pm", 12), ("a.m.", 0), ("p.m.", 12)] {
        let Some(begin) = text.len().checked_sub(mark.len()) else {
            continue;
        };
        if text.is_char_boundary(begin) && text[begin..].eq_ignore_ascii_case(mark) {
            return (text[..begin].trim_end(), Some(hours));
        }
    }
    (text, None)
}

/// Removes `Z` or an offset such as `+05:30`.
fn offset(text: &str) -> Result<(&str, Option<FixedOffset>), String> {
    if let Some(text) = text.strip_suffix(['Z', 'z']) {
        return Ok((text, FixedOffset::east_opt(0)));
    }
    let Some(place) = text.rfind(['+', '-']) else {
        return Ok((text, None));
    };
    let digits: String = text[place + 1..].chars().filter(|letter| *letter != ':').collect();
    let seconds = match digits.len() {
        2 => number(&digits).map(|hours| 3_600 * hours),
        4 => number(&digits[..2]).and_then(|hours| Ok(3_600 * hours + 60 * number(&digits[2..])?)),
        _ => Err(no_time()),
    };
    let seconds = i32::try_from(seconds.map_err(|_| no_time())?).map_err(|_| no_time())?;
    let seconds = if text[place..].starts_with('-') {
        -seconds
    } else {
        seconds
    };
    let offset = FixedOffset::east_opt(seconds).ok_or_else(no_time)?;
    Ok((&text[..place], Some(offset)))
}

fn no_time() -> String {
    "It must be a date and a time, such as 31-12-2024 23:59:59.".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400 * SECOND;

    fn utc(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn dates_are_read_in_every_form() {
        use DateOrder::{DayFirst, MonthFirst, YearFirst};
        for (text, order, expected) in [
            ("31-12-2024", DayFirst, "2024-12-31"),
            ("2024-12-31", DayFirst, "2024-12-31"),
            ("2024/12/31", MonthFirst, "2024-12-31"),
            ("20241231", DayFirst, "2024-12-31"),
            ("3/4/24", DayFirst, "2024-04-03"),
            ("3/4/24", MonthFirst, "2024-03-04"),
            ("24/3/4", YearFirst, "2024-03-04"),
            ("3.4.1999", DayFirst, "1999-04-03"),
            ("1/1/29", DayFirst, "2029-01-01"),
            ("1/1/30", DayFirst, "1930-01-01"),
            ("12-Jan-2024", DayFirst, "2024-01-12"),
            ("12 january 2024", MonthFirst, "2024-01-12"),
            ("Jan 12, 2024", DayFirst, "2024-01-12"),
            ("2024-Sept-01", DayFirst, "2024-09-01"),
            ("29-02-2024", DayFirst, "2024-02-29"),
            (" 01-01-0001 ", DayFirst, "0001-01-01"),
            ("31-12-9999", DayFirst, "9999-12-31"),
            ("2024-12-31 00:00:00", DayFirst, "2024-12-31"),
            ("2024-12-31T00:00", DayFirst, "2024-12-31"),
        ] {
            let date = moment(text, order).and_then(Moment::date);
            assert_eq!(date.map(|date| date.to_string()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_dates_are_refused() {
        use DateOrder::{DayFirst, MonthFirst};
        for (text, order, said) in [
            ("30-02-2024", DayFirst, "no such day in the calendar"),
            ("29-02-2023", DayFirst, "no such day in the calendar"),
            ("12/31/2024", DayFirst, "dates=month_first"),
            ("31/12/2024", MonthFirst, "dates=day_first"),
            ("31/12/024", DayFirst, "must be a date"),
            ("31/12", DayFirst, "must be a date"),
            ("1/2/3/4", DayFirst, "must be a date"),
            ("yesterday", DayFirst, "must be a date"),
            ("", DayFirst, "must be a date"),
            ("00-01-2024", DayFirst, "no such day"),
            ("12:30", DayFirst, "must be a date"),
            ("2024-01-01 09:30", DayFirst, "time of day"),
            ("０１-01-2024", DayFirst, "must be a date"),
        ] {
            let refused = moment(text, order).and_then(Moment::date).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn times_have_the_precision_of_the_file() {
        for (text, instant, precision) in [
            ("31-12-2024 23:59:59", "2024-12-31T18:29:59Z", SECOND),
            ("31-12-2024 23:59", "2024-12-31T18:29:00Z", 60 * SECOND),
            ("31-12-2024", "2024-12-30T18:30:00Z", DAY),
            ("31/12/24 11:59 pm", "2024-12-31T18:29:00Z", 60 * SECOND),
            ("31/12/24 12:05 AM", "2024-12-30T18:35:00Z", 60 * SECOND),
            ("2024-12-31T18:29:59Z", "2024-12-31T18:29:59Z", SECOND),
            ("2024-12-31T18:29:59.000100Z", "2024-12-31T18:29:59.000100Z", 1),
            ("2024-12-31T23:59:59.5+05:30", "2024-12-31T18:29:59.5Z", 100_000),
            ("2024-12-31 23:59:59 +0530", "2024-12-31T18:29:59Z", SECOND),
            ("12 Jan 2024, 09:30", "2024-01-12T04:00:00Z", 60 * SECOND),
        ] {
            let cell = moment(text, DateOrder::DayFirst).and_then(|moment| moment.timestamp(Tz::Asia__Kolkata));
            let expected = FileCell::Timestamp {
                value: utc(instant),
                other: None,
                precision,
            };
            assert_eq!(cell, Ok(expected), "{text}");
        }
        for text in [
            "31-12-2024 24:00",
            "31-12-2024 9:5",
            "31-12-2024 13:00 pm",
            "31-12-2024 10:00:00.1234567",
            "31-12-2024 10:00:60",
            "31-12-2024 10:00:00+99:99",
        ] {
            assert!(moment(text, DateOrder::DayFirst).is_err(), "{text}");
        }
    }

    #[test]
    fn daylight_saving_is_not_guessed() {
        let read =
            |text: &str| moment(text, DateOrder::DayFirst).and_then(|moment| moment.timestamp(Tz::Europe__Berlin));
        assert!(read("31-03-2024 02:30:00").unwrap_err().contains("does not exist"));
        assert_eq!(
            read("27-10-2024 02:30:00"),
            Ok(FileCell::Timestamp {
                value: utc("2024-10-27T00:30:00Z"),
                other: Some(utc("2024-10-27T01:30:00Z")),
                precision: SECOND
            })
        );
        for (text, precision) in [
            ("31-03-2024", 23 * 3_600 * SECOND),
            ("27-10-2024", 25 * 3_600 * SECOND),
            ("01-06-2024", DAY),
        ] {
            assert!(
                matches!(read(text), Ok(FileCell::Timestamp { precision: found, .. }) if found == precision),
                "{text}"
            );
        }
        // Midnight does not exist on that day, and the whole next day of the other zone.
        let sao_paulo = moment("04-11-2018", DateOrder::DayFirst)
            .unwrap()
            .timestamp(Tz::America__Sao_Paulo);
        assert!(matches!(sao_paulo, Ok(FileCell::Timestamp { value, .. }) if value == utc("2018-11-04T03:00:00Z")));
        assert!(
            moment("30-12-2011", DateOrder::DayFirst)
                .unwrap()
                .timestamp(Tz::Pacific__Apia)
                .is_err()
        );
    }

    #[test]
    fn serial_numbers_are_those_of_excel() {
        let date = |value, is_1904| serial(value, is_1904).map(|(local, is_date)| (local.to_string(), is_date));
        let expected = |text: &str, is_date| Some((text.to_owned(), is_date));
        assert_eq!(date(45_292.0, false), expected("2024-01-01 00:00:00", true));
        assert_eq!(date(43_830.0, true), expected("2024-01-01 00:00:00", true));
        assert_eq!(date(1.0, false), expected("1900-01-01 00:00:00", true));
        assert_eq!(date(59.0, false), expected("1900-02-28 00:00:00", true));
        assert_eq!(date(61.0, false), expected("1900-03-01 00:00:00", true));
        assert_eq!(
            date(45_292.0 + 86_399.0 / 86_400.0, false),
            expected("2024-01-01 23:59:59", false)
        );
        for (value, is_1904) in [
            (60.0, false),
            (0.5, false),
            (-1.0, false),
            (2_958_466.0, false),
            (f64::NAN, false),
        ] {
            assert_eq!(serial(value, is_1904), None, "{value}");
        }
    }

    #[test]
    fn every_second_of_our_workbooks_is_read_back() {
        for second in (0..86_400).step_by(7) {
            let (local, _) = serial(45_292.0 + f64::from(second) / 86_400.0, false).unwrap();
            assert_eq!(
                local,
                NaiveDate::from_ymd_opt(2024, 1, 1)
                    .unwrap()
                    .and_hms_opt(0, 0, 0)
                    .unwrap()
                    + TimeDelta::seconds(second.into())
            );
        }
    }
}
