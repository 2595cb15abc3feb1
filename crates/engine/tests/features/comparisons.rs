//! Bytes that are compared as a number.

use super::carriers::{ALL, BINARY};
use super::feature::Feature;

/// A comparison with bytes behind `hello`, what they are, and what they are in the twin.
const OF_DIGITS: &[(&str, &str, &str)] = &[
    // Decimal.
    ("0(>>5#db2#=42)", "42", "43"),
    ("0(>>5#d2#=42)", "42", "52"),
    ("0(>>5#db3#>99)", "100", "000"),
    ("0(>>5#db3#<100)", "099", "199"),
    ("0(>>5#db3#>10,<20)", "015", "025"),
    ("0(>>5#dbe2#=42)", "42", "4x"),
    ("0(>>6#db2#=42)", "x42", "x41"),
    ("0(>>5#db2#=0x2a)", "42", "44"),
    // Hexadecimal.
    ("0(>>5#hb2#=42)", "2a", "2b"),
    ("0(>>5#hb4#>0xff00)", "ff01", "ef01"),
    ("0(>>5#hl4#=0x0102)", "0201", "0202"),
    ("0(>>5#hbe4#=0x1a2b)", "1a2b", "1a2x"),
    ("0(>>5#hb4#=0x1f)", "0x1f", "0x1e"),
    // Either.
    ("0(>>5#ab4#=31)", "0x1f", "0x1e"),
    ("0(>>5#ab2#=42)", "42", "40"),
    ("0(>>5#abe2#=42)", "42", "4a"),
];

/// The same with bytes as they are.
const OF_BYTES: &[(&str, &[u8], &[u8])] = &[
    ("0(>>5#ib1#=200)", b"\xc8", b"\xc9"),
    ("0(>>5#il1#>199)", b"\xc8", b"\xc7"),
    ("0(>>5#ib2#=258)", b"\x01\x02", b"\x01\x03"),
    ("0(>>5#il2#=258)", b"\x02\x01", b"\x02\x02"),
    ("0(>>5#ib4#=0x01020304)", b"\x01\x02\x03\x04", b"\x01\x02\x03\x05"),
    ("0(>>5#il4#=0x01020304)", b"\x04\x03\x02\x01", b"\x04\x03\x02\x00"),
    ("0(>>5#il4#>0x7fffffff)", b"\x00\x00\x00\x80", b"\x00\x00\x00\x70"),
    ("0(>>5#il8#=0x0102)", b"\x02\x01\0\0\0\0\0\0", b"\x02\x01\0\0\0\0\0\x01"),
    ("0(>>5#ib8#>4294967295)", b"\0\0\0\x01\0\0\0\0", b"\0\0\0\0\0\0\0\0"),
    ("0(>>5#ib8#<0x100)", b"\0\0\0\0\0\0\0\xff", b"\0\0\0\0\0\0\x01\xff"),
];

fn comparison(comparison: &str) -> Feature {
    Feature::logical(&format!("0&1;'hello';{comparison}"))
}

pub(crate) fn features() -> Vec<Feature> {
    let mut features = Vec::new();
    for (text, hit, miss) in OF_DIGITS {
        let feature = comparison(text).has(format!("hello{hit}"), format!("hello{miss}"));
        let short = text.contains("#ab2#") || text.contains("#abe2#");
        features.push(if short {
            feature.differs(ALL, "of two bytes no number of either kind is read")
        } else {
            feature
        });
    }
    for (text, hit, miss) in OF_BYTES {
        features
            .push(comparison(text).has([b"hello", *hit].concat(), [b"hello", *miss].concat()).only(BINARY));
    }
    features.extend([
        // Before what it refers to, at it, and behind the last of several.
        comparison("0(<<2#db2#=42)").has("42hello", "43hello"),
        Feature::logical("0&1;'h'??'llo';0(>>1#ib1#=0x65)").has("hello", "hallo"),
        Feature::logical("0&1;'h'??'llo';0(0#ib1#>0x60)").has("hello", "jello"),
        comparison("0(>>5#db2#=42)").has("hello41 hello42", "hello41 hello43"),
        // Of another than the first, and beside others.
        Feature::logical("0&1&2;'small';'hello';1(>>5#db2#=42)").has("small 43 hello42", "small 43 hello44"),
        Feature::logical("0&(1|2);'hello';0(>>5#db2#=42);0(>>5#db2#=50)").has("hello50", "hello51"),
        Feature::logical("0&1=0;'hello';0(>>5#db2#=42)").has("hello43", "hello42"),
    ]);
    features
}
