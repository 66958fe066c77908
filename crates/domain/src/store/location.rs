//! The location of the store: the settings, checked, and the backend that they describe.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::SpawnedReqwestConnector;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::list::PaginatedListStore;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use tokio::runtime::Handle;
use url::{Host, Url};

use super::backend::Backend;
use super::folder::{Folder, FolderAccess};
use super::remote::Remote;
use crate::error::{Error, Result};

const EXPECTED: &str = "a folder, file:FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";

/// Defaults that the environment can override.
///
/// - The time limit of a request with its body (`AWS_TIMEOUT`): a part needs most of it on a line of one megabit.
/// - Objects are deleted one by one: not every server supports bulk deletion, and the library panics on a response that
///   names another object.
const OWN: [(&str, &str); 2] = [("timeout", "60 seconds"), ("aws_disable_bulk_delete", "true")];

/// The location of the store.
#[derive(Clone)]
pub struct StoreSettings {
    location: Location,
    /// Settings of remote storage that override those of the environment, by the same names.
    pub options: Vec<(String, String)>,
    /// The minimum age of an unfinished file before it is swept: an hour in a folder, where a lock also shows that its
    /// writer has ended, and otherwise a day.
    pub leftover_age: Duration,
    /// Whether the environment is read.
    pub(super) reads_environment: bool,
}

#[derive(Clone, Debug)]
enum Location {
    Folder(PathBuf),
    Remote { scheme: Scheme, url: Url, prefix: Path },
}

#[derive(Clone, Copy, Debug)]
enum Scheme {
    S3,
    Google,
    Azure,
}

/// Omits the options, which may be secrets.
impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("StoreSettings");
        shown.field("location", &self.location).finish_non_exhaustive()
    }
}

impl StoreSettings {
    /// Parses a folder, as a path or as `file:`, or `s3://`, `gs://` or `az://` with a bucket and a prefix.
    ///
    /// # Errors
    /// [`Error::Invalid`] of `archives`. The message does not repeat the address, which may contain a secret.
    pub fn new(archives: &str) -> Result<Self> {
        let location = Location::parse(archives).ok_or_else(|| invalid(format!("the value is not {EXPECTED}")))?;
        Ok(Self::at(location))
    }

    /// A folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::at(Location::Folder(path.into()))
    }

    /// The folder; none for remote storage.
    pub fn local_folder(&self) -> Option<&std::path::Path> {
        match &self.location {
            Location::Folder(path) => Some(path),
            Location::Remote { .. } => None,
        }
    }

    fn at(location: Location) -> Self {
        let hours = match location {
            Location::Folder(_) => 1,
            Location::Remote { .. } => 24,
        };
        Self {
            location,
            options: Vec::new(),
            leftover_age: Duration::from_secs(hours * 60 * 60),
            reads_environment: true,
        }
    }

    /// The variables with that prefix. An empty one is ignored: environment files have lines like `AWS_ENDPOINT=`.
    fn environment(&self, prefix: &str) -> Vec<(String, String)> {
        let variables = std::env::vars_os().filter(|_| self.reads_environment);
        variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| name.starts_with(prefix) && !value.is_empty())
            .collect()
    }
}

impl Location {
    fn parse(text: &str) -> Option<Self> {
        let is_scheme = |scheme: &str| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
            return (!text.is_empty()).then(|| Self::Folder(text.into()));
        };
        if scheme == "file" {
            let path = match rest.starts_with("//") {
                true => Url::parse(text).ok()?.to_file_path().ok()?,
                false => rest.into(),
            };
            return (!path.as_os_str().is_empty()).then_some(Self::Folder(path));
        }
        let scheme = match scheme {
            "s3" => Scheme::S3,
            "gs" => Scheme::Google,
            "az" => Scheme::Azure,
            _ => return None,
        };
        let url = Url::parse(text).ok()?;
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let prefix = Path::from_url_path(url.path()).ok()?;
        (rest.starts_with("//") && url.has_host() && is_bare).then_some(Self::Remote { scheme, url, prefix })
    }
}

/// Applies, in this order, our defaults, the environment and the given options.
macro_rules! configured {
    ($builder:expr, $prefix:literal, $settings:expr, $url:expr, $runtime:expr) => {{
        let own = OWN.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let builder = $builder
            .with_url($url.as_str())
            .with_retry(retry())
            .with_http_connector(SpawnedReqwestConnector::new($runtime.clone()));
        own.into_iter()
            .chain($settings.environment($prefix))
            .chain($settings.options.iter().cloned())
            .fold(builder, |builder, (key, value)| {
                match key.to_ascii_lowercase().parse() {
                    Ok(key) => builder.with_config(key, value),
                    // Variables of other programs.
                    Err(_) => builder,
                }
            })
    }};
}

pub(super) fn connect(settings: &StoreSettings, access: FolderAccess, runtime: &Handle) -> Result<Backend> {
    let refused = |error: object_store::Error| invalid(error.to_string());
    let (scheme, url, prefix) = match &settings.location {
        Location::Folder(path) => {
            let folder = Folder::open(path, access);
            let what = match access {
                FolderAccess::Create => "made",
                FolderAccess::Existing => "opened",
            };
            return folder
                .map(Backend::Folder)
                .map_err(|error| invalid(format!("the folder `{}` can't be {what}: {error}", path.display())));
        }
        Location::Remote { scheme, url, prefix } => (scheme, url, prefix.clone()),
    };
    Ok(Backend::Remote(match scheme {
        Scheme::S3 => {
            let builder = checked(configured!(AmazonS3Builder::new(), "AWS_", settings, url, runtime))?;
            remote(builder.build().map_err(refused)?, prefix)
        }
        Scheme::Google => {
            let builder = configured!(GoogleCloudStorageBuilder::from_env(), "GOOGLE_", settings, url, runtime);
            remote(builder.build().map_err(refused)?, prefix)
        }
        Scheme::Azure => {
            let builder = configured!(MicrosoftAzureBuilder::from_env(), "AZURE_", settings, url, runtime);
            remote(builder.build().map_err(refused)?, prefix)
        }
    }))
}

fn remote(objects: impl ObjectStore + PaginatedListStore, prefix: Path) -> Remote {
    let objects = Arc::new(objects);
    Remote {
        pages: Some(objects.clone()),
        objects,
        prefix,
        ignores_conditions: Arc::default(),
    }
}

/// StoreSettings that become part of each request's headers, with the names of their variables. The library would panic on what a
/// header can't have.
const OF_HEADERS: [(AmazonS3ConfigKey, &str); 3] = [
    (AmazonS3ConfigKey::AccessKeyId, "AWS_ACCESS_KEY_ID"),
    (AmazonS3ConfigKey::Token, "AWS_SESSION_TOKEN"),
    (AmazonS3ConfigKey::Region, "AWS_REGION"),
];

/// Checks that the library omits.
///
/// # Errors
/// [`Error::Invalid`] of `archives`, without the value.
fn checked(builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
    for (key, name) in OF_HEADERS {
        let value = builder.get_config_value(&key).unwrap_or_default();
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = format!("{name} has a space, a line break or a letter that no such value has");
            return Err(invalid(problem));
        }
    }
    let secret = builder.get_config_value(&AmazonS3ConfigKey::SecretAccessKey);
    if secret.is_some_and(|secret| secret.trim() != secret) {
        let problem = "AWS_SECRET_ACCESS_KEY begins or ends with a space or a line break".to_owned();
        return Err(invalid(problem));
    }
    let endpoints = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let endpoint = endpoints.into_iter().find_map(|key| builder.get_config_value(&key));
    match endpoint.as_deref().map(Url::parse) {
        None => Ok(builder),
        Some(Ok(url)) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() => {
            allow_loopback(builder, &url)
        }
        Some(_) => Err(invalid(
            "AWS_ENDPOINT is not an address such as https://s3.example.com".to_owned(),
        )),
    }
}

/// Allows plain HTTP on this machine. Elsewhere it must be enabled explicitly.
fn allow_loopback(builder: AmazonS3Builder, endpoint: &Url) -> Result<AmazonS3Builder> {
    let setting = |key| builder.get_config_value(&key);
    if endpoint.scheme() != "http" {
        return Ok(builder);
    }
    let is_loopback = match endpoint.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if is_loopback {
        return Ok(builder.with_allow_http(true));
    }
    let is_allowed = setting(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp));
    match is_allowed.is_some_and(|allowed| allowed == "true") {
        true => Ok(builder),
        false => Err(invalid(
            "AWS_ENDPOINT is plain HTTP to another machine; use https, or allow it with AWS_ALLOW_HTTP=true".to_owned(),
        )),
    }
}

/// Stops after half a minute without a response, instead of the library's three.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            max_backoff: Duration::from_secs(5),
            ..BackoffConfig::default()
        },
        max_retries: 3,
        retry_timeout: Duration::from_secs(30),
    }
}

fn invalid(problem: String) -> Error {
    Error::Invalid {
        field: "archives",
        problem,
    }
}
