//! `campus-backup destination`: further places of archives.
//!
//! The commands write destinations into the database. The running service copies the archives.

use campus_backup_domain::Error;
use campus_backup_domain::account::Admin;
use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::destination::{CopyCounts, DestinationDetails, DestinationPatch, NewDestination};
use chrono::SecondsFormat;
use secrecy::SecretString;
use serde::Serialize;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Acting, Destination, DestinationAccess};
use crate::cli::confirm;
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::with_admin;
use crate::data_dir::secret;
use crate::problem::{ApiError, Code};

/// The most destinations that a list has.
const ALL: u64 = i64::MAX.cast_unsigned();

pub(super) fn destination(command: Destination) -> Result<(), ExitError> {
    match command {
        Destination::List { acting } => list(&acting),
        Destination::Show { destination, acting } => show(&destination, &acting),
        Destination::Add {
            name,
            url,
            access,
            keep_deleted,
            disabled,
            force,
            acting,
        } => {
            let new = NewDestination {
                name,
                url,
                secret_access_key: access_secret(&access)?,
                endpoint: access.endpoint,
                region: access.region,
                access_key_id: access.access_key_id,
                deletes: !keep_deleted,
                enabled: !disabled,
            };
            add(new, force, &acting)
        }
        Destination::Edit {
            destination,
            name,
            url,
            access,
            no_credentials,
            keep_deleted,
            delete_copies,
            enable,
            disable,
            acting,
        } => {
            let patch = DestinationPatch {
                name,
                url,
                secret_access_key: match no_credentials {
                    true => Some(None),
                    false => access_secret(&access)?.map(Some),
                },
                access_key_id: match no_credentials {
                    true => Some(None),
                    false => access.access_key_id.map(Some),
                },
                endpoint: access.endpoint.map(Some),
                region: access.region.map(Some),
                deletes: (keep_deleted || delete_copies).then_some(delete_copies),
                enabled: (enable || disable).then_some(enable),
            };
            edit(&destination, patch, &acting)
        }
        Destination::Delete {
            destination,
            yes,
            acting,
        } => delete(&destination, yes, &acting),
        Destination::Test { destination, acting } => test(&destination, &acting),
    }
}

/// The answer of `destination list --json`.
#[derive(Serialize)]
struct DestinationList {
    items: Vec<DestinationDetails>,
}

fn list(acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let listed = state.destinations.list(admin, ALL, 0).await.map_err(refused)?;
        if acting.json {
            return print_json(&DestinationList { items: listed.items });
        }
        listed
            .items
            .iter()
            .try_for_each(|destination| print(&line(destination)))
    })
}

fn show(destination: &str, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let destination = found(state, admin, destination).await?;
        if acting.json {
            return print_json(&destination);
        }
        print(&line(&destination))?;
        if let Some(endpoint) = &destination.endpoint {
            print(&format!("endpoint: {endpoint}"))?;
        }
        print(match destination.deletes {
            true => "copies are deleted with their archive",
            false => "copies stay when their archive is deleted",
        })?;
        match &destination.last_error {
            Some(error) => print(&format!("last error: {error}")),
            None => Ok(()),
        }
    })
}

fn add(new: NewDestination, force: bool, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        if !force {
            let tried = state.destinations.try_new(admin, new.clone()).await.map_err(refused)?;
            if !tried.works {
                let detail = format!(
                    "{} Nothing was saved. To save it without a successful test, add --force.",
                    tried.detail
                );
                return Err(ExitError::failed("trying the destination")(detail));
            }
        }
        let added = state.destinations.create(admin, new, None).await;
        report(acting.report(), &added.map_err(refused)?)
    })
}

fn edit(destination: &str, patch: DestinationPatch, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let id = found(state, admin, destination).await?.id;
        let edited = state.destinations.update(admin, id, patch).await;
        report(acting.report(), &edited.map_err(refused)?)
    })
}

/// The answer of `destination delete --json`.
#[derive(Serialize)]
struct DeletedDestination {
    id: i64,
    deleted: bool,
}

fn delete(destination: &str, yes: bool, acting: &Acting) -> Result<(), ExitError> {
    /// The word that confirms it.
    const DELETE: &str = "delete";
    confirm::ensure_answerable(yes)?;
    with_admin(acting, async |state, admin| {
        let destination = found(state, admin, destination).await?;
        if !yes {
            print(&line(&destination))?;
            if !confirm::is_typed(DELETE).await? {
                return Err(refused(Error::WrongConfirmation { expected: DELETE }));
            }
        }
        let id = destination.id;
        state.destinations.delete(admin, id).await.map_err(refused)?;
        match acting.report() {
            Report::Json => print_json(&DeletedDestination { id, deleted: true }),
            report => report.say(&format!(
                "The destination `{}` was deleted. The copies in it are still there.",
                destination.name
            )),
        }
    })
}

fn test(destination: &str, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let id = found(state, admin, destination).await?.id;
        let tried = state.destinations.try_saved(admin, id).await.map_err(refused)?;
        let entry = AuditEntry::by(admin, AuditEvent::DestinationTest).about(id);
        state.audit.record(entry).await.map_err(refused)?;
        if acting.json {
            return print_json(&tried);
        }
        match tried.works {
            true => acting.report().say(&tried.detail),
            false => Err(ExitError::failed("trying the destination")(tried.detail)),
        }
    })
}

async fn found(state: &AppState, admin: &Admin, destination: &str) -> Result<DestinationDetails, ExitError> {
    match state.destinations.find(admin, destination).await {
        Err(Error::UnknownDestination) => {
            let detail = format!("There is no destination with the name or the id `{destination}`.");
            Err(ApiError::new(Code::UnknownDestination, detail).into())
        }
        found => found.map_err(refused),
    }
}

/// Prints a destination that a command has added or changed.
fn report(report: Report, destination: &DestinationDetails) -> Result<(), ExitError> {
    match report {
        Report::Json => print_json(destination),
        Report::Text | Report::Quiet => report.say(&line(destination)),
    }
}

/// A destination as one line.
fn line(destination: &DestinationDetails) -> String {
    let moment = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let state = match (
        destination.enabled,
        destination.failing_since,
        destination.last_copied_at,
    ) {
        (false, _, _) => "disabled".to_owned(),
        (true, Some(since), _) => format!("failing since {}", moment(since)),
        (true, None, Some(copied)) => format!("last copied {}", moment(copied)),
        (true, None, None) => "nothing copied yet".to_owned(),
    };
    format!(
        "{:>4}  {}  {}  {}  {state}",
        destination.id,
        destination.name,
        destination.url,
        counts(destination.copies)
    )
}

/// The numbers of copies that are not 0.
fn counts(copies: CopyCounts) -> String {
    let counted = copies.by_state().into_iter().filter(|(_, count)| *count > 0);
    let counted: Vec<_> = counted.map(|(state, count)| format!("{count} {state}")).collect();
    match counted.is_empty() {
        true => "no copies".to_owned(),
        false => counted.join(", "),
    }
}

fn access_secret(access: &DestinationAccess) -> Result<Option<SecretString>, ExitError> {
    let file = access.secret_file.as_deref();
    file.map(|file| secret::secret_in_file("--secret-file", file))
        .transpose()
}
