//! The main job on a realistic school of a hundred thousand rows: look at the counts, download, clear.

use serde_json::{Value, json};

use harness::service::{Setup, one_time_password};
use harness::{Engine, Scratch, TABLES, WAIT_LIMIT, on_every_engine, until};

#[on_every_engine]
async fn school_is_downloaded_and_cleared(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let setup = Setup::bare().set("DATABASE_URL", scratch.url()).argument("--demo");
    let service = setup.start().await;
    until("the password is printed", WAIT_LIMIT, async || {
        one_time_password(&service.stdout()).is_some()
    })
    .await;
    let password = one_time_password(&service.stdout()).unwrap().to_owned();
    let admin = service.login("admin", &password).await;

    let counts = scratch.counts().await;
    let total: i64 = counts.values().map(|count| count.as_i64().unwrap()).sum();
    assert_eq!(total, 109_053);
    let stats = admin.get("/backup/stats").await.expect(200).json();
    for table in TABLES {
        assert_eq!(stats[table], counts[table], "{table}");
    }
    assert_eq!(stats["total"], total);

    for table in TABLES {
        let answer = admin.get(&format!("/backup/download/{table}")).await.expect(200);
        assert_eq!(answer.header("x-total-rows"), counts[table].to_string());
        let text = answer.text();
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len() as u64, counts[table].as_u64().unwrap(), "{table}");
        let ids: Vec<i64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
        assert!(ids.is_sorted(), "{table} is not in id order");
    }
    let archive = admin.get("/backup/download/all").await.expect(200).json();
    for table in TABLES {
        assert_eq!(archive["summary"]["rows"][table], counts[table], "{table}");
        assert_eq!(
            archive["tables"][table].as_array().unwrap().len() as u64,
            counts[table].as_u64().unwrap()
        );
    }
    assert_eq!(archive["summary"]["total"], total);
    assert_eq!(
        archive["summary"]["totals"]["payments.amount_paid"],
        exact_sum(&archive)
    );

    let cleared = admin
        .clear(&json!({"table": "attendance", "expected_rows": counts["attendance"]}))
        .await;
    assert_eq!(cleared.expect(200).json()["removed"], json!({"attendance": 100_000}));
    assert_eq!(scratch.count("attendance").await, 0);
    assert_eq!(scratch.count("students").await, 1_000);
    let dry = admin
        .clear(&json!({"table": "all", "dry_run": true}))
        .await
        .expect(200)
        .json();
    let cleared = admin
        .clear(&json!({"table": "all", "expected_rows": dry["removed"], "confirm": "all"}))
        .await;
    assert_eq!(cleared.expect(200).json()["removed"], dry["removed"]);
    for table in TABLES {
        let left = scratch.count(table).await;
        assert_eq!(left == 0, table != "users", "{table}: {left}");
    }
    service
        .login("admin", &password)
        .await
        .get("/backup/stats")
        .await
        .expect(200);
    assert_eq!(service.stop().await.code, Some(0));
}

/// The sum of the payments, in whole cents and therefore exact.
fn exact_sum(archive: &Value) -> String {
    let rows = archive["tables"]["payments"].as_array().unwrap();
    let cents = rows.iter().map(|row| {
        row["amount_paid"]
            .as_str()
            .unwrap()
            .replace('.', "")
            .parse::<i64>()
            .unwrap()
    });
    let cents: i64 = cents.sum();
    format!("{}.{:02}", cents / 100, cents % 100)
}
