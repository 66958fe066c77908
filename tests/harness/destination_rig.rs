//! Destinations with a clock that a test sets: copies of the service that copy archives.

use std::path::PathBuf;
use std::time::Duration;

use campus_backup_domain::Result;
use campus_backup_domain::account::Admin;
use campus_backup_domain::clock::Clock;
use campus_backup_domain::destination::{
    CopyRunner, DestinationDetails, DestinationSettings, Destinations, NewDestination,
};
use campus_backup_domain::notify::{LocalTargets, SecretsKey};
use campus_backup_domain::store::{Store, StoreSettings};
use chrono::TimeDelta;

use super::Scratch;
use super::copy_runtime::{CopyRuntime, administrator, connect};
use super::notify_rig::TEST_KEY;
use super::s3::{S3, S3_KEY, S3_SECRET};
use super::schedule_rig::TestClock;

/// How often the first store is compared with the copies.
pub const COPY_INTERVAL: TimeDelta = TimeDelta::minutes(10);

/// The folder in which destinations may be folders.
pub fn destination_folder(scratch: &Scratch) -> PathBuf {
    let folder = scratch.folder().join("destinations");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Loopback is allowed, and a request may take so long.
pub fn destination_settings(scratch: &Scratch, request_timeout: Duration) -> DestinationSettings {
    DestinationSettings {
        folders: vec![destination_folder(scratch)],
        local_targets: LocalTargets::Allowed,
        key: Some(SecretsKey::from_hex(TEST_KEY).unwrap()),
        interval: COPY_INTERVAL,
        request_timeout: Some(request_timeout),
    }
}

/// A copy of the service that copies archives. It has a runtime of its own, whose end is the end of the copy.
pub struct CopyingCopy {
    /// Dropped first.
    runtime: CopyRuntime,
    pub destinations: Destinations,
    pub runner: CopyRunner,
    pub admin: Admin,
}

impl CopyingCopy {
    pub async fn on(scratch: &Scratch, clock: &TestClock) -> Self {
        Self::with(scratch, clock, destination_settings(scratch, Duration::from_secs(20))).await
    }

    pub async fn with(scratch: &Scratch, clock: &TestClock, settings: DestinationSettings) -> Self {
        let runtime = CopyRuntime::new();
        let (url, folder, clock) = (scratch.url().to_owned(), scratch.folder().to_owned(), clock.clock());
        let (destinations, runner, admin) = runtime.run(build(url, folder, clock, settings)).await;
        Self {
            destinations,
            runner,
            admin,
            runtime,
        }
    }

    /// Does what is due, on the copy's own runtime.
    pub async fn run(&self) -> Result<()> {
        let runner = self.runner.clone();
        self.runtime.run(async move { runner.run_due().await }).await
    }

    /// Begins to do what is due, and does not wait.
    pub fn begin(&self) {
        let _runtime = self.runtime.enter();
        self.runner.begin();
    }

    pub async fn create(&self, new: NewDestination) -> i64 {
        self.destinations.create(&self.admin, new, None).await.unwrap().id
    }

    pub async fn get(&self, id: i64) -> DestinationDetails {
        self.destinations.get(&self.admin, id).await.unwrap()
    }
}

async fn build(
    url: String,
    folder: PathBuf,
    clock: Clock,
    settings: DestinationSettings,
) -> (Destinations, CopyRunner, Admin) {
    let database = connect(url, Duration::from_secs(10)).await;
    let first_settings = StoreSettings::folder(folder.join("archives"));
    let first = (Store::open(&first_settings).unwrap(), first_settings);
    let admin = administrator(&database).await;
    let destinations = Destinations::new(database.clone(), first.clone(), clock.clone(), settings.clone());
    let runner = CopyRunner::new(database, first, clock, settings);
    (destinations, runner, admin)
}

/// A destination in a folder of the tests.
pub fn folder_destination(name: &str, scratch: &Scratch) -> NewDestination {
    NewDestination {
        name: name.to_owned(),
        url: format!("file:{}", destination_folder(scratch).join(name).display()),
        endpoint: None,
        region: None,
        access_key_id: None,
        secret_access_key: None,
        deletes: true,
        enabled: true,
    }
}

/// A destination in an S3 server.
pub fn s3_destination(name: &str, s3: &S3) -> NewDestination {
    NewDestination {
        name: name.to_owned(),
        url: S3::url(name),
        endpoint: Some(s3.endpoint()),
        region: Some("us-east-1".to_owned()),
        access_key_id: Some(S3_KEY.to_owned()),
        secret_access_key: Some(S3_SECRET.into()),
        deletes: true,
        enabled: true,
    }
}

/// A copy, as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRecord {
    pub archive_id: String,
    pub state: String,
    pub attempts: String,
    pub error: Option<String>,
}

/// All copies of a destination, by archive.
pub async fn copies(scratch: &Scratch, destination_id: i64) -> Vec<CopyRecord> {
    let sql = format!(
        "select archive_id, state, attempts, error from backup_archive_copies where destination_id = {destination_id} \
         order by archive_id"
    );
    let rows = scratch.rows(&sql).await;
    rows.into_iter()
        .map(|row| {
            let [archive_id, state, attempts, error] = row.try_into().unwrap();
            CopyRecord {
                archive_id: archive_id.unwrap(),
                state: state.unwrap(),
                attempts: attempts.unwrap(),
                error,
            }
        })
        .collect()
}

/// The states of all copies of a destination.
pub async fn copy_states(scratch: &Scratch, destination_id: i64) -> Vec<String> {
    let copies = copies(scratch, destination_id).await;
    copies.into_iter().map(|copy| copy.state).collect()
}
