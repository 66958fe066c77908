//! The progress bar, on the standard error if that is a terminal.

use std::sync::LazyLock;
use std::time::Duration;

use campus_backup_domain::job::Phase;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::output::Report;

/// All bars of the process. At most one is shown at a time.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A bar for this form of output.
pub(crate) fn bar(report: Report) -> ProgressBar {
    // Indicatif draws nothing without a terminal.
    let bar = match report {
        Report::Text => BARS.add(ProgressBar::no_length()),
        Report::Quiet | Report::Json => return ProgressBar::hidden(),
    };
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Hides the bar while `write` writes to the terminal.
pub(crate) fn without_bar<T>(write: impl FnOnce() -> T) -> T {
    BARS.suspend(write)
}

pub(crate) fn show(bar: &ProgressBar, phase: Phase, rows_done: u64, rows_total: Option<u64>) {
    let template = match rows_total {
        Some(_) => "{msg:12} {wide_bar} {human_pos}/{human_len} rows, {eta}",
        None => "{msg:12} {spinner}",
    };
    // The templates are constants. If one were wrong, the last style would stay.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(name(phase));
    if let Some(total) = rows_total {
        bar.set_length(total);
        bar.set_position(rows_done);
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "queued",
        Phase::BackingUp => "backing up",
        Phase::Checking => "checking",
        Phase::TestRestore => "test restore",
        Phase::Comparing => "comparing",
        Phase::SafetyBackup => "safety backup",
        Phase::Changing => "changing",
        Phase::Committing => "saving",
        Phase::Deleting => "deleting",
        Phase::Encrypting => "encrypting",
    }
}
