//! `campus-backup backup`, `list`, `show`, `verify`, `diff`, `restore` and `undo`: the archives of a school from its command
//! line. They do what the API does, by the same calls, whether the service runs or not; the writer's lease keeps them apart.

use std::future::Future;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_domain::account::Admin;
use campus_backup_domain::archives::{RESTORE, RestoreRequest, Words};
use campus_backup_domain::catalog;
use campus_backup_domain::diff::{self, CsvRequest};
use campus_backup_domain::export::{Coding, CsvOptions};
use campus_backup_domain::job::{Job, Phase, Progress, Submitted};
use campus_backup_domain::restore::{self as restoring, Mode, Scope};
use campus_backup_domain::{Error, Table};
use chrono::SecondsFormat;
use futures_util::StreamExt as _;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::AppState;
use crate::cli::{Acting, Restore};
use crate::commands::with_state;
use crate::failure::Failure;
use crate::installation::Installation;
use crate::output::print;
use crate::problem::{ApiError, Code};
use crate::routes::archives::{ArchiveAnswer, PlanAnswer, UnreadableAnswer};
use crate::routes::diff::{DiffCounts, side};

/// How long a job has to end that is interrupted.
const LAST_MOMENTS: Duration = Duration::from_secs(10);

/// The most archives that a list has.
const ALL: u64 = u64::MAX;

pub(crate) fn backup(words: Words, acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let job = follow(state, acting, state.archives.take(admin, words, None)).await?;
        let id = job.result.as_ref().and_then(|result| result["archive_id"].as_str());
        let manifest = state.archives.show(admin, id.unwrap_or_default()).await;
        let manifest = manifest.map_err(refused)?;
        match acting.json {
            true => print_json(&ArchiveAnswer::of(&manifest)),
            false => print(&line(&manifest)),
        }
    })
}

pub(crate) fn list(acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let kept = state.archives.list(admin, None, ALL, 0).await.map_err(refused)?;
        if acting.json {
            let items: Vec<_> = kept.items.iter().map(|manifest| ArchiveAnswer::of(manifest)).collect();
            let unreadable: Vec<_> = kept.unreadable.into_iter().map(UnreadableAnswer::from).collect();
            return print_json(&json!({"items": items, "unreadable": unreadable}));
        }
        for manifest in &kept.items {
            print(&line(manifest))?;
        }
        for one in &kept.unreadable {
            // A name of another program may have characters that a terminal would act on.
            print(&format!("{}  {}: {}", one.id.escape_debug(), one.code, one.detail))?;
        }
        Ok(())
    })
}

pub(crate) fn show(id: &str, acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let manifest = state.archives.show(admin, id).await.map_err(refused)?;
        if acting.json {
            return print_json(&ArchiveAnswer::of(&manifest));
        }
        print(&line(&manifest))?;
        if let Some(note) = &manifest.note {
            print(note)?;
        }
        let taken = manifest.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let by = manifest.taken_by.as_deref().unwrap_or("nobody known");
        print(&format!("taken {taken} on {} by {by}", manifest.engine))?;
        for (table, rows) in &manifest.rows {
            print(&format!("{rows:>12}  {table}"))?;
        }
        for (column, total) in &manifest.totals {
            print(&format!("{total:>12}  sum of {column}"))?;
        }
        Ok(())
    })
}

pub(crate) fn verify(id: &str, rehearse: bool, acting: &Acting) -> Result<(), Failure> {
    let level = match rehearse {
        true => VerificationLevel::Rehearsal,
        false => VerificationLevel::Digest,
    };
    with_admin(acting, async |state, admin| {
        let job = follow(state, acting, state.archives.verify(admin, id, level, None)).await?;
        let found = job.result.unwrap_or_default();
        if acting.json {
            return print_json(&found);
        }
        let took = |name: &str| found["verification"][name].as_f64();
        let restored = match took("restore_seconds") {
            Some(seconds) => format!("; a restore took {seconds:.1} s"),
            None => String::new(),
        };
        let seconds = took("seconds").unwrap_or_default();
        print(&format!("{id}: whole, looked at in {seconds:.1} s{restored}"))
    })
}

pub(crate) fn diff(from: String, to: String, csv: bool, acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let sides = async { Ok((side(admin, state, &from).await?, side(admin, state, &to).await?)) };
        let (one, other) = sides.await.map_err(|error: ApiError| Failure::from(error))?;
        if csv {
            let request = CsvRequest {
                scope: catalog::Scope::All,
                change: None,
                csv: CsvOptions::default(),
                coding: Coding::Identity,
            };
            let body = diff::csv(admin, &one, &other, &state.downloads, request, std::future::pending());
            let mut body = body.await.map_err(refused)?;
            while let Some(bytes) = body.next().await {
                let written = io::stdout().lock().write_all(&bytes.map_err(refused)?);
                written.map_err(Failure::failed("writing to the standard output"))?;
            }
            return Ok(());
        }
        let counted = diff::counts(&one, &other, &Progress::default())
            .await
            .map_err(refused)?;
        let answer = json!(DiffCounts::new(from, to, &counted));
        if acting.json {
            return print_json(&answer);
        }
        print("       added     removed     changed   unchanged")?;
        for (table, counts) in answer["tables"].as_object().into_iter().flatten() {
            let counts = ["added", "removed", "changed", "unchanged"].map(|what| column(counts, what));
            print(&format!("{}  {table}", counts.concat()))?;
        }
        for (table, only) in answer["missing"].as_object().into_iter().flatten() {
            print(&format!("{table} is only in `{}`", only.as_str().unwrap_or_default()))?;
        }
        Ok(())
    })
}

pub(crate) fn restore(arguments: &Restore) -> Result<(), Failure> {
    let (id, acting) = (arguments.id.as_str(), &arguments.acting);
    let request = restoring::Restore {
        scope: scope(arguments)?,
        mode: mode(&arguments.mode)?,
    };
    if !arguments.dry_run && !arguments.yes && !io::stdin().is_terminal() {
        let problem = "--yes is needed where nobody can be asked; --dry-run shows the plan";
        return Err(Failure::Settings(vec![problem.to_owned()]));
    }
    with_admin(acting, async |state, admin| {
        let plan = state.archives.plan(admin, id, &request).await.map_err(refused)?;
        let (plan_hash, is_blocked) = (plan.hash.clone(), !plan.blockers.is_empty());
        let plan = json!(PlanAnswer::from(plan));
        if arguments.dry_run && acting.json {
            return print_json(&plan);
        }
        if !acting.json {
            print_plan(&plan)?;
        }
        if arguments.dry_run {
            return Ok(());
        }
        if is_blocked {
            let detail = plan["blockers"][0]["text"].as_str().unwrap_or_default();
            return Err(ApiError::new(Code::RestoreConflict, detail).into());
        }
        if !arguments.yes && !is_confirmed()? {
            return Err(refused(Error::WrongConfirmation { expected: RESTORE }));
        }
        let request = RestoreRequest {
            restore: request.clone(),
            plan_hash,
            confirmation: Some(RESTORE.to_owned()),
        };
        let sessions = state.accounts.end_sessions(admin);
        let submitted = state.archives.restore(admin, id, request, sessions, None);
        let report = follow(state, acting, submitted).await?.result.unwrap_or_default();
        if acting.json {
            return print_json(&report);
        }
        let safety = report["safety_archive_id"].as_str().unwrap_or_default();
        print(&format!("restored; what was there before is in {safety}"))
    })
}

pub(crate) fn undo(id: &str, acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let job = follow(state, acting, state.archives.undo(admin, id, None)).await?;
        let report = job.result.unwrap_or_default();
        if acting.json {
            return print_json(&report);
        }
        for (table, done) in report["tables"].as_object().into_iter().flatten() {
            print(&format!("{}  {table}", column(done, "inserted")))?;
        }
        Ok(())
    })
}

fn with_admin(
    acting: &Acting,
    work: impl AsyncFnOnce(&AppState, &Admin) -> Result<(), Failure>,
) -> Result<(), Failure> {
    with_state(&acting.common, Installation::Required, async |state| {
        let admin = state.accounts.administrator(&acting.username).await;
        work(state, &admin.map_err(Failure::refused("--as"))?).await
    })
}

/// Waits for a job, shows on a terminal how far it is, and asks it to end on Ctrl-C.
async fn follow(
    state: &AppState,
    acting: &Acting,
    submitted: impl Future<Output = Result<Submitted, Error>>,
) -> Result<Job, Failure> {
    let submitted = submitted.await.map_err(refused)?;
    let bar = bar(acting);
    let mut watch = state.jobs.watch(&submitted.job().id, None).await.map_err(refused)?;
    let watched = async {
        while let Ok(Some(event)) = watch.next().await {
            tell(&bar, &event.job);
        }
    };
    tokio::select! {
        () = watched => {}
        _ = tokio::signal::ctrl_c() => {
            state.jobs.close();
            state.jobs.closed(LAST_MOMENTS).await;
        }
    }
    bar.finish_and_clear();
    let job = submitted.ended().await.map_err(refused)?;
    match ApiError::of_job(&job) {
        Some(error) => Err(error.into()),
        None => Ok(job),
    }
}

/// On the standard error, if that is a terminal and nobody reads JSON.
fn bar(acting: &Acting) -> ProgressBar {
    // Indicatif draws nothing where there is no terminal.
    let bar = if acting.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::no_length()
    };
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn tell(bar: &ProgressBar, job: &Job) {
    let template = match job.rows_total {
        Some(_) => "{msg:12} {wide_bar} {human_pos}/{human_len} rows, {eta}",
        None => "{msg:12} {spinner}",
    };
    // The templates are constants; if one were wrong, the last style stays.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(word(job.phase));
    if let Some(total) = job.rows_total {
        bar.set_length(total);
        bar.set_position(job.rows_done);
    }
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Taking => "taking",
        Phase::Checking => "checking",
        Phase::Rehearsing => "rehearsing",
        Phase::Comparing => "comparing",
        Phase::Safety => "safety copy",
        Phase::Changing => "changing",
        Phase::Committing => "committing",
    }
}

/// An archive in a line.
fn line(manifest: &Manifest) -> String {
    let kind = json!(manifest.kind);
    let verified = match manifest.verifications.last() {
        None => "not verified".to_owned(),
        Some(last) => {
            let level = json!(last.level);
            let what = last.code.as_deref().unwrap_or("ok");
            format!("{} {what}", level.as_str().unwrap_or_default())
        }
    };
    let pinned = if manifest.pinned { "  pinned" } else { "" };
    let label = manifest
        .label
        .as_deref()
        .map(|label| format!("  {label}"))
        .unwrap_or_default();
    format!(
        "{}  {:8}  {:>12} rows  {:>11}  {verified}{pinned}{label}",
        manifest.id,
        kind.as_str().unwrap_or_default(),
        HumanCount(manifest.total).to_string(),
        HumanBytes(manifest.object.size).to_string(),
    )
}

/// A number of a table that has twelve places for it.
fn column(counts: &Value, name: &str) -> String {
    format!("{:>12}", counts[name].as_u64().unwrap_or_default())
}

fn print_plan(plan: &Value) -> Result<(), Failure> {
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

fn is_confirmed() -> Result<bool, Failure> {
    let doing = "asking for the confirmation";
    write!(io::stderr().lock(), "Type {RESTORE} to go on: ").map_err(Failure::failed(doing))?;
    let mut typed = String::new();
    io::stdin()
        .lock()
        .read_line(&mut typed)
        .map_err(Failure::failed(doing))?;
    Ok(typed.trim() == RESTORE)
}

fn scope(arguments: &Restore) -> Result<Scope, Failure> {
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
        Failure::Settings(vec![format!("--table: must be one of {names}")])
    })
}

fn mode(name: &str) -> Result<Mode, Failure> {
    serde_json::from_value(json!(name))
        .map_err(|_| Failure::Settings(vec![format!("--mode: `{name}` is not replace, merge or missing_only")]))
}

fn refused(error: Error) -> Failure {
    ApiError::from(error).into()
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::failed("writing JSON"))?;
    print(&text)
}
