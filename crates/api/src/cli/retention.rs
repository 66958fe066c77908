//! `campus-backup retention`: which archives stay.

use campus_backup_domain::Error;
use campus_backup_domain::account::Admin;
use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::destination::RetainedCopy;
use campus_backup_domain::job::RetentionReport;
use campus_backup_domain::plural::counted;
use campus_backup_domain::retention::{RetentionDetails, RetentionPlan, RetentionPolicy};
use indicatif::HumanBytes;
use serde::Serialize;
use serde_json::json;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Acting, RetentionCommand, RetentionRules};
use crate::cli::confirm;
use crate::cli::exit::ExitError;
use crate::cli::follow::follow;
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::{recorded, with_admin};
use crate::routes::retention::RetentionAnswer;

pub(super) fn retention(command: RetentionCommand) -> Result<(), ExitError> {
    match command {
        RetentionCommand::Show { acting } => show(&acting),
        RetentionCommand::Set { rules, acting } => set(&rules, &acting),
        RetentionCommand::Preview { rules, acting } => preview(&rules, &acting),
        RetentionCommand::Apply { yes, acting } => apply(yes, &acting),
        RetentionCommand::Off { acting } => off(&acting),
    }
}

fn show(acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        report(acting, state.retention.get(admin).await.map_err(refused)?)
    })
}

fn set(rules: &RetentionRules, acting: &Acting) -> Result<(), ExitError> {
    let policy = policy(rules).unwrap_or_default();
    with_admin(acting, async |state, admin| {
        report(acting, state.retention.set(admin, policy).await.map_err(refused)?)
    })
}

fn preview(rules: &RetentionRules, acting: &Acting) -> Result<(), ExitError> {
    let tried = policy(rules);
    with_admin(acting, async |state, admin| {
        let plan = plan(state, admin, tried.as_ref()).await?;
        match acting.json {
            true => print_json(&plan),
            false => print_plan(&plan),
        }
    })
}

/// The plan of a policy; without one, of the policy of the school.
async fn plan(state: &AppState, admin: &Admin, tried: Option<&RetentionPolicy>) -> Result<RetentionPlan, ExitError> {
    let plan = state.retention.preview(admin, tried).await;
    recorded(state, AuditEntry::by(admin, AuditEvent::RetentionPreview), plan).await
}

fn apply(yes: bool, acting: &Acting) -> Result<(), ExitError> {
    /// The word that confirms it.
    const DELETE: &str = "delete";
    confirm::ensure_answerable(yes)?;
    with_admin(acting, async |state, admin| {
        let plan = plan(state, admin, None).await?;
        if !yes {
            print_plan(&plan)?;
            if !confirm::is_typed(DELETE).await? {
                return Err(refused(Error::WrongConfirmation { expected: DELETE }));
            }
        }
        let job = follow(state, acting, state.retention.apply(admin, &plan.plan_hash, None)).await?;
        let done: RetentionReport = job.report().map_err(refused)?;
        if acting.json {
            return print_json(&done);
        }
        for id in &done.deleted {
            acting.report().say(&format!("deleted  {id}"))?;
        }
        for failure in &done.failed {
            print(&format!("failed   {}  {}", failure.archive_id, failure.detail))?;
        }
        print_retained(&done.retained_copies)?;
        acting.report().say(&format!(
            "deleted {}, {} are free",
            counted(done.deleted.len() as u64, "archive"),
            HumanBytes(done.freed_bytes)
        ))
    })
}

/// The answer of `retention off --json`.
#[derive(Serialize)]
struct RemovedPolicy {
    deleted: bool,
}

fn off(acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        state.retention.remove(admin).await.map_err(refused)?;
        match acting.report() {
            Report::Json => print_json(&RemovedPolicy { deleted: true }),
            report => report.say("There is no retention policy any more. Retention deletes no archives."),
        }
    })
}

/// The policy of the rules; none if there is no rule.
fn policy(rules: &RetentionRules) -> Option<RetentionPolicy> {
    let none = RetentionRules {
        keep_last: None,
        hourly: None,
        daily: None,
        weekly: None,
        monthly: None,
        yearly: None,
        min_keep: None,
        max_bytes: None,
        safety_days: None,
    };
    let default = RetentionPolicy::default();
    (*rules != none).then(|| RetentionPolicy {
        keep_last: rules.keep_last.unwrap_or_default(),
        hourly: rules.hourly.unwrap_or_default(),
        daily: rules.daily.unwrap_or_default(),
        weekly: rules.weekly.unwrap_or_default(),
        monthly: rules.monthly.unwrap_or_default(),
        yearly: rules.yearly.unwrap_or_default(),
        min_keep: rules.min_keep.unwrap_or(default.min_keep),
        max_bytes: rules.max_bytes,
        safety_days: rules.safety_days.unwrap_or(default.safety_days),
    })
}

fn report(acting: &Acting, details: RetentionDetails) -> Result<(), ExitError> {
    if acting.json {
        return print_json(&RetentionAnswer::from(details));
    }
    let say = |line: &str| acting.report().say(line);
    match &details.policy {
        Some(policy) => say(&line(policy))?,
        None => say("There is no retention policy. Retention deletes no archives.")?,
    }
    if let Some(held) = &details.held {
        say(&format!("held: {}", held.detail))?;
    }
    match &details.last_application {
        Some(job) => say(&format!(
            "last applied {} by {}: {}",
            job.created_at.format("%Y-%m-%dT%H:%M:%SZ"),
            job.username,
            word(&job.state)
        )),
        None => Ok(()),
    }
}

/// A policy as one line.
fn line(policy: &RetentionPolicy) -> String {
    let rules = [
        ("last", policy.keep_last),
        ("hourly", policy.hourly),
        ("daily", policy.daily),
        ("weekly", policy.weekly),
        ("monthly", policy.monthly),
        ("yearly", policy.yearly),
    ];
    let rules = rules.into_iter().filter(|(_, count)| *count > 0);
    let rules: Vec<_> = rules.map(|(name, count)| format!("{name} {count}")).collect();
    let most = policy
        .max_bytes
        .map_or(String::new(), |most| format!(", at most {}", HumanBytes(most)));
    format!(
        "keep {}; at least {}{most}; safety backups {}",
        rules.join(", "),
        policy.min_keep,
        counted(u64::from(policy.safety_days), "day")
    )
}

fn print_plan(plan: &RetentionPlan) -> Result<(), ExitError> {
    for kept in &plan.keep {
        let reasons: Vec<_> = kept.reasons.iter().map(word).collect();
        print(&format!("keep    {}  {}", kept.id, reasons.join(", ")))?;
    }
    for archive in &plan.delete {
        let size = HumanBytes(archive.bytes).to_string();
        let refused = match archive.retained_since {
            Some(since) => format!("  the store refuses it since {}", since.format("%Y-%m-%dT%H:%M:%SZ")),
            None => String::new(),
        };
        print(&format!(
            "delete  {}  {}  {size}{refused}",
            archive.id,
            word(&archive.reason)
        ))?;
    }
    print_retained(&plan.retained_copies)?;
    print(&format!(
        "{} to keep, {} to delete, which frees {}",
        counted(plan.keep.len() as u64, "archive"),
        plan.delete.len(),
        HumanBytes(plan.frees_bytes)
    ))?;
    match &plan.held {
        Some(held) => print(&format!("held: {}", held.detail)),
        None => Ok(()),
    }
}

/// Prints copies that destinations have refused to delete.
fn print_retained(copies: &[RetainedCopy]) -> Result<(), ExitError> {
    copies.iter().try_for_each(|copy| {
        print(&format!(
            "retained  {}  in {}: {}",
            copy.archive_id, copy.destination, copy.detail
        ))
    })
}

fn word(value: &impl Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}
