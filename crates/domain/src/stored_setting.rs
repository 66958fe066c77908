//! The settings in the database: reads and writes the rows of [`setting`](crate::entity::setting).

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel};

use crate::entity::setting::{Column, Entity, Model};
use crate::error::{Error, Result};

/// The setting of a name, if there is one.
///
/// # Errors
/// Database errors, as errors of `doing`.
pub(crate) async fn read(connection: &impl ConnectionTrait, name: &str, doing: &'static str) -> Result<Option<Model>> {
    let row = Entity::find_by_id(name).one(connection).await;
    row.map_err(Error::database(doing))
}

/// Writes a setting, in the place of the one of the same name.
///
/// # Errors
/// Database errors, as errors of `doing`.
pub(crate) async fn replace(connection: &impl ConnectionTrait, row: Model, doing: &'static str) -> Result<()> {
    let same_name = OnConflict::column(Column::Name)
        .update_columns([Column::Value, Column::UpdatedAt, Column::UpdatedBy])
        .to_owned();
    let replaced = Entity::insert(row.into_active_model())
        .on_conflict(same_name)
        .exec_without_returning(connection)
        .await;
    replaced.map(drop).map_err(Error::database(doing))
}

/// A setting with its last change.
pub(crate) fn row(name: &str, value: String, updated_at: DateTime<Utc>, updated_by: &str) -> Model {
    Model {
        name: name.to_owned(),
        value,
        updated_at,
        updated_by: updated_by.to_owned(),
    }
}
