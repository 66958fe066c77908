//! `POST /backup/download-links`: links with which a browser downloads a file once.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::download_stream::{STUDENTS, wide_school};
use harness::archives_rig::of;
use harness::client::fields;
use harness::service::Setup;
use harness::{
    ADMIN_PASSWORD, Answer, Client, Engine, School, Service, WAIT_LIMIT, Wire, fill, on_every_engine, small_school,
    until,
};

const LINKS: &str = "/backup/download-links";
const CSV: &str = "/backup/download/students?format=csv";

async fn signed_in(engine: Engine) -> (School, Service, Client) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    (school, service, admin)
}

/// Path and query of a new link for this download.
async fn link(admin: &Client, path: &str) -> String {
    let link = admin.post(LINKS, &json!({"path": path})).await.expect(201).json();
    let url = link["url"].as_str().unwrap();
    let url = reqwest::Url::parse("http://base/").unwrap().join(url).unwrap();
    format!("{}?{}", url.path(), url.query().unwrap())
}

fn token(link: &str) -> &str {
    link.split_once("link=").unwrap().1.split('&').next().unwrap()
}

#[on_every_engine]
async fn link_downloads_once(engine: Engine) {
    let (school, service, admin) = signed_in(engine).await;
    let before = Utc::now();
    let answer = admin.post(LINKS, &json!({"path": CSV})).await.expect(201);
    assert_eq!(answer.header("cache-control"), "no-store");
    let made: Value = answer.json();
    let expires: DateTime<Utc> = made["expires_at"].as_str().unwrap().parse().unwrap();
    let created = expires - TimeDelta::minutes(5);
    assert!(
        before - TimeDelta::seconds(1) <= created && created <= Utc::now(),
        "{made}"
    );

    let link = link(&admin, CSV).await;
    let browser = service.anonymous();
    let file = browser.get(&link).await.expect(200);
    assert_eq!(file.text().trim_start_matches('\u{feff}'), School::csv("students"));
    assert!(file.header("content-disposition").starts_with("attachment; "));
    assert_eq!(
        file.header("referrer-policy"),
        "no-referrer",
        "a link is not told to the next page"
    );
    browser.get(&link).await.problem(410, "link_used");

    let logs = service.logs();
    assert!(!logs.contains(token(&link)), "the link is in the log");
    let kept = school.scratch.rows("select * from backup_download_links").await;
    let kept = format!("{kept:?}");
    assert!(!kept.contains(token(&link)), "the link itself is kept: {kept}");
}

#[on_every_engine(nightly)]
async fn link_is_valid_for_its_download_only(engine: Engine) {
    let (_school, service, admin) = signed_in(engine).await;
    let browser = service.anonymous();
    let link = link(&admin, CSV).await;
    let token = token(&link);
    for other in [
        format!("/backup/download/users?format=csv&link={token}"),
        format!("/backup/download/all?link={token}"),
        format!("/backup/download/students?format=json&link={token}"),
        format!("/backup/download/students?format=csv&formula_guard=false&link={token}"),
        format!("/backup/download/students?link={token}x&format=csv"),
        "/backup/download/students?format=csv&link=".to_owned(),
        "/backup/download/students?format=csv&link=%27%20OR%201=1%20--".to_owned(),
    ] {
        browser.get(&other).await.problem(401, "link_invalid");
    }
    for path in ["/backup/stats", "/auth/me"] {
        let answer = browser.get(&format!("{path}?link={token}")).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        service.bearer(token).get(path).await.problem(401, "unauthenticated");
    }
    // The refused attempt has not used the link. The order of query parameters does not matter.
    browser
        .get(&format!("/backup/download/students?link={token}&format=csv"))
        .await
        .expect(200);
}

#[on_every_engine]
async fn link_expires_after_five_minutes(engine: Engine) {
    let (school, service, admin) = signed_in(engine).await;
    let link = link(&admin, CSV).await;
    let past = match engine {
        Engine::Sqlite => "'2020-01-01T00:00:00+00:00'",
        Engine::Postgres => "'2020-01-01 00:00:00+00'",
        Engine::Mysql => "'2020-01-01 00:00:00'",
    };
    school
        .scratch
        .execute(&format!("update backup_download_links set expires_at = {past}"))
        .await;
    service.anonymous().get(&link).await.problem(410, "link_used");
}

#[on_every_engine(nightly)]
async fn link_is_valid_only_while_its_creator_is(engine: Engine) {
    let (school, service, admin) = signed_in(engine).await;
    for (undone, done) in [
        (
            "update users set is_active = false where id = 1",
            "update users set is_active = true where id = 1",
        ),
        (
            "update users set role = 'teacher' where id = 1",
            "update users set role = 'admin' where id = 1",
        ),
    ] {
        let link = link(&admin, CSV).await;
        school.scratch.execute(undone).await;
        let answer = service.anonymous().get(&link).await;
        assert!(matches!(answer.status.as_u16(), 401 | 403), "{undone}: {answer:?}");
        school.scratch.execute(done).await;
    }
    let link = link(&admin, CSV).await;
    school.scratch.execute("delete from users where id = 1").await;
    let answer = service.anonymous().get(&link).await;
    assert!(matches!(answer.status.as_u16(), 401 | 403), "{answer:?}");
}

/// Ten tabs request one link: exactly one gets the file.
#[on_every_engine]
async fn concurrent_requests_use_a_link_once(engine: Engine) {
    let (_school, service, admin) = signed_in(engine).await;
    for _ in 0..5 {
        let link = link(&admin, CSV).await;
        let browser = service.anonymous();
        let answers = futures_util::future::join_all((0..10).map(|_| browser.get(&link))).await;
        let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(given.len(), 1);
        for answer in refused {
            answer.problem(410, "link_used");
        }
    }
}

/// After the first byte of the file, the link is used, even if the client disconnects.
#[on_every_engine]
async fn disconnected_client_has_used_the_link(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let link = link(&service.admin().await, STUDENTS).await;
    let mut reader = Wire::send(&service, "GET", &link, &[]).await;
    assert!(reader.head().await.starts_with("HTTP/1.1 200 "));
    reader.read(50_000).await;
    drop(reader);
    for _ in 0..5 {
        service.anonymous().get(&link).await.problem(410, "link_used");
    }
}

/// A page can't see the outcome of the browser's own download, so it asks the service.
#[on_every_engine]
async fn creator_of_a_link_sees_its_state(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let make = async |path: &str| {
        let made = admin.post(LINKS, &json!({"path": path})).await.expect(201).json();
        let url = made["url"].as_str().unwrap();
        let path = url[url.find("/backup/").unwrap()..].to_owned();
        (format!("{LINKS}/{}", made["id"]), path)
    };
    let state = async |asked: &str| admin.get(asked).await.expect(200).json()["state"].clone();

    let (asked, path) = make(STUDENTS).await;
    let answer = admin.get(&asked).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let text = answer.text();
    assert!(!text.contains(token(&path)), "{text}");
    assert_eq!(state(&asked).await, "unused");
    let mut reader = Wire::send(&service, "GET", &path, &[]).await;
    assert!(reader.head().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(state(&asked).await, "in_progress");
    reader.read(50_000).await;
    drop(reader);
    until("the service has noticed", WAIT_LIMIT, async || {
        state(&asked).await == "broken_off"
    })
    .await;

    let (asked, path) = make("/backup/download/courses?format=csv").await;
    service.anonymous().get(&path).await.expect(200);
    until("the end is written down", WAIT_LIMIT, async || {
        state(&asked).await == "delivered"
    })
    .await;
    service.anonymous().get(&asked).await.problem(401, "unauthenticated");
    for unknown in ["0", "-1", "x", "99999999999999999999"] {
        let asked = format!("{LINKS}/{unknown}");
        admin.get(&asked).await.problem(404, "unknown_link");
    }
    scratch
        .execute("update backup_download_links set username = 'another user', user_id = null")
        .await;
    admin.get(&asked).await.problem(404, "unknown_link");
}

/// If the service broke off the download, the link can be used again within its five minutes.
#[on_every_engine]
async fn link_can_be_used_again_after_a_failure_of_the_service(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let link = link(&service.admin().await, "/backup/download/all").await;
    if engine == Engine::Sqlite {
        fill::unreadable_enrollment(&scratch).await;
    }
    let mut reader = Wire::send(&service, "GET", &link, &[]).await;
    assert!(reader.head().await.starts_with("HTTP/1.1 200 "));
    scratch.terminate_connections_of_the_service().await;
    reader.ending().await.broken();
    if engine == Engine::Sqlite {
        scratch.execute("delete from enrollments").await;
    }
    until("the link is given back", WAIT_LIMIT, async || {
        service.anonymous().get(&link).await.status.is_success()
    })
    .await;
    service.anonymous().get(&link).await.problem(410, "link_used");
}

/// Links are in the database, so a second copy of the service accepts them.
#[on_every_engine]
async fn link_is_valid_in_every_copy(engine: Engine) {
    let (school, _service, admin) = signed_in(engine).await;
    let other = Service::on(&school.scratch).await;
    let link = link(&admin, CSV).await;
    other.anonymous().get(&link).await.expect(200);
    _service.anonymous().get(&link).await.problem(410, "link_used");
}

/// A HEAD request does not use a link.
#[on_every_engine(nightly)]
async fn head_request_does_not_use_a_link(engine: Engine) {
    let (_school, service, admin) = signed_in(engine).await;
    let link = link(&admin, CSV).await;
    service.anonymous().head(&link).await.expect(200);
    until("the link is given back", WAIT_LIMIT, async || {
        service.anonymous().get(&link).await.status.is_success()
    })
    .await;
}

/// Browsers and chats open links for a preview before the user wants the file.
#[on_every_engine(nightly)]
async fn preview_does_not_use_a_link(engine: Engine) {
    let (_school, service, admin) = signed_in(engine).await;
    let browser = service.anonymous();
    let file = admin.get(CSV).await.expect(200).body;
    let link = link(&admin, CSV).await;
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(browser.request(Method::GET, path), |request, (name, value)| {
                request.header(*name, *value)
            });
        Answer::of(request).await
    };
    const HTML: (&str, &str) = (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    );
    for headers in [
        &[HTML][..],
        &[HTML, ("Sec-Purpose", "prefetch")],
        &[("Sec-Purpose", "prefetch;prerender")],
        &[("User-Agent", "WhatsApp/2.23.20.0")],
        &[("User-Agent", "Slackbot-LinkExpanding 1.0"), ("Range", "bytes=0-32768")],
    ] {
        let page = ask(&link, headers).await.expect(200);
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{headers:?}: {page:?}"
        );
        assert!(
            page.header("content-security-policy").contains("form-action 'self'"),
            "{page:?}"
        );
        assert_eq!(page.header("cache-control"), "no-store");
        let text = page.text();
        assert!(
            text.contains(&format!("name=\"link\" value=\"{}\"", token(&link))),
            "{text}"
        );
        assert!(text.contains("name=\"begin\" value=\"true\""), "{text}");
        assert!(!text.contains("<script"), "{text}");
    }
    browser.head(&link).await.expect(200);
    let begin = format!("{link}&begin=true");
    let prefetched = ask(&begin, &[HTML, ("Sec-Purpose", "prefetch")]).await.expect(200);
    assert!(
        prefetched.header("content-type").starts_with("text/html"),
        "{prefetched:?}"
    );
    let part = ask(&link, &[("Range", "bytes=0-0")]).await;
    part.problem(416, "range_not_satisfiable");

    let whole = ask(&begin, &[HTML]).await.expect(200);
    assert!(
        whole.header("content-disposition").starts_with("attachment"),
        "{whole:?}"
    );
    assert_eq!(whole.body, file);
    ask(&begin, &[HTML]).await.problem(410, "link_used");
    ask(&link, &[HTML]).await.problem(410, "link_used");
    admin
        .get(&format!("{CSV}&begin=true"))
        .await
        .problem(422, "invalid_field");
}

/// A stored archive is sent in ranges, to download managers and to clients that resume.
#[on_every_engine]
async fn ranges_of_an_archive_share_one_link(engine: Engine) {
    let (_school, service, admin) = signed_in(engine).await;
    let path = of(&admin.create_backup().await, "/file");
    let file = admin.get(&path).await.expect(200).body;
    let browser = service.anonymous();
    let range =
        async |link: &str, range: String| Answer::of(browser.request(Method::GET, link).header("Range", range)).await;

    let probed = link(&admin, &path).await;
    for part in ["bytes=0-0", "bytes=-1"] {
        assert_eq!(range(&probed, part.to_owned()).await.expect(206).body.len(), 1);
    }
    browser.head(&probed).await.expect(200);
    assert_eq!(browser.get(&probed).await.expect(200).body, file);
    browser.get(&probed).await.problem(410, "link_used");

    let shared = link(&admin, &path).await;
    let half = file.len() / 2;
    let parts = [format!("bytes={half}-"), format!("bytes=0-{}", half - 1)];
    let [second, first] = parts.map(|part| range(&shared, part));
    let (second, first) = tokio::join!(second, first);
    let together = [first.expect(206).body, second.expect(206).body].concat();
    assert_eq!(together, file);
    until("the link is spent", WAIT_LIMIT, async || {
        range(&shared, "bytes=0-0".to_owned()).await.status.as_u16() == 410
    })
    .await;
    browser.get(&shared).await.problem(410, "link_used");
}

/// With any number of ranges at once, at most twice the size of the archive is sent.
#[on_every_engine]
async fn simultaneous_ranges_are_bounded(engine: Engine) {
    let (school, service, admin) = signed_in(engine).await;
    let path = of(&admin.create_backup().await, "/file");
    let size = admin.get(&path).await.expect(200).body.len();
    let browser = service.anonymous();
    let range =
        async |link: &str, range: &str| Answer::of(browser.request(Method::GET, link).header("Range", range)).await;

    let shared = link(&admin, &path).await;
    // Claims these bytes as if clients were still receiving them.
    let on_their_way = size + 1;
    school
        .scratch
        .execute(&format!(
            "update backup_download_links set begun_bytes = {on_their_way}"
        ))
        .await;
    range(&shared, "bytes=0-").await.problem(410, "link_used");
    until("the link is given back", WAIT_LIMIT, async || {
        range(&shared, "bytes=0-0").await.status.as_u16() == 206
    })
    .await;
    range(&shared, "bytes=1-").await.problem(410, "link_used");
    assert_eq!(range(&shared, "bytes=2-").await.expect(206).body.len(), size - 2);
    range(&shared, "bytes=2-").await.problem(410, "link_used");

    let many = link(&admin, &path).await;
    let answers = futures_util::future::join_all((0..12).map(|_| range(&many, "bytes=1-"))).await;
    let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 206);
    assert!((1..=2).contains(&given.len()), "{}", given.len());
    for answer in refused {
        answer.problem(410, "link_used");
    }
}

/// A range of the whole file uses the link, also without an explicit end.
#[on_every_engine]
async fn range_of_the_whole_file_is_a_download(engine: Engine) {
    let (_school, service, admin) = signed_in(engine).await;
    let path = of(&admin.create_backup().await, "/file");
    let size = admin.get(&path).await.expect(200).body.len();
    let browser = service.anonymous();
    for everything in [
        "bytes=0-".to_owned(),
        format!("bytes=0-{}", size - 1),
        "bytes=0-99999999999".to_owned(),
        format!("bytes=-{size}"),
    ] {
        let link = link(&admin, &path).await;
        let ask = || Answer::of(browser.request(Method::GET, &link).header("Range", &everything));
        let answers = futures_util::future::join_all((0..6).map(|_| ask())).await;
        let given = answers.iter().filter(|answer| answer.status == 206).count();
        assert_eq!(given, 1, "{everything}");
        ask().await.problem(410, "link_used");
    }
}

/// A stalled client has used its link, although the service ended the download.
#[on_every_engine(nightly)]
async fn stalled_client_has_used_the_link(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_STALL_TIMEOUT", 2).start().await;
    let link = link(&service.admin().await, STUDENTS).await;
    let mut reader = Wire::send(&service, "GET", &link, &[]).await;
    assert!(reader.head().await.starts_with("HTTP/1.1 200 "));
    reader.read(50_000).await;
    until("the download is given up", WAIT_LIMIT, async || {
        let logs = service.logs();
        logs.contains("a download was given up") || logs.contains("abandoned")
    })
    .await;
    reader.ending().await.broken();
    until("the end of the download is logged", WAIT_LIMIT, async || {
        let logs = service.logs();
        logs.contains("abandoned") || logs.contains("broken off")
    })
    .await;
    for _ in 0..5 {
        service.anonymous().get(&link).await.problem(410, "link_used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_downloads_get_a_link() {
    let (_school, service, admin) = signed_in(Engine::Sqlite).await;
    for path in [
        "",
        "/",
        "students",
        "/backup/stats",
        "/backup/clear",
        "/backup/download",
        "/backup/download/../stats",
        "/backup/download/grades",
        "https://evil.example/backup/download/students",
        "//evil.example/backup/download/all",
        "/backup/download/students?format=pdf",
        "/backup/download/students?colour=blue",
        "/backup/download/students?link=abc",
        "/backup/download/students?begin=true",
        "/backup/download/all?format=csv",
        "/backup/download/students#x",
    ] {
        let answer = admin.post(LINKS, &json!({"path": path})).await;
        assert_eq!(answer.status.as_u16(), 422, "{path}: {answer:?}");
    }
    for body in [
        json!({}),
        json!({"path": 7}),
        json!({"path": CSV, "colour": "blue"}),
        json!([CSV]),
    ] {
        admin.post(LINKS, &body).await.problem(422, "invalid_field");
    }
    let unknown = admin
        .post(LINKS, &json!({"path": CSV, "colour": "blue"}))
        .await
        .problem(422, "invalid_field");
    assert_eq!(fields(&unknown), ["colour"]);
    service
        .anonymous()
        .post(LINKS, &json!({"path": CSV}))
        .await
        .problem(401, "unauthenticated");
    let teacher = service.login("teacher", ADMIN_PASSWORD).await;
    teacher
        .post(LINKS, &json!({"path": CSV}))
        .await
        .problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_have_the_public_address() {
    let (school, service, admin) = signed_in(Engine::Sqlite).await;
    let seen = admin.post(LINKS, &json!({"path": CSV})).await.expect(201).json();
    let url = seen["url"].as_str().unwrap();
    assert!(
        url.starts_with(&service.base_url()) || url.starts_with("/backup/"),
        "{url}"
    );
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_PUBLIC_URL", "https://backup.school.example/campus");
    let service = setup.start().await;
    let request = service
        .admin()
        .await
        .request(Method::POST, LINKS)
        .header("Host", "evil.example");
    let seen = Answer::of(request.json(&json!({"path": CSV}))).await.expect(201).json();
    let url = seen["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://backup.school.example/campus/backup/download/students?"),
        "{url}"
    );
}
