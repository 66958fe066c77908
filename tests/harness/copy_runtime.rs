//! What all copies of the service in the test's process stand on: a runtime, and a connection with an administrator.

use std::time::Duration;

use campus_backup_domain::account::{self, Accounts, Admin};
use campus_backup_domain::{Database, database};
use tokio::runtime::{Builder, EnterGuard, Runtime};

use super::service::JWT_SECRET;

/// The runtime of a copy. Its end is the end of the copy, as after kill -9: no task is polled again.
pub(super) struct CopyRuntime(Option<Runtime>);

impl CopyRuntime {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self(Some(runtime.unwrap()))
    }

    /// Runs work to its end on this runtime.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime().spawn(work).await.unwrap()
    }

    /// Begins work, and does not wait for it.
    pub(super) fn begin(&self, work: impl Future<Output: Send> + Send + 'static) {
        self.runtime().spawn(work);
    }

    /// Until the guard is dropped, spawned tasks run on this runtime.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.runtime().enter()
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().unwrap()
    }
}

impl Drop for CopyRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Connects as a copy does.
pub(super) async fn connect(url: String, lock_timeout: Duration) -> Database {
    let settings = database::DatabaseSettings {
        url,
        connections: 4,
        readers: 2,
        lock_timeout,
    };
    Database::connect(&settings).await.unwrap()
}

/// The administrator `admin`.
pub(super) async fn administrator(database: &Database) -> Admin {
    let settings = account::AccountSettings::new(JWT_SECRET.as_bytes().to_vec().into(), "the tests".to_owned());
    let accounts = Accounts::new(database.clone(), settings).unwrap();
    let token = accounts.issue_token("admin", Duration::from_secs(60)).await.unwrap();
    token.principal.admin().unwrap()
}
