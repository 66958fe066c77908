//! The scope that a named token needs for each operation.
//!
//! [`OPERATIONS`] is the only list. The API's document is made from it ([`describe`]), and the guard reads the scope of an
//! operation in that document ([`KnownPaths`](crate::openapi::KnownPaths)). So the two can't differ, and an operation without a
//! scope refuses every named token but those with `admin`.

use campus_backup_domain::account::TokenScope;
use serde_json::json;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{RefOr, Response};

use TokenScope::{Admin, Backup, Read, Restore};

use crate::problem::{self, Code};

/// The member of an operation in the document that has its scope.
pub const REQUIRED_SCOPE: &str = "x-required-scope";

/// The scopes by method and path.
const OPERATIONS: &[(&str, &str, TokenScope)] = &[
    ("POST", "/auth/password", Admin),
    ("DELETE", "/auth/sessions", Admin),
    ("GET", "/auth/tokens", Admin),
    ("POST", "/auth/tokens", Admin),
    ("DELETE", "/auth/tokens/{id}", Admin),
    ("GET", "/accounts", Admin),
    ("POST", "/accounts", Admin),
    ("GET", "/accounts/{id}", Admin),
    ("PATCH", "/accounts/{id}", Admin),
    ("DELETE", "/accounts/{id}", Admin),
    ("POST", "/accounts/{id}/reset", Admin),
    ("GET", "/backup/stats", Read),
    ("GET", "/backup/health", Read),
    // As JSON, `users` and `all` have the hashes of the passwords, and need `backup`, too.
    ("GET", "/backup/download/{table}", Read),
    ("POST", "/backup/download-links", Read),
    ("GET", "/backup/download-links/{id}", Read),
    ("GET", "/backup/diff", Read),
    ("GET", "/backup/keys", Read),
    ("GET", "/backup/changes", Read),
    ("GET", "/backup/changes/{id}", Read),
    // Events have the names and addresses of all users.
    ("GET", "/backup/audit", Admin),
    ("GET", "/backup/audit/verify", Admin),
    ("GET", "/backup/jobs", Read),
    ("GET", "/backup/jobs/{id}", Read),
    ("GET", "/backup/jobs/{id}/events", Read),
    // It also needs the scope that starts a job of that kind.
    ("POST", "/backup/jobs/{id}/cancel", Read),
    ("GET", "/backup/history", Read),
    ("GET", "/backup/archives", Read),
    ("POST", "/backup/archives", Backup),
    ("POST", "/backup/archives/upload", Backup),
    ("GET", "/backup/archives/{id}", Read),
    // With `protected: false` it needs `restore`, too.
    ("PATCH", "/backup/archives/{id}", Backup),
    ("DELETE", "/backup/archives/{id}", Restore),
    // An archive has the hashes of the passwords.
    ("GET", "/backup/archives/{id}/file", Backup),
    ("GET", "/backup/archives/{id}/download/{table}", Read),
    ("POST", "/backup/archives/{id}/verify", Backup),
    ("GET", "/backup/archives/{id}/certificate", Read),
    ("GET", "/backup/certificate-key", Read),
    // Retention continues after it, and deletes older archives.
    ("POST", "/backup/archives/{id}/accept", Restore),
    ("POST", "/backup/archives/{id}/restore-plan", Read),
    // It needs `admin` if it changes administrators.
    ("POST", "/backup/archives/{id}/restore", Restore),
    ("POST", "/backup/clear", Restore),
    ("POST", "/backup/clear/{id}/undo", Restore),
    ("POST", "/backup/changes/{id}/undo", Restore),
    ("GET", "/backup/imports/{table}/template", Read),
    // The plan of a file says which values the table has.
    ("POST", "/backup/imports/{id}", Restore),
    ("GET", "/backup/imports/{id}", Restore),
    ("GET", "/backup/imports/{id}/errors", Restore),
    ("POST", "/backup/imports/{id}/apply", Restore),
    ("DELETE", "/backup/imports/{id}", Restore),
    ("GET", "/backup/schedules", Read),
    ("POST", "/backup/schedules", Admin),
    ("GET", "/backup/schedules/{id}", Read),
    ("PATCH", "/backup/schedules/{id}", Admin),
    ("DELETE", "/backup/schedules/{id}", Admin),
    ("POST", "/backup/schedules/{id}/run", Backup),
    ("GET", "/backup/retention", Read),
    ("PUT", "/backup/retention", Admin),
    ("DELETE", "/backup/retention", Admin),
    ("POST", "/backup/retention/preview", Read),
    ("POST", "/backup/retention/apply", Restore),
    ("GET", "/backup/destinations", Read),
    ("POST", "/backup/destinations", Admin),
    ("POST", "/backup/destinations/test", Admin),
    ("GET", "/backup/destinations/{id}", Read),
    ("PATCH", "/backup/destinations/{id}", Admin),
    ("DELETE", "/backup/destinations/{id}", Admin),
    ("POST", "/backup/destinations/{id}/test", Admin),
    // The URLs of webhooks often contain a secret.
    ("GET", "/backup/notifications", Admin),
    ("POST", "/backup/notifications", Admin),
    ("POST", "/backup/notifications/test", Admin),
    ("GET", "/backup/notifications/{id}", Admin),
    ("PATCH", "/backup/notifications/{id}", Admin),
    ("DELETE", "/backup/notifications/{id}", Admin),
    ("POST", "/backup/notifications/{id}/test", Admin),
];

/// The operations with a token that every named token may use.
#[cfg(test)]
const WITHOUT_SCOPE: &[(&str, &str)] = &[("GET", "/auth/me")];

/// Writes the scope of an operation into the document, and the refusals that follow from it.
pub fn describe(method: &str, path: &str, operation: &mut Operation) {
    let listed = OPERATIONS
        .iter()
        .find(|(listed, pattern, _)| (*listed, *pattern) == (method, path));
    let Some((_, _, scope)) = listed else { return };
    let extension = ExtensionsBuilder::new().add(REQUIRED_SCOPE, json!(scope)).build();
    operation.extensions.get_or_insert_default().merge(extension);
    let description = operation.description.get_or_insert_default();
    let sentence = match scope {
        Admin => "A named token needs the scope `admin`.".to_owned(),
        scope => format!("A named token needs the scope `{scope}` or `admin`."),
    };
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str(&sentence);
    let refused = operation.responses.responses.get_mut("403");
    if let Some(RefOr::T(refused)) = refused {
        add_refusals(path, refused);
    }
}

/// The refusals of the guard, which each operation with a scope has.
fn add_refusals(path: &str, refused: &mut Response) {
    let codes: &[Code] = match path {
        // It is the way out.
        "/auth/password" => &[Code::ScopeMissing],
        _ => &[Code::PasswordChangeRequired, Code::ScopeMissing],
    };
    problem::add_codes(refused, codes);
}

/// The scope of an operation of the document.
pub fn of_operation(operation: &Operation) -> Option<TokenScope> {
    let scope = operation.extensions.as_ref()?.get(REQUIRED_SCOPE)?;
    TokenScope::from_name(scope.as_str()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// An operation that is missing here would refuse every named token.
    #[test]
    fn every_operation_with_a_token_states_its_scope() {
        let document = serde_json::to_value(crate::openapi::openapi()).unwrap();
        let mut with_token = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let method = method.to_uppercase();
                if !operation["responses"].is_object() || !operation["security"].is_null() {
                    continue;
                }
                let is_exempt = WITHOUT_SCOPE.contains(&(method.as_str(), path.as_str()));
                let scope = operation[REQUIRED_SCOPE].as_str();
                assert_eq!(scope.is_none(), is_exempt, "{method} {path}");
                if let Some(scope) = scope {
                    let description = operation["description"].as_str().unwrap();
                    assert!(
                        description.contains(&format!("`{scope}`")),
                        "{method} {path}: {description}"
                    );
                    let refusals = operation["responses"]["403"]["description"].as_str().unwrap();
                    assert!(refusals.contains("`scope_missing`"), "{method} {path}: {refusals}");
                    with_token.insert((method, path.clone()));
                }
            }
        }
        let listed: BTreeSet<_> = OPERATIONS
            .iter()
            .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
            .collect();
        assert_eq!(listed, with_token, "each listed operation exists");
        assert_eq!(listed.len(), OPERATIONS.len(), "no operation is listed twice");
    }
}
