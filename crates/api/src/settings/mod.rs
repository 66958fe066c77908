//! The checked settings: inside the service an impossible setting can't exist.
//!
//! All settings are checked in one pass, which reports every problem on a line of its own. A message never contains a
//! secret or the address of the database.

mod check;
pub(crate) mod units;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use campus_backup_archive::{Keys, Recipients};
use campus_backup_domain::account::{self, Allowance, IdentityProvider, LoginLimits};
use campus_backup_domain::clock::Clock;
use campus_backup_domain::destination::DestinationSettings;
use campus_backup_domain::import::read::MAX_FILE_BYTES;
use campus_backup_domain::notify::{LocalTargets, MailStyle, NotifySettings, SecretsKey, SmtpSettings};
use campus_backup_domain::{database, store};
use chrono::TimeDelta;
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;

use self::check::Check;
use crate::body::BodyLimits;
use crate::cli::exit::{ErrorForm, ExitError};
use crate::cli::{ADMIN_PASSWORD, CommonSettings, JWT_SECRET, JWT_SECRET_PREVIOUS, Serve, Serving};
use crate::client_ip::TrustedProxies;
use crate::data_dir::secret::check_signing;
use crate::openapi::Pages;
use crate::readiness::StorePolicy;

/// All settings. [`cli`](crate::cli) describes each.
#[derive(Clone)]
pub struct Settings {
    /// The folder for the service's own files.
    pub data_dir: PathBuf,
    /// The store of the archives.
    pub archives: store::StoreSettings,
    /// The public keys that archives are encrypted to, if any: those of the settings, and those of the key file.
    pub archive_recipients: Recipients,
    /// The keys that open encrypted archives.
    pub archive_keys: Keys,
    /// How long a clear can be undone.
    pub undo_window: Duration,
    /// Whether this copy of the service makes the runs of schedules.
    pub schedules: ScheduleSwitch,
    /// How old a run may be that is caught up after an outage.
    pub catch_up: Duration,
    /// How many attempts a run of a schedule has.
    pub schedule_attempts: u32,
    /// By how many percent the figures of a new backup may fall before it is suspicious; none to compare nothing.
    pub suspicion_threshold: Option<u8>,
    /// The mail server, if there is one.
    pub smtp: Option<SmtpSettings>,
    /// How many bytes an archive may have that a mail carries.
    pub mail_attachment_limit: u64,
    /// Whether webhooks, pings and destinations may connect to this machine.
    pub local_targets: LocalTargets,
    /// The key that encrypts stored secrets, instead of the one in the data folder. See
    /// [`secret`](crate::data_dir::secret).
    pub secrets_key: Option<SecretsKey>,
    /// The age at which the last backup is too old; none if the schedules say so.
    pub stale_after: Option<Duration>,
    /// The age at which the last verification is too old.
    pub verify_stale_after: Duration,
    /// The folders in which a destination may be.
    pub destination_folders: Vec<PathBuf>,
    /// How often the service looks for archives that are to be copied.
    pub copy_interval: Duration,
    /// For how long a destination may lack a backup.
    pub destination_stale_after: Duration,
    /// For how many days the audit keeps its events; 0 keeps all.
    pub audit_days: u32,
    /// The maximum size of an uploaded archive in bytes.
    pub upload_limit: u64,
    /// The maximum size of a file to be imported in bytes.
    pub import_limit: u64,
    /// The connection to the database.
    pub database: database::DatabaseSettings,
    /// What is logged, as a filter of `tracing_subscriber`.
    pub log: String,
    /// The format of the log.
    pub log_format: LogFormat,
    /// The address of the service.
    pub listen: SocketAddr,
    /// A second address, for operators only.
    pub internal_listen: Option<SocketAddr>,
    /// Which pages show the API.
    pub pages: Pages,
    /// Whether the service is ready without its store.
    pub store_policy: StorePolicy,
    /// The address of the service for browsers, without a slash at its end.
    pub public_url: Option<String>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// The origins whose pages may call the service.
    pub cors_origins: Vec<String>,
    /// The name of the first administrator.
    pub admin_username: String,
    /// The password of the first administrator. Without one it is generated.
    pub admin_password: Option<SecretString>,
    /// The secret that signs the tokens, instead of the one in the data folder. See
    /// [`secret`](crate::data_dir::secret).
    pub jwt_secret: Option<SecretString>,
    /// The previous secret, which is still accepted during a rotation.
    pub jwt_secret_previous: Option<SecretString>,
    /// How long a token is valid.
    pub token_lifetime: Duration,
    /// How long a browser can renew its session without the password.
    pub session_lifetime: Duration,
    /// The number of sign-in attempts that one account may make at once.
    pub login_burst_account: NonZeroU32,
    /// The number of sign-in attempts that one address may make at once.
    pub login_burst_address: NonZeroU32,
    /// The time zone of the school.
    pub timezone: Tz,
    /// How many downloads may run at once.
    pub max_downloads: u32,
    /// How many bytes of a download are collected before they are sent.
    pub chunk_size: usize,
    /// How many threads each worker may have for blocking work.
    pub blocking_threads: usize,
    /// The time without progress after which a download is broken off.
    pub stall_timeout: Duration,
    /// How many bytes all spooled downloads may use on the disk of the data folder.
    pub spool_limit: u64,
    /// Whether a clear needs `confirm`.
    pub require_confirmation: bool,
    /// The limits of a body's size and time.
    pub body: BodyLimits,
    /// How long running downloads may take to end when the service stops.
    pub shutdown_timeout: Duration,
    /// The external identity provider, if there is one.
    pub oidc: Option<IdentityProvider>,
    /// Whether an empty database is filled with a demo school.
    pub demo: bool,
}

/// Whether a copy of the service makes the runs of schedules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScheduleSwitch {
    /// It does.
    #[default]
    On,
    /// Other copies do.
    Off,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// JSON for programs, one object a line.
    Json,
}

/// Shows no setting: some are secrets, and the address of the database may contain a password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Settings {
    /// The settings of the accounts. Tokens are signed with `secret` and are for `installation`.
    pub fn accounts(&self, secret: SecretString, installation: String) -> account::AccountSettings {
        let defaults = LoginLimits::default();
        let bytes = |secret: &SecretString| secret.expose_secret().as_bytes().to_vec().into();
        account::AccountSettings {
            secret: bytes(&secret),
            previous_secret: self.jwt_secret_previous.as_ref().map(bytes),
            installation,
            token_lifetime: self.token_lifetime,
            session_lifetime: self.session_lifetime,
            logins: LoginLimits {
                account: Allowance {
                    burst: self.login_burst_account.get(),
                    ..defaults.account
                },
                address: Allowance {
                    burst: self.login_burst_address.get(),
                    ..defaults.address
                },
            },
            identity_provider: self.oidc.clone(),
            clock: Clock::system(),
        }
    }

    /// The settings of notifications, with the key that encrypts their secrets.
    pub fn notify(&self, key: Option<SecretsKey>) -> NotifySettings {
        NotifySettings {
            smtp: self.smtp.clone(),
            local_targets: self.local_targets,
            attachment_limit: self.mail_attachment_limit,
            style: MailStyle {
                timezone: self.timezone,
                dashboard: self.public_url.as_ref().map(|url| format!("{url}/backup/")),
            },
            key,
        }
    }

    /// The settings of destinations, with the key that encrypts their secrets.
    pub fn destinations(&self, key: Option<SecretsKey>) -> DestinationSettings {
        DestinationSettings {
            folders: self.destination_folders.clone(),
            local_targets: self.local_targets,
            key,
            interval: TimeDelta::from_std(self.copy_interval).unwrap_or(TimeDelta::MAX),
            request_timeout: None,
        }
    }

    /// The settings of `serve`, from its arguments and the environment of this process.
    ///
    /// # Errors
    ///
    /// [`ExitError::Settings`] with every problem.
    pub fn of_serve(serve: &Serve) -> Result<Self, ExitError> {
        let log = match serve.common.quiet {
            true => "error",
            false => "info",
        };
        Self::check(serve, log, &environment())
    }

    /// The settings of any other subcommand.
    ///
    /// # Errors
    ///
    /// [`ExitError::Settings`] with every problem.
    pub fn of_command(common: &CommonSettings) -> Result<Self, ExitError> {
        let log = match (ErrorForm::of(std::env::args_os()), common.quiet) {
            // With `--json` the error object has the problem.
            (ErrorForm::Json, _) => "off",
            (ErrorForm::Text, true) => "error",
            (ErrorForm::Text, false) => "warn",
        };
        let serve = Serve {
            common: common.clone(),
            serving: Serving::from_environment()?,
            demo: false,
        };
        Self::check(&serve, log, &environment())
    }

    /// Only the keys that open archives: reading a backup file needs no installation.
    ///
    /// # Errors
    ///
    /// [`ExitError::Settings`] with every problem.
    pub fn archive_keys_of(common: &CommonSettings) -> Result<Keys, ExitError> {
        let environment = environment();
        let mut check = Check::new(&environment);
        let keys = check.keys("archive-key-file", common.archive_key_file.as_deref());
        let previous = check.keys("archive-key-previous-file", common.archive_key_previous_file.as_deref());
        check.finish(keys.with(&previous))
    }

    /// Checks all settings. The environment is needed for secrets, and to find unknown variables. `log` is the default
    /// filter of the log.
    ///
    /// # Errors
    ///
    /// [`ExitError::Settings`] with every problem.
    pub fn check(serve: &Serve, log: &str, environment: &BTreeMap<String, String>) -> Result<Self, ExitError> {
        const HOUR: u64 = 3_600;
        const DAY: u64 = 24 * HOUR;
        const YEAR: u64 = 365 * DAY;
        const ONE_TIB: u64 = 1 << 40;
        const ONE_MIB_BYTES: u64 = 1 << 20;
        const SIXTEEN_MIB: u32 = 16 << 20;
        const ONE_MIB: u32 = 1 << 20;
        let common = &serve.common;
        let Serving {
            address,
            accounts,
            requests,
            automation,
            notifications,
            destinations,
            monitoring,
        } = &serve.serving;
        let log = common
            .log
            .as_deref()
            .filter(|log| !log.trim().is_empty())
            .unwrap_or(log);
        let mut check = Check::new(environment);
        check.unknown_variables();

        let data_dir = PathBuf::from(check.text("data-dir", &common.data_dir));
        let (archive_key, previous_key) = (
            check.keys("archive-key-file", common.archive_key_file.as_deref()),
            check.keys("archive-key-previous-file", common.archive_key_previous_file.as_deref()),
        );
        let max_downloads = check.number("max-downloads", &requests.max_downloads, 1..=1_000);
        let settings = Self {
            database: database::DatabaseSettings {
                url: check.database_url(common.database_url.as_deref(), &data_dir),
                connections: check.number("database-connections", &common.database_connections, 2..=1_000),
                readers: max_downloads,
                lock_timeout: check.duration("database-timeout", &common.database_timeout, 1..=HOUR),
            },
            archives: check.archives(common.archives.as_deref(), &data_dir),
            archive_recipients: check.recipients(
                "archive-recipients",
                common.archive_recipients.as_deref(),
                &archive_key.recipients(),
            ),
            archive_keys: archive_key.with(&previous_key),
            undo_window: check.duration("undo-window", &requests.undo_window, 1..=YEAR),
            schedules: check.parsed("schedules", &automation.schedules, "on or off", |text| match text {
                "on" => Some(ScheduleSwitch::On),
                "off" => Some(ScheduleSwitch::Off),
                _ => None,
            }),
            catch_up: check.duration("catch-up", &automation.catch_up, 0..=YEAR),
            schedule_attempts: check.number("schedule-attempts", &automation.schedule_attempts, 1..=20),
            suspicion_threshold: check.parsed(
                "suspicion-threshold",
                &automation.suspicion_threshold,
                "a percentage from 1% to 99%, or off",
                |text| match text {
                    "off" => Some(None),
                    percent => {
                        let number = percent.strip_suffix('%').unwrap_or(percent).parse().ok();
                        number.filter(|number| (1..=99).contains(number)).map(Some)
                    }
                },
            ),
            audit_days: check.number("audit-days", &automation.audit_days, 0..=36_500),
            smtp: check.smtp(notifications),
            mail_attachment_limit: check.size(
                "mail-attachment-limit",
                &notifications.mail_attachment_limit,
                0..=100 * ONE_MIB_BYTES,
            ),
            local_targets: check.parsed(
                "allow-local-targets",
                &notifications.allow_local_targets,
                "true or false",
                |text| match text {
                    "true" => Some(LocalTargets::Allowed),
                    "false" => Some(LocalTargets::Refused),
                    _ => None,
                },
            ),
            secrets_key: check.secrets_key(notifications),
            stale_after: check.optional_duration("stale-after", monitoring.stale_after.as_deref(), HOUR..=YEAR),
            verify_stale_after: check.duration("verify-stale-after", &monitoring.verify_stale_after, HOUR..=10 * YEAR),
            destination_folders: check.folders("destination-folders", destinations.destination_folders.as_deref()),
            copy_interval: check.duration("copy-interval", &destinations.copy_interval, 60..=DAY),
            destination_stale_after: check.duration(
                "destination-stale-after",
                &destinations.destination_stale_after,
                HOUR..=YEAR,
            ),
            upload_limit: check.size("upload-limit", &requests.upload_limit, 1..=ONE_TIB),
            import_limit: check.size("import-limit", &requests.import_limit, 1..=MAX_FILE_BYTES),
            data_dir,
            log: check.parsed("log", log, "a filter such as info or info,sqlx=debug", |text| {
                EnvFilter::builder().parse(text).is_ok().then(|| text.to_owned())
            }),
            log_format: check.parsed("log-format", &common.log_format, "text or json", |text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            }),
            listen: check.listen(&address.listen),
            internal_listen: check.internal_listen(address.internal_listen.as_deref()),
            pages: check.parsed("swagger-ui", &address.swagger_ui, "true or false", |text| match text {
                "true" => Some(Pages::SwaggerUi),
                "false" => Some(Pages::None),
                _ => None,
            }),
            store_policy: check.parsed(
                "require-store",
                &address.require_store,
                "true or false",
                |text| match text {
                    "true" => Some(StorePolicy::Required),
                    "false" => Some(StorePolicy::Optional),
                    _ => None,
                },
            ),
            public_url: check.public_url(address.public_url.as_deref()),
            trusted_proxies: TrustedProxies(check.networks("trusted-proxies", address.trusted_proxies.as_deref())),
            cors_origins: check.origins("cors-origins", address.cors_origins.as_deref()),
            admin_username: check.text("admin-username", &accounts.admin_username),
            admin_password: check.secret(
                ADMIN_PASSWORD,
                "admin-password-file",
                accounts.admin_password_file.as_deref(),
                not_empty,
            ),
            jwt_secret: check.secret(
                JWT_SECRET,
                "jwt-secret-file",
                accounts.jwt_secret_file.as_deref(),
                check_signing,
            ),
            jwt_secret_previous: check.secret(
                JWT_SECRET_PREVIOUS,
                "jwt-secret-previous-file",
                accounts.jwt_secret_previous_file.as_deref(),
                check_signing,
            ),
            token_lifetime: check.duration("token-lifetime", &accounts.token_lifetime, 1..=DAY),
            session_lifetime: check.duration("session-lifetime", &accounts.session_lifetime, 1..=30 * DAY),
            login_burst_account: check.at_least_one("login-burst", &accounts.login_burst),
            login_burst_address: check.at_least_one("login-burst-address", &accounts.login_burst_address),
            timezone: check.parsed(
                "timezone",
                &requests.timezone,
                "a time zone such as Europe/Berlin",
                |text| text.parse().ok(),
            ),
            max_downloads,
            chunk_size: check.small_size("chunk-size", &requests.chunk_size, 4_096..=ONE_MIB),
            blocking_threads: check.blocking_threads(requests.blocking_threads.as_deref(), max_downloads),
            stall_timeout: check.duration("stall-timeout", &requests.stall_timeout, 1..=HOUR),
            spool_limit: check.size("spool-limit", &requests.spool_limit, 0..=ONE_TIB),
            require_confirmation: check.parsed(
                "require-confirmation",
                &requests.require_confirmation,
                "true or false",
                |text| text.parse().ok(),
            ),
            body: BodyLimits {
                size: check.small_size("body-limit", &requests.body_limit, 1_024..=SIXTEEN_MIB),
                time: check.duration("body-timeout", &requests.body_timeout, 1..=HOUR),
            },
            shutdown_timeout: check.duration("shutdown-timeout", &requests.shutdown_timeout, 0..=HOUR),
            oidc: check.oidc(accounts),
            demo: serve.demo,
        };
        check.finish(settings)
    }
}

fn not_empty(secret: &str) -> Result<(), String> {
    match secret.is_empty() {
        true => Err("must not be empty".to_owned()),
        false => Ok(()),
    }
}

/// The default address.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_string_lossy().into_owned())))
        .collect()
}

#[cfg(test)]
mod tests;
