//! The networks that an account has signed in from recently.
//!
//! The limits of [`limiter`](super::limiter) slow down attackers who guess one account's password from many networks.
//! They would lock out the owner of the account too. So an attempt from a network that the account has used within
//! [`REMEMBERED`] only counts against the account's allowance for that network.
//!
//! The networks are in the database: all copies of the service share them, and a restart loses none.

use std::net::IpAddr;

use chrono::TimeDelta;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, Condition, EntityTrait, QueryFilter};

use super::limiter::network;
use super::{Accounts, now};
use crate::entity::login_network::{ActiveModel, Column, Entity};
use crate::entity::user;
use crate::error::{Error, Result};

/// How long a network is remembered.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// How old an entry is before it is updated.
const FRESH: TimeDelta = TimeDelta::days(1);

impl Accounts {
    /// Whether the account has signed in from that network recently. Checked only when the account's allowance for all
    /// networks is used up.
    pub(super) async fn knows_network(&self, username: &str, address: IpAddr) -> Result<bool> {
        let Some(user_session) = self.user_named(username).await? else {
            return Ok(false);
        };
        let found = Entity::find_by_id((user_session.user.id, network(address).to_string()))
            .filter(Column::LastLoginAt.gt(now() - REMEMBERED))
            .one(self.0.database.connection())
            .await;
        Ok(found.map_err(Error::database("looking up a network"))?.is_some())
    }

    /// Records the network of a sign-in. If that fails, the user is still signed in.
    pub(super) async fn remember_network(&self, user: &user::Model, address: IpAddr) {
        if let Err(error) = self.write_network(user.id, network(address).to_string()).await {
            tracing::warn!(%error, user_id = user.id, "it was not remembered from which network an account signed in");
        }
    }

    async fn write_network(&self, user_id: i64, network: String) -> Result<()> {
        let (doing, now) = ("remembering from where an account signed in", now());
        let fresh = Entity::find_by_id((user_id, network.clone()))
            .filter(Column::LastLoginAt.gt(now - FRESH))
            .one(self.0.database.connection())
            .await;
        if fresh.map_err(Error::database(doing))?.is_some() {
            return Ok(());
        }
        // On SQLite a restore may hold the write lock for minutes. The next sign-in records it.
        let Some(transaction) = self.0.database.try_begin_write(doing).await? else {
            return Ok(());
        };
        let row = ActiveModel {
            user_id: ActiveValue::Set(user_id),
            network: ActiveValue::Set(network),
            last_login_at: ActiveValue::Set(now),
        };
        let again = OnConflict::columns([Column::UserId, Column::Network])
            .update_column(Column::LastLoginAt)
            .to_owned();
        let written = Entity::insert(row).on_conflict(again);
        written
            .exec_without_returning(&transaction)
            .await
            .map_err(Error::database(doing))?;
        let forgotten = Condition::all()
            .add(Column::UserId.eq(user_id))
            .add(Column::LastLoginAt.lt(now - REMEMBERED));
        let removed = Entity::delete_many().filter(forgotten).exec(&transaction).await;
        removed.map_err(Error::database(doing))?;
        transaction.commit().await.map_err(Error::database(doing))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use sea_orm::entity::prelude::Expr;
    use secrecy::SecretString;

    use super::super::Allowance;
    use super::super::tests::{PASSWORD, SchoolAccounts, refusal};
    use super::*;
    use crate::entity::user::Role;

    async fn attempt(school: &SchoolAccounts, address: &str, password: &str) -> Result<()> {
        let (address, password) = (address.parse().unwrap(), SecretString::from(password));
        school.accounts.login("grace", &password, address).await.map(drop)
    }

    #[tokio::test]
    async fn owner_can_sign_in_from_a_known_network_during_an_attack() {
        let school = SchoolAccounts::with(|settings, _| {
            settings.logins.account = Allowance {
                burst: 2,
                refill: Duration::from_secs(3600),
            }
        })
        .await;
        school.user("grace", Role::Admin).await;
        for known in ["192.0.2.7", "2001:db8:0:1::7"] {
            attempt(&school, known, PASSWORD).await.unwrap();
        }
        let mut guesses = (1..=250).map(|host| format!("198.51.100.{host}"));
        while !matches!(
            attempt(&school, &guesses.next().unwrap(), "wrong").await,
            Err(Error::TooManyLogins { .. })
        ) {}

        let elsewhere = refusal(attempt(&school, "203.0.113.1", PASSWORD).await);
        assert!(matches!(elsewhere, Error::TooManyLogins { .. }));
        attempt(&school, "::ffff:192.0.2.7", PASSWORD).await.unwrap();
        attempt(&school, "2001:db8:0:1:ffff::8", PASSWORD).await.unwrap();
        // A known network has its own allowance and no more.
        let refused = refusal(attempt(&school, "192.0.2.7", PASSWORD).await);
        assert!(matches!(refused, Error::TooManyLogins { .. }));
    }

    #[tokio::test]
    async fn network_expires_after_a_month_and_failed_sign_ins_add_none() {
        let school = SchoolAccounts::new().await;
        let user = school.user("grace", Role::Admin).await;
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let knows = async || school.accounts.knows_network("grace", address).await.unwrap();
        refusal(attempt(&school, "192.0.2.7", "wrong").await);
        assert!(!knows().await);
        attempt(&school, "192.0.2.7", PASSWORD).await.unwrap();
        assert!(knows().await);
        assert!(!school.accounts.knows_network("unknown", address).await.unwrap());
        let aged = Entity::update_many()
            .col_expr(Column::LastLoginAt, Expr::value(now() - REMEMBERED - FRESH))
            .exec(school.database().connection())
            .await;
        assert_eq!(aged.unwrap().rows_affected, 1);
        assert!(!knows().await);
        // Signing in from elsewhere removes what is too old.
        attempt(&school, "192.0.2.8", PASSWORD).await.unwrap();
        let left = Entity::find().all(school.database().connection()).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].user_id, left[0].network.as_str()), (user.id, "192.0.2.8"));
    }
}
