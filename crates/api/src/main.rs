//! The binary `campus-backup`. Everything is in the library, which other packages use as well.

fn main() -> std::process::ExitCode {
    campus_backup_api::main()
}
