//! Writing the change log: the statements that a change runs before its commit.

use std::collections::BTreeMap;

use campus_backup_archive::Manifest;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, IntoActiveModel, QueryFilter, QueryTrait};
use serde_json::json;

use super::{ChangeKind, RowCounts};
use crate::catalog::Table;
use crate::entity::change::{self, Column, Entity};
use crate::entity::job;
use crate::error::Error;
use crate::job::Step;

/// What a change did. Its job knows the user and the request.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The kind of change.
    pub kind: ChangeKind,
    /// The time, by the clock of the database.
    pub changed_at: DateTime<Utc>,
    /// The rows removed and written, for each table that the change concerned.
    pub tables: BTreeMap<Table, RowCounts>,
    /// The safety backup of the data before the change.
    pub safety: Option<SafetyArchive>,
    /// Until when it can be undone.
    pub undo_until: Option<DateTime<Utc>>,
    /// The clear or the import that it undoes.
    pub undoes: Option<String>,
}

/// The safety backup of the data before a change.
#[derive(Clone, Debug)]
pub struct SafetyArchive {
    id: String,
    sha256: String,
}

impl From<&Manifest> for SafetyArchive {
    fn from(manifest: &Manifest) -> Self {
        Self {
            id: manifest.id.clone(),
            sha256: manifest.object.sha256.clone(),
        }
    }
}

impl Effect {
    /// The statements that record the change, in their order, for the transaction of the change.
    pub(crate) fn steps(&self, job: &job::Model, backend: DbBackend) -> Vec<Step> {
        let (safety_archive_id, safety_archive_sha256) =
            self.safety.clone().map(|safety| (safety.id, safety.sha256)).unzip();
        let record = change::Model {
            id: job.id.clone(),
            kind: self.kind,
            user_id: job.user_id,
            username: job.username.clone(),
            changed_at: self.changed_at,
            parameters: job.parameters.clone(),
            rows_by_table: json!(self.tables).to_string(),
            safety_archive_id,
            safety_archive_sha256,
            undo_until: self.undo_until,
            undone_at: None,
            undone_by: None,
        };
        let insert = Entity::insert(record.into_active_model()).build(backend);
        let mark = self.undoes.as_ref().map(|clear_id| {
            Entity::update_many()
                .col_expr(Column::UndoneAt, Expr::value(self.changed_at))
                .col_expr(Column::UndoneBy, Expr::value(job.username.as_str()))
                .filter(Column::Id.eq(clear_id))
                .filter(Column::UndoneAt.is_null())
                .build(backend)
        });
        let insert = Step::new(insert, || Error::internal("recording a change")("nothing was inserted"));
        let mark = mark.map(|mark| Step::new(mark, || Error::AlreadyUndone));
        mark.into_iter().chain([insert]).collect()
    }
}
