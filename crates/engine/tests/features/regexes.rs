//! Regular expressions: triggers, places, and each flag.

use super::carriers::{NOT_FOLDED, Slot};
use super::feature::Feature;

/// A regular expression behind `'hello'`, which triggers it.
fn triggered(regex: &str) -> Feature {
    Feature::logical(&format!("0&1;'hello';{regex}"))
}

fn never(feature: Feature, regex: &str) -> Feature {
    feature.never_logical(&format!("0&1;'hello';{regex}"))
}

/// Expressions with what they match behind `hello `, and the same with the byte that breaks it.
const EXPRESSIONS: &[(&str, &str, &str)] = &[
    ("0/world/", "world", "worle"),
    ("0/w[o0]r(l|k)d/", "w0rkd", "w1rkd"),
    ("0/w.r{2,3}ld+/", "worrld", "worxld"),
    ("0/\\bworld\\b/", "world!", "worldx"),
    ("0/wor(?=ld)/", "world", "worle"),
    ("0/(?<!x)world/", " world", "xworld"),
    ("0/(?<first>w)or\\1/", "worw", "worv"),
    ("0/(?>wo+)rld/", "woorld", "woarld"),
    ("0/wo++rld/", "wooorld", "woo_rld"),
    ("0/\\x77\\x6f(rld|rd)/", "world", "wirld"),
    ("0/w\\/\\;d/", "w/;d", "w/;e"),
    ("0/[[:digit:]]{3}-\\d/", "123-4", "123-x"),
    // Flags.
    ("0/WORld/i", "world", "worle"),
    ("0/hello.world/s", "\nworld", "\nworle"),
    ("0/^world$/m", "\nworld\n", "\nworld."),
    ("0/wor ld # a comment/x", "world", "worle"),
    ("0/wo.*ld,/U", "world,", "world."),
    ("0/hello \\x20?world/si", " WORLD", " WORLE"),
];

pub(crate) fn features() -> Vec<Feature> {
    let mut features: Vec<Feature> = EXPRESSIONS
        .iter()
        .map(|(regex, hit, miss)| {
            // `.` stands for the line feed alone.
            let before = if regex.contains("hello.world") { "hello" } else { "hello " };
            triggered(regex).has(format!("{before}{hit}"), format!("{before}{miss}"))
        })
        .collect();
    // The same without the flag finds nothing.
    features.extend([
        never(triggered("0/hello.world/s"), "0/hello.world/")
            .has("hello\nworld", "hello\nworle")
            .only(NOT_FOLDED),
        never(triggered("0/^world$/m"), "0/^world$/").has("hello\nworld\n", "hello\nworle\n"),
        never(triggered("0/wor ld/x"), "0/wor ld/").has("hello world", "hello worle"),
        // At the end of everything, and not before a last line end.
        triggered("0/world$/E").at(Slot::End(11), "hello world", "hello worle"),
        never(triggered("0/world$/"), "0/world$/E")
            .at(Slot::End(12), "hello world\n", "hello worle\n")
            .only(NOT_FOLDED),
        // Anchored where it may begin.
        never(triggered("<body>:0/hello/A"), "<body+1>:0/hello/A").has("hello", "hellp"),
        never(triggered("<body+6>:0/world/"), "<body+5>:0/world/").has("hello world", "hello worle"),
        // Rolling: from there on.
        never(triggered("<body+2>:0/world/r"), "<body+7>:0/world/r").has("hello world", "hello worle"),
        // From a place on, within some bytes, and with all of the match in them.
        never(triggered("<body>,10:0/world/"), "<body>,5:0/world/").has("hello world", "hello worle"),
        never(triggered("<body>,20:0/world/e"), "<body>,8:0/world/e").has("hello world", "hello worle"),
        // Counted only with `g`; a greedy expression takes all at once.
        Feature::logical("0&1=3;'hello';0/wor+ld/g")
            .has("hello world worrld world", "hello world worrld worle"),
        Feature::logical("0&1=1;'hello';0/world/")
            .never_logical("0&1=2;'hello';0/world/")
            .has("hello world world", "hellp world world"),
        Feature::logical("0&1=3;'hello';0/k+/gU")
            .never_logical("0&1=3;'hello';0/k+/g")
            .has("hello kkk", "hello kky"),
    ]);
    // The trigger must be true, whatever the expression asks.
    features.extend([
        Feature::logical("1;'hello';0/world/").has("hello world", "hellp world"),
        Feature::logical("2;'hello';'small';0&1/world/").has("hello small world", "hello smell world"),
        Feature::logical("2;'hello';'small';0|1/world/").has("smell world hello", "smell world hellp"),
        Feature::logical("1;'hello';0=2/world/").has("hello hello world", "hello hellp world"),
        Feature::logical("2;'hello';0/small/;1/world/").has("hello small world", "hello smell world"),
    ]);
    features
}
