//! The files, as the build script found them.

/// A file and what it is compressed to.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) path: &'static str,
    /// Of the content, in hexadecimal digits.
    pub(crate) digest: &'static str,
    pub(crate) plain: &'static [u8],
    pub(crate) gzip: Option<&'static [u8]>,
    pub(crate) brotli: Option<&'static [u8]>,
}

/// All of them.
pub(crate) static FILES: &[Embedded] = &include!(concat!(env!("OUT_DIR"), "/table.rs"));
