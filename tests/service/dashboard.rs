//! The dashboard's files, as the program serves them. `crates/dashboard/app/e2e` tests the pages in a browser.

use reqwest::Method;

use harness::{Answer, Client, Engine, Scratch, Service};

async fn service() -> (Scratch, Service) {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    (scratch, service)
}

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::GET, path);
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request).await
}

/// The files that the page loads, as paths from the root. `None` if the program was built without Node.
fn assets(page: &Answer) -> Vec<String> {
    let text = page.text();
    let found = text.split("\"./assets/").skip(1);
    found
        .map(|rest| format!("/backup/assets/{}", rest.split('"').next().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_files_are_not_served() {
    let (_scratch, service) = service().await;
    let anonymous = service.anonymous();
    for path in ["/backup/assets/nothing.js", "/backup/assets/..%2findex.html"] {
        anonymous.get(path).await.problem(404, "unknown_path");
        anonymous.head(path).await.problem(404, "unknown_path");
    }
    // Other paths in the folder belong to the API, and need a token.
    for path in ["/backup/index.html", "/backup/overview", "/backup/stats"] {
        anonymous.get(path).await.problem(401, "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_needs_no_token_and_loads_only_its_own_files() {
    let (_scratch, service) = service().await;
    let anonymous = service.anonymous();
    for redirected in [anonymous.get("/backup").await, anonymous.head("/backup").await] {
        assert_eq!(redirected.expect(308).header("location"), "backup/");
    }
    let page = anonymous.get("/backup/").await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    for lax in ["unsafe", "*", "http", "data:", "blob:"] {
        assert!(!policy.contains(lax), "{lax} in {policy}");
    }
    let head = anonymous.head("/backup/").await.expect(200);
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), page.body.len().to_string());
    assert_eq!(head.header("etag"), page.header("etag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_compressed_once_for_clients_that_accept_it() {
    let (_scratch, service) = service().await;
    let anonymous = service.anonymous();
    let page = anonymous.get("/backup/").await.expect(200);
    let assets = assets(&page);
    let paths: Vec<&str> = assets.iter().map(String::as_str).chain(["/backup/"]).collect();
    for path in paths {
        let plain = get(&anonymous, path, &[]).await.expect(200);
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        if path != "/backup/" {
            assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
        }
        let mut validators = vec![plain.header("etag").to_owned()];
        for coding in ["br", "gzip"] {
            let coded = get(&anonymous, path, &[("Accept-Encoding", coding)]).await.expect(200);
            assert!(
                coded.header("vary").to_lowercase().contains("accept-encoding"),
                "{coded:?}"
            );
            // A program without the dashboard has a plain, uncompressed page. Very small files are not compressed
            // either.
            if coded.header("content-encoding").is_empty() {
                assert!(assets.is_empty() || plain.body.len() < 200, "{path} as {coding}");
                continue;
            }
            assert_eq!(coded.header("content-encoding"), coding, "{path}");
            assert_eq!(decoded(coding, &coded.body), plain.body, "{path} as {coding}");
            assert!(coded.body.len() < plain.body.len(), "{path} as {coding}");
            validators.push(coded.header("etag").to_owned());
            let headers = [("Accept-Encoding", coding), ("If-None-Match", coded.header("etag"))];
            let again = get(&anonymous, path, &headers).await.expect(304);
            assert!(again.body.is_empty());
            assert_eq!(again.header("etag"), coded.header("etag"));
            assert_eq!(again.header("cache-control"), coded.header("cache-control"));
        }
        let count = validators.len();
        validators.sort();
        validators.dedup();
        assert_eq!(validators.len(), count, "each coding has a validator of its own");
        let other = get(&anonymous, path, &[("If-None-Match", "\"another\"")]).await;
        assert_eq!(other.expect(200).body, plain.body);
    }
}

fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut decoded = Vec::new();
    match coding {
        "br" => brotli::Decompressor::new(body, 4_096).read_to_end(&mut decoded),
        _ => flate2::read::GzDecoder::new(body).read_to_end(&mut decoded),
    }
    .unwrap();
    decoded
}
