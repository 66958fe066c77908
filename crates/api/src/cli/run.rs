//! The whole program: reads the command line, runs one subcommand, and ends with its exit code.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use campus_backup_domain::Error;
use campus_backup_domain::account::Admin;
use campus_backup_domain::audit::AuditEntry;
use campus_backup_domain::job::Runner;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Acting, Cli, Command, CommonSettings, Identity};
use crate::cli::exit::{ErrorForm, ExitError};
use crate::cli::{
    accounts, adopt, archives, audit, certificates, clear, destinations, diff, download, health, imports, inspect,
    keys, notifications, rekey, restore, retention, schedules, service, tokens,
};
use crate::installation::Installation;
use crate::logging;
use crate::problem::ApiError;
use crate::settings::Settings;
use crate::startup;

/// The time that remaining tasks have when the program ends.
pub(super) const TASK_TIMEOUT: Duration = Duration::from_secs(2);

/// The whole program: reads the command line, runs the subcommand, and returns the exit code.
pub fn main() -> ExitCode {
    let form = ErrorForm::of(std::env::args_os());
    let done = match Cli::read(std::env::args_os()) {
        Ok(cli) => run(cli),
        Err(error) if error.use_stderr() && form == ErrorForm::Json => {
            let lines = error.to_string();
            let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
            Err(ExitError::Settings(vec![lines.collect::<Vec<_>>().join(" ")]))
        }
        Err(error) => {
            // This may also be the help. An error of this write can't be reported anywhere.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(form),
    }
}

fn run(cli: Cli) -> Result<(), ExitError> {
    match cli.command {
        None => service::serve(&cli.serve),
        Some(Command::Serve(serve_arguments)) => service::serve(&serve_arguments),
        Some(Command::Migrate(common)) => service::migrate(&common),
        Some(Command::Health {
            store: true, common, ..
        }) => service::check_store(&common),
        Some(Command::Health {
            backups: true,
            json,
            common,
            ..
        }) => health::backups(json, &common),
        Some(Command::Health { common, .. }) => service::health(&common),
        Some(Command::Openapi) => service::print_document(),
        Some(Command::Completions { shell }) => service::completions(shell),
        Some(Command::Backup { fields, acting }) => archives::backup(fields, &acting),
        Some(Command::List { filter, json, common }) => inspect::list(*filter, json, common),
        Some(Command::Show { archive, reading }) => inspect::show(&archive, &reading),
        Some(Command::Verify {
            archive,
            check,
            reading,
            ..
        }) if check.certificate.is_some() => certificates::verify(archive.as_deref(), &check, &reading),
        Some(Command::Verify {
            archive,
            test_restore,
            reading,
            ..
        }) => inspect::verify(&archive.unwrap_or_default(), test_restore, &reading),
        Some(Command::Certificate(certificate)) => certificates::certificate(&certificate),
        Some(Command::Extract(extract)) => inspect::extract(&extract),
        Some(Command::Diff {
            from,
            to,
            csv,
            identity,
            acting,
        }) => diff::diff(from, to, csv, &identity, &acting),
        Some(Command::Restore(restore)) => restore::restore(&restore),
        Some(Command::Clear(clear)) => clear::clear(&clear),
        Some(Command::Import(import)) => imports::import(&import),
        Some(Command::Undo { id, identity, acting }) => archives::undo(&id, &identity, &acting),
        Some(Command::Delete { id, force, yes, acting }) => archives::delete(&id, force, yes, &acting),
        Some(Command::Protect { id, off, acting }) => archives::protect(&id, !off, &acting),
        Some(Command::Accept { id, acting }) => archives::accept(&id, &acting),
        Some(Command::Upload {
            file,
            identity,
            fields,
            acting,
        }) => archives::upload(&file, &identity, fields, &acting),
        Some(Command::Download(download)) => download::download(&download),
        Some(Command::Schedule(schedule)) => schedules::schedule(schedule),
        Some(Command::Retention(retention)) => retention::retention(retention),
        Some(Command::Audit(command)) => audit::audit(*command),
        Some(Command::Notification(notification)) => notifications::notification(*notification),
        Some(Command::Destination(destination)) => destinations::destination(*destination),
        Some(Command::Key(key)) => keys::key(key),
        Some(Command::Rekey(arguments)) => rekey::rekey(&arguments),
        Some(Command::Adopt(arguments)) => adopt::adopt(&arguments),
        Some(Command::Admin(admin)) => accounts::administer(admin),
        Some(Command::Token { named: Some(named), .. }) => tokens::named(named),
        Some(Command::Token {
            username,
            lifetime,
            common,
            ..
        }) => tokens::issue(&username.unwrap_or_default(), lifetime, &common),
        Some(Command::Demo { scale, common }) => service::demo(scale, &common),
    }
}

/// Runs a subcommand on an installation.
pub(super) fn with_state(
    common: &CommonSettings,
    installation: Installation,
    work: impl AsyncFnOnce(&AppState) -> Result<(), ExitError>,
) -> Result<(), ExitError> {
    with_settings(Settings::of_command(common)?, installation, work)
}

fn with_settings(
    settings: Settings,
    installation: Installation,
    work: impl AsyncFnOnce(&AppState) -> Result<(), ExitError>,
) -> Result<(), ExitError> {
    logging::start(&settings);
    block_on(async { work(&startup::state(settings, installation, |_| Ok(Runner::ephemeral())).await?).await })
}

/// Runs a subcommand on an installation, as the administrator of `--as`.
pub(super) fn with_admin(
    acting: &Acting,
    work: impl AsyncFnOnce(&AppState, &Admin) -> Result<(), ExitError>,
) -> Result<(), ExitError> {
    with_identity(acting, &Identity { file: None }, work)
}

/// Runs a subcommand on an installation, as the administrator of `--as`, with the secret key of `--identity`.
pub(super) fn with_identity(
    acting: &Acting,
    identity: &Identity,
    work: impl AsyncFnOnce(&AppState, &Admin) -> Result<(), ExitError>,
) -> Result<(), ExitError> {
    let mut settings = Settings::of_command(&acting.common)?;
    identity.add_to(&mut settings)?;
    with_settings(settings, Installation::Required, async |state| {
        let admin = state.accounts.administrator(acting.username()).await;
        work(state, &admin.map_err(ExitError::refused("--as"))?).await
    })
}

/// Records in the audit what is about to be shown, or that it was refused.
pub(super) async fn recorded<S>(state: &AppState, entry: AuditEntry, shown: Result<S, Error>) -> Result<S, ExitError> {
    let shown = shown.map_err(ApiError::from);
    let entry = match &shown {
        Ok(_) => entry,
        Err(error) => entry.refused(error.code().name()),
    };
    state.audit.record(entry).await.map_err(refused)?;
    shown.map_err(ExitError::from)
}

/// Runs a subcommand to its end. Threads that still block after a timeout are abandoned.
pub(super) fn block_on(work: impl Future<Output = Result<(), ExitError>>) -> Result<(), ExitError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ExitError::failed("starting"))?;
    let result = runtime.block_on(async {
        startup::survive_file_size_limit().map_err(ExitError::failed("setting up signals"))?;
        work.await
    });
    runtime.shutdown_timeout(TASK_TIMEOUT);
    result
}
