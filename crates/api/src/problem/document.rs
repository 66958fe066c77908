//! The problem answers of an operation, for the API's document.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::{Code, PROBLEM_JSON, Problem};

/// Declares the problem answers of an operation in one line.
///
/// ```
/// use campus_backup_api::problem_responses;
///
/// problem_responses!(StatsProblems: Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal);
///
/// /// Counts the rows.
/// #[utoipa::path(get, path = "/stats", responses((status = 200, description = "The counts."), StatsProblems))]
/// async fn stats() {}
/// ```
///
/// Use one type for an operation: of two types that share a status, utoipa keeps only the last. `UnknownTable @ 422` documents a
/// code under another status than its own.
#[macro_export]
macro_rules! problem_responses {
    ($name:ident: $($code:ident $(@ $status:literal)?),+ $(,)?) => {
        /// The problem answers of an operation.
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses()
            -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::response::Response>> {
                $crate::problem::responses(&[$(($crate::problem::Code::$code, &[$($status)?])),+])
            }
        }
    };
}

/// Further codes of every operation that may not reach the database.
const DATABASE: [Code; 3] = [Code::DatabaseReadOnly, Code::DatabaseAccessDenied, Code::DatabaseLimit];

/// One response for each status, with one example for each code. [`problem_responses!`](crate::problem_responses) calls it with the
/// statuses of each code, or none for the code's own. `DatabaseUnavailable` includes [`DATABASE`].
pub fn responses(codes: &[(Code, &[u16])]) -> BTreeMap<String, RefOr<Response>> {
    let mut statuses = BTreeMap::<u16, Vec<Code>>::new();
    for (code, named) in codes {
        let own = [code.status().as_u16()];
        let under = if named.is_empty() { &own[..] } else { named };
        for status in under {
            statuses.entry(*status).or_default().push(*code);
        }
        if *code == Code::DatabaseUnavailable {
            for code in DATABASE {
                statuses.entry(code.status().as_u16()).or_default().push(code);
            }
        }
    }
    statuses
        .into_iter()
        .map(|(status, codes)| (status.to_string(), response(status, &codes).into()))
        .collect()
}

fn response(status: u16, codes: &[Code]) -> Response {
    let description = codes
        .iter()
        .map(|code| format!("`{}`: {}.", code.name(), code.title()))
        .collect::<Vec<_>>()
        .join(" ");
    let examples = codes.iter().map(|code| {
        let example = ExampleBuilder::new()
            .summary(code.title())
            .value(Some(example(*code, status)));
        (code.name(), RefOr::T(example.build()))
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(examples)
        .build();
    let mut response = ResponseBuilder::new()
        .description(description)
        .content(PROBLEM_JSON, content);
    for (name, meaning, kind) in headers(status, codes) {
        let schema = ObjectBuilder::new().schema_type(kind).build();
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(meaning));
        response = response.header(name, header.build());
    }
    response.build()
}

/// Adds codes to a documented response with the same status.
pub(crate) fn add_codes(documented: &mut Response, codes: &[Code]) {
    for code in codes {
        let more = response(code.status().as_u16(), std::slice::from_ref(code));
        documented.description = format!("{} {}", documented.description, more.description);
        for (media_type, content) in more.content {
            if let (Some(RefOr::T(documented)), RefOr::T(content)) = (documented.content.get_mut(&media_type), content)
            {
                documented.examples.extend(content.examples);
            }
        }
    }
}

const RETRY_AFTER: (&str, &str, Type) = (
    "Retry-After",
    "The number of seconds to wait before the next attempt.",
    Type::Integer,
);

fn headers(status: u16, codes: &[Code]) -> Vec<(&'static str, &'static str, Type)> {
    match status {
        401 | 403 => vec![(
            "WWW-Authenticate",
            "The kind of token that is required (RFC 6750).",
            Type::String,
        )],
        405 => vec![("Allow", "The methods that are allowed here.", Type::String)],
        429 | 503 => vec![RETRY_AFTER],
        409 if codes.contains(&Code::Busy) => vec![RETRY_AFTER],
        _ => Vec::new(),
    }
}

fn example(code: Code, status: u16) -> serde_json::Value {
    let mut problem = Problem::new(code, code.example());
    problem.status = status;
    problem.request_id = "0193d2f0-6f3b-7c44-b0f7-4d3f6a3c0a11".to_owned();
    // Every problem can be written as JSON.
    serde_json::to_value(problem).unwrap_or_else(|_| json!({}))
}
