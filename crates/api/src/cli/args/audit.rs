//! The arguments of `campus-backup audit`.

use clap::{Args, Subcommand};

use crate::cli::args::examples::{AUDIT_EXPORT_EXAMPLES, AUDIT_VERIFY_EXAMPLES};
use crate::cli::args::settings::CommonSettings;

/// The subcommands of `audit`. They need no account and no password, and work whether the service runs or not.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List events of the audit, newest first.
    List {
        /// The events.
        #[command(flatten)]
        filter: AuditFilterArguments,
        /// How many events to list.
        #[arg(long, value_name = "N", default_value = "50")]
        limit: u64,
        /// Print one JSON object, for scripts.
        #[arg(long)]
        json: bool,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Compute the hashes of all events again, and find a changed, deleted or added event. The exit code is 1 if there is one.
    #[command(after_help = AUDIT_VERIFY_EXAMPLES)]
    Verify {
        /// An event that was noted before: it must still have this hash.
        #[arg(long, value_name = "ID:HASH")]
        noted: Option<String>,
        /// Print one JSON object, for scripts.
        #[arg(long)]
        json: bool,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Write events of the audit to a file, oldest first.
    #[command(after_help = AUDIT_EXPORT_EXAMPLES)]
    Export {
        /// The file; `-` is the standard output.
        file: String,
        /// csv or jsonl.
        #[arg(long, value_name = "FORMAT", default_value = "csv")]
        format: String,
        /// The events.
        #[command(flatten)]
        filter: AuditFilterArguments,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
}

/// The filter of events.
#[derive(Clone, Debug, Default, Args)]
pub struct AuditFilterArguments {
    /// Only this event, such as `clear`.
    #[arg(long, value_name = "EVENT")]
    pub event: Option<String>,
    /// Only those of this user.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Only those with this result, such as `refused`.
    #[arg(long, value_name = "RESULT")]
    pub result: Option<String>,
    /// Only those about this table, or about `all`.
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// Only those about the object with this id.
    #[arg(long, value_name = "ID")]
    pub subject: Option<String>,
    /// Only those at this time or later (RFC 3339, with an offset).
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only those before this time (RFC 3339, with an offset).
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
}
