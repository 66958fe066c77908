//! The arguments of `campus-backup admin`.

use clap::Subcommand;

use crate::cli::args::examples::CREATE_EXAMPLES;
use crate::cli::args::settings::Common;

/// Administrators' accounts.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Create an administrator. Without a password file a one-time password is made and printed once.
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// Who signs in.
        username: String,
        /// Their address.
        #[arg(long)]
        email: Option<String>,
        /// A file with the password; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<String>,
        /// Where the database is.
        #[command(flatten)]
        common: Common,
    },
    /// Give a user a new password, which ends all sessions, tokens and download links of the account. Without a password file a
    /// one-time password is made and printed once.
    ResetPassword {
        /// Who signs in.
        username: String,
        /// A file with the password; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<String>,
        /// Where the database is.
        #[command(flatten)]
        common: Common,
    },
    /// End all sessions, tokens and download links of a user. The service may run meanwhile.
    EndSessions {
        /// Whose.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        username: Option<String>,
        /// Those of everybody.
        #[arg(long)]
        all: bool,
        /// Where the database is.
        #[command(flatten)]
        common: Common,
    },
}
