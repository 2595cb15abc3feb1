//! A writer of registry hives.

/// Where the security of all keys lies.
const SECURITY: u32 = 32;

/// A key of a hive that is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Key {
    name: String,
    values: Vec<(String, u32, Vec<u8>)>,
    keys: Vec<Self>,
}

impl Key {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        let data = value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        self.bytes(name, 1, data)
    }

    pub(crate) fn number(self, name: &str, value: u32) -> Self {
        self.bytes(name, 4, value.to_le_bytes().to_vec())
    }

    pub(crate) fn bytes(mut self, name: &str, kind: u32, data: Vec<u8>) -> Self {
        self.values.push((name.to_owned(), kind, data));
        self
    }

    /// Adds a key at a path, and whatever lies on the way.
    pub(crate) fn with(mut self, path: &str, key: Self) -> Self {
        self.insert(path, key);
        self
    }

    fn insert(&mut self, path: &str, key: Self) {
        if path.is_empty() {
            self.keys.push(key);
            return;
        }
        let (first, rest) = path.split_once('\\').unwrap_or((path, ""));
        let place = self.keys.iter().position(|known| known.name == first).unwrap_or_else(|| {
            self.keys.push(Self::new(first));
            self.keys.len() - 1
        });
        self.keys[place].insert(rest, key);
    }

    /// The hive of which this is the root.
    pub(crate) fn hive(&self) -> Vec<u8> {
        let mut bins = b"hbin".to_vec();
        bins.resize(SECURITY as usize, 0);
        // Who may do what: the same for all keys, and nothing in particular.
        let mut security = b"sk\0\0".to_vec();
        security.extend(words(&[SECURITY, SECURITY, 1, 20, 0x8000_0001, 0, 0, 0, 0]));
        cell(&security, &mut bins);
        let root = self.write(&mut bins, 0x2c);
        // The rest of the bin is a cell that is free.
        let free = bins.len();
        bins.resize(free.next_multiple_of(4096), 0);
        let size = bins.len() as u32;
        if free < bins.len() {
            let left = (bins.len() - free) as u32;
            bins[free..free + 4].copy_from_slice(&left.to_le_bytes());
        }
        bins[8..12].copy_from_slice(&size.to_le_bytes());
        let mut bytes = b"regf".to_vec();
        for word in [1_u32, 1, 0, 0, 1, 5, 0, 1, root, size, 1] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.resize(4096, 0);
        let words = bytes[..508].as_chunks::<4>().0.iter();
        let checksum = words.fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
        bytes[508..512].copy_from_slice(&checksum.to_le_bytes());
        bytes.extend(bins);
        bytes
    }

    fn write(&self, bins: &mut Vec<u8>, flags: u16) -> u32 {
        let keys: Vec<u32> = self.keys.iter().map(|key| key.write(bins, 0x20)).collect();
        let values: Vec<u32> = self.values.iter().map(|value| write_value(value, bins)).collect();
        let values_list = if values.is_empty() { u32::MAX } else { cell(&words(&values), bins) };
        let keys_list = match keys.len() {
            0 => u32::MAX,
            1..=3 => list(b"lh", &keys, bins),
            // Every kind of list is met once.
            _ => {
                let (first, second) = keys.split_at(2);
                let parts = [list(b"li", first, bins), list(b"lf", second, bins)];
                list(b"ri", &parts, bins)
            }
        };
        let latin = self.name.is_ascii();
        let name: Vec<u8> = if latin {
            self.name.clone().into_bytes()
        } else {
            self.name.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        let mut key = b"nk".to_vec();
        key.extend(if latin { flags } else { flags & !0x20 }.to_le_bytes());
        for word in [0, 0, 0, 0, keys.len() as u32, 0, keys_list, u32::MAX, values.len() as u32, values_list]
        {
            key.extend(word.to_le_bytes());
        }
        key.extend(words(&[SECURITY, u32::MAX]));
        key.resize(72, 0);
        key.extend((name.len() as u16).to_le_bytes());
        key.extend([0, 0]);
        key.extend(name);
        let at = cell(&key, bins);
        for child in keys {
            let parent = child as usize + 4 + 16;
            bins[parent..parent + 4].copy_from_slice(&at.to_le_bytes());
        }
        at
    }
}

fn write_value((name, kind, data): &(String, u32, Vec<u8>), bins: &mut Vec<u8>) -> u32 {
    let (size, place) = match data.len() {
        0..=4 => {
            let mut inline = [0; 4];
            inline[..data.len()].copy_from_slice(data);
            (data.len() as u32 | 0x8000_0000, u32::from_le_bytes(inline))
        }
        5..=16344 => (data.len() as u32, cell(data, bins)),
        _ => {
            let segments: Vec<u32> = data.chunks(16344).map(|part| cell(part, bins)).collect();
            let list = cell(&words(&segments), bins);
            let mut large = b"db".to_vec();
            large.extend((segments.len() as u16).to_le_bytes());
            large.extend(words(&[list, 0]));
            (data.len() as u32, cell(&large, bins))
        }
    };
    let mut value = b"vk".to_vec();
    value.extend((name.len() as u16).to_le_bytes());
    value.extend(words(&[size, place, *kind]));
    value.extend([1, 0, 0, 0]);
    value.extend(name.as_bytes());
    cell(&value, bins)
}

fn list(kind: &[u8; 2], cells: &[u32], bins: &mut Vec<u8>) -> u32 {
    let mut bytes = kind.to_vec();
    bytes.extend((cells.len() as u16).to_le_bytes());
    for one in cells {
        bytes.extend(one.to_le_bytes());
        if matches!(kind, b"lf" | b"lh") {
            bytes.extend([0; 4]);
        }
    }
    cell(&bytes, bins)
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn cell(data: &[u8], bins: &mut Vec<u8>) -> u32 {
    let at = bins.len() as u32;
    let size = (data.len() + 4).next_multiple_of(8);
    bins.extend((-(size as i32)).to_le_bytes());
    bins.extend(data);
    bins.resize(at as usize + size, 0);
    at
}
