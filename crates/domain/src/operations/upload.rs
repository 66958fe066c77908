//! Uploading an archive: it is stored as it arrives, and checked before it is listed.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use campus_backup_archive::manifest::ArchiveKind;
use campus_backup_archive::{Form, Manifest};
use chrono::Utc;
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::backup::{TO_SPARE, ensure_free_bytes, report};
use super::{Annotations, Operations};
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::job::{
    self, BackupReport, Context, Idempotency, JobParameters, JobResult, Lock, Progress, Submission, Submitted,
    UploadParameters, Work, work,
};
use crate::open::Checked;
use crate::store::StoreWriter;
use crate::verify::digest;

/// How many bytes are needed to detect the form of an archive.
const START: usize = 64;

/// The name of the operation for [`Idempotency`].
const OPERATION: &str = "uploadArchive";

/// An upload, without its bytes.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// Its label, note and protection.
    pub annotations: Annotations,
    /// The announced number of bytes.
    pub length: Option<u64>,
    /// The idempotency key. The bytes are part of the fingerprint of the request.
    pub key: Option<String>,
}

/// An archive that is stored and not yet checked.
struct Received {
    id: String,
    form: Form,
    sha256: String,
}

/// The result of checking an upload.
enum UploadCheck {
    /// It is complete, and this is its manifest.
    Whole(Box<Manifest>),
    /// An earlier job of the same request has published it, with this report.
    Published(BackupReport),
}

impl Operations {
    /// Uploads an archive: a job that starts when all bytes are stored, with the result of [`Operations::create_backup`].
    ///
    /// 1. It must not be larger than the settings allow, and the store must have room for it, if the free space is known.
    /// 2. The bytes are stored as they arrive. If the stream breaks off, they are removed.
    /// 3. The job reads the stored archive to its end: all seven tables, every count, digest and sum, every reference. It may
    ///    be compressed or encrypted in any way that this service can open, and is stored unchanged.
    /// 4. Its digests are recorded in the database, and it is listed. A refused archive is removed.
    ///
    /// # Errors
    /// Then nothing is stored: [`Error::UploadTooLarge`], [`Error::InsufficientStorage`], [`Error::Invalid`], errors of the
    /// stream, and those of [`Jobs::submit`](crate::job::Jobs::submit).
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
        // An invalid key is refused before any bytes are read.
        named(&Value::Null)?;
        self.ensure_room_for(upload.length).await?;
        let received = self.receive(bytes).await?;
        let parameters = JobParameters::Upload(UploadParameters {
            annotations: upload.annotations.clone(),
            sha256: received.sha256.clone(),
        });
        let submission = Submission {
            idempotency: named(&json!(parameters))?,
            parameters,
            lock: Lock::None,
        };
        let (id, form) = (received.id.clone(), received.form);
        let work = self.upload_work(admin.clone(), received, upload.annotations);
        let submitted = self.0.jobs.submit(admin, submission, work).await;
        // No new job uses these bytes: there is none, or an earlier job has the same bytes.
        let is_needed = matches!(&submitted, Ok(submitted) if submitted.origin() == job::SubmissionOrigin::New);
        if !is_needed {
            self.discard_file(&id, form).await;
        }
        submitted
    }

    fn upload_work(&self, by: Admin, received: Received, annotations: Annotations) -> Work {
        let operations = self.clone();
        work(async move |context| {
            let admitted = operations.admit(&by, received, &annotations, &context).await;
            admitted.map(JobResult::Upload)
        })
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

    /// Stores the bytes as they arrive.
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

    /// Checks a stored upload and lists it, unless an earlier job of the same request has already listed it.
    async fn admit(
        &self,
        by: &Admin,
        mut received: Received,
        annotations: &Annotations,
        context: &Context,
    ) -> Result<BackupReport> {
        let progress = context.progress();
        let looked = async {
            match self.published_before(context).await? {
                Some(published) => Ok(UploadCheck::Published(published)),
                None => {
                    let manifest = self.look(by, &mut received, annotations, progress).await;
                    manifest.map(|manifest| UploadCheck::Whole(Box::new(manifest)))
                }
            }
        };
        let outcome = match looked.await {
            Ok(UploadCheck::Whole(mut manifest)) => {
                self.record_and_publish(&mut manifest, context).await?;
                return Ok(report(&manifest));
            }
            Ok(UploadCheck::Published(published)) => Ok(published),
            Err(error) => Err(error),
        };
        self.discard_file(&received.id, received.form).await;
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
            // Its file name must match its form, which was not visible before the layers were opened.
            self.rename(received, checked.form).await?;
            checked = self.check(received, progress).await?;
        }
        ensure_all_tables(&checked)?;
        if checked.object.sha256 != received.sha256 {
            return Err(Error::internal("reading back an upload")("it is not what was received"));
        }
        let id = received.id.clone();
        let mut manifest = Manifest::new(
            id,
            ArchiveKind::Uploaded,
            &checked.header,
            &checked.summary,
            checked.object,
        );
        annotations.apply_to(&mut manifest);
        manifest.created_by = Some(by.username().to_owned());
        Ok(manifest)
    }

    async fn check(&self, received: &Received, progress: &Progress) -> Result<Checked> {
        let source = self.0.store.source(&received.id, received.form);
        digest(&source, &self.0.settings.keys, None, progress).await
    }

    /// Stores it under the file name of its actual form.
    async fn rename(&self, received: &mut Received, form: Form) -> Result<()> {
        let store = &self.0.store;
        let mut outgoing = store.read(&received.id, received.form, None).await?;
        let mut incoming: StoreWriter = store.create(&received.id, form).await?;
        while let Some(bytes) = outgoing.next().await? {
            incoming.write(bytes).await?;
        }
        let old = std::mem::replace(&mut received.form, form);
        // Before the new file is finished: discarding also removes the mark that both are unfinished.
        self.discard_file(&received.id, old).await;
        incoming.finish().await
    }
}

/// Ensures that an archive has all tables of this program.
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
