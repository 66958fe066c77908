//! Tests of refused and accepted bodies.

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use futures_util::stream;
use serde::Deserialize;

use super::*;
use crate::problem::FieldError;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Color {
    Red,
    Green,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    flag: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    name: String,
    count: Option<u64>,
    color: Option<Color>,
    inner: Option<Inner>,
}

impl RequestBody for Order {
    type Form = Self;
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    count: Option<u64>,
    sure: Option<bool>,
}

impl RequestBody for Form {
    type Form = Self;
    const FORMATS: Formats = Formats::JsonAndForm;
}

const LIMITS: BodyLimits = BodyLimits {
    size: 200,
    time: Duration::from_millis(200),
};

async fn read<T: RequestBody>(media_type: &str, body: impl Into<Bytes>) -> Result<T, ApiError> {
    let request = TestRequest::post()
        .app_data(LIMITS)
        .insert_header((CONTENT_TYPE, media_type))
        .set_payload(body);
    let (request, mut payload) = request.to_http_parts();
    Body::from_request(&request, &mut payload).await.map(|body| body.0)
}

async fn json(body: &str) -> Result<Order, ApiError> {
    read("application/json", body.to_owned()).await
}

async fn form(body: &str) -> Result<Form, ApiError> {
    read("application/x-www-form-urlencoded", body.to_owned()).await
}

async fn refused_field(body: &str) -> (String, String) {
    let error = json(body).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidField, "{body}: {error}");
    assert_eq!(error.problem().errors.len(), 1);
    let FieldError { field, detail } = error.problem().errors[0].clone();
    (field, detail)
}

fn pair(field: &str, detail: &str) -> (String, String) {
    (field.to_owned(), detail.to_owned())
}

#[actix_web::test]
async fn invalid_json_is_malformed() {
    for body in [
        "",
        "  \n",
        "{",
        "{\"name\":\"x\"",
        "nonsense",
        "{\"name\":\"x\"} more",
        "[1",
        "{\"name\":\"\u{1}\"}",
    ] {
        let error = json(body).await.unwrap_err();
        assert_eq!(error.code(), Code::MalformedBody, "{body}: {error}");
    }
    let error = read::<Order>("application/json", Bytes::from_static(b"{\"name\":\"\xff\"}")).await;
    assert_eq!(error.unwrap_err().code(), Code::MalformedBody);
    let deep = "[".repeat(190);
    assert_eq!(json(&deep).await.unwrap_err().code(), Code::MalformedBody);
}

#[actix_web::test]
async fn refused_field_is_named_with_the_expected_value() {
    let cases = [
        ("{}", pair("name", "is missing")),
        (r#"{"name":1}"#, pair("name", "must be text")),
        (
            r#"{"name":"x","count":-1}"#,
            pair("count", "must be a whole number, 0 or greater"),
        ),
        (
            r#"{"name":"x","count":1.5}"#,
            pair("count", "must be a whole number, 0 or greater"),
        ),
        (
            r#"{"name":"x","color":"blue"}"#,
            pair("color", "must be `red` or `green`"),
        ),
        (
            r#"{"name":"x","inner":{"flag":"yes"}}"#,
            pair("inner.flag", "must be `true` or `false`"),
        ),
        (r#"{"name":"x","inner":{}}"#, pair("inner.flag", "is missing")),
        (
            r#"{"name":"x","inner":{"flags":true}}"#,
            pair("inner.flags", "is not known here; known: `flag`"),
        ),
        (r#"{"name":"x","inner":3}"#, pair("inner", "must be an object")),
        (
            r#"{"name":"x","nmae":"y"}"#,
            pair("nmae", "is not known here; known: `name`, `count`, `color`, `inner`"),
        ),
        (r#"{"name":"x","name":"y"}"#, pair("name", "is given more than once")),
        (
            r#"{"inner":{"flag":true,"flag":true}}"#,
            pair("inner.flag", "is given more than once"),
        ),
        (
            r#"{"name":"a\u0000b"}"#,
            pair("name", "must not contain the NUL character"),
        ),
        (r#"{"a\u0000b":1}"#, pair("a\0b", "must not contain the NUL character")),
        ("5", pair("body", "must be an object")),
        (r#""text""#, pair("body", "must be an object")),
        ("null", pair("body", "must be an object")),
        (r#"["x"]"#, pair("body", "must be an object")),
    ];
    for (body, expected) in cases {
        assert_eq!(refused_field(body).await, expected, "{body}");
    }
}

#[actix_web::test]
async fn sent_values_are_not_repeated() {
    let long = "s3cret".repeat(20);
    let error = json(&format!(r#"{{"name":"x","count":"{long}"}}"#)).await.unwrap_err();
    let said = serde_json::to_string(error.problem()).unwrap();
    assert!(!said.contains("s3cret"), "{said}");
    let (field, detail) = refused_field(&format!(r#"{{"{long}":1}}"#)).await;
    assert!(field.chars().count() <= 65 && detail.len() < 100, "{field} {detail}");
    // A name can't forge the list of known names.
    let (field, detail) = refused_field(r#"{"x`, expected `admin":1}"#).await;
    assert_eq!(field, "x`, expected `admin");
    assert_eq!(detail, "is not known here; known: `name`, `count`, `color`, `inner`");
}

#[actix_web::test]
async fn other_content_types_are_refused() {
    for media_type in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "nonsense",
    ] {
        let error = read::<Order>(media_type, r#"{"name":"x"}"#).await.unwrap_err();
        assert_eq!(error.code(), Code::UnsupportedMediaType, "{media_type}");
    }
    let (request, mut payload) = TestRequest::post().set_payload("{}").to_http_parts();
    let missing = Body::<Order>::from_request(&request, &mut payload).await.unwrap_err();
    assert_eq!(missing.code(), Code::UnsupportedMediaType);
    let encoded = TestRequest::post()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header(("content-encoding", "gzip"));
    let (request, mut payload) = encoded.set_payload("{}").to_http_parts();
    let encoded = Body::<Order>::from_request(&request, &mut payload).await.unwrap_err();
    assert_eq!(encoded.code(), Code::UnsupportedMediaType);
}

#[actix_web::test]
async fn too_large_body_is_refused_with_the_limit() {
    let error = json(&format!(r#"{{"name":"{}"}}"#, "x".repeat(300))).await.unwrap_err();
    assert_eq!(error.code(), Code::BodyTooLarge);
    assert!(error.problem().detail.contains("200 bytes"), "{error}");

    // The header is enough, before any byte of the body.
    let (request, _) = TestRequest::post()
        .app_data(LIMITS)
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CONTENT_LENGTH, "10000000"))
        .to_http_parts();
    let mut never: Payload = Payload::Stream {
        payload: Box::pin(stream::pending()),
    };
    let error = Body::<Order>::from_request(&request, &mut never).await.unwrap_err();
    assert_eq!(error.code(), Code::BodyTooLarge);
}

#[actix_web::test]
async fn slow_body_is_refused_in_time() {
    let (request, _) = TestRequest::post()
        .app_data(LIMITS)
        .insert_header((CONTENT_TYPE, "application/json"))
        .to_http_parts();
    let drip = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok(Bytes::from_static(b" ")), ()))
    });
    let mut payload: Payload = Payload::Stream {
        payload: Box::pin(drip),
    };
    // The timeout is for the whole body. With a timeout for each chunk the size limit would be reached first.
    let error = Body::<Order>::from_request(&request, &mut payload).await.unwrap_err();
    assert_eq!(error.code(), Code::RequestTimeout);
}

#[actix_web::test]
async fn refused_form_names_the_field() {
    let cases = [
        ("count=1", "name", "is missing"),
        ("name=x&count=many", "count", "must be a whole number"),
        ("name=x&count=-1", "count", "must be a whole number"),
        ("name=x&sure=perhaps", "sure", r#"must be "true", "on" or "false""#),
        ("name=x&name=y", "name", "is given more than once"),
        ("name=x%00y", "name", "must not contain the NUL character"),
        (
            "name=x&other=1",
            "other",
            "is not known here; known: `name`, `count`, `sure`",
        ),
    ];
    for (body, field, detail) in cases {
        let error = form(body).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidField, "{body}");
        let refused = &error.problem().errors[0];
        assert_eq!(
            (refused.field.as_str(), refused.detail.as_str()),
            (field, detail),
            "{body}"
        );
    }
    assert_eq!(form("").await.unwrap_err().code(), Code::MalformedBody);
}

#[actix_web::test]
async fn refused_query_string_names_the_field() {
    let query = |query: &str| {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        async move { Query::<Form>::extract(&request).await.map(|query| query.0) }
    };
    let error = query("name=x&count=a").await.unwrap_err();
    assert_eq!(error.problem().errors[0].field, "count");
    assert_eq!(query("name=x&bad=1").await.unwrap_err().code(), Code::InvalidField);
    assert_eq!(query("name=x&name=x").await.unwrap_err().code(), Code::InvalidField);
    assert_eq!(query("name=a%20b&sure=true").await.unwrap().name, "a b");
}

#[actix_web::test]
async fn valid_bodies_are_accepted() {
    let order = json("\u{feff} {\"name\":\"Zoë \u{1f600}\",\"count\":3,\"color\":\"red\",\"inner\":{\"flag\":true}} ");
    assert_eq!(
        order.await.unwrap(),
        Order {
            name: "Zoë \u{1f600}".to_owned(),
            count: Some(3),
            color: Some(Color::Red),
            inner: Some(Inner { flag: true }),
        }
    );
    assert!(
        read::<Order>("application/json; charset=UTF-8", r#"{"name":"x"}"#)
            .await
            .is_ok()
    );
    let taken = form("name=a+b%26c&count=3&sure=true").await.unwrap();
    assert_eq!(
        (taken.name.as_str(), taken.count, taken.sure),
        ("a b&c", Some(3), Some(true))
    );
    assert!(read::<Form>("application/json", r#"{"name":"x"}"#).await.is_ok());
}
