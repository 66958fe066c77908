//! The examples in the help of the subcommands.

pub(super) const BACKUP_EXAMPLES: &str = "Examples:
  campus-backup backup --label \"end of term\"
  campus-backup backup --quiet                     from cron: prints only errors
  campus-backup backup --json | jq -r .id";
pub(super) const LIST_EXAMPLES: &str = "Examples:
  campus-backup list
  campus-backup list --search 'before exams' --verification test_restore
  campus-backup list --kind created --sort size --limit 10
  campus-backup list --json | jq -r '.items[0].id'";
pub(super) const SHOW_EXAMPLES: &str = "Examples:
  campus-backup show 2026-11-25T03-53-08Z-5f1c2a9b
  campus-backup show backup.json.zst.age --identity key.txt";
pub(super) const VERIFY_EXAMPLES: &str = "Examples:
  campus-backup verify 2026-11-25T03-53-08Z-5f1c2a9b
  campus-backup verify 2026-11-25T03-53-08Z-5f1c2a9b --test-restore
  campus-backup verify backup.json.zst
  campus-backup verify --certificate certificate.json --public-key KEY backup.json.zst
  ssh school cat backup.json.zst | campus-backup verify -";
pub(super) const CERTIFICATE_EXAMPLES: &str = "Examples:
  campus-backup certificate 2026-11-25T03-53-08Z-5f1c2a9b --output certificate.json
  campus-backup certificate 2026-11-25T03-53-08Z-5f1c2a9b --format html --output certificate.html
  campus-backup certificate --public-key";
pub(super) const EXTRACT_EXAMPLES: &str = "Examples:
  campus-backup extract 2026-11-25T03-53-08Z-5f1c2a9b students --output students.csv
  campus-backup extract backup.json.zst payments --delimiter semicolon --decimals comma --names
  ssh school cat backup.json.zst | campus-backup extract - students";
pub(super) const DIFF_EXAMPLES: &str = "Examples:
  campus-backup diff 2026-11-25T03-53-08Z-5f1c2a9b              with the live data
  campus-backup diff 2026-11-25T03-53-08Z-5f1c2a9b live --csv > differences.csv
  campus-backup diff monday.json.zst tuesday.json.zst           two backup files";
pub(super) const RESTORE_EXAMPLES: &str = "Examples:
  campus-backup restore 2026-11-25T03-53-08Z-5f1c2a9b --mode replace --dry-run
  campus-backup restore backup.json.zst --mode replace
  campus-backup restore 2026-11-25T03-53-08Z-5f1c2a9b --mode merge --student 17
  ssh school cat backup.json.zst | campus-backup restore - --mode replace --yes";
pub(super) const UNDO_EXAMPLES: &str = "Examples:
  campus-backup undo 0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70";
pub(super) const CLEAR_EXAMPLES: &str = "Examples:
  campus-backup clear attendance --dry-run
  campus-backup clear attendance
  campus-backup clear students --expected-rows 109000 --yes";
pub(super) const IMPORT_EXAMPLES: &str = "Examples:
  campus-backup import students students.xlsx --dry-run
  campus-backup import payments fees.csv --mode insert --create-missing payment_categories
  campus-backup import students list.csv --columns \"Reg No=registration_number\" --skip-wrong --errors wrong.csv";
pub(super) const DELETE_EXAMPLES: &str = "Examples:
  campus-backup delete 2026-11-25T03-53-08Z-5f1c2a9b";
pub(super) const PROTECT_EXAMPLES: &str = "Examples:
  campus-backup protect 2026-11-25T03-53-08Z-5f1c2a9b
  campus-backup protect 2026-11-25T03-53-08Z-5f1c2a9b --off";
pub(super) const UPLOAD_EXAMPLES: &str = "Examples:
  campus-backup upload backup.json.zst --label \"from the old server\"
  ssh school cat backup.json.zst | campus-backup upload -";
pub(super) const DOWNLOAD_EXAMPLES: &str = "Examples:
  campus-backup download 2026-11-25T03-53-08Z-5f1c2a9b          a stored archive, unchanged
  campus-backup download students --output students.csv         the live data
  campus-backup download attendance --format xlsx --names
  campus-backup download all --output - | age -r age1... > backup.json.age";
pub(super) const SCHEDULE_CREATE_EXAMPLES: &str = "Examples:
  campus-backup schedule create \"every night\" --preset daily --verify digest
  campus-backup schedule create weekdays --cron \"30 18 * * 1-5\" --timezone Europe/Berlin --label \"end of the day\"";
pub(super) const SCHEDULE_EDIT_EXAMPLES: &str = "Examples:
  campus-backup schedule edit \"every night\" --cron \"0 3 * * *\"
  campus-backup schedule edit \"every night\" --disable";
pub(super) const SCHEDULE_RUN_EXAMPLES: &str = "Examples:
  campus-backup schedule run \"every night\"";
pub(super) const ACCEPT_EXAMPLES: &str = "Examples:
  campus-backup accept 2026-11-25T03-53-08Z-5f1c2a9b";
pub(super) const RETENTION_SET_EXAMPLES: &str = "Examples:
  campus-backup retention set --daily 7 --weekly 4 --monthly 12 --yearly 3 --min-keep 3
  campus-backup retention set --keep-last 30 --max-bytes 100GiB --safety-days 60";
pub(super) const RETENTION_PREVIEW_EXAMPLES: &str = "Examples:
  campus-backup retention preview
  campus-backup retention preview --daily 7 --monthly 12";
pub(super) const RETENTION_APPLY_EXAMPLES: &str = "Examples:
  campus-backup retention apply
  campus-backup retention apply --yes --json";
pub(super) const NOTIFICATION_CREATE_EXAMPLES: &str = "Examples:
  campus-backup notification create office --email office@school.example --email it@school.example
  campus-backup notification create chat --webhook https://chat.school.example/hook --event backup_failed --event backup_stale
  campus-backup notification create watch --ping https://hc-ping.com/0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70";
pub(super) const NOTIFICATION_EDIT_EXAMPLES: &str = "Examples:
  campus-backup notification edit office --event backup_failed --event backup_succeeded
  campus-backup notification edit office --disable";
pub(super) const NOTIFICATION_TEST_EXAMPLES: &str = "Examples:
  campus-backup notification test office";
pub(super) const DESTINATION_ADD_EXAMPLES: &str = "Examples:
  campus-backup destination add nas file:/mnt/nas/campus
  campus-backup destination add off-site s3://school-backups/campus --region eu-central-1 \\
    --access-key-id AKIAEXAMPLE --secret-file secret.txt
  campus-backup destination add minio s3://backups --endpoint https://minio.school.example --access-key-id campus \\
    --secret-file - < secret.txt";
pub(super) const DESTINATION_EDIT_EXAMPLES: &str = "Examples:
  campus-backup destination edit off-site --keep-deleted
  campus-backup destination edit nas --disable";
pub(super) const DESTINATION_TEST_EXAMPLES: &str = "Examples:
  campus-backup destination test off-site";
pub(super) const AUDIT_VERIFY_EXAMPLES: &str = "Examples:
  campus-backup audit verify
  campus-backup audit verify --json";
pub(super) const AUDIT_EXPORT_EXAMPLES: &str = "Examples:
  campus-backup audit export audit.csv
  campus-backup audit export - --format jsonl --event clear";
pub(super) const COMPLETIONS_EXAMPLES: &str = "Examples:
  campus-backup completions bash > /etc/bash_completion.d/campus-backup
  campus-backup completions zsh > /usr/local/share/zsh/site-functions/_campus-backup
  campus-backup completions fish > ~/.config/fish/completions/campus-backup.fish";
pub(super) const TOKEN_EXAMPLES: &str = "Examples:
  curl -H \"Authorization: Bearer $(campus-backup token admin)\" http://127.0.0.1:8080/backup/stats";
pub(super) const TOKEN_CREATE_EXAMPLES: &str = "Examples:
  campus-backup token create \"nightly backup\" --scope read --scope backup --lifetime 365d
  campus-backup token create monitoring --scope read --as head.office";
pub(super) const DEMO_EXAMPLES: &str = "Examples:
  campus-backup demo
  campus-backup demo --scale 10";
pub(super) const HEALTH_EXAMPLES: &str = "Examples:
  campus-backup health
  campus-backup health --store
  campus-backup health --backups || mail -s \"Backups need attention\" head@school.example";
pub(super) const CREATE_EXAMPLES: &str = "Examples:
  campus-backup admin create head --email head@school.example
  campus-backup admin create head --password-file - < password.txt
  campus-backup admin create ms.lovelace --role teacher";
pub(super) const KEY_GENERATE_EXAMPLES: &str = "Examples:
  campus-backup key generate --output school-key.txt --sheet school-key-sheet.txt
  campus-backup key generate | lpr                 prints the recovery sheet on paper";
pub(super) const KEY_CHECK_EXAMPLES: &str = "Examples:
  campus-backup key check 2026-11-25T03-53-08Z-5f1c2a9b --identity archive-key.txt
  campus-backup key check backup.json.zst.age --identity archive-key.txt";
pub(super) const REKEY_EXAMPLES: &str = "Examples:
  campus-backup rekey 2026-11-25T03-53-08Z-5f1c2a9b
  campus-backup rekey --all --identity former-key.txt";
pub(super) const ADOPT_EXAMPLES: &str = "Examples:
  campus-backup adopt --database-url postgres://reader@db.school.example/school > school.toml
  campus-backup adopt --database-url postgres://reader@db.school.example/school --check school.toml
  campus-backup adopt --database-url postgres://reader@db.school.example/school --explain students --mapping school.toml";
