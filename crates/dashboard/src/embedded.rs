//! The table of embedded files, which the build script generates.

/// A file with its compressed variants.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) path: &'static str,
    /// A digest of the content, in hexadecimal.
    pub(crate) digest: &'static str,
    pub(crate) plain: &'static [u8],
    pub(crate) gzip: Option<&'static [u8]>,
    pub(crate) brotli: Option<&'static [u8]>,
}

/// All embedded files.
pub(crate) static FILES: &[Embedded] = &include!(concat!(env!("OUT_DIR"), "/table.rs"));
