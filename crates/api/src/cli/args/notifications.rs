//! The arguments of `campus-backup notification`.

use clap::{Args, Subcommand};

use crate::cli::args::archives::Acting;
use crate::cli::args::examples::{
    NOTIFICATION_CREATE_EXAMPLES, NOTIFICATION_EDIT_EXAMPLES, NOTIFICATION_TEST_EXAMPLES,
};

/// The subcommands of `notification`. They work whether the service runs or not; only the service sends messages.
#[derive(Debug, Subcommand)]
pub enum Notification {
    /// List the notifications with their last message.
    List {
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Show a notification with its events and its last message.
    Show {
        /// The notification's name or id.
        #[arg(value_name = "NAME|ID")]
        notification: String,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Create a notification. The secret of a webhook is printed once.
    #[command(after_help = NOTIFICATION_CREATE_EXAMPLES)]
    Create {
        /// A name that no other notification has.
        name: String,
        /// Send mails to this address. Repeat it for more addresses.
        #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["webhook", "ping"])]
        email: Vec<String>,
        /// Send signed requests to this URL.
        #[arg(long, value_name = "URL", conflicts_with_all = ["email", "ping"])]
        webhook: Option<String>,
        /// Call this URL when a backup begins, succeeds or fails.
        #[arg(long, value_name = "URL", conflicts_with = "email")]
        ping: Option<String>,
        /// Events and secret.
        #[command(flatten)]
        values: NotificationValues,
        /// Send the archive with the mail about a backup, if it is encrypted and small enough.
        #[arg(long)]
        attach_archive: bool,
        /// Create it, and send nothing yet.
        #[arg(long)]
        disabled: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Edit a notification. What is not named stays as it is.
    #[command(after_help = NOTIFICATION_EDIT_EXAMPLES)]
    Edit {
        /// The notification's name or id.
        #[arg(value_name = "NAME|ID")]
        notification: String,
        /// Another name.
        #[arg(long)]
        name: Option<String>,
        /// Send mails to this address, and no longer to others. Repeat it for more addresses.
        #[arg(long, value_name = "ADDRESS")]
        email: Vec<String>,
        /// Another URL of the webhook or the ping.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// Events and secret.
        #[command(flatten)]
        values: NotificationValues,
        /// Send the archive with the mail about a backup, if it is encrypted and small enough.
        #[arg(long, conflicts_with = "no_attach_archive")]
        attach_archive: bool,
        /// Do not send archives.
        #[arg(long)]
        no_attach_archive: bool,
        /// Send messages again.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Send no more messages. Those that wait are dropped.
        #[arg(long)]
        disable: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Delete a notification and its messages.
    Delete {
        /// The notification's name or id.
        #[arg(value_name = "NAME|ID")]
        notification: String,
        /// Do not ask for confirmation. Required where there is no terminal to ask on.
        #[arg(long)]
        yes: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Send a test message now, and print what the server said.
    #[command(after_help = NOTIFICATION_TEST_EXAMPLES)]
    Test {
        /// The notification's name or id.
        #[arg(value_name = "NAME|ID")]
        notification: String,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
}

/// The events of a notification, and the secret of a webhook.
#[derive(Clone, Debug, Args)]
pub struct NotificationValues {
    /// An event, such as `backup_failed`. Repeat it for more events [default: all but `backup_succeeded`].
    #[arg(long = "event", value_name = "EVENT")]
    pub events: Vec<String>,
    /// A file with the secret that signs a webhook; `-` is the standard input [default: the service makes one].
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<String>,
}
