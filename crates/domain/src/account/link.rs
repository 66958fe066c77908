//! Download links, for browsers, which can't send a bearer token.
//!
//! A link opens one path, for five minutes, once. Only the SHA-256 of its token is stored, so that a leaked database
//! can't be used to download. The link is claimed before the download begins, and released if the service fails to
//! deliver.
//!
//! Requests for parts of a file share a link without a claim. The link is used once as many bytes as the file has were
//! sent. The bytes that were sent and those in transit are counted when a response begins, and are at most
//! [`MAX_TRANSFERS`] times the size of the file.
//!
//! The administrator who created a link can ask for the state of its download. The claim and its end are recorded, and
//! nothing in between.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use rand::TryRng;
use rand::rngs::SysRng;
use sea_orm::entity::prelude::Expr;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ActiveValue, ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, UpdateResult};
use serde::Serialize;
use utoipa::ToSchema;

use super::session::{ENDED, SessionRights, TokenSession};
use super::{Accounts, Admin, RefusedUser, digest, invalid, now};
use crate::Database;
use crate::audit::{AuditEntry, AuditEvent};
use crate::catalog::Table;
use crate::entity::download_link::{self as stored, DownloadOutcome};
use crate::entity::user::Role;
use crate::error::{Error, Result};

const LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How long an expired link is remembered, so that following it says `expired` and not `unknown`.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// How long a link with an unfinished download is remembered: downloads of large files take hours.
const REMEMBERED_IN_PROGRESS: TimeDelta = TimeDelta::days(1);
const TOKEN_BYTES: usize = 32;
const LONGEST_PATH: usize = 4096;
/// How many times the bytes of a file may be sent in parts by one link: once, and once more for parts that did not
/// arrive.
const MAX_TRANSFERS: u64 = 2;

/// A new link.
pub struct DownloadLink {
    /// For asking for its [state](LinkState). It does not open the download.
    pub id: i64,
    /// 64 hexadecimal digits. A secret, and shown only this once.
    pub token: String,
    /// When it ends, in UTC.
    pub expires_at: DateTime<Utc>,
}

/// The state of a link's download. `unused`: it has not started. `in_progress`: it has started; this state remains if the
/// service is killed. `delivered`: the service has sent all bytes; whether the client saved them is unknown. `broken_off`: it
/// ended early; if the service failed, the link is still valid. `expired`: the link was not used in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DownloadLinkState)]
pub enum LinkState {
    /// Not used yet, and still valid.
    Unused,
    /// A download has begun. It stays in this state if the service is killed meanwhile.
    InProgress,
    /// All bytes were sent. Only the client knows whether they were saved.
    Delivered,
    /// The last download ended before all of it was sent.
    BrokenOff,
    /// It has expired without being used.
    Expired,
}

/// The status of a link, for the administrator who created it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DownloadLinkStatus, example = json!({"id": 17, "state": "in_progress", "expires_at": "2026-11-23T09:35:00Z"}))]
pub struct LinkStatus {
    /// The link's id.
    pub id: i64,
    /// The state of the download.
    pub state: LinkState,
    /// The time of expiry, UTC. A download that has started continues.
    pub expires_at: DateTime<Utc>,
}

impl Accounts {
    /// The status of a link that this administrator has created.
    ///
    /// # Errors
    /// [`Error::UnknownLink`], also if another administrator created it.
    pub async fn link_status(&self, admin: &Admin, id: i64) -> Result<LinkStatus> {
        let link = stored::Entity::find_by_id(id)
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking up a download link"))?
            .filter(|link| {
                let subject = admin.subject_digest();
                (link.user_id, link.username.as_str()) == (admin.user_id(), admin.username())
                    && link.subject_digest == subject
            })
            .ok_or(Error::UnknownLink)?;
        let state = match (link.outcome, link.used_at) {
            (Some(DownloadOutcome::Delivered), _) => LinkState::Delivered,
            (Some(DownloadOutcome::BrokenOff), _) => LinkState::BrokenOff,
            (None, Some(_)) => LinkState::InProgress,
            (None, None) if link.expires_at <= now() => LinkState::Expired,
            (None, None) => LinkState::Unused,
        };
        Ok(LinkStatus {
            id,
            state,
            expires_at: link.expires_at,
        })
    }

    /// Creates a link for the path and canonical query of one download.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the path is longer than 4096 bytes or has a NUL.
    pub async fn create_link(&self, admin: &Admin, path: &str) -> Result<DownloadLink> {
        let doing = "making a download link";
        if path.len() > LONGEST_PATH || path.contains('\0') {
            return Err(invalid(
                "path",
                format!("must have at most {LONGEST_PATH} bytes and no NUL"),
            ));
        }
        let mut random = [0; TOKEN_BYTES];
        SysRng.try_fill_bytes(&mut random).map_err(Error::internal(doing))?;
        let token = hex::encode(random);
        let now = now();
        let expires_at = now + LIFETIME;
        let session = admin.session().cloned();
        let row = stored::ActiveModel {
            id: ActiveValue::NotSet,
            token_digest: ActiveValue::Set(digest(&token)),
            user_id: ActiveValue::Set(admin.user_id()),
            username: ActiveValue::Set(admin.username().to_owned()),
            subject_digest: ActiveValue::Set(admin.subject_digest()),
            path: ActiveValue::Set(path.to_owned()),
            created_at: ActiveValue::Set(now),
            expires_at: ActiveValue::Set(expires_at),
            used_at: ActiveValue::Set(None),
            sent_bytes: ActiveValue::Set(Some(0)),
            outcome: ActiveValue::Set(None),
            begun_bytes: ActiveValue::Set(Some(0)),
            session_id: ActiveValue::Set(session.as_ref().map(|session| session.id.clone())),
            session_epoch: ActiveValue::Set(session.as_ref().map(|session| session.epoch)),
            account_digest: ActiveValue::Set(session.map(|session| session.account)),
            token_id: ActiveValue::Set(admin.token_id()),
        };
        let transaction = self.0.database.begin_write(doing).await?;
        let inserted = stored::Entity::insert(row).exec(&transaction).await;
        let id = inserted.map_err(Error::database(doing))?.last_insert_id;
        let event = AuditEntry::by(admin, AuditEvent::LinkCreated)
            .of_table(table_of(path))
            .about(id);
        event.commit(transaction, doing).await?;
        let connection = self.0.database.connection();
        let swept = stored::Entity::delete_many()
            .filter(stored::Column::ExpiresAt.lt(now - REMEMBERED))
            .filter(
                (stored::Column::UsedAt.is_null())
                    .or(stored::Column::Outcome.is_not_null())
                    .or(stored::Column::ExpiresAt.lt(now - REMEMBERED_IN_PROGRESS)),
            )
            .exec(connection)
            .await;
        if let Err(error) = swept {
            // The next new link tries again.
            tracing::warn!(%error, "old download links could not be deleted");
        }
        Ok(DownloadLink { id, token, expires_at })
    }

    /// Claims a link for its one download. `path` is the path and the canonical query without the link itself.
    ///
    /// Of two concurrent requests only one succeeds: the claim is one conditional update.
    ///
    /// # Errors
    /// [`Error::LinkInvalid`] if there is no such link for this path; [`Error::LinkUsed`] if it was used or has
    /// expired; [`Error::Unauthenticated`] or [`Error::Forbidden`] if the token that created it would be refused now,
    /// or if its creator is no longer an administrator.
    pub async fn redeem_link(&self, token: &str, path: &str) -> Result<(Admin, LinkUse)> {
        let doing = "claiming a download link";
        let link = self.find_link(token, path).await?;
        let connection = self.0.database.connection();
        let now = now();
        let claimed = stored::Entity::update_many()
            .col_expr(stored::Column::UsedAt, Expr::value(Some(now)))
            .col_expr(stored::Column::Outcome, Expr::value(None::<String>))
            .filter(stored::Column::Id.eq(link.id))
            .filter(stored::Column::UsedAt.is_null())
            .filter(stored::Column::ExpiresAt.gt(now))
            .exec(connection)
            .await
            .map_err(Error::database(doing))?;
        if claimed.rows_affected != 1 {
            return Err(Error::LinkUsed);
        }
        // From here on, an error or a cancelled request releases the link.
        let link_use = LinkUse {
            id: link.id,
            database: Some(self.0.database.clone()),
            claim: LinkClaim::Exclusive,
            begun: 0,
        };
        match self.maker_of(link).await {
            Ok(admin) => Ok((admin, link_use)),
            Err(error) => {
                if matches!(error, Error::Unauthenticated(_) | Error::Forbidden) {
                    link_use.broken_off();
                }
                Err(error)
            }
        }
    }

    /// Whether a link could be redeemed now. It changes nothing.
    ///
    /// # Errors
    /// As [`Accounts::redeem_link`].
    pub async fn look_up_link(&self, token: &str, path: &str) -> Result<()> {
        let link = self.find_link(token, path).await?;
        if link.used_at.is_some() || link.expires_at <= now() {
            return Err(Error::LinkUsed);
        }
        self.maker_of(link).await.map(drop)
    }

    /// Redeems a link for a part of a file, or for its head. Others may do the same concurrently. Once the size is
    /// known, call [`LinkUse::ensure_left`], and [`LinkUse::begin`] for the part.
    ///
    /// # Errors
    /// As [`Accounts::redeem_link`]. If the link was claimed for the whole file, [`Error::LinkUsed`] unless that
    /// download ended before everything was sent.
    pub async fn share_link(&self, token: &str, path: &str) -> Result<(Admin, LinkUse)> {
        let link = self.find_link(token, path).await?;
        let sent = u64::try_from(link.sent_bytes.unwrap_or_default()).unwrap_or_default();
        let is_claimed = link.used_at.is_some() && sent == 0;
        if is_claimed || link.expires_at <= now() {
            return Err(Error::LinkUsed);
        }
        let link_use = LinkUse {
            id: link.id,
            database: Some(self.0.database.clone()),
            claim: LinkClaim::Shared { sent },
            begun: 0,
        };
        Ok((self.maker_of(link).await?, link_use))
    }

    /// The user of a refused link, for the security log.
    pub async fn user_of_refused_link(&self, token: &str) -> RefusedUser {
        let link = stored::Entity::find()
            .filter(stored::Column::TokenDigest.eq(digest(token)))
            .one(self.0.database.connection());
        let link = link.await.ok().flatten();
        RefusedUser {
            id: link.as_ref().and_then(|link| link.user_id),
            name: link.map(|link| link.username),
        }
    }

    async fn find_link(&self, token: &str, path: &str) -> Result<stored::Model> {
        if token.len() != 2 * TOKEN_BYTES {
            return Err(Error::LinkInvalid);
        }
        stored::Entity::find()
            .filter(stored::Column::TokenDigest.eq(digest(token)))
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking up a download link"))?
            .filter(|link| link.path == path)
            .ok_or(Error::LinkInvalid)
    }

    /// The administrator who created a link, if still permitted: a link ends with the token that created it.
    async fn maker_of(&self, link: stored::Model) -> Result<Admin> {
        let Some(user_id) = link.user_id else {
            return Ok(Admin::of_link(None, link.username));
        };
        if let Some(token_id) = link.token_id {
            return self.admin_of_named_token(token_id).await.map(Admin::by_link);
        }
        let session = (link.session_id).zip(link.session_epoch).zip(link.account_digest);
        let ((id, epoch), account) = session.ok_or(Error::Unauthenticated(ENDED))?;
        let session = TokenSession {
            id,
            epoch,
            account,
            rights: SessionRights::Full,
        };
        let user = self.user_session_of(user_id, &session).await?.user;
        match user.role {
            Role::Admin => Ok(Admin::of_link(Some(user_id), user.username)),
            _ => Err(Error::Forbidden),
        }
    }
}

/// The table of a download's path, or `all`; none for another path. A path may contain anything, also a secret.
fn table_of(path: &str) -> Option<&str> {
    let (_, table) = path.split('?').next()?.rsplit_once("/download/")?;
    (table == "all" || Table::from_name(table).is_some()).then_some(table)
}

/// One use of a link. Dropped without [`LinkUse::completed`], it releases the link, so that an interrupted download can
/// be repeated until the link expires. Releasing needs a runtime; without one, the link stays used.
#[must_use = "dropping it gives the link back"]
pub struct LinkUse {
    id: i64,
    database: Option<Database>,
    claim: LinkClaim,
    /// The bytes that were counted when the response began.
    begun: u64,
}

/// How a link is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkClaim {
    /// By one download.
    Exclusive,
    /// By parts of a file. `sent` is the number of bytes that were sent before.
    Shared { sent: u64 },
}

impl LinkUse {
    /// The download is complete: the link stays used.
    pub fn completed(self) {
        self.end(DownloadOutcome::Delivered);
    }

    /// The download was interrupted, and not by a fault of the service: the link stays used.
    pub fn broken_off(self) {
        self.end(DownloadOutcome::BrokenOff);
    }

    fn end(mut self, outcome: DownloadOutcome) {
        let Some(database) = self.database.take() else { return };
        let id = self.id;
        in_background(id, async move { write_outcome(&database, id, outcome).await });
    }

    /// Fails if all bytes of a file of that size were sent already.
    ///
    /// # Errors
    /// [`Error::LinkUsed`]
    pub fn ensure_left(&self, size: u64) -> Result<()> {
        match self.claim {
            LinkClaim::Shared { sent } if sent >= size => Err(Error::LinkUsed),
            LinkClaim::Shared { .. } | LinkClaim::Exclusive => Ok(()),
        }
    }

    /// Counts the bytes of a response before it begins. A response with the whole file claims the link as
    /// [`Accounts::redeem_link`] does.
    ///
    /// # Errors
    /// [`Error::LinkUsed`] if there would be more than [`MAX_TRANSFERS`] times the size, or if the whole file can't be
    /// claimed any more.
    pub async fn begin(&mut self, bytes: u64, size: u64) -> Result<()> {
        let Some(database) = &self.database else { return Ok(()) };
        let claims = matches!(self.claim, LinkClaim::Shared { .. }) && bytes >= size;
        let begun = Expr::col(stored::Column::BegunBytes).if_null(0_i64);
        let begun = begun.add(bytes.cast_signed());
        let mut counting = stored::Entity::update_many()
            .col_expr(stored::Column::BegunBytes, begun.clone())
            .filter(stored::Column::Id.eq(self.id))
            .filter(begun.lte(size.saturating_mul(MAX_TRANSFERS).cast_signed()));
        if claims {
            counting = counting
                .col_expr(stored::Column::UsedAt, Expr::value(Some(now())))
                .col_expr(stored::Column::Outcome, Expr::value(None::<String>))
                .filter(stored::Column::UsedAt.is_null());
        }
        let counted = counting.exec(database.connection()).await;
        let counted = counted.map_err(Error::database("claiming a download link"))?;
        if counted.rows_affected != 1 {
            return Err(Error::LinkUsed);
        }
        self.begun = bytes;
        if claims {
            self.claim = LinkClaim::Exclusive;
        }
        Ok(())
    }

    /// Records that `bytes` of a file of that size were sent. Once everything was sent, the link is used. Bytes that
    /// were not sent are no longer counted.
    pub fn sent(mut self, bytes: u64, size: u64) {
        let Some(database) = self.database.take() else { return };
        let (id, claim, unsent) = (self.id, self.claim, self.begun.saturating_sub(bytes));
        in_background(id, async move {
            let count = Expr::col(stored::Column::SentBytes)
                .if_null(0_i64)
                .add(bytes.cast_signed());
            let counted = stored::Entity::update_many()
                .col_expr(stored::Column::SentBytes, count)
                .col_expr(stored::Column::BegunBytes, less_begun(unsent))
                .filter(stored::Column::Id.eq(id))
                .exec(database.connection())
                .await;
            counted?;
            let spent_at = Expr::col(stored::Column::UsedAt).if_null(Expr::value(now()));
            let delivered = stored::Entity::update_many()
                .col_expr(stored::Column::UsedAt, spent_at)
                .col_expr(stored::Column::Outcome, Expr::value(DownloadOutcome::Delivered))
                .filter(stored::Column::Id.eq(id))
                .filter(stored::Column::SentBytes.gte(size.cast_signed()))
                .exec(database.connection())
                .await?;
            match claim {
                LinkClaim::Exclusive if delivered.rows_affected == 0 => {
                    write_outcome(&database, id, DownloadOutcome::BrokenOff).await
                }
                LinkClaim::Exclusive | LinkClaim::Shared { .. } => Ok(delivered),
            }
        });
    }
}

impl Drop for LinkUse {
    fn drop(&mut self) {
        let is_claimed = self.claim == LinkClaim::Exclusive;
        let Some(database) = self.database.take().filter(|_| is_claimed || self.begun > 0) else {
            return;
        };
        let (id, begun) = (self.id, self.begun);
        in_background(id, async move {
            let mut giving_back = stored::Entity::update_many()
                .col_expr(stored::Column::BegunBytes, less_begun(begun))
                .filter(stored::Column::Id.eq(id));
            if is_claimed {
                giving_back = giving_back
                    .col_expr(stored::Column::UsedAt, Expr::value(None::<DateTime<Utc>>))
                    .col_expr(stored::Column::Outcome, Expr::value(DownloadOutcome::BrokenOff));
            }
            giving_back.exec(database.connection()).await
        });
    }
}

async fn write_outcome(database: &Database, link: i64, outcome: DownloadOutcome) -> Result<UpdateResult, DbErr> {
    stored::Entity::update_many()
        .col_expr(stored::Column::Outcome, Expr::value(outcome))
        .filter(stored::Column::Id.eq(link))
        .exec(database.connection())
        .await
}

/// The counted bytes of responses, less these.
fn less_begun(bytes: u64) -> SimpleExpr {
    Expr::col(stored::Column::BegunBytes)
        .if_null(0_i64)
        .sub(bytes.cast_signed())
}

/// Records the outcome of a link in the background.
fn in_background(link: i64, writing: impl Future<Output = Result<UpdateResult, DbErr>> + Send + 'static) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        tracing::warn!(
            link,
            "what became of a download link is not known: there is no runtime to write it down"
        );
        return;
    };
    runtime.spawn(async move {
        if let Err(error) = writing.await {
            tracing::warn!(link, %error, "what became of a download link could not be written down");
        }
    });
}

impl fmt::Debug for DownloadLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadLink")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LinkUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkUse").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use sea_orm::PaginatorTrait;
    use secrecy::SecretString;

    use super::super::session::{ACCOUNT_CHANGED, SignOut};
    use super::super::tests::{PASSWORD, SchoolAccounts, refusal};
    use super::super::token::NO_LONGER_ACTIVE;
    use super::*;
    use crate::entity::user;

    const PATH: &str = "/backup/download/students?format=csv";

    async fn age_links(school: &SchoolAccounts, age: TimeDelta) {
        let expired = stored::Entity::update_many()
            .col_expr(stored::Column::ExpiresAt, Expr::value(now() - age))
            .exec(school.database().connection())
            .await;
        expired.unwrap();
    }

    /// Giving back happens a moment after the drop.
    async fn redeem_when_given_back(school: &SchoolAccounts, token: &str) -> (Admin, LinkUse) {
        let start = Instant::now();
        loop {
            match school.accounts.redeem_link(token, PATH).await {
                Err(Error::LinkUsed) if start.elapsed() < Duration::from_secs(5) => tokio::task::yield_now().await,
                result => return result.unwrap(),
            }
        }
    }

    #[tokio::test]
    async fn unknown_links_and_links_for_another_path_are_refused() {
        let school = SchoolAccounts::new().await;
        let admin = school.admin().await;
        let link = school.accounts.create_link(&admin, PATH).await.unwrap();
        assert_eq!(link.token.len(), 64);
        assert!(!format!("{link:?}").contains(&link.token));
        for (token, path) in [
            ("", PATH),
            (&"0".repeat(64), PATH),
            (&link.token[1..], PATH),
            (&link.token.to_uppercase(), PATH),
            (&digest(&link.token), PATH),
            (&link.token, "/backup/download/users?format=csv"),
            (&link.token, "/backup/download/students?format=CSV"),
            (&link.token, ""),
        ] {
            let result = school.accounts.redeem_link(token, path).await;
            assert!(matches!(refusal(result), Error::LinkInvalid), "{path}");
        }
        // None of these attempts has used it up.
        let (redeemed, link_use) = school.accounts.redeem_link(&link.token, PATH).await.unwrap();
        assert_eq!(redeemed.user_id(), admin.user_id());
        link_use.completed();
        let long = "x".repeat(LONGEST_PATH + 1);
        let refused = refusal(school.accounts.create_link(&admin, &long).await);
        assert!(matches!(refused, Error::Invalid { field: "path", .. }));
    }

    #[tokio::test]
    async fn link_is_used_once_and_released_after_a_broken_download() {
        let school = SchoolAccounts::new().await;
        let admin = school.admin().await;
        let link = school.accounts.create_link(&admin, PATH).await.unwrap();
        let (_, broken_off) = school.accounts.redeem_link(&link.token, PATH).await.unwrap();
        let meanwhile = refusal(school.accounts.redeem_link(&link.token, PATH).await);
        assert!(matches!(meanwhile, Error::LinkUsed));
        drop(broken_off);
        let (_, complete) = redeem_when_given_back(&school, &link.token).await;
        complete.completed();
        for _ in 0..3 {
            tokio::task::yield_now().await;
            let again = refusal(school.accounts.redeem_link(&link.token, PATH).await);
            assert!(matches!(again, Error::LinkUsed));
        }
    }

    #[tokio::test]
    async fn parts_share_a_link_until_all_bytes_were_sent() {
        let school = SchoolAccounts::new().await;
        let (admin, accounts) = (school.admin().await, &school.accounts);
        let link = accounts.create_link(&admin, PATH).await.unwrap();
        let (_, first) = accounts.share_link(&link.token, PATH).await.unwrap();
        let (_, second) = accounts.share_link(&link.token, PATH).await.unwrap();
        first.ensure_left(10).unwrap();
        first.sent(6, 10);
        let start = Instant::now();
        // Written a moment later.
        while accounts
            .share_link(&link.token, PATH)
            .await
            .unwrap()
            .1
            .ensure_left(6)
            .is_ok()
        {
            assert!(start.elapsed() < Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
        accounts.look_up_link(&link.token, PATH).await.unwrap();
        second.sent(4, 10);
        while accounts.look_up_link(&link.token, PATH).await.is_ok() {
            assert!(start.elapsed() < Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
        assert!(matches!(
            refusal(accounts.redeem_link(&link.token, PATH).await),
            Error::LinkUsed
        ));
        let (_, third) = accounts.share_link(&link.token, PATH).await.unwrap();
        assert!(matches!(third.ensure_left(10), Err(Error::LinkUsed)));
    }

    #[tokio::test]
    async fn creator_of_a_link_can_read_its_status() {
        let school = SchoolAccounts::new().await;
        let (admin, accounts) = (school.admin().await, &school.accounts);
        let state = async |id| accounts.link_status(&admin, id).await.unwrap().state;
        // Written a moment later.
        let becomes = async |id, expected| {
            let start = Instant::now();
            while state(id).await != expected {
                assert!(start.elapsed() < Duration::from_secs(5), "{expected:?}");
                tokio::task::yield_now().await;
            }
        };
        let link = accounts.create_link(&admin, PATH).await.unwrap();
        let redeem = || accounts.redeem_link(&link.token, PATH);
        assert_eq!(state(link.id).await, LinkState::Unused);
        let (_, given_back) = redeem().await.unwrap();
        assert_eq!(state(link.id).await, LinkState::InProgress);
        drop(given_back);
        becomes(link.id, LinkState::BrokenOff).await;
        let (_, whole) = redeem().await.unwrap();
        assert_eq!(state(link.id).await, LinkState::InProgress);
        whole.completed();
        becomes(link.id, LinkState::Delivered).await;

        let file = accounts.create_link(&admin, PATH).await.unwrap();
        let (_, part) = accounts.share_link(&file.token, PATH).await.unwrap();
        part.sent(4, 10);
        let (_, broken_off) = accounts.redeem_link(&file.token, PATH).await.unwrap();
        broken_off.sent(5, 10);
        becomes(file.id, LinkState::BrokenOff).await;
        let (_, rest) = accounts.share_link(&file.token, PATH).await.unwrap();
        rest.sent(5, 10);
        becomes(file.id, LinkState::Delivered).await;

        let other = accounts.create_link(&Admin::for_tests(), PATH).await.unwrap();
        for id in [other.id, -1, i64::MAX] {
            let unknown = accounts.link_status(&admin, id).await;
            assert!(matches!(unknown, Err(Error::UnknownLink)), "{id}");
        }
        let late = accounts.create_link(&admin, PATH).await.unwrap();
        age_links(&school, TimeDelta::seconds(1)).await;
        assert_eq!(state(late.id).await, LinkState::Expired);
        assert_eq!(state(file.id).await, LinkState::Delivered);
    }

    #[tokio::test]
    async fn links_of_a_provider_are_told_apart_by_subject() {
        let school = SchoolAccounts::new().await;
        let accounts = &school.accounts;
        let (one, other) = (Admin::of_subject("1"), Admin::of_subject("2"));
        assert_eq!(one.username(), other.username());
        let link = accounts.create_link(&one, PATH).await.unwrap();
        let state = accounts
            .link_status(&Admin::of_subject("1"), link.id)
            .await
            .unwrap()
            .state;
        assert_eq!(state, LinkState::Unused);
        for stranger in [other, Admin::acting(None), school.admin().await] {
            let unknown = accounts.link_status(&stranger, link.id).await;
            assert!(matches!(unknown, Err(Error::UnknownLink)), "{stranger:?}");
        }
    }

    #[tokio::test]
    async fn a_link_in_progress_is_remembered_for_a_day() {
        let school = SchoolAccounts::new().await;
        let (admin, accounts) = (school.admin().await, &school.accounts);
        let link = accounts.create_link(&admin, PATH).await.unwrap();
        let (_, _long) = accounts.redeem_link(&link.token, PATH).await.unwrap();
        age_links(&school, TimeDelta::hours(23)).await;
        accounts.create_link(&admin, PATH).await.unwrap();
        let status = accounts.link_status(&admin, link.id).await.unwrap();
        assert_eq!(status.state, LinkState::InProgress);
        age_links(&school, TimeDelta::hours(25)).await;
        accounts.create_link(&admin, PATH).await.unwrap();
        let forgotten = accounts.link_status(&admin, link.id).await;
        assert!(matches!(forgotten, Err(Error::UnknownLink)));
    }

    #[tokio::test]
    async fn a_claimed_link_has_no_parts_before_its_download_ended() {
        let school = SchoolAccounts::new().await;
        let (admin, accounts) = (school.admin().await, &school.accounts);
        let link = accounts.create_link(&admin, PATH).await.unwrap();
        let (_, whole) = accounts.redeem_link(&link.token, PATH).await.unwrap();
        assert!(matches!(
            refusal(accounts.share_link(&link.token, PATH).await),
            Error::LinkUsed
        ));
        whole.sent(7, 10);
        let start = Instant::now();
        while accounts.share_link(&link.token, PATH).await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
        assert!(matches!(
            refusal(accounts.redeem_link(&link.token, PATH).await),
            Error::LinkUsed
        ));
    }

    #[tokio::test]
    async fn concurrent_redemption_succeeds_once() {
        let school = SchoolAccounts::new().await;
        let admin = school.admin().await;
        let link = school.accounts.create_link(&admin, PATH).await.unwrap();
        let redeem = || school.accounts.redeem_link(&link.token, PATH);
        let (a, b, c, d) = tokio::join!(redeem(), redeem(), redeem(), redeem());
        let (won, lost): (Vec<_>, Vec<_>) = [a, b, c, d].into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(
            lost.iter().all(|result| matches!(result, Err(Error::LinkUsed))),
            "{lost:?}"
        );
    }

    #[tokio::test]
    async fn expired_link_is_refused_and_later_deleted() {
        let school = SchoolAccounts::new().await;
        let admin = school.admin().await;
        let link = school.accounts.create_link(&admin, PATH).await.unwrap();
        age_links(&school, TimeDelta::seconds(1)).await;
        let expired = refusal(school.accounts.redeem_link(&link.token, PATH).await);
        assert!(matches!(expired, Error::LinkUsed));

        school.accounts.create_link(&admin, PATH).await.unwrap();
        let count = || stored::Entity::find().count(school.database().connection());
        assert_eq!(count().await.unwrap(), 2);
        age_links(&school, TimeDelta::minutes(61)).await;
        school.accounts.create_link(&admin, PATH).await.unwrap();
        assert_eq!(count().await.unwrap(), 1);
        let forgotten = refusal(school.accounts.redeem_link(&link.token, PATH).await);
        assert!(matches!(forgotten, Error::LinkInvalid));
    }

    #[tokio::test]
    async fn link_ends_with_the_token_that_created_it() {
        let school = SchoolAccounts::new().await;
        school.admin().await;
        let accounts = &school.accounts;
        let sign_in = async |password: &str| school.login("margaret", password).await.unwrap();
        let link = async |admin: Admin| accounts.create_link(&admin, PATH).await.unwrap().token;
        let refused = async |token: &str| match refusal(accounts.redeem_link(token, PATH).await) {
            Error::Unauthenticated(reason) => reason,
            other => unreachable!("{other:?}"),
        };

        let signed_in = sign_in(PASSWORD).await;
        let made = link(signed_in.principal.admin().unwrap()).await;
        let out = SignOut {
            bearer: Some(&signed_in.access_token),
            ..SignOut::default()
        };
        accounts.sign_out(out).await.unwrap();
        assert_eq!(refused(&made).await, ENDED);

        let made = link(sign_in(PASSWORD).await.principal.admin().unwrap()).await;
        let user_id = sign_in(PASSWORD).await.principal.user_id.unwrap();
        accounts.end_account_sessions(user_id).await.unwrap();
        assert_eq!(refused(&made).await, ACCOUNT_CHANGED);

        let made = link(sign_in(PASSWORD).await.principal.admin().unwrap()).await;
        let other = SecretString::from("copper-lantern-18-river");
        accounts.reset_password("margaret", Some(&other)).await.unwrap();
        assert_eq!(refused(&made).await, ACCOUNT_CHANGED);
        let spent = refusal(accounts.redeem_link(&made, PATH).await);
        assert!(matches!(spent, Error::LinkUsed));
    }

    #[tokio::test]
    async fn link_ends_with_the_rights_of_its_creator() {
        let school = SchoolAccounts::new().await;
        let admin = school.admin().await;
        let id = admin.user_id().unwrap();
        let accounts = &school.accounts;

        let link = accounts.create_link(&admin, PATH).await.unwrap();
        school.change(id, user::Column::IsActive, false).await;
        let inactive = refusal(accounts.redeem_link(&link.token, PATH).await);
        assert!(matches!(inactive, Error::Unauthenticated(NO_LONGER_ACTIVE)));
        school.change(id, user::Column::IsActive, true).await;
        let dead = refusal(accounts.redeem_link(&link.token, PATH).await);
        assert!(matches!(dead, Error::LinkUsed));

        let link = accounts.create_link(&admin, PATH).await.unwrap();
        school.change(id, user::Column::Role, Role::Teacher).await;
        let demoted = refusal(accounts.redeem_link(&link.token, PATH).await);
        assert!(matches!(demoted, Error::Forbidden));

        let link = accounts.create_link(&admin, PATH).await.unwrap();
        user::Entity::delete_by_id(id)
            .exec(school.database().connection())
            .await
            .unwrap();
        let gone = refusal(accounts.redeem_link(&link.token, PATH).await);
        assert!(matches!(gone, Error::Unauthenticated(NO_LONGER_ACTIVE)));

        let outside = Admin::for_tests();
        let link = accounts.create_link(&outside, PATH).await.unwrap();
        let (redeemed, link_use) = accounts.redeem_link(&link.token, PATH).await.unwrap();
        assert_eq!((redeemed.user_id(), redeemed.username()), (None, outside.username()));
        link_use.completed();
    }
}
