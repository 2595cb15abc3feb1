//! The header of a package: an index of tags, and their data.

/// Tags ([list](https://rpm-software-management.github.io/rpm/manual/tags.html)).
pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const EPOCH: u32 = 1003;
pub(super) const SUMMARY: u32 = 1004;
pub(super) const INSTALLED: u32 = 1008;
pub(super) const VENDOR: u32 = 1011;
pub(super) const LICENCE: u32 = 1014;
pub(super) const PACKAGER: u32 = 1015;
pub(super) const URL: u32 = 1020;
pub(super) const ARCHITECTURE: u32 = 1022;

/// The types of values that are read.
const NUMBER: u32 = 4;
const TEXTS: [u32; 3] = [6, 8, 9];

pub(super) struct Header<'b> {
    /// Tag, type, offset and count of each, as big-endian numbers of four bytes.
    index: &'b [u8],
    data: &'b [u8],
}

impl<'b> Header<'b> {
    /// None if the lengths that it tells are not there.
    pub(super) fn new(blob: &'b [u8]) -> Option<Self> {
        let (count, rest) = number_at(blob)?;
        let (size, rest) = number_at(rest)?;
        let (index, rest) = rest.split_at_checked((count as usize).checked_mul(16)?)?;
        Some(Self { index, data: rest.get(..size as usize)? })
    }

    /// The type of a tag, and its data with what follows.
    fn find(&self, tag: u32) -> Option<(u32, &'b [u8])> {
        let entry = self.index.chunks_exact(16).find(|entry| entry[..4] == tag.to_be_bytes())?;
        let (kind, rest) = number_at(&entry[4..])?;
        let (offset, _) = number_at(rest)?;
        Some((kind, self.data.get(offset as usize..)?))
    }

    /// The first text of a tag, an empty one if there is none.
    pub(super) fn text(&self, tag: u32) -> String {
        let Some((_, data)) = self.find(tag).filter(|(kind, _)| TEXTS.contains(kind)) else {
            return String::new();
        };
        let end = memchr::memchr(0, data).unwrap_or(data.len()).min(crate::text::LONGEST);
        String::from_utf8_lossy(&data[..end]).into_owned()
    }

    pub(super) fn number(&self, tag: u32) -> Option<u32> {
        self.find(tag).filter(|(kind, _)| *kind == NUMBER).and_then(|(_, data)| Some(number_at(data)?.0))
    }
}

fn number_at(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn sample() -> Vec<u8> {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        let mut add = |tag: u32, kind: u32, value: &[u8]| {
            for number in [tag, kind, data.len() as u32, 1] {
                index.extend_from_slice(&number.to_be_bytes());
            }
            data.extend_from_slice(value);
        };
        add(EPOCH, NUMBER, &1_u32.to_be_bytes());
        add(INSTALLED, NUMBER, &1_721_000_000_u32.to_be_bytes());
        for (tag, kind, text) in [
            (NAME, 6, "kesl\0"),
            (VERSION, 6, "12.0\0"),
            (RELEASE, 6, "6672\0"),
            (VENDOR, 6, "AO Kaspersky Lab\0"),
            (ARCHITECTURE, 6, "x86_64\0"),
            (SUMMARY, 9, "Endpoint Security\0"),
        ] {
            add(tag, kind, text.as_bytes());
        }
        [&(index.len() as u32 / 16).to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), &index, &data]
            .concat()
    }

    #[test]
    fn tags_are_found_and_cut_headers_are_none() {
        let sample = sample();
        let header = Header::new(&sample).unwrap();
        assert_eq!(header.text(NAME), "kesl");
        assert_eq!(header.text(URL), "");
        assert_eq!(header.number(NAME), None);
        for end in 0..sample.len() {
            assert!(Header::new(&sample[..end]).is_none());
        }
    }
}
