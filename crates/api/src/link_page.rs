//! The page that a browser shows for a download link: one button, which starts the download.
//!
//! A look at a link gets the page and does not use up the link: a browser's prefetch, a chat's preview, or a person who opens the
//! link. The button requests the same address with `begin=true`.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, VARY};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::link::{BEGIN, Target};

/// The style sheet, which makes the button large enough for a finger. The policy allows it by its digest.
const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:3rem auto;padding:0 1rem}\
h1{font-size:1.5rem;line-height:1.25}\
button{font:inherit;font-weight:600;padding:.75rem 1.5rem;border:0;border-radius:.5rem;background:#1971c2;color:#fff;cursor:pointer}\
button:focus-visible{outline:3px solid CanvasText;outline-offset:2px}";

/// The policy of a page with this style sheet, whose forms may be sent to `form_action`.
pub(crate) fn policy_of(style: &str, form_action: &str) -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(style));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The page may have one form to its own origin, and its style sheet.
fn policy() -> String {
    policy_of(STYLE, "'self'")
}

/// The page of a link with this query string.
pub(crate) fn answer(target: Target<'_>, query: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, policy()))
        .insert_header((VARY, "Accept"))
        .body(page(target, query))
}

fn page(target: Target<'_>, query: &str) -> String {
    let what = match target {
        Target::Download("all") => "the complete backup".to_owned(),
        Target::Download(table) | Target::Table(table) => table.replace('_', " "),
        Target::File => "a backup file".to_owned(),
        Target::Certificate => "the certificate of a backup".to_owned(),
        Target::Diff => "a comparison".to_owned(),
    };
    let what = escaped(&what);
    let mut fields = String::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != BEGIN) {
        let (name, value) = (escaped(&name), escaped(&value));
        // Writing to a `String` can't fail.
        let _ = write!(fields, r#"<input type="hidden" name="{name}" value="{value}">"#);
    }
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>Download {what}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>Download {what}</h1>
<p>This link works once, for five minutes after it was made.</p>
<form>{fields}<input type="hidden" name="{BEGIN}" value="true"><button autofocus>Download</button></form>
</main>
</body>
</html>
"#
    )
}

/// A text in HTML, also in an attribute between double quotes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_requests_the_same_link_and_has_no_script() {
        let page = page(
            Target::Download("payment_categories"),
            "format=csv&link=abc&begin=true&x=%22%3E%3Cscript%3E",
        );
        assert!(page.contains("Download payment categories"), "{page}");
        for field in [
            r#"name="format" value="csv""#,
            r#"name="link" value="abc""#,
            r#"name="begin" value="true""#,
            r#"name="x" value="&quot;&gt;&lt;script&gt;""#,
        ] {
            assert_eq!(page.matches(field).count(), 1, "{field}: {page}");
        }
        assert!(!page.contains("<script"), "{page}");
    }
}
