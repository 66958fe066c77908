//! The closed list of problem codes: name, status, title and an example, each written once.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:ident, $title:literal, $example:literal;)+) => {
        /// The kind of problem, for programs. The list is closed: a new code is a change of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in the answer.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The code of an archive's error, by its name in the crate `archive` or `domain`.
            pub fn of_archive(word: &str) -> Option<Self> {
                let is_it = |code: &&Self| code.name().strip_prefix("archive_").unwrap_or(code.name()) == word;
                Self::ALL.iter().find(is_it).copied()
            }

            /// The status of the answer.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// The kind of problem in words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// When it happens, and what to do about it, for `docs/reference/problems.md`.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }

            /// An example of the `detail`, for the API's document.
            pub const fn example(self) -> &'static str {
                match self { $(Self::$variant => $example),+ }
            }
        }
    };
}

codes! {
    /// The service can't understand the request, or a browser's preflight asks for something that is not allowed.
    BadRequest = "bad_request", BAD_REQUEST, "The request can't be understood",
        "The request can't be understood.";
    /// The body does not match its content type, or is empty.
    MalformedBody = "malformed_body", BAD_REQUEST, "The body can't be read",
        "The body is not JSON: EOF while parsing an object at line 1 column 9.";
    /// A field or query parameter has a wrong type or value, is unknown, absent or given twice.
    InvalidField = "invalid_field", UNPROCESSABLE_ENTITY, "A field has a value that can't be accepted",
        "`username` is missing.";
    /// The operation does not take this content type.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The content type is not supported",
        "The body must be sent as application/json.";
    /// The body is larger than the limit. `detail` names the limit.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The body may have 65536 bytes at most.";
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The body did not arrive in time",
        "The whole body must arrive within 10 seconds.";
    /// The path does not exist.
    UnknownPath = "unknown_path", NOT_FOUND, "There is no such path",
        "The path /backup/statistics does not exist.";
    /// There is no such table, or not for this operation. `detail` names the allowed tables. In a body the status is 422.
    UnknownTable = "unknown_table", NOT_FOUND, "There is no such table",
        "There is no table of that name here. Allowed are: students, courses.";
    /// The path exists, but not with this method. `Allow` lists its methods.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here",
        "DELETE is not allowed here. Allowed are: GET, HEAD.";
    /// No valid token was sent. `WWW-Authenticate` says which one is necessary (RFC 6750).
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "You are not signed in",
        "Sign in with POST /auth/login and send the token as `Authorization: Bearer`.";
    /// The user name or the password is wrong.
    WrongCredentials = "wrong_credentials", UNAUTHORIZED, "The user name or the password is wrong",
        "The user name or the password is wrong.";
    /// The password is right, but it is a one-time password that was not changed within a day. An administrator can reset it, and so
    /// can `campus-backup admin reset-password`.
    PasswordExpired = "password_expired", FORBIDDEN, "The one-time password has expired",
        "This one-time password was not changed in time. Ask an administrator for a new one.";
    /// The user has signed in with a one-time password. Until it is changed, nothing else is allowed.
    PasswordChangeRequired = "password_change_required", FORBIDDEN, "The one-time password must be changed",
        "Change the one-time password first.";
    /// The named token does not have the scope that the operation needs. `detail` names it.
    ScopeMissing = "scope_missing", FORBIDDEN, "The token lacks a scope",
        "This token does not have the scope `restore`.";
    /// The user is not an administrator.
    Forbidden = "forbidden", FORBIDDEN, "Administrators only",
        "This needs an administrator's account.";
    /// The download link never existed, or is for another file.
    LinkInvalid = "link_invalid", UNAUTHORIZED, "The download link is not valid",
        "This download link is not valid.";
    /// The download link was used or has expired.
    LinkUsed = "link_used", GONE, "The download link was used or has expired",
        "This download link was used already or has expired.";
    /// No download link with this id exists that you have created, or its record has expired.
    UnknownLink = "unknown_link", NOT_FOUND, "There is no such download link",
        "There is no download link with this id.";
    /// The number of rows is not the expected one. `errors` names the tables and the numbers.
    RowCountChanged = "row_count_changed", PRECONDITION_FAILED, "The data has changed since it was counted",
        "The data has changed since it was counted. Nothing was changed.";
    /// `confirm` is absent or is not the right word; or a restore changes administrators without `confirm_administrators`.
    /// `errors` names the field.
    WrongConfirmation = "wrong_confirmation", UNPROCESSABLE_ENTITY, "The confirmation is missing or wrong",
        "`confirm` must be `students`. Nothing was changed.";
    /// Too many sign-in attempts. `Retry-After` says when to try again.
    TooManyLogins = "too_many_logins", TOO_MANY_REQUESTS, "Too many attempts to sign in",
        "There were too many attempts to sign in. Try again in 6 seconds.";
    /// As many downloads as the settings allow are running. With `Retry-After`.
    TooManyDownloads = "too_many_downloads", TOO_MANY_REQUESTS, "Too many downloads are running",
        "Too many downloads are running. Try again in 10 seconds.";
    /// A stored value can't be written in that format. `detail` names table, row and column. For a backup, or the safety
    /// backup of a change, it names up to 20 such rows and counts the others; nothing was changed.
    Unexportable = "unexportable", UNPROCESSABLE_ENTITY, "A stored value can't be exported",
        "students, row 17, column date_of_birth: the value is not a date.";
    /// The file has no bytes.
    ArchiveEmpty = "archive_empty", UNPROCESSABLE_ENTITY, "The archive is empty",
        "The file is empty.";
    /// The file is something else.
    NotAnArchive = "not_an_archive", UNSUPPORTED_MEDIA_TYPE, "This is not an archive",
        "This is not an archive of campus-backup: it looks like a zip file.";
    /// The archive ends too early.
    ArchiveTruncated = "archive_truncated", UNPROCESSABLE_ENTITY, "The archive is truncated",
        "The archive is incomplete: it ends too early, after line 17, table students.";
    /// The archive is damaged.
    ArchiveCorrupt = "archive_corrupt", UNPROCESSABLE_ENTITY, "The archive is damaged",
        "The archive is damaged in line 17, table students: neither a row nor the end of the table.";
    /// A digest is not the stored one.
    ArchiveDigestMismatch = "archive_digest_mismatch", UNPROCESSABLE_ENTITY, "The archive's content does not match its digest",
        "The archive is damaged: the table students does not have the digest that was written down for it.";
    /// No key opens the archive.
    ArchiveWrongKey = "archive_wrong_key", UNPROCESSABLE_ENTITY, "None of the keys opens the archive",
        "None of the given keys opens this archive.";
    /// The archive is encrypted, and no key is set.
    ArchiveKeyRequired = "archive_key_required", UNPROCESSABLE_ENTITY, "The archive is encrypted",
        "The archive is encrypted: its secret key is needed to open it.";
    /// A newer version of this program wrote the archive.
    ArchiveNewerVersion = "archive_newer_version", UNPROCESSABLE_ENTITY, "The archive has a newer format version",
        "The archive is of format version 2, this program reads up to version 1.";
    /// The archive has other tables or columns.
    ArchiveSchemaMismatch = "archive_schema_mismatch", UNPROCESSABLE_ENTITY, "The archive has other tables or columns",
        "The archive does not fit this database: there is no table payments.";
    /// Another program has rewritten the archive.
    ArchiveNotCanonical = "archive_not_canonical", UNPROCESSABLE_ENTITY, "The archive was rewritten",
        "Not in the canonical form, in line 17, table students, row 1: there is a space.";
    /// The column can't have that value.
    ArchiveInvalidValue = "archive_invalid_value", UNPROCESSABLE_ENTITY, "The archive has an invalid value",
        "An impossible value in line 17, table students, row 1, column date_of_birth: not a date.";
    /// A row does not have exactly the columns of its table.
    ArchiveInvalidRow = "archive_invalid_row", UNPROCESSABLE_ENTITY, "The archive has an invalid row",
        "An impossible row in line 17, table students, row 1: a column is missing.";
    /// Rows are not in the order of their ids.
    ArchiveIdsOutOfOrder = "archive_ids_out_of_order", UNPROCESSABLE_ENTITY, "The rows are not in the order of their ids",
        "Rows are not in the order of their ids, in line 17, table students, row 2.";
    /// Two rows of a table have the same id.
    ArchiveDuplicateId = "archive_duplicate_id", UNPROCESSABLE_ENTITY, "An id occurs twice",
        "An id occurs twice, in line 17, table students, row 2, id 1.";
    /// The summary has another number of rows.
    ArchiveCountMismatch = "archive_count_mismatch", UNPROCESSABLE_ENTITY, "The number of rows does not match the summary",
        "The summary promises 1000 rows of students, and there are 999.";
    /// The sum of a column is not that of the summary.
    ArchiveTotalsMismatch = "archive_totals_mismatch", UNPROCESSABLE_ENTITY, "A sum does not match the summary",
        "The sum of payments.amount_paid is not what the summary says.";
    /// To read further would take more than the limits allow.
    ArchiveLimitExceeded = "archive_limit_exceeded", PAYLOAD_TOO_LARGE, "The archive exceeds a limit",
        "The archive goes beyond the limit of the compression ratio (1000).";
    /// There are bytes behind its end.
    ArchiveTrailingData = "archive_trailing_data", UNPROCESSABLE_ENTITY, "There is data after the end of the archive",
        "Something stands behind the end of the archive.";
    /// The archive does not have this table.
    ArchiveTableNotFound = "archive_table_not_found", UNPROCESSABLE_ENTITY, "The archive does not have this table",
        "The archive has no table payments.";
    /// A row refers to an absent row.
    ArchiveOrphan = "archive_orphan", UNPROCESSABLE_ENTITY, "A row refers to a row that does not exist",
        "Row 17 of payments refers to a row that is not there.";
    /// Two rows of a table have the same unique value.
    ArchiveDuplicateKey = "archive_duplicate_key", UNPROCESSABLE_ENTITY, "Two rows have the same key",
        "Two rows of the archive's table students have the same value where each must have its own.";
    /// The archive does not have the requested row.
    ArchiveRowNotFound = "archive_row_not_found", UNPROCESSABLE_ENTITY, "The archive does not have this row",
        "The archive has no row 17 of students.";
    /// A row that would stay has a unique value of a row of the archive.
    RestoreConflict = "restore_conflict", CONFLICT, "A row that stays conflicts with the archive",
        "Row 17 of students can't be restored beside the rows that stay: one of them has the same key.";
    /// The archive is whole, but it is not the one that its manifest describes.
    ArchiveManifestMismatch = "archive_manifest_mismatch", UNPROCESSABLE_ENTITY, "The archive does not match its manifest",
        "The archive is not what its manifest says: the digest of the stored object is another one.";
    /// The archive differs from its record in the database: it was replaced in the store.
    ArchiveRecordMismatch = "archive_record_mismatch", UNPROCESSABLE_ENTITY, "The archive is not the one that was stored",
        "The archive is not the one that this service has stored: the digest of the stored object is another one.";
    /// The archive is not encrypted, the settings encrypt archives, and `allow_unencrypted` was not sent.
    ArchiveUnencrypted = "archive_unencrypted", UNPROCESSABLE_ENTITY, "The archive is not encrypted",
        "This archive is not encrypted, and the archives of this service are. Nothing was changed. `allow_unencrypted` \
         (`--allow-unencrypted`) restores it anyway.";
    /// The schema or the server refuses some rows, or would change them.
    ArchiveUnrestorable = "archive_unrestorable", UNPROCESSABLE_ENTITY, "The archive can't be restored",
        "The rows of students can't be restored: UNIQUE constraint failed: students.registration_number.";
    /// No archive has or had this id.
    UnknownArchive = "unknown_archive", NOT_FOUND, "There is no such archive",
        "There is no such archive.";
    /// The archive was deleted.
    ArchiveGone = "archive_gone", GONE, "The archive was deleted",
        "This archive was deleted.";
    /// The archive is protected from deletion.
    ArchiveProtected = "archive_protected", CONFLICT, "The archive is protected",
        "This archive is protected. Nothing was changed.";
    /// The store refuses to delete the archive: it is immutable for some time (a retention rule), the credentials lack the right, or
    /// the folder does not permit it. The archive stays.
    ArchiveRetained = "archive_retained", CONFLICT, "The store refuses to delete the archive",
        "The store refuses to delete this archive. Nothing was changed.";
    /// The manifest is damaged, or a later version of the program wrote it.
    ManifestUnreadable = "manifest_unreadable", INTERNAL_SERVER_ERROR, "The manifest of the archive can't be read",
        "The manifest of the archive 2026-11-25T03-53-08Z-5f1c2a9b can't be read.";
    /// The archive has no manifest: it is being copied into the store, or its manifest was lost. Verify it, and the
    /// manifest is written again.
    ArchiveIncomplete = "archive_incomplete", CONFLICT, "The archive has no manifest",
        "The archive 2026-11-25T03-53-08Z-5f1c2a9b has no manifest; verify it to write the manifest again.";
    /// The service can't read the archive's files: they belong to another user, or are symbolic links. `detail` says what to
    /// do.
    ArchiveUnreadable = "archive_unreadable", INTERNAL_SERVER_ERROR, "The files of the archive can't be read",
        "The archive 2026-11-25T03-53-08Z-5f1c2a9b can't be read: The service may not read it. Give its files to the user of the service.";
    /// The settings of `--archives` can't be right: bucket, endpoint, credentials, region, clock, or a right. `detail` says
    /// which and what to mend.
    StoreMisconfigured = "store_misconfigured", SERVICE_UNAVAILABLE, "The settings of the store of archives are wrong",
        "The settings of the store of archives are wrong: There is no such bucket or container. Make it, or mend its name.";
    /// The store of archives can't be reached, read or written.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "The store of archives is not available",
        "The store of archives is not available. Nothing was changed; try again.";
    /// Another job is changing the data. `job_id` names it.
    Busy = "busy", CONFLICT, "Another job is changing the data",
        "Another job is changing the data. Nothing was changed; try again when it has ended.";
    /// No clear has this id, or its record has expired.
    UnknownClear = "unknown_clear", NOT_FOUND, "There is no such clear",
        "There is no clear with this id.";
    /// The clear removed nothing, or did not succeed.
    NothingToUndo = "nothing_to_undo", CONFLICT, "There is nothing to undo",
        "This clear has deleted nothing that could be restored.";
    /// The clear was undone before.
    AlreadyUndone = "already_undone", CONFLICT, "The clear was undone already",
        "This clear was undone already.";
    /// It is too late to undo the clear. Its safety backup can be restored.
    UndoExpired = "undo_expired", GONE, "It is too late to undo this clear",
        "The time limit for undoing this clear has passed; its safety archive 2026-11-25T03-53-08Z-5f1c2a9b can be restored.";
    /// No clear, restore, import or undo has this id, or its record has expired.
    UnknownChange = "unknown_change", NOT_FOUND, "There is no such change",
        "There is no change with this id.";
    /// No schedule has this id.
    UnknownSchedule = "unknown_schedule", NOT_FOUND, "There is no such schedule",
        "There is no schedule with this id.";
    /// Another schedule has this name.
    ScheduleNameTaken = "schedule_name_taken", CONFLICT, "The name is taken",
        "Another schedule has this name. Nothing was changed.";
    /// No notification has this id.
    UnknownNotification = "unknown_notification", NOT_FOUND, "There is no such notification",
        "There is no notification with this id.";
    /// Another notification has this name.
    NotificationNameTaken = "notification_name_taken", CONFLICT, "The name is taken",
        "Another notification has this name. Nothing was changed.";
    /// No destination has this id.
    UnknownDestination = "unknown_destination", NOT_FOUND, "There is no such destination",
        "There is no destination with this id.";
    /// Another destination has this name.
    DestinationNameTaken = "destination_name_taken", CONFLICT, "The name is taken",
        "Another destination has this name. Nothing was changed.";
    /// No account has this id.
    UnknownAccount = "unknown_account", NOT_FOUND, "There is no such account",
        "There is no account with this id.";
    /// Another account has this user name.
    UsernameTaken = "username_taken", CONFLICT, "The user name is taken",
        "Another account has this user name. Nothing was changed.";
    /// Without this account, no active administrator could sign in for longer than a one-time password works. Create or enable another
    /// one first, who then chooses a password.
    LastAdministrator = "last_administrator", CONFLICT, "The last administrator stays",
        "No other administrator can sign in. Nothing was changed.";
    /// Rows of another program refer to the account. Disable it.
    AccountInUse = "account_in_use", CONFLICT, "Other records refer to the account",
        "Other records refer to this account. Nothing was changed.";
    /// Your account has no token with this id.
    UnknownToken = "unknown_token", NOT_FOUND, "There is no such token",
        "You have no token with this id.";
    /// Another token of your account has this name.
    TokenNameTaken = "token_name_taken", CONFLICT, "The name is taken",
        "Another of your tokens has this name. Nothing was changed.";
    /// Your account has as many tokens as it may have. Revoke one first.
    TooManyTokens = "too_many_tokens", CONFLICT, "There are too many tokens",
        "An account may have 100 tokens at most. Nothing was changed.";
    /// A clear can be undone only with this archive. `change_id` names the clear; `?force=true` deletes the archive all the
    /// same.
    ArchiveNeededForUndo = "archive_needed_for_undo", CONFLICT, "The archive is needed to undo a clear",
        "This archive is the safety backup of a clear that can be undone until 2026-12-02 14:36:48 UTC; without it, the clear can't be undone. Nothing was changed.";
    /// The archive is the newest good backup, or the newest verified one. `?force=true` deletes it all the same.
    ArchiveIsNewest = "archive_is_newest", CONFLICT, "The archive is the newest backup",
        "This archive is the newest backup; without it, the latest data can't be restored. Nothing was changed.";
    /// There is no retention policy. Set one first, or preview one.
    RetentionOff = "retention_off", CONFLICT, "There is no retention policy",
        "There is no retention policy. Nothing was changed.";
    /// Retention deletes nothing for now: the latest backup failed or looks suspicious, or the clock is behind. `detail` has the
    /// reason.
    RetentionHeld = "retention_held", CONFLICT, "Retention deletes nothing for now",
        "The latest backup failed: The disk is full. Old backups stay until a backup succeeds. Nothing was changed.";
    /// Newer rows block the undo. `plan` names them. An import can be undone only while its tables are as it left them.
    UndoBlocked = "undo_blocked", CONFLICT, "Newer data blocks the undo",
        "Data that was written after the change blocks the undo. Nothing was changed.";
    /// The database has no proof that the safety backup was created for this clear. Restore it with a plan.
    UndoUnproven = "undo_unproven", UNPROCESSABLE_ENTITY, "The safety backup is not proven to be of this clear",
        "Nothing proves that the safety archive 2026-11-25T03-53-08Z-5f1c2a9b was made for this clear. Nothing was changed.";
    /// No import has this id, another copy of the service received its file, or it was discarded or has expired after a day. Send the
    /// file again.
    UnknownImport = "unknown_import", NOT_FOUND, "There is no such import",
        "There is no import of that id, or it has expired.";
    /// The file of the import is no longer there. Send the file again.
    ImportGone = "import_gone", GONE, "The file of the import is gone",
        "The file of this import is no longer on this copy of the service.";
    /// The file is larger than the limit (`--import-limit`).
    ImportTooLarge = "import_too_large", PAYLOAD_TOO_LARGE, "The file is too large",
        "A file to be imported may have 1073741824 bytes at most.";
    /// The file can't be read as a table. `detail` says why and what to do; `errors` names row and column where there is one.
    ImportUnreadable = "import_unreadable", UNPROCESSABLE_ENTITY, "The file can't be read",
        "The heading Email is there twice. Nothing was changed.";
    /// The file has wrong or conflicting rows, and `skip_wrong` was not sent. The plan names them; `GET
    /// /backup/imports/{id}/errors` has all.
    ImportRefused = "import_refused", UNPROCESSABLE_ENTITY, "The file has rows that can't be imported",
        "The file has 3 wrong rows and 1 row in conflict with existing ones. Nothing was changed.";
    /// The live data, or the archives of a retention plan, have changed since the plan. Request a new plan.
    PlanOutdated = "plan_outdated", PRECONDITION_FAILED, "The data has changed since the plan was made",
        "The data has changed since the plan was made. Nothing was changed; ask for a new plan.";
    /// The uploaded archive is larger than the limit.
    UploadTooLarge = "upload_too_large", PAYLOAD_TOO_LARGE, "The archive is too large",
        "An archive may have 8589934592 bytes at most.";
    /// The range begins behind the end of the file.
    RangeNotSatisfiable = "range_not_satisfiable", RANGE_NOT_SATISFIABLE, "There is no such range",
        "The file has 1048576 bytes.";
    /// No job has this id, or its record has expired.
    UnknownJob = "unknown_job", NOT_FOUND, "There is no such job",
        "There is no job with this id.";
    /// The job has ended, or is at its commit.
    NotCancellable = "not_cancellable", CONFLICT, "The job can't be cancelled any more",
        "The job has ended or is committing, and can't be cancelled any more.";
    /// The key was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request",
        "This Idempotency-Key was used for another request. Nothing was changed.";
    /// The job was cancelled.
    Cancelled = "cancelled", CONFLICT, "It was cancelled",
        "It was cancelled. Nothing was changed.";
    /// The service ended during the work.
    Interrupted = "interrupted", SERVICE_UNAVAILABLE, "It was interrupted",
        "The service stopped during the work. Nothing was changed.";
    /// The service is stopping.
    Stopping = "stopping", SERVICE_UNAVAILABLE, "The service is stopping",
        "The service is stopping and starts no new work. Nothing was changed; try again.";
    /// Another writer locks the database. With `Retry-After`.
    DatabaseBusy = "database_busy", SERVICE_UNAVAILABLE, "The database is busy",
        "Another program is writing to the database. Nothing was changed; try again.";
    /// The database can't be reached, or its schema is not current. With `Retry-After` where waiting helps. With a `job_id`
    /// the outcome is not known: look at that job as soon as the database is back.
    DatabaseUnavailable = "database_unavailable", SERVICE_UNAVAILABLE, "The database can't be reached",
        "The database can't be reached. Nothing was changed; try again.";
    /// The database takes no writes: it is a standby, or was made read-only.
    DatabaseReadOnly = "database_read_only", SERVICE_UNAVAILABLE, "The database is read-only",
        "The database is read-only, so nothing can be changed. Nothing was changed.";
    /// The database refuses the role of the service, or the role lacks a right.
    DatabaseAccessDenied = "database_access_denied", SERVICE_UNAVAILABLE, "The database refuses the service",
        "The database role of the service lacks a right. Nothing was changed.";
    /// A limit of the database server stopped the work. `detail` names it. Repeating the request does not help.
    DatabaseLimit = "database_limit", SERVICE_UNAVAILABLE, "A limit of the database server stopped the work",
        "The database server stopped the work because of its limit `max_allowed_packet`. Nothing was changed.";
    /// The disk of the database or of the service is full.
    InsufficientStorage = "insufficient_storage", INSUFFICIENT_STORAGE, "The disk is full",
        "The disk is full. Nothing was changed.";
    /// The caller can't mend this. Quote the `request_id`; the log has the reason.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong in the service",
        "Something went wrong in the service. It was logged under the request's id.";
}
