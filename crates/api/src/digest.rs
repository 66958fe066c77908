//! The digest of a sent file, in the header fields of RFC 9530.

use actix_web::http::header::HeaderName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The digest of the whole file, also for a range.
pub(crate) const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The digest of the bytes of this answer.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// A SHA-256 in the form of both headers.
pub(crate) fn sha256(digest: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest))
}

/// The same for a hexadecimal SHA-256; `None` if it is not one.
pub(crate) fn sha256_of_hexadecimal(hexadecimal: &str) -> Option<String> {
    let mut digest = [0; 32];
    hex::decode_to_slice(hexadecimal, &mut digest).ok()?;
    Some(sha256(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_header_has_the_standard_form() {
        let hexadecimal = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let expected = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert_eq!(sha256_of_hexadecimal(hexadecimal).as_deref(), Some(expected));
        for none in ["", "e3", "zz", &"é".repeat(32)] {
            assert_eq!(sha256_of_hexadecimal(none), None);
        }
    }
}
