//! The trailer of a compressed archive, which makes all damage detectable.
//!
//! A changed bit in compressed data may still give the same document: a copy of the same text from another place, or
//! another window size. It is harmless, but can't be distinguished from damage that is not. So a skippable frame (RFC
//! 8878, section 3.1.2) follows the compressed frame, with the SHA-256 of all its bytes; every zstd tool skips it. A
//! mark inside the compressed frame says that it has a trailer. Otherwise a file that is cut between the two would be a
//! valid archive. The mark is its first block: a raw one with exactly the start of the document, which no other
//! compressor writes.

use sha2::{Digest, Sha256};

/// The content of the first block of a marked frame.
pub(super) const MARK: &[u8] = b"{\"format\":\"campus-backup\",";

/// A block header has 3 bytes: 21 bits of size, 2 bits of type (raw is 0), 1 bit that says whether it is the last.
const BLOCK_HEADER: [u8; 3] = [(MARK.len() << 3) as u8, 0, 0];

/// The frame's magic number, `0x184D2A5C` in little endian, and its size.
const TRAILER_START: [u8; 8] = [0x5c, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];

/// Bytes of the trailer.
pub(super) const TRAILER_LENGTH: usize = TRAILER_START.len() + 32;

/// The number of bytes in which the mark can be seen: the longest frame header (18), the block header and the mark.
pub(super) const MARK_REACH: usize = 18 + BLOCK_HEADER.len() + MARK.len();

pub(super) fn trailer(frame: Sha256) -> [u8; TRAILER_LENGTH] {
    let mut trailer = [0; TRAILER_LENGTH];
    let (start, digest) = trailer.split_at_mut(TRAILER_START.len());
    start.copy_from_slice(&TRAILER_START);
    digest.copy_from_slice(&frame.finalize());
    trailer
}

/// Whether the frame that begins with these bytes must have a trailer.
pub(super) fn is_marked(frame: &[u8]) -> bool {
    let Some(descriptor) = frame.get(4) else {
        return false;
    };
    let is_single_segment = descriptor & 0b10_0000 != 0;
    let content_size = match descriptor >> 6 {
        0 => usize::from(is_single_segment),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 0b11)];
    let blocks = 5 + usize::from(!is_single_segment) + dictionary + content_size;
    frame
        .get(blocks..)
        .and_then(|blocks| blocks.strip_prefix(&BLOCK_HEADER))
        .is_some_and(|content| content.starts_with(MARK))
}
