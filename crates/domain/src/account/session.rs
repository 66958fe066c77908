//! Which sessions are alive, and ending all others at once.
//!
//! A token says to which session it belongs, and in which epoch it was issued. Sessions end by beginning the next epoch:
//! tokens of earlier ones are dead from that commit on, but for those of the session that ends the others. A token without an
//! epoch is of the first. The epoch is read together with the user whose token it is, before a password is compared; so a token
//! that is issued for what was true before the sessions ended is dead, too.
//!
//! Tokens of an outside identity provider are not ours and stay valid; who may do what with them is for that provider to say.

use sea_orm::entity::prelude::Expr;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait, Statement,
};

use super::token::{NO_LONGER_ACTIVE, SESSION_ENDED};
use super::{Accounts, Admin};
use crate::entity::session::{Column, Entity};
use crate::entity::{download_link, user};
use crate::error::{Error, Result};

/// The one row.
const ALL: &str = "all";

/// A user, and which sessions are alive.
#[derive(FromQueryResult)]
pub(super) struct Holder {
    #[sea_orm(nested)]
    pub(super) user: user::Model,
    epoch: Option<i64>,
    spared: Option<String>,
}

impl Holder {
    /// The epoch of tokens that are issued now.
    pub(super) fn epoch(&self) -> i64 {
        self.epoch.unwrap_or_default()
    }

    /// Whether a token's session has not been ended.
    fn admits(&self, epoch: i64, session: &str) -> bool {
        epoch == self.epoch() || self.spared.as_deref() == Some(session)
    }
}

impl Accounts {
    /// The user, active or not, and which sessions are alive, in one question.
    pub(super) async fn holder(&self, which: Condition) -> Result<Option<Holder>> {
        user::Entity::find()
            .filter(which)
            .expr_as(subquery(Column::Epoch), "epoch")
            .expr_as(subquery(Column::Spared), "spared")
            .into_model::<Holder>()
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking up a user"))
    }

    /// The user of a token, who must still be active, and whose session must not have been ended.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]
    pub(super) async fn holder_of(&self, user_id: i64, epoch: i64, session: &str) -> Result<Holder> {
        let holder = self
            .holder(Condition::all().add(user::Column::Id.eq(user_id)))
            .await?
            .filter(|holder| holder.user.is_active)
            .ok_or(Error::Unauthenticated(NO_LONGER_ACTIVE))?;
        match holder.admits(epoch, session) {
            true => Ok(holder),
            false => Err(Error::Unauthenticated(SESSION_ENDED)),
        }
    }

    /// What ends all sessions but the one of `spare`, and makes all download links expire. To be run in the transaction of
    /// whatever it is that makes the sessions invalid. Requests that were let in before are not broken off.
    pub fn end_sessions(&self, spare: &Admin) -> Vec<Statement> {
        let backend = self.0.database.connection().get_database_backend();
        let epoch = Entity::update_many()
            .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
            .col_expr(Column::Spared, Expr::value(spare.session().map(str::to_owned)))
            .filter(Column::Name.eq(ALL));
        let (made, expires) = (download_link::Column::CreatedAt, download_link::Column::ExpiresAt);
        let links = download_link::Entity::update_many()
            .col_expr(expires, Expr::col(made))
            .filter(Expr::col(expires).gt(Expr::col(made)));
        vec![epoch.build(backend), links.build(backend)]
    }
}

fn subquery(column: Column) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(column)
        .filter(Column::Name.eq(ALL))
        .into_query()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::super::tests::{PASSWORD, SchoolAccounts, refusal};
    use super::*;
    use crate::entity::user::Role;

    async fn end(school: &SchoolAccounts, spare: &Admin) {
        let transaction = school.database().begin_write("ending sessions").await.unwrap();
        for statement in school.accounts.end_sessions(spare) {
            transaction.execute_raw(statement).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    #[tokio::test]
    async fn all_sessions_end_but_the_one_that_is_spared() {
        let school = SchoolAccounts::new().await;
        school.user("margaret", Role::Admin).await;
        school.user("grace", Role::Teacher).await;
        let mine = school.login("margaret", PASSWORD).await.unwrap();
        let another = school.login("margaret", PASSWORD).await.unwrap();
        let grace = school.login("grace", PASSWORD).await.unwrap();
        let admin = mine.principal.admin().unwrap();
        let accounts = &school.accounts;
        let authenticated = accounts.authenticate(&mine.access_token).await.unwrap();
        assert_eq!(authenticated.admin().unwrap().session(), admin.session());

        end(&school, &admin).await;
        for ended in [&another, &grace] {
            let refused = refusal(accounts.authenticate(&ended.access_token).await);
            assert!(matches!(refused, Error::Unauthenticated(_)));
        }
        accounts.authenticate(&mine.access_token).await.unwrap();

        // Who signs in again is in, within the same second too; who ends the sessions next, ends the spared one.
        let next = school.login("margaret", PASSWORD).await.unwrap();
        accounts.authenticate(&next.access_token).await.unwrap();
        end(&school, &next.principal.admin().unwrap()).await;
        refusal(accounts.authenticate(&mine.access_token).await);
        accounts.authenticate(&next.access_token).await.unwrap();
    }

    #[tokio::test]
    async fn links_end_with_the_sessions() {
        let school = SchoolAccounts::new().await;
        let admin = school.admin().await;
        let path = "/backup/download/students";
        let before = school.accounts.create_link(&admin, path).await.unwrap();
        end(&school, &admin).await;
        let refused = refusal(school.accounts.redeem_link(&before.token, path).await);
        assert!(matches!(refused, Error::LinkSpent));
        let after = school.accounts.create_link(&admin, path).await.unwrap();
        let (_, link_use) = school.accounts.redeem_link(&after.token, path).await.unwrap();
        link_use.completed();
    }
}
