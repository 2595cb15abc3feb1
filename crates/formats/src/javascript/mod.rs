//! JavaScript in the form that signatures are written for: names replaced, strings joined, simple packers undone.
//!
//! There is no specification. The form is that of `clamscan` 1.4.6, found by comparing with what its programs put out
//! (`benches/normalise`). It knows a language of its own, older than ES5: words, numbers, strings and signs, no
//! regular expressions, and no blocks but functions.

mod clock;
mod lexer;
mod names;
mod print;
mod unfold;

use candor_object::{FileType, Flow};

use clock::Clock;

/// The type of the form.
pub(crate) const NORMALIZED: FileType = FileType::new("javascript-normalized");

/// Longest script, in bytes: its words take some ten times as much memory while they are looked at.
pub(crate) const MAX_SCRIPT: usize = 4 << 20;

const OPENING: &[u8] = b"<script>";
const CLOSING: &[u8] = b"</script>";

/// Appends the form of a script to `out`, between tags. Its own closing tag, if it has one, is read as a part of it.
/// `pulse` is called all the while; when it stops, what is in `out` is no form.
pub(crate) fn normalise(script: &[u8], out: &mut Vec<u8>, pulse: &mut dyn FnMut() -> Flow) -> Flow {
    let clock = &mut Clock::new(pulse);
    let mut text = lexer::Text::default();
    text.read(script, clock)?;
    text.end();
    unfold::join(&mut text, clock)?;
    unfold::decode(&mut text, clock)?;
    unfold::evaluate(&mut text, clock)?;
    out.extend_from_slice(OPENING);
    print::print(&text, out, clock)?;
    if !out.ends_with(CLOSING) {
        out.extend_from_slice(CLOSING);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(script: &str) -> String {
        let mut out = Vec::new();
        normalise(format!("{script}</script>").as_bytes(), &mut out, &mut || Ok(())).unwrap();
        let text = String::from_utf8_lossy(&out).into_owned();
        text.trim_start_matches("<script>").trim_end_matches("</script>").to_owned()
    }

    /// What `clamscan` makes of them.
    #[test]
    fn forms_are_those_of_clamscan() {
        for (script, expected) in [
            ("var Foo = \"a\" + 'B' + c; // d\nFoo", "var n000=\"ab\"+c;d n000"),
            ("function Foo(X,Y){return X+Y} X", "function n000(n001,n002){return n001+n002}x"),
            ("a;var a;a.b=c.a", "n000;var n000;n000.b=c.a"),
            ("{var b,c;c}var d,e", "{var n000,c;c}var n001,n002"),
            ("var a=f(b,c),d=[e,g],h", "var n000=f(b,n001),n002=[e,g],n003"),
            ("'a\\'b\\x41\\u0042\\n'", "\"a'bab \""),
            ("unescape('%41%u0042%zz')", "\"ab%zz\""),
            ("eval(unescape('%61%3b'))", "a;"),
            ("0x41 010 1.50 1. 12345678901", "0 x41 10 1.5 1 -539222987"),
            ("a /* b */ //c\nd", "a d"),
            ("x(", "x(</script>)"),
            ("\"x", "\"x</script>\""),
        ] {
            assert_eq!(form(script), expected, "{script}");
        }
    }

    #[test]
    fn packed_scripts_come_out() {
        let packed = "eval(function(p,a,c,k,e,d){}('0 1=2;3(1);',4,4,'var|abc|def|alert'.split('|'),0,{}))";
        assert_eq!(
            form(packed),
            "eval(function(n000,n001,n002,n003,n004,n005){}(var n006=def;alert(n006);))"
        );
    }

    #[test]
    fn nests_end() {
        let out = form(&"function(a){".repeat(100_000));
        assert!(out.len() < 10_000_000);
        form(&"((((".repeat(100_000));
        form(&"var a,".repeat(100_000));
    }

    /// However far it has come: scripts of all kinds of parts are stopped within each step.
    #[test]
    fn a_long_script_can_be_stopped_at_any_time() {
        let scripts = ["a b ", "\"a\"+", "unescape('%41')", "eval('a');", "function(a){"];
        for script in scripts.map(|piece| piece.repeat((1 << 20) / piece.len())) {
            let pulses = |most: usize| {
                let mut count = 0;
                let mut pulse = || {
                    count += 1;
                    if count > most { Err(candor_object::Stop::Spent) } else { Ok(()) }
                };
                let flow = normalise(script.as_bytes(), &mut Vec::new(), &mut pulse);
                (count, flow.is_ok())
            };
            let (all, ends) = pulses(usize::MAX);
            assert!(ends && all > 40, "{all}");
            for most in [0, 1, all / 2, all - 1] {
                assert_eq!(pulses(most), (most + 1, false));
            }
        }
    }

    proptest! {
        #[test]
        fn any_script_has_a_form(script in "[a-c(){};,\"'+.\\\\/* \nvarfunctioeulspE%0-9]{0,200}") {
            form(&script);
        }

        #[test]
        fn any_bytes_have_a_form(script in prop::collection::vec(any::<u8>(), 0..300)) {
            normalise(&script, &mut Vec::new(), &mut || Ok(())).unwrap();
        }
    }
}
