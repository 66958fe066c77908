//! The command line's subcommands. Each is a few lines: settings, a connection, one call.

mod archive;
mod clear;
mod download;

use std::future::Future;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::time::Duration;

use campus_backup_domain::account::FirstAdmin;
use campus_backup_domain::job::Runner;
use campus_backup_domain::store::Store;
use secrecy::ExposeSecret;

use crate::cli::{Admin, Cli, Command, Common, Serve};
use crate::failure::{ErrorForm, Failure};
use crate::installation::Installation;
use crate::output::{self, Report, print};
use crate::problem::ApiError;
use crate::settings::Settings;
use crate::{AppState, Service, cli, installation, keep, logging, look, openapi, restoring, secret, startup, stored};

/// How long tasks that ignore the end of the program are waited for.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// The whole program: reads the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let form = ErrorForm::of(std::env::args_os());
    let done = match Cli::read(std::env::args_os()) {
        Ok(cli) => run(cli),
        Err(error) if error.use_stderr() && form == ErrorForm::Json => {
            let lines = error.to_string();
            let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
            Err(Failure::Settings(vec![lines.collect::<Vec<_>>().join(" ")]))
        }
        Err(error) => {
            // Also the help that was asked for. If nobody reads it, there is nobody left to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(form),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(serve_arguments)) => serve(&serve_arguments),
        Some(Command::Migrate(common)) => migrate(&common),
        Some(Command::Health { store: true, common }) => check_store(&common),
        Some(Command::Health { store: false, common }) => health(&common),
        Some(Command::Openapi) => print_document(),
        Some(Command::Completions { shell }) => completions(shell),
        Some(Command::Backup { words, acting }) => keep::backup(archive::words(words), &acting),
        Some(Command::List { reading }) => stored::list(&reading),
        Some(Command::Show { id, reading }) => stored::show(&id, &reading),
        Some(Command::Verify {
            id,
            test_restore,
            reading,
        }) => stored::verify(&id, test_restore, &reading),
        Some(Command::Extract(extract)) => stored::extract(&extract),
        Some(Command::Diff { from, to, csv, acting }) => keep::diff(from, to, csv, &acting),
        Some(Command::Restore(restore)) => restoring::restore(&restore),
        Some(Command::Clear(clear)) => clear::clear(&clear),
        Some(Command::Undo { id, acting }) => keep::undo(&id, &acting),
        Some(Command::Delete { id, force, yes, acting }) => archive::delete(&id, force, yes, &acting),
        Some(Command::Protect { id, off, acting }) => archive::protect(&id, !off, &acting),
        Some(Command::Upload { file, words, acting }) => archive::upload(&file, words, &acting),
        Some(Command::Download(download)) => download::download(&download),
        Some(Command::Open(open)) => look::open(&open),
        Some(Command::Admin(admin)) => administer(admin),
        Some(Command::Token {
            username,
            lifetime,
            common,
        }) => token(&username, lifetime, &common),
        Some(Command::Demo { scale, common }) => demo(scale, &common),
    }
}

fn serve(arguments: &Serve) -> Result<(), Failure> {
    let settings = Settings::of_serve(arguments)?;
    logging::start(&settings);
    block_on(async { Service::build(settings).await?.run().await })
}

/// Makes an installation, or brings it up to date.
fn migrate(common: &Common) -> Result<(), Failure> {
    with_state(common, Installation::CreateIfMissing, async |_| Ok(()))
}

fn administer(admin: Admin) -> Result<(), Failure> {
    match admin {
        Admin::Create {
            username,
            email,
            password_file,
            common,
        } => {
            let password = password_file.as_deref().map(secret::password_in).transpose()?;
            with_state(&common, Installation::CreateIfMissing, async |state| {
                let accounts = &state.accounts;
                let made = accounts
                    .create_admin(&username, email.as_deref(), password.as_ref())
                    .await;
                let made = made.map_err(Failure::failed("changing the account"))?;
                print_account(
                    &format!("Administrator `{}` was created.", made.username),
                    &made,
                    &common,
                )
            })
        }
        Admin::ResetPassword {
            username,
            password_file,
            common,
        } => {
            let password = password_file.as_deref().map(secret::password_in).transpose()?;
            with_state(&common, Installation::Database, async |state| {
                let reset = state.accounts.reset_password(&username, password.as_ref()).await;
                let reset = reset.map_err(Failure::failed("changing the account"))?;
                print_account(
                    &format!("The password of `{}` was set.", reset.username),
                    &reset,
                    &common,
                )
            })
        }
        Admin::EndSessions { username, common, .. } => {
            with_state(&common, Installation::Database, async |state| match &username {
                Some(username) => {
                    let ended = state.accounts.end_sessions_of(username).await;
                    ended.map_err(Failure::failed("ending the sessions"))?;
                    Report::of(false, common.quiet).say(&format!("All sessions of `{username}` were ended."))
                }
                None => {
                    let ended = state.accounts.end_all_sessions().await;
                    ended.map_err(Failure::failed("ending the sessions"))?;
                    Report::of(false, common.quiet).say("All sessions were ended.")
                }
            })
        }
    }
}

/// Says what was done, and the password if it was made.
fn print_account(what: &str, account: &FirstAdmin, common: &Common) -> Result<(), Failure> {
    match &account.password {
        Some(password) => print(&format!("{what} One-time password: {}", password.expose_secret())),
        None => Report::of(false, common.quiet).say(what),
    }
}

fn token(username: &str, lifetime: Option<u64>, common: &Common) -> Result<(), Failure> {
    with_state(common, Installation::Database, async |state| {
        secret::required_secret(&state.settings)?;
        let lifetime = lifetime.map_or(state.settings.token_lifetime, Duration::from_secs);
        let issued = state.accounts.issue_token(username, lifetime).await;
        print(&issued.map_err(Failure::failed("issuing the token"))?.access_token)
    })
}

fn demo(scale: u32, common: &Common) -> Result<(), Failure> {
    with_state(common, Installation::CreateIfMissing, async |state| {
        let filled = startup::fill_demo(state, scale).await?;
        for (table, rows) in &filled.rows {
            Report::of(false, common.quiet).say(&format!("{table}: {rows}"))?;
        }
        Ok(())
    })
}

/// Asks the service on this machine, wherever the settings let it listen.
fn health(common: &Common) -> Result<(), Failure> {
    let doing = "asking the service whether it can work";
    let mut address = Settings::of_command(common)?.listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(LAST_MOMENTS).build();
        let asked = client
            .map_err(Failure::failed(doing))?
            .get(format!("http://{address}/readyz"))
            .send()
            .await;
        let answer = asked.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(Failure::failed(doing))
    })
}

/// Does to the store of archives what the service does. It needs neither the service nor a database.
fn check_store(common: &Common) -> Result<(), Failure> {
    let settings = Settings::of_command(common)?;
    logging::start(&settings);
    installation::require_archives(&settings)?;
    block_on(async {
        let store = Store::open(&settings.archives);
        let store = store.map_err(Failure::refused("--archives (CAMPUS_BACKUP_ARCHIVES)"))?;
        let checked = store
            .check()
            .await
            .map_err(|error| ApiError::from(error).with_cause())?;
        let report = Report::of(false, common.quiet);
        report.say("The store of archives works: a file was written, read, listed and deleted.")?;
        checked.warning().map_or(Ok(()), print)
    })
}

/// Runs a subcommand that works on an installation.
pub(crate) fn with_state(
    common: &Common,
    installation: Installation,
    work: impl AsyncFnOnce(&AppState) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let settings = Settings::of_command(common)?;
    logging::start(&settings);
    block_on(async { work(&startup::state(settings, installation, |_| Ok(Runner::passing())).await?).await })
}

fn print_document() -> Result<(), Failure> {
    let document = openapi::openapi()
        .to_pretty_json()
        .map_err(Failure::failed("writing the API's document"))?;
    let written = writeln!(output::standard_output(), "{document}");
    written.map_err(Failure::failed("writing to the standard output"))
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "campus-backup", &mut script);
    let mut output = output::standard_output();
    let written = output.write_all(&script).and_then(|()| output.flush());
    written.map_err(Failure::failed("writing to the standard output"))
}

/// Runs a subcommand to its end. What then still holds on to a thread is left behind.
pub(crate) fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed("starting"))?;
    let result = runtime.block_on(async {
        startup::survive_file_size_limit().map_err(Failure::failed("setting up signals"))?;
        work.await
    });
    runtime.shutdown_timeout(LAST_MOMENTS);
    result
}
