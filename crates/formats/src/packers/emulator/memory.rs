//! The memory of an emulated program: its image, a stack, a heap, and a page of what Windows puts there.

/// An access to memory that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) u32);

const PAGE_BITS: u32 = 12;
pub(super) const PAGE: u32 = 1 << PAGE_BITS;
pub(super) const STACK: u32 = 0x0010_0000;
pub(super) const STACK_SIZE: u32 = 0x0004_0000;
pub(super) const HEAP: u32 = 0x5000_0000;
/// Bytes of heap. Stops programs that ask for memory in a loop.
pub(super) const HEAP_SIZE: u32 = 16 << 20;
pub(super) const SYSTEM: u32 = 0x7ffd_0000;
const SYSTEM_SIZE: u32 = 0x4000;

/// Bytes that can be read and written from an address on.
#[derive(Debug)]
struct Region {
    base: u32,
    bytes: Vec<u8>,
}

/// All regions; the first is the image.
#[derive(Debug)]
pub(super) struct Memory {
    regions: [Region; 5],
    /// For each page of the image, whether it was written to.
    written: Vec<bool>,
    /// Bytes that were written to the image.
    pub(super) writes: u64,
    heap_used: u32,
}

impl Memory {
    pub(super) fn new(base: u32, image: Vec<u8>, library: Vec<u8>) -> Self {
        let written = vec![false; image.len().div_ceil(PAGE as usize)];
        let zeros = |size: u32| vec![0; size as usize];
        let regions = [
            Region { base, bytes: image },
            Region { base: STACK, bytes: zeros(STACK_SIZE) },
            // Grows as it is asked for.
            Region { base: HEAP, bytes: Vec::new() },
            Region { base: SYSTEM, bytes: zeros(SYSTEM_SIZE) },
            Region { base: super::library::BASE, bytes: library },
        ];
        Self { regions, written, writes: 0, heap_used: 0 }
    }

    /// The region that has `address`, and where in it.
    fn place(&self, address: u32) -> Option<(usize, usize)> {
        self.regions.iter().enumerate().find_map(|(index, region)| {
            let inside = address.checked_sub(region.base)? as usize;
            (inside < region.bytes.len()).then_some((index, inside))
        })
    }

    /// Up to `size` bytes from `address` on; fewer at the end of a region.
    pub(super) fn slice(&self, address: u32, size: usize) -> &[u8] {
        let rest = self.place(address).and_then(|(region, at)| self.regions.get(region)?.bytes.get(at..));
        let rest = rest.unwrap_or_default();
        rest.get(..size).unwrap_or(rest)
    }

    /// A number of `size` bytes.
    pub(super) fn read(&self, address: u32, size: usize) -> Result<u32, Fault> {
        let bytes = self.slice(address, size);
        if bytes.len() < size || size > 4 {
            return Err(Fault(address));
        }
        let mut number = [0; 4];
        for (to, from) in number.iter_mut().zip(bytes) {
            *to = *from;
        }
        Ok(u32::from_le_bytes(number))
    }

    /// Writes the low `size` bytes of a number.
    pub(super) fn write(&mut self, address: u32, size: usize, value: u32) -> Result<(), Fault> {
        let bytes = value.to_le_bytes();
        self.put(address, bytes.get(..size).ok_or(Fault(address))?)
    }

    /// Writes bytes.
    pub(super) fn put(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault> {
        let (index, at) = self.place(address).ok_or(Fault(address))?;
        let room = self.regions.get_mut(index).and_then(|region| region.bytes.get_mut(at..));
        let room = room.and_then(|room| room.get_mut(..bytes.len())).ok_or(Fault(address))?;
        room.copy_from_slice(bytes);
        if index == 0 {
            self.writes = self.writes.saturating_add(bytes.len() as u64);
            let last = at.saturating_add(bytes.len().saturating_sub(1));
            for page in at >> PAGE_BITS..=last >> PAGE_BITS {
                if let Some(written) = self.written.get_mut(page) {
                    *written = true;
                }
            }
        }
        Ok(())
    }

    /// Whether the page of the image at `address` was written to.
    pub(super) fn was_written(&self, address: u32) -> bool {
        let page = self.image_offset(address).map(|offset| (offset / PAGE) as usize);
        page.and_then(|page| self.written.get(page)).copied().unwrap_or(false)
    }

    /// Counts anew what is written.
    pub(super) fn forget_writes(&mut self) {
        self.writes = 0;
        self.written.fill(false);
    }

    /// Where `address` lies in the image.
    pub(super) fn image_offset(&self, address: u32) -> Option<u32> {
        let [image, ..] = &self.regions;
        address.checked_sub(image.base).filter(|offset| (*offset as usize) < image.bytes.len())
    }

    /// Takes memory from the heap; 0 if there is no more.
    pub(super) fn allocate(&mut self, size: u32) -> u32 {
        let start = self.heap_used;
        let end = size.max(1).checked_next_multiple_of(PAGE).and_then(|size| start.checked_add(size));
        let Some(end) = end.filter(|end| *end <= HEAP_SIZE) else { return 0 };
        let [_, _, heap, ..] = &mut self.regions;
        heap.bytes.resize(end as usize, 0);
        self.heap_used = end;
        HEAP.wrapping_add(start)
    }

    /// The image as it is now.
    pub(super) fn into_image(self) -> Vec<u8> {
        let [image, ..] = self.regions;
        image.bytes
    }
}
