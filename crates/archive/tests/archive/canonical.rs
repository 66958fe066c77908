//! The same data has one form: valid JSON in any other form is refused, and so are impossible values.

use campus_backup_archive::{Keys, Position};

use crate::content::{BARE, refusal, replaced};

#[track_caller]
fn assert_refused(part: &str, by: &str, code: &str) {
    let error = refusal(&replaced(part, by), &Keys::none());
    assert_eq!(error.code(), code, "{part} -> {by}: {error}");
}

#[test]
fn rows_with_other_columns_are_refused() {
    let row = r#"{"id":1,"username":"admin","is_active":true}"#;
    for (by, code) in [
        (r#"{"id":1,"is_active":true,"username":"admin"}"#, "invalid_row"),
        (r#"{"id":1,"username":"admin"}"#, "invalid_row"),
        (r#"{"username":"admin","is_active":true}"#, "invalid_row"),
        (
            r#"{"id":1,"username":"admin","username":"admin","is_active":true}"#,
            "invalid_row",
        ),
        (
            r#"{"id":1,"username":"admin","is_active":true,"role":"admin"}"#,
            "invalid_row",
        ),
        (r#"{"id":1,"username":"admin","is_active":true,"id":1}"#, "invalid_row"),
        (r#"{"id":1,"username":"admin","IS_ACTIVE":true}"#, "invalid_row"),
        (r"{}", "invalid_row"),
        (r#"{"id":1,"username":"admin","is_active":true} "#, "not_canonical"),
        (r#"{"id":1,"username":"admin", "is_active":true}"#, "not_canonical"),
        (r#"{"id": 1,"username":"admin","is_active":true}"#, "not_canonical"),
        (r#"{"id":1,"\u0075sername":"admin","is_active":true}"#, "not_canonical"),
        (r#" {"id":1,"username":"admin","is_active":true}"#, "corrupt"),
        (r#"{"id":1,"username":"admin","is_active":true"#, "corrupt"),
        (r#"{"id":1,"username":"admin","is_active":true}}"#, "corrupt"),
        (r#"{"id":1,"username":"admin","is_active":true}{"#, "corrupt"),
        ("[1]", "corrupt"),
        ("1", "corrupt"),
        ("", "corrupt"),
        ("\n", "corrupt"),
    ] {
        assert_refused(row, by, code);
    }
}

#[test]
fn native_values_are_read_in_one_form() {
    for (part, native) in [
        ("\"admin\"", r#"{"native":"X'ff00'"}"#),
        ("\"is_active\":true", r#""is_active":{"native":"2"}"#),
        ("\"0.125\"", r#"{"native":"NaN"}"#),
        ("\"2024-02-29\"", r#"{"native":"20140-01-01"}"#),
        ("\"2024-02-29\"", r#"{"native":"0044-03-15 BC"}"#),
        ("\"2024-02-29\"", r#"{"native":"a \"quoted\" text"}"#),
        ("\"2038-01-19T03:14:08Z\"", r#"{"native":"0000-00-00 00:00:00.000000"}"#),
    ] {
        // The digests are now wrong, which the reader finds only after the row.
        assert_refused(part, native, "digest_mismatch");
    }
    for (part, by, code) in [
        ("\"id\":-3", r#""id":{"native":"-3"}"#, "not_canonical"),
        ("\"id\":-3", r#""id":{"native":"x"}"#, "invalid_value"),
        ("\"2024-02-29\"", r#"{"native":"2024-02-29"}"#, "not_canonical"),
        ("\"0.125\"", r#"{"native":"0.125"}"#, "not_canonical"),
        ("\"admin\"", r#"{"native":""}"#, "not_canonical"),
        ("\"admin\"", r#"{"native":"\u0041"}"#, "not_canonical"),
        ("\"admin\"", r#"{"native":"a\u0000"}"#, "invalid_value"),
        ("\"admin\"", r#"{"native":7}"#, "invalid_value"),
        ("\"admin\"", r#"{"native":null}"#, "invalid_value"),
        ("\"admin\"", r#"{"native" :"x"}"#, "invalid_value"),
        ("\"admin\"", r#"{"native":"x","more":1}"#, "invalid_value"),
        ("\"admin\"", r#"{"Native":"x"}"#, "invalid_value"),
    ] {
        assert_refused(part, by, code);
    }
}

#[test]
fn years_beyond_the_range_of_an_engine_are_refused() {
    for date in ["0000-01-01", "20140-01-01", "-44-03-15", "12024-01-01"] {
        assert_refused("\"2024-02-29\"", &format!("\"{date}\""), "invalid_value");
        let time = format!("\"{date}T00:00:00Z\"");
        assert_refused("\"2038-01-19T03:14:08Z\"", &time, "invalid_value");
    }
}

#[test]
fn values_outside_their_column_are_refused() {
    for (part, by, code) in [
        // Other types.
        ("\"admin\"", "7", "invalid_value"),
        ("\"admin\"", "true", "invalid_value"),
        ("\"admin\"", "null", "invalid_value"),
        ("\"admin\"", "[\"admin\"]", "invalid_value"),
        ("\"admin\"", "{\"name\":\"admin\"}", "invalid_value"),
        ("\"id\":-3", "\"id\":\"-3\"", "invalid_value"),
        ("\"id\":-3", "\"id\":-3.0", "invalid_value"),
        ("\"id\":-3", "\"id\":-3e0", "invalid_value"),
        ("\"id\":-3", "\"id\":null", "invalid_value"),
        ("\"is_active\":true", "\"is_active\":1", "invalid_value"),
        ("\"0.125\"", "0.125", "invalid_value"),
        ("\"1969-12-31\"", "19691231", "invalid_value"),
        // Integers.
        (
            "\"id\":9223372036854775807",
            "\"id\":9223372036854775808",
            "invalid_value",
        ),
        (
            "\"student_id\":-9223372036854775808",
            "\"student_id\":-9223372036854775809",
            "invalid_value",
        ),
        (
            "\"id\":4000000000",
            "\"id\":40000000000000000000000000",
            "invalid_value",
        ),
        ("\"id\":-3", "\"id\":-03", "not_canonical"),
        ("\"student_id\":0", "\"student_id\":-0", "not_canonical"),
        ("\"student_id\":0", "\"student_id\":00", "not_canonical"),
        ("\"student_id\":0", "\"student_id\":+0", "invalid_value"),
        ("\"student_id\":0", "\"student_id\":-", "corrupt"),
        // Decimals.
        ("\"0.125\"", "\"0.1250\"", "not_canonical"),
        ("\"0.125\"", "\".125\"", "invalid_value"),
        ("\"0.125\"", "\"0.\"", "invalid_value"),
        ("\"0.125\"", "\"00.125\"", "not_canonical"),
        ("\"0.125\"", "\"+0.125\"", "invalid_value"),
        ("\"0.125\"", "\"1e2\"", "invalid_value"),
        ("\"0.125\"", "\"1_000.00\"", "invalid_value"),
        ("\"0.125\"", "\"1\"", "not_canonical"),
        ("\"0.125\"", "\"1.0\"", "not_canonical"),
        ("\"0.125\"", "\"-0.00\"", "not_canonical"),
        ("\"0.125\"", "\"NaN\"", "invalid_value"),
        ("\"0.125\"", "\"\"", "invalid_value"),
        ("\"0.125\"", "\"79228162514264337593543950336\"", "invalid_value"),
        ("\"0.125\"", "\"0.00000000000000000000000000001\"", "invalid_value"),
        ("\"0.125\"", "\"\\u0030.125\"", "not_canonical"),
        // Dates.
        ("\"2024-02-29\"", "\"2023-02-29\"", "invalid_value"),
        ("\"2024-02-29\"", "\"2024-13-01\"", "invalid_value"),
        ("\"2024-02-29\"", "\"2024-00-00\"", "invalid_value"),
        ("\"2024-02-29\"", "\"2024-2-29\"", "not_canonical"),
        ("\"2024-02-29\"", "\"+2024-02-29\"", "not_canonical"),
        ("\"2024-02-29\"", "\"02024-02-29\"", "not_canonical"),
        ("\"2024-02-29\"", "\"29-02-2024\"", "invalid_value"),
        ("\"2024-02-29\"", "\"2024-02-29T00:00:00Z\"", "invalid_value"),
        ("\"2024-02-29\"", "\"99999999-02-29\"", "invalid_value"),
        ("\"2024-02-29\"", "\"\"", "invalid_value"),
        // Times.
        (
            "\"2038-01-19T03:14:08Z\"",
            "\"2038-01-19T03:14:08.000000Z\"",
            "not_canonical",
        ),
        (
            "\"2038-01-19T03:14:08Z\"",
            "\"2038-01-19T03:14:08.5Z\"",
            "not_canonical",
        ),
        (
            "\"2038-01-19T03:14:08Z\"",
            "\"2038-01-19T03:14:08.0000001Z\"",
            "not_canonical",
        ),
        (
            "\"2038-01-19T03:14:08Z\"",
            "\"2038-01-19T03:14:08+00:00\"",
            "not_canonical",
        ),
        (
            "\"2038-01-19T03:14:08Z\"",
            "\"2038-01-19T05:14:08+02:00\"",
            "not_canonical",
        ),
        ("\"2038-01-19T03:14:08Z\"", "\"2038-01-19 03:14:08Z\"", "invalid_value"),
        ("\"2038-01-19T03:14:08Z\"", "\"2038-01-19T03:14:08z\"", "not_canonical"),
        ("\"2038-01-19T03:14:08Z\"", "\"2038-01-19T24:00:00Z\"", "invalid_value"),
        ("\"2038-01-19T03:14:08Z\"", "\"2038-01-19T23:59:60Z\"", "invalid_value"),
        ("\"2038-01-19T03:14:08Z\"", "\"2038-01-19\"", "not_canonical"),
        ("\"2038-01-19T03:14:08Z\"", "\"2038-02-30T03:14:08Z\"", "invalid_value"),
    ] {
        assert_refused(part, by, code);
    }
}

#[test]
fn texts_in_another_form_are_refused() {
    for (by, code) in [
        (r#""\u0061dmin""#, "not_canonical"),
        (r#""\/admin""#, "not_canonical"),
        (r#""\b""#, "not_canonical"),
        (r#""\f""#, "not_canonical"),
        (r#""\u000a""#, "not_canonical"),
        (r#""\u001F""#, "not_canonical"),
        (r#""\u007f""#, "not_canonical"),
        (r#""\u00e9""#, "not_canonical"),
        (r#""\ud83d\ude00""#, "not_canonical"),
        (r#""\ud83d""#, "invalid_value"),
        (r#""\ud83dx""#, "invalid_value"),
        (r#""\ud83d\u0041""#, "invalid_value"),
        (r#""\ude00""#, "invalid_value"),
        (r#""\u0000""#, "invalid_value"),
        ("\"\0\"", "invalid_value"),
        ("\"\u{1}\"", "corrupt"),
        ("\"\t\"", "corrupt"),
        (r#""\x41""#, "corrupt"),
        (r#""\u12""#, "corrupt"),
        (r#""\u+123""#, "corrupt"),
        (r#""admin"#, "corrupt"),
        (r#""admin\"#, "corrupt"),
        (r#""\""#, "corrupt"),
    ] {
        assert_refused("\"admin\"", by, code);
    }
    for bytes in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
        let text = std::str::from_utf8(BARE).unwrap();
        let (before, after) = text.split_once("\"admin\"").unwrap();
        let archive = [before.as_bytes(), b"\"", bytes, b"\"", after.as_bytes()].concat();
        assert_eq!(refusal(&archive, &Keys::none()).code(), "corrupt");
    }
}

#[test]
fn unordered_and_repeated_rows_are_refused() {
    let second = r#"{"id":1,"username":"admin","is_active":true}"#;
    assert_refused(second, &second.replace("\"id\":1", "\"id\":-3"), "duplicate_id");
    assert_refused(second, &second.replace("\"id\":1", "\"id\":-4"), "ids_out_of_order");
}

#[test]
fn other_layouts_are_refused() {
    let text = std::str::from_utf8(BARE).unwrap();
    let value: serde_json::Value = serde_json::from_slice(BARE).unwrap();
    let start = "{\"format\":\"campus-backup\",\"version\":1,";
    for (archive, code) in [
        (serde_json::to_string_pretty(&value).unwrap(), "not_canonical"),
        (format!("\u{feff}{text}"), "not_canonical"),
        (format!("\n{text}"), "not_canonical"),
        (format!(" {text}"), "not_canonical"),
        (text.replace("\"format\":", "\"format\": "), "not_canonical"),
        (text.replace('\n', "\r\n"), "corrupt"),
        (text.replace('\n', ""), "truncated"),
        (
            text.replace(start, "{\"version\":1,\"format\":\"campus-backup\","),
            "not_canonical",
        ),
        (text.replace("\"courses\":[],", "\"courses\":[\n],"), "corrupt"),
        (text.replace("\"courses\":[],\n", ""), "corrupt"),
        (text.replace("\"courses\":[],", "\"lessons\":[],"), "corrupt"),
        (text.replace("\n\"tables\":{", "\n\"tables\": {"), "corrupt"),
        (text.replace("\"summary\":{", "\"summary\": {"), "not_canonical"),
        (
            text.replace("\"engine\":\"sqlite\"", "\"engine\":\"\\u0073qlite\""),
            "not_canonical",
        ),
        (text.replace("\"engine\":\"sqlite\"", "\"engine\":7"), "invalid_value"),
        (
            text.replace("\"engine\":\"sqlite\",\n", "\"engine\":\"sqlite\",\"more\":1,\n"),
            "corrupt",
        ),
        (
            text.replace("2026-11-25T01:02:03.000400Z", "2026-11-25T01:02:03.0004Z"),
            "not_canonical",
        ),
        (
            text.replace("2026-11-25T01:02:03.000400Z", "yesterday"),
            "invalid_value",
        ),
    ] {
        assert_ne!(archive, text);
        let error = refusal(archive.as_bytes(), &Keys::none());
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn other_schemas_are_refused() {
    for (part, by, code) in [
        ("\"type\":\"boolean\"", "\"type\":\"float\"", "corrupt"),
        ("\"type\":\"boolean\"", "\"type\":\"text\"", "invalid_value"),
        (
            "\"type\":\"boolean\",\"nullable\":false",
            "\"nullable\":false,\"type\":\"boolean\"",
            "not_canonical",
        ),
        ("{\"name\":\"is_active\",", "{\"name\":\"username\",", "corrupt"),
        ("{\"name\":\"is_active\",", "{\"name\":\"is active\",", "corrupt"),
        (
            "{\"name\":\"is_active\",",
            "{\"name\":\"is_active\",\"default\":1,",
            "not_canonical",
        ),
        (
            "\"attendance\":[{\"name\":\"id\",",
            "\"attendance\":[{\"name\":\"key\",",
            "corrupt",
        ),
        (
            "\"attendance\":[{\"name\":\"id\",\"type\":\"integer\"",
            "\"attendance\":[{\"name\":\"id\",\"type\":\"text\"",
            "corrupt",
        ),
        ("\"attendance\":[{", "\"users\":[{", "corrupt"),
        ("\"attendance\":[{", "\"Attendance\":[{", "corrupt"),
        ("\"attendance\":[{", "\"\":[{", "corrupt"),
    ] {
        assert_refused(part, by, code);
    }
}

#[test]
fn summary_must_match_the_rows() {
    let text = std::str::from_utf8(BARE).unwrap();
    let summary = text.split_once("\"summary\":").unwrap().1;
    let with = |changed: String| [text.split_once("\"summary\":").unwrap().0, "\"summary\":", &changed].concat();
    for (from, to, code) in [
        ("\"users\":2", "\"users\":3", "count_mismatch"),
        ("\"users\":2", "\"users\":10000000000", "count_mismatch"),
        ("\"users\":2", "\"users\":-2", "corrupt"),
        (",\"users\":2", "", "count_mismatch"),
        ("\"total\":9", "\"total\":8", "count_mismatch"),
        ("\"users\":2}", "\"users\":2,\"more\":0}", "corrupt"),
        ("\"0.075\"", "\"0.076\"", "totals_mismatch"),
        ("\"0.075\"", "\"0.0750\"", "totals_mismatch"),
        ("\"payments.refunded\"", "\"payments.student_id\"", "totals_mismatch"),
        ("\"rows\":{", "\"rows\": {", "not_canonical"),
        ("\"digest\":\"", "\"digest\":\"0", "digest_mismatch"),
    ] {
        assert_eq!(summary.matches(from).count(), 1, "{from}");
        let error = refusal(with(summary.replace(from, to)).as_bytes(), &Keys::none());
        assert_eq!(error.code(), code, "{from} -> {to}: {error}");
    }
    let upper_case = with(summary.replace("\"users\":\"", "\"users\":\"F"));
    assert_eq!(refusal(upper_case.as_bytes(), &Keys::none()).code(), "digest_mismatch");
    // Rows that are missing or repeated.
    let row = "{\"id\":1,\"username\":\"admin\",\"is_active\":true}";
    let more = replaced(row, &format!("{row},\n{}", row.replace("\"id\":1", "\"id\":2")));
    assert_eq!(refusal(&more, &Keys::none()).code(), "count_mismatch");
    let fewer = replaced(&format!(",\n{row}"), "");
    assert_eq!(refusal(&fewer, &Keys::none()).code(), "count_mismatch");
}

#[test]
fn changed_value_is_found_by_the_digest_of_its_table() {
    let error = refusal(&replaced("\"admin\"", "\"Admin\""), &Keys::none());
    assert_eq!(error.code(), "digest_mismatch");
    assert!(error.to_string().contains("the table users"), "{error}");
    let error = refusal(
        &replaced("\"engine\":\"sqlite\"", "\"engine\":\"sqlitE\""),
        &Keys::none(),
    );
    assert_eq!(error.code(), "digest_mismatch");
    assert!(error.to_string().contains("the header"), "{error}");
}

#[test]
fn errors_have_the_place_and_no_content() {
    let error = refusal(&replaced("\"2024-02-29\"", "\"1992-31-secret\""), &Keys::none());
    let line = BARE
        .split(|byte| *byte == b'\n')
        .position(|line| line.starts_with(b"{\"id\":4000000000"))
        .unwrap();
    assert_eq!(
        error.position(),
        Some(&Position {
            line: line as u64 + 1,
            table: Some("students".to_owned()),
            row: Some(3),
            id: Some(4_000_000_000),
            column: Some("date_of_birth".to_owned()),
        })
    );
    let message = error.to_string();
    assert!(
        message.ends_with("table students, row 3, id 4000000000, column date_of_birth: not a date of the calendar"),
        "{message}"
    );
    assert!(!format!("{error:?}{message}").contains("secret"));
}
