//! The location of the store: the settings, checked, and the backend that they describe.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, SpawnService,
    SpawnedReqwestConnector,
};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::list::PaginatedListStore;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;
use url::{Host, Url};

use super::backend::Backend;
use super::folder::{Folder, FolderAccess};
use super::remote::Remote;
use crate::error::{Error, Result};
use crate::notify::{LocalTargets, network};

const EXPECTED: &str = "a folder, file:FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";

/// Defaults that the environment can override.
///
/// - The time limit of a request with its body (`AWS_TIMEOUT`): a part needs most of it on a line of one megabit.
/// - Objects are deleted one by one: not every server supports bulk deletion, and the library panics on a response that
///   names another object.
const OWN: [(&str, &str); 2] = [("timeout", "60 seconds"), ("aws_disable_bulk_delete", "true")];

/// The variable of the environment that counts also for an [access](StoreAccess) with credentials of its own.
const SHARED: &str = "AWS_ALLOW_HTTP";

/// Variables that name an endpoint. They are those of the store of the settings.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];

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
    /// How a destination is reached; none for the store of the settings.
    access: Option<StoreAccess>,
}

/// How a destination in remote storage is reached.
#[derive(Clone, Debug, Default)]
pub struct StoreAccess {
    /// The address of a storage with the interface of S3; none for Amazon's.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// The credentials; none for those of the environment.
    pub credentials: Option<StoreCredentials>,
    /// Whether connections may go to addresses of the machine itself.
    pub local_targets: LocalTargets,
    /// How long a request may take with its body; none for the default.
    pub request_timeout: Option<Duration>,
}

/// Credentials of remote storage.
#[derive(Clone, Debug)]
pub struct StoreCredentials {
    /// The id of the key; for Azure the name of the account. Google has none.
    pub access_key_id: Option<String>,
    /// The secret key; for Google the key of a service account, as JSON.
    pub secret_access_key: SecretString,
}

/// Where a store is, to compare it with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// A folder.
    Folder(PathBuf),
    /// Remote storage.
    Remote {
        /// The provider: `s3`, `gs` or `az`.
        scheme: &'static str,
        /// Where the provider is, if it is not the usual address.
        endpoint: Option<String>,
        /// The account to which the container belongs, as Azure has them.
        account: Option<String>,
        /// The bucket or container.
        bucket: String,
        /// The parts of the prefix.
        prefix: Vec<String>,
    },
}

impl StorePlace {
    /// Whether they are the same place, or one is inside of the other. Folders are compared as they are written.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(one), Self::Folder(other)) => one.starts_with(other) || other.starts_with(one),
            (
                Self::Remote {
                    scheme,
                    endpoint,
                    account,
                    bucket,
                    prefix,
                },
                Self::Remote {
                    scheme: other_scheme,
                    endpoint: other_endpoint,
                    account: other_account,
                    bucket: other_bucket,
                    prefix: other_prefix,
                },
            ) => {
                let is_same_bucket =
                    (scheme, endpoint, account, bucket) == (other_scheme, other_endpoint, other_account, other_bucket);
                is_same_bucket && (prefix.starts_with(other_prefix) || other_prefix.starts_with(prefix))
            }
            _ => false,
        }
    }
}

#[derive(Clone, Debug)]
enum Location {
    Folder(PathBuf),
    Remote { scheme: Scheme, url: Url, prefix: Path },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    S3,
    Google,
    Azure,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }

    /// The prefix of its variables.
    const fn variables(self) -> &'static str {
        match self {
            Self::S3 => "AWS_",
            Self::Google => "GOOGLE_",
            Self::Azure => "AZURE_",
        }
    }
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

    /// The same with options of remote storage, named as the variables of the environment, which they replace.
    #[must_use]
    pub fn with_options(self, options: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            options: options.into_iter().collect(),
            reads_environment: false,
            ..self
        }
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
            access: None,
        }
    }

    /// The same place, reached in another way than the variables of the environment say.
    #[must_use]
    pub fn with_access(self, access: StoreAccess) -> Self {
        Self {
            access: Some(access),
            ..self
        }
    }

    /// The provider of remote storage, as in its address: `s3`, `gs` or `az`; none for a folder.
    pub fn scheme(&self) -> Option<&'static str> {
        match &self.location {
            Location::Folder(_) => None,
            Location::Remote { scheme, .. } => Some(scheme.name()),
        }
    }

    /// Where the store is.
    pub fn place(&self) -> StorePlace {
        match &self.location {
            Location::Folder(path) => StorePlace::Folder(path.clone()),
            Location::Remote { scheme, url, prefix } => StorePlace::Remote {
                scheme: scheme.name(),
                endpoint: self.endpoint(*scheme),
                account: self.account(*scheme),
                bucket: url.host_str().unwrap_or_default().to_owned(),
                prefix: prefix.parts().map(|part| part.as_ref().to_owned()).collect(),
            },
        }
    }

    /// The endpoint in a form that can be compared, if it is not the provider's own.
    fn endpoint(&self, scheme: Scheme) -> Option<String> {
        let given = match &self.access {
            Some(access) => access.endpoint.clone(),
            None => self.option(scheme, &ENDPOINTS),
        };
        let url = Url::parse(&given?).ok()?;
        let is_amazon = |host: &str| host == "amazonaws.com" || host.ends_with(".amazonaws.com");
        if url.host_str().is_some_and(is_amazon) {
            return None;
        }
        Some(format!(
            "{}:{}{}",
            url.host_str().unwrap_or_default(),
            url.port_or_known_default().unwrap_or_default(),
            url.path().trim_end_matches('/')
        ))
    }

    /// The account of Azure.
    fn account(&self, scheme: Scheme) -> Option<String> {
        if scheme != Scheme::Azure {
            return None;
        }
        let given = self.access.as_ref().and_then(|access| access.credentials.clone());
        match given {
            Some(credentials) => credentials.access_key_id,
            None => self.option(scheme, &["AZURE_STORAGE_ACCOUNT_NAME"]),
        }
    }

    /// The value of the environment or of the options that counts.
    fn option(&self, scheme: Scheme, names: &[&str]) -> Option<String> {
        let given = self
            .environment(scheme.variables())
            .into_iter()
            .chain(self.options.clone());
        let is_it = |name: &str| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        given.rev().find(|(name, _)| is_it(name)).map(|(_, value)| value)
    }

    /// Whether a connection to that endpoint is encrypted, or stays on this machine, or need not be encrypted.
    pub fn permits(&self, endpoint: &Url) -> bool {
        let is_allowed = || {
            self.option(Scheme::S3, &[SHARED])
                .is_some_and(|allowed| allowed == "true")
        };
        endpoint.scheme() == "https" || is_loopback(endpoint) || is_allowed()
    }

    /// The variables with that prefix. An empty one is ignored: environment files have lines like `AWS_ENDPOINT=`.
    fn environment(&self, prefix: &str) -> Vec<(String, String)> {
        let is_read = |name: &str| match &self.access {
            None => true,
            Some(access) if access.credentials.is_some() => name == SHARED,
            // Credentials of the environment, but for the place of the settings.
            Some(_) => !ENDPOINTS.contains(&name),
        };
        let variables = std::env::vars_os().filter(|_| self.reads_environment);
        variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| name.starts_with(prefix) && !value.is_empty() && is_read(name))
            .collect()
    }

    /// The options that an access stands for.
    fn access_options(&self, scheme: Scheme) -> Vec<(String, String)> {
        let Some(access) = &self.access else {
            return Vec::new();
        };
        let names = match scheme {
            Scheme::S3 => ("aws_access_key_id", "aws_secret_access_key"),
            Scheme::Google => ("", "google_service_account_key"),
            Scheme::Azure => ("azure_storage_account_name", "azure_storage_account_key"),
        };
        let credentials = access.credentials.iter().flat_map(|credentials| {
            let id = credentials.access_key_id.clone().map(|id| (names.0, id));
            let secret = (names.1, credentials.secret_access_key.expose_secret().to_owned());
            id.into_iter().chain([secret])
        });
        let is_s3 = scheme == Scheme::S3;
        let endpoint = access.endpoint.clone().map(|endpoint| ("aws_endpoint", endpoint));
        let region = access.region.clone().map(|region| ("aws_region", region));
        // A bucket with object lock accepts only uploads with a checksum.
        let checksum = is_s3.then(|| ("aws_checksum_algorithm", "sha256".to_owned()));
        let options = credentials.chain(endpoint).chain(region).chain(checksum);
        options
            .filter(|(name, _)| is_s3 || !name.starts_with("aws_"))
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// Connects a destination: only to addresses that are allowed, without redirects and without a proxy, which would resolve names
/// itself.
#[derive(Debug)]
struct CheckedConnector {
    local_targets: LocalTargets,
    /// Whether the metadata server of a cloud may be asked, which has credentials.
    uses_metadata: bool,
    request_timeout: Duration,
    runtime: Handle,
}

/// Refuses requests to addresses that are not allowed. Names are checked when they are resolved, which an address never is.
#[derive(Debug)]
struct CheckedService {
    client: HttpClient,
    local_targets: LocalTargets,
    uses_metadata: bool,
}

impl CheckedService {
    /// The address of a request's host, if it is one and is refused.
    fn refused(&self, request: &HttpRequest) -> Option<IpAddr> {
        let host = request.uri().host()?.trim_start_matches('[').trim_end_matches(']');
        let address: IpAddr = host.parse().ok()?;
        let is_metadata = self.uses_metadata && METADATA.contains(&host);
        (!is_metadata && !network::is_allowed(address, self.local_targets)).then_some(address)
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for CheckedService {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> Answer<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            match self.refused(&request) {
                None => self.client.execute(request).await,
                Some(address) => {
                    let problem = format!("the address {address} {}", network::LOCAL);
                    Err(HttpError::new(HttpErrorKind::Unknown, std::io::Error::other(problem)))
                }
            }
        })
    }
}

/// The metadata servers of Amazon, Google and Azure.
const METADATA: [&str; 3] = ["169.254.169.254", "169.254.170.2", "169.254.170.23"];

impl HttpConnector for CheckedConnector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = network::client_builder(self.local_targets, self.request_timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|source| object_store::Error::Generic {
                store: "destination",
                source: Box::new(source),
            })?;
        Ok(HttpClient::new(CheckedService {
            client: HttpClient::new(SpawnService::new(client, self.runtime.clone())),
            local_targets: self.local_targets,
            uses_metadata: self.uses_metadata,
        }))
    }
}

/// The default of the time limit of a request with its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
    ($builder:expr, $scheme:expr, $settings:expr, $url:expr, $runtime:expr) => {{
        let own = OWN.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let builder = $builder.with_url($url.as_str()).with_retry(retry());
        let builder = match &$settings.access {
            None => builder.with_http_connector(SpawnedReqwestConnector::new($runtime.clone())),
            Some(access) => builder.with_http_connector(CheckedConnector {
                local_targets: access.local_targets,
                uses_metadata: access.credentials.is_none(),
                request_timeout: access.request_timeout.unwrap_or(REQUEST_TIMEOUT),
                runtime: $runtime.clone(),
            }),
        };
        own.into_iter()
            .chain($settings.environment($scheme.variables()))
            .chain($settings.access_options($scheme))
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
    let has_credentials = settings
        .access
        .as_ref()
        .is_some_and(|access| access.credentials.is_some());
    Ok(Backend::Remote(match scheme {
        Scheme::S3 => {
            let builder = checked(configured!(AmazonS3Builder::new(), *scheme, settings, url, runtime))?;
            remote(builder.build().map_err(refused)?, prefix, *scheme)
        }
        Scheme::Google => {
            let builder = match has_credentials {
                true => GoogleCloudStorageBuilder::new(),
                false => GoogleCloudStorageBuilder::from_env(),
            };
            let builder = configured!(builder, *scheme, settings, url, runtime);
            remote(builder.build().map_err(refused)?, prefix, *scheme)
        }
        Scheme::Azure => {
            let builder = match has_credentials {
                true => MicrosoftAzureBuilder::new(),
                false => MicrosoftAzureBuilder::from_env(),
            };
            let builder = configured!(builder, *scheme, settings, url, runtime);
            remote(builder.build().map_err(refused)?, prefix, *scheme)
        }
    }))
}

fn remote(objects: impl ObjectStore + PaginatedListStore, prefix: Path, scheme: Scheme) -> Remote {
    let objects = Arc::new(objects);
    Remote {
        pages: Some(objects.clone()),
        objects,
        prefix,
        reports_versions: scheme != Scheme::Google,
        ignores_conditions: Arc::default(),
    }
}

/// Settings that become part of each request's headers, with the names of their variables. The library would panic on what a
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
    if is_loopback(endpoint) {
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

fn is_loopback(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
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
