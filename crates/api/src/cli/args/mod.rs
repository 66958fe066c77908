//! The command line as clap reads it: the subcommands and their arguments.

mod accounts;
mod archives;
mod examples;
mod settings;

use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

pub use accounts::Admin;
pub use archives::{Acting, Archive, ArchiveFields, Clear, Download, Extract, Open, Reading, Restore, TableStyle};
use examples::*;
pub(crate) use settings::{ADMIN_PASSWORD, JWT_SECRET, JWT_SECRET_PREVIOUS, ListedSetting, settings};
pub use settings::{Common, SECRET_VARIABLES, Serve, Serving};

use crate::cli::exit::EXIT_CODES;
use crate::settings::units;

const SECRETS: &str = "Secrets, only as environment variables (or the files above):
  CAMPUS_BACKUP_ADMIN_PASSWORD       Password of the first administrator [default: one is made and printed once]
  CAMPUS_BACKUP_JWT_SECRET           Signs the tokens, at least 32 bytes [default: made once, kept in the data folder]
  CAMPUS_BACKUP_JWT_SECRET_PREVIOUS  Still accepted while the secret is rotated";

/// What stands below the flags of `serve`.
fn serve_help() -> String {
    let codes = EXIT_CODES.map(|(code, meaning)| format!("  {code:<4} {meaning}"));
    format!("{SECRETS}\n\nExit codes:\n{}", codes.join("\n"))
}

/// Look at, download, back up and clear a school's data.
#[derive(Debug, Parser)]
#[command(name = "campus-backup", version, args_conflicts_with_subcommands = true, after_help = serve_help())]
pub struct Cli {
    /// What to do; without one, `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of `serve`.
    #[command(flatten)]
    pub serve: Serve,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service. It is the default: `campus-backup --demo` is `campus-backup serve --demo`. It runs pending migrations first.
    #[command(after_help = serve_help())]
    Serve(Box<Serve>),
    /// Create the data folder, the database file and the folder of archives if they are absent, run pending migrations, and end.
    Migrate(Common),
    /// Administrators' accounts.
    #[command(subcommand)]
    Admin(Admin),
    /// Print an access token for a user, for scripts.
    #[command(after_help = TOKEN_EXAMPLES)]
    Token {
        /// The user.
        username: String,
        /// How long it is valid, `365d` at most [default: that of `--token-lifetime`].
        #[arg(long, value_name = "DURATION", value_parser = token_lifetime)]
        lifetime: Option<Duration>,
        /// Where the database is.
        #[command(flatten)]
        common: Common,
    },
    /// Fill a database that is empty, or has only the first administrator, who stays, with a school that does not exist.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo {
        /// The size of the school, 1,000 at most: 1 is 1,000 students, 5,000 payments and 100,000 rows of attendance.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        scale: u32,
        /// Where the database is.
        #[command(flatten)]
        common: Common,
    },
    /// Ask the service that runs with these settings whether it can work; for health checks.
    #[command(after_help = HEALTH_EXAMPLES)]
    Health {
        /// Check the store of archives instead, without the service: write, read, list and delete a file in it.
        #[arg(long)]
        store: bool,
        /// Where the service and its archives are.
        #[command(flatten)]
        common: Common,
    },
    /// Print the API's document.
    Openapi,
    /// Take an archive of everything, read it back and list it.
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup {
        /// What is said of it.
        #[command(flatten)]
        words: ArchiveFields,
        /// Who takes it, and where.
        #[command(flatten)]
        acting: Acting,
    },
    /// List the archives, the newest first. No database and no account is needed.
    #[command(after_help = LIST_EXAMPLES)]
    List {
        /// Where they are.
        #[command(flatten)]
        reading: Reading,
    },
    /// Say what is known of an archive. No database and no account is needed.
    Show {
        /// Its id.
        id: String,
        /// Where it is.
        #[command(flatten)]
        reading: Reading,
    },
    /// Read a stored archive to its end and compare everything. If the archive is whole and has no manifest, or a damaged one,
    /// the manifest is made again. Damage is remembered with the archive; that it is whole only the service can sign, so verify
    /// it there to have that remembered. No database and no account is needed.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        /// Its id.
        id: String,
        /// Also restore it into a database of its own, which says how long a restore takes.
        #[arg(long)]
        test_restore: bool,
        /// Where it is.
        #[command(flatten)]
        reading: Reading,
    },
    /// Take one table out of an archive, as its download was at the archive's moment. No database and no account is needed.
    #[command(after_help = EXTRACT_EXAMPLES)]
    Extract(Extract),
    /// Compare two archives, or one and the live data.
    #[command(after_help = DIFF_EXAMPLES)]
    Diff {
        /// The id of an archive, or `live`.
        from: String,
        /// The id of another, or `live`.
        #[arg(default_value = "live")]
        to: String,
        /// Print all rows that differ as CSV instead of counts.
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// Who asks, and where.
        #[command(flatten)]
        acting: Acting,
    },
    /// Restore an archive: show the plan, ask, take a safety archive, and do it in one transaction. An empty database is filled,
    /// too; if nobody can sign in afterwards, an administrator is made.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(Restore),
    /// Remove all rows of a table, with everything that can't stand without them: show what would be removed, ask, create a safety
    /// backup, and do it in one transaction. It can be undone.
    #[command(after_help = CLEAR_EXAMPLES)]
    Clear(Clear),
    /// Undo a clear: put back exactly the rows that it removed.
    #[command(after_help = UNDO_EXAMPLES)]
    Undo {
        /// The id of the clear, which is that of its job.
        id: String,
        /// Who asks, and where.
        #[command(flatten)]
        acting: Acting,
    },
    /// Delete an archive, for ever.
    #[command(after_help = DELETE_EXAMPLES)]
    Delete {
        /// Its id.
        id: String,
        /// Delete it although a clear can be undone only with it. A protected archive is not deleted all the same.
        #[arg(long)]
        force: bool,
        /// Do not ask. Without a terminal it can't be asked, and is refused.
        #[arg(long)]
        yes: bool,
        /// Who asks, and where.
        #[command(flatten)]
        acting: Acting,
    },
    /// Protect an archive from deletion.
    #[command(after_help = PROTECT_EXAMPLES)]
    Protect {
        /// Its id.
        id: String,
        /// End the protection.
        #[arg(long)]
        off: bool,
        /// Who asks, and where.
        #[command(flatten)]
        acting: Acting,
    },
    /// Put a backup file among the archives. It is read to its end, and what is not whole is refused.
    #[command(after_help = UPLOAD_EXAMPLES)]
    Upload {
        /// The file; `-` is the standard input.
        file: String,
        /// What is said of it.
        #[command(flatten)]
        words: ArchiveFields,
        /// Who asks, and where.
        #[command(flatten)]
        acting: Acting,
    },
    /// Save a stored archive as it is, or a table of the live data.
    #[command(after_help = DOWNLOAD_EXAMPLES)]
    Download(Download),
    /// Look into an archive, such as the complete JSON backup: no service and no database is needed.
    #[command(subcommand)]
    Open(Open),
    /// Print what makes a shell complete the command line.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

fn token_lifetime(given: &str) -> Result<Duration, String> {
    units::duration(given, &(1..=365 * 24 * 60 * 60))
}

impl Cli {
    /// Reads the command line, and the environment behind it.
    ///
    /// # Errors
    /// What clap says, which may also be the help that was asked for.
    pub fn read(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Self, clap::Error> {
        let mut command = command();
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// The whole command line.
pub fn command() -> clap::Command {
    without_values(Cli::command())
}

/// The help names the variables and never shows what is in them: a database's address has its password in it.
fn without_values(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| argument.hide_env_values(true))
        .mut_subcommands(without_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_and_takes_the_same_flags() {
        let read = |arguments: &[&str]| Cli::read(arguments.iter().map(Into::into));
        let bare = read(&["campus-backup", "--listen", "127.0.0.1:1"]).unwrap();
        assert!(bare.command.is_none());
        assert_eq!(bare.serve.serving.listen, "127.0.0.1:1");
        let named = read(&[
            "campus-backup",
            "serve",
            "--listen",
            "127.0.0.1:1",
            "--require-confirmation",
        ])
        .unwrap();
        let Some(Command::Serve(serve)) = named.command else {
            panic!("not serve");
        };
        assert_eq!(serve.serving.listen, "127.0.0.1:1");
        assert_eq!(serve.serving.require_confirmation, "true");
        assert!(read(&["campus-backup", "--no-such-flag"]).is_err());
    }

    #[test]
    fn the_help_names_every_variable_and_every_default() {
        let mut command = command();
        let serve = command.find_subcommand_mut("serve").unwrap();
        let help = serve.render_long_help().to_string();
        for setting in settings() {
            assert!(help.contains(&setting.variable), "{}", setting.variable);
            assert!(help.contains(&format!("--{}", setting.flag)), "{}", setting.flag);
            if let Some(default) = setting.default {
                assert!(help.contains(&format!("[default: {default}]")), "{}", setting.flag);
            }
        }
        for (secret, _) in SECRET_VARIABLES {
            assert!(help.contains(secret), "{secret}");
        }
    }
}
