//! The arguments of `campus-backup admin`.

use clap::Subcommand;

use crate::cli::args::examples::CREATE_EXAMPLES;
use crate::cli::args::settings::CommonSettings;

/// The subcommands of `admin`.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Create an administrator. Without a password file, a one-time password is generated and printed once.
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// User name.
        username: String,
        /// Email address.
        #[arg(long)]
        email: Option<String>,
        /// A file with the password; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<String>,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Set a new password, which ends all sessions, tokens and download links of the account. Without a password file, a one-time
    /// password is generated and printed once.
    ResetPassword {
        /// User name.
        username: String,
        /// A file with the password; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<String>,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// End all sessions, tokens and download links of a user. The service may be running.
    EndSessions {
        /// User name.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        username: Option<String>,
        /// End those of all users.
        #[arg(long)]
        all: bool,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
}
