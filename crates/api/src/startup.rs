//! The service as an object: built from its settings, run, and ended by a signal.
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
use campus_backup_domain::database::SchemaState;
use campus_backup_domain::demo::{self, DemoAdmin, Filled};
use campus_backup_domain::job::{Jobs, Runner};
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
use crate::settings::Settings;
use crate::state::report;
use crate::{AppState, dashboard, metrics, middleware, routes, systemd};

/// How long the head of a request may take, and how long a closing connection is waited for.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many bytes the kernel takes of an answer beyond those that the peer has room for.
const UNSENT: u32 = 64 * 1024;

/// How often it is looked for what crashes left: what is too young at one time is removed later.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The service, listening.
#[must_use = "it listens, and answers when it is run"]
pub struct Service {
    server: Server,
    address: SocketAddr,
    jobs: Jobs,
    shutdown_timeout: Duration,
}

impl Service {
    /// Connects and migrates the database, sees to it that there is an administrator, and begins to listen. A password
    /// that had to be made is printed, once.
    ///
    /// # Errors
    /// A [`ExitError`] with the exit code of what could not be done.
    pub async fn build(settings: Settings) -> Result<Self, ExitError> {
        // Whatever is measured before that is lost.
        metrics::start();
        let state = state(settings, Installation::CreateIfMissing, Runner::for_data_dir).await?;
        // Before anybody can ask: what a crash has interrupted must not look as if it still ran.
        let started = state.jobs.start().await;
        started.map_err(ExitError::failed("ending the jobs of a process that is gone"))?;
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
        Self::listen(state)
    }

    /// Listens with a state that was built before.
    ///
    /// # Errors
    /// [`ExitError::Listen`] if the address is not to be had.
    pub fn listen(state: AppState) -> Result<Self, ExitError> {
        let published = Published::new().map_err(ExitError::failed("writing the API's document"))?;
        let settings = state.settings.clone();
        let failed = |address| move |source| ExitError::Listen { address, source };
        let stall_timeout = settings.stall_timeout;
        let jobs = state.jobs.clone();
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
            shutdown_timeout: settings.shutdown_timeout,
        })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until SIGTERM or SIGINT. Then nothing new is accepted, and what is running has as long to end as the
    /// settings say; a second signal ends it at once.
    ///
    /// # Errors
    /// [`ExitError::Failed`] if signals can't be received or the server fails.
    pub async fn run(self) -> Result<(), ExitError> {
        let mut signals = Signals::new().map_err(ExitError::failed("waiting for signals"))?;
        let address = self.address;
        let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
        let served = self.run_until(async {
            // Nobody is left to stop it for if the sender is gone.
            let _ = stopping.await;
        });
        let signalled = async {
            systemd::ready(address);
            tokio::select! {
                () = signals.next() => {}
                never = systemd::heartbeat(address) => match never {},
            }
            tracing::info!("stopping; another signal ends what is running at once");
            systemd::stopping();
            let _ = stop.send(());
            tokio::select! {
                () = signals.next() => {}
                never = systemd::heartbeat_while_stopping() => match never {},
            }
            tracing::warn!("stopped before everything had ended");
        };
        tokio::select! {
            served = served => served,
            () = signalled => Ok(()),
        }
    }

    /// Runs until `stop` is ready, and then ends gracefully: no job is let in any more, those that don't commit end as
    /// `interrupted`, and the answers that are on their way have the time that the settings give.
    ///
    /// # Errors
    /// [`ExitError::Failed`] if the server fails.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), ExitError> {
        tracing::info!("listening on http://{}", self.address);
        let handle = self.server.handle();
        let stopped = async {
            stop.await;
            // Also ends the answers that tell how a job goes on.
            self.jobs.shutdown();
            handle.stop(true).await;
            std::future::pending::<()>().await;
        };
        let served = tokio::select! {
            served = self.server => served.map_err(ExitError::failed("serving")),
            () = stopped => Ok(()),
            () = metrics::upkeep() => Ok(()),
        };
        self.jobs.shutdown();
        self.jobs.wait_for_shutdown(self.shutdown_timeout).await;
        served
    }
}

/// Sees to it that a connection shows whether its peer makes progress, and ends if it makes none.
///
/// A peer who takes nothing keeps a connection open for ever: the server notices only when it writes. The kernel ends it
/// when what was sent has not been taken for that long (TCP_USER_TIMEOUT, RFC 5482). And it takes only so many bytes beyond
/// those that the peer has room for (TCP_NOTSENT_LOWAT): with megabytes in its buffer it would ask for more only after a
/// third of them had gone, and a peer on a slow line would look as if it took nothing.
fn watch_progress(connection: &dyn Any, limit: Duration) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else {
        return;
    };
    let socket = SockRef::from(stream);
    let set = socket.set_tcp_user_timeout(Some(limit));
    if let Err(error) = set.and_then(|()| socket.set_tcp_notsent_lowat(UNSENT)) {
        tracing::debug!(%error, "a connection does not show whether its peer makes progress");
    }
}

/// The application that every worker runs.
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
        // Before the API, whose scope would take everything under `/backup`, and with it the guard.
        .configure(dashboard::configure)
        .into_utoipa_app()
        .configure(routes::configure)
        .into_app()
        .configure(|config| published.configure(config, settings.pages));
    middleware::wrap(app, &settings.cors_origins)
}

/// What every subcommand begins with: the database inspected, the installation found or made, the store of archives opened.
/// `runner` names the process that does jobs, for the data folder.
///
/// # Errors
/// A [`ExitError`] with the exit code of what could not be done.
pub async fn state(
    settings: Settings,
    installation: Installation,
    runner: impl FnOnce(&Path) -> Result<Runner, Error>,
) -> Result<AppState, ExitError> {
    installation::check_data_dir(&settings, installation)?;
    let found = inspect(&settings).await?;
    match installation {
        Installation::CreateIfMissing => installation::create_data_dir(&settings)?,
        needed => installation::require(&settings, needed, &found)?,
    }
    let runner = runner(&settings.data_dir).map_err(ExitError::failed("claiming the data folder"))?;
    let secret = match installation {
        Installation::CreateIfMissing => secret::signing_secret(&settings)?,
        // Only `token` needs that of the service, and asks for it.
        _ => secret::existing_secret(&settings)?.unwrap_or_else(secret::random),
    };
    let database = connect(&settings).await?;
    if matches!(
        installation,
        Installation::CreateIfMissing | Installation::EmptyDatabase
    ) {
        migrate(&settings, &database).await?;
    }
    let store = match installation {
        // No archive is touched, and their folder may be missing.
        Installation::Database => Store::open_existing(&settings.archives),
        _ => Store::open(&settings.archives),
    };
    let store = store.map_err(ExitError::refused("--archives (CAMPUS_BACKUP_ARCHIVES)"))?;
    let id = account::installation_id(&database).await;
    let id = id.map_err(ExitError::failed("reading the id of the installation"))?;
    let accounts = Accounts::new(database.clone(), settings.accounts(secret, id));
    let accounts = accounts.map_err(ExitError::refused("the settings of accounts"))?;
    Ok(AppState::new(settings, accounts, database, store, runner))
}

/// Fills a database with a demo school that is empty, or has the first administrator and nothing else. Whose administrator is
/// the one that is there, or the first.
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
    announce(&admin)?;
    Ok(filled)
}

/// Starting twice with `--demo` is no mistake: the second time the school is there.
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
    Ok(())
}

/// Says that there is a new password, and what it is if it was made.
pub(crate) fn announce(admin: &FirstAdmin) -> Result<(), ExitError> {
    match &admin.password {
        Some(password) => print(&format!(
            "Administrator `{}` was created. One-time password: {}",
            admin.username,
            password.expose_secret()
        )),
        None => {
            tracing::info!("an administrator was created with the password of the settings");
            Ok(())
        }
    }
}

/// What the database holds, if this program may use it. It runs before anything is made or written.
///
/// # Errors
/// [`ExitError::Database`] if it can't be reached, [`ExitError::ForeignDatabase`] if it is another program's, and
/// [`ExitError::NewerSchema`] if a newer version of this program was here.
pub async fn inspect(settings: &Settings) -> Result<SchemaState, ExitError> {
    let found = Database::inspect(&settings.database).await;
    usable(settings, found.map_err(unusable(settings))?)
}

/// Checks the store of archives. What may be an outage stops nothing: it may end while the service runs, which reads the
/// live data meanwhile.
///
/// # Errors
/// [`ExitError::Settings`] if the settings of the store can't be right.
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

/// What is wrong with the database of these settings.
fn unusable(settings: &Settings) -> impl FnOnce(Error) -> ExitError {
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

/// Runs the migrations that have not been run, on a database that can be used as it is set up.
///
/// # Errors
/// Those of [`inspect`], and [`ExitError::DatabaseDefect`], before anything is touched.
pub async fn migrate(settings: &Settings, database: &Database) -> Result<(), ExitError> {
    // Once more: what was inspected before may have changed, and a journal that had to be rolled back first was not read.
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

/// A write beyond the limit of a file's size should fail like any other, and not kill the process: the default action
/// of SIGXFSZ does, and a signal that is handled does not.
pub(crate) fn survive_file_size_limit() -> std::io::Result<()> {
    signal(SignalKind::from_raw(libc::SIGXFSZ)).map(drop)
}

/// The signals that ask a service to end.
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
