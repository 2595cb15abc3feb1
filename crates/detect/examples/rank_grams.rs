//! Counts folded four-byte grams in ordinary files and writes `src/pattern/grams.bin`.
//!
//! usage: rank_grams OUTPUT CORPUS_DIR...
//!
//! Each directory counts as one kind of content; a gram is as common as in the kind where it is commonest.

use std::path::Path;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let output = arguments.next().expect("usage: rank_grams OUTPUT CORPUS_DIR...");
    let mut ranks = vec![0_u8; 1 << 16];
    for corpus in arguments {
        let mut counts = vec![0_u64; 1 << 16];
        count(Path::new(&corpus), &mut counts);
        let total = counts.iter().sum::<u64>().max(1) as f64;
        for (rank, number) in ranks.iter_mut().zip(counts) {
            let share = (number as f64 / total * 4_294_967_296.0).max(1.0);
            *rank = (*rank).max((share.log2() * 8.0).min(239.0) as u8);
        }
    }
    std::fs::write(output, ranks).expect("the output cannot be written");
}

fn count(path: &Path, counts: &mut [u64]) {
    let Ok(kind) = path.symlink_metadata().map(|metadata| metadata.file_type()) else {
        return;
    };
    if kind.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            count(&entry.path(), counts);
        }
    } else if kind.is_file()
        && let Ok(bytes) = std::fs::read(path)
    {
        for gram in bytes.windows(4) {
            let folded = u32::from_le_bytes([gram[0], gram[1], gram[2], gram[3]]) | 0x2020_2020;
            counts[(folded.wrapping_mul(0x9E37_79B1) >> 16) as usize] += 1;
        }
    }
}
