//! Suspicion: a backup whose rows or money fell by much since the last good ones is marked, and one that could not be compared with
//! them. These are rules without a database.
//!
//! The marked backup is stored like any other, because it may be right: a school ends a year, or removes old courses. An
//! administrator who knows the reason accepts it. Until then it is not a good backup for [`retention`](crate::retention).

use std::collections::BTreeMap;
use std::fmt;

use campus_backup_archive::Manifest;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::plural::counted;

/// A table is not compared if it had fewer rows. One row of few is many percent.
const MIN_ROWS: u64 = 20;

/// What looks wrong about an archive, and whether an administrator has accepted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Suspicion {
    /// What fell, or why nothing could be compared. There is at least one.
    pub findings: Vec<SuspicionFinding>,
    /// When an administrator accepted it, UTC.
    #[schema(required = true)]
    pub accepted_at: Option<DateTime<Utc>>,
    /// The user who accepted it.
    #[schema(required = true)]
    pub accepted_by: Option<String>,
}

/// Rows or a sum that fell by more than the threshold, or why they could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum SuspicionFinding {
    /// The rows of a table.
    Rows(FewerRows),
    /// A sum of money.
    Total(SmallerTotal),
    /// Nothing is known, because the last backups could not be read.
    NotCompared(NotCompared),
}

impl fmt::Display for SuspicionFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(FewerRows { table, before, now }) => {
                write!(f, "{table}: {}, {before} before", counted(*now, "row"))
            }
            Self::Total(SmallerTotal { total, before, now }) => write!(f, "Sum of {total}: {now}, {before} before"),
            Self::NotCompared(NotCompared { not_compared }) => {
                write!(f, "It could not be compared with the last backups: {not_compared}")
            }
        }
    }
}

/// The rows of a table fell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FewerRows {
    /// The table.
    #[schema(example = "students")]
    pub table: String,
    /// The most rows of the last good backups.
    pub before: u64,
    /// The rows of this backup.
    pub now: u64,
}

/// A sum of money fell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SmallerTotal {
    /// The table and the column.
    #[schema(example = "payments.amount_paid")]
    pub total: String,
    /// The largest sum of the last good backups, as an exact decimal.
    #[schema(example = "12610250.00")]
    pub before: String,
    /// The sum of this backup, as an exact decimal.
    #[schema(example = "4410.50")]
    pub now: String,
}

/// A backup that could not be compared with the last good ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotCompared {
    /// Why not.
    #[schema(example = "the store of archives is not available while listing the archives")]
    pub not_compared: String,
}

/// The rows and sums of a backup.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures<'m> {
    rows: &'m BTreeMap<String, u64>,
    totals: &'m BTreeMap<String, String>,
}

impl<'m> From<&'m Manifest> for Figures<'m> {
    fn from(manifest: &'m Manifest) -> Self {
        Self {
            rows: &manifest.rows,
            totals: &manifest.totals,
        }
    }
}

/// Compares a new backup with the last good ones: each table and sum with its largest value among them. A fall by more than
/// `threshold` percent is a finding.
pub(crate) fn findings(new: Figures<'_>, before: &[Figures<'_>], threshold: u8) -> Vec<SuspicionFinding> {
    let mut findings = Vec::new();
    for (table, now) in new.rows {
        let most = before.iter().filter_map(|figures| figures.rows.get(table)).max();
        let Some(before) = most.copied().filter(|before| *before >= MIN_ROWS) else {
            continue;
        };
        if has_fallen(Decimal::from(before), Decimal::from(*now), threshold) {
            let table = table.clone();
            findings.push(SuspicionFinding::Rows(FewerRows {
                table,
                before,
                now: *now,
            }));
        }
    }
    for (total, now) in new.totals {
        let table = total.split_once('.').map_or(total.as_str(), |(table, _)| table);
        let is_large = |figures: &&Figures<'_>| figures.rows.get(table).is_some_and(|rows| *rows >= MIN_ROWS);
        let sums = before
            .iter()
            .filter(is_large)
            .filter_map(|figures| figures.totals.get(total));
        let largest = sums.filter_map(|sum| Some((sum.parse::<Decimal>().ok()?, sum))).max();
        let (Some((before, text)), Ok(sum)) = (largest, now.parse::<Decimal>()) else {
            continue;
        };
        if has_fallen(before, sum, threshold) {
            findings.push(SuspicionFinding::Total(SmallerTotal {
                total: total.clone(),
                before: text.clone(),
                now: now.clone(),
            }));
        }
    }
    findings
}

/// Whether a value fell by more than `threshold` percent. A value that was not positive can't fall.
fn has_fallen(before: Decimal, now: Decimal, threshold: u8) -> bool {
    let hundred = Decimal::ONE_HUNDRED;
    let limit = before
        .checked_mul(hundred - Decimal::from(threshold))
        .and_then(|product| product.checked_div(hundred));
    before > Decimal::ZERO && limit.is_some_and(|limit| now < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = BTreeMap<String, u64>;
    type Totals = BTreeMap<String, String>;

    fn school(students: u64, payments: u64, paid: &str) -> (Rows, Totals) {
        (
            BTreeMap::from([("students".to_owned(), students), ("payments".to_owned(), payments)]),
            BTreeMap::from([("payments.amount_paid".to_owned(), paid.to_owned())]),
        )
    }

    /// The names of what fell.
    fn fallen(new: &(Rows, Totals), before: &[(Rows, Totals)], threshold: u8) -> Vec<String> {
        fn figures(of: &(Rows, Totals)) -> Figures<'_> {
            Figures {
                rows: &of.0,
                totals: &of.1,
            }
        }
        let before: Vec<_> = before.iter().map(figures).collect();
        findings(figures(new), &before, threshold)
            .into_iter()
            .map(|finding| match finding {
                SuspicionFinding::Rows(rows) => format!("{} {} {}", rows.table, rows.before, rows.now),
                SuspicionFinding::Total(sum) => format!("{} {} {}", sum.total, sum.before, sum.now),
                SuspicionFinding::NotCompared(reason) => reason.not_compared,
            })
            .collect()
    }

    #[test]
    fn fall_by_more_than_the_threshold_is_found() {
        let before = [school(100, 1_000, "50000.00")];
        assert_eq!(fallen(&school(100, 1_000, "50000.00"), &before, 30), [""; 0]);
        assert_eq!(fallen(&school(70, 700, "35000.00"), &before, 30), [""; 0]);
        assert_eq!(fallen(&school(69, 700, "35000.00"), &before, 30), ["students 100 69"]);
        assert_eq!(
            fallen(&school(70, 700, "34999.99"), &before, 30),
            ["payments.amount_paid 50000.00 34999.99"]
        );
        assert_eq!(fallen(&school(0, 700, "35000.00"), &before, 100), [""; 0]);
        assert_eq!(fallen(&school(99, 1_000, "50000.00"), &before, 0), ["students 100 99"]);
        assert_eq!(fallen(&school(1_000, 9_000, "90000.00"), &before, 30), [""; 0]);
    }

    #[test]
    fn largest_value_of_the_last_ones_counts() {
        let before = [
            school(80, 100, "1.00"),
            school(100, 100, "9.00"),
            school(90, 100, "10.00"),
        ];
        assert_eq!(
            fallen(&school(69, 100, "6.00"), &before, 30),
            ["students 100 69", "payments.amount_paid 10.00 6.00"]
        );
        assert_eq!(fallen(&school(0, 0, "0.00"), &[], 30), [""; 0]);
    }

    #[test]
    fn small_tables_and_sums_that_were_not_positive_are_ignored() {
        assert_eq!(fallen(&school(0, 0, "0.00"), &[school(19, 19, "5000.00")], 30), [""; 0]);
        assert_eq!(
            fallen(&school(0, 20, "0.00"), &[school(20, 20, "-5.00")], 30),
            ["students 20 0"]
        );
    }

    #[test]
    fn stored_findings_are_read_back() {
        let new = school(1, 30, "1.00");
        let before = [school(100, 30, "2.00")];
        let found = findings(
            Figures {
                rows: &new.0,
                totals: &new.1,
            },
            &[Figures {
                rows: &before[0].0,
                totals: &before[0].1,
            }],
            30,
        );
        let stored = serde_json::to_string(&found).unwrap();
        assert_eq!(
            stored,
            r#"[{"table":"students","before":100,"now":1},{"total":"payments.amount_paid","before":"2.00","now":"1.00"}]"#
        );
        assert_eq!(serde_json::from_str::<Vec<SuspicionFinding>>(&stored).unwrap(), found);
        let not_compared = SuspicionFinding::NotCompared(NotCompared {
            not_compared: "x".to_owned(),
        });
        let stored = serde_json::to_string(&not_compared).unwrap();
        assert_eq!(stored, r#"{"not_compared":"x"}"#);
        assert_eq!(serde_json::from_str::<SuspicionFinding>(&stored).unwrap(), not_compared);
    }
}
