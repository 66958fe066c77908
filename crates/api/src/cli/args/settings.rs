//! The settings as flags and environment variables.
//!
//! This is the one list of settings. Its comments are the help, its defaults are the defaults, and its variables are the known
//! variables: [`settings`](crate::settings) reads all three from here. Values stay texts here, so that one run reports all
//! problems with them.

use clap::{Args, FromArgMatches};

use crate::cli::exit::ExitError;

/// Secrets are in no flag, where every user of the machine could read them.
pub const SECRET_VARIABLES: [(&str, &str); 3] = [
    (ADMIN_PASSWORD, "password of the first administrator"),
    (JWT_SECRET, "signs the tokens, at least 32 bytes"),
    (JWT_SECRET_PREVIOUS, "still accepted while the secret is rotated"),
];
pub(crate) const ADMIN_PASSWORD: &str = "CAMPUS_BACKUP_ADMIN_PASSWORD";
pub(crate) const JWT_SECRET: &str = "CAMPUS_BACKUP_JWT_SECRET";
pub(crate) const JWT_SECRET_PREVIOUS: &str = "CAMPUS_BACKUP_JWT_SECRET_PREVIOUS";
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
