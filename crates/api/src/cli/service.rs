//! `campus-backup serve`, `migrate`, `demo` and `health`, and the subcommands that print the API's document and shell completions.

use std::io::Write as _;

use campus_backup_domain::store::Store;

use crate::cli::args::{self, CommonSettings, Serve};
use crate::cli::exit::ExitError;
use crate::cli::output::{self, Report, print};
use crate::cli::run::{TASK_TIMEOUT, block_on, with_state};
use crate::installation::{self, Installation};
use crate::problem::ApiError;
use crate::settings::Settings;
use crate::{Service, logging, openapi, startup, systemd};

pub(super) fn serve(arguments: &Serve) -> Result<(), ExitError> {
    let settings = Settings::of_serve(arguments)?;
    logging::start(&settings);
    block_on(async { Service::build(settings).await?.run().await })
}

/// Creates an installation, or migrates it.
pub(super) fn migrate(common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::CreateIfMissing, async |_| Ok(()))
}

pub(super) fn demo(scale: u32, common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::CreateIfMissing, async |state| {
        let filled = startup::fill_demo(state, scale).await?;
        for (table, rows) in &filled.rows {
            Report::of(false, common.quiet).say(&format!("{table}: {rows}"))?;
        }
        Ok(())
    })
}

/// Asks the service on this machine, at the address of the settings.
pub(super) fn health(common: &CommonSettings) -> Result<(), ExitError> {
    let doing = "asking the service whether it is ready";
    let address = systemd::reachable(Settings::of_command(common)?.listen);
    block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(TASK_TIMEOUT).build();
        let asked = client
            .map_err(ExitError::failed(doing))?
            .get(format!("http://{address}/readyz"))
            .send()
            .await;
        let answer = asked.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(ExitError::failed(doing))
    })
}

/// Checks the store of archives as the service does, without the service and without a database.
pub(super) fn check_store(common: &CommonSettings) -> Result<(), ExitError> {
    let settings = Settings::of_command(common)?;
    logging::start(&settings);
    installation::require_archives(&settings)?;
    block_on(async {
        let store = Store::open(&settings.archives);
        let store = store.map_err(ExitError::refused("--archives (CAMPUS_BACKUP_ARCHIVES)"))?;
        let checked = store
            .check()
            .await
            .map_err(|error| ApiError::from(error).with_cause())?;
        let report = Report::of(false, common.quiet);
        report.say("The store of archives works: a file was written, read, listed and deleted.")?;
        checked.warning().map_or(Ok(()), print)
    })
}

pub(super) fn print_document() -> Result<(), ExitError> {
    let document = openapi::openapi()
        .to_pretty_json()
        .map_err(ExitError::failed("writing the API's document"))?;
    let written = writeln!(output::standard_output(), "{document}");
    written.map_err(ExitError::failed("writing to the standard output"))
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), ExitError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "campus-backup", &mut script);
    let mut output = output::standard_output();
    let written = output.write_all(&script).and_then(|()| output.flush());
    written.map_err(ExitError::failed("writing to the standard output"))
}
