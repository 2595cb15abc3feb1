//! Targets 3 and 7 look at normalised forms: pages and text folded, scripts with their strings put together.

use super::carriers::Kind;
use super::feature::Feature;

fn page(signature: &str) -> Feature {
    Feature::extended(&format!("3:*:{signature}")).only(&[Kind::Html])
}

fn text(signature: &str) -> Feature {
    Feature::extended(&format!("7:*:{signature}")).only(&[Kind::Text])
}

pub(crate) fn features() -> Vec<Feature> {
    vec![
        // Magic says that it is a page.
        Feature::extended("3:*:'world'")
            .file("ftm", "0:<body>:'hello':Page:CL_TYPE_ANY:CL_TYPE_HTML")
            .has("hello WoRLd", "hellp WoRLd")
            .only(&[Kind::Raw]),
        page("'hello world'").never("3:*:'HeLLo'").has("HeLLo   WoRLd", "HeLLo   WoRLe"),
        page("'hello world'").has("hello\n\tworld", "hello\n\tworle"),
        page("'hello'*'world'").has("he<b>LLo world hello</b> world", "he<b>LLo world hello</b> worle"),
        page("'<a href=\"http://example.org/\">'")
            .has("<A HREF=\"http://example.org/\">x</A>", "<A HREF=\"http://example.org.\">x</A>"),
        page("'hello'").has("&#104;ello", "&#105;ello"),
        page("'n000=\"hello\"'").has(
            "<script>var Foo = \"he\" + \"llo\"; f(Foo);</script>",
            "<script>var Foo = \"he\" + \"llp\"; f(Foo);</script>",
        ),
        Feature::described("Target:3", "0&1;'hello';'small world'")
            .has("<b>HELLO</b> Small   World", "<b>HELLO</b> Small   Worle")
            .only(&[Kind::Html]),
        text("'hello world'").never("7:*:'HeLLo'").has("HeLLo   WoRLd", "HeLLo   WoRLe"),
        text("'hello world'").has("hello\r\n\tworld", "hello\r\n\tworle"),
        text("'hello'{2-9}'world'").has("HELLO small WORLD", "HELLO small WORLE"),
        Feature::described("Target:7", "0&1;'hello';0/wor[a-z]d/")
            .has("Hello WORLD", "Hello WOR1D")
            .only(&[Kind::Text]),
    ]
}
