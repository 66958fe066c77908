//! Where a destination is: the checks of its values, when it is saved and before each use, and its store.

use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::DestinationSettings;
use crate::error::{Error, Result};
use crate::notify::network;
use crate::priority::{self, Priority};
use crate::store::{Store, StoreAccess, StoreCredentials, StorePlace, StoreSettings};

/// How many characters a URL, an endpoint or the id of a key may have.
const MAX_TEXT: usize = 1_000;

/// How many characters a secret may have: the key of a Google service account has about 2,400.
const MAX_SECRET: usize = 16_384;

/// How many characters a region may have.
const MAX_REGION: usize = 64;

/// A folder that the service has prepared has this folder in it.
const PREPARED: &str = "deleted";

const LOOKING: &str = "looking at a folder";

/// The values that say where a destination is and how it is reached.
#[derive(Clone, Debug)]
pub(super) struct DestinationPlace {
    pub(super) url: String,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) access_key_id: Option<String>,
    pub(super) secret: Option<SecretString>,
}

/// Whether a folder that does not exist yet is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FolderUse {
    /// It is created.
    Prepare,
    /// It must be one that was prepared: an empty folder may be the mount point of a disk that is away.
    Existing,
}

impl DestinationPlace {
    /// Checks the values, and the addresses of the endpoint as they are now.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub(super) async fn check(&self, settings: &DestinationSettings) -> Result<()> {
        self.check_values()?;
        if let Some(folder) = self.store_settings(settings)?.local_folder() {
            ensure_below(folder, &settings.folders).await?;
        }
        self.check_endpoint(settings).await
    }

    fn check_values(&self) -> Result<()> {
        let store = self.parsed()?;
        let is_remote = store.scheme().is_some();
        let is_s3 = store.scheme() == Some("s3");
        let is_google = store.scheme() == Some("gs");
        for (field, value, is_possible, whom) in [
            (
                "endpoint",
                &self.endpoint,
                is_s3,
                "storage with the interface of S3 (s3://) only",
            ),
            (
                "region",
                &self.region,
                is_s3,
                "storage with the interface of S3 (s3://) only",
            ),
            (
                "access_key_id",
                &self.access_key_id,
                is_remote && !is_google,
                "s3:// and az:// only",
            ),
        ] {
            if value.is_some() && !is_possible {
                return Err(invalid(field, format!("is for {whom}")));
            }
        }
        if let Some(region) = &self.region
            && !is_word(region, 1..=MAX_REGION, |byte| {
                byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
            })
        {
            // It is part of the host.
            return Err(invalid("region", "must be a word such as eu-central-1"));
        }
        if let Some(account) = self.access_key_id.as_ref().filter(|_| store.scheme() == Some("az"))
            && !is_word(account, 3..=24, |byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit()
            })
        {
            // It is part of the host, too.
            let problem = "must be the name of a storage account: 3 to 24 lower-case letters and digits";
            return Err(invalid("access_key_id", problem));
        }
        if let Some(secret) = self.secret.as_ref().filter(|_| is_google)
            && names_another_place(secret)
        {
            return Err(invalid(
                "secret_access_key",
                "must be the key of a service account as Google gives it, without `gcs_base_url` and `disable_oauth`",
            ));
        }
        if let Some(id) = &self.access_key_id
            && (id.is_empty() || id.len() > MAX_TEXT || !id.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(invalid(
                "access_key_id",
                "must be 1 to 1,000 letters and digits, without a space",
            ));
        }
        if let Some(endpoint) = &self.endpoint {
            parsed_endpoint(endpoint)?;
        }
        match (&self.access_key_id, &self.secret) {
            (_, Some(_)) if !is_remote => Err(invalid("secret_access_key", "is not for a folder")),
            (_, Some(secret)) if !is_secret(secret) => Err(invalid(
                "secret_access_key",
                "must be 1 to 16,384 characters, without a space or a line break at its beginning or end",
            )),
            (Some(_), None) => Err(invalid(
                "secret_access_key",
                "is missing: the access key needs its secret",
            )),
            (None, Some(_)) if !is_google => {
                Err(invalid("access_key_id", "is missing: the secret needs its access key"))
            }
            _ => Ok(()),
        }
    }

    /// Checks the addresses of the endpoint, as they are now.
    async fn check_endpoint(&self, settings: &DestinationSettings) -> Result<()> {
        let Some(endpoint) = &self.endpoint else {
            return Ok(());
        };
        let endpoint = parsed_endpoint(endpoint)?;
        if !self.store_settings(settings)?.permits(&endpoint) {
            let problem =
                "is plain HTTP to another machine; use https, or let the service allow it with AWS_ALLOW_HTTP=true";
            return Err(invalid("endpoint", problem));
        }
        let checked = network::check(&endpoint, settings.local_targets).await;
        checked.map_err(|problem| invalid("endpoint", format!("can't be used: {}", problem.trim_end_matches('.'))))
    }

    /// Where it is, to compare it with others.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub(super) async fn place(&self, settings: &DestinationSettings) -> Result<StorePlace> {
        place_of_store(&self.store_settings(settings)?).await
    }

    fn parsed(&self) -> Result<StoreSettings> {
        const EXPECTED: &str = "must be file:/FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";
        let is_printable = self.url.len() <= MAX_TEXT && !self.url.chars().any(char::is_control);
        // A path without a scheme would be relative to the folder of the service.
        let has_scheme = ["file:/", "s3://", "gs://", "az://"]
            .iter()
            .any(|scheme| self.url.starts_with(scheme));
        let parsed = StoreSettings::new(&self.url)
            .ok()
            .filter(|_| is_printable && has_scheme);
        parsed.ok_or_else(|| invalid("url", EXPECTED))
    }

    fn store_settings(&self, settings: &DestinationSettings) -> Result<StoreSettings> {
        let credentials = self.secret.clone().map(|secret_access_key| StoreCredentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key,
        });
        Ok(self.parsed()?.with_access(StoreAccess {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            credentials,
            local_targets: settings.local_targets,
            request_timeout: settings.request_timeout,
        }))
    }

    /// Opens its store. A folder must be below those of the settings, and the endpoint must be allowed now.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub(super) async fn open(&self, settings: &DestinationSettings, folder_use: FolderUse) -> Result<Store> {
        self.check(settings).await?;
        let of_destination = self.store_settings(settings)?;
        if let Some(folder) = of_destination.local_folder()
            && folder_use == FolderUse::Existing
        {
            let prepared = folder.join(PREPARED);
            if !on_thread(LOOKING, move || prepared.is_dir()).await? {
                return Err(invalid(
                    "url",
                    "names a folder that is not the prepared one. Is its disk mounted? If it is a new disk, save the \
                     destination again",
                ));
            }
        }
        // The library reads certificates, and a folder may hang.
        let opened = on_thread("opening a destination", move || Store::open(&of_destination)).await;
        opened.flatten().map_err(|error| match error {
            Error::Invalid { problem, .. } => invalid("url", format!("can't be used ({problem})")),
            error => error,
        })
    }
}

/// Whether a place is one of others, or one is inside of the other.
///
/// # Errors
/// [`Error::Internal`].
pub(super) async fn overlaps_any(place: StorePlace, others: Vec<StorePlace>) -> Result<bool> {
    on_thread(LOOKING, move || others.iter().any(|other| overlaps(&place, other))).await
}

/// Two folders can be one under two names.
fn overlaps(one: &StorePlace, other: &StorePlace) -> bool {
    let identity = |place: &StorePlace| match place {
        StorePlace::Folder(folder) => std::fs::metadata(folder).ok().map(|found| (found.dev(), found.ino())),
        StorePlace::Remote { .. } => None,
    };
    one.overlaps(other) || identity(one).is_some_and(|found| identity(other) == Some(found))
}

/// Where a store is, with its links resolved.
///
/// # Errors
/// [`Error::Internal`].
pub(super) async fn place_of_store(settings: &StoreSettings) -> Result<StorePlace> {
    let place = settings.place();
    on_thread(LOOKING, move || match place {
        StorePlace::Folder(folder) => {
            let absolute = std::path::absolute(&folder).unwrap_or(folder);
            StorePlace::Folder(resolved(&absolute))
        }
        remote => remote,
    })
    .await
}

/// Waits for work that a disk may hold up.
async fn on_thread<T: Send + 'static>(doing: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    priority::run(Priority::Usual, doing, work).await
}

/// Ensures that a folder is one of those of the settings, or below one of them, after all links are resolved.
///
/// # Errors
/// [`Error::Invalid`] of `url`.
async fn ensure_below(folder: &Path, allowed: &[PathBuf]) -> Result<()> {
    if allowed.is_empty() {
        return Err(invalid(
            "url",
            "can't be a folder: --destination-folders (CAMPUS_BACKUP_DESTINATION_FOLDERS) allows none",
        ));
    }
    let is_plain = folder.is_absolute() && !folder.components().any(|part| matches!(part, Component::ParentDir));
    if !is_plain {
        return Err(invalid("url", "must have the whole path of a folder, without `..`"));
    }
    let (folder, allowed) = (folder.to_owned(), allowed.to_owned());
    let is_below = on_thread(LOOKING, move || {
        let folder = resolved(&folder);
        let below = |parent: &PathBuf| parent.canonicalize().is_ok_and(|parent| folder.starts_with(parent));
        allowed.iter().any(below)
    });
    match is_below.await? {
        true => Ok(()),
        false => Err(invalid(
            "url",
            "must be below a folder of --destination-folders (CAMPUS_BACKUP_DESTINATION_FOLDERS) that exists",
        )),
    }
}

/// A path with the links of its existing part resolved.
fn resolved(path: &Path) -> PathBuf {
    for parent in path.ancestors() {
        if let (Ok(found), Ok(rest)) = (parent.canonicalize(), path.strip_prefix(parent)) {
            return found.join(rest);
        }
    }
    path.to_owned()
}

fn parsed_endpoint(endpoint: &str) -> Result<Url> {
    let problem =
        "must be an address of http or https such as https://s3.example.com, without a user name, a query or a `#`";
    let parsed = Url::parse(endpoint).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && endpoint.len() <= MAX_TEXT
    });
    parsed.ok_or_else(|| invalid("endpoint", problem))
}

fn is_word(text: &str, length: RangeInclusive<usize>, is_part: fn(u8) -> bool) -> bool {
    length.contains(&text.len()) && text.bytes().all(is_part)
}

/// Whether a Google key says itself where requests go, or that they need no credentials. The library obeys that.
fn names_another_place(secret: &SecretString) -> bool {
    let key = serde_json::from_str::<serde_json::Value>(secret.expose_secret());
    key.is_ok_and(|key| {
        ["gcs_base_url", "disable_oauth"]
            .iter()
            .any(|name| key.get(name).is_some())
    })
}

fn is_secret(secret: &SecretString) -> bool {
    let text = secret.expose_secret();
    (1..=MAX_SECRET).contains(&text.len()) && text.trim() == text && !text.contains('\0')
}

pub(super) fn invalid(field: &'static str, problem: impl Into<String>) -> Error {
    Error::Invalid {
        field,
        problem: problem.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::notify::LocalTargets;

    fn at(url: &str) -> DestinationPlace {
        DestinationPlace {
            url: url.to_owned(),
            endpoint: None,
            region: None,
            access_key_id: None,
            secret: None,
        }
    }

    fn settings(folder: &Path) -> DestinationSettings {
        DestinationSettings {
            folders: vec![folder.to_owned()],
            ..DestinationSettings::default()
        }
    }

    async fn refused(place: &DestinationPlace, settings: &DestinationSettings) -> Option<&'static str> {
        match place.check(settings).await {
            Ok(()) => None,
            Err(Error::Invalid { field, .. }) => Some(field),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[tokio::test]
    async fn folders_outside_of_the_allowed_ones_are_refused() {
        let disk = tempfile::tempdir().unwrap();
        let (allowed, outside) = (disk.path().join("allowed"), disk.path().join("outside"));
        std::fs::create_dir(&allowed).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, allowed.join("link")).unwrap();
        let settings = settings(&allowed);
        let url = |path: &str| format!("file:{}/{path}", disk.path().display());
        for path in ["allowed", "allowed/", "allowed/a", "allowed/a/b/c", "allowed/./a"] {
            assert_eq!(refused(&at(&url(path)), &settings).await, None, "{path}");
        }
        for path in [
            "outside",
            "allowed2",
            "allowed/../outside",
            "allowed/link",
            "allowed/link/a",
            "",
        ] {
            assert_eq!(refused(&at(&url(path)), &settings).await, Some("url"), "{path}");
        }
        for url in [
            "",
            "archives",
            "/tmp/a",
            "file:relative",
            "file:",
            "ftp://host/a",
            "file:/a\nb",
            "s3://key:secret@bucket/a",
        ] {
            assert_eq!(refused(&at(url), &settings).await, Some("url"), "{url}");
        }
        let none = DestinationSettings::default();
        assert_eq!(refused(&at(&url("allowed/a")), &none).await, Some("url"));
    }

    #[tokio::test]
    async fn values_that_do_not_fit_are_refused_by_field() {
        let settings = settings(Path::new("/nowhere"));
        let s3 = || DestinationPlace {
            access_key_id: Some("AKIAEXAMPLE".to_owned()),
            secret: Some("secret".into()),
            ..at("s3://school/backups")
        };
        let google = |key: &str| DestinationPlace {
            secret: Some(key.into()),
            ..at("gs://school/backups")
        };
        let azure = |account: &str| DestinationPlace {
            access_key_id: Some(account.to_owned()),
            secret: Some("c2VjcmV0".into()),
            ..at("az://school/backups")
        };
        for place in [
            s3(),
            google("{}"),
            azure("schoolbackups1"),
            at("s3://school"),
            at("gs://school"),
            at("az://school/x"),
        ] {
            assert_eq!(refused(&place, &settings).await, None, "{place:?}");
        }
        let with = |change: fn(&mut DestinationPlace)| {
            let mut place = s3();
            change(&mut place);
            place
        };
        for (place, field) in [
            (
                with(|place| place.endpoint = Some("s3.example.com".to_owned())),
                "endpoint",
            ),
            (
                with(|place| place.endpoint = Some("ftp://s3.example.com".to_owned())),
                "endpoint",
            ),
            (
                with(|place| place.endpoint = Some("https://key@s3.example.com".to_owned())),
                "endpoint",
            ),
            (
                with(|place| place.endpoint = Some("http://127.0.0.1:9000".to_owned())),
                "endpoint",
            ),
            (
                with(|place| place.endpoint = Some("http://169.254.169.254".to_owned())),
                "endpoint",
            ),
            (
                with(|place| place.endpoint = Some("http://10.0.0.1:9000".to_owned())),
                "endpoint",
            ),
            (with(|place| place.region = Some("a b".to_owned())), "region"),
            (
                with(|place| place.region = Some("x@127.0.0.1:8443/".to_owned())),
                "region",
            ),
            (with(|place| place.url = "az://school".to_owned()), "access_key_id"),
            (azure("127.0.0.1:8443/x?"), "access_key_id"),
            (azure("127.0.0.1"), "access_key_id"),
            (
                google(r#"{"gcs_base_url": "http://127.0.0.1:8080"}"#),
                "secret_access_key",
            ),
            (google(r#"{"disable_oauth": true}"#), "secret_access_key"),
            (
                with(|place| place.access_key_id = Some("a b".to_owned())),
                "access_key_id",
            ),
            (with(|place| place.access_key_id = None), "access_key_id"),
            (with(|place| place.secret = None), "secret_access_key"),
            (
                with(|place| place.secret = Some("secret\n".into())),
                "secret_access_key",
            ),
            (with(|place| place.secret = Some("".into())), "secret_access_key"),
            (with(|place| place.url = "file:/nowhere/a".to_owned()), "access_key_id"),
            (with(|place| place.url = "gs://school".to_owned()), "access_key_id"),
            (
                DestinationPlace {
                    endpoint: Some("https://x.example".to_owned()),
                    ..google("{}")
                },
                "endpoint",
            ),
        ] {
            assert_eq!(refused(&place, &settings).await, Some(field), "{place:?}");
        }
        let allowed = DestinationSettings {
            local_targets: LocalTargets::Allowed,
            ..settings
        };
        let local = with(|place| place.endpoint = Some("http://127.0.0.1:9000".to_owned()));
        assert_eq!(refused(&local, &allowed).await, None);
    }

    #[tokio::test]
    async fn overlapping_places_are_found() {
        let disk = tempfile::tempdir().unwrap();
        let (one, other) = (disk.path().join("one"), disk.path().join("other"));
        std::fs::create_dir(&one).unwrap();
        std::os::unix::fs::symlink(&one, &other).unwrap();
        let folder = |path: &Path| format!("file:{}", path.display());
        let place = async |(url, endpoint): (&str, Option<&str>)| {
            let place = DestinationPlace {
                endpoint: endpoint.map(str::to_owned),
                ..at(url)
            };
            place.place(&DestinationSettings::default()).await.unwrap()
        };
        let same = async |one, other| {
            let (one, other) = (place(one).await, place(other).await);
            assert_eq!(overlaps(&one, &other), overlaps(&other, &one));
            overlaps(&one, &other)
        };
        let [folder_one, folder_other, inner, two] =
            [&one, &other, &other.join("a/b"), &disk.path().join("two")].map(|path| folder(path));
        for (one, other) in [
            (("s3://a/b", None), ("s3://a/b/", None)),
            (("s3://a/b", None), ("s3://a/b/c", None)),
            (("s3://a", None), ("s3://a/b", None)),
            (
                ("s3://a", Some("https://x.example")),
                ("s3://a", Some("https://x.example:443/")),
            ),
            (
                ("s3://a", None),
                ("s3://a", Some("https://s3.eu-central-1.amazonaws.com")),
            ),
            ((folder_one.as_str(), None), (folder_other.as_str(), None)),
            ((&folder_one, None), (&inner, None)),
        ] {
            assert!(same(one, other).await, "{one:?} {other:?}");
        }
        let account = async |name: &str| {
            let place = DestinationPlace {
                access_key_id: Some(name.to_owned()),
                secret: Some("c2VjcmV0".into()),
                ..at("az://backups")
            };
            place.place(&DestinationSettings::default()).await.unwrap()
        };
        assert!(overlaps(&account("school1").await, &account("school1").await));
        assert!(!overlaps(&account("school1").await, &account("school2").await));
        for (one, other) in [
            (("s3://a", Some("https://x.example")), ("s3://a", None)),
            (("s3://a/b", None), ("s3://a/bc", None)),
            (("s3://a/b", None), ("gs://a/b", None)),
            ((folder_one.as_str(), None), (two.as_str(), None)),
        ] {
            assert!(!same(one, other).await, "{one:?} {other:?}");
        }
    }
}
