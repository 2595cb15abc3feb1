//! Icons of programs, and pictures known by their looks.

use super::carriers::{Kind, with_icon, with_icons};
use super::feature::{Feature, HIT};
use super::{engine, finds, scan};

/// An icon of 16 pixels and two colours, and how `clamscan --debug` 1.4.6 writes it.
const ICON: &str = "2800000010000000200000000100010000000000000000000000000000000000000000000000000028\
    1e1400283cfa00000300000003000000030000000300003fff00003ffc0000300c0000300c000033cc000033cc000033cc00\
    00300c0000300c00003ffc00003ffc000000000000";
const ICON_HASH: &str = "10ab20201ab20a01ab20604465000b5a804035a80803c50201c50a01c5060442000b5c04035c0803e60608e2\
    0205e20a0544000b63000075040b5b000a26";
/// Where the red of its second colour is.
const RED: usize = 46;

/// The same picture in a file, and its hash.
const BITMAP: &str = "424d7e000000000000003e000000280000001000000010000000010001000000000040000000000000000000\
    00000200000000000000281e1400283cfa00000300000003000000030000000300003fff00003ffc0000300c0000300c0000\
    33cc000033cc000033cc0000300c0000300c00003ffc00003ffc000000000000";
const BITMAP_HASH: &str = "80d52ad67d0adc76";
/// A byte of its pixels.
const PIXELS: usize = 94;

pub(crate) fn features() -> Vec<Feature> {
    let icon = |field: &str| {
        Feature::described(&format!("Target:1,{field}"), "0;2800000010000000")
            .file("idb", &format!("one:Bad:Folder:{ICON_HASH}"))
    };
    let icons = [
        icon("IconGroup1:Bad"),
        icon("IconGroup2:Folder"),
        icon("IconGroup1:Bad,IconGroup2:Folder"),
        icon("IconGroup1:Bad").never_described("Target:1,IconGroup1:Folder", "0;2800000010000000"),
    ];
    let (bytes, mut dull) = (hex::decode(ICON).unwrap(), hex::decode(ICON).unwrap());
    dull[RED] = 40;
    let icons = icons.map(|feature| feature.has(&bytes, &dull).only(&[Kind::Pe]).wrapped(with_icon));

    let (bytes, mut other) = (hex::decode(BITMAP).unwrap(), hex::decode(BITMAP).unwrap());
    other[PIXELS] = 0xff;
    let pictures = [format!("0;fuzzy_img#{BITMAP_HASH}"), format!("0;fuzzy_img#{BITMAP_HASH}#0")]
        .map(|body| Feature::logical(&body).has(&bytes, &other).only(&[Kind::Raw]).wrapped(bitmap));
    icons.into_iter().chain(pictures).collect()
}

/// The bitmap alone, without the carrier.
fn bitmap(bytes: Vec<u8>) -> Vec<u8> {
    let start = bytes.windows(6).position(|window| window == b"BM\x7e\0\0\0").unwrap();
    bytes[start..start + BITMAP.len() / 2].to_vec()
}

#[test]
fn icons_beyond_the_first_hundred_are_a_gap() {
    let icon = hex::decode(ICON).unwrap();
    let signature = |hash: &str| {
        Feature::described("Target:1,IconGroup1:Bad", "0;2800000010000000")
            .file("idb", &format!("one:Bad:Folder:{hash}"))
            .has(&icon, &icon)
            .made(Kind::Pe)
    };
    // No icon of this side is there.
    let other_hash = format!("20{}", &ICON_HASH[2..]);
    for (count, hash, found, gaps) in
        [(100, ICON_HASH, true, 0), (101, ICON_HASH, true, 1), (101, &other_hash, false, 1)]
    {
        let made = signature(hash);
        let report = scan(&engine(&made.signatures).unwrap(), &with_icons(made.hit, count));
        assert_eq!(finds(&report, HIT), found);
        let is_of_icons = |detail: &str| detail.contains("first 100 icons");
        assert_eq!(report.gaps.iter().filter(|gap| is_of_icons(&gap.detail)).count(), gaps);
    }
}
