//! Fixtures for tests of this crate: a database in a temporary folder, rows for it, and archives of them.

mod rows;
mod school;

use std::io::{Cursor, Read, Write as _};
use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::{Form, Keys, Layers, Summary};
use futures_util::StreamExt as _;

use crate::error::Result;
use crate::export;
use crate::job::Progress;
use crate::open::{self, ArchiveSource};

pub(crate) use rows::*;
pub(crate) use school::School;

pub(crate) const ZONE: chrono_tz::Tz = chrono_tz::Asia::Kolkata;

pub(crate) fn settings() -> export::ExportSettings {
    export::ExportSettings {
        time_zone: ZONE,
        chunk_size: 65_536,
        stall_timeout: Duration::from_secs(5),
        app_version: "1.2.3",
        spool: export::SpoolSpace::new(std::env::temp_dir(), 64 << 20),
    }
}

/// All bytes of a body, if it ends without an error.
pub(crate) async fn whole(mut body: export::Body) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

/// An archive in memory.
#[derive(Clone)]
pub(crate) struct Memory(Arc<[u8]>);

impl Memory {
    pub(crate) fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn source(bytes: impl Into<Arc<[u8]>>) -> Arc<dyn ArchiveSource> {
        Arc::new(Self::new(bytes))
    }

    /// The summary of a complete archive.
    pub(crate) fn summary(&self) -> Summary {
        let checked = open::check(&*self.0, &Keys::none(), &Progress::default());
        checked.unwrap().summary
    }
}

impl ArchiveSource for Memory {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

/// The document in these layers.
pub(crate) fn sealed(document: &[u8], layers: &Layers) -> (Vec<u8>, Form) {
    let mut sealer = layers.seal(Vec::new()).unwrap();
    sealer.write_all(document).unwrap();
    (sealer.finish().unwrap().0, layers.form())
}
