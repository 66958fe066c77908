//! The common part of all measurements: spreads, rows, limits, and their table.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::database::Engine;

/// All rows, in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Report(Vec<ReportRow>);

/// One line of the table.
pub(crate) struct ReportRow {
    /// The measured work.
    pub(crate) work: String,
    /// The engine.
    pub(crate) engine: Engine,
    /// The unit of the numbers.
    pub(crate) unit: Unit,
    /// The result of the released program.
    pub(crate) measured: Spread,
    /// The result of the yardstick, in the same runs.
    pub(crate) yardstick: Option<Spread>,
    /// The limit.
    pub(crate) limit: Option<Limit>,
    /// A note for readers of the table.
    pub(crate) note: String,
    /// More numbers, for the JSON only.
    pub(crate) details: Value,
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Mebibytes,
    PerSecond,
}

/// A limit, for the ratio to the yardstick or for the number itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    RatioAtMost(f64),
    RatioAtLeast(f64),
    AtMost(f64),
}

/// The numbers of several runs, sorted.
#[derive(Clone)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(f64::total_cmp);
        Self(numbers)
    }

    /// For an even number of runs, the larger one of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    pub(crate) fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or_default()
    }

    fn text(&self, unit: Unit) -> String {
        let least = self.0.first().copied().unwrap_or_default();
        let (median, most) = (self.median(), self.most());
        let (places, name) = match unit {
            Unit::Seconds => (3, " s"),
            Unit::Milliseconds => (2, " ms"),
            Unit::Mebibytes => (1, " MiB"),
            Unit::PerSecond if median >= 100.0 => (0, "/s"),
            Unit::PerSecond => (2, "/s"),
        };
        if self.0.len() < 2 {
            return format!("{median:.places$}{name}");
        }
        format!("{median:.places$}{name} ({least:.places$} to {most:.places$})")
    }
}

impl Limit {
    fn text(self, unit: Unit) -> String {
        match self {
            Self::RatioAtMost(limit) => format!("at most {limit:.2} x"),
            Self::RatioAtLeast(limit) => format!("at least {limit:.2} x"),
            Self::AtMost(limit) if unit == Unit::Mebibytes => format!("at most {limit:.0} MiB"),
            Self::AtMost(limit) => format!("at most {limit:.0} ms"),
        }
    }
}

impl ReportRow {
    /// The ratio of the medians.
    fn ratio(&self) -> Option<f64> {
        let yardstick = self.yardstick.as_ref()?;
        Some(self.measured.median() / yardstick.median())
    }

    /// Whether the limit was kept. For memory the maximum counts instead of the median.
    fn holds(&self) -> Option<bool> {
        let ratio = self.ratio();
        Some(match self.limit? {
            Limit::RatioAtMost(limit) => ratio.is_some_and(|ratio| ratio <= limit),
            Limit::RatioAtLeast(limit) => ratio.is_some_and(|ratio| ratio >= limit),
            Limit::AtMost(limit) if self.unit == Unit::Mebibytes => self.measured.most() <= limit,
            Limit::AtMost(limit) => self.measured.median() <= limit,
        })
    }

    fn text(&self) -> String {
        let none = || "-".to_owned();
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            self.work,
            self.engine.name(),
            self.measured.text(self.unit),
            self.yardstick
                .as_ref()
                .map_or_else(none, |yardstick| yardstick.text(self.unit)),
            self.ratio().map_or_else(none, |ratio| format!("{ratio:.2} x")),
            self.limit.map_or_else(none, |limit| limit.text(self.unit)),
            self.holds().map_or("-", |holds| if holds { "yes" } else { "**no**" }),
            self.note,
        )
    }

    fn json(&self) -> Value {
        json!({
            "work": self.work, "engine": self.engine.name(), "unit": format!("{:?}", self.unit),
            "median": self.measured.median(), "measured": self.measured.0,
            "yardstick": self.yardstick.as_ref().map(|yardstick| &yardstick.0), "ratio": self.ratio(),
            "limit": self.limit.map(|limit| limit.text(self.unit)), "holds": self.holds(),
            "note": self.note, "details": self.details,
        })
    }
}

impl Report {
    /// Adds a line and prints it.
    pub(crate) fn add(&mut self, row: ReportRow) {
        eprintln!("{}", row.text());
        self.0.push(row);
    }

    /// A Markdown table, with the engines of one work side by side.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from(
            "| work | engine | campus-backup | yardstick | ratio | limit | holds | remarks |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for row in self.grouped() {
            let _ = writeln!(table, "{}", row.text());
        }
        table
    }

    pub(crate) fn json(&self) -> Vec<Value> {
        self.grouped().into_iter().map(ReportRow::json).collect()
    }

    fn grouped(&self) -> Vec<&ReportRow> {
        let first = |row: &&ReportRow| self.0.iter().position(|other| other.work == row.work);
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(first);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(unit: Unit, measured: &[f64], yardstick: &[f64], limit: Limit) -> ReportRow {
        ReportRow {
            work: "a work".to_owned(),
            engine: Engine::Sqlite,
            unit,
            measured: Spread::of(measured.to_vec()),
            yardstick: (!yardstick.is_empty()).then(|| Spread::of(yardstick.to_vec())),
            limit: Some(limit),
            note: String::new(),
            details: Value::Null,
        }
    }

    #[test]
    fn ratio_compares_the_medians() {
        let limit = Limit::RatioAtMost(0.25);
        let row = row(Unit::Seconds, &[0.9, 0.2, 0.1], &[0.8, 5.0, 0.1], limit);
        assert_eq!(row.holds(), Some(true));
        let text = "| a work | SQLite | 0.200 s (0.100 to 0.900) | 0.800 s (0.100 to 5.000) | 0.25 x | at most 0.25 x | yes |  |";
        assert_eq!(row.text(), text);
    }

    #[test]
    fn promise_without_its_yardstick_fails() {
        let row = row(Unit::PerSecond, &[5.0], &[], Limit::RatioAtLeast(1.5));
        assert_eq!(row.holds(), Some(false));
    }

    #[test]
    fn highest_memory_counts() {
        let row = row(Unit::Mebibytes, &[1.0, 1.0, 17.0], &[], Limit::AtMost(16.0));
        assert_eq!(row.holds(), Some(false));
    }
}
