//! `campus-backup schedule`: backups at certain times.
//!
//! The commands write schedules into the database, where the running service finds them within seconds.

use campus_backup_domain::Error;
use campus_backup_domain::account::Admin;
use campus_backup_domain::schedule::{LastRun, NewSchedule, Preset, RunState, ScheduleDetails, SchedulePatch, Verify};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::json;

use crate::AppState;
use crate::cli::archives::{refused, report_stored};
use crate::cli::args::{Acting, Schedule, ScheduleTimes};
use crate::cli::confirm;
use crate::cli::exit::ExitError;
use crate::cli::follow::follow;
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::with_admin;
use crate::problem::ApiError;
use crate::routes::schedules::expression;

/// The most schedules that a list has.
const ALL: u64 = i64::MAX.cast_unsigned();

pub(super) fn schedule(command: Schedule) -> Result<(), ExitError> {
    match command {
        Schedule::List { acting } => list(&acting),
        Schedule::Show { schedule, acting } => show(&schedule, &acting),
        Schedule::Create {
            name,
            times,
            label,
            verify,
            disabled,
            acting,
        } => create(name, times, label, &verify, !disabled, &acting),
        Schedule::Edit {
            schedule,
            name,
            times,
            label,
            no_label,
            verify,
            enable,
            disable,
            acting,
        } => {
            let patch = SchedulePatch {
                name,
                cron: cron(times.cron, times.preset.as_deref())?,
                timezone: times.timezone,
                label: label.map(Some).or(no_label.then_some(None)),
                verify: verify.as_deref().map(verification).transpose()?,
                enabled: (enable || disable).then_some(enable),
            };
            edit(&schedule, patch, &acting)
        }
        Schedule::Delete { schedule, yes, acting } => delete(&schedule, yes, &acting),
        Schedule::Run { schedule, acting } => run(&schedule, &acting),
    }
}

/// The answer of `schedule list --json`.
#[derive(Serialize)]
struct ScheduleList {
    items: Vec<ScheduleDetails>,
}

fn list(acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let listed = state.schedules.list(admin, ALL, 0).await.map_err(refused)?;
        if acting.json {
            return print_json(&ScheduleList { items: listed.items });
        }
        listed.items.iter().try_for_each(|schedule| print(&line(schedule)))
    })
}

fn show(schedule: &str, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let schedule = found(state, admin, schedule).await?;
        if acting.json {
            return print_json(&schedule);
        }
        print(&line(&schedule))?;
        let label = schedule.label.as_deref().unwrap_or(&schedule.name);
        print(&format!("label of its archives: {label}"))?;
        print(&format!("verification: {}", word(&schedule.verify)))?;
        for next in &schedule.next_runs {
            print(&format!("next  {}", moment(*next)))?;
        }
        let Some(last) = &schedule.last_run else {
            return Ok(());
        };
        print(&format!("last  {}", last_run(last)))?;
        match &last.fault {
            Some(fault) => print(&format!("      {}", fault.detail)),
            None => Ok(()),
        }
    })
}

fn create(
    name: String,
    times: ScheduleTimes,
    label: Option<String>,
    verify: &str,
    enabled: bool,
    acting: &Acting,
) -> Result<(), ExitError> {
    let verify = verification(verify)?;
    let cron = cron(times.cron, times.preset.as_deref())?
        .ok_or_else(|| ExitError::Settings(vec!["--cron or --preset is required".to_owned()]))?;
    with_admin(acting, async |state, admin| {
        let new = NewSchedule {
            name,
            cron,
            timezone: times
                .timezone
                .unwrap_or_else(|| state.settings.timezone.name().to_owned()),
            label,
            verify,
            enabled,
        };
        let created = state.schedules.create(admin, new, None).await;
        report(acting.report(), created.map_err(refused)?)
    })
}

fn edit(schedule: &str, patch: SchedulePatch, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let id = found(state, admin, schedule).await?.id;
        let edited = state.schedules.update(admin, id, patch).await;
        report(acting.report(), edited.map_err(refused)?)
    })
}

/// The answer of `schedule delete --json`.
#[derive(Serialize)]
struct DeletedSchedule {
    id: i64,
    deleted: bool,
}

fn delete(schedule: &str, yes: bool, acting: &Acting) -> Result<(), ExitError> {
    /// The word that confirms it.
    const DELETE: &str = "delete";
    confirm::ensure_answerable(yes)?;
    with_admin(acting, async |state, admin| {
        let schedule = found(state, admin, schedule).await?;
        if !yes {
            print(&line(&schedule))?;
            if !confirm::is_typed(DELETE).await? {
                return Err(refused(Error::WrongConfirmation { expected: DELETE }));
            }
        }
        let id = schedule.id;
        state.schedules.delete(admin, id).await.map_err(refused)?;
        match acting.report() {
            Report::Json => print_json(&DeletedSchedule { id, deleted: true }),
            report => report.say(&format!(
                "The schedule `{}` was deleted. Its archives stay.",
                schedule.name
            )),
        }
    })
}

fn run(schedule: &str, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let id = found(state, admin, schedule).await?.id;
        let job = follow(state, acting, state.schedules.run_now(admin, id, None)).await?;
        report_stored(state, acting, admin, &job).await
    })
}

async fn found(state: &AppState, admin: &Admin, schedule: &str) -> Result<ScheduleDetails, ExitError> {
    match state.schedules.find(admin, schedule).await {
        Err(Error::UnknownSchedule) => {
            let detail = format!("There is no schedule with the name or the id `{schedule}`.");
            Err(ApiError::new(crate::problem::Code::UnknownSchedule, detail).into())
        }
        found => found.map_err(refused),
    }
}

/// Prints a schedule that a command has created or changed.
fn report(report: Report, schedule: ScheduleDetails) -> Result<(), ExitError> {
    match report {
        Report::Json => print_json(&schedule),
        Report::Text | Report::Quiet => report.say(&line(&schedule)),
    }
}

/// A schedule as one line.
fn line(schedule: &ScheduleDetails) -> String {
    let times = match schedule.preset {
        Some(preset) => preset.name(),
        None => &schedule.cron,
    };
    let next = match schedule.next_runs.first() {
        Some(next) => format!("next {}", moment(*next)),
        None => "disabled".to_owned(),
    };
    let last = match &schedule.last_run {
        Some(last) => format!("  last {}", last_run(last)),
        None => String::new(),
    };
    format!(
        "{:>4}  {}  {times} in {}  {next}{last}",
        schedule.id, schedule.name, schedule.timezone
    )
}

fn last_run(last: &LastRun) -> String {
    let archive = match (&last.archive_id, last.state) {
        (Some(archive_id), RunState::Succeeded) => format!("  {archive_id}"),
        _ => String::new(),
    };
    format!("{} {}{archive}", moment(last.at), word(&last.state))
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn word(value: &impl Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

fn cron(cron: Option<String>, preset: Option<&str>) -> Result<Option<String>, ExitError> {
    let preset = preset.map(|name| {
        let names = Preset::ALL.map(Preset::name).join(", ");
        let problem = || ExitError::Settings(vec![format!("--preset: `{name}` is not one of {names}")]);
        Preset::from_name(name).ok_or_else(problem)
    });
    Ok(expression(cron, preset.transpose()?)?)
}

fn verification(name: &str) -> Result<Verify, ExitError> {
    let found = Verify::ALL.into_iter().find(|verify| word(verify) == name);
    found.ok_or_else(|| {
        let names = Verify::ALL.map(|verify| word(&verify)).join(", ");
        ExitError::Settings(vec![format!("--verify: `{name}` is not one of {names}")])
    })
}
