//! A restore names the administrators that it changes, demands a confirmation, and locks no administrator out without
//! one.

use campus_backup_archive::Cell;
use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::client::fields;
use harness::restore_rig;
use harness::{Engine, on_every_engine};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$6ZzIhBXp1pW1nU6wY3kQ0w$gB0s7mPzv9c5Qe2XyT8uRkV1oJ4hN6dLaFqKiWtZ3xE";

/// Uploads an archive of the small school, after `rewrite` has changed each of its users.
async fn uploaded(place: &ArchivesPlace, rewrite: impl Fn(i64, &mut Vec<Cell<'_>>)) -> String {
    let archive = restore_rig::RestorePlace::on(&place.school.scratch)
        .await
        .archive()
        .await;
    let archive = archive.rewritten(|table, cells| {
        if let (true, Cell::Integer(id)) = (table == "users", cells[0]) {
            rewrite(id, cells);
        }
        true
    });
    let path = format!("{ARCHIVES}/upload");
    let answer = place.admin.post_raw(&path, "application/octet-stream", archive.bytes());
    let uploaded = answer.await.expect(201).json();
    uploaded["id"].as_str().unwrap().to_owned()
}

/// Two more administrators: the archive will change one and disable the other.
async fn with_colleagues(engine: Engine) -> ArchivesPlace {
    let place = ArchivesPlace::on(engine).await;
    for (id, name) in [(20, "boss"), (21, "head")] {
        let sql =
            format!("insert into users (id, username, password_hash, role) values ({id}, '{name}', '{HASH}', 'admin')");
        place.school.scratch.execute(&sql).await;
    }
    place
}

/// Changes the administrators in every way that an archive can.
fn takeover(id: i64, cells: &mut [Cell<'_>]) {
    match id {
        2 => cells[4] = Cell::Text("admin"),
        3 => (cells[1], cells[4], cells[5]) = (Cell::Text("eve"), Cell::Text("admin"), Cell::Boolean(true)),
        4 => cells[5] = Cell::Boolean(true),
        20 => cells[3] = Cell::Text("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"),
        21 => cells[5] = Cell::Boolean(false),
        _ => {}
    }
}

#[on_every_engine]
async fn changed_administrators_are_named_and_need_a_confirmation(engine: Engine) {
    let place = with_colleagues(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let id = uploaded(&place, |id, cells| takeover(id, cells)).await;
    let before = scratch.everything().await;
    for mode in ["replace", "merge"] {
        let plan = admin.plan(&id, &json!({"mode": mode})).await;
        let lists = |plan: &Value| {
            let lists = ["added", "changed", "raised", "disabled"];
            let lists = lists.map(|list| plan[format!("administrators_{list}")].clone());
            json!({"lists": lists, "warnings": plan["warnings"]})
        };
        if mode == "replace" {
            assert_json_snapshot!("plan", lists(&plan));
            let asked = json!({"mode": mode, "disable_administrators": true});
            assert_json_snapshot!("plan_that_disables", lists(&admin.plan(&id, &asked).await));
        }
        // Without the confirmation, and with a hash without the part for administrators.
        let mut body = json!({"mode": mode, "plan_hash": plan["hash"], "confirm": "restore"});
        for confirmed in [None, Some(false)] {
            body["confirm_administrators"] = json!(confirmed.unwrap_or_default());
            let problem = admin
                .post(&of(&id, "/restore"), &body)
                .await
                .problem(422, "wrong_confirmation");
            assert_eq!(fields(&problem), ["confirm_administrators"]);
        }
        let (data, _) = plan["hash"].as_str().unwrap().split_once('-').unwrap();
        body["plan_hash"] = json!(data);
        let job = admin.job(admin.post(&of(&id, "/restore"), &body).await).await;
        assert_eq!(job["error"]["code"], "plan_outdated", "{job}");
        assert_eq!(scratch.everything().await, before, "{mode}");
    }
    let missing = admin.plan(&id, &json!({"mode": "insert_missing"})).await;
    assert!(!missing["hash"].as_str().unwrap().contains('-'), "{missing}");

    // With the confirmation it succeeds, and `head` is unchanged. Notifications report the new administrators.
    scratch
        .execute(
            "insert into backup_notifications (name, kind, target, events, attach_archive, enabled, created_at, \
             updated_at, created_by) values ('x', 'webhook', 'http://192.0.2.1/', '[\"administrator_added\"]', false, true, \
             '2026-11-30 00:00:00', '2026-11-30 00:00:00', 'admin')",
        )
        .await;
    admin.done(admin.restore(&id, &json!({"mode": "replace"})).await).await;
    let reported = scratch.rows("select payload from backup_outbox order by payload").await;
    let reported = reported
        .iter()
        .map(|row| serde_json::from_str::<Value>(row[0].as_ref().unwrap()).unwrap());
    let reported: Vec<_> = reported.map(|event| event["data"]["username"].clone()).collect();
    assert_eq!(reported, ["-old.admin", "eve", "teacher"]);
    assert_eq!(
        administrators(&place).await,
        ["-old.admin", "admin", "boss", "eve", "head", "teacher"]
    );
    let asked = json!({"mode": "replace", "disable_administrators": true});
    admin.done(admin.restore(&id, &asked).await).await;
    assert_eq!(
        administrators(&place).await,
        ["-old.admin", "admin", "boss", "eve", "teacher"]
    );
}

/// Otherwise the scope `restore` would be the scope `admin`: an archive can bring an administrator with a known password.
#[tokio::test(flavor = "multi_thread")]
async fn token_without_the_scope_admin_changes_no_administrator() {
    let place = ArchivesPlace::on(Engine::Sqlite).await;
    let new = json!({"name": "script", "scopes": ["read", "backup", "restore"]});
    let created = place.admin.post("/auth/tokens", &new).await.expect(201).json();
    let script = place.service.bearer(created["token"].as_str().unwrap());
    let takeover = uploaded(&place, |id, cells| takeover(id, cells)).await;
    let same = uploaded(&place, |_, _| {}).await;
    let before = administrators(&place).await;
    for mode in ["replace", "merge"] {
        let refused = script.restore(&takeover, &json!({"mode": mode})).await;
        let problem = refused.problem(403, "scope_missing");
        assert!(problem["detail"].as_str().unwrap().contains("`admin`"), "{problem}");
        // Without the part of the hash for administrators.
        let plan = script.plan(&takeover, &json!({"mode": mode})).await;
        let (data, _) = plan["hash"].as_str().unwrap().split_once('-').unwrap();
        let body = json!({"mode": mode, "plan_hash": data, "confirm": "restore", "confirm_administrators": true});
        let job = script.job(script.post(&of(&takeover, "/restore"), &body).await).await;
        assert_eq!(job["error"]["code"], "plan_outdated", "{job}");
        script.done(script.restore(&same, &json!({"mode": mode})).await).await;
        assert_eq!(administrators(&place).await, before, "{mode}");
    }
}

/// The archive has another role, an inactive account, an unusable password, or another user with the same id.
#[on_every_engine]
async fn other_administrators_are_not_locked_out(engine: Engine) {
    let place = with_colleagues(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let rows = "select * from users where id in (1, 20, 21) order by id";
    let before = scratch.rows(rows).await;
    for (column, value) in [
        (3, Cell::Text("!")),
        (4, Cell::Text("teacher")),
        (5, Cell::Boolean(false)),
        (1, Cell::Text("another user")),
    ] {
        let id = uploaded(&place, |id, cells| {
            if id == 20 {
                cells[column] = value;
            }
        })
        .await;
        for mode in ["replace", "merge", "insert_missing"] {
            admin.done(admin.restore(&id, &json!({"mode": mode})).await).await;
            assert_eq!(scratch.rows(rows).await, before, "{mode} {value:?}");
        }
    }
}

/// `admin create` refuses the same names.
#[on_every_engine]
async fn invalid_user_names_are_blockers(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let before = scratch.everything().await;
    for name in ["admin\u{200b}", " admin", "ad\u{a0}min", "admin\u{202e}"] {
        let id = uploaded(&place, |id, cells| {
            if id == 9 {
                cells[1] = Cell::Text(name);
            }
        })
        .await;
        for mode in ["replace", "merge"] {
            let plan = admin.plan(&id, &json!({"mode": mode})).await;
            let blocker = &plan["blockers"][0];
            assert_eq!(blocker["code"], "invalid_user_names", "{plan}");
            let named = format!("row 9 has the user name `{}`", name.escape_debug());
            assert!(blocker["text"].as_str().unwrap().contains(&named), "{plan}");
            let body = json!({"mode": mode, "plan_hash": plan["hash"], "confirm": "restore"});
            let job = admin.job(admin.post(&of(&id, "/restore"), &body).await).await;
            assert_eq!(job["error"]["code"], "archive_unrestorable", "{job}");
            assert!(job["error"]["detail"].as_str().unwrap().contains("row 9"), "{job}");
        }
        assert_eq!(scratch.everything().await, before);
        let created = harness::service::Setup::on(scratch).arguments(&["admin", "create", "--", name]);
        created.run().await.assert_plain_fault(1);
    }
}

/// User names of other programs are kept: a clear of such a user can be undone, and its safety backup restored.
#[on_every_engine]
async fn users_of_this_database_are_restored_with_any_name(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    scratch
        .execute("update users set username = ' teacher' where id = 2")
        .await;
    let before = admin.digests().await;
    let cleared = admin.clear(&json!({"table": "all"})).await.expect(200).json();
    let safety = cleared["archive_id"].as_str().unwrap();
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    assert_eq!(admin.digests().await, before);
    scratch.execute("delete from users where id = 2").await;
    admin
        .done(admin.restore(safety, &json!({"mode": "replace"})).await)
        .await;
    assert_eq!(admin.digests().await, before);
}

/// A clear deletes no administrator, so an undo restores none.
#[on_every_engine]
async fn undo_restores_no_administrator(engine: Engine) {
    let place = with_colleagues(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let cleared = admin.clear(&json!({"table": "all"})).await.expect(200).json();
    scratch.execute("delete from users where username = 'boss'").await;
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    assert_eq!(scratch.count("students").await, 5);
    assert_eq!(administrators(&place).await, ["admin", "head"]);
}

async fn administrators(place: &ArchivesPlace) -> Vec<String> {
    let rows = place
        .school
        .scratch
        .rows("select username from users where role = 'admin'")
        .await;
    let active = "select username from users where role = 'admin' and not is_active";
    let inactive = place.school.scratch.rows(active).await;
    let names = rows.into_iter().filter(|row| !inactive.contains(row));
    let mut names: Vec<_> = names.map(|row| row[0].clone().unwrap()).collect();
    names.sort();
    names
}
