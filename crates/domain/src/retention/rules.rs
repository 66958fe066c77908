//! What stays and what is deleted: rules without a clock, a database or a store.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::policy::RetentionPolicy;
use crate::destination::RetainedCopy;

/// How far the clocks of several machines may differ.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// One stored archive, as far as retention is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFact {
    /// Its id.
    pub id: String,
    /// The moment of its data.
    pub created_at: DateTime<Utc>,
    /// The stored size.
    pub bytes: u64,
    /// How it came into the store.
    pub class: ArchiveClass,
    /// Whether it is a good backup.
    pub condition: ArchiveCondition,
    /// Why it may not be deleted, whatever the policy says: protected, in use, needed for an undo.
    pub guards: BTreeSet<KeepReason>,
    /// Since when the store refuses to delete it; none if that was not tried, or worked.
    pub retained_since: Option<DateTime<Utc>>,
    /// When the store last refused it.
    pub retained_checked_at: Option<DateTime<Utc>>,
}

/// How an archive came into the store, as far as this installation can prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveClass {
    /// This installation has created it. Only these are counted.
    Created,
    /// A safety backup of this installation.
    Safety,
    /// A person has uploaded it.
    Uploaded,
    /// Nothing proves its origin.
    Found,
}

/// Whether an archive is a good backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveCondition {
    /// It was checked when it was created.
    Good,
    /// It was verified since.
    Verified,
    /// Its rows or sums fell, and no administrator has accepted that.
    Suspicious,
    /// Its last verification failed.
    Damaged,
}

/// All facts that a plan depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionFacts {
    /// The archives, in any order.
    pub archives: Vec<ArchiveFact>,
    /// The ids of entries of the store that can't be read.
    pub unreadable: Vec<String>,
    /// Why the latest backup failed, if it did.
    pub failure: Option<String>,
    /// Copies of deleted archives that their destinations refuse to delete.
    pub retained_copies: Vec<RetainedCopy>,
}

/// Why an archive stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepReason {
    /// It is one of the last ones, by `keep_last`.
    Last,
    /// It is the newest one of its hour.
    Hourly,
    /// It is the newest one of its day.
    Daily,
    /// It is the newest one of its week.
    Weekly,
    /// It is the newest one of its month.
    Monthly,
    /// It is the newest one of its year.
    Yearly,
    /// It is one of the newest, by `min_keep`.
    Minimum,
    /// It is the newest good backup.
    Newest,
    /// It is the newest verified backup.
    NewestVerified,
    /// It is protected from deletion.
    Protected,
    /// It was uploaded. Only people delete uploaded archives.
    Uploaded,
    /// It was found in the store. Only people delete archives of unknown origin.
    Found,
    /// A job or a scheduled run uses it.
    InUse,
    /// A clear can be undone with it.
    UndoPossible,
    /// It is a safety backup that is not old enough.
    SafetyDays,
    /// It looks suspicious, and no administrator has accepted it.
    Suspicious,
    /// Its last verification failed.
    Damaged,
    /// Its manifest can't be read.
    Unreadable,
}

impl KeepReason {
    /// Whether it is a rule of the policy, which `max_bytes` may overrule.
    fn is_rule(self) -> bool {
        self <= Self::Yearly
    }
}

/// Why an archive is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeleteReason {
    /// No rule of the policy keeps it.
    NoRule,
    /// A rule would keep it, but the backups exceed `max_bytes`.
    MaxBytes,
    /// It is a safety backup, older than `safety_days`, and no undo needs it.
    SafetyExpired,
}

/// What an application of a policy does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RetentionPlan {
    /// The archives that stay, the newest first.
    pub keep: Vec<KeptArchive>,
    /// The archives that are deleted, the newest first.
    pub delete: Vec<ArchiveToDelete>,
    /// The stored size of the archives that are deleted.
    pub frees_bytes: u64,
    /// Why nothing is deleted now, if so.
    #[schema(required = true)]
    pub held: Option<RetentionHold>,
    /// Names the policy and the decisions of this plan.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub plan_hash: String,
    /// Copies of archives that were deleted before, and that their destinations refuse to delete: the newest 100.
    pub retained_copies: Vec<RetainedCopy>,
}

/// An archive that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeptArchive {
    /// Its id.
    pub id: String,
    /// Why it stays.
    pub reasons: BTreeSet<KeepReason>,
}

/// An archive that is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ArchiveToDelete {
    /// Its id.
    pub id: String,
    /// Its stored size.
    pub bytes: u64,
    /// Why it is deleted.
    pub reason: DeleteReason,
    /// Since when the store refuses to delete it. `null` if that was not tried, or if the store did not refuse it.
    #[schema(required = true)]
    pub retained_since: Option<DateTime<Utc>>,
    /// When the store last refused it.
    #[serde(skip)]
    #[schema(ignore)]
    pub retained_checked_at: Option<DateTime<Utc>>,
}

/// Why no archive is deleted for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RetentionHold {
    /// The reason, for programs.
    pub code: HoldCode,
    /// The reason in words, and what to do.
    #[schema(example = "The latest backup failed: The disk is full. Old backups stay until a backup succeeds.")]
    pub detail: String,
}

/// The kind of reason why no archive is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldCode {
    /// The latest backup failed, and none has succeeded since.
    LatestBackupFailed,
    /// The newest backup looks suspicious, and no administrator has accepted it.
    LatestBackupSuspicious,
    /// The clock shows a time before the newest backup.
    ClockBehind,
}

/// Makes the plan of a policy, at the time `now`, with the periods of a time zone.
///
/// 1. Of the archives that this installation has created, those count that are good and not protected.
/// 2. `keep_last` and `min_keep` keep the newest of them. Each other rule keeps the newest one of each of its last periods that
///    have one.
/// 3. While the kept ones exceed `max_bytes`, the oldest one that only such rules keep is deleted.
/// 4. The newest good archive and the newest verified one stay, and everything with a reason of its own.
/// 5. Safety backups are deleted when they are older than `safety_days`, unless they have another reason to stay.
pub fn plan(facts: &RetentionFacts, policy: &RetentionPolicy, zone: Tz, now: DateTime<Utc>) -> RetentionPlan {
    let mut archives: Vec<&ArchiveFact> = facts.archives.iter().collect();
    archives.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    let mut reasons: Vec<_> = archives
        .iter()
        .map(|archive| own_reasons(archive, policy, now))
        .collect();
    let good: Vec<usize> = (0..archives.len()).filter(|at| archives[*at].is_good()).collect();
    let newest_verified = good
        .iter()
        .find(|at| archives[**at].condition == ArchiveCondition::Verified);
    for (found, reason) in [
        (good.first(), KeepReason::Newest),
        (newest_verified, KeepReason::NewestVerified),
    ] {
        found.map(|at| reasons[*at].insert(reason));
    }
    let is_counted = |at: &usize| !archives[*at].guards.contains(&KeepReason::Protected);
    let counted: Vec<usize> = good.into_iter().filter(is_counted).collect();
    for (at, reason) in kept_by_rules(&archives, &counted, policy, zone) {
        reasons[at].insert(reason);
    }
    let over = over_max_bytes(&archives, &counted, policy, &mut reasons);

    let (mut keep, mut delete) = (Vec::new(), Vec::new());
    for (at, (archive, reasons)) in archives.iter().zip(reasons).enumerate() {
        let id = archive.id.clone();
        if !reasons.is_empty() {
            keep.push(KeptArchive { id, reasons });
            continue;
        }
        delete.push(ArchiveToDelete {
            id,
            bytes: archive.bytes,
            reason: match archive.class {
                ArchiveClass::Safety => DeleteReason::SafetyExpired,
                _ if over.contains(&at) => DeleteReason::MaxBytes,
                _ => DeleteReason::NoRule,
            },
            retained_since: archive.retained_since,
            retained_checked_at: archive.retained_checked_at,
        });
    }
    keep.extend(facts.unreadable.iter().map(|id| KeptArchive {
        id: id.clone(),
        reasons: BTreeSet::from([KeepReason::Unreadable]),
    }));
    RetentionPlan {
        frees_bytes: delete.iter().map(|archive| archive.bytes).sum(),
        held: hold(facts, now),
        plan_hash: hash(policy, &keep, &delete),
        keep,
        delete,
        retained_copies: facts.retained_copies.clone(),
    }
}

/// The newest good archive and the newest verified one, which may be the same.
pub(crate) fn newest_good(archives: &[ArchiveFact]) -> (Option<&ArchiveFact>, Option<&ArchiveFact>) {
    let newest = |is_it: fn(&ArchiveFact) -> bool| {
        let found = archives.iter().filter(|archive| archive.is_good() && is_it(archive));
        found.max_by_key(|archive| (archive.created_at, &archive.id))
    };
    (
        newest(|_| true),
        newest(|archive| archive.condition == ArchiveCondition::Verified),
    )
}

/// Whether an archive is a good backup of this installation.
pub(crate) fn is_good(class: ArchiveClass, condition: ArchiveCondition) -> bool {
    class == ArchiveClass::Created && matches!(condition, ArchiveCondition::Good | ArchiveCondition::Verified)
}

impl ArchiveFact {
    fn is_good(&self) -> bool {
        is_good(self.class, self.condition)
    }
}

/// The reasons that don't depend on other archives.
fn own_reasons(archive: &ArchiveFact, policy: &RetentionPolicy, now: DateTime<Utc>) -> BTreeSet<KeepReason> {
    let mut reasons = archive.guards.clone();
    reasons.extend(match (archive.class, archive.condition) {
        (ArchiveClass::Uploaded, _) => Some(KeepReason::Uploaded),
        (ArchiveClass::Found, _) => Some(KeepReason::Found),
        (ArchiveClass::Safety, _) => {
            let is_young = now - archive.created_at < TimeDelta::days(policy.safety_days.into());
            is_young.then_some(KeepReason::SafetyDays)
        }
        (ArchiveClass::Created, ArchiveCondition::Suspicious) => Some(KeepReason::Suspicious),
        (ArchiveClass::Created, ArchiveCondition::Damaged) => Some(KeepReason::Damaged),
        (ArchiveClass::Created, ArchiveCondition::Good | ArchiveCondition::Verified) => None,
    });
    reasons
}

/// A period, such that a later one is greater.
type Period = (i32, u32, u32);

/// The positions of the archives that rules keep. `counted` is the newest first.
fn kept_by_rules(
    archives: &[&ArchiveFact],
    counted: &[usize],
    policy: &RetentionPolicy,
    zone: Tz,
) -> Vec<(usize, KeepReason)> {
    let count = |rule: u32| usize::try_from(rule).unwrap_or(usize::MAX);
    let mut kept = Vec::new();
    for (rule, reason) in [
        (policy.keep_last, KeepReason::Last),
        (policy.min_keep, KeepReason::Minimum),
    ] {
        kept.extend(counted.iter().take(count(rule)).map(|at| (*at, reason)));
    }
    type PeriodOf = fn(&DateTime<Tz>) -> Period;
    let rules: [(u32, KeepReason, PeriodOf); 5] = [
        (policy.hourly, KeepReason::Hourly, |at| {
            (at.year(), at.ordinal(), at.hour())
        }),
        (policy.daily, KeepReason::Daily, |at| (at.year(), at.ordinal(), 0)),
        (policy.weekly, KeepReason::Weekly, |at| {
            let week = at.iso_week();
            (week.year(), week.week(), 0)
        }),
        (policy.monthly, KeepReason::Monthly, |at| (at.year(), at.month(), 0)),
        (policy.yearly, KeepReason::Yearly, |at| (at.year(), 0, 0)),
    ];
    for (rule, reason, period_of) in rules {
        let mut newest = BTreeMap::<Period, usize>::new();
        for at in counted {
            let period = period_of(&archives[*at].created_at.with_timezone(&zone));
            newest.entry(period).or_insert(*at);
        }
        kept.extend(newest.values().rev().take(count(rule)).map(|at| (*at, reason)));
    }
    kept
}

/// Takes the reasons from the oldest archives that only rules keep, until the others are not larger than `max_bytes`. Returns
/// their positions.
fn over_max_bytes(
    archives: &[&ArchiveFact],
    counted: &[usize],
    policy: &RetentionPolicy,
    reasons: &mut [BTreeSet<KeepReason>],
) -> BTreeSet<usize> {
    let Some(max_bytes) = policy.max_bytes else {
        return BTreeSet::new();
    };
    let kept: Vec<usize> = counted.iter().copied().filter(|at| !reasons[*at].is_empty()).collect();
    let mut bytes: u128 = kept.iter().map(|at| u128::from(archives[*at].bytes)).sum();
    let mut over = BTreeSet::new();
    for at in kept.into_iter().rev() {
        if bytes <= u128::from(max_bytes) {
            break;
        }
        if reasons[at].iter().all(|reason| reason.is_rule()) {
            reasons[at].clear();
            bytes -= u128::from(archives[at].bytes);
            over.insert(at);
        }
    }
    over
}

/// Why nothing may be deleted now.
fn hold(facts: &RetentionFacts, now: DateTime<Utc>) -> Option<RetentionHold> {
    let own = facts
        .archives
        .iter()
        .filter(|archive| matches!(archive.class, ArchiveClass::Created | ArchiveClass::Safety));
    let latest = own.clone().max_by_key(|archive| (archive.created_at, &archive.id));
    if let Some(latest) = latest.filter(|latest| latest.created_at > now + CLOCK_TOLERANCE) {
        let detail = format!(
            "The clock of the service shows {}, and the newest backup is from {}. Old backups stay until the clock is right.",
            moment(now),
            moment(latest.created_at)
        );
        let code = HoldCode::ClockBehind;
        return Some(RetentionHold { code, detail });
    }
    if let Some(failure) = &facts.failure {
        let detail = format!("The latest backup failed: {failure} Old backups stay until a backup succeeds.");
        let code = HoldCode::LatestBackupFailed;
        return Some(RetentionHold { code, detail });
    }
    let created = own.filter(|archive| archive.class == ArchiveClass::Created);
    let latest = created.max_by_key(|archive| (archive.created_at, &archive.id))?;
    (latest.condition == ArchiveCondition::Suspicious).then(|| RetentionHold {
        code: HoldCode::LatestBackupSuspicious,
        detail: format!(
            "The backup of {} has far fewer rows or less money than the backups before it, or could not be compared with \
             them. Old backups stay until an administrator accepts it.",
            moment(latest.created_at)
        ),
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn hash(policy: &RetentionPolicy, keep: &[KeptArchive], delete: &[ArchiveToDelete]) -> String {
    let keep: Vec<_> = keep.iter().map(|archive| &archive.id).collect();
    let delete: Vec<_> = delete.iter().map(|archive| (&archive.id, archive.bytes)).collect();
    let decisions = json!({"policy": policy, "keep": keep, "delete": delete});
    hex::encode(Sha256::digest(decisions.to_string()))
}

#[cfg(test)]
mod tests;
