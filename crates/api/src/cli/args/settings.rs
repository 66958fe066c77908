//! The settings as flags and environment variables.
//!
//! This is the one list of settings. Its comments are the help, its headings group `--help` and the reference, its defaults are
//! the defaults, and its variables are the known variables: [`settings`](crate::settings) reads them from here. Values stay
//! texts here, so that one run reports all problems with them.

use clap::{Args, FromArgMatches};

use crate::cli::exit::ExitError;

/// Secrets are in no flag, where every user of the machine could read them.
pub const SECRET_VARIABLES: [(&str, &str); 5] = [
    (ADMIN_PASSWORD, "password of the first administrator"),
    (JWT_SECRET, "signs the tokens, at least 32 bytes"),
    (JWT_SECRET_PREVIOUS, "still accepted while the secret is rotated"),
    (
        SECRETS_KEY,
        "encrypts the secrets of webhooks and destinations, 64 hexadecimal digits",
    ),
    (SMTP_URL, "the mail server, with its user name and password"),
];
pub(crate) const ADMIN_PASSWORD: &str = "CAMPUS_BACKUP_ADMIN_PASSWORD";
pub(crate) const JWT_SECRET: &str = "CAMPUS_BACKUP_JWT_SECRET";
pub(crate) const JWT_SECRET_PREVIOUS: &str = "CAMPUS_BACKUP_JWT_SECRET_PREVIOUS";

pub(crate) const SECRETS_KEY: &str = "CAMPUS_BACKUP_SECRETS_KEY";
pub(crate) const SMTP_URL: &str = "CAMPUS_BACKUP_SMTP_URL";

/// What `serve` takes.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Fill the database with an invented school, if it is empty except for the first administrator.
    #[arg(long)]
    pub demo: bool,
    /// Settings of every subcommand.
    #[command(flatten)]
    pub common: CommonSettings,
    /// Settings of the service.
    #[command(flatten)]
    pub serving: Serving,
}

/// Settings of every subcommand that needs the database.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database, data folder, archives, log")]
pub struct CommonSettings {
    /// Print nothing but what was asked for, and errors.
    #[arg(long, short, help_heading = None)]
    pub quiet: bool,
    /// The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db`
    /// in the data folder].
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    pub database_url: Option<String>,
    /// The folder for everything that the service stores itself. The service creates it with mode 0700.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_DATA_DIR",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    pub data_dir: String,
    /// The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`
    /// or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider's variables, such as `AWS_ACCESS_KEY_ID`
    /// [default: the folder `archives` in the data folder].
    #[arg(long, env = "CAMPUS_BACKUP_ARCHIVES", value_name = "FOLDER|URL")]
    pub archives: Option<String>,
    /// A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them
    /// [default: archives are not encrypted].
    #[arg(long, env = "CAMPUS_BACKUP_ARCHIVE_KEY_FILE", value_name = "FILE")]
    pub archive_key_file: Option<String>,
    /// Public keys of age (`age1...`), separated by commas. Archives are encrypted to all of them, and to the key of
    /// `--archive-key-file` if it is set. Without that file only the holders of the secret keys can open archives.
    #[arg(long, env = "CAMPUS_BACKUP_ARCHIVE_RECIPIENTS", value_name = "KEYS")]
    pub archive_recipients: Option<String>,
    /// A file with secret keys that only open older archives.
    #[arg(long, env = "CAMPUS_BACKUP_ARCHIVE_KEY_PREVIOUS_FILE", value_name = "FILE")]
    pub archive_key_previous_file: Option<String>,
    /// Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_DATABASE_CONNECTIONS",
        value_name = "N",
        default_value = "10"
    )]
    pub database_connections: String,
    /// How long a request waits for the database or for another writer, up to `1h`.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_DATABASE_TIMEOUT",
        value_name = "DURATION",
        default_value = "5s"
    )]
    pub database_timeout: String,
    /// `off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default:
    /// `info`; for commands that end by themselves `warn`, with `--json` `off`].
    #[arg(long, env = "CAMPUS_BACKUP_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// `text`, or `json` with one object a line.
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
pub struct Serving {
    /// Where it listens, and for whom.
    #[command(flatten)]
    pub address: AddressSettings,
    /// Who can sign in, and for how long.
    #[command(flatten)]
    pub accounts: AccountSettings,
    /// What requests can do.
    #[command(flatten)]
    pub requests: RequestSettings,
    /// What the service does by itself.
    #[command(flatten)]
    pub automation: AutomationSettings,
    /// Mails, webhooks and pings.
    #[command(flatten)]
    pub notifications: NotificationSettings,
    /// Further places of archives.
    #[command(flatten)]
    pub destinations: DestinationArguments,
    /// When the health of the backups is bad.
    #[command(flatten)]
    pub monitoring: MonitoringSettings,
}

/// Settings of the addresses, the proxies before them, and browsers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Address, proxy, browser")]
pub struct AddressSettings {
    /// The address to listen on. Port 0 takes any free port, and the log names it.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: String,
    /// A second address, for your own network. The metrics and Swagger UI are then only there. Everything else is at both.
    #[arg(long, env = "CAMPUS_BACKUP_INTERNAL_LISTEN", value_name = "ADDRESS:PORT")]
    pub internal_listen: Option<String>,
    /// Whether the service has Swagger UI: `true` or `false`. The API's document is there in both cases.
    #[arg(long, env = "CAMPUS_BACKUP_SWAGGER_UI", value_name = "BOOLEAN", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub swagger_ui: String,
    /// Whether `/readyz` answers 503 while the store of archives does not work: `true` or `false`. Otherwise it answers 200
    /// with a warning.
    #[arg(long, env = "CAMPUS_BACKUP_REQUIRE_STORE", value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_store: String,
    /// The address for browsers: download links begin with it, and the dashboard's cookie is for it. Its path is the one
    /// under which a proxy publishes the service [default: the host of the request].
    #[arg(long, env = "CAMPUS_BACKUP_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Addresses or networks of proxies, with commas between them. The service believes their `X-Forwarded-For` and
    /// `X-Forwarded-Prefix`.
    #[arg(long, env = "CAMPUS_BACKUP_TRUSTED_PROXIES", value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// Origins, such as `https://school.example`, with commas between them. Their pages can call the service and use its
    /// session (`credentials: "include"`).
    #[arg(long, env = "CAMPUS_BACKUP_CORS_ORIGINS", value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
}

/// Settings of accounts, tokens and the external identity provider.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Accounts and tokens")]
pub struct AccountSettings {
    /// The first administrator's name. The service creates the account if there is no administrator.
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
    /// A file with a second secret that is still accepted during a rotation.
    #[arg(long, env = "CAMPUS_BACKUP_JWT_SECRET_PREVIOUS_FILE", value_name = "FILE")]
    pub jwt_secret_previous_file: Option<String>,
    /// How long a token is valid, `1d` at most. After this time without use, the dashboard asks for the password.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_TOKEN_LIFETIME",
        value_name = "DURATION",
        default_value = "15m"
    )]
    pub token_lifetime: String,
    /// After how long the dashboard asks an active user for the password again, `30d` at most.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_SESSION_LIFETIME",
        value_name = "DURATION",
        default_value = "12h"
    )]
    pub session_lifetime: String,
    /// Sign-in attempts that one account has at once from one address, and ten times as many from all addresses. One comes
    /// back every 6 seconds. An address from which the account signed in lately needs only its own.
    #[arg(long, env = "CAMPUS_BACKUP_LOGIN_BURST", value_name = "N", default_value = "10")]
    pub login_burst: String,
    /// The same for one address (IPv6: one network of 64 bits). One comes back every second.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_LOGIN_BURST_ADDRESS",
        value_name = "N",
        default_value = "30"
    )]
    pub login_burst_address: String,
    /// Keys of an external identity provider: a file or an http(s) address. Needs the next three.
    #[arg(long, env = "CAMPUS_BACKUP_OIDC_JWKS", value_name = "FILE|URL")]
    pub oidc_jwks: Option<String>,
    /// The issuer of its tokens (`iss`).
    #[arg(long, env = "CAMPUS_BACKUP_OIDC_ISSUER", value_name = "ISSUER")]
    pub oidc_issuer: Option<String>,
    /// The audience of its tokens (`aud`).
    #[arg(long, env = "CAMPUS_BACKUP_OIDC_AUDIENCE", value_name = "AUDIENCE")]
    pub oidc_audience: Option<String>,
    /// The claim with the role or roles. Dots lead into objects, as in `realm_access.roles`.
    #[arg(long, env = "CAMPUS_BACKUP_OIDC_ROLE_CLAIM", value_name = "CLAIM")]
    pub oidc_role_claim: Option<String>,
    /// The role that makes an administrator.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_OIDC_ADMIN_ROLE",
        value_name = "ROLE",
        default_value = "admin"
    )]
    pub oidc_admin_role: String,
}

/// Settings of downloads, clears, uploads and bodies.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Downloads, clears, limits")]
pub struct RequestSettings {
    /// The school's time zone, such as `Asia/Kolkata`: for times in CSV and XLSX, for file names, and for
    /// schedules without a zone of their own.
    #[arg(long, env = "CAMPUS_BACKUP_TIMEZONE", value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// Downloads at the same time, from the query to the last byte, at most 1,000. One more waits half a second and is then
    /// refused with 429.
    #[arg(long, env = "CAMPUS_BACKUP_MAX_DOWNLOADS", value_name = "N", default_value = "8")]
    pub max_downloads: String,
    /// How much of a download is collected before it is sent, `4KiB` to `1MiB`. Four such chunks can wait for a slow reader,
    /// eight if they are compressed.
    #[arg(long, env = "CAMPUS_BACKUP_CHUNK_SIZE", value_name = "SIZE", default_value = "64KiB")]
    pub chunk_size: String,
    /// Threads for long work in each worker (one worker a core). A download needs one, another for compression, one more if
    /// two threads read it (CSV from SQLite), and one while it is spooled. The least is four times `--max-downloads` plus
    /// two. Threads start when they are needed [default: `512`, or more if `--max-downloads` needs them].
    #[arg(long, env = "CAMPUS_BACKUP_BLOCKING_THREADS", value_name = "N")]
    pub blocking_threads: Option<String>,
    /// How much space all downloads together can occupy on the disk of the data folder until they are sent: downloads through
    /// a proxy, workbooks, and the first 4 MiB of others. 64 MiB of the disk stay free. Without room a download through a
    /// proxy is refused with 507.
    #[arg(long, env = "CAMPUS_BACKUP_SPOOL_LIMIT", value_name = "SIZE", default_value = "4GiB")]
    pub spool_limit: String,
    /// After how long a download ends if its reader takes nothing, up to `1h`.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_STALL_TIMEOUT",
        value_name = "DURATION",
        default_value = "60s"
    )]
    pub stall_timeout: String,
    /// Whether each clear needs `confirm`: `true` or `false`.
    #[arg(long, env = "CAMPUS_BACKUP_REQUIRE_CONFIRMATION", value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_confirmation: String,
    /// For how long you can undo a clear, `365d` at most.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_UNDO_WINDOW",
        value_name = "DURATION",
        default_value = "7d"
    )]
    pub undo_window: String,
    /// The largest archive that can be uploaded, `1TiB` at most.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_UPLOAD_LIMIT",
        value_name = "SIZE",
        default_value = "8GiB"
    )]
    pub upload_limit: String,
    /// The largest file that can be imported, `2GiB` at most.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_IMPORT_LIMIT",
        value_name = "SIZE",
        default_value = "1GiB"
    )]
    pub import_limit: String,
    /// The largest body of a request, `1KiB` to `16MiB`.
    #[arg(long, env = "CAMPUS_BACKUP_BODY_LIMIT", value_name = "SIZE", default_value = "64KiB")]
    pub body_limit: String,
    /// How long the whole body of a request can take, up to `1h`.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_BODY_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s"
    )]
    pub body_timeout: String,
    /// How long running downloads have to end after a stop, up to `1h`.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_SHUTDOWN_TIMEOUT",
        value_name = "DURATION",
        default_value = "30s"
    )]
    pub shutdown_timeout: String,
}

/// Settings of what the service does by itself.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Schedules")]
pub struct AutomationSettings {
    /// Whether this copy of the service makes the runs of schedules: `on` or `off`. Several copies make each run once.
    #[arg(long, env = "CAMPUS_BACKUP_SCHEDULES", value_name = "SWITCH", default_value = "on")]
    pub schedules: String,
    /// How old a run of a schedule can be that is caught up after the service was stopped, `365d` at most. `0s` catches up
    /// none.
    #[arg(long, env = "CAMPUS_BACKUP_CATCH_UP", value_name = "DURATION", default_value = "1d")]
    pub catch_up: String,
    /// Attempts that a run of a schedule has, 1 to 20. The pauses between them are 1, 5, 15 and 60 minutes.
    #[arg(long, env = "CAMPUS_BACKUP_SCHEDULE_ATTEMPTS", value_name = "N", default_value = "5")]
    pub schedule_attempts: String,
    /// By how many percent the rows of a table or a sum of money may fall since the last good backups, `1%` to `99%`. A backup
    /// that fell by more is suspicious. `off` compares nothing.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_SUSPICION_THRESHOLD",
        value_name = "PERCENT|off",
        default_value = "30%"
    )]
    pub suspicion_threshold: String,
    /// For how many days the audit keeps its events, up to 36500. `0` keeps all events.
    #[arg(long, env = "CAMPUS_BACKUP_AUDIT_DAYS", value_name = "DAYS", default_value = "730")]
    pub audit_days: String,
}

/// Settings of mails, webhooks and pings.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Notifications")]
pub struct NotificationSettings {
    /// A file with the URL of the mail server: `smtp://USER:PASSWORD@HOST:PORT`, which demands STARTTLS, or `smtps://...` for
    /// TLS from the first byte. Without a password, `smtp://HOST?tls=opportunistic` and `?tls=none` are possible.
    #[arg(long, env = "CAMPUS_BACKUP_SMTP_URL_FILE", value_name = "FILE")]
    pub smtp_url_file: Option<String>,
    /// The sender of mails, such as `Backups <backup@school.example>`.
    #[arg(long, env = "CAMPUS_BACKUP_SMTP_FROM", value_name = "ADDRESS")]
    pub smtp_from: Option<String>,
    /// The largest archive that a mail carries, `100MiB` at most. Only encrypted archives are sent by mail.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_MAIL_ATTACHMENT_LIMIT",
        value_name = "SIZE",
        default_value = "10MiB"
    )]
    pub mail_attachment_limit: String,
    /// Whether webhooks, pings and destinations can connect to this machine and to its nearest network (loopback and
    /// link-local addresses): `true` or `false`.
    #[arg(long, env = "CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_local_targets: String,
    /// A file with the key that encrypts the secrets of webhooks and destinations in the database: 64 hexadecimal digits. Several copies of the
    /// service need the same key [default: made once and kept in the data folder].
    #[arg(long, env = "CAMPUS_BACKUP_SECRETS_KEY_FILE", value_name = "FILE")]
    pub secrets_key_file: Option<String>,
}

/// Settings of the destinations to which archives are copied.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Destinations")]
pub struct DestinationArguments {
    /// Folders with commas between them. A destination can be a folder in one of them, and nowhere else [default: none, so
    /// that no destination is a folder].
    #[arg(long, env = "CAMPUS_BACKUP_DESTINATION_FOLDERS", value_name = "FOLDERS")]
    pub destination_folders: Option<String>,
    /// How often the service looks for archives that are to be copied or deleted, `1m` to `1d`. After each job it looks at once.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_COPY_INTERVAL",
        value_name = "DURATION",
        default_value = "10m"
    )]
    pub copy_interval: String,
    /// For how long a destination can lack a backup until the health of the backups is failing, at least `1h`.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_DESTINATION_STALE_AFTER",
        value_name = "DURATION",
        default_value = "1d"
    )]
    pub destination_stale_after: String,
}

/// Settings of the health of the backups.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Monitoring")]
pub struct MonitoringSettings {
    /// The age at which the last backup is too old, `1h` to `365d`, such as `26h` if another program starts a backup every night
    /// [default: a run of a schedule may be three hours late].
    #[arg(long, env = "CAMPUS_BACKUP_STALE_AFTER", value_name = "DURATION")]
    pub stale_after: Option<String>,
    /// The age at which the last verification of a backup is too old, at least `1h`.
    #[arg(
        long,
        env = "CAMPUS_BACKUP_VERIFY_STALE_AFTER",
        value_name = "DURATION",
        default_value = "31d"
    )]
    pub verify_stale_after: String,
}

impl Serving {
    /// The settings of the service as the environment has them, for subcommands that have no flags for them.
    ///
    /// # Errors
    /// If a variable is not valid Unicode.
    pub fn from_environment() -> Result<Self, ExitError> {
        let matches = Self::augment_args(clap::Command::new("campus-backup")).try_get_matches_from(["campus-backup"]);
        matches
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|error| ExitError::Settings(vec![error.kind().to_string()]))
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
pub(crate) struct ListedSetting {
    pub(crate) flag: String,
    pub(crate) variable: String,
    pub(crate) default: Option<String>,
}

/// Every setting that has a variable.
pub(crate) fn settings() -> Vec<ListedSetting> {
    Serve::augment_args(clap::Command::new("campus-backup"))
        .get_arguments()
        .filter_map(|argument| {
            Some(ListedSetting {
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
