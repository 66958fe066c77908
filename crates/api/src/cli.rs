//! The command line: subcommands, and every setting as a flag and an environment variable.
//!
//! This is the one list of settings. Its comments are the help, its defaults are the defaults, and its variables are
//! those that are known: [`settings`](crate::settings) reads all three from here. Values stay texts here, so that all
//! that is wrong with them can be said at once.

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::csv_style::{DatesName, DecimalsName, DelimiterName};
use crate::failure::Failure;
use crate::output::Report;

/// Secrets are in no flag, where every user of the machine could read them.
pub const SECRET_VARIABLES: [(&str, &str); 3] = [
    (ADMIN_PASSWORD, "password of the first administrator"),
    (JWT_SECRET, "signs the tokens, at least 32 bytes"),
    (JWT_SECRET_PREVIOUS, "still accepted while the secret is rotated"),
];
pub(crate) const ADMIN_PASSWORD: &str = "CAMPUS_BACKUP_ADMIN_PASSWORD";
pub(crate) const JWT_SECRET: &str = "CAMPUS_BACKUP_JWT_SECRET";
pub(crate) const JWT_SECRET_PREVIOUS: &str = "CAMPUS_BACKUP_JWT_SECRET_PREVIOUS";

const SECRETS: &str = "Secrets, only as environment variables (or the files above):
  CAMPUS_BACKUP_ADMIN_PASSWORD       Password of the first administrator [default: one is made and printed once]
  CAMPUS_BACKUP_JWT_SECRET           Signs the tokens, at least 32 bytes [default: made once, kept in the data folder]
  CAMPUS_BACKUP_JWT_SECRET_PREVIOUS  Still accepted while the secret is rotated

Exit codes: 0 ended as asked, 1 failed, 2 settings or usage refused or no installation there, 3 database can't be reached,
4 can't listen, 5 schema is newer than this program, 6 the archive is refused, 7 not as things stand: another job changes the
data, a plan has moved, an undo is blocked, an archive is not there, migrations have not been run, 8 the database belongs to
another program, 130 interrupted by Ctrl-C, 141 the reader of the standard output is gone.";

const BACKUP_EXAMPLES: &str = "Examples:
  campus-backup backup --label \"end of term\"
  campus-backup backup --quiet                     from cron: says something only if it fails
  campus-backup backup --json | jq -r .id";
const LIST_EXAMPLES: &str = "Examples:
  campus-backup list
  campus-backup list --json | jq -r '.items[0].id'";
const VERIFY_EXAMPLES: &str = "Examples:
  campus-backup verify 2026-11-25T03-53-08Z-5f1c2a9b
  campus-backup verify 2026-11-25T03-53-08Z-5f1c2a9b --test-restore";
const EXTRACT_EXAMPLES: &str = "Examples:
  campus-backup extract 2026-11-25T03-53-08Z-5f1c2a9b students --output students.csv
  campus-backup extract backup.json.zst payments --delimiter semicolon --decimals comma --names
  ssh school cat backup.json.zst | campus-backup extract - students";
const DIFF_EXAMPLES: &str = "Examples:
  campus-backup diff 2026-11-25T03-53-08Z-5f1c2a9b              with the live data
  campus-backup diff 2026-11-25T03-53-08Z-5f1c2a9b live --csv > differences.csv";
const RESTORE_EXAMPLES: &str = "Examples:
  campus-backup restore 2026-11-25T03-53-08Z-5f1c2a9b --mode replace --dry-run
  campus-backup restore backup.json.zst --mode replace
  campus-backup restore 2026-11-25T03-53-08Z-5f1c2a9b --mode merge --student 17
  ssh school cat backup.json.zst | campus-backup restore - --mode replace --yes";
const UNDO_EXAMPLES: &str = "Examples:
  campus-backup undo 0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70";
const CLEAR_EXAMPLES: &str = "Examples:
  campus-backup clear attendance --dry-run
  campus-backup clear attendance
  campus-backup clear students --expected-rows 109000 --yes";
const DELETE_EXAMPLES: &str = "Examples:
  campus-backup delete 2026-11-25T03-53-08Z-5f1c2a9b";
const PROTECT_EXAMPLES: &str = "Examples:
  campus-backup protect 2026-11-25T03-53-08Z-5f1c2a9b
  campus-backup protect 2026-11-25T03-53-08Z-5f1c2a9b --off";
const UPLOAD_EXAMPLES: &str = "Examples:
  campus-backup upload backup.json.zst --label \"from the old server\"
  ssh school cat backup.json.zst | campus-backup upload -";
const DOWNLOAD_EXAMPLES: &str = "Examples:
  campus-backup download 2026-11-25T03-53-08Z-5f1c2a9b          a stored archive, as it is
  campus-backup download students --output students.csv         the live data
  campus-backup download attendance --format xlsx --names
  campus-backup download all --output - | age -r age1... > backup.json.age";
const COMPLETIONS_EXAMPLES: &str = "Examples:
  campus-backup completions bash > /etc/bash_completion.d/campus-backup
  campus-backup completions zsh > /usr/local/share/zsh/site-functions/_campus-backup
  campus-backup completions fish > ~/.config/fish/completions/campus-backup.fish";
const TOKEN_EXAMPLES: &str = "Examples:
  curl -H \"Authorization: Bearer $(campus-backup token admin)\" http://127.0.0.1:8080/backup/stats";
const DEMO_EXAMPLES: &str = "Examples:
  campus-backup demo
  campus-backup demo --scale 10";
const HEALTH_EXAMPLES: &str = "Examples:
  campus-backup health
  campus-backup health --store";
const CREATE_EXAMPLES: &str = "Examples:
  campus-backup admin create head --email head@school.example
  campus-backup admin create head --password-file - < password.txt";

/// Look at, download, back up and clear a school's data.
#[derive(Debug, Parser)]
#[command(name = "campus-backup", version, args_conflicts_with_subcommands = true, after_help = SECRETS)]
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
    /// Run the service (the default).
    #[command(after_help = SECRETS)]
    Serve(Box<Serve>),
    /// Make what is missing of an installation, run the migrations that have not been run, and end.
    Migrate(Common),
    /// Administrators' accounts.
    #[command(subcommand)]
    Admin(Admin),
    /// Print an access token for a user, for scripts.
    #[command(after_help = TOKEN_EXAMPLES)]
    Token {
        /// The user.
        username: String,
        /// For how many seconds it is valid.
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
        lifetime: Option<u64>,
        /// Where the database is.
        #[command(flatten)]
        common: Common,
    },
    /// Fill a database that is empty, but for the first administrator, with a school that does not exist.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo {
        /// 1 is 1,000 students, 5,000 payments and 100,000 rows of attendance.
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

/// What people say of an archive.
#[derive(Clone, Debug, Args)]
pub struct ArchiveFields {
    /// A short name.
    #[arg(long)]
    pub label: Option<String>,
    /// A longer word.
    #[arg(long)]
    pub note: Option<String>,
    /// Protect it from deletion.
    #[arg(long)]
    pub protected: bool,
}

/// What `clear` takes.
#[derive(Debug, Args)]
pub struct Clear {
    /// students, courses, enrollments, payments, attendance or all.
    pub table: String,
    /// Show what would be removed and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Change nothing if another number of rows would be removed.
    #[arg(long, value_name = "N")]
    pub expected_rows: Option<u64>,
    /// Do not ask. Without a terminal it can't be asked, and is refused.
    #[arg(long)]
    pub yes: bool,
    /// Who asks, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// What `download` takes.
#[derive(Debug, Args)]
pub struct Download {
    /// The archive's id, for which no account is needed; or a table, or `all`, of the live data.
    #[arg(value_name = "ID|TABLE")]
    pub what: String,
    /// csv, json or xlsx, of a table [default: csv; json of `all`].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Where it goes; it appears there only when it is whole. `-` is the standard output [default: a file of its own name in this
    /// folder].
    #[arg(long, value_name = "FILE")]
    pub output: Option<String>,
    /// How a table is written.
    #[command(flatten)]
    pub table_style: TableStyle,
    /// Who asks, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// How a table is written for people.
#[derive(Clone, Debug, Args)]
pub struct TableStyle {
    /// What stands between two fields of CSV.
    #[arg(long, value_name = "DELIMITER", value_enum, default_value_t)]
    pub delimiter: DelimiterName,
    /// What stands before the decimals of an amount in CSV.
    #[arg(long, value_name = "MARK", value_enum, default_value_t)]
    pub decimals: DecimalsName,
    /// How dates are written in CSV.
    #[arg(long, value_name = "STYLE", value_enum, default_value_t)]
    pub dates: DatesName,
    /// Columns with the names of students and courses beside their ids, in CSV and XLSX.
    #[arg(long)]
    pub names: bool,
}

/// What `restore` takes.
#[derive(Debug, Args)]
pub struct Restore {
    /// The archive's id, or the path of a file, which is put among the archives first; `-` is the standard input.
    #[arg(value_name = "ID|FILE")]
    pub archive: String,
    /// What becomes of rows: `replace` makes them what the archive has and removes all others, `merge` removes none,
    /// `insert_missing` adds only those that are not there.
    #[arg(long, value_name = "MODE")]
    pub mode: String,
    /// Only this table; may be repeated [default: everything].
    #[arg(long, value_name = "TABLE", conflicts_with = "student")]
    pub table: Vec<String>,
    /// Only the student with this id, with everything that hangs on them.
    #[arg(long, value_name = "ID")]
    pub student: Option<i64>,
    /// Disable active administrators whom the archive has as inactive, with another role, or with a password with which nobody
    /// can sign in. Otherwise they stay as they are.
    #[arg(long)]
    pub disable_administrators: bool,
    /// Restore an archive of the store that is not encrypted although the settings encrypt archives: whoever can write to the
    /// store, without any key, may have put it there. A file needs no such flag.
    #[arg(long)]
    pub allow_unencrypted: bool,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask. Without a terminal it can't be asked, and is refused.
    #[arg(long)]
    pub yes: bool,
    /// Confirm that the accounts of administrators which the plan names are to change. Needed with --yes if there are any.
    #[arg(long)]
    pub confirm_administrators: bool,
    /// Who asks, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// What `extract` takes.
#[derive(Debug, Args)]
pub struct Extract {
    /// The archive's id, or the path of a file; `-` is the standard input.
    #[arg(value_name = "ID|FILE")]
    pub archive: String,
    /// Which table.
    pub table: String,
    /// csv or json.
    #[arg(long, default_value = "csv", value_name = "FORMAT")]
    pub format: String,
    /// Where the table goes; it appears there only if the archive is whole. `-` is the standard output [default: -].
    #[arg(long, value_name = "FILE")]
    pub output: Option<String>,
    /// How the table is written.
    #[command(flatten)]
    pub table_style: TableStyle,
    /// In which time zone CSV shows times.
    #[arg(long, env = "CAMPUS_BACKUP_TIMEZONE", value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// Where the archive is.
    #[command(flatten)]
    pub reading: Reading,
}

/// Where archives are that are only read.
#[derive(Clone, Debug, Args)]
pub struct Reading {
    /// Answer with one JSON object, for scripts.
    #[arg(long)]
    pub json: bool,
    /// Where the archives are.
    #[command(flatten)]
    pub common: Common,
}

/// Who acts, and where. The service may run at the same time, or not at all.
#[derive(Clone, Debug, Args)]
pub struct Acting {
    /// The administrator who acts; a restore leaves this account as it is.
    #[arg(
        long = "as",
        env = "CAMPUS_BACKUP_ADMIN_USERNAME",
        value_name = "USERNAME",
        default_value = "admin"
    )]
    pub username: String,
    /// Answer with one JSON object, for scripts.
    #[arg(long)]
    pub json: bool,
    /// Where the database and the archives are.
    #[command(flatten)]
    pub common: Common,
}

/// Looking into an archive that is a file in the hand. Each reads it to its end and refuses one that is not whole.
#[derive(Debug, Subcommand)]
pub enum Open {
    /// Say what is in it, by table.
    List(Archive),
    /// Say whether it is whole.
    Verify(Archive),
    /// Take one table out, as its download was at the archive's moment.
    Extract {
        /// Which archive.
        #[command(flatten)]
        archive: Archive,
        /// Which table.
        table: String,
        /// csv or json.
        #[arg(long, default_value = "csv", value_name = "FORMAT")]
        format: String,
        /// Where the table goes; it appears there only if the archive is whole. `-` is the standard output [default: -].
        #[arg(long, value_name = "FILE")]
        output: Option<String>,
        /// How the table is written.
        #[command(flatten)]
        table_style: TableStyle,
        /// In which time zone CSV shows times.
        #[arg(long, env = "CAMPUS_BACKUP_TIMEZONE", value_name = "ZONE", default_value = "UTC")]
        timezone: String,
    },
}

/// An archive file and what opens it.
#[derive(Debug, Args)]
pub struct Archive {
    /// The file, whether bare, compressed (zstd) or encrypted (age); `-` is the standard input.
    pub file: String,
    /// A file with the secret keys of an encrypted one, as `age-keygen` makes it. Others must not be able to read it.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<String>,
    /// Answer with one JSON object, for scripts.
    #[arg(long)]
    pub json: bool,
    /// Print nothing but what was asked for, and errors.
    #[arg(long, short)]
    pub quiet: bool,
}

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

/// What `serve` takes.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Fill the database with a school that does not exist, if it is empty but for the first administrator.
    #[arg(long)]
    pub demo: bool,
    /// Settings of every subcommand.
    #[command(flatten)]
    pub common: Common,
    /// Settings of the service.
    #[command(flatten)]
    pub serving: Serving,
}

/// Settings of every subcommand that needs the database.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Settings, also as environment variables")]
pub struct Common {
    /// Print nothing but what was asked for, and errors.
    #[arg(long, short, help_heading = None)]
    pub quiet: bool,
    /// sqlite:, postgres: or mysql: [default: the file campus-backup.db in the data folder].
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    pub database_url: Option<String>,
    /// The folder for everything that the service keeps itself.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_DATA_DIR",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    pub data_dir: String,
    /// Where archives lie: a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX. Credentials are taken
    /// from the variables of each provider, such as AWS_ACCESS_KEY_ID [default: the folder archives in the data folder].
    #[arg(long, env = "CAMPUS_BACKUP_ARCHIVES", value_name = "FOLDER|URL")]
    pub archives: Option<String>,
    /// A file with secret keys of age, as `age-keygen` makes it. Archives are encrypted to them, and opened with them
    /// [default: archives are not encrypted].
    #[arg(long, env = "CAMPUS_BACKUP_ARCHIVE_KEY_FILE", value_name = "FILE")]
    pub archive_key_file: Option<String>,
    /// A file with secret keys that only open what was encrypted to them before.
    #[arg(long, env = "CAMPUS_BACKUP_ARCHIVE_KEY_PREVIOUS_FILE", value_name = "FILE")]
    pub archive_key_previous_file: Option<String>,
    /// How many connections requests share.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_DATABASE_CONNECTIONS",
        value_name = "N",
        default_value = "10"
    )]
    pub database_connections: String,
    /// How long a request waits for the database or for another writer.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_DATABASE_TIMEOUT",
        value_name = "SECONDS",
        default_value = "5"
    )]
    pub database_timeout: String,
    /// What is logged: off, error, warn, info, debug, trace, or a filter such as info,campus_backup_domain=debug [default: info;
    /// warn of commands that end by themselves, off of those with --json].
    #[arg(long, env = "CAMPUS_BACKUP_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How it is logged: text or json.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: String,
}

/// Settings of the service. Other subcommands read them from the environment.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Settings of the service")]
pub struct Serving {
    /// Where to listen; port 0 takes any free one.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: String,
    /// A second address to listen on, for the own network: the metrics and Swagger UI are then there and not at --listen.
    #[arg(long, env = "CAMPUS_BACKUP_INTERNAL_LISTEN", value_name = "ADDRESS:PORT")]
    pub internal_listen: Option<String>,
    /// Whether Swagger UI is there: true or false.
    #[arg(long, env = "CAMPUS_BACKUP_SWAGGER_UI", value_name = "BOOLEAN", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub swagger_ui: String,
    /// Whether /readyz answers 503 while the store of archives can't be used, and not only with a warning: true or false.
    #[arg(long, env = "CAMPUS_BACKUP_REQUIRE_STORE", value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_store: String,
    /// Where browsers find the service, for download links and the cookie of the dashboard [default: the host that was asked].
    #[arg(long, env = "CAMPUS_BACKUP_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, with commas between them.
    #[arg(long, env = "CAMPUS_BACKUP_TRUSTED_PROXIES", value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// Origins whose pages may call the service, such as `https://school.example`, with commas between them.
    #[arg(long, env = "CAMPUS_BACKUP_CORS_ORIGINS", value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
    /// Name of the first administrator, who is created if there is none.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_ADMIN_USERNAME",
        value_name = "NAME",
        default_value = "admin"
    )]
    pub admin_username: String,
    /// A file with the first administrator's password.
    #[arg(long, env = "CAMPUS_BACKUP_ADMIN_PASSWORD_FILE", value_name = "FILE")]
    pub admin_password_file: Option<String>,
    /// A file with the secret that signs tokens.
    #[arg(long, env = "CAMPUS_BACKUP_JWT_SECRET_FILE", value_name = "FILE")]
    pub jwt_secret_file: Option<String>,
    /// A file with the secret that is still accepted while it is rotated.
    #[arg(long, env = "CAMPUS_BACKUP_JWT_SECRET_PREVIOUS_FILE", value_name = "FILE")]
    pub jwt_secret_previous_file: Option<String>,
    /// How long a token is valid, and after how long without use the dashboard asks for the password.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_TOKEN_LIFETIME",
        value_name = "SECONDS",
        default_value = "900"
    )]
    pub token_lifetime: String,
    /// How long somebody who works in the dashboard is not asked for the password again.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_SESSION_LIFETIME",
        value_name = "SECONDS",
        default_value = "43200"
    )]
    pub session_lifetime: String,
    /// Attempts to sign in that one account has at once from one address, and ten times as many from all; one comes back
    /// every 6 seconds.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_LOGIN_BURST_ACCOUNT",
        value_name = "N",
        default_value = "10"
    )]
    pub login_burst: String,
    /// Attempts to sign in that one address has at once; one comes back every second.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_LOGIN_BURST_ADDRESS",
        value_name = "N",
        default_value = "30"
    )]
    pub login_burst_address: String,
    /// The school's time zone, in which downloads show times.
    #[arg(long, env = "CAMPUS_BACKUP_TIMEZONE", value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// How many downloads may run at once.
    #[arg(long, env = "CAMPUS_BACKUP_MAX_DOWNLOADS", value_name = "N", default_value = "8")]
    pub max_downloads: String,
    /// How many bytes of a download are gathered before they are sent on; four such pieces may wait for a slow reader.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_CHUNK_SIZE",
        value_name = "BYTES",
        default_value = "65536"
    )]
    pub chunk_size: String,
    /// How many threads each worker (one a core) may have for what takes long: a download needs one, another if it is
    /// compressed, one more if two read it, and one while it is spooled. They are started when they are needed [default: 512, or
    /// four times --max-downloads and two more].
    #[arg(long, env = "CAMPUS_BACKUP_BLOCKING_THREADS", value_name = "N")]
    pub blocking_threads: Option<String>,
    /// How many bytes of downloads may wait on the disk of the data folder until their length is known: all downloads that come
    /// through a proxy, Excel workbooks, and the first 4 MiB of others.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_SPOOL_LIMIT",
        value_name = "BYTES",
        default_value = "4294967296"
    )]
    pub spool_limit: String,
    /// After how long a download whose reader takes nothing is broken off.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_STALL_TIMEOUT",
        value_name = "SECONDS",
        default_value = "60"
    )]
    pub stall_timeout: String,
    /// Whether clearing a table demands `confirm`: true or false.
    #[arg(long, env = "CAMPUS_BACKUP_REQUIRE_CONFIRMATION", value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_confirmation: String,
    /// For how long a clear can be undone.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_UNDO_WINDOW",
        value_name = "SECONDS",
        default_value = "604800"
    )]
    pub undo_window: String,
    /// How large an archive that is uploaded may be.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_UPLOAD_LIMIT",
        value_name = "BYTES",
        default_value = "8589934592"
    )]
    pub upload_limit: String,
    /// How large a request's body may be.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_BODY_LIMIT",
        value_name = "BYTES",
        default_value = "65536"
    )]
    pub body_limit: String,
    /// How long a request's whole body may take.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_BODY_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10"
    )]
    pub body_timeout: String,
    /// How long running downloads have to end when the service is stopped.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_SHUTDOWN_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30"
    )]
    pub shutdown_timeout: String,
    /// Keys of an outside identity provider: a file or an address. Needs the three below as well.
    #[arg(long, env = "CAMPUS_BACKUP_OIDC_JWKS", value_name = "FILE|URL")]
    pub oidc_jwks: Option<String>,
    /// Who issues its tokens.
    #[arg(long, env = "CAMPUS_BACKUP_OIDC_ISSUER", value_name = "ISSUER")]
    pub oidc_issuer: Option<String>,
    /// For whom its tokens must be.
    #[arg(long, env = "CAMPUS_BACKUP_OIDC_AUDIENCE", value_name = "AUDIENCE")]
    pub oidc_audience: Option<String>,
    /// Which claim has the role.
    #[arg(long, env = "CAMPUS_BACKUP_OIDC_ROLE_CLAIM", value_name = "CLAIM")]
    pub oidc_role_claim: Option<String>,
    /// Which role is an administrator's.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_OIDC_ADMIN_ROLE",
        value_name = "ROLE",
        default_value = "admin"
    )]
    pub oidc_admin_role: String,
}

impl Acting {
    /// Who acts. An empty variable counts as not set.
    pub(crate) fn username(&self) -> &str {
        match self.username.trim() {
            "" => "admin",
            username => username,
        }
    }

    /// How it is told what was done.
    pub(crate) fn report(&self) -> Report {
        Report::of(self.json, self.common.quiet)
    }
}

impl Reading {
    /// How it is told what was done.
    pub(crate) fn report(&self) -> Report {
        Report::of(self.json, self.common.quiet)
    }
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
pub(crate) fn command() -> clap::Command {
    without_values(Cli::command())
}

/// The help names the variables and never shows what is in them: a database's address has its password in it.
fn without_values(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| argument.hide_env_values(true))
        .mut_subcommands(without_values)
}

impl Serving {
    /// The settings of the service as the environment has them, for subcommands that have no flags for them.
    ///
    /// # Errors
    /// If a variable is not valid Unicode.
    pub fn from_environment() -> Result<Self, Failure> {
        let matches = Self::augment_args(clap::Command::new("campus-backup")).try_get_matches_from(["campus-backup"]);
        matches
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|error| Failure::Settings(vec![error.kind().to_string()]))
    }
}

#[cfg(test)]
impl Serve {
    /// The settings of these flags alone: the environment that the tests run in must not change them.
    pub(crate) fn of_flags<'a>(flags: impl IntoIterator<Item = &'a str>) -> Self {
        let command = Self::augment_args(clap::Command::new("campus-backup"));
        let command = command.mut_args(|argument| argument.env(None::<&'static str>));
        let arguments = std::iter::once("campus-backup").chain(flags);
        let matches = command.try_get_matches_from(arguments);
        let read = matches.and_then(|matches| Self::from_arg_matches(&matches));
        read.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A setting as the command line lists it.
pub(crate) struct Listed {
    pub(crate) flag: String,
    pub(crate) variable: String,
    pub(crate) default: Option<String>,
}

/// Every setting that has a variable.
pub(crate) fn settings() -> Vec<Listed> {
    Serve::augment_args(clap::Command::new("campus-backup"))
        .get_arguments()
        .filter_map(|argument| {
            Some(Listed {
                flag: argument.get_long()?.to_owned(),
                variable: argument.get_env()?.to_str()?.to_owned(),
                default: argument
                    .get_default_values()
                    .first()
                    .and_then(|default| Some(default.to_str()?.to_owned())),
            })
        })
        .collect()
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
