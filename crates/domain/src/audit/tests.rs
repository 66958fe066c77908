//! The encoding of the chain: what was written once must be verified by every later version.

use chrono::DateTime;

use super::chain::hash;
use super::{AuditActor, AuditEntry, AuditEvent, AuditHead, AuditMethod, AuditResult, RefusalLimiter};
use crate::entity::audit_event::Model;

const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn event() -> Model {
    Model {
        id: 1,
        at: DateTime::from_timestamp_micros(1_795_943_700_000_001).unwrap(),
        event: "clear".to_owned(),
        result: "succeeded".to_owned(),
        username: Some("Zoë".to_owned()),
        user_id: Some(7),
        method: Some("session".to_owned()),
        token_id: None,
        client: Some("203.0.113.7".to_owned()),
        subject: Some("a".to_owned()),
        table_name: Some("attendance".to_owned()),
        status: None,
        reason: None,
        details: Some(r#"{"removed":{"attendance":18}}"#.to_owned()),
        hash: String::new(),
    }
}

#[test]
fn hash_of_an_event_never_changes() {
    assert_eq!(hash(FIRST, &event()), GOLDEN);
}

/// Computed by the script of `docs/audit.md`, independently of this code.
const GOLDEN: &str = "fe575587c951c5e77f1744bcacc5d8c143208935ec0b8bdebf2c60b160590d03";

#[test]
fn every_column_and_the_hash_before_are_in_the_hash() {
    let change = |change: fn(&mut Model)| {
        let mut event = event();
        change(&mut event);
        hash(FIRST, &event)
    };
    let mut hashes = vec![
        hash(FIRST, &event()),
        hash(GOLDEN, &event()),
        change(|event| event.id = 2),
        change(|event| event.at += chrono::TimeDelta::microseconds(1)),
        change(|event| event.event = "undo".to_owned()),
        change(|event| event.result = "failed".to_owned()),
        change(|event| event.username = None),
        change(|event| event.username = Some("-".to_owned())),
        change(|event| event.user_id = None),
        change(|event| event.method = None),
        change(|event| event.token_id = Some(1)),
        change(|event| event.client = None),
        change(|event| event.subject = None),
        change(|event| event.table_name = None),
        change(|event| event.status = Some(200)),
        change(|event| event.reason = Some(String::new())),
        change(|event| event.details = None),
        // The same text in another column.
        change(|event| {
            event.subject = None;
            event.client = None;
            event.reason = Some("a".to_owned());
        }),
    ];
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all);
}

#[test]
fn names_are_those_of_the_api_and_fit_their_columns() {
    for event in AuditEvent::ALL {
        assert_eq!(serde_json::to_value(event).unwrap(), event.name());
        assert_eq!(AuditEvent::from_name(event.name()), Some(*event));
        assert!(event.name().len() <= 32, "{}", event.name());
    }
    for result in AuditResult::ALL {
        assert_eq!(serde_json::to_value(result).unwrap(), result.name());
        assert!(result.name().len() <= 16);
    }
    for method in AuditMethod::ALL {
        assert_eq!(serde_json::to_value(method).unwrap(), method.name());
        assert!(method.name().len() <= 16);
    }
}

#[test]
fn noted_head_is_an_id_and_a_hash() {
    let noted = AuditHead::parse(&format!("12:{}", "AB".repeat(32))).unwrap();
    assert_eq!((noted.id, noted.hash), (12, "ab".repeat(32)));
    for text in [
        "",
        "12",
        "12:",
        "0:00",
        ":00",
        &format!("-1:{FIRST}"),
        &format!("1:{FIRST}0"),
    ] {
        assert!(AuditHead::parse(text).is_err(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn same_refusal_is_written_once_a_minute() {
    let limiter = RefusalLimiter::default();
    let refused = |user_id, reason: &str| {
        AuditEntry::new(AuditActor::user(user_id, "u", None), AuditEvent::TokenRefused).refused(reason)
    };
    assert!(limiter.admits(&refused(1, "a")));
    assert!(!limiter.admits(&refused(1, "a")));
    assert!(limiter.admits(&refused(1, "b")) && limiter.admits(&refused(2, "a")));
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    assert!(limiter.admits(&refused(1, "a")));
}
