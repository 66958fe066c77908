//! `campus-backup restore`: the plan, the questions, the restore. It takes an archive of the store or a file, and fills also a
//! database that is empty: the day after the old one was lost there is no account, and the command line itself acts.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use actix_web::web::{Bytes, BytesMut};
use campus_backup_domain::account::{Admin, FirstAdmin};
use campus_backup_domain::database::SchemaState;
use campus_backup_domain::job::{Progress, Runner};
use campus_backup_domain::operations::{Annotations, RESTORE, RestoreRequest, Unencrypted, Upload};
use campus_backup_domain::restore::{self as restoring, Mode, Plan, Scope};
use campus_backup_domain::{Error, Table, open};
use futures_util::{Stream, stream};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Acting, Restore};
use crate::cli::exit::ExitError;
use crate::cli::follow::follow;
use crate::cli::inspect::{self, NamedArchive};
use crate::cli::output::{Report, print, print_json, printable};
use crate::cli::output_file::STANDARD;
use crate::cli::run::block_on;
use crate::cli::{confirm, inspect_file, interrupt};
use crate::installation::{self, Installation};
use crate::problem::{ApiError, Code};
use crate::routes::archives::PlanAnswer;
use crate::settings::Settings;
use crate::{logging, startup};

/// What has to be typed so that administrators' accounts change.
const ADMINISTRATORS: &str = "administrators";

/// The lists of a plan that name administrators, and what is said of them.
const LISTS: [(&str, &str); 4] = [
    ("administrators_added", "administrator added"),
    ("administrators_changed", "administrator changed"),
    ("administrators_raised", "administrator raised"),
    ("administrators_disabled", "administrator disabled"),
];

/// How much of a file is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

pub(super) fn restore(arguments: &Restore) -> Result<(), ExitError> {
    let request = restoring::Restore {
        scope: scope(arguments)?,
        mode: mode(&arguments.mode)?,
        disable_administrators: arguments.disable_administrators,
    };
    confirm::ensure_answerable(arguments.dry_run || arguments.yes)?;
    let settings = Settings::of_command(&arguments.acting.common)?;
    logging::start(&settings);
    block_on(async {
        installation::check_data_dir(&settings, Installation::EmptyDatabase)?;
        let found = startup::inspect(&settings).await?;
        // Before anything is written: an archive that is not there would leave an empty installation.
        let is_empty = matches!(found, SchemaState::Empty);
        installation::require_data_dir(&settings)?;
        if is_empty {
            installation::require_archives(&settings)?;
        }
        let named = Given::of(&arguments.archive, &settings.data_dir)?;
        if is_empty {
            look_for(&named, arguments, &settings).await?;
        }
        let state = startup::state(settings, Installation::EmptyDatabase, |_| Ok(Runner::ephemeral())).await?;
        let username = arguments.acting.username();
        let admin = state.accounts.administrator_or_command_line(username).await;
        let restoring = Restoring {
            arguments,
            acting: &arguments.acting,
            state: &state,
            admin: &admin.map_err(ExitError::refused("--as"))?,
            request,
        };
        restoring.run(named).await
    })
}

/// The archive that is to be restored.
enum Given {
    /// By its id in the store.
    Stored(String),
    /// A file, and what keeps it there.
    File { path: PathBuf, _spooled: Option<File> },
}

impl Given {
    /// What comes from the standard input is read to its end: it is needed more than once.
    ///
    /// # Errors
    /// [`Code::UnknownArchive`] if there is no such archive; [`ExitError::Failed`] if it can't be spooled in the data folder.
    fn of(argument: &str, data_dir: &Path) -> Result<Self, ExitError> {
        let path = match NamedArchive::of(argument)? {
            NamedArchive::Stored(id) => return Ok(Self::Stored(id)),
            NamedArchive::File(path) => return Ok(Self::File { path, _spooled: None }),
            NamedArchive::Standard => data_dir,
        };
        let doing = "reading the archive from the standard input";
        // It has no name, and the system removes it when it is closed.
        let mut spooled = tempfile::tempfile_in(path).map_err(ExitError::failed(doing))?;
        io::copy(&mut io::stdin().lock(), &mut spooled).map_err(ExitError::failed(doing))?;
        Ok(Self::File {
            path: PathBuf::from(format!("/proc/self/fd/{}", spooled.as_raw_fd())),
            _spooled: Some(spooled),
        })
    }
}

/// Demands the archive, and that there is something to compare it with.
async fn look_for(given: &Given, arguments: &Restore, settings: &Settings) -> Result<(), ExitError> {
    match given {
        Given::Stored(id) => drop(inspect::archives(settings)?.show(id).await.map_err(refused)?),
        Given::File { path, .. } => {
            let (file, path) = (arguments.archive.as_str(), path.clone());
            let keys = settings.archive_keys.clone();
            let check = move || {
                let source = open::Source::open(&path)?;
                open::check(source, &keys, &Progress::default())
            };
            let checked = tokio::task::spawn_blocking(check).await;
            let checked = checked.map_err(ExitError::failed("checking the archive"))?;
            checked.map_err(inspect_file::refused(file))?;
        }
    }
    match arguments.dry_run {
        false => Ok(()),
        true => Err(ExitError::Settings(vec![format!(
            "the database {} is empty, so there is nothing with which --dry-run could compare the archive. Nothing was \
             changed. Without --dry-run the plan is shown, too, before anything is restored",
            settings.database.place()
        )])),
    }
}

struct Restoring<'a> {
    arguments: &'a Restore,
    acting: &'a Acting,
    state: &'a AppState,
    admin: &'a Admin,
    request: restoring::Restore,
}

impl Restoring<'_> {
    async fn run(self, given: Given) -> Result<(), ExitError> {
        let Some(plan_hash) = self.confirmed_plan(&given).await? else {
            return Ok(());
        };
        // Who names a file asks for that one, encrypted or not.
        let (id, unencrypted) = match &given {
            Given::Stored(id) => (id.clone(), self.unencrypted()),
            Given::File { path, .. } => (self.upload(path).await?, Unencrypted::Allowed),
        };
        let (state, admin) = (self.state, self.admin);
        let request = RestoreRequest {
            confirm_administrators: restoring::changes_administrators(&plan_hash),
            restore: self.request,
            plan_hash,
            confirmation: Some(RESTORE.to_owned()),
            unencrypted,
        };
        let sessions = state.accounts.end_sessions(admin);
        let submitted = state.operations.restore(admin, &id, request, sessions, None);
        let done = follow(state, self.acting, submitted).await;
        let done = done.map_err(|failure| match &given {
            Given::Stored(_) => failure,
            Given::File { .. } => failure.after_upload(&id),
        });
        let report = done?.result.unwrap_or_default();
        let made = first_administrator(state, admin).await?;
        report_done(report, made, self.acting.report())
    }

    fn unencrypted(&self) -> Unencrypted {
        Unencrypted::allowed_if(self.arguments.allow_unencrypted)
    }

    /// The hash of the plan that may be done; none if it was only to be shown.
    async fn confirmed_plan(&self, given: &Given) -> Result<Option<String>, ExitError> {
        let (arguments, operations) = (self.arguments, &self.state.operations);
        let plan = async {
            let plan = match given {
                Given::Stored(id) => operations.plan(self.admin, id, &self.request, self.unencrypted()).await,
                Given::File { path, .. } => operations.plan_file(self.admin, path.clone(), &self.request).await,
            };
            plan.map_err(refused)
        };
        let plan: Plan = interrupt::until_pressed(plan).await?;
        let (plan_hash, is_blocked) = (plan.hash.clone(), !plan.blockers.is_empty());
        let changes_administrators = !plan.administrators.is_empty();
        let plan = json!(PlanAnswer::from(plan));
        if arguments.dry_run && self.acting.json {
            return print_json(&plan).map(|()| None);
        }
        let is_wanted = match self.acting.report() {
            Report::Text => true,
            // Nobody confirms what is not shown.
            Report::Quiet => arguments.dry_run || !arguments.yes,
            Report::Json => false,
        };
        if is_wanted {
            print_plan(&plan)?;
        }
        if arguments.dry_run {
            return Ok(None);
        }
        if is_blocked {
            let detail = plan["blockers"][0]["text"].as_str().unwrap_or_default();
            return Err(ApiError::new(Code::RestoreConflict, detail).into());
        }
        if !arguments.yes && !confirm::is_typed(RESTORE).await? {
            return Err(refused(Error::WrongConfirmation { expected: RESTORE }));
        }
        if changes_administrators && !arguments.confirm_administrators {
            let is_confirmed = !arguments.yes && confirm::is_typed(ADMINISTRATORS).await?;
            if !is_confirmed {
                return Err(unconfirmed(&plan));
            }
        }
        Ok(Some(plan_hash))
    }

    /// Puts a file into the store, so that it is checked and kept like any other archive.
    async fn upload(&self, path: &Path) -> Result<String, ExitError> {
        let doing = "reading the archive";
        let file = tokio::fs::File::open(path).await.map_err(ExitError::failed(doing))?;
        let length = file.metadata().await.map_err(ExitError::failed(doing))?.len();
        let name = match self.arguments.archive.as_str() {
            STANDARD => STANDARD.into(),
            _ => path.file_name().unwrap_or_default().to_string_lossy(),
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
        let result = follow(self.state, self.acting, submitted)
            .await?
            .result
            .unwrap_or_default();
        Ok(result["archive_id"].as_str().unwrap_or_default().to_owned())
    }
}

/// The bytes of a file as they come.
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

/// After the command line itself has acted, somebody must be able to sign in. Whoever acts by name can.
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

fn report_done(mut done: Value, made: Option<FirstAdmin>, report: Report) -> Result<(), ExitError> {
    if report == Report::Json {
        if let Some(made) = &made {
            let password = made.password.as_ref().map(ExposeSecret::expose_secret);
            done["administrator"] = json!({"username": made.username, "password": password});
        }
        return print_json(&done);
    }
    let safety = done["safety_archive_id"].as_str().unwrap_or_default();
    report.say(&format!("restored; what was there before is in {safety}"))?;
    made.as_ref().map_or(Ok(()), startup::announce)
}

fn unconfirmed(plan: &Value) -> ExitError {
    let names = LISTS.iter().flat_map(|(list, _)| plan[list]["items"].as_array());
    let names = names.flatten().filter_map(|account| account["username"].as_str());
    let names: Vec<_> = names.collect();
    let problem = format!(
        "--confirm-administrators is needed: the plan changes accounts of administrators ({}). Nothing was restored",
        names.join(", ")
    );
    ExitError::Settings(vec![problem])
}

fn print_plan(plan: &Value) -> Result<(), ExitError> {
    print("      before       after     inserts     updates     deletes")?;
    for (table, counts) in plan["tables"].as_object().into_iter().flatten() {
        let number = |name: &str| counts[name].as_u64().unwrap_or_default();
        let gone = number("deletes") + number("cascades");
        let numbers = [
            number("rows_before"),
            number("rows_after"),
            number("inserts"),
            number("updates"),
            gone,
        ];
        let numbers = numbers.map(|number| format!("{number:>12}"));
        print(&format!("{}  {table}", numbers.concat()))?;
    }
    let money = |when: &str| plan["money"][when].as_str().unwrap_or_default().to_owned();
    print(&format!(
        "payments: {} before, {} after",
        money("before"),
        money("after")
    ))?;
    for (list, what) in LISTS {
        let (items, total) = (&plan[list]["items"], plan[list]["total"].as_u64().unwrap_or_default());
        let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
        for account in items {
            let name = account["username"].as_str().unwrap_or_default();
            let text = account["text"].as_str().unwrap_or_default();
            print(&format!("{what}: {name}: {text}"))?;
        }
        if total > items.len() as u64 {
            print(&format!("{what}: and {} more", total - items.len() as u64))?;
        }
    }
    for what in ["warnings", "blockers"] {
        for one in plan[what].as_array().into_iter().flatten() {
            print(&format!(
                "{}: {}",
                what.trim_end_matches('s'),
                one["text"].as_str().unwrap_or_default()
            ))?;
        }
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

fn mode(name: &str) -> Result<Mode, ExitError> {
    serde_json::from_value(json!(name)).map_err(|_| {
        ExitError::Settings(vec![format!(
            "--mode: `{name}` is not replace, merge or insert_missing"
        )])
    })
}
