//! Pictures: what is in them besides pixels comes out, and one may be known by how it looks.
//!
//! Their structure is walked to its true end, and what lies behind it is another file. Wrong lengths are anomalies: viewers
//! show such pictures, and what is left comes out. Pixels are decoded only when a signature asks, and what is decoded is bounded: a file of a few bytes may claim billions
//! of pixels.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::time::Instant;

use candor_object::{Content, Limit, Reason, Undecoded};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

mod bmp;
mod gif;
mod hash;
mod ico;
mod jpeg;
mod parts;
mod png;
mod tiff;
mod webp;

pub(crate) use bmp::Bmp;
pub(crate) use gif::Gif;
pub(crate) use ico::Ico;
pub(crate) use jpeg::Jpeg;
pub(crate) use png::Png;
pub(crate) use tiff::Tiff;
pub(crate) use webp::WebP;

/// Most pixels of a side.
const MAX_SIDE: u32 = 1 << 16;
/// Most pixels in all. Beyond a camera's, and decoded within a second or two.
const MAX_PIXELS: u64 = 40 << 20;
/// Most memory that a decoder may ask for, in bytes.
const MAX_MEMORY: u64 = 256 << 20;

/// The perceptual hash of a picture, or nothing if the type is not one of a picture that is decoded.
pub(crate) fn perceptual_hash(
    content: &Content,
    file_type: &str,
    deadline: Instant,
) -> Result<Option<u64>, Undecoded> {
    let format = match file_type {
        "png" => ImageFormat::Png,
        "jpeg" => ImageFormat::Jpeg,
        "gif" => ImageFormat::Gif,
        "bmp" => ImageFormat::Bmp,
        "tiff" => ImageFormat::Tiff,
        "webp" => ImageFormat::WebP,
        _ => return Ok(None),
    };
    let picture = decode(content, format, deadline).map_err(|error| undecoded(&error))?;
    Ok(Some(hash::of(picture)))
}

fn decode(content: &Content, format: ImageFormat, deadline: Instant) -> Result<DynamicImage, ImageError> {
    let clocked = Clocked { inner: content.reader(), deadline };
    let mut reader = ImageReader::with_format(BufReader::new(clocked), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width).saturating_mul(u64::from(height)) > MAX_PIXELS {
        let kind = image::error::LimitErrorKind::DimensionError;
        return Err(ImageError::Limits(image::error::LimitError::from_kind(kind)));
    }
    DynamicImage::from_decoder(decoder)
}

fn undecoded(error: &ImageError) -> Undecoded {
    let reason = match error {
        ImageError::Limits(_) => Reason::Limit(Limit::ObjectBytes),
        ImageError::Unsupported(_) => Reason::Unsupported,
        ImageError::IoError(error) => match error.kind() {
            io::ErrorKind::TimedOut => Reason::Limit(Limit::Time),
            io::ErrorKind::UnexpectedEof => Reason::Truncated,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                Reason::Damaged
            }
            _ => Reason::Unreadable,
        },
        _ => Reason::Damaged,
    };
    Undecoded { reason, detail: format!("the picture cannot be decoded: {error}") }
}

/// Content that cannot be read any more when the time is up.
struct Clocked<R> {
    inner: R,
    deadline: Instant,
}

impl<R: Read> Read for Clocked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() > self.deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.inner.read(buffer)
    }
}

impl<R: Seek> Seek for Clocked<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
