//! Limits sign-in attempts for each account and for each address. Allowances refill slowly.
//!
//! The limits apply to one process. They are checked before a password is hashed: a refusal here costs a hundredth of a
//! hash.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::invalid;
use crate::error::{Error, Result};

/// The limits for sign-in attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginLimits {
    /// For one user name, whether it exists or not, from one address. From all addresses together a name has ten times
    /// as many attempts, refilled ten times as fast. So guessing from many addresses is limited, and one attacker can't
    /// lock out the owner. On a network where the account has signed in recently, only its allowance for that network
    /// counts.
    pub account: Allowance,
    /// For one address. For IPv6, for one network of 64 bits, which is what one customer has.
    pub address: Allowance,
}

/// A number of attempts that refills over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many attempts at once.
    pub burst: u32,
    /// The time after which one more attempt is admitted.
    pub refill: Duration,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            account: Allowance {
                burst: 10,
                refill: Duration::from_secs(6),
            },
            address: Allowance {
                burst: 30,
                refill: Duration::from_secs(1),
            },
        }
    }
}

/// After this number of attempts, entries with a full allowance are removed. So the memory is bounded by the attempts
/// of the last minutes, which the limits bound.
const SWEEP_EVERY: u32 = 1024;

/// How many times larger the allowance of a name is for all addresses than for one.
const EVERYWHERE: u32 = 10;

pub(super) struct Limiter<C: Clock = DefaultClock> {
    accounts: Buckets<C>,
    accounts_everywhere: Buckets<C>,
    addresses: Buckets<C>,
    // Keys are hashes: they have a fixed size, and a client can't choose two names with the same hash.
    hasher: RandomState,
    attempts: AtomicU32,
    clock: C,
}

type Buckets<C> = RateLimiter<u64, DashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;

impl Limiter {
    pub(super) fn new(limits: LoginLimits) -> Result<Self> {
        Self::with_clock(limits, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limiter<C> {
    fn with_clock(limits: LoginLimits, clock: C) -> Result<Self> {
        let account = quota("login_burst_account", limits.account)?;
        let wider = Allowance {
            burst: limits.account.burst.saturating_mul(EVERYWHERE),
            refill: limits.account.refill / EVERYWHERE,
        };
        let everywhere = quota("login_burst_account", wider)?;
        let address = quota("login_burst_address", limits.address)?;
        Ok(Self {
            accounts: RateLimiter::dashmap_with_clock(account, clock.clone()),
            accounts_everywhere: RateLimiter::dashmap_with_clock(everywhere, clock.clone()),
            addresses: RateLimiter::dashmap_with_clock(address, clock.clone()),
            hasher: RandomState::new(),
            attempts: AtomicU32::new(0),
            clock,
        })
    }

    /// Counts an attempt from an address. The address is checked first, so that one address can't use up an account's
    /// allowance faster than its own.
    ///
    /// # Errors
    /// [`Error::TooManyLogins`] with the time after which the next attempt is admitted.
    pub(super) fn admit(&self, username: &str, address: IpAddr) -> Result<()> {
        if self.attempts.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            for buckets in [&self.accounts, &self.accounts_everywhere, &self.addresses] {
                buckets.retain_recent();
                buckets.shrink_to_fit();
            }
        }
        let network = network(address);
        self.take(&self.addresses, self.hasher.hash_one(network))?;
        self.take(&self.accounts, self.hasher.hash_one((account(username), network)))
    }

    /// Counts the same attempt for all addresses together. Call it only after [`Limiter::admit`] has admitted the
    /// attempt.
    ///
    /// # Errors
    /// As [`Limiter::admit`].
    pub(super) fn admit_from_everywhere(&self, username: &str) -> Result<()> {
        self.take(&self.accounts_everywhere, self.hasher.hash_one(account(username)))
    }

    fn take(&self, buckets: &Buckets<C>, key: u64) -> Result<()> {
        buckets.check_key(&key).map_err(|refusal| Error::TooManyLogins {
            retry_after: refusal.wait_time_from(self.clock.now()),
        })
    }
}

fn quota(field: &'static str, allowance: Allowance) -> Result<Quota> {
    NonZeroU32::new(allowance.burst)
        .zip(Quota::with_period(allowance.refill))
        .map(|(burst, quota)| quota.allow_burst(burst))
        .ok_or_else(|| invalid(field, "must admit at least one attempt and refill in some time"))
}

/// Names that differ only in case or in outer spaces count as one account, so that other spellings give no more
/// attempts.
fn account(username: &str) -> String {
    username.trim().to_lowercase()
}

/// An IPv4 address, also one that is written as IPv6, unchanged; of IPv6 the first 64 bits.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limiter(account: u32, address: u32) -> Limiter<FakeRelativeClock> {
        let allowance = |burst| Allowance {
            burst,
            refill: Duration::from_secs(6),
        };
        let limits = LoginLimits {
            account: allowance(account),
            address: allowance(address),
        };
        Limiter::with_clock(limits, FakeRelativeClock::default()).unwrap()
    }

    fn refused(limiter: &Limiter<FakeRelativeClock>, username: &str, address: &str) -> Option<Duration> {
        let admitted = limiter.admit(username, address.parse().unwrap());
        match admitted.and_then(|()| limiter.admit_from_everywhere(username)) {
            Err(Error::TooManyLogins { retry_after }) => Some(retry_after),
            _ => None,
        }
    }

    #[test]
    fn spellings_of_a_name_share_one_limit() {
        let limiter = limiter(2, 100);
        assert_eq!(refused(&limiter, "admin", "192.0.2.1"), None);
        assert_eq!(refused(&limiter, "Admin", "192.0.2.1"), None);
        let wait = refused(&limiter, " ADMIN ", "192.0.2.1").unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(6), "{wait:?}");
        assert_eq!(refused(&limiter, "another", "192.0.2.1"), None);
        limiter.clock.advance(wait);
        assert_eq!(refused(&limiter, "admin", "192.0.2.1"), None);
    }

    #[test]
    fn guessing_from_one_address_does_not_lock_out_the_owner() {
        let limiter = limiter(2, 100);
        while refused(&limiter, "admin", "192.0.2.1").is_none() {}
        assert_eq!(refused(&limiter, "admin", "192.0.2.2"), None);
    }

    #[test]
    fn guessing_from_many_addresses_is_limited() {
        let limiter = limiter(2, 100);
        let admitted = (1..=100).filter(|host| refused(&limiter, "admin", &format!("192.0.2.{host}")).is_none());
        assert_eq!(admitted.count(), 2 * EVERYWHERE as usize);
    }

    #[test]
    fn address_is_limited_across_accounts() {
        let limiter = limiter(100, 2);
        assert_eq!(refused(&limiter, "a", "2001:db8:0:1::1"), None);
        assert_eq!(refused(&limiter, "b", "2001:db8:0:1:ffff::2"), None);
        assert!(refused(&limiter, "c", "2001:db8:0:1::3").is_some());
        assert_eq!(refused(&limiter, "c", "2001:db8:0:2::3"), None);
        assert_eq!(refused(&limiter, "a", "192.0.2.1"), None);
        assert_eq!(refused(&limiter, "b", "::ffff:192.0.2.1"), None);
        assert!(refused(&limiter, "c", "192.0.2.1").is_some());
    }

    #[test]
    fn entries_with_a_full_allowance_are_removed() {
        let limiter = limiter(5, 1_000_000);
        for number in 0..10 * SWEEP_EVERY {
            limiter.clock.advance(Duration::from_millis(100));
            limiter.admit(&number.to_string(), [192, 0, 2, 1].into()).unwrap();
            limiter.admit_from_everywhere(&number.to_string()).unwrap();
        }
        assert!(limiter.accounts.len() <= SWEEP_EVERY as usize + 100);
        assert!(limiter.accounts_everywhere.len() <= SWEEP_EVERY as usize + 100);
    }

    #[test]
    fn limits_that_admit_no_attempt_are_refused() {
        let mut limits = LoginLimits::default();
        limits.account.burst = 0;
        assert!(Limiter::new(limits).is_err());
        limits = LoginLimits::default();
        limits.address.refill = Duration::ZERO;
        assert!(Limiter::new(limits).is_err());
    }
}
