//! Pointers of programs: the number of a region above, an offset in it below. Neither is checked here.

/// Number of globals that the host fills in.
pub(crate) const GLOBALS_OF_HOST: u32 = 6;

const HOST: u32 = 1 << 30;
const STACK: u32 = 2 << 30;
const HEAP: u32 = 3 << 30;
const CLASS: u32 = 3 << 30;

/// What a pointer points into, with the offset there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Region {
    /// A constant of the program.
    Global(u32),
    /// A global that the host fills in.
    Host(u32),
    /// An object of a function that is running.
    Stack(u32),
    /// Memory that was asked for.
    Heap(u32),
}

/// The region and offset of a pointer.
pub(crate) fn region(pointer: u64) -> (Region, u32) {
    let (above, offset) = split(pointer);
    let number = above & !CLASS;
    let region = match above & CLASS {
        HOST => Region::Host(number),
        STACK => Region::Stack(number),
        HEAP => Region::Heap(number),
        _ => Region::Global(number),
    };
    (region, offset)
}

/// A pointer into a global of the program.
pub(crate) fn of_global(number: u32, offset: u32) -> u64 {
    join(number, offset)
}

/// A pointer into a global of the host, if there is one with this number.
pub(crate) fn of_host(number: u32, offset: u32) -> Option<u64> {
    (number < GLOBALS_OF_HOST).then(|| join(HOST | number, offset))
}

/// A pointer to an object of a function.
pub(crate) fn of_object(number: u32) -> u64 {
    join(STACK | number, 0)
}

/// A pointer to memory that was asked for.
pub(crate) fn of_heap(number: u32) -> u64 {
    join(HEAP | number, 0)
}

/// Moves a pointer within its region.
pub(crate) fn moved(pointer: u64, by: i64) -> u64 {
    let (above, offset) = split(pointer);
    let [a, b, c, d, ..] = i64::from(offset).wrapping_add(by).to_le_bytes();
    join(above, u32::from_le_bytes([a, b, c, d]))
}

fn split(pointer: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = pointer.to_le_bytes();
    (u32::from_le_bytes([e, f, g, h]), u32::from_le_bytes([a, b, c, d]))
}

fn join(above: u32, offset: u32) -> u64 {
    u64::from(above) << 32 | u64::from(offset)
}
