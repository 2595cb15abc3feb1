//! The ciphers of encrypted documents: ISO 32000-2, 7.6.3: RC4, and AES in CBC mode behind its first block.

use std::io;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};

use super::input::Input;
use super::text_filters::Step;

/// A block of AES.
pub(crate) type Block = [u8; 16];

/// RC4.
#[derive(Clone)]
pub(crate) struct Rc4 {
    state: [u8; 256],
    first: u8,
    second: u8,
}

impl Rc4 {
    /// The cipher at its start; a key of no bytes is none.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut state = [0; 256];
        for (byte, slot) in (0..=u8::MAX).zip(state.iter_mut()) {
            *slot = byte;
        }
        let mut rc4 = Self { state, first: 0, second: 0 };
        let mut other: u8 = 0;
        for (index, byte) in (0..=u8::MAX).zip(key.iter().cycle()) {
            other = other.wrapping_add(rc4.at(index)).wrapping_add(*byte);
            rc4.state.swap(usize::from(index), usize::from(other));
        }
        rc4
    }

    fn at(&self, index: u8) -> u8 {
        self.state.get(usize::from(index)).copied().unwrap_or(0)
    }

    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.first = self.first.wrapping_add(1);
            self.second = self.second.wrapping_add(self.at(self.first));
            self.state.swap(usize::from(self.first), usize::from(self.second));
            *byte ^= self.at(self.at(self.first).wrapping_add(self.at(self.second)));
        }
    }
}

impl Step for Rc4 {
    fn step(&mut self, input: &mut Input, output: &mut Vec<u8>) -> io::Result<bool> {
        let bytes = input.fill()?;
        let count = bytes.len();
        let start = output.len();
        output.extend_from_slice(bytes);
        input.consume(count);
        self.apply(output.get_mut(start..).unwrap_or_default());
        Ok(count > 0)
    }
}

/// AES with a key of any size.
pub(crate) enum Aes {
    Small(Box<Aes128>),
    Middle(Box<Aes192>),
    Large(Box<Aes256>),
}

impl Aes {
    /// Nothing for keys of any other length.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Some(Self::Small(Box::new(Aes128::new_from_slice(key).ok()?))),
            24 => Some(Self::Middle(Box::new(Aes192::new_from_slice(key).ok()?))),
            32 => Some(Self::Large(Box::new(Aes256::new_from_slice(key).ok()?))),
            _ => None,
        }
    }

    pub(crate) fn decrypt(&self, block: Block, before: Block) -> Block {
        let mut out = block.into();
        match self {
            Self::Small(cipher) => cipher.decrypt_block(&mut out),
            Self::Middle(cipher) => cipher.decrypt_block(&mut out),
            Self::Large(cipher) => cipher.decrypt_block(&mut out),
        }
        xor(out.into(), before)
    }

    /// Encrypts whole blocks in CBC mode in place.
    pub(crate) fn encrypt_all(&self, bytes: &mut [u8], start: Block) {
        let mut before = start;
        for chunk in bytes.as_chunks_mut::<16>().0 {
            let mut out = xor(*chunk, before).into();
            match self {
                Self::Small(cipher) => cipher.encrypt_block(&mut out),
                Self::Middle(cipher) => cipher.encrypt_block(&mut out),
                Self::Large(cipher) => cipher.encrypt_block(&mut out),
            }
            before = out.into();
            *chunk = before;
        }
    }

    /// Decrypts whole blocks in CBC mode in place.
    pub(crate) fn decrypt_all(&self, bytes: &mut [u8], start: Block) {
        let mut before = start;
        for chunk in bytes.as_chunks_mut::<16>().0 {
            let block = *chunk;
            *chunk = self.decrypt(block, before);
            before = block;
        }
    }
}

fn xor(mut block: Block, other: Block) -> Block {
    for (byte, other) in block.iter_mut().zip(other) {
        *byte ^= other;
    }
    block
}

/// A decoder of AES in CBC mode with padding.
pub(crate) struct Cbc {
    cipher: Aes,
    /// The encrypted block before, which is the first thing that is read.
    before: Option<Block>,
    /// The block that may be the last.
    held: Option<Block>,
}

impl Cbc {
    pub(crate) fn new(cipher: Aes) -> Self {
        Self { cipher, before: None, held: None }
    }
}

impl Step for Cbc {
    fn step(&mut self, input: &mut Input, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut block: Block = [0; 16];
        for slot in &mut block {
            let Some(byte) = input.next()? else {
                // Less than a block is nothing, and wrong padding is left where it is.
                if let Some(last) = self.held.take() {
                    let padding = usize::from(last.last().copied().unwrap_or(0));
                    let keep =
                        if (1..=16).contains(&padding) { 16_usize.saturating_sub(padding) } else { 16 };
                    output.extend(last.iter().take(keep));
                }
                return Ok(false);
            };
            *slot = byte;
        }
        if let Some(before) = self.before {
            output.extend(self.held.take().iter().flatten());
            self.held = Some(self.cipher.decrypt(block, before));
        }
        self.before = Some(block);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rc4_of_rfc_6229() {
        let mut bytes = [0; 16];
        Rc4::new(&[1, 2, 3, 4, 5]).apply(&mut bytes);
        assert_eq!(bytes[..8], [0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27]);
        Rc4::new(&[]).apply(&mut bytes);
    }

    #[test]
    fn what_is_encrypted_can_be_decrypted() {
        let cipher = Aes::new(&[7; 32]).unwrap();
        let mut bytes = *b"two blocks of 16 bytes each here";
        cipher.encrypt_all(&mut bytes, [9; 16]);
        cipher.decrypt_all(&mut bytes, [9; 16]);
        assert_eq!(&bytes, b"two blocks of 16 bytes each here");
        assert!(Aes::new(&[0; 23]).is_none());
    }
}
