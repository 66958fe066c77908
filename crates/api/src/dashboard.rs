//! The dashboard's files, at `/backup/`.
//!
//! The page is `/backup/`, its files are `/backup/assets/...`, and its own addresses are behind `#`, which a browser does not send. So
//! no address of the dashboard collides with an operation, and an unknown path stays a 404. No token is required, because the
//! files contain no data.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    AcceptEncoding, CacheControl, CacheDirective, ContentEncoding, ETag, Encoding, EntityTag, Header as _, LOCATION,
    VARY,
};
use actix_web::{HttpRequest, HttpResponse, web};
use campus_backup_dashboard::{Caching, Coding, File};

use crate::conditional::is_known;
use crate::problem::{ApiError, Code};

/// The page.
pub const PAGE: &str = "/backup/";
const WITHOUT_SLASH: &str = "/backup";
const ASSETS: &str = "/backup/{file:assets/.+}";

const ROOT: &str = "/";
/// Icons that browsers request by themselves, also for Swagger UI and a download link.
const ICON: &str = "/favicon.ico";
const ICON_BYTES: &[u8] = include_bytes!("favicon.ico");

/// All paths, as templates. They are not operations, so the API's document does not have them.
pub const PATHS: [&str; 5] = [PAGE, WITHOUT_SLASH, ASSETS, ROOT, ICON];

const A_DAY: u32 = 24 * 60 * 60;

/// A year, because RFC 9111 has no value for "forever".
const A_YEAR: u32 = 365 * 24 * 60 * 60;

/// Registers the routes.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route(ROOT, web::get().to(to_page))
        .route(ICON, web::get().to(icon))
        .route(PAGE, web::get().to(page))
        .route(WITHOUT_SLASH, web::get().to(with_slash))
        .route(ASSETS, web::get().to(asset));
}

async fn page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    send(&request, "")
}

/// Redirects the host's root to the page. Not permanently: another page may be there one day.
async fn to_page() -> HttpResponse {
    HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, PAGE))
        .finish()
}

async fn icon() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/x-icon")
        .insert_header(CacheControl(vec![
            CacheDirective::Public,
            CacheDirective::MaxAge(A_DAY),
        ]))
        .body(ICON_BYTES)
}

async fn asset(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, ApiError> {
    send(&request, &file)
}

/// Relative, so that it works behind a proxy with a path prefix.
async fn with_slash() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "backup/"))
        .finish()
}

fn send(request: &HttpRequest, path: &str) -> Result<HttpResponse, ApiError> {
    let unknown = || ApiError::new(Code::UnknownPath, "The dashboard has no such file.");
    let file = campus_backup_dashboard::file(path).ok_or_else(unknown)?;
    let coding = coding(request, file);
    let bytes = file.bytes(coding).ok_or_else(unknown)?;
    let validator = EntityTag::new_strong(file.validator(coding));
    let status = match is_known(request, &validator) {
        true => StatusCode::NOT_MODIFIED,
        false => StatusCode::OK,
    };
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header(match file.caching() {
            Caching::Forever => CacheControl(vec![
                CacheDirective::Public,
                CacheDirective::MaxAge(A_YEAR),
                CacheDirective::Extension("immutable".to_owned(), None),
            ]),
            Caching::Revalidate => CacheControl(vec![CacheDirective::NoCache]),
        })
        .insert_header(ETag(validator))
        .insert_header((VARY, "Accept-Encoding"));
    if status == StatusCode::NOT_MODIFIED {
        return Ok(answer.finish());
    }
    Ok(answer
        .content_type(file.media_type())
        .insert_header(match coding {
            Coding::Identity => ContentEncoding::Identity,
            Coding::Gzip => ContentEncoding::Gzip,
            Coding::Brotli => ContentEncoding::Brotli,
        })
        .body(bytes))
}

/// The smallest variant that the client accepts (RFC 9110, section 12.5.3).
fn coding(request: &HttpRequest, file: File) -> Coding {
    let Ok(accepted) = AcceptEncoding::parse(request) else {
        return Coding::Identity;
    };
    let supported = file.codings().map(|coding| match coding {
        Coding::Brotli => Encoding::brotli(),
        Coding::Gzip => Encoding::gzip(),
        Coding::Identity => Encoding::identity(),
    });
    let supported: Vec<_> = supported.collect();
    match accepted.negotiate(supported.iter()) {
        Some(Encoding::Known(ContentEncoding::Brotli)) => Coding::Brotli,
        Some(Encoding::Known(ContentEncoding::Gzip)) => Coding::Gzip,
        _ => Coding::Identity,
    }
}
