//! The command line as clap reads it: the subcommands and their arguments.

mod accounts;
mod adopt;
mod archives;
mod audit;
mod destinations;
mod examples;
mod imports;
mod keys;
mod notifications;
mod retention;
mod schedules;
mod settings;

use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

pub use accounts::{Admin, NamedTokens};
pub use adopt::Adopt;
pub use archives::{
    Acting, ArchiveFields, ArchiveFilterArguments, Certificate, CertificateCheck, CertificateForm, Clear, Download,
    Extract, Identity, Reading, Restore, TableStyle,
};
pub use audit::{AuditCommand, AuditFilterArguments};
pub use destinations::{Destination, DestinationAccess};
use examples::*;
pub use imports::Import;
pub use keys::{Key, Rekey};
pub use notifications::{Notification, NotificationValues};
pub use retention::{RetentionCommand, RetentionRules};
pub use schedules::{Schedule, ScheduleTimes};
pub(crate) use settings::{
    ADMIN_PASSWORD, JWT_SECRET, JWT_SECRET_PREVIOUS, ListedSetting, SECRETS_KEY, SMTP_URL, settings,
};
pub use settings::{
    AccountSettings, CommonSettings, DestinationArguments, NotificationSettings, SECRET_VARIABLES, Serve, Serving,
};

use crate::cli::exit::EXIT_CODES;
use crate::settings::units;

const SECRETS: &str = "Secrets, only as environment variables (or the files above):
  CAMPUS_BACKUP_ADMIN_PASSWORD       Password of the first administrator [default: generated and printed once]
  CAMPUS_BACKUP_JWT_SECRET           Signs the tokens, at least 32 bytes [default: generated once, in the data folder]
  CAMPUS_BACKUP_JWT_SECRET_PREVIOUS  Still accepted while the secret is rotated
  CAMPUS_BACKUP_SECRETS_KEY          Encrypts the secrets of webhooks and destinations [default: generated once, in the data
                                     folder]
  CAMPUS_BACKUP_SMTP_URL             The mail server, with its user name and password";

/// The help below the flags of `serve`.
fn serve_help() -> String {
    let codes = EXIT_CODES.map(|(code, meaning)| format!("  {code:<4} {meaning}"));
    format!("{SECRETS}\n\nExit codes:\n{}", codes.join("\n"))
}

/// Download, import, back up, restore and clear a school's data.
#[derive(Debug, Parser)]
#[command(name = "campus-backup", version, args_conflicts_with_subcommands = true, after_help = serve_help())]
pub struct Cli {
    /// The subcommand; `serve` by default.
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
    Migrate(CommonSettings),
    /// Manage accounts.
    #[command(subcommand)]
    Admin(Admin),
    /// Print an access token for a user, for a short time. No password is needed. The subcommands manage named tokens, which scripts
    /// use for longer.
    #[command(after_help = TOKEN_EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Token {
        /// Named tokens.
        #[command(subcommand)]
        named: Option<NamedTokens>,
        /// The user.
        #[arg(required = true)]
        username: Option<String>,
        /// Lifetime of the token, `365d` at most [default: that of `--token-lifetime`].
        #[arg(long, value_name = "DURATION", value_parser = token_lifetime)]
        lifetime: Option<Duration>,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Fill a database with an invented school. The database must be empty, or have only the first administrator, which stays.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo {
        /// Size of the school, 1,000 at most: 1 is 1,000 students, 5,000 payments and 100,000 rows of attendance.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        scale: u32,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Ask the service that runs with these settings on this machine whether it is ready (`/readyz`). The exit code is 0 if
    /// it is. For health checks of containers.
    #[command(after_help = HEALTH_EXAMPLES)]
    Health {
        /// Check the store of archives instead, without the service and the database: write, read, list and delete a file in
        /// it, and report what to repair.
        #[arg(long)]
        store: bool,
        /// Show the health of the backups instead, from the database and the store, without the service: whether backups are made,
        /// verified and usable. The exit code is 1 if it is `failing`.
        #[arg(long, conflicts_with = "store")]
        backups: bool,
        /// With `--backups`: print one JSON object, for scripts.
        #[arg(long, requires = "backups")]
        json: bool,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Print the API's document (OpenAPI).
    Openapi,
    /// Create a backup of everything, read it back and store it.
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup {
        /// Label, note and protection.
        #[command(flatten)]
        fields: ArchiveFields,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// List the stored archives, the newest first. Needs no database and no account.
    #[command(after_help = LIST_EXAMPLES)]
    List {
        /// Which archives, in which order.
        #[command(flatten)]
        filter: Box<ArchiveFilterArguments>,
        /// Print one JSON object, for scripts.
        #[arg(long)]
        json: bool,
        /// The settings of the installation.
        #[command(flatten)]
        common: CommonSettings,
    },
    /// Show an archive's details. Needs no database and no account. A file is read to its end and needs no installation.
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// The archive's id, or the path of a backup file. `-` is the standard input.
        #[arg(value_name = "ID|FILE")]
        archive: String,
        /// The keys and the archives.
        #[command(flatten)]
        reading: Reading,
    },
    /// Read an archive to its end and compare everything. Needs no database and no account; a file needs no installation either. If a
    /// stored archive is complete and its manifest is missing or damaged, the manifest is written again. Damage is recorded with
    /// the archive. Success is recorded only if the service verifies it, because only the service can sign it.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        /// The archive's id, or the path of a backup file. `-` is the standard input. With `--certificate` it may be left out.
        #[arg(value_name = "ID|FILE", required_unless_present = "certificate")]
        archive: Option<String>,
        /// Also restore it into a temporary database, which shows how long a restore takes. Only for a stored archive.
        #[arg(long, conflicts_with = "certificate")]
        test_restore: bool,
        /// A certificate to check.
        #[command(flatten)]
        check: CertificateCheck,
        /// The keys and the archives.
        #[command(flatten)]
        reading: Reading,
    },
    /// Issue the certificate of a stored archive: a signed statement of its counts, sums, digests, copies and verifications.
    #[command(after_help = CERTIFICATE_EXAMPLES)]
    Certificate(Certificate),
    /// Write one table of an archive as a file, equal to its download at the archive's moment. Needs no database and no account; a
    /// file needs no installation either.
    #[command(after_help = EXTRACT_EXAMPLES)]
    Extract(Extract),
    /// Compare two archives, or an archive with the live data.
    #[command(after_help = DIFF_EXAMPLES)]
    Diff {
        /// An archive's id, the path of a backup file, or `live`. `-` is the standard input.
        #[arg(value_name = "ID|FILE|live")]
        from: String,
        /// The archive to compare it with, in the same forms.
        #[arg(value_name = "ID|FILE|live", default_value = "live")]
        to: String,
        /// Print all rows that differ as CSV instead of counts.
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// The secret key that opens the archives.
        #[command(flatten)]
        identity: Identity,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Restore an archive: show the plan, ask for confirmation, create a safety backup, and restore in one transaction. An empty database
    /// is filled, too. If no administrator can sign in afterwards, one is created.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(Restore),
    /// Delete all rows of a table and all rows that depend on them: show the counts, ask for confirmation, create a safety backup, and
    /// delete in one transaction. It can be undone, and the output has the command for that.
    #[command(after_help = CLEAR_EXAMPLES)]
    Clear(Clear),
    /// Import a file into a table: show the plan, ask for confirmation, create a safety backup, and import in one transaction. It can be
    /// undone, and the output has the command for that.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Box<Import>),
    /// Undo a clear or an import. Of a clear: insert exactly the rows that it deleted. Of an import: give the tables the rows that they
    /// had, if they were not changed since.
    #[command(after_help = UNDO_EXAMPLES)]
    Undo {
        /// The id of the clear or import, which is the id of its job.
        id: String,
        /// The secret key that opens the safety backup.
        #[command(flatten)]
        identity: Identity,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Delete a stored archive permanently.
    #[command(after_help = DELETE_EXAMPLES)]
    Delete {
        /// The archive's id.
        id: String,
        /// Delete it even if the undo of a clear needs it, or if it is the newest good backup or the newest verified one. A protected
        /// archive is never deleted.
        #[arg(long)]
        force: bool,
        /// Do not ask for confirmation. Required where there is no terminal to ask on.
        #[arg(long)]
        yes: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Protect a stored archive from deletion.
    #[command(after_help = PROTECT_EXAMPLES)]
    Protect {
        /// The archive's id.
        id: String,
        /// End the protection.
        #[arg(long)]
        off: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Accept a suspicious archive: fewer rows or less money than before are right.
    #[command(after_help = ACCEPT_EXAMPLES)]
    Accept {
        /// The archive's id.
        id: String,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Store a backup file as an archive. The file is read to its end and refused if it is not complete.
    #[command(after_help = UPLOAD_EXAMPLES)]
    Upload {
        /// The file; `-` is the standard input.
        file: String,
        /// The secret key that opens the file.
        #[command(flatten)]
        identity: Identity,
        /// Label, note and protection.
        #[command(flatten)]
        fields: ArchiveFields,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Save a stored archive as a file, if it still has its recorded content; or save a table of the live data.
    #[command(after_help = DOWNLOAD_EXAMPLES)]
    Download(Download),
    /// Manage schedules: times at which the running service makes a backup.
    #[command(subcommand)]
    Schedule(Schedule),
    /// Manage retention: which archives stay, and which are deleted.
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// List, verify and export the audit: the user, the time, the address and the result of each operation.
    #[command(subcommand)]
    Audit(Box<AuditCommand>),
    /// Manage notifications: mails, webhooks and pings that the running service sends.
    #[command(subcommand)]
    Notification(Box<Notification>),
    /// Manage destinations: further places to which the running service copies the archives.
    #[command(subcommand)]
    Destination(Box<Destination>),
    /// Make, list and check the keys that open archives.
    #[command(subcommand)]
    Key(Key),
    /// Encrypt stored archives again, with the keys of the settings. An archive is replaced only after its new file was written and
    /// read back. The copies in destinations are made again.
    #[command(after_help = REKEY_EXAMPLES)]
    Rekey(Rekey),
    /// Look at the database of another school application: write a guessed mapping file to the standard output, and a report
    /// of the tables, keys and references to the standard error. It only reads. This version can't serve or back up such a
    /// database yet.
    #[command(after_help = ADOPT_EXAMPLES)]
    Adopt(Adopt),
    /// Print the shell's completion script.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

fn token_lifetime(given: &str) -> Result<Duration, String> {
    units::duration(given, &(1..=365 * 24 * 60 * 60))
}

impl Cli {
    /// Reads the command line and the environment.
    ///
    /// # Errors
    /// An error of clap, which may also be the help.
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

/// Hides the values of variables in the help, because a database's address contains its password.
fn without_values(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| argument.hide_env_values(true))
        .mut_subcommands(without_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_and_has_the_same_flags() {
        let read = |arguments: &[&str]| Cli::read(arguments.iter().map(Into::into));
        let bare = read(&["campus-backup", "--listen", "127.0.0.1:1"]).unwrap();
        assert!(bare.command.is_none());
        assert_eq!(bare.serve.serving.address.listen, "127.0.0.1:1");
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
        assert_eq!(serve.serving.address.listen, "127.0.0.1:1");
        assert_eq!(serve.serving.requests.require_confirmation, "true");
        assert!(read(&["campus-backup", "--no-such-flag"]).is_err());
    }

    #[test]
    fn help_names_every_variable_and_every_default() {
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
