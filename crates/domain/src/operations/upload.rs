//! Letting an archive in that somebody brings: stored while it comes, checked before it counts.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use campus_backup_archive::manifest::Origin;
use campus_backup_archive::{Form, Manifest};
use chrono::Utc;
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::backup::{TO_SPARE, ensure_free_bytes, job_result};
use super::{Annotations, Operations};
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::job::{self, Context, Idempotency, Kind, Needs, Progress, Submission, Submitted, Work, work};
use crate::open::Checked;
use crate::store::StoreWriter;
use crate::verify::digest;

/// How many bytes are waited for before it is guessed what they are.
const START: usize = 64;

/// The name of this for [`Idempotency`].
const OPERATION: &str = "uploadArchive";

/// What is brought, but for its bytes.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// What is said of it.
    pub annotations: Annotations,
    /// How many bytes are promised.
    pub length: Option<u64>,
    /// What the caller calls the request; the bytes belong to what must be the same.
    pub key: Option<String>,
}

/// An archive that has come and was not looked at.
struct Received {
    id: String,
    form: Form,
    sha256: String,
}

/// What became of looking at it.
enum Looked {
    /// It is whole, and this is its manifest.
    Whole(Box<Manifest>),
    /// An earlier job of the same request has published it, with this result.
    Published(Value),
}

impl Operations {
    /// Lets an archive in: a job, begun when all its bytes are stored, whose result is that of [`Operations::create_backup`].
    ///
    /// 1. It must not be larger than the settings allow, and there must be room for it, as far as anybody can say.
    /// 2. The bytes are stored as they come. If they break off, nothing is left of them.
    /// 3. The job reads what is stored to its end: all seven tables of this program, every count, digest and sum, every
    ///    reference. It may be compressed or encrypted in any way that this service can open, and stays as it is.
    /// 4. Its digests are recorded in the database, and it is listed. What is refused is removed.
    ///
    /// # Errors
    /// Then nothing of it is left: [`Error::UploadTooLarge`], [`Error::InsufficientStorage`], [`Error::Invalid`], whatever the stream
    /// says, and those of [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn upload(
        &self,
        admin: &Admin,
        upload: Upload,
        bytes: impl Stream<Item = Result<Bytes>>,
    ) -> Result<Submitted> {
        upload.annotations.check()?;
        let named = |body: &Value| {
            let key = upload.key.as_deref();
            key.map(|key| Idempotency::new(key, OPERATION, body)).transpose()
        };
        // Whether it is a key at all can be said before anything is sent.
        named(&Value::Null)?;
        self.ensure_room_for(upload.length).await?;
        let received = self.receive(bytes).await?;
        let parameters = json!({"words": upload.annotations, "sha256": received.sha256});
        let submission = Submission {
            kind: Kind::Upload,
            idempotency: named(&parameters)?,
            parameters,
            needs: Needs::Nothing,
        };
        let (id, form) = (received.id.clone(), received.form);
        let work = self.upload_work(admin.clone(), received, upload.annotations);
        let submitted = self.0.jobs.submit(admin, submission, work).await;
        // The job would have removed it; there is none, or there is one of the same bytes before.
        let is_needed = matches!(&submitted, Ok(submitted) if submitted.origin() == job::Origin::New);
        if !is_needed {
            self.discard_form(&id, form).await;
        }
        submitted
    }

    fn upload_work(&self, by: Admin, received: Received, annotations: Annotations) -> Work {
        let operations = self.clone();
        work(async move |context| operations.admit(&by, received, &annotations, &context).await)
    }

    async fn ensure_room_for(&self, length: Option<u64>) -> Result<()> {
        let limit = self.upload_limit();
        let Some(length) = length else { return Ok(()) };
        if length > limit {
            return Err(Error::UploadTooLarge { limit });
        }
        match self.0.store.room().await? {
            Some(free) => ensure_free_bytes(free, length.saturating_add(TO_SPARE)),
            None => Ok(()),
        }
    }

    /// Stores the bytes as they come.
    async fn receive(&self, bytes: impl Stream<Item = Result<Bytes>>) -> Result<Received> {
        let mut bytes = pin!(bytes.fuse());
        let mut start = BytesMut::new();
        while start.len() < START
            && let Some(more) = bytes.next().await
        {
            start.extend_from_slice(&more?);
        }
        let (id, form) = (self.0.store.new_id(Utc::now()), Form::guess(&start));
        let mut incoming = self.0.store.create(&id, form).await?;
        let mut digest = Sha256::new();
        let received = async {
            let mut left = self.upload_limit();
            let mut next = Some(Ok(start.freeze()));
            while let Some(chunk) = next {
                let chunk: Bytes = chunk?;
                let limit = self.upload_limit();
                left = left
                    .checked_sub(chunk.len() as u64)
                    .ok_or(Error::UploadTooLarge { limit })?;
                digest.update(&chunk);
                incoming.write(chunk).await?;
                next = bytes.next().await;
            }
            Ok(())
        };
        match received.await {
            Ok(()) => incoming.finish().await?,
            Err(error) => {
                incoming.abort().await;
                return Err(error);
            }
        }
        let sha256 = hex::encode(digest.finalize());
        Ok(Received { id, form, sha256 })
    }

    /// Looks at what has come, and lists it. If an earlier job of the same request has listed it, once is enough.
    async fn admit(
        &self,
        by: &Admin,
        mut received: Received,
        annotations: &Annotations,
        context: &Context,
    ) -> Result<Value> {
        let progress = context.progress();
        let looked = async {
            match self.published_before(context).await? {
                Some(published) => Ok(Looked::Published(published)),
                None => {
                    let manifest = self.look(by, &mut received, annotations, progress).await;
                    manifest.map(|manifest| Looked::Whole(Box::new(manifest)))
                }
            }
        };
        let outcome = match looked.await {
            Ok(Looked::Whole(mut manifest)) => {
                self.record_and_publish(&mut manifest, context).await?;
                return Ok(job_result(&manifest));
            }
            Ok(Looked::Published(published)) => Ok(published),
            Err(error) => Err(error),
        };
        self.discard_form(&received.id, received.form).await;
        outcome
    }

    async fn look(
        &self,
        by: &Admin,
        received: &mut Received,
        annotations: &Annotations,
        progress: &Progress,
    ) -> Result<Manifest> {
        let mut checked = self.check(received, progress).await?;
        if checked.form != received.form {
            // Its name must say what it is, which could not be seen from outside.
            self.rename(received, checked.form).await?;
            checked = self.check(received, progress).await?;
        }
        ensure_all_tables(&checked)?;
        if checked.object.sha256 != received.sha256 {
            return Err(Error::internal("reading back what was brought")("it is not what came"));
        }
        let id = received.id.clone();
        let mut manifest = Manifest::new(id, Origin::Uploaded, &checked.header, &checked.summary, checked.object);
        annotations.apply_to(&mut manifest);
        manifest.created_by = Some(by.username().to_owned());
        Ok(manifest)
    }

    async fn check(&self, received: &Received, progress: &Progress) -> Result<Checked> {
        let source = self.0.store.source(&received.id, received.form);
        digest(&source, &self.0.settings.keys, None, progress).await
    }

    /// Gives it the name that belongs to other layers.
    async fn rename(&self, received: &mut Received, form: Form) -> Result<()> {
        let store = &self.0.store;
        let mut outgoing = store.read(&received.id, received.form, None).await?;
        let mut incoming: StoreWriter = store.create(&received.id, form).await?;
        while let Some(bytes) = outgoing.next().await? {
            incoming.write(bytes).await?;
        }
        let old = std::mem::replace(&mut received.form, form);
        // Before the other has its name: discarding also removes what says that they are unfinished.
        self.discard_form(&received.id, old).await;
        incoming.finish().await
    }
}

/// Demands that an archive has all tables of this program.
///
/// # Errors
/// [`Error::TableNotFound`]
pub(super) fn ensure_all_tables(checked: &Checked) -> Result<()> {
    let has = |table: &Table| checked.summary.rows.contains_key(table.name());
    match Table::ALL.into_iter().find(|table| !has(table)) {
        Some(missing) => Err(Error::TableNotFound(missing)),
        None => Ok(()),
    }
}
