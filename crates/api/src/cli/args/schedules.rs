//! The arguments of `campus-backup schedule`.

use clap::{Args, Subcommand};

use crate::cli::args::archives::Acting;
use crate::cli::args::examples::{SCHEDULE_CREATE_EXAMPLES, SCHEDULE_EDIT_EXAMPLES, SCHEDULE_RUN_EXAMPLES};

/// The subcommands of `schedule`. They work whether the service runs or not; only the service makes the runs.
#[derive(Debug, Subcommand)]
pub enum Schedule {
    /// List the schedules with their next run and the last one.
    List {
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Show a schedule with its next five runs and the last one.
    Show {
        /// The schedule's name or id.
        #[arg(value_name = "NAME|ID")]
        schedule: String,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Create a schedule. The running service makes a backup at each of its times.
    #[command(after_help = SCHEDULE_CREATE_EXAMPLES)]
    Create {
        /// A name that no other schedule has.
        name: String,
        /// The times.
        #[command(flatten)]
        times: ScheduleTimes,
        /// Label of the archives [default: the schedule's name].
        #[arg(long)]
        label: Option<String>,
        /// Verification of each new archive: none, digest or test_restore.
        #[arg(long, value_name = "LEVEL", default_value = "none")]
        verify: String,
        /// Create it, and make no runs of it yet.
        #[arg(long)]
        disabled: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Edit a schedule. What is not named stays as it is.
    #[command(after_help = SCHEDULE_EDIT_EXAMPLES)]
    Edit {
        /// The schedule's name or id.
        #[arg(value_name = "NAME|ID")]
        schedule: String,
        /// Another name.
        #[arg(long)]
        name: Option<String>,
        /// Other times.
        #[command(flatten)]
        times: ScheduleTimes,
        /// Label of the archives.
        #[arg(long, conflicts_with = "no_label")]
        label: Option<String>,
        /// Use the schedule's name as the label of the archives.
        #[arg(long)]
        no_label: bool,
        /// Verification of each new archive: none, digest or test_restore.
        #[arg(long, value_name = "LEVEL")]
        verify: Option<String>,
        /// Make its runs again.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Make no more runs of it.
        #[arg(long)]
        disable: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Delete a schedule. Its archives stay.
    Delete {
        /// The schedule's name or id.
        #[arg(value_name = "NAME|ID")]
        schedule: String,
        /// Do not ask for confirmation. Required where there is no terminal to ask on.
        #[arg(long)]
        yes: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Create a backup with a schedule's label now. The schedule's own runs do not change.
    #[command(after_help = SCHEDULE_RUN_EXAMPLES)]
    Run {
        /// The schedule's name or id.
        #[arg(value_name = "NAME|ID")]
        schedule: String,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
}

/// The times of a schedule.
#[derive(Clone, Debug, Args)]
pub struct ScheduleTimes {
    /// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "preset")]
    pub cron: Option<String>,
    /// hourly, daily (02:00), weekly (Sunday 02:00) or monthly (first day 02:00), in place of an expression.
    #[arg(long, value_name = "PRESET")]
    pub preset: Option<String>,
    /// Time zone of the expression, such as `Europe/Berlin` [default: the school's time zone].
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
}
