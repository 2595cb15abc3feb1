//! The image of the system's first library with a table of what it exports: packers look functions up in it on their own,
//! from an address in it that they find on the stack.
//!
//! Specification: Microsoft, PE Format, "The .edata Section".

/// Address of the image.
pub(super) const BASE: u32 = 0x6ffe_0000;
/// Its size. Addresses to return to lie in it.
pub(super) const SIZE: u32 = 0x2_0000;

/// Addresses of functions, of this and of all other libraries: what jumps to one calls it.
pub(super) const FUNCTIONS: u32 = BASE + SIZE;
/// Bytes from one function to the next.
pub(super) const FUNCTION: u32 = 16;
/// Functions whose code can be read.
const READABLE: usize = 4096;
/// How functions of the system begin. Some packers look whether there is a breakpoint.
const CODE: [u8; FUNCTION as usize] = *b"\x8b\xff\x55\x8b\xec\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90";

const PE: usize = 0x80;
const EXPORTS: usize = 0x1000;

/// The image, for names in the order of their letters with their addresses, and behind it the code of functions.
pub(super) fn image(exports: &[(&str, u32)]) -> Vec<u8> {
    let mut bytes = vec![0; SIZE as usize];
    let mut put = |at: usize, value: &[u8]| {
        if let Some(room) = bytes.get_mut(at..at.saturating_add(value.len())) {
            room.copy_from_slice(value);
        }
    };
    let number = |value: usize| u32::try_from(value).unwrap_or(0).to_le_bytes();
    put(0, b"MZ");
    put(0x3c, &number(PE));
    put(PE, b"PE\0\0\x4c\x01");
    // The optional header: its size, magic, address, size of the image, and where the exports are.
    put(PE.saturating_add(20), &[0xe0, 0]);
    put(PE.saturating_add(24), &[0x0b, 1]);
    put(PE.saturating_add(24 + 28), &BASE.to_le_bytes());
    put(PE.saturating_add(24 + 56), &SIZE.to_le_bytes());
    put(PE.saturating_add(24 + 92), &number(16));
    put(PE.saturating_add(24 + 96), &number(EXPORTS));
    put(PE.saturating_add(24 + 100), &number(0x4000));
    let count = exports.len();
    let addresses = EXPORTS.saturating_add(40);
    let names = addresses.saturating_add(count.saturating_mul(4));
    let ordinals = names.saturating_add(count.saturating_mul(4));
    let mut text = ordinals.saturating_add(count.saturating_mul(2));
    for (at, value) in [(16, 1), (20, count), (24, count), (28, addresses), (32, names), (36, ordinals)] {
        put(EXPORTS.saturating_add(at), &number(value));
    }
    put(EXPORTS.saturating_add(12), &number(text));
    let library = b"KERNEL32.dll\0";
    put(text, library);
    text = text.saturating_add(library.len());
    for (index, (name, address)) in exports.iter().enumerate() {
        let row = index.saturating_mul(4);
        put(addresses.saturating_add(row), &address.wrapping_sub(BASE).to_le_bytes());
        put(names.saturating_add(row), &number(text));
        put(
            ordinals.saturating_add(index.saturating_mul(2)),
            &u16::try_from(index).unwrap_or(0).to_le_bytes(),
        );
        put(text, name.as_bytes());
        text = text.saturating_add(name.len()).saturating_add(1);
    }
    bytes.extend(CODE.repeat(READABLE));
    bytes
}
