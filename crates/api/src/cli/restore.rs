//! `campus-backup restore`: the plan, the questions, the restore.
//!
//! It restores a stored archive or a file. It also fills an empty database: after the loss of the old one there is no account, and the
//! command line itself is the actor.

use std::path::Path;

use actix_web::web::{Bytes, BytesMut};
use campus_backup_domain::account::{Admin, FirstAdmin};
use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::database::SchemaState;
use campus_backup_domain::job::{BackupReport, Progress, RestoreReport, Runner};
use campus_backup_domain::operations::{Annotations, RESTORE, RestoreRequest, Unencrypted, Upload};
use campus_backup_domain::restore::{self, AccountChanges, Plan, RestoreMode, Scope};
use campus_backup_domain::{Error, Table, open};
use futures_util::{Stream, stream};
use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Acting, Restore};
use crate::cli::exit::ExitError;
use crate::cli::follow::follow;
use crate::cli::inspect::{refused_file, stored_archives};
use crate::cli::named_archive::RereadableArchive;
use crate::cli::output::{Report, print, print_json, printable};
use crate::cli::output_file::STANDARD;
use crate::cli::run::{block_on, recorded};
use crate::cli::{confirm, interrupt};
use crate::installation::{self, Installation};
use crate::problem::{ApiError, Code};
use crate::settings::Settings;
use crate::{data_dir, logging, startup};

/// The word that confirms changes to administrators' accounts.
const ADMINISTRATORS: &str = "administrators";

/// How much of a file is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

pub(super) fn restore(arguments: &Restore) -> Result<(), ExitError> {
    let request = restore::Restore {
        scope: scope(arguments)?,
        mode: mode(&arguments.mode)?,
        disable_administrators: arguments.disable_administrators,
    };
    confirm::ensure_answerable(arguments.dry_run || arguments.yes)?;
    let mut settings = Settings::of_command(&arguments.acting.common)?;
    arguments.identity.add_to(&mut settings)?;
    logging::start(&settings);
    block_on(async {
        data_dir::check(&settings, Installation::EmptyDatabase)?;
        let found = startup::inspect(&settings).await?;
        // The archive is looked up before anything is written. Otherwise a mistyped one would leave an empty installation.
        let is_empty = matches!(found, SchemaState::Empty);
        installation::require_data_dir(&settings)?;
        if is_empty {
            installation::require_archives(&settings)?;
        }
        let named = RereadableArchive::of(&arguments.archive, &settings.data_dir)?;
        if is_empty {
            check_before_creation(&named, arguments, &settings).await?;
        }
        let state = startup::state(settings, Installation::EmptyDatabase, |_| Ok(Runner::ephemeral())).await?;
        let username = arguments.acting.username();
        let admin = state.accounts.administrator_or_command_line(username).await;
        let command = RestoreCommand {
            arguments,
            acting: &arguments.acting,
            state: &state,
            admin: &admin.map_err(ExitError::refused("--as"))?,
            request,
        };
        command.run(named).await
    })
}

/// Checks the archive before an installation is created in an empty database. A dry run has nothing to compare it with.
async fn check_before_creation(
    given: &RereadableArchive,
    arguments: &Restore,
    settings: &Settings,
) -> Result<(), ExitError> {
    match given {
        RereadableArchive::Stored(id) => drop(stored_archives(settings)?.show(id).await.map_err(refused)?),
        RereadableArchive::File { path, .. } => {
            let (file, path) = (arguments.archive.as_str(), path.clone());
            let keys = settings.archive_keys.clone();
            let check = move || {
                let source = open::ArchiveSource::open(&path)?;
                open::check(source, &keys, &Progress::default())
            };
            let checked = tokio::task::spawn_blocking(check).await;
            let checked = checked.map_err(ExitError::failed("checking the archive"))?;
            checked.map_err(refused_file(file))?;
        }
    }
    match arguments.dry_run {
        false => Ok(()),
        true => Err(ExitError::Settings(vec![format!(
            "the database {} is empty, so --dry-run has nothing to compare the archive with. Nothing was changed. Without \
             --dry-run the plan is shown, too, before anything is restored",
            settings.database.place()
        )])),
    }
}

struct RestoreCommand<'a> {
    arguments: &'a Restore,
    acting: &'a Acting,
    state: &'a AppState,
    admin: &'a Admin,
    request: restore::Restore,
}

impl RestoreCommand<'_> {
    async fn run(self, given: RereadableArchive) -> Result<(), ExitError> {
        let Some(plan_hash) = self.confirmed_plan(&given).await? else {
            return Ok(());
        };
        // A file is named explicitly, so that it may be unencrypted.
        let (id, unencrypted) = match &given {
            RereadableArchive::Stored(id) => (id.clone(), self.unencrypted()),
            RereadableArchive::File { path, .. } => (self.upload(path).await?, Unencrypted::Allowed),
        };
        let (state, admin) = (self.state, self.admin);
        let request = RestoreRequest {
            confirm_administrators: restore::changes_administrators(&plan_hash),
            restore: self.request,
            plan_hash,
            confirmation: Some(RESTORE.to_owned()),
            unencrypted,
        };
        let sessions = state.accounts.end_sessions(admin);
        let submitted = state.operations.restore(admin, &id, request, sessions, None);
        let done = follow(state, self.acting, submitted).await;
        let done = done.map_err(|failure| match &given {
            RereadableArchive::Stored(_) => failure,
            RereadableArchive::File { .. } => failure.after_upload(&id),
        });
        let report: RestoreReport = done?.report().map_err(refused)?;
        let made = first_administrator(state, admin).await?;
        report_done(&report, made.as_ref(), self.acting.report())
    }

    fn unencrypted(&self) -> Unencrypted {
        Unencrypted::allowed_if(self.arguments.allow_unencrypted)
    }

    /// The hash of the confirmed plan; `None` for a dry run.
    async fn confirmed_plan(&self, given: &RereadableArchive) -> Result<Option<String>, ExitError> {
        let (arguments, operations) = (self.arguments, &self.state.operations);
        let plan = async {
            let entry = AuditEntry::by(self.admin, AuditEvent::RestorePlan);
            match given {
                RereadableArchive::Stored(id) => {
                    let plan = operations.plan(self.admin, id, &self.request, self.unencrypted()).await;
                    recorded(self.state, entry.about(id), plan).await
                }
                RereadableArchive::File { path, .. } => {
                    let plan = operations.plan_file(self.admin, path.clone(), &self.request).await;
                    recorded(self.state, entry, plan).await
                }
            }
        };
        let plan: Plan = interrupt::until_pressed(plan).await?;
        if arguments.dry_run && self.acting.json {
            return print_json(&plan).map(|()| None);
        }
        let is_printed = match self.acting.report() {
            Report::Text => true,
            // A plan has to be shown before it is confirmed.
            Report::Quiet => arguments.dry_run || !arguments.yes,
            Report::Json => false,
        };
        if is_printed {
            print_plan(&plan)?;
        }
        if arguments.dry_run {
            return Ok(None);
        }
        if let Some(blocker) = plan.blockers.first() {
            return Err(ApiError::new(Code::RestoreConflict, blocker.text.clone()).into());
        }
        if !arguments.yes && !confirm::is_typed(RESTORE).await? {
            return Err(refused(Error::WrongConfirmation { expected: RESTORE }));
        }
        if restore::changes_administrators(&plan.hash) && !arguments.confirm_administrators {
            let is_confirmed = !arguments.yes && confirm::is_typed(ADMINISTRATORS).await?;
            if !is_confirmed {
                return Err(unconfirmed(&plan));
            }
        }
        Ok(Some(plan.hash))
    }

    /// Uploads a file, so that it is checked and stored like any other archive.
    async fn upload(&self, path: &Path) -> Result<String, ExitError> {
        let doing = "reading the archive";
        let file = tokio::fs::File::open(path).await.map_err(ExitError::failed(doing))?;
        let length = file.metadata().await.map_err(ExitError::failed(doing))?.len();
        let name = match self.arguments.archive.as_str() {
            STANDARD => STANDARD.into(),
            named => Path::new(named).file_name().unwrap_or_default().to_string_lossy(),
        };
        let upload = Upload {
            annotations: Annotations {
                note: Some(format!("uploaded by `campus-backup restore {}`", printable(&name))),
                ..Annotations::default()
            },
            length: Some(length),
            key: None,
        };
        let submitted = self.state.operations.upload(self.admin, upload, chunks(file));
        let job = follow(self.state, self.acting, submitted).await?;
        let BackupReport { archive_id, .. } = job.report().map_err(refused)?;
        Ok(archive_id)
    }
}

/// The bytes of a file as a stream.
pub(super) fn chunks(file: impl AsyncRead + Unpin) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::try_unfold(file, |mut file| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = file
            .read_buf(&mut chunk)
            .await
            .map_err(Error::io("reading the archive"))?;
        Ok((read > 0).then(|| (chunk.freeze(), file)))
    })
}

/// Creates an administrator if none can sign in after the restore. An administrator that acts by name can sign in.
async fn first_administrator(state: &AppState, admin: &Admin) -> Result<Option<FirstAdmin>, ExitError> {
    if admin.user_id().is_some() {
        return Ok(None);
    }
    let (accounts, settings) = (&state.accounts, &state.settings);
    let made = accounts.ensure_administrator_can_sign_in(&settings.admin_username, settings.admin_password.as_ref());
    made.await.map_err(ExitError::failed(
        "making an administrator after the restore, which is done (`campus-backup admin create` makes one)",
    ))
}

/// The answer of `restore --json`.
#[derive(Serialize)]
struct Restored<'r> {
    #[serde(flatten)]
    report: &'r RestoreReport,
    /// The administrator that was created after the restore.
    #[serde(skip_serializing_if = "Option::is_none")]
    administrator: Option<CreatedAdministrator<'r>>,
}

#[derive(Serialize)]
struct CreatedAdministrator<'r> {
    username: &'r str,
    /// None if the settings have it.
    password: Option<&'r str>,
}

fn report_done(done: &RestoreReport, made: Option<&FirstAdmin>, report: Report) -> Result<(), ExitError> {
    if report == Report::Json {
        let administrator = made.map(|made| CreatedAdministrator {
            username: &made.username,
            password: made.password.as_ref().map(ExposeSecret::expose_secret),
        });
        return print_json(&Restored {
            report: done,
            administrator,
        });
    }
    let safety = &done.safety_archive_id;
    report.say(&format!("restored; the previous data is in the safety backup {safety}"))?;
    made.map_or(Ok(()), startup::announce)
}

fn unconfirmed(plan: &Plan) -> ExitError {
    let lists = account_lists(plan).into_iter();
    let names: Vec<_> = lists
        .flat_map(|(_, list)| list.items.iter().map(|account| account.username.as_str()))
        .collect();
    let problem = format!(
        "--confirm-administrators is needed: the plan changes accounts of administrators ({}). Nothing was restored",
        names.join(", ")
    );
    ExitError::Settings(vec![problem])
}

/// The lists of changed administrators, each with its heading.
fn account_lists(plan: &Plan) -> [(&'static str, &AccountChanges); 4] {
    [
        ("administrator added", &plan.administrators_added),
        ("administrator changed", &plan.administrators_changed),
        ("administrator raised", &plan.administrators_raised),
        ("administrator disabled", &plan.administrators_disabled),
    ]
}

fn print_plan(plan: &Plan) -> Result<(), ExitError> {
    print("      before       after     inserts     updates     deletes")?;
    for (table, rows) in &plan.tables {
        let numbers = [
            rows.rows_before,
            rows.rows_after,
            rows.inserts,
            rows.updates,
            rows.deletes + rows.cascades,
        ];
        let numbers = numbers.map(|number| format!("{number:>12}"));
        print(&format!("{}  {table}", numbers.concat()))?;
    }
    print(&format!(
        "payments: {} before, {} after",
        plan.money.before, plan.money.after
    ))?;
    for (heading, list) in account_lists(plan) {
        for account in &list.items {
            print(&format!("{heading}: {}: {}", account.username, account.text))?;
        }
        let listed = list.items.len() as u64;
        if list.total > listed {
            print(&format!("{heading}: and {} more", list.total - listed))?;
        }
    }
    for warning in &plan.warnings {
        print(&format!("warning: {}", warning.text))?;
    }
    for blocker in &plan.blockers {
        print(&format!("blocker: {}", blocker.text))?;
    }
    Ok(())
}

fn scope(arguments: &Restore) -> Result<Scope, ExitError> {
    if let Some(id) = arguments.student {
        let table = Table::Students;
        return Ok(Scope::Entity { table, id });
    }
    if arguments.table.is_empty() {
        return Ok(Scope::All);
    }
    let tables: Option<_> = arguments.table.iter().map(|name| Table::from_name(name)).collect();
    tables.map(Scope::Tables).ok_or_else(|| {
        let names = Table::ALL.map(Table::name).join(", ");
        ExitError::Settings(vec![format!("--table: must be one of {names}")])
    })
}

fn mode(name: &str) -> Result<RestoreMode, ExitError> {
    let mode = RestoreMode::ALL.into_iter().find(|mode| mode.name() == name);
    mode.ok_or_else(|| {
        ExitError::Settings(vec![format!(
            "--mode: `{name}` is not replace, merge or insert_missing"
        )])
    })
}
