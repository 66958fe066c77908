//! The dashboard: the single-page application that administrators use, embedded into the program.
//!
//! The application is in `app/`. The build script in `build/` compiles it, and this crate embeds the resulting files. It
//! depends on no HTTP framework: it provides the bytes, the media type, the validator and the cache policy of a file, and
//! the crate `api` builds the answer. The files contain no secret: the application gets all data from the API with a token.

mod embedded;

use embedded::{Embedded, FILES};

/// The content coding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not compressed.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// Brotli (RFC 7932).
    Brotli,
}

/// The cache policy of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// The name contains a hash of the content, so the file never changes.
    Forever,
    /// The browser must revalidate the file on each use.
    Revalidate,
}

/// A file of the dashboard.
#[derive(Clone, Copy, Debug)]
pub struct File(&'static Embedded);

/// The file at a path below `/backup/`, such as `assets/index-B7Q2.js`. The empty path is the page itself.
pub fn file(path: &str) -> Option<File> {
    let path = if path.is_empty() { "index.html" } else { path };
    FILES.iter().find(|file| file.path == path).map(File)
}

impl File {
    /// The bytes in a coding, if this variant exists. [`Coding::Identity`] always exists.
    pub fn bytes(self, coding: Coding) -> Option<&'static [u8]> {
        match coding {
            Coding::Identity => Some(self.0.plain),
            Coding::Gzip => self.0.gzip,
            Coding::Brotli => self.0.brotli,
        }
    }

    /// The available codings, smallest first.
    pub fn codings(self) -> impl Iterator<Item = Coding> {
        [Coding::Brotli, Coding::Gzip, Coding::Identity]
            .into_iter()
            .filter(move |coding| self.bytes(*coding).is_some())
    }

    /// The validator of the bytes in a coding, without quotes. Each coding has its own (RFC 9110, section 8.8.3).
    pub fn validator(self, coding: Coding) -> String {
        let digest = self.0.digest;
        match coding {
            Coding::Identity => digest.to_owned(),
            Coding::Gzip => format!("{digest}-gzip"),
            Coding::Brotli => format!("{digest}-br"),
        }
    }

    /// The cache policy.
    pub fn caching(self) -> Caching {
        if self.0.path.starts_with("assets/") {
            Caching::Forever
        } else {
            Caching::Revalidate
        }
    }

    /// The media type, with the charset of text files.
    pub fn media_type(self) -> &'static str {
        match self.0.path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("webmanifest") => "application/manifest+json",
            Some("svg") => "image/svg+xml",
            Some("woff2") => "font/woff2",
            Some("webp") => "image/webp",
            Some("png") => "image/png",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn unknown_path_is_not_found() {
        for path in [
            "nothing",
            "assets",
            "assets/",
            "../Cargo.toml",
            "index.html.br",
            "assets/nothing.js",
            "/",
        ] {
            assert!(file(path).is_none(), "{path}");
        }
    }

    #[test]
    fn page_is_revalidated_and_its_assets_are_cached_forever() {
        let page = file("").unwrap();
        assert_eq!(page.media_type(), "text/html; charset=utf-8");
        assert_eq!(page.caching(), Caching::Revalidate);
        for file in FILES.iter().map(File).filter(|file| file.0.path != "index.html") {
            assert_eq!(file.caching(), Caching::Forever, "{}", file.0.path);
            assert_ne!(file.media_type(), "application/octet-stream", "{}", file.0.path);
        }
    }

    #[test]
    fn page_has_no_inline_script_or_style() {
        let page = String::from_utf8(file("").unwrap().bytes(Coding::Identity).unwrap().to_vec()).unwrap();
        assert!(!page.contains("<style") && !page.contains(" style="), "{page}");
        for script in page.split("<script").skip(1) {
            assert!(script.contains(" src=\"./assets/"), "{script}");
        }
    }

    #[test]
    fn each_coding_is_smaller_and_has_its_own_validator() {
        for file in FILES.iter().map(File) {
            let plain = file.bytes(Coding::Identity).unwrap().len();
            for coding in file.codings().filter(|coding| *coding != Coding::Identity) {
                assert!(file.bytes(coding).unwrap().len() < plain, "{}", file.0.path);
                assert_ne!(file.validator(coding), file.validator(Coding::Identity));
            }
        }
    }
}
