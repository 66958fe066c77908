//! The arguments of `campus-backup key` and `rekey`.

use clap::{Args, Subcommand};

use crate::cli::args::archives::{Acting, Identity, Reading};
use crate::cli::args::examples::{KEY_CHECK_EXAMPLES, KEY_GENERATE_EXAMPLES};

/// The subcommands of `key`. They need no database and no account.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a secret key that opens archives, and print its recovery sheet: what the key opens, and the exact commands for that.
    #[command(after_help = KEY_GENERATE_EXAMPLES)]
    Generate {
        /// The file for the secret key. It gets the mode 0600, and no file is overwritten.
        #[arg(long, value_name = "FILE", default_value = "archive-key.txt")]
        output: String,
        /// The file for the recovery sheet. `-` is the standard output.
        #[arg(long, value_name = "FILE", default_value = "-")]
        sheet: String,
    },
    /// List the keys of the settings, and the keys that open each stored archive.
    List {
        /// Print one JSON object, for scripts.
        #[arg(long)]
        json: bool,
        /// The settings of the installation.
        #[command(flatten)]
        common: crate::cli::args::CommonSettings,
    },
    /// Prove that a secret key opens an archive: read the archive to its end with this key alone, and compare everything.
    #[command(after_help = KEY_CHECK_EXAMPLES)]
    Check {
        /// The archive's id, or the path of a backup file. `-` is the standard input.
        #[arg(value_name = "ID|FILE")]
        archive: String,
        /// The key, and the archives.
        #[command(flatten)]
        reading: Reading,
    },
}

/// The arguments of `rekey`.
#[derive(Debug, Args)]
pub struct Rekey {
    /// The ids of the archives.
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub ids: Vec<String>,
    /// All stored archives that are not encrypted to the current keys.
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// The secret key that opens them now.
    #[command(flatten)]
    pub identity: Identity,
    /// The account that acts, and the installation.
    #[command(flatten)]
    pub acting: Acting,
}
