//! The dashboard: the single-page application that administrators use, embedded into the program.
//!
//! The application itself is in `app/`, and `build/` makes files of it; this crate finds them. It knows no HTTP framework:
//! it says what a file's bytes, its media type and its validator are and how long it may be cached, and `api` makes an
//! answer of that. Nothing in the files is secret; what they show, they ask of the API with a token.

mod embedded;

use embedded::{Embedded, FILES};

/// How a file may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// Brotli (RFC 7932).
    Brotli,
}

/// How long a file may be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// The name has the content's hash in it: what it names never changes.
    Forever,
    /// To be asked for again each time, with the validator.
    Revalidate,
}

/// A file of the dashboard.
#[derive(Clone, Copy, Debug)]
pub struct File(&'static Embedded);

/// The file at a path below the dashboard's own, such as `assets/index-B7Q2.js`; the empty path is the page.
pub fn file(path: &str) -> Option<File> {
    let path = if path.is_empty() { "index.html" } else { path };
    FILES.iter().find(|file| file.path == path).map(File)
}

impl File {
    /// The bytes in that coding, if there is such a variant. [`Coding::Identity`] there always is.
    pub fn bytes(self, coding: Coding) -> Option<&'static [u8]> {
        match coding {
            Coding::Identity => Some(self.0.plain),
            Coding::Gzip => self.0.gzip,
            Coding::Brotli => self.0.brotli,
        }
    }

    /// The codings there are, the smallest first.
    pub fn codings(self) -> impl Iterator<Item = Coding> {
        [Coding::Brotli, Coding::Gzip, Coding::Identity]
            .into_iter()
            .filter(move |coding| self.bytes(*coding).is_some())
    }

    /// A validator of the bytes in that coding, without quotes: each coding has its own (RFC 9110, section 8.8.3).
    pub fn validator(self, coding: Coding) -> String {
        let digest = self.0.digest;
        match coding {
            Coding::Identity => digest.to_owned(),
            Coding::Gzip => format!("{digest}-gzip"),
            Coding::Brotli => format!("{digest}-br"),
        }
    }

    /// How long it may be cached.
    pub fn caching(self) -> Caching {
        if self.0.path.starts_with("assets/") {
            Caching::Forever
        } else {
            Caching::Revalidate
        }
    }

    /// The media type, with its charset where it has one.
    pub fn media_type(self) -> &'static str {
        match self.0.path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
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
    fn what_is_not_there_is_not_found() {
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
    fn the_page_is_asked_for_again_and_what_it_loads_is_not() {
        let page = file("").unwrap();
        assert_eq!(page.media_type(), "text/html; charset=utf-8");
        assert_eq!(page.caching(), Caching::Revalidate);
        for file in FILES.iter().map(File).filter(|file| file.0.path != "index.html") {
            assert_eq!(file.caching(), Caching::Forever, "{}", file.0.path);
            assert_ne!(file.media_type(), "application/octet-stream", "{}", file.0.path);
        }
    }

    #[test]
    fn the_page_has_no_script_and_no_style_but_in_files() {
        let page = String::from_utf8(file("").unwrap().bytes(Coding::Identity).unwrap().to_vec()).unwrap();
        assert!(!page.contains("<style") && !page.contains(" style="), "{page}");
        for script in page.split("<script").skip(1) {
            assert!(script.contains(" src=\"./assets/"), "{script}");
        }
    }

    #[test]
    fn each_coding_is_smaller_and_has_a_validator_of_its_own() {
        for file in FILES.iter().map(File) {
            let plain = file.bytes(Coding::Identity).unwrap().len();
            for coding in file.codings().filter(|coding| *coding != Coding::Identity) {
                assert!(file.bytes(coding).unwrap().len() < plain, "{}", file.0.path);
                assert_ne!(file.validator(coding), file.validator(Coding::Identity));
            }
        }
    }
}
