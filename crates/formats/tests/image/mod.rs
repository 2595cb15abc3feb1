//! Samples as they are read: images of disks are mostly zeros and lie in the folder as `NAME.image.gz`.

use std::io::Read;
use std::path::Path;

/// The bytes of a sample; of an image, what is in its gzip member.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if !path.to_string_lossy().ends_with(".image.gz") {
        return bytes;
    }
    let mut image = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut image).unwrap();
    image
}
