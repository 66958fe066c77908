//! The retention policy: how many archives stay.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, Result};

/// The largest count of a rule.
const MAX_COUNT: u32 = 10_000;

/// The largest number of days for safety backups.
const MAX_SAFETY_DAYS: u32 = 3_650;

/// The largest size: 2^53 - 1, the largest whole number that JavaScript has.
const MAX_BYTES: u64 = (1 << 53) - 1;

/// Which backups stay. Each rule keeps the newest backup of each of its last periods that have one. A backup that no rule keeps
/// is deleted. Periods are those of the school's time zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "keep_last": 3, "hourly": 0, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 3, "min_keep": 3,
    "max_bytes": 107_374_182_400_u64, "safety_days": 30,
}))]
pub struct RetentionPolicy {
    /// How many of the newest backups stay.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000)]
    pub keep_last: u32,
    /// For how many hours the newest backup of the hour stays.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000)]
    pub hourly: u32,
    /// For how many days the newest backup of the day stays.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000)]
    pub daily: u32,
    /// For how many weeks the newest backup of the week stays. A week begins on Monday.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000)]
    pub weekly: u32,
    /// For how many months the newest backup of the month stays.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000)]
    pub monthly: u32,
    /// For how many years the newest backup of the year stays.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000)]
    pub yearly: u32,
    /// How many of the newest backups stay in any case, also if they exceed `max_bytes`. The default is 1.
    #[serde(default = "default_min_keep")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub min_keep: u32,
    /// How many bytes the backups of these rules may have together. The oldest ones are deleted first. `null` is no limit.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_usize)]
    pub max_bytes: Option<u64>,
    /// For how many days a safety backup stays. It stays longer while its clear can be undone. The default is 30.
    #[serde(default = "default_safety_days")]
    #[schema(minimum = 0, maximum = 3_650)]
    pub safety_days: u32,
}

fn default_min_keep() -> u32 {
    1
}

fn default_safety_days() -> u32 {
    30
}

impl Default for RetentionPolicy {
    /// No rule keeps an archive; such a policy is refused.
    fn default() -> Self {
        Self {
            keep_last: 0,
            hourly: 0,
            daily: 0,
            weekly: 0,
            monthly: 0,
            yearly: 0,
            min_keep: default_min_keep(),
            max_bytes: None,
            safety_days: default_safety_days(),
        }
    }
}

impl RetentionPolicy {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field; `keep_last` if no rule keeps a backup.
    pub fn check(&self) -> Result<()> {
        let rules = self.rules();
        for (field, count) in rules.into_iter().chain([("min_keep", self.min_keep)]) {
            check_range(field, count, MAX_COUNT)?;
        }
        check_range("safety_days", self.safety_days, MAX_SAFETY_DAYS)?;
        if self.min_keep == 0 {
            return invalid("min_keep", "must be at least 1");
        }
        if self.max_bytes.is_some_and(|bytes| !(1..=MAX_BYTES).contains(&bytes)) {
            return invalid("max_bytes", format!("must be 1 to {MAX_BYTES}"));
        }
        match rules.iter().all(|(_, count)| *count == 0) {
            true => invalid(
                "keep_last",
                "must be at least 1, or another rule must keep a backup: this policy would keep none",
            ),
            false => Ok(()),
        }
    }

    fn rules(&self) -> [(&'static str, u32); 6] {
        [
            ("keep_last", self.keep_last),
            ("hourly", self.hourly),
            ("daily", self.daily),
            ("weekly", self.weekly),
            ("monthly", self.monthly),
            ("yearly", self.yearly),
        ]
    }
}

fn check_range(field: &'static str, count: u32, most: u32) -> Result<()> {
    match count > most {
        true => invalid(field, format!("must be {most} at most")),
        false => Ok(()),
    }
}

fn invalid(field: &'static str, problem: impl Into<String>) -> Result<()> {
    Err(Error::Invalid {
        field,
        problem: problem.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_policies_are_refused() {
        let daily = RetentionPolicy {
            daily: 7,
            ..RetentionPolicy::default()
        };
        daily.check().unwrap();
        for (policy, named) in [
            (RetentionPolicy::default(), "keep_last"),
            (
                RetentionPolicy {
                    min_keep: 0,
                    ..daily.clone()
                },
                "min_keep",
            ),
            (
                RetentionPolicy {
                    daily: 10_001,
                    ..daily.clone()
                },
                "daily",
            ),
            (
                RetentionPolicy {
                    max_bytes: Some(0),
                    ..daily.clone()
                },
                "max_bytes",
            ),
            (
                RetentionPolicy {
                    max_bytes: Some(1 << 53),
                    ..daily.clone()
                },
                "max_bytes",
            ),
            (
                RetentionPolicy {
                    safety_days: 3_651,
                    ..daily
                },
                "safety_days",
            ),
        ] {
            let refused = policy.check();
            assert!(
                matches!(refused, Err(Error::Invalid { field, .. }) if field == named),
                "{policy:?}"
            );
        }
    }
}
