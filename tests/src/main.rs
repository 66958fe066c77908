//! The program as the tests start it: the same entry as the binary `campus-backup`.

fn main() -> std::process::ExitCode {
    campus_backup_api::main()
}
