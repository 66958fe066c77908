//! The arguments of `campus-backup destination`.

use clap::{Args, Subcommand};

use crate::cli::args::archives::Acting;
use crate::cli::args::examples::{DESTINATION_ADD_EXAMPLES, DESTINATION_EDIT_EXAMPLES, DESTINATION_TEST_EXAMPLES};

/// The subcommands of `destination`. They work whether the service runs or not; only the service copies archives.
#[derive(Debug, Subcommand)]
pub enum Destination {
    /// List the destinations with the state of their copies.
    List {
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Show a destination with the state of its copies.
    Show {
        /// The destination's name or id.
        #[arg(value_name = "NAME|ID")]
        destination: String,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Add a destination. It is tried before it is saved, and all archives are copied to it.
    #[command(after_help = DESTINATION_ADD_EXAMPLES)]
    Add {
        /// A name that no other destination has.
        name: String,
        /// `file:/FOLDER` in a folder of `--destination-folders`, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or
        /// `az://CONTAINER/PREFIX`.
        url: String,
        /// How it is reached.
        #[command(flatten)]
        access: DestinationAccess,
        /// Keep copies when their archive is deleted [default: they are deleted, too].
        #[arg(long)]
        keep_deleted: bool,
        /// Add it, and copy nothing yet.
        #[arg(long)]
        disabled: bool,
        /// Save it also if the test fails.
        #[arg(long)]
        force: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Edit a destination. What is not named stays as it is. With another URL or endpoint all archives are copied again.
    #[command(after_help = DESTINATION_EDIT_EXAMPLES)]
    Edit {
        /// The destination's name or id.
        #[arg(value_name = "NAME|ID")]
        destination: String,
        /// Another name.
        #[arg(long)]
        name: Option<String>,
        /// Another place.
        #[arg(long)]
        url: Option<String>,
        /// How it is reached.
        #[command(flatten)]
        access: DestinationAccess,
        /// Use the credentials of the environment, and forget those that are stored.
        #[arg(long, conflicts_with_all = ["access_key_id", "secret_file"])]
        no_credentials: bool,
        /// Keep copies when their archive is deleted.
        #[arg(long, conflicts_with = "delete_copies")]
        keep_deleted: bool,
        /// Delete copies when their archive is deleted.
        #[arg(long)]
        delete_copies: bool,
        /// Copy archives again.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Copy and delete nothing for now.
        #[arg(long)]
        disable: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Delete a destination. The copies in it stay there.
    Delete {
        /// The destination's name or id.
        #[arg(value_name = "NAME|ID")]
        destination: String,
        /// Do not ask for confirmation. Required where there is no terminal to ask on.
        #[arg(long)]
        yes: bool,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
    /// Write, read, list and delete a file in a destination now, and print what was found.
    #[command(after_help = DESTINATION_TEST_EXAMPLES)]
    Test {
        /// The destination's name or id.
        #[arg(value_name = "NAME|ID")]
        destination: String,
        /// The account that acts, and the installation.
        #[command(flatten)]
        acting: Acting,
    },
}

/// How a destination in remote storage is reached.
#[derive(Clone, Debug, Args)]
pub struct DestinationAccess {
    /// The address of a storage with the interface of S3, such as `https://s3.example.com` [default: Amazon's].
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The region of the bucket.
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The id of the access key; for Azure the name of the storage account [default: the credentials of the environment].
    #[arg(long, value_name = "ID")]
    pub access_key_id: Option<String>,
    /// A file with the secret of the access key; for Google the key of a service account (JSON). `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<String>,
}
