//! A writer of compound files (OLE2), and of the tables of an installer in one.

const SECTOR: usize = 512;
const SMALL: usize = 64;
const END: u32 = 0xffff_fffe;
const FREE: u32 = u32::MAX;

/// A compound file of streams that are all small.
pub(crate) fn compound(streams: &[(Vec<u16>, Vec<u8>)]) -> Vec<u8> {
    let (mut small, mut small_table, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for (name, data) in streams {
        assert!(data.len() < 4096);
        let start = (small.len() / SMALL) as u32;
        small.extend(data);
        small.resize(small.len().next_multiple_of(SMALL), 0);
        let count = small.len() / SMALL - start as usize;
        for number in 1..=count as u32 {
            small_table.push(if number == count as u32 { END } else { start + number });
        }
        entries.push(entry(name, 2, start, data.len()));
    }
    small.resize(small.len().next_multiple_of(SECTOR), 0);
    let root: Vec<u16> = "Root Entry".encode_utf16().collect();
    let directory_sectors = (entries.len() + 1).div_ceil(4);
    let small_sectors = small.len() / SECTOR;
    // The table, the table of small sectors, the directory, the small streams.
    let (directory_at, small_at) = (2, 2 + directory_sectors as u32);
    entries.insert(0, entry(&root, 5, small_at, small.len()));
    let mut table = vec![0xffff_fffd, END];
    for (start, count) in [(directory_at, directory_sectors as u32), (small_at, small_sectors as u32)] {
        table.extend((1..=count).map(|number| if number == count { END } else { start + number }));
    }
    let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    bytes.resize(24, 0);
    bytes.extend([0x3e_u16, 3, 0xfffe, 9, 6].iter().flat_map(|word| word.to_le_bytes()));
    bytes.resize(44, 0);
    for word in [1, directory_at, 0, 4096, 1, 1, END, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(SECTOR, 0xff);
    for part in [table, small_table] {
        assert!(part.len() <= SECTOR / 4);
        bytes.extend(part.iter().chain(&[FREE; 128]).take(128).flat_map(|word| word.to_le_bytes()));
    }
    let start = bytes.len();
    bytes.extend(entries.concat());
    bytes.resize(start + directory_sectors * SECTOR, 0);
    bytes.extend(small);
    bytes
}

fn entry(name: &[u16], kind: u8, start: u32, size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = name.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    bytes.resize(64, 0);
    bytes.extend(((name.len() + 1) as u16 * 2).to_le_bytes());
    bytes.extend([kind, 1]);
    for word in [FREE, FREE, if kind == 5 { 1 } else { FREE }] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(116, 0);
    bytes.extend(start.to_le_bytes());
    bytes.extend((size as u64).to_le_bytes());
    bytes
}

/// An installer with these properties.
pub(crate) fn installer(properties: &[(&str, &str)]) -> Vec<u8> {
    let (mut pool, mut data) = (vec![0xe9, 0xfd, 0, 0], Vec::new());
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (number, text) in properties.iter().flat_map(|(name, value)| [name, value]).enumerate() {
        pool.extend((text.len() as u16).to_le_bytes());
        pool.extend([1, 0]);
        data.extend(text.as_bytes());
        let column = if number % 2 == 0 { &mut names } else { &mut values };
        column.extend((number as u16 + 1).to_le_bytes());
    }
    let table = [names, values].concat();
    compound(&[(packed("_StringPool"), pool), (packed("_StringData"), data), (packed("Property"), table)])
}

/// The name of a table as the directory of an installer has it.
fn packed(name: &str) -> Vec<u16> {
    let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
    let digit = |letter: &u8| letters.iter().position(|known| known == letter).unwrap() as u16;
    let pairs = name.as_bytes().chunks(2).map(|pair| match pair {
        [first, second] => 0x3800 + digit(first) + digit(second) * 64,
        one => 0x4800 + digit(&one[0]),
    });
    [0x4840].into_iter().chain(pairs).collect()
}
