//! The arguments of `campus-backup admin`, and of `token` with named tokens.

use std::time::Duration;

use clap::Subcommand;

use crate::cli::args::archives::Acting;
use crate::cli::args::examples::{CREATE_EXAMPLES, TOKEN_CREATE_EXAMPLES};
use crate::cli::args::settings::CommonSettings;
use crate::settings::units;

/// The subcommands of `admin`. They need no account and no password, and work whether the service runs or not.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// List all accounts by user name.
    List {
        /// Print one JSON object, for scripts.
        #[arg(long)]
        json: bool,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Create an administrator, or another account. Without a password file, a one-time password is generated and printed once. It must
    /// be changed at the first sign-in, within a day.
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// User name.
        username: String,
        /// Email address.
        #[arg(long)]
        email: Option<String>,
        /// admin, accountant or teacher.
        #[arg(long, value_name = "ROLE", default_value = "admin")]
        role: String,
        /// A file with the password; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<String>,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Disable an account: its user can't sign in, and all its sessions, tokens and download links end. The last administrator who
    /// can sign in can't be disabled.
    Disable {
        /// User name.
        username: String,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Enable an account again.
    Enable {
        /// User name.
        username: String,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Delete an account, with all its sessions, tokens and download links. The last administrator who can sign in can't be deleted.
    Delete {
        /// User name.
        username: String,
        /// Do not ask for confirmation. Required where there is no terminal to ask on.
        #[arg(long)]
        yes: bool,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Set a new password, which ends all sessions, tokens and download links of the account. Without a password file, a one-time
    /// password is generated and printed once. It must be changed at the next sign-in, within a day.
    #[command(visible_alias = "reset")]
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
    /// End all sessions, tokens and download links of a user, the named tokens included. The service may be running.
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

/// The subcommands of `token`, for named tokens. They work whether the service runs or not.
#[derive(Debug, Subcommand)]
pub enum NamedTokens {
    /// Create a named token and print it once. It has the rights of the account that acts, restricted by its scopes.
    #[command(after_help = TOKEN_CREATE_EXAMPLES)]
    Create {
        /// A name that no other token of the account has.
        name: String,
        /// A scope: read, backup, restore or admin. May be repeated. Apart from `admin`, no scope includes another one.
        #[arg(long, value_name = "SCOPE", required = true)]
        scope: Vec<String>,
        /// Time until it ends, `3650d` at most [default: it does not end by itself].
        #[arg(long, value_name = "DURATION", value_parser = named_token_lifetime)]
        lifetime: Option<Duration>,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// List the named tokens of the account, each with its last use.
    List {
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Revoke a named token. Its next request is refused.
    Revoke {
        /// The token's name or id.
        #[arg(value_name = "NAME|ID")]
        token: String,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
}

fn named_token_lifetime(given: &str) -> Result<Duration, String> {
    units::duration(given, &(1..=3650 * 24 * 60 * 60))
}
