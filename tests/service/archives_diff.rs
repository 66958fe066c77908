//! `GET /backup/diff`: two archives, or an archive and the live data.

use harness::{Engine, on_every_engine, varying};
use serde_json::{Value, json};

use harness::archives_rig::ArchivesPlace;

const NONE: [&str; 3] = ["added", "removed", "changed"];

/// Compares a whole answer with its snapshot. The two inputs are checked separately.
fn assert_answer(name: &str, answer: &Value) {
    insta::assert_json_snapshot!(name, answer, {
        ".from.id" => varying("[id]"),
        ".from.at" => varying("[time]"),
        ".to.id" => varying("[id]"),
        ".to.at" => varying("[time]"),
    });
}

#[on_every_engine]
async fn differences_are_counted_and_shown(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let first = admin.create_backup().await;
    let path = format!("/backup/diff?from={first}&to=live");
    let same = admin.get(&path).await.expect(200).json();
    assert_eq!((&same["is_same"], &same["missing"]), (&json!(true), &json!({})));
    for counts in same["tables"].as_object().unwrap().values() {
        assert!(NONE.iter().all(|what| counts[what] == 0), "{same}");
    }
    scratch
        .execute("update courses set fee = 250.5, name = 'Changed' where id = 3")
        .await;
    scratch.execute("delete from attendance").await;
    scratch
        .execute("insert into payment_categories (id, name) values (70, '=1+1'), (71, 'b')")
        .await;
    scratch
        .execute("update users set password_hash = '!' where id = 2")
        .await;
    let second = admin.create_backup().await;
    for to in ["live", &second] {
        let path = format!("/backup/diff?from={first}&to={to}");
        let found = admin.get(&path).await.expect(200).json();
        assert_eq!((&found["from"]["id"], &found["to"]["id"]), (&json!(first), &json!(to)));
        assert_answer("diff", &found);
        let rows = admin.get(&format!("{path}&table=courses")).await.expect(200).json();
        assert_answer("diff_of_a_table", &rows);
        // One page after another.
        let page = format!("{path}&table=attendance&limit=2");
        let first_page = admin.get(&page).await.expect(200).json();
        assert_eq!(first_page["items"].as_array().unwrap().len(), 2);
        let next = admin
            .get(&format!("{page}&after={}", first_page["next"]))
            .await
            .expect(200)
            .json();
        assert_eq!(
            (next["items"].as_array().unwrap().len(), &next["next"]),
            (1, &Value::Null)
        );
        let hidden = admin.get(&format!("{path}&table=users")).await.expect(200);
        assert!(!hidden.text().contains("argon2"), "hashes of passwords are not shown");
        assert_answer("diff_of_password_hashes", &hidden.json());

        let csv = admin.csv(&format!("{path}&format=csv")).await;
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines[0], "table,id,change,field,from,to");
        for line in [
            "courses,3,changed,fee,0.10,250.50",
            "payment_categories,70,added,name,,'=1+1",
        ] {
            assert!(lines.contains(&line), "{line} in {csv}");
        }
        assert!(!csv.contains("argon2"));
        let some = admin
            .csv(&format!("{path}&format=csv&table=payment_categories&change=added"))
            .await;
        assert!(
            some.lines().skip(1).all(|line| line.starts_with("payment_categories,")),
            "{some}"
        );
    }
    let backwards = admin
        .get(&format!("/backup/diff?from={second}&to={first}"))
        .await
        .expect(200)
        .json();
    assert_eq!(backwards["tables"]["attendance"]["added"], 3);
}

#[on_every_engine(nightly)]
async fn invalid_requests_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, id) = (&place.admin, place.admin.create_backup().await);
    for query in [
        "",
        "from=live",
        "from=live&to=live",
        &format!("from={id}&to={id}"),
        &format!("from={id}&to=live&limit=5"),
        &format!("from={id}&to=live&table=courses&limit=0"),
        &format!("from={id}&to=live&table=courses&limit=1001"),
        &format!("from={id}&to=live&table=teachers"),
        &format!("from={id}&to=live&change=added"),
        &format!("from={id}&to=live&table=courses&change=moved"),
        &format!("from={id}&to=live&format=xlsx"),
        &format!("from={id}&to=live&format=csv&after=3"),
        &format!("from={id}&to=live&bom=true"),
    ] {
        admin
            .get(&format!("/backup/diff?{query}"))
            .await
            .problem(422, "invalid_field");
    }
    let whole = std::fs::read(place.object(&id)).unwrap();
    std::fs::write(place.object(&id), &whole[..whole.len() - 20]).unwrap();
    admin
        .get(&format!("/backup/diff?from={id}&to=live"))
        .await
        .problem(422, "archive_truncated");
}
