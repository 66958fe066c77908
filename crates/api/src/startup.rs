//! The service as an object: built from its settings, run, and stopped by a signal.
//!
//! Tests do the same with port 0 and a database of their own, and stop it with [`Service::run_until`].

use std::any::Any;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, web};
use campus_backup_domain::account::{self, Accounts, FirstAdmin};
use campus_backup_domain::automation::Automation;
use campus_backup_domain::database::SchemaState;
use campus_backup_domain::demo::{self, DemoAdmin, Filled};
use campus_backup_domain::destination::CopyRunner;
use campus_backup_domain::job::{Jobs, Runner};
use campus_backup_domain::notify::DeliveryRunner;
use campus_backup_domain::stats;
use campus_backup_domain::store::Store;
use campus_backup_domain::{Database, Error};
use secrecy::ExposeSecret;
use socket2::SockRef;
use tokio::signal::unix::{Signal, SignalKind, signal};
use utoipa_actix_web::AppExt;

use crate::cli::exit::ExitError;
use crate::cli::output::print;
use crate::data_dir::secret;
use crate::installation::{self, Installation};
use crate::middleware::internal::InternalListener;
use crate::openapi::Published;
use crate::problem::chain;
use crate::readiness::Readiness;
use crate::settings::{ScheduleSwitch, Settings};
use crate::state::report;
use crate::{AppState, dashboard, data_dir, metrics, middleware, monitor, routes, systemd};

/// Timeouts for the head of a request and for a closing connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of bytes of an answer that the kernel buffers beyond the peer's receive window.
const UNSENT: u32 = 64 * 1024;

/// The interval of the search for files that crashes left. Files that are too young are removed later.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The interval of the steps that the service does by itself.
const TICK_INTERVAL: Duration = Duration::from_secs(5);

/// The service, listening.
#[must_use = "it listens, and answers when it is run"]
pub struct Service {
    server: Server,
    address: SocketAddr,
    jobs: Jobs,
    deliveries: DeliveryRunner,
    copies: CopyRunner,
    shutdown_timeout: Duration,
}

impl Service {
    /// Connects and migrates the database, creates an administrator if there is none, and starts listening. A generated password is
    /// printed once.
    ///
    /// # Errors
    /// The [`ExitError`] of the step that failed.
    pub async fn build(settings: Settings) -> Result<Self, ExitError> {
        // Earlier measurements would be lost.
        metrics::start();
        let state = state(settings, Installation::CreateIfMissing, Runner::for_data_dir).await?;
        // Before the first request: a job that a crash interrupted must not look as if it were running.
        let started = state.jobs.start().await;
        started.map_err(ExitError::failed("ending the jobs of a stopped process"))?;
        if state.settings.demo {
            fill_if_empty(&state).await?;
        }
        let settings = &state.settings;
        let made = state
            .accounts
            .ensure_first_admin(&settings.admin_username, settings.admin_password.as_ref())
            .await;
        if let Some(admin) = made.map_err(ExitError::refused("--admin-username or the administrator's password"))? {
            announce(&admin)?;
        }
        check_store(&state.readiness).await?;
        let operations = state.operations.clone();
        tokio::spawn(state.readiness.clone().watch_store(operations.clone()));
        tokio::spawn(async move {
            loop {
                report(operations.sweep().await);
                tokio::time::sleep(SWEEP_INTERVAL).await;
            }
        });
        // In each copy, also in one that makes no scheduled backups.
        tokio::spawn(monitor::watch(state.health.clone(), state.jobs.clone()));
        match state.settings.schedules {
            ScheduleSwitch::On => suggest_schedule(&state).await?,
            ScheduleSwitch::Off => {
                tracing::info!("this copy of the service makes no scheduled backups (--schedules off)")
            }
        }
        tokio::spawn(automate(state.automation(), state.jobs.clone()));
        Self::listen(state)
    }

    /// Listens with a given state.
    ///
    /// # Errors
    /// [`ExitError::Listen`] if the address is not available.
    pub fn listen(state: AppState) -> Result<Self, ExitError> {
        let published = Published::new().map_err(ExitError::failed("writing the API's document"))?;
        let settings = state.settings.clone();
        let failed = |address| move |source| ExitError::Listen { address, source };
        let stall_timeout = settings.stall_timeout;
        let (jobs, deliveries, copies) = (state.jobs.clone(), state.deliveries.clone(), state.copies.clone());
        let internal = InternalListener::default();
        let (state, of_application) = (web::Data::new(state), internal.clone());
        let server = HttpServer::new(move || application(state.clone(), &published, of_application.clone()))
            .h1_allow_half_closed(false)
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .worker_max_blocking_threads(settings.blocking_threads)
            .shutdown_timeout(settings.shutdown_timeout.as_secs())
            .disable_signals()
            .on_connect(move |connection, _| watch_progress(connection, stall_timeout))
            .bind(settings.listen)
            .map_err(failed(settings.listen))?;
        let address = server.addrs().first().copied().unwrap_or(settings.listen);
        let server = match settings.internal_listen {
            None => server,
            Some(wanted) => {
                let server = server.bind(wanted).map_err(failed(wanted))?;
                let bound = server.addrs().last().copied().unwrap_or(wanted);
                internal.set(bound);
                tracing::info!("metrics and Swagger UI are at http://{bound} alone");
                server
            }
        };
        Ok(Self {
            server: server.run(),
            address,
            jobs,
            deliveries,
            copies,
            shutdown_timeout: settings.shutdown_timeout,
        })
    }

    /// The address and the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until SIGTERM or SIGINT. Then it accepts nothing new, and running work has the time of `--shutdown-timeout` to end. A second
    /// signal stops it at once.
    ///
    /// # Errors
    /// [`ExitError::Failed`] if signals can't be received or the server fails.
    pub async fn run(self) -> Result<(), ExitError> {
        let mut signals = Signals::new().map_err(ExitError::failed("waiting for signals"))?;
        let address = self.address;
        let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
        let served = self.run_until(async {
            // A dropped sender stops it, too.
            let _ = stopping.await;
        });
        let signalled = async {
            systemd::ready(address);
            tokio::select! {
                () = signals.next() => {}
                never = systemd::heartbeat(address) => match never {},
            }
            tracing::info!("stopping; another signal stops at once");
            systemd::stopping();
            let _ = stop.send(());
            tokio::select! {
                () = signals.next() => {}
                never = systemd::heartbeat_while_stopping() => match never {},
            }
            tracing::warn!("stopped before running work had ended");
        };
        tokio::select! {
            served = served => served,
            () = signalled => Ok(()),
        }
    }

    /// Runs until `stop` is ready, and then stops gracefully: new jobs are refused, jobs that are not committing end as `interrupted`, and
    /// running answers, jobs that commit, and messages that are being sent have the time of the settings. Copies of archives are made later.
    ///
    /// # Errors
    /// [`ExitError::Failed`] if the server fails.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), ExitError> {
        tracing::info!("listening on http://{}", self.address);
        let handle = self.server.handle();
        let stopped = async {
            stop.await;
            // This also ends the streams of job events.
            self.jobs.shutdown();
            self.deliveries.shutdown();
            self.copies.stop();
            handle.stop(true).await;
            std::future::pending::<()>().await;
        };
        let served = tokio::select! {
            served = self.server => served.map_err(ExitError::failed("serving")),
            () = stopped => Ok(()),
            () = metrics::upkeep() => Ok(()),
        };
        self.jobs.shutdown();
        self.deliveries.shutdown();
        self.copies.stop();
        let limit = self.shutdown_timeout;
        tokio::join!(
            self.jobs.wait_for_shutdown(limit),
            self.deliveries.wait_for_shutdown(limit),
            self.copies.wait_for_shutdown(limit)
        );
        served
    }
}

/// Does what the service does by itself, until its shutdown begins. A step in progress is finished.
async fn automate(automation: Automation, jobs: Jobs) {
    let mut ticks = tokio::time::interval(TICK_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = jobs.shutdown_begun() => return,
        }
        match automation.tick().await {
            Ok(()) | Err(Error::Stopping) => {}
            Err(error) => tracing::warn!(error = chain(&error), "scheduled work failed and is tried again"),
        }
    }
}

/// Logs how to create a schedule, if there is none.
async fn suggest_schedule(state: &AppState) -> Result<(), ExitError> {
    let is_any = state.schedules.is_any().await;
    if !is_any.map_err(ExitError::failed("looking for a schedule"))? {
        tracing::info!(
            "there is no schedule, so backups are created only on request; \
             `campus-backup schedule create \"every night\" --preset daily --verify digest` creates one"
        );
    }
    Ok(())
}

/// Makes the kernel close a connection whose peer makes no progress, and makes progress visible.
///
/// A peer that receives nothing would keep a connection open forever, because the server notices only when it writes. With
/// TCP_USER_TIMEOUT (RFC 5482) the kernel closes a connection with unacknowledged data after that time. With TCP_NOTSENT_LOWAT it
/// buffers only a little more than the peer's receive window. With megabytes in the buffer it would ask for more only after a third
/// of them was sent, and a peer on a slow line would look stalled.
fn watch_progress(connection: &dyn Any, limit: Duration) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else {
        return;
    };
    let socket = SockRef::from(stream);
    let set = socket.set_tcp_user_timeout(Some(limit));
    if let Err(error) = set.and_then(|()| socket.set_tcp_notsent_lowat(UNSENT)) {
        tracing::debug!(%error, "the timeouts of a connection can't be set");
    }
}

/// The application of each worker.
pub fn application(
    state: web::Data<AppState>,
    published: &Published,
    internal: InternalListener,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let settings = state.settings.clone();
    let app = App::new()
        .app_data(state)
        .app_data(settings.body)
        .app_data(settings.trusted_proxies.clone())
        .app_data(internal)
        // Before the API, whose scope and guard would match every path under `/backup`.
        .configure(dashboard::configure)
        .into_utoipa_app()
        .configure(routes::configure)
        .into_app()
        .configure(|config| published.configure(config, settings.pages));
    middleware::wrap(app, &settings.cors_origins)
}

/// The first steps of every subcommand: inspects the database, finds or creates the installation, and opens the store of archives.
/// `runner` identifies this process for its jobs.
///
/// # Errors
/// The [`ExitError`] of the step that failed.
pub async fn state(
    settings: Settings,
    installation: Installation,
    runner: impl FnOnce(&Path) -> Result<Runner, Error>,
) -> Result<AppState, ExitError> {
    data_dir::check(&settings, installation)?;
    let found = inspect(&settings).await?;
    match installation {
        Installation::CreateIfMissing => data_dir::create(&settings)?,
        needed => installation::require(&settings, needed, &found)?,
    }
    let runner = runner(&settings.data_dir).map_err(ExitError::failed("claiming the data folder"))?;
    let secret = match installation {
        Installation::CreateIfMissing => secret::signing_secret(&settings)?,
        // Only `token` needs the service's secret, and demands it itself.
        _ => secret::existing_secret(&settings)?.unwrap_or_else(secret::random),
    };
    let secrets_key = match installation {
        Installation::CreateIfMissing => Some(secret::secrets_key(&settings)?),
        // A damaged key must not keep anybody from a restore.
        _ => secret::existing_secrets_key(&settings).ok().flatten(),
    };
    let database = connect(&settings).await?;
    if matches!(
        installation,
        Installation::CreateIfMissing | Installation::EmptyDatabase
    ) {
        migrate(&settings, &database).await?;
    }
    let store = match installation {
        // These commands use no archive, and the folder may be missing.
        Installation::Database => Store::open_existing(&settings.archives),
        _ => Store::open(&settings.archives),
    };
    let store = store.map_err(ExitError::refused("--archives (CAMPUS_BACKUP_ARCHIVES)"))?;
    let id = account::installation_id(&database).await;
    let id = id.map_err(ExitError::failed("reading the id of the installation"))?;
    let accounts = Accounts::new(database.clone(), settings.accounts(secret, id));
    let accounts = accounts.map_err(ExitError::refused("the settings of accounts"))?;
    Ok(AppState::new(settings, accounts, database, store, runner, secrets_key))
}

/// Fills a database with a demo school. The database must be empty, except for the first administrator. The school's administrator is
/// the existing one, or a new first one.
///
/// # Errors
/// [`ExitError::Failed`] if the database is not empty, among others.
pub async fn fill_demo(state: &AppState, scale: u32) -> Result<Filled, ExitError> {
    let doing = "filling the database with a demo school";
    let sole = demo::sole_administrator(&state.database).await;
    if let Some(existing) = sole.map_err(ExitError::failed(doing))? {
        let filled = demo::fill(&state.database, scale, existing).await;
        return filled.map_err(ExitError::failed(doing));
    }
    let settings = &state.settings;
    let prepared = state
        .accounts
        .prepare_admin(&settings.admin_username, settings.admin_password.as_ref())
        .await;
    let (admin, password_hash) = prepared.map_err(ExitError::refused("the demo's administrator"))?;
    let demo_admin = DemoAdmin::New {
        username: admin.username.clone(),
        password_hash,
    };
    let filled = demo::fill(&state.database, scale, demo_admin).await;
    let filled = filled.map_err(ExitError::failed(doing))?;
    // It is not a one-time password: a demo is ready after one command.
    announce_with("Password", &admin)?;
    Ok(filled)
}

/// Fills an empty database. A second start with `--demo` finds the school and changes nothing.
async fn fill_if_empty(state: &AppState) -> Result<(), ExitError> {
    let stats = stats::stats(&state.database)
        .await
        .map_err(ExitError::failed("counting the rows"))?;
    let sole = demo::sole_administrator(&state.database).await;
    let sole = sole.map_err(ExitError::failed("looking for the first administrator"))?;
    if stats.total() > 0 && sole.is_none() {
        tracing::info!(rows = stats.total(), "the database has rows; --demo leaves it as it is");
        return Ok(());
    }
    let filled = fill_demo(state, 1).await?;
    tracing::info!(rows = filled.total(), "filled the database with a demo school");
    let schedule = state.schedules.create_first(state.settings.timezone.name()).await;
    if let Some(schedule) = schedule.map_err(ExitError::failed("creating a schedule"))? {
        tracing::info!(schedule = schedule.name, "created a schedule for the demo");
    }
    Ok(())
}

/// Prints the generated one-time password of a new administrator, or logs that the settings had a password.
pub(crate) fn announce(admin: &FirstAdmin) -> Result<(), ExitError> {
    announce_with("One-time password", admin)
}

fn announce_with(kind: &str, admin: &FirstAdmin) -> Result<(), ExitError> {
    match &admin.password {
        Some(password) => print(&format!(
            "Administrator `{}` was created. {kind}: {}",
            admin.username,
            password.expose_secret()
        )),
        None => {
            tracing::info!("an administrator was created with the password of the settings");
            Ok(())
        }
    }
}

/// The schema of the database, if this program may use it. This runs before anything is created or written.
///
/// # Errors
/// [`ExitError::Database`] if it can't be reached, [`ExitError::ForeignDatabase`] if it belongs to another program, and
/// [`ExitError::NewerSchema`] if a newer version of this program has migrated it.
pub async fn inspect(settings: &Settings) -> Result<SchemaState, ExitError> {
    let found = Database::inspect(&settings.database).await;
    usable(settings, found.map_err(unusable(settings))?)
}

/// Checks the store of archives. The service starts in spite of a possible outage, which may end later: it can read the live data.
///
/// # Errors
/// [`ExitError::Settings`] if the settings of the store are wrong.
async fn check_store(readiness: &Readiness) -> Result<(), ExitError> {
    match readiness.check_store().await {
        Err(Error::StoreMisconfigured { fault, doing, .. }) if !fault.may_pass() => {
            let line = format!("--archives (CAMPUS_BACKUP_ARCHIVES), while {doing}: {}", fault.detail());
            Err(ExitError::Settings(vec![line]))
        }
        Err(error) => {
            tracing::warn!(
                error = chain(&error),
                "the store of archives does not work; the service starts without it"
            );
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// The error for the database of these settings.
pub(crate) fn unusable(settings: &Settings) -> impl FnOnce(Error) -> ExitError {
    let place = settings.database.place();
    |error| match error {
        Error::DatabaseDefect(defect) => ExitError::DatabaseDefect { place, defect },
        error => ExitError::Database(error),
    }
}

fn usable(settings: &Settings, found: SchemaState) -> Result<SchemaState, ExitError> {
    match found {
        SchemaState::Newer(migration) => Err(ExitError::NewerSchema(migration)),
        SchemaState::Foreign(table) => Err(ExitError::ForeignDatabase {
            place: settings.database.place(),
            table,
        }),
        SchemaState::Empty | SchemaState::Pending(_) | SchemaState::Current => Ok(found),
    }
}

/// Connects the database. [`inspect`] it first: on SQLite this writes.
///
/// # Errors
/// [`ExitError::Database`] if it can't be reached.
pub async fn connect(settings: &Settings) -> Result<Database, ExitError> {
    let database = Database::connect(&settings.database).await;
    let database = database.map_err(unusable(settings))?;
    database.ping().await.map_err(ExitError::Database)?;
    Ok(database)
}

/// Runs pending migrations on a database whose setup is usable.
///
/// # Errors
/// Those of [`inspect`], and [`ExitError::DatabaseDefect`], before anything is changed.
pub async fn migrate(settings: &Settings, database: &Database) -> Result<(), ExitError> {
    // Again: the database may have changed since, and the first inspection could not read a journal that had to be rolled back.
    let found = database.schema_state().await.map_err(ExitError::Database)?;
    let found = usable(settings, found)?;
    database.check_server(&found).await.map_err(unusable(settings))?;
    if found != SchemaState::Current {
        database.migrate().await.map_err(|error| match error {
            Error::DatabaseDefect(_) => unusable(settings)(error),
            error => ExitError::failed("migrating the database")(error),
        })?;
    }
    database.check_tables().await.map_err(unusable(settings))
}

/// Makes a write beyond the limit of a file's size fail with an error. The default action of SIGXFSZ would kill the process; a
/// handled signal does not.
pub(crate) fn survive_file_size_limit() -> std::io::Result<()> {
    signal(SignalKind::from_raw(libc::SIGXFSZ)).map(drop)
}

/// The signals that stop a service.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests;
