//! Checks the settings in one pass. Every method records its problem and returns a placeholder. In the end there are
//! either settings or problems, so no placeholder is ever used.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use campus_backup_archive::{Keys, MAX_RECIPIENTS, Recipients};
use campus_backup_domain::account::{IdentityProvider, JwksSource};
use campus_backup_domain::notify::{MailAddress, SecretsKey, SmtpServer, SmtpSettings};
use campus_backup_domain::{Error, store};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{LISTEN, units};
use crate::cli::exit::ExitError;
use crate::cli::{self, AccountSettings, ListedSetting, NotificationSettings, SECRET_VARIABLES, SECRETS_KEY, SMTP_URL};
use crate::data_dir::secret;

const PREFIX: &str = "CAMPUS_BACKUP_";

/// A variable of the build, and not a setting: `cargo run` passes it to the program.
const DASHBOARD_BUILD: &str = "CAMPUS_BACKUP_DASHBOARD";

pub(super) struct Check<'a> {
    environment: &'a BTreeMap<String, String>,
    listed: Vec<ListedSetting>,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    pub(super) fn new(environment: &'a BTreeMap<String, String>) -> Self {
        Self {
            environment,
            listed: cli::settings(),
            problems: Vec::new(),
        }
    }

    pub(super) fn finish<T>(self, settings: T) -> Result<T, ExitError> {
        match self.problems.is_empty() {
            true => Ok(settings),
            false => Err(ExitError::Settings(self.problems)),
        }
    }

    /// A variable with the prefix of the service that is not a setting is misspelled. Without this check it would
    /// silently have no effect.
    pub(super) fn unknown_variables(&mut self) {
        let known = |name: &str| {
            name == DASHBOARD_BUILD
                || self.listed.iter().any(|setting| setting.variable == name)
                || SECRET_VARIABLES.iter().any(|(secret, _)| *secret == name)
        };
        let unknown: Vec<String> = self
            .environment
            .keys()
            .filter(|name| name.starts_with(PREFIX) && !known(name))
            .map(|name| format!("{name} is not a setting; `campus-backup serve --help` lists them"))
            .collect();
        self.problems.extend(unknown);
    }

    pub(super) fn text(&mut self, flag: &str, given: &str) -> String {
        self.given(flag, given)
    }

    /// A value of a fixed form. `expected` completes the sentence "is not ...".
    pub(super) fn parsed<T: Default>(
        &mut self,
        flag: &str,
        given: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let given = self.given(flag, given);
        parse(&given).unwrap_or_else(|| {
            self.refuse(flag, format!("`{given}` is not {expected}"));
            T::default()
        })
    }

    pub(super) fn number<T>(&mut self, flag: &str, given: &str, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let given = self.given(flag, given);
        match given.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (from, to) = (range.start(), range.end());
                self.refuse(flag, format!("`{given}` is not a whole number from {from} to {to}"));
                *from
            }
        }
    }

    pub(super) fn duration(&mut self, flag: &str, given: &str, range: RangeInclusive<u64>) -> Duration {
        let given = self.given(flag, given);
        units::duration(&given, &range).unwrap_or_else(|why| {
            self.refuse(flag, why);
            Duration::from_secs(*range.start())
        })
    }

    pub(super) fn optional_duration(
        &mut self,
        flag: &str,
        given: Option<&str>,
        range: RangeInclusive<u64>,
    ) -> Option<Duration> {
        let given = optional(given)?;
        Some(self.duration(flag, given, range))
    }

    pub(super) fn size(&mut self, flag: &str, given: &str, range: RangeInclusive<u64>) -> u64 {
        let given = self.given(flag, given);
        units::size(&given, &range).unwrap_or_else(|why| {
            self.refuse(flag, why);
            *range.start()
        })
    }

    /// A size that fits in memory.
    pub(super) fn small_size(&mut self, flag: &str, given: &str, range: RangeInclusive<u32>) -> usize {
        let (least, most) = range.into_inner();
        let size = self.size(flag, given, u64::from(least)..=u64::from(most));
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    pub(super) fn at_least_one(&mut self, flag: &str, given: &str) -> NonZeroU32 {
        NonZeroU32::new(self.number(flag, given, 1..=1_000_000)).unwrap_or(NonZeroU32::MIN)
    }

    /// Each download may need four threads: one encodes, one compresses, one reads in parallel, and one spools. With
    /// fewer, a download could wait for its own thread until it counts as stalled.
    pub(super) fn blocking_threads(&mut self, given: Option<&str>, max_downloads: u32) -> usize {
        const MOST: usize = 4_096;
        const DEFAULT: usize = 512;
        let least = 4 * max_downloads as usize + 2;
        match optional(given) {
            Some(given) => self.number("blocking-threads", given, least..=MOST),
            None => DEFAULT.max(least),
        }
    }

    pub(super) fn listen(&mut self, given: &str) -> SocketAddr {
        self.address("listen", given).unwrap_or(LISTEN)
    }

    pub(super) fn internal_listen(&mut self, given: Option<&str>) -> Option<SocketAddr> {
        let given = optional(given)?;
        self.address("internal-listen", given)
    }

    fn address(&mut self, flag: &str, given: &str) -> Option<SocketAddr> {
        let expected = "an address and a port such as 127.0.0.1:8080 or [::]:8080";
        self.parsed(flag, given, expected, |text| text.parse().ok().map(Some))
    }

    /// The message never repeats the address, because it may contain a password.
    pub(super) fn database_url(&mut self, given: Option<&str>, data_dir: &Path) -> String {
        let Some(given) = optional(given) else {
            return self.database_file(data_dir);
        };
        // MariaDB uses MySQL's protocol, and people write its own name.
        let url = match given.strip_prefix("mariadb:") {
            Some(rest) => format!("mysql:{rest}"),
            None => given.to_owned(),
        };
        let server = ["postgres:", "postgresql:", "mysql:"];
        // In memory each connection would have its own empty database, which ends with the connection.
        let memory = url.contains(":memory:") || url.contains("mode=memory");
        let file = url.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty()) && !memory;
        let is_server = server.iter().any(|scheme| url.starts_with(scheme));
        let names_place = file || (is_server && Url::parse(&url).is_ok_and(|url| has_place(&url)));
        if is_server && has_bare_separator(&url) {
            let rule = "a character of `#?/@%:` in the user name or the password must be percent-encoded: # is %23, ? is %3F, / is \
                        %2F, @ is %40, % is %25, : is %3A";
            self.refuse("database-url", rule.to_owned());
        } else if !names_place {
            let expected = "sqlite:FILE, postgres://USER:PASSWORD@HOST/DATABASE, mysql://USER:PASSWORD@HOST/DATABASE, or for a Unix \
                            socket postgres://USER:PASSWORD@%2Fvar%2Frun%2Fpostgresql/DATABASE or \
                            mysql://USER:PASSWORD@localhost/DATABASE?socket=/run/mysqld/mysqld.sock";
            self.refuse("database-url", format!("the value is not of the form {expected}"));
        }
        url
    }

    fn database_file(&mut self, data_dir: &Path) -> String {
        let path = data_dir.join("campus-backup.db");
        let text = path.to_string_lossy();
        // These characters have a special meaning in the address of a file.
        if text.contains(['?', '#', '%']) {
            self.refuse(
                "data-dir",
                "must not have ?, # or % in it while the database is a file in it".to_owned(),
            );
        }
        format!("sqlite:{text}")
    }

    /// The message never repeats the address, because it may contain a secret.
    pub(super) fn archives(&mut self, given: Option<&str>, data_dir: &Path) -> store::StoreSettings {
        let default = || store::StoreSettings::folder(data_dir.join("archives"));
        let Some(given) = optional(given) else {
            return default();
        };
        store::StoreSettings::new(given).unwrap_or_else(|error| {
            let why = match error {
                Error::Invalid { problem, .. } => problem,
                other => other.to_string(),
            };
            self.refuse("archives", why);
            default()
        })
    }

    pub(super) fn public_url(&mut self, given: Option<&str>) -> Option<String> {
        let given = optional(given)?;
        let url = Url::parse(given)
            .ok()
            .filter(|url| is_http(url) && has_no_user(url) && url.query().is_none() && url.fragment().is_none());
        if url.is_none() {
            let expected = "an address such as https://backup.school.example, without a query";
            self.refuse("public-url", format!("`{given}` is not {expected}"));
        }
        url.map(|url| url.as_str().trim_end_matches('/').to_owned())
    }

    /// Networks of proxies. A network that is larger than any private one includes every client, and any client could
    /// then claim any address.
    pub(super) fn networks(&mut self, flag: &str, given: Option<&str>) -> Vec<IpNet> {
        let networks = self.list(flag, given, "an address or a network such as 10.0.0.0/8", |text| {
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse::<IpNet>().ok().or_else(address)
        });
        for network in &networks {
            let widest = match network {
                IpNet::V4(_) => 8,
                IpNet::V6(_) => 7,
            };
            if network.prefix_len() < widest {
                let why = format!("`{network}` has more in it than proxies; name the addresses of the proxies");
                self.refuse(flag, why);
            }
        }
        networks
    }

    pub(super) fn origins(&mut self, flag: &str, given: Option<&str>) -> Vec<String> {
        let expected = "an origin such as https://school.example: scheme, host and port, no path";
        self.list(flag, given, expected, |text| {
            let url = Url::parse(text).ok()?;
            let bare = url.path() == "/" && !text.ends_with('/') && url.query().is_none() && url.fragment().is_none();
            (is_http(&url) && has_no_user(&url) && bare).then(|| url.origin().ascii_serialization())
        })
    }

    /// The secret keys in a file; none if there is no file.
    pub(super) fn keys(&mut self, flag: &str, file: Option<&str>) -> Keys {
        let Some(file) = optional(file) else {
            return Keys::none();
        };
        let read = secret::read_private(Path::new(file)).map_err(|problem| format!("`{file}` {problem}"));
        let keys = read.and_then(|text| Keys::parse(&text).map_err(|error| format!("`{file}`: {error}")));
        keys.unwrap_or_else(|problem| {
            self.refuse(flag, problem);
            Keys::none()
        })
    }

    /// The public keys of the list, and those of the key file.
    pub(super) fn recipients(&mut self, flag: &str, given: Option<&str>, of_key_file: &Recipients) -> Recipients {
        if given.is_some_and(|given| given.to_ascii_uppercase().contains(SECRET_KEY_START)) {
            // The message must not repeat it.
            self.refuse(
                flag,
                "it has a secret key; only public keys of age (age1...) belong here".to_owned(),
            );
            return of_key_file.clone();
        }
        let expected = "a public key of age (age1...)";
        let listed = self.list(flag, given, expected, |key| Recipients::parse(key).ok());
        let all = listed
            .iter()
            .fold(Recipients::none(), |all, one| all.with(one))
            .with(of_key_file);
        if all.public_keys().len() > MAX_RECIPIENTS {
            self.refuse(
                flag,
                format!("there are more than {MAX_RECIPIENTS} keys with those of --archive-key-file"),
            );
        }
        all
    }

    /// A secret from its variable or from its file. `check` returns its fault, which completes the sentence "the
    /// secret ...".
    pub(super) fn secret(
        &mut self,
        variable: &'static str,
        file_flag: &str,
        file: Option<&str>,
        check: impl FnOnce(&str) -> Result<(), String>,
    ) -> Option<SecretString> {
        let direct = self.environment.get(variable).filter(|value| !value.is_empty());
        let (secret, name) = match (direct, optional(file)) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                self.refuse(
                    file_flag,
                    format!("{variable} is set as well; only one of them can count"),
                );
                return None;
            }
            (Some(secret), None) => (secret.clone(), variable.to_owned()),
            (None, Some(file)) => match secret::read_private(Path::new(file)) {
                Ok(secret) => (secret.trim_end_matches(['\r', '\n']).to_owned(), self.name(file_flag)),
                Err(problem) => {
                    self.refuse(file_flag, format!("`{file}` {problem}"));
                    return None;
                }
            },
        };
        if let Err(problem) = check(&secret) {
            self.problems.push(format!("{name}: the secret {problem}"));
        }
        Some(secret.into())
    }

    pub(super) fn oidc(&mut self, accounts: &AccountSettings) -> Option<IdentityProvider> {
        let parts = [
            ("oidc-jwks", &accounts.oidc_jwks),
            ("oidc-issuer", &accounts.oidc_issuer),
            ("oidc-audience", &accounts.oidc_audience),
            ("oidc-role-claim", &accounts.oidc_role_claim),
        ];
        let [jwks, issuer, audience, role_claim] = parts.map(|(_, given)| optional(given.as_deref()));
        let admin_role = self.given("oidc-admin-role", &accounts.oidc_admin_role);
        let Some((((jwks, issuer), audience), role_claim)) = jwks.zip(issuer).zip(audience).zip(role_claim) else {
            let default = self
                .listed("oidc-admin-role")
                .and_then(|setting| setting.default.clone());
            let begun = default.is_some_and(|default| default != admin_role)
                || parts.iter().any(|(_, given)| optional(given.as_deref()).is_some());
            for (flag, given) in parts {
                if begun && optional(given.as_deref()).is_none() {
                    self.refuse(
                        flag,
                        "is missing: an identity provider needs all of its settings".to_owned(),
                    );
                }
            }
            return None;
        };
        Some(IdentityProvider {
            jwks: self.jwks(jwks),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            role_claim: role_claim.to_owned(),
            admin_role,
        })
    }

    fn jwks(&mut self, given: &str) -> JwksSource {
        match Url::parse(given) {
            Ok(url) if is_http(&url) => {
                let source = JwksSource::Url(url);
                if let Err(Error::Invalid { problem, .. }) = source.check() {
                    self.refuse("oidc-jwks", problem);
                }
                return source;
            }
            Ok(_) if given.contains("://") => {
                self.refuse(
                    "oidc-jwks",
                    format!("`{given}` is neither a file nor an http(s) address"),
                );
            }
            _ if !Path::new(given).is_file() => {
                self.refuse("oidc-jwks", format!("there is no file `{given}`"));
            }
            _ => {}
        }
        JwksSource::File(PathBuf::from(given))
    }

    /// Folders with commas between them. They need not exist yet: a disk may be mounted later.
    pub(super) fn folders(&mut self, flag: &str, given: Option<&str>) -> Vec<PathBuf> {
        self.list(flag, given, "the whole path of a folder, without `..`", |text| {
            let path = PathBuf::from(text);
            let is_plain = path.is_absolute() && !path.components().any(|part| part == Component::ParentDir);
            is_plain.then_some(path)
        })
    }

    /// The mail server and the sender of mails: both or neither.
    pub(super) fn smtp(&mut self, notifications: &NotificationSettings) -> Option<SmtpSettings> {
        let check = |url: &str| SmtpServer::parse(url).map(drop);
        let url = self.secret(SMTP_URL, "smtp-url-file", notifications.smtp_url_file.as_deref(), check);
        let from = optional(notifications.smtp_from.as_deref());
        match (url, from) {
            (None, None) => None,
            (Some(_), None) => {
                self.refuse(
                    "smtp-from",
                    "is missing: a mail server needs a sender of mails".to_owned(),
                );
                None
            }
            (None, Some(_)) => {
                self.refuse(
                    "smtp-from",
                    format!("a sender of mails needs a mail server, and {SMTP_URL} is not set"),
                );
                None
            }
            (Some(url), Some(from)) => {
                let from = MailAddress::parse(from)
                    .map_err(|problem| self.refuse("smtp-from", problem))
                    .ok()?;
                // A fault of the URL was reported.
                let server = SmtpServer::parse(url.expose_secret()).ok()?;
                Some(SmtpSettings { server, from })
            }
        }
    }

    /// The key that encrypts stored secrets; none if it is the one in the data folder.
    pub(super) fn secrets_key(&mut self, notifications: &NotificationSettings) -> Option<SecretsKey> {
        let file = notifications.secrets_key_file.as_deref();
        let key = self.secret(SECRETS_KEY, "secrets-key-file", file, secret::check_secrets_key)?;
        SecretsKey::from_hex(key.expose_secret()).ok()
    }

    fn list<T>(
        &mut self,
        flag: &str,
        given: Option<&str>,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let entries = given.unwrap_or_default().split(',').map(str::trim);
        let mut parsed = Vec::new();
        for entry in entries.filter(|entry| !entry.is_empty()) {
            match parse(entry) {
                Some(value) => parsed.push(value),
                None => self.refuse(flag, format!("`{entry}` is not {expected}")),
            }
        }
        parsed
    }

    /// The given value, or the default if it is empty: a compose file sets `X=` for a setting without a value.
    fn given(&self, flag: &str, given: &str) -> String {
        let given = given.trim();
        let default = || self.listed(flag).and_then(|setting| setting.default.clone());
        match given.is_empty() {
            true => default().unwrap_or_default(),
            false => given.to_owned(),
        }
    }

    fn listed(&self, flag: &str) -> Option<&ListedSetting> {
        self.listed.iter().find(|setting| setting.flag == flag)
    }

    fn name(&self, flag: &str) -> String {
        match self.listed(flag) {
            Some(setting) => format!("--{flag} ({})", setting.variable),
            None => format!("--{flag}"),
        }
    }

    fn refuse(&mut self, flag: &str, why: String) {
        let name = self.name(flag);
        self.problems.push(format!("{name}: {why}"));
    }
}

/// The start of each secret key of age.
const SECRET_KEY_START: &str = "AGE-SECRET-KEY";

fn optional(given: Option<&str>) -> Option<&str> {
    given.map(str::trim).filter(|given| !given.is_empty())
}

/// Whether an address of a server has a database, and a host or a socket.
fn has_place(url: &Url) -> bool {
    let has_socket = || {
        url.query_pairs()
            .any(|(name, value)| name == "host" && value.starts_with('/'))
    };
    url.path().len() > 1 && (url.has_host() || has_socket())
}

/// Whether the user name or the password contains a character that ends it. The `@` after it is then in the name of
/// the database or in a fragment, or the password is taken for a port.
fn has_bare_separator(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let Some((authority, _)) = rest.split_once(['/', '?', '#']) else {
        return false;
    };
    if authority.contains('@') {
        return false;
    }
    match Url::parse(url) {
        Ok(url) => url.path().contains('@') || url.fragment().is_some_and(|fragment| fragment.contains('@')),
        Err(_) => rest.contains('@'),
    }
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

fn has_no_user(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}
