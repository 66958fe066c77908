//! One contract for every store: a folder, memory, and an S3 server on loopback.

mod contract;
mod folder;
mod location;
mod manifests;
mod numbered;
mod probe;
mod remote;
mod removal;
mod server;
mod strangers;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use campus_backup_archive::manifest::{ArchiveKind, Object};
use campus_backup_archive::{Compression, Encryption, Form, Manifest, manifest};
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tempfile::TempDir;

use self::server::Server;
use super::names::{DELETED, MANIFEST, OLD_TOMBSTONE};
use super::remote::Remote;
use super::*;

/// Generates one test for each store from a function.
macro_rules! on_every_store {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn folder() {
                super::$name(crate::store::tests::TestStore::folder()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() {
                super::$name(crate::store::tests::TestStore::memory()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn s3() {
                super::$name(crate::store::tests::TestStore::s3().await).await;
            }
        }
    )+};
}
pub(super) use on_every_store;

pub(super) const ZST: Form = Form {
    compression: Compression::Zstd,
    encryption: Encryption::None,
};

/// A store that can be opened several times.
pub(super) struct TestStore {
    backend: TestBackend,
    /// The age from which unfinished files are removed.
    pub(super) leftover_age: Duration,
}

enum TestBackend {
    Folder(TempDir),
    Memory(Arc<InMemory>),
    S3(Server),
}

impl TestStore {
    fn at(backend: TestBackend) -> Self {
        Self {
            backend,
            leftover_age: Duration::ZERO,
        }
    }

    pub(super) fn folder() -> Self {
        Self::at(TestBackend::Folder(tempfile::tempdir().unwrap()))
    }

    pub(super) fn memory() -> Self {
        Self::at(TestBackend::Memory(Arc::default()))
    }

    pub(super) async fn s3() -> Self {
        Self::at(TestBackend::S3(Server::start().await))
    }

    /// Opens the store, as another process would.
    pub(super) fn open(&self) -> Store {
        let mut settings = match &self.backend {
            TestBackend::Folder(folder) => StoreSettings::folder(folder.path().join("archives")),
            TestBackend::S3(server) => server.settings("s3://school/some/place"),
            TestBackend::Memory(memory) => {
                let remote = Remote {
                    objects: memory.clone(),
                    pages: None,
                    prefix: Path::from("some/place"),
                    reports_versions: false,
                    ignores_conditions: Arc::default(),
                };
                return Store::over(backend::Backend::Remote(remote), Handle::current(), self.leftover_age);
            }
        };
        settings.leftover_age = self.leftover_age;
        Store::open(&settings).unwrap()
    }
}

impl Store {
    /// The objects, as another program sees them.
    pub(super) fn raw(&self) -> Arc<dyn ObjectStore> {
        match &self.0.backend {
            backend::Backend::Folder(folder) => Arc::new(LocalFileSystem::new_with_prefix(folder.root()).unwrap()),
            backend::Backend::Remote(remote) => remote.objects.clone(),
        }
    }

    /// The full name of an object.
    pub(super) fn path(&self, id: &str, name: &str) -> Path {
        self.prefix().join(id).join(name)
    }

    pub(super) fn prefix(&self) -> Path {
        match &self.0.backend {
            backend::Backend::Folder(_) => Path::default(),
            backend::Backend::Remote(remote) => remote.prefix.clone(),
        }
    }

    /// Stores an object, as another program would.
    pub(super) async fn put_raw(&self, id: &str, name: &str, content: impl Into<PutPayload>) {
        self.raw().put(&self.path(id, name), content.into()).await.unwrap();
    }

    /// The names of all objects, including those that no listing shows.
    pub(super) async fn everything(&self) -> Vec<String> {
        let listed: Vec<_> = self.raw().list(None).try_collect().await.unwrap();
        let mut names: Vec<String> = listed.into_iter().map(|meta| meta.location.to_string()).collect();
        names.retain(|name| name != ".lock");
        names.sort();
        names
    }

    /// Writes an archive and lists it.
    pub(super) async fn keep(&self, content: &[u8]) -> Manifest {
        let id = self.new_id(Utc::now());
        self.write(&id, content).await;
        let manifest = manifest_of(&id, content.len());
        self.put_manifest(&manifest).await.unwrap();
        manifest
    }

    /// Writes an archive without listing it.
    pub(super) async fn write(&self, id: &str, content: &[u8]) {
        let mut incoming = self.create(id, ZST).await.unwrap();
        for piece in content.chunks(300_000) {
            incoming.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        incoming.finish().await.unwrap();
    }

    pub(super) async fn content(&self, id: &str) -> Result<Vec<u8>> {
        let outgoing = self.read(id, ZST, None).await?;
        let pieces: Vec<Bytes> = outgoing.into_stream().try_collect().await?;
        Ok(pieces.concat())
    }

    pub(super) async fn listed(&self) -> Vec<String> {
        let listing = self.list().await.unwrap();
        listing.archives.iter().map(|manifest| manifest.id.clone()).collect()
    }
}

pub(super) fn manifest_of(id: &str, size: usize) -> Manifest {
    Manifest {
        format: manifest::FORMAT.to_owned(),
        version: manifest::VERSION,
        id: id.to_owned(),
        created_at: Utc::now(),
        app_version: "0.1.0".to_owned(),
        engine: "sqlite".to_owned(),
        archive_version: 1,
        label: None,
        note: None,
        protected: false,
        kind: ArchiveKind::Created,
        created_by: Some("admin".to_owned()),
        job_id: None,
        request_digest: None,
        rows: BTreeMap::from([("students".to_owned(), 1)]),
        total: 1,
        sha256: BTreeMap::new(),
        totals: BTreeMap::new(),
        digest: String::new(),
        object: Object {
            size: size as u64,
            sha256: "a0".repeat(32),
            compression: Compression::Zstd,
            encryption: Encryption::None,
        },
        file_number: 0,
        rekeyed_at: None,
        recipients: Vec::new(),
        contains_password_hashes: true,
        verifications: Vec::new(),
        signature: None,
    }
}

/// Random bytes without repetitions.
pub(super) fn noise(length: usize) -> Vec<u8> {
    use rand::{Rng, SeedableRng};
    let mut bytes = vec![0; length];
    rand_chacha::ChaCha8Rng::seed_from_u64(length as u64).fill_bytes(&mut bytes);
    bytes
}

/// Waits until a condition holds.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let begin = Instant::now();
    while !condition().await {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
