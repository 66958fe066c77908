//! The arguments of `campus-backup retention`.

use clap::{Args, Subcommand};

use crate::cli::args::archives::Acting;
use crate::cli::args::examples::{RETENTION_APPLY_EXAMPLES, RETENTION_PREVIEW_EXAMPLES, RETENTION_SET_EXAMPLES};
use crate::settings::units;

/// The largest size: 2^53 - 1 bytes.
const MAX_BYTES: u64 = (1 << 53) - 1;

/// The subcommands of `retention`. They work whether the service runs or not.
#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// Show the policy, why it deletes nothing now if so, and its last application.
    Show {
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Set the policy. A rule that is not named keeps nothing. The running service applies it after the next backup, or in an hour.
    #[command(after_help = RETENTION_SET_EXAMPLES)]
    Set {
        /// The rules.
        #[command(flatten)]
        rules: RetentionRules,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Show what stays and what would be deleted, each with its reasons. With rules, the policy of these rules is tried.
    #[command(after_help = RETENTION_PREVIEW_EXAMPLES)]
    Preview {
        /// The rules.
        #[command(flatten)]
        rules: RetentionRules,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Apply the policy now: show what would be deleted, ask for confirmation, and delete it.
    #[command(after_help = RETENTION_APPLY_EXAMPLES)]
    Apply {
        /// Do not ask for confirmation. Required where there is no terminal to ask on.
        #[arg(long)]
        yes: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Remove the policy. Retention deletes no archives any more.
    Off {
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
}

/// The rules of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RetentionRules {
    /// Keep so many of the newest backups.
    #[arg(long, value_name = "N")]
    pub keep_last: Option<u32>,
    /// For so many hours, keep the newest backup of the hour.
    #[arg(long, value_name = "N")]
    pub hourly: Option<u32>,
    /// For so many days, keep the newest backup of the day.
    #[arg(long, value_name = "N")]
    pub daily: Option<u32>,
    /// For so many weeks, keep the newest backup of the week.
    #[arg(long, value_name = "N")]
    pub weekly: Option<u32>,
    /// For so many months, keep the newest backup of the month.
    #[arg(long, value_name = "N")]
    pub monthly: Option<u32>,
    /// For so many years, keep the newest backup of the year.
    #[arg(long, value_name = "N")]
    pub yearly: Option<u32>,
    /// Keep so many of the newest backups, also if they exceed `--max-bytes` [default: 1].
    #[arg(long, value_name = "N")]
    pub min_keep: Option<u32>,
    /// Delete the oldest backups while all together are larger, such as `100GiB` [default: no limit].
    #[arg(long, value_name = "SIZE", value_parser = max_bytes)]
    pub max_bytes: Option<u64>,
    /// Keep safety backups for so many days [default: 30].
    #[arg(long, value_name = "N")]
    pub safety_days: Option<u32>,
}

fn max_bytes(given: &str) -> Result<u64, String> {
    units::size(given, &(1..=MAX_BYTES))
}
