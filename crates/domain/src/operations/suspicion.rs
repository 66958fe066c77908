//! Marking a backup that has far fewer rows or less money than the last good ones, and accepting it.

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::ArchiveKind;
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{ListedArchive, Operations};
use crate::account::Admin;
use crate::entity::archive::{Column, Entity, Model};
use crate::error::{Error, Result};
use crate::notify::{ArchiveSuspicious, Event};
use crate::stats;
use crate::suspicion::{Figures, Suspicion, findings};

/// How many of the last good backups a new one is compared with.
const COMPARED: usize = 3;

impl Operations {
    /// The findings about a new backup, as they are stored with its record; none if nothing looks wrong. A backup that an
    /// administrator has accepted is the oldest one that counts. No backup fails because it can't be compared.
    pub(super) async fn suspicion_of_new(&self, manifest: &Manifest) -> Option<String> {
        let threshold = self.0.settings.suspicion_threshold?;
        if manifest.kind != ArchiveKind::Created {
            return None;
        }
        let good = match self.good_backups().await {
            Ok(good) => good,
            Err(error) => {
                tracing::warn!(id = manifest.id, %error, "a new backup could not be compared with the last ones");
                return None;
            }
        };
        let accepted = good.iter().position(|(_, record)| record.accepted_at.is_some());
        let compared = accepted.map_or(COMPARED, |position| COMPARED.min(position + 1));
        let before: Vec<_> = good
            .iter()
            .take(compared)
            .map(|(before, _)| Figures::from(&**before))
            .collect();
        let found = findings(Figures::from(manifest), &before, threshold);
        if found.is_empty() {
            return None;
        }
        tracing::warn!(
            id = manifest.id,
            findings = ?found,
            "a new backup looks suspicious: it has far fewer rows or less money than the last ones"
        );
        // Texts and numbers always have a JSON form.
        serde_json::to_string(&found).ok()
    }

    /// Accepts an archive that looks suspicious: an administrator says that it is right. It is then a good backup. An archive
    /// that is accepted already, or does not look suspicious, stays as it is.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest), and database errors.
    pub async fn accept(&self, admin: &Admin, id: &str) -> Result<ListedArchive> {
        let manifest = self.0.store.manifest(id).await?;
        Entity::update_many()
            .col_expr(Column::AcceptedAt, Expr::value(stats::now()))
            .col_expr(Column::AcceptedBy, Expr::value(admin.username()))
            .filter(Column::ArchiveId.eq(id))
            .filter(Column::Suspicion.is_not_null())
            .filter(Column::AcceptedAt.is_null())
            .exec(self.0.database.connection())
            .await
            .map_err(Error::database("accepting an archive"))?;
        self.describe_one(manifest).await
    }
}

/// What looks wrong about the archive of a record.
/// The event of an archive that looks suspicious; none if it does not. It is told when the archive's job has succeeded, because
/// an archive that is recorded may still be discarded.
pub(crate) async fn suspicion_event(connection: &impl ConnectionTrait, archive_id: &str) -> Result<Option<Event>> {
    let record = Entity::find_by_id(archive_id).one(connection).await;
    let record = record.map_err(Error::database("reading what looks wrong about an archive"))?;
    let suspicion = record.as_ref().and_then(suspicion_of);
    Ok(suspicion.map(|suspicion| {
        Event::ArchiveSuspicious(ArchiveSuspicious {
            archive_id: archive_id.to_owned(),
            findings: suspicion.findings.iter().map(ToString::to_string).collect(),
        })
    }))
}

pub(super) fn suspicion_of(record: &Model) -> Option<Suspicion> {
    // This program has written the text.
    let findings = serde_json::from_str(record.suspicion.as_deref()?).unwrap_or_default();
    Some(Suspicion {
        findings,
        accepted_at: record.accepted_at,
        accepted_by: record.accepted_by.clone(),
    })
}

/// Whether something looks wrong about the archive of a record, and no administrator has accepted it.
pub(super) fn is_suspicious(record: &Model) -> bool {
    record.suspicion.is_some() && record.accepted_at.is_none()
}
