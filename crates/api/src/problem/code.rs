//! The closed list of problem codes: name, status, title and an example, each written once.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:ident, $title:literal, $example:literal;)+) => {
        /// What kind of problem it is, for programs. The list is closed: a new one is a change of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in the answer.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The status of the answer.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// The kind of problem in words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// A `detail` such as a caller may see, for the API's document.
            pub const fn example(self) -> &'static str {
                match self { $(Self::$variant => $example),+ }
            }
        }
    };
}

codes! {
    /// The request itself can't be understood, or a browser's preflight asks for what is not allowed.
    BadRequest = "bad_request", BAD_REQUEST, "The request can't be understood",
        "The request can't be understood.";
    /// The body is not what its content type says, or is empty.
    MalformedBody = "malformed_body", BAD_REQUEST, "The body can't be read",
        "The body is not JSON: EOF while parsing an object at line 1 column 9.";
    /// A field or query parameter has a wrong type or value, is unknown or is missing.
    InvalidField = "invalid_field", UNPROCESSABLE_ENTITY, "A field has a value that can't be accepted",
        "`username` is missing.";
    /// The content type is not one that this operation takes.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The content type is not supported",
        "The body must be sent as application/json.";
    /// The body is larger than the service takes.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The body may have 65536 bytes at most.";
    /// The body did not arrive in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The body did not arrive in time",
        "The whole body must arrive within 10 seconds.";
    /// There is nothing under this path.
    UnknownPath = "unknown_path", NOT_FOUND, "There is no such path",
        "There is nothing at /backup/statistics.";
    /// There is no such table, or not for this. In a body the status is 422.
    UnknownTable = "unknown_table", NOT_FOUND, "There is no such table",
        "There is no table of that name here. Allowed are: students, courses.";
    /// The path is known, but not with this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here",
        "DELETE is not allowed here. Allowed are: GET, HEAD.";
    /// There is no valid token.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "You are not signed in",
        "Sign in with POST /auth/login and send the token as `Authorization: Bearer`.";
    /// User name and password do not belong together.
    WrongCredentials = "wrong_credentials", UNAUTHORIZED, "The user name or the password is wrong",
        "The user name or the password is wrong.";
    /// The bearer is not an administrator.
    Forbidden = "forbidden", FORBIDDEN, "You may not do this",
        "This needs an administrator's account.";
    /// The link was never made, or for something else.
    LinkInvalid = "link_invalid", UNAUTHORIZED, "The download link is not valid",
        "This download link is not valid.";
    /// The link was used or has expired.
    LinkSpent = "link_spent", GONE, "The download link is spent",
        "This download link was used already or has expired.";
    /// There are not as many rows as the caller expected.
    RowsMoved = "rows_moved", PRECONDITION_FAILED, "The data has changed since it was counted",
        "The data has changed since it was counted. Nothing was changed.";
    /// The confirmation is missing or names something else.
    WrongConfirmation = "wrong_confirmation", UNPROCESSABLE_ENTITY, "The confirmation is missing or wrong",
        "`confirm` must be `students`. Nothing was changed.";
    /// Too many attempts to sign in.
    TooManyLogins = "too_many_logins", TOO_MANY_REQUESTS, "Too many attempts to sign in",
        "There were too many attempts to sign in. Try again in 6 seconds.";
    /// As many downloads as the settings allow are running.
    TooManyDownloads = "too_many_downloads", TOO_MANY_REQUESTS, "Too many downloads are running",
        "Too many downloads are running. Try again in 10 seconds.";
    /// A stored value can't be written as asked.
    Unexportable = "unexportable", INTERNAL_SERVER_ERROR, "A stored value can't be exported",
        "students, row 17, column date_of_birth: the value is not a date.";
    /// Another writer holds the database.
    DatabaseBusy = "database_busy", SERVICE_UNAVAILABLE, "The database is busy",
        "Another program is writing to the database. Nothing was changed; try again.";
    /// The database can't be reached, or is not ready.
    DatabaseUnavailable = "database_unavailable", SERVICE_UNAVAILABLE, "The database can't be reached",
        "The database can't be reached. Nothing was changed; try again.";
    /// The disk is full.
    NoRoom = "no_room", INSUFFICIENT_STORAGE, "There is no room left",
        "There is no room left on the disk. Nothing was changed.";
    /// Something went wrong that the caller can't mend.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong in the service",
        "Something went wrong in the service. It was logged under the request's id.";
}
