//! Retention: archives that no rule of a policy keeps are deleted, by request and by the service itself.
//!
//! **Nothing is deleted that may be needed.** A plan never deletes the newest good backup, the newest verified one, and what is
//! protected, in use, needed for an undo, suspicious, damaged, unreadable, uploaded or of unknown origin. It is
//! [held](RetentionHold) while the latest backup failed or looks suspicious, and while the clock is behind: then nothing at
//! all is deleted.
//!
//! **A preview is what happens.** A plan has a hash of the policy and the decisions. Applying it needs the hash, and is refused
//! if the plan is another one by now.
//!
//! **The plan is made again before each deletion**, by the job that deletes, from one listing and from what may have changed
//! since. An archive that has got a reason to stay in the meantime stays. A job ends early if the policy was changed. So several
//! copies of the service can apply a policy at the same time, and a job can be killed at any point: the next one makes its own
//! plan.
//!
//! **By itself** the service applies the policy after each backup, and once an hour. The copy that replaces the row of the
//! last time does it ([`Retention::step`]).
//!
//! In reading order: [`policy`] has the counts, [`rules`] the plan, without a clock or a database; `stored` reads and writes the
//! policy; [`manage`] is for administrators, and `apply` deletes. `operations::facts` has what a plan depends on.

mod apply;
mod manage;
mod policy;
mod rules;
mod stored;

pub use self::manage::{Retention, RetentionDetails};
pub use self::policy::RetentionPolicy;
pub use self::rules::{
    ArchiveClass, ArchiveCondition, ArchiveFact, ArchiveToDelete, DeleteReason, HoldCode, KeepReason, KeptArchive,
    RetentionFacts, RetentionHold, RetentionPlan, plan,
};
pub(crate) use self::rules::{is_good, newest_good};
