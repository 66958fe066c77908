//! The API's document: built from the routes, served, and used to find the methods of a path.
//!
//! [`routes::configure`] builds both the routes and the document, so that neither can have more than the other. The document needs no
//! state, no database and no socket.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use actix_web::dev::ResourceDef;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{App, HttpRequest, HttpResponse, web};
use campus_backup_domain::account::TokenScope;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::{ApiError, Problem};
use crate::{AppState, cookie, dashboard, prefix, routes, scopes};

/// The path of the document.
pub const DOCUMENT: &str = "/api-docs/openapi.json";
/// The path of Swagger UI.
pub const SWAGGER_UI: &str = "/swagger-ui/";
const SWAGGER_UI_FILES: &str = "/swagger-ui/{_:.*}";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "campus-backup",
        description = "Look at, download, back up, restore and clear a school's data.\n\n\
            Sign in with `POST /auth/login` and send the token as `Authorization: Bearer`. A script sends a named token, which \
            `POST /auth/tokens` creates; the description of each operation says which scope it needs (`x-required-scope`). Times are RFC 3339 in UTC. \
            An error is a problem (RFC 9457) with a `code` of a closed list and a `request_id` to quote.\n\n\
            What the format of archives can hold: a row of less than 16 MiB as JSON, dates and times of the years 1 to 9999, \
            decimals of 96 bits with at most 28 digits behind the point, ids of 64 bits, texts without NUL. A value that only \
            its engine can write is kept as `{\"native\": \"...\"}`. What can't be held is refused with the code \
            `unexportable`, which names table, row and column: so is a backup, and a clear or a restore whose safety \
            archive can't be written, before anything is changed. An archive has at most 64 GiB of document, 64 tables of 256 \
            columns, and 1,000 bytes of document for each compressed one.",
        contact(name = "The people of the project campus-backup"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "This service.")),
    tags(
        (name = "auth", description = "Signing in, and one's own password."),
        (name = "tokens", description = "Named tokens for scripts. For administrators."),
        (name = "accounts", description = "Accounts of users. For administrators."),
        (name = "backup", description = "A school's data. For administrators."),
        (name = "imports", description = "Importing files into the data. For administrators."),
        (name = "archives", description = "Stored backups. For administrators."),
        (name = "schedules", description = "Backups at certain times. For administrators."),
        (name = "audit", description = "Events of all operations that change or disclose something. For administrators."),
        (name = "retention", description = "Which archives stay. For administrators."),
        (name = "notifications", description = "Mails, webhooks and pings about what happened. For administrators."),
        (name = "destinations", description = "Further places to which archives are copied. For administrators."),
        (name = "service", description = "Operating the service."),
    ),
    components(schemas(Problem)),
    security(("bearerAuth" = [])),
    modifiers(&Schemes),
)]
struct Base;

/// The authentication of requests.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "The `access_token` of `POST /auth/login`, or a named token, which begins with `cbt_`.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearerAuth", SecurityScheme::Http(scheme));
        let description = "What `POST /auth/login` sets for a browser that asks for it. No script can read it. By https its \
                           name begins with `__Host-`, or with `__Secure-` where the service is under a path.";
        let cookie = ApiKeyValue::with_description(cookie::NAME, description);
        components.add_security_scheme("sessionCookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// The API's document.
pub fn openapi() -> Document {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(routes::configure)
        .split_for_parts();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations_mut(item) {
            scopes::describe(method, path, operation);
            // utoipa writes `security(())` as a list with an empty requirement. The convention for a public operation is an empty list. Beside
            // other requirements the empty one makes them optional.
            if let Some(security) = &mut operation.security
                && security.iter().all(|requirement| *requirement == Default::default())
            {
                security.clear();
            }
        }
    }
    document
}

/// The document and its routes, built once and shared by all workers.
#[derive(Clone)]
pub struct Published {
    document: Arc<Document>,
    /// The document as JSON.
    json: Bytes,
    paths: web::Data<KnownPaths>,
}

/// The document is thousands of lines.
impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").finish_non_exhaustive()
    }
}

impl Published {
    /// Builds the document.
    ///
    /// # Errors
    /// If it can't be written as JSON; a test excludes that.
    pub fn new() -> Result<Self, serde_json::Error> {
        let document = openapi();
        Ok(Self {
            json: Bytes::from(document.to_pretty_json()?),
            paths: web::Data::new(KnownPaths::new(&document)),
            document: Arc::new(document),
        })
    }

    /// The routes that are not operations: the document and the pages that show it.
    pub fn configure(&self, config: &mut web::ServiceConfig, pages: Pages) {
        let published = self.clone();
        let json = move |state: web::Data<AppState>, request: HttpRequest| {
            let document = published.under(&prefix::of(state.settings.public_url.as_deref(), &request));
            async move {
                let document = document.map_err(ApiError::internal)?;
                Ok::<_, ApiError>(HttpResponse::Ok().content_type("application/json").body(document))
            }
        };
        let page = async || {
            HttpResponse::PermanentRedirect()
                .insert_header((header::LOCATION, SWAGGER_UI))
                .finish()
        };
        config.app_data(self.paths.clone()).route(DOCUMENT, web::get().to(json));
        if pages == Pages::SwaggerUi {
            config
                .route(SWAGGER_UI.trim_end_matches('/'), web::get().to(page))
                .service(SwaggerUi::new(SWAGGER_UI_FILES).config(swagger()));
        }
    }

    /// The document of a service with a path prefix.
    fn under(&self, prefix: &str) -> Result<Bytes, serde_json::Error> {
        if prefix.is_empty() {
            return Ok(self.json.clone());
        }
        let mut document = Document::clone(&self.document);
        for server in document.servers.iter_mut().flatten() {
            prefix.clone_into(&mut server.url);
        }
        document.to_pretty_json().map(Bytes::from)
    }
}

/// The pages beside the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pages {
    /// Swagger UI.
    #[default]
    SwaggerUi,
    /// None.
    None,
}

fn swagger() -> Config<'static> {
    // Relative to its page, so that it works under any path.
    Config::from(format!("..{DOCUMENT}"))
        .persist_authorization(false)
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .deep_linking(true)
        // Otherwise the page sends the document's address to an external validator.
        .validator_url("none")
}

/// The operations of each path.
#[derive(Debug)]
pub struct KnownPaths(Vec<KnownPath>);

/// A path with its operations.
#[derive(Debug)]
struct KnownPath {
    resource: ResourceDef,
    /// How many of its segments are parameters.
    parameters: usize,
    /// The methods, each with the scope that a named token needs.
    methods: BTreeMap<String, Option<TokenScope>>,
}

/// What a named token needs for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// This scope.
    Scope(TokenScope),
    /// The document states none.
    Unstated,
    /// There is no such operation.
    Unknown,
}

impl KnownPaths {
    /// The operations of the document and the pages.
    pub fn new(document: &Document) -> Self {
        let operations = document.paths.paths.iter().map(|(template, item)| {
            let mut item = item.clone();
            let methods = operations_mut(&mut item)
                .map(|(method, operation)| (method.to_owned(), scopes::of_operation(operation)))
                .collect();
            (template.as_str(), methods)
        });
        let pages = [DOCUMENT, SWAGGER_UI_FILES].into_iter().chain(dashboard::PATHS);
        let pages = pages.map(|template| (template, BTreeMap::from([("GET".to_owned(), None)])));
        let known = operations.chain(pages).map(|(template, mut methods)| {
            if let Some(scope) = methods.get("GET").copied() {
                methods.insert("HEAD".to_owned(), scope);
            }
            KnownPath {
                resource: ResourceDef::new(template),
                parameters: template.matches('{').count(),
                methods,
            }
        });
        Self(known.collect())
    }

    /// The methods of a path, as in the header Allow; `None` for an unknown path.
    pub fn allowed(&self, path: &str) -> Option<String> {
        let methods = self.matching(path).flat_map(|known| known.methods.keys());
        let methods: BTreeSet<&str> = methods.map(String::as_str).collect();
        (!methods.is_empty()).then(|| methods.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// What a named token needs for this operation. `path` is the path of the router, in which percent-encoded characters are
    /// decoded. Of several operations it is the one with the fewest parameters, as in the router.
    pub fn requirement(&self, method: &str, path: &str) -> Requirement {
        let operations = self.matching(path).filter(|known| known.methods.contains_key(method));
        match operations.min_by_key(|known| known.parameters) {
            None => Requirement::Unknown,
            Some(known) => match known.methods.get(method) {
                Some(Some(scope)) => Requirement::Scope(*scope),
                _ => Requirement::Unstated,
            },
        }
    }

    fn matching<'k>(&'k self, path: &'k str) -> impl Iterator<Item = &'k KnownPath> {
        self.0.iter().filter(move |known| known.resource.is_match(path))
    }
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", &mut item.get),
        ("HEAD", &mut item.head),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
        ("OPTIONS", &mut item.options),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_response_has_a_description_and_every_operation_a_name_and_a_tag() {
        let mut document = openapi();
        assert!(!document.paths.paths.is_empty());
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations_mut(item) {
                assert!(operation.operation_id.is_some(), "{method} {path}");
                assert_eq!(operation.tags.as_ref().map_or(0, Vec::len), 1, "{method} {path}");
                for (status, response) in &operation.responses.responses {
                    let described = match response {
                        utoipa::openapi::RefOr::T(response) => !response.description.is_empty(),
                        utoipa::openapi::RefOr::Ref(_) => true,
                    };
                    assert!(described, "{method} {path} {status}");
                }
            }
        }
    }

    #[test]
    fn scope_is_the_one_of_the_operation_that_the_router_chooses() {
        let known = KnownPaths::new(&openapi());
        for (method, path, expected) in [
            ("GET", "/backup/stats", Requirement::Scope(TokenScope::Read)),
            ("HEAD", "/backup/stats", Requirement::Scope(TokenScope::Read)),
            (
                "POST",
                "/backup/archives/upload",
                Requirement::Scope(TokenScope::Backup),
            ),
            (
                "DELETE",
                "/backup/archives/upload",
                Requirement::Scope(TokenScope::Restore),
            ),
            ("POST", "/accounts/7/reset", Requirement::Scope(TokenScope::Admin)),
            ("GET", "/auth/me", Requirement::Unstated),
            ("POST", "/backup/stats", Requirement::Unknown),
            ("GET", "/backup/nothing", Requirement::Unknown),
        ] {
            assert_eq!(known.requirement(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn every_property_has_a_description() {
        let document = serde_json::to_value(openapi()).unwrap();
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            assert!(schema["description"].is_string(), "{name}");
            for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
                let refers = schema["$ref"].is_string() || schema["oneOf"].is_array();
                assert!(refers || schema["description"].is_string(), "{name}.{property}");
            }
        }
    }

    #[test]
    fn every_reference_resolves() {
        let document = serde_json::to_value(openapi()).unwrap();
        let text = document.to_string();
        for reference in text.split(r##""$ref":"#"##).skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        assert!(text.contains("Problem"));
    }

    #[test]
    fn public_operation_has_an_empty_security_list() {
        let document = serde_json::to_value(openapi()).unwrap();
        let security = document.pointer("/paths/~1healthz/get/security").unwrap();
        assert_eq!(*security, serde_json::json!([]));
        // A sign-out is possible with and without a session.
        let security = document.pointer("/paths/~1auth~1session/delete/security/0").unwrap();
        assert_eq!(*security, serde_json::json!({}));
    }
}
