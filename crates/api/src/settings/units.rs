//! Durations and sizes as people write them: `7d`, `12h`, `90s`, `8GiB`, `64KiB`. A plain number is seconds, or bytes.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytesize::ByteSize;

const DURATION_UNITS: [(&str, u64); 4] = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60), ("s", 1)];
const SIZE_UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A duration of whole seconds in this range, or the problem.
pub(crate) fn duration(given: &str, range: &RangeInclusive<u64>) -> Result<Duration, String> {
    let seconds = match given.parse::<u64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => humantime::parse_duration(given)
            .ok()
            .filter(|duration| duration.subsec_nanos() == 0)
            .map(|duration| duration.as_secs()),
    };
    match seconds.filter(|seconds| range.contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(format!(
            "`{given}` is not a duration from {} to {}, such as 90s, 15m, 12h or 7d; a plain number is seconds",
            with_unit(*range.start(), &DURATION_UNITS, "s"),
            with_unit(*range.end(), &DURATION_UNITS, "s"),
        )),
    }
}

/// A number of bytes in this range, or the problem.
pub(crate) fn size(given: &str, range: &RangeInclusive<u64>) -> Result<u64, String> {
    // `1.5GiB` would have to be rounded, and a number of more than 64 bits would be truncated.
    let digits = given.find(|c: char| !c.is_ascii_digit()).unwrap_or(given.len());
    let is_whole = given[..digits].parse::<u64>().is_ok() && !given[digits..].contains('.');
    let bytes = match given.parse::<u64>() {
        Ok(bytes) => Some(bytes),
        Err(_) if is_whole => given.parse::<ByteSize>().ok().map(|size| size.as_u64()),
        Err(_) => None,
    };
    bytes.filter(|bytes| range.contains(bytes)).ok_or_else(|| {
        format!(
            "`{given}` is not a size from {} to {}, such as 64KiB, 512MiB or 8GiB; a plain number is bytes",
            with_unit(*range.start(), &SIZE_UNITS, " bytes"),
            with_unit(*range.end(), &SIZE_UNITS, " bytes"),
        )
    })
}

/// The value in the largest unit of which it is a whole number.
fn with_unit(value: u64, units: &[(&str, u64)], smallest: &str) -> String {
    let unit = units
        .iter()
        .find(|(_, unit)| value >= *unit && value.is_multiple_of(*unit));
    match unit {
        Some((name, unit)) => format!("{}{name}", value / unit),
        None => format!("{value}{smallest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_read_with_its_unit_or_as_seconds() {
        for (given, seconds) in [
            ("5", 5),
            ("0", 0),
            ("90s", 90),
            ("15m", 900),
            ("12h", 43_200),
            ("7d", 604_800),
            ("1h 30m", 5_400),
            ("1h30m", 5_400),
            ("2 days", 172_800),
        ] {
            assert_eq!(
                duration(given, &(0..=u64::MAX)),
                Ok(Duration::from_secs(seconds)),
                "{given}"
            );
        }
    }

    #[test]
    fn size_is_read_with_its_unit_or_as_bytes() {
        for (given, bytes) in [
            ("65536", 65_536),
            ("0", 0),
            ("64KiB", 65_536),
            ("64 kib", 65_536),
            ("8GiB", 8 << 30),
            ("1TiB", 1 << 40),
            ("10MB", 10_000_000),
        ] {
            assert_eq!(size(given, &(0..=u64::MAX)), Ok(bytes), "{given}");
        }
    }

    #[test]
    fn impossible_value_is_refused_with_the_range_and_examples() {
        for given in [
            "",
            "-1",
            "-1h",
            "1.5h",
            "h",
            "7x",
            "500ms",
            "61m",
            "99999999999999999999",
            "99999999999999999999d",
        ] {
            assert_eq!(
                duration(given, &(1..=3_600)),
                Err(format!(
                    "`{given}` is not a duration from 1s to 1h, such as 90s, 15m, 12h or 7d; a plain number is seconds"
                ))
            );
        }
        for given in [
            "",
            "-1",
            "-1KiB",
            "1.5MiB",
            "KiB",
            "7x",
            "1023",
            "17MiB",
            "99999999999999999999",
            "99999999999999999999KiB",
        ] {
            assert_eq!(
                size(given, &(1_024..=16 << 20)),
                Err(format!(
                    "`{given}` is not a size from 1KiB to 16MiB, such as 64KiB, 512MiB or 8GiB; a plain number is bytes"
                ))
            );
        }
        // With its unit this has more than 64 bits.
        assert!(size("99999999999TiB", &(0..=1 << 40)).is_err());
    }
}
