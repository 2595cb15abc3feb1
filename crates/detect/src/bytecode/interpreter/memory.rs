//! The memory of a running program: constants, what the host shows, objects of functions, what was asked for.
//!
//! Each access names a pointer and a size and is looked up; what is not there is a [`Failure`].

use std::ops::Range;

use super::Failure;
use super::pointer::{self, Region};

/// Most pieces of memory that are asked for; stops a program that asks for nothing many times.
const MAX_PIECES: usize = 1 << 20;

/// What a piece is worth in bytes besides its own; it is not given back, since its number is not used again.
const PIECE: u64 = 32;

/// The memory of a running program.
pub(crate) struct Memory<'p> {
    globals: &'p [Vec<u8>],
    host: Vec<Vec<u8>>,
    stack: Vec<u8>,
    objects: Vec<Range<usize>>,
    heap: Vec<Vec<u8>>,
    /// Bytes that may still be asked for.
    left: u64,
}

/// Where the memory of the functions that are running ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    objects: usize,
    bytes: usize,
}

impl<'p> Memory<'p> {
    pub(crate) fn new(globals: &'p [Vec<u8>], host: Vec<Vec<u8>>, most: u64) -> Self {
        Self { globals, host, stack: Vec::new(), objects: Vec::new(), heap: Vec::new(), left: most }
    }

    /// Counts bytes that are held for the program somewhere else.
    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), Failure> {
        self.left = self.left.checked_sub(bytes).ok_or(Failure::Memory)?;
        Ok(())
    }

    /// Gives back bytes that were counted.
    pub(crate) fn refund(&mut self, bytes: u64) {
        self.left = self.left.saturating_add(bytes);
    }

    /// Memory full of zeros.
    pub(crate) fn allocate(&mut self, size: usize) -> Result<u64, Failure> {
        if self.heap.len() >= MAX_PIECES {
            return Err(Failure::Memory);
        }
        self.charge((size as u64).saturating_add(PIECE))?;
        let number = u32::try_from(self.heap.len()).map_err(|_| Failure::Memory)?;
        self.heap.push(vec![0; size]);
        Ok(pointer::of_heap(number))
    }

    /// Gives back what was asked for; pointers into it reach nothing from now on.
    pub(crate) fn free(&mut self, pointer: u64) {
        if let (Region::Heap(number), _) = pointer::region(pointer)
            && let Some(piece) = self.heap.get_mut(number as usize)
        {
            let size = std::mem::take(piece).len() as u64;
            self.refund(size);
        }
    }

    /// Memory for a function that begins.
    pub(crate) fn enter(&mut self, objects: &[u32]) -> Result<Mark, Failure> {
        let mark = Mark { objects: self.objects.len(), bytes: self.stack.len() };
        for size in objects {
            self.charge(u64::from(*size).saturating_add(size_of::<Range<usize>>() as u64))?;
            let start = self.stack.len();
            let end = start.checked_add(*size as usize).ok_or(Failure::Memory)?;
            self.stack.resize(end, 0);
            self.objects.push(start..end);
        }
        Ok(mark)
    }

    /// The function that began at the mark ends.
    pub(crate) fn leave(&mut self, mark: Mark) {
        let bytes = self.stack.len().saturating_sub(mark.bytes) as u64;
        let objects = self.objects.len().saturating_sub(mark.objects) as u64;
        self.stack.truncate(mark.bytes);
        self.objects.truncate(mark.objects);
        self.refund(objects.saturating_mul(size_of::<Range<usize>>() as u64).saturating_add(bytes));
    }

    /// The pointer to an object of the function that began at the mark.
    pub(crate) fn object(&self, mark: Mark, number: u32) -> u64 {
        let base = u32::try_from(mark.objects).unwrap_or(u32::MAX);
        pointer::of_object(base.saturating_add(number))
    }

    /// Everything in a region from a pointer on.
    pub(crate) fn rest(&self, pointer: u64) -> Result<&[u8], Failure> {
        let (region, offset) = pointer::region(pointer);
        let bytes = match region {
            Region::Global(number) => self.globals.get(number as usize).map(Vec::as_slice),
            Region::Host(number) => self.host.get(number as usize).map(Vec::as_slice),
            Region::Stack(number) => {
                self.objects.get(number as usize).and_then(|range| self.stack.get(range.clone()))
            }
            Region::Heap(number) => self.heap.get(number as usize).map(Vec::as_slice),
        };
        bytes.and_then(|bytes| bytes.get(offset as usize..)).ok_or(Failure::Pointer(pointer))
    }

    /// Bytes at a pointer.
    pub(crate) fn bytes(&self, pointer: u64, size: usize) -> Result<&[u8], Failure> {
        if size == 0 {
            return Ok(&[]);
        }
        self.rest(pointer)?.get(..size).ok_or(Failure::Pointer(pointer))
    }

    /// Bytes at a pointer that may be written to.
    pub(crate) fn bytes_mut(&mut self, pointer: u64, size: usize) -> Result<&mut [u8], Failure> {
        if size == 0 {
            return Ok(&mut []);
        }
        let (region, offset) = pointer::region(pointer);
        let bytes = match region {
            Region::Global(_) | Region::Host(_) => return Err(Failure::ReadOnly(pointer)),
            Region::Stack(number) => {
                self.objects.get(number as usize).and_then(|range| self.stack.get_mut(range.clone()))
            }
            Region::Heap(number) => self.heap.get_mut(number as usize).map(Vec::as_mut_slice),
        };
        let start = offset as usize;
        bytes
            .and_then(|bytes| bytes.get_mut(start..start.checked_add(size)?))
            .ok_or(Failure::Pointer(pointer))
    }

    /// A little-endian integer of up to eight bytes.
    pub(crate) fn load(&self, pointer: u64, size: u8) -> Result<u64, Failure> {
        let bytes = self.bytes(pointer, usize::from(size))?;
        let mut number = [0; 8];
        for (to, from) in number.iter_mut().zip(bytes) {
            *to = *from;
        }
        Ok(u64::from_le_bytes(number))
    }

    /// Writes a little-endian integer of up to eight bytes.
    pub(crate) fn store(&mut self, pointer: u64, size: u8, value: u64) -> Result<(), Failure> {
        let bytes = self.bytes_mut(pointer, usize::from(size))?;
        for (to, from) in bytes.iter_mut().zip(value.to_le_bytes()) {
            *to = from;
        }
        Ok(())
    }

    /// Copies bytes as if there were a copy of them between.
    pub(crate) fn copy(&mut self, to: u64, from: u64, size: usize) -> Result<(), Failure> {
        let copied = self.bytes(from, size)?.to_vec();
        self.bytes_mut(to, size)?.copy_from_slice(&copied);
        Ok(())
    }
}
