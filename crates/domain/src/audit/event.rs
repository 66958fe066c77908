//! The names of events, results and methods. They are closed lists.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An enum whose names are its variants in `snake_case`.
macro_rules! names {
    (
        $(#[$about:meta])*
        $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $type {
            $($(#[$doc])* $variant,)+
        }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The one of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }
    };
}

names! {
    /// What was done.
    AuditEvent {
        /// A user signed in with a password.
        SignIn = "sign_in",
        /// A sign-in was refused.
        SignInRefused = "sign_in_refused",
        /// A session was ended by its user.
        SignOut = "sign_out",
        /// All sessions of an account were ended by its user.
        SignOutEverywhere = "sign_out_everywhere",
        /// All sessions of an account were ended on the command line.
        SessionsEnded = "sessions_ended",
        /// All sessions of all accounts were ended on the command line.
        AllSessionsEnded = "all_sessions_ended",
        /// A token without a name was created on the command line.
        TokenIssued = "token_issued",
        /// A user changed their own password.
        PasswordChange = "password_change",
        /// The change of a user's own password was refused.
        PasswordChangeRefused = "password_change_refused",
        /// A token of a known user was refused.
        TokenRefused = "token_refused",
        /// A link of a known user was refused.
        LinkRefused = "link_refused",
        /// The cookie of a session was refused, because it had been replaced. The session was ended.
        CookieRefused = "cookie_refused",
        /// A signed-in user was refused.
        AccessRefused = "access_refused",
        /// A table, or all, was downloaded.
        Download = "download",
        /// An archive was downloaded.
        ArchiveDownload = "archive_download",
        /// The certificate of an archive was shown.
        Certificate = "certificate",
        /// Two archives, or one and the live data, were compared.
        Comparison = "comparison",
        /// A download link was created.
        LinkCreated = "link_created",
        /// A backup was created.
        Backup = "backup",
        /// A backup file was uploaded.
        Upload = "upload",
        /// An archive was verified.
        Verification = "verification",
        /// The preview of a restore was shown.
        RestorePlan = "restore_plan",
        /// An archive was encrypted again with the current keys.
        Rekey = "rekey",
        /// An archive was restored.
        Restore = "restore",
        /// The preview of a clear was shown.
        ClearPreview = "clear_preview",
        /// A table, or all, was cleared.
        Clear = "clear",
        /// A clear or an import was undone.
        Undo = "undo",
        /// What an import would change was shown.
        ImportPlan = "import_plan",
        /// The wrong rows of an import were downloaded.
        ImportErrors = "import_errors",
        /// A file was imported.
        Import = "import",
        /// The plan of an import was discarded.
        ImportDiscarded = "import_discarded",
        /// The label, the note or the protection of an archive was changed.
        ArchiveChange = "archive_change",
        /// A suspicious archive was accepted.
        ArchiveAcceptance = "archive_acceptance",
        /// An archive was deleted.
        ArchiveDeletion = "archive_deletion",
        /// A job was asked to stop.
        JobCancellation = "job_cancellation",
        /// An account was created.
        AccountCreation = "account_creation",
        /// An account was edited.
        AccountChange = "account_change",
        /// An account was deleted.
        AccountDeletion = "account_deletion",
        /// An account got another password from an administrator.
        AccountReset = "account_reset",
        /// A named token was created.
        TokenCreation = "token_creation",
        /// A named token was revoked.
        TokenRevocation = "token_revocation",
        /// A schedule was created.
        ScheduleCreation = "schedule_creation",
        /// A schedule was edited.
        ScheduleChange = "schedule_change",
        /// A schedule was deleted.
        ScheduleDeletion = "schedule_deletion",
        /// The retention policy was changed.
        RetentionChange = "retention_change",
        /// The retention policy was removed.
        RetentionRemoval = "retention_removal",
        /// The preview of a retention policy was shown.
        RetentionPreview = "retention_preview",
        /// The retention policy was applied.
        RetentionApplication = "retention_application",
        /// A notification was created.
        NotificationCreation = "notification_creation",
        /// A notification was edited.
        NotificationChange = "notification_change",
        /// A notification was deleted.
        NotificationDeletion = "notification_deletion",
        /// A test message of a notification was sent.
        NotificationTest = "notification_test",
        /// A destination was created.
        DestinationCreation = "destination_creation",
        /// A destination was edited.
        DestinationChange = "destination_change",
        /// A destination was deleted.
        DestinationDeletion = "destination_deletion",
        /// A destination was tested.
        DestinationTest = "destination_test",
        /// Events of the audit were exported to a file.
        AuditExport = "audit_export",
        /// Old events of the audit were deleted.
        AuditRetention = "audit_retention",
        /// An operation that has no name of its own here.
        Operation = "operation",
    }
}

names! {
    /// How it ended.
    AuditResult {
        /// It was done.
        Succeeded = "succeeded",
        /// It was refused, and nothing was changed or disclosed.
        Refused = "refused",
        /// It failed, and nothing was changed. A retention job that failed may have deleted some archives of its plan.
        Failed = "failed",
        /// It was cancelled, and nothing was changed.
        Cancelled = "cancelled",
        /// The service ended before the operation did, and nothing was changed. An interrupted retention job may have deleted some
        /// archives of its plan.
        Interrupted = "interrupted",
        /// The same request had been sent before, so nothing was done again.
        Repeated = "repeated",
        /// Whether it was done is not known: the connection to the database broke at the commit, or the service ended during the
        /// operation.
        Unknown = "unknown",
    }
}

names! {
    /// How the user was authenticated.
    AuditMethod {
        /// With a password.
        Password = "password",
        /// With the token of a session.
        Session = "session",
        /// With a named token.
        Token = "token",
        /// With a download link.
        Link = "link",
        /// With a token of an identity provider.
        Provider = "provider",
        /// With access to the command line of the service's machine.
        CommandLine = "command_line",
        /// It was the service itself.
        Service = "service",
    }
}
