//! Disks of virtual machines: qcow2, VMDK, VHD, VHDX and VDI.
//!
//! The guest's disk comes out as one child that is read at need and lies nowhere in memory. What the file does not hold
//! is zeros. A guest's disk that is very much larger than its file is not examined byte by byte: then only the files in
//! its file systems are handed over.

mod maps;
mod through;

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use candor_object::{Child, Content, FileType, Flow, Reason, Sink, Source};

use super::usize_of;
use crate::{Format, Glimpse};
pub(crate) use maps::Kind;

/// Guest's disks up to this size are examined as a whole.
const WHOLE: u64 = 1 << 30;
/// Largest cluster that is unpacked.
const LARGEST_PACKED: u64 = 16 << 20;

/// A format of disks.
pub(crate) struct Machine(pub(crate) Kind);

impl Format for Machine {
    fn file_type(&self) -> FileType {
        FileType::new(self.0.name())
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let footer = || glimpse.tail.get(glimpse.tail.len().saturating_sub(512)..).unwrap_or_default();
        match self.0 {
            Kind::Qcow2 => glimpse.has(0, b"QFI\xfb"),
            Kind::Vmdk => {
                glimpse.has(0, b"KDMV\x01\0\0\0")
                    || glimpse.has(0, b"KDMV\x02\0\0\0")
                    || glimpse.has(0, b"KDMV\x03\0\0\0")
                    || glimpse.has(0, b"COWD\x01\0\0\0")
            }
            Kind::Vhdx => glimpse.has(0, b"vhdxfile"),
            Kind::Vhd => {
                glimpse.size > 512
                    && (glimpse.has(0, b"conectix\0\0\0") || footer().starts_with(b"conectix\0\0\0"))
            }
            Kind::Vdi => glimpse.has(64, b"\x7f\x10\xda\xbe"),
        }
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut notes = Vec::new();
        let map = self.0.read(content, &mut notes)?;
        for (reason, detail) in notes {
            sink.gap(reason, &detail);
        }
        let Some(map) = map else {
            sink.gap(Reason::Damaged, "the header of the disk contradicts itself");
            return Ok(());
        };
        let size = map.size;
        let damage = Arc::new(AtomicU64::new(0));
        let disk = Disk {
            content: content.clone(),
            map,
            cache: Mutex::new((u64::MAX, Vec::new())),
            damage: Arc::clone(&damage),
        };
        let guest = Content::from_source(Arc::new(disk));
        if size <= WHOLE.max(content.size().saturating_mul(4)) {
            sink.range(Child::member("disk"), guest)?;
        } else {
            through::open(&guest, "disk", sink)?;
        }
        match damage.load(Ordering::Relaxed) {
            0 => {}
            _ => sink.gap(
                Reason::Damaged,
                "clusters of the disk are damaged or missing; zeros stand in their place",
            ),
        }
        Ok(())
    }
}

/// Where a part of the guest's disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Hole,
    /// Behind the end of the file.
    Lost,
    Raw(u64),
    Packed {
        offset: u64,
        size: u64,
        method: Method,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Deflate,
    Zlib,
    Zstd,
}

struct Disk {
    content: Content,
    map: maps::Map,
    /// The part that was unpacked last.
    cache: Mutex<(u64, Vec<u8>)>,
    damage: Arc<AtomicU64>,
}

impl Disk {
    fn unpack(&self, (offset, size): (u64, u64), method: Method) -> io::Result<Vec<u8>> {
        let most = self.map.unit.min(LARGEST_PACKED);
        let packed = self.content.window(offset, usize_of(size.min(LARGEST_PACKED)))?;
        let mut bytes = Vec::new();
        let result = match method {
            Method::Deflate => flate2::read::DeflateDecoder::new(&*packed).take(most).read_to_end(&mut bytes),
            Method::Zlib => flate2::read::ZlibDecoder::new(&*packed).take(most).read_to_end(&mut bytes),
            Method::Zstd => match ruzstd::decoding::StreamingDecoder::new(&*packed) {
                Ok(decoder) => decoder.take(most).read_to_end(&mut bytes),
                Err(error) => Err(io::Error::other(error.to_string())),
            },
        };
        if result.is_err() {
            self.damage.fetch_add(1, Ordering::Relaxed);
        }
        bytes.resize(usize_of(self.map.unit), 0);
        Ok(bytes)
    }

    fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let unit = self.map.unit.max(1);
        let index = offset.checked_div(unit).unwrap_or(0);
        let within = offset.checked_rem(unit).unwrap_or(0);
        let read = match self.map.place(&self.content, index, 1)?.0 {
            Place::Hole => 0,
            Place::Lost => {
                self.damage.fetch_add(1, Ordering::Relaxed);
                0
            }
            Place::Raw(place) => {
                let read = self.content.read_at(place.saturating_add(within), buffer)?;
                if read < buffer.len() {
                    self.damage.fetch_add(1, Ordering::Relaxed);
                }
                read
            }
            Place::Packed { offset, size, method } => {
                let Ok(mut cache) = self.cache.lock() else { return Ok(()) };
                if cache.0 != index {
                    *cache = (index, self.unpack((offset, size), method)?);
                }
                let bytes = cache.1.get(usize_of(within)..).unwrap_or_default();
                let count = bytes.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), bytes.get(..count)) {
                    to.copy_from_slice(from);
                }
                count
            }
        };
        if let Some(rest) = buffer.get_mut(read..) {
            rest.fill(0);
        }
        Ok(())
    }
}

impl Source for Disk {
    fn size(&self) -> u64 {
        self.map.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.map.size.saturating_sub(offset);
        let unit = self.map.unit.max(1);
        let in_unit = unit.saturating_sub(offset.checked_rem(unit).unwrap_or(0));
        let size = usize_of(left.min(in_unit)).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..size) else { return Ok(0) };
        self.fill(offset, buffer)?;
        Ok(size)
    }

    fn hole(&self, offset: u64) -> u64 {
        let unit = self.map.unit.max(1);
        let mut index = offset.checked_div(unit).unwrap_or(0);
        // As many as can be asked in no time; whoever asks asks again.
        for _ in 0..256 {
            match self.map.place(&self.content, index, maps::AHEAD) {
                Ok((Place::Hole, count)) => index = index.saturating_add(count.max(1)),
                Ok((Place::Lost, count)) => {
                    self.damage.fetch_add(1, Ordering::Relaxed);
                    index = index.saturating_add(count);
                }
                _ => break,
            }
        }
        index.saturating_mul(unit).min(self.map.size).saturating_sub(offset)
    }
}
