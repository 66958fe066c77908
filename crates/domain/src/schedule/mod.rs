//! Schedules: backups at certain times, without a request.
//!
//! [`Schedules`] is what administrators do with them, and [`ScheduleRunner`] makes their runs. Both write nothing but their
//! own two tables; a backup or a verification is a [job](crate::job) of the service itself.
//!
//! **Each due run happens once.** A schedule has the time of its next run. When that time has come, one transaction sets the
//! next one, if it is still the old one, and inserts the run. Of several copies of the service, one does that, and the table
//! has no two runs of one schedule and one time. The run's job has an idempotency key of schedule and time, so two copies
//! that start it, or one that was killed in between, get one job and one archive.
//!
//! **States.** A run is `waiting` until its job begins, `running` and perhaps `verifying` while it does, and then
//! `succeeded`. A fault makes it wait for the next attempt, and after the last one it has `failed`. Each change of a state
//! is one conditional update in [`transition`], and nowhere else.
//!
//! **Outages.** Of the runs that were due while no copy of the service ran, the last is caught up, if it is not older than
//! [`RunnerSettings::catch_up`]; otherwise it is `missed`. A schedule has one run at a time: what is due while a run of it
//! is in progress is caught up after it.
//!
//! **Clocks.** If the clock is set back, the next run is moved to the first time after now that has no run: no run is lost,
//! and none is made twice.
//!
//! In reading order: [`cron`] has the times, and [`due`] what is due; [`transition`] writes; [`executor`] starts jobs;
//! [`runner`] does one step after another; [`manage`] is for administrators, and [`view`] what they see;
//! [`status`] is for the health.

pub mod cron;
mod due;
mod executor;
mod manage;
mod runner;
mod status;
mod transition;
mod view;

pub use self::cron::{Preset, Timetable};
pub use self::executor::{BackupOrder, JobOutcome, RunExecutor, VerificationOrder};
pub use self::manage::{NewSchedule, SchedulePatch, Schedules};
pub use self::runner::{RunnerSettings, ScheduleRunner};
pub(crate) use self::status::{ScheduleStatus, ScheduleStatuses};
pub(crate) use self::view::archives_of;
pub use self::view::{LastRun, ScheduleDetails, SchedulePage};
pub use crate::entity::schedule::Verify;
pub use crate::entity::schedule_run::RunState;
