//! The source of every choice of the demo school, and the start of its times.

use chrono::{DateTime, TimeDelta, Utc};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::catalog::Table;

/// Changing it changes every demo school.
const SEED: u64 = 0x0CA4_9B05;

/// Choices that are the same in every run.
///
/// Each table has its own stream, so that the rows of one table can be generated again while those of another are.
/// Numbers are drawn here, because the distributions of `rand` may change with its version.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The choices for one table.
    pub(super) fn of(table: Table) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(SEED);
        generator.set_stream(table as u64);
        Self(generator)
    }

    /// A number below `limit`, or 0 if that is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(limit)) >> 64) as u64
    }

    /// The same, as an id from 1 to `highest`.
    pub(super) fn id(&mut self, highest: i64) -> i64 {
        1 + self.below(highest.unsigned_abs()) as i64
    }

    /// True once in `times`, on average.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of a list that is not empty.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// One of a list with a weight for each entry.
    pub(super) fn weighted<T: Copy>(&mut self, list: &[(u64, T)]) -> T {
        let total = list.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.below(total);
        let mut chosen = list[0].1;
        for (weight, value) in list {
            chosen = *value;
            if drawn < *weight {
                break;
            }
            drawn -= weight;
        }
        chosen
    }

    /// A moment between the two, counted in days from [`term_begins`]. One in eight has microseconds, and some of
    /// those end in zeros or begin with them.
    pub(super) fn moment(&mut self, first_day: i64, last_day: i64) -> DateTime<Utc> {
        const DAY: i64 = 86_400;
        let seconds = self.below(((last_day - first_day) * DAY).unsigned_abs()) as i64;
        let micros = match self.below(8) {
            0 => *self.pick(&[1, 100, 500_000, 999_999, 123_456, 120_000, 987_654]),
            _ => 0,
        };
        term_begins() + TimeDelta::seconds(first_day * DAY + seconds) + TimeDelta::microseconds(micros)
    }
}

/// 2026-07-01T00:00:00Z. All times of the demo school are counted from it, never from today.
pub(super) fn term_begins() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_782_864_000)
}
