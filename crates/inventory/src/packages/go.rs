//! Go: `go.mod` ([reference](https://go.dev/ref/mod)), `go.sum`, and the modules that a compiled program carries
//! ([format](https://pkg.go.dev/debug/buildinfo)).

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Go;

/// Begins the description of how a program was built.
const MAGIC: &[u8] = b"\xff Go buildinf:";
/// Bytes of a program that are searched for it; it lies at the beginning of the data.
const SEARCHED: u64 = 64 << 20;
/// Most bytes of the list of modules.
const MODULES: usize = 1 << 20;
/// Bytes of a program that are looked at at once.
const WINDOW: usize = 1 << 20;

impl Reader for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        match subject.file_name() {
            "go.mod" | "go.sum" => true,
            // Where the linker put the description cannot be told from the head, but that it is Go often can.
            _ => subject.layout.is_some(),
        }
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        match subject.file_name() {
            "go.mod" => go_mod(subject, facts),
            "go.sum" => lines(subject, |line| {
                let mut words = line.split(' ');
                let (name, version) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                // Each module is there twice: whole, and its go.mod alone, which need not be used.
                if version.is_empty() || version.ends_with("/go.mod") {
                    return Ok(());
                }
                tell(facts, ("go", DECLARED), (name, version), &[])
            }),
            _ => program(subject, facts),
        }
    }
}

fn go_mod(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let mut block = String::new();
    lines(subject, |line| {
        let line = line.split("//").next().unwrap_or("").trim();
        let mut words = line.split_whitespace();
        let verb = if block.is_empty() { words.next().unwrap_or("") } else { block.as_str() }.to_owned();
        let (name, version) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        if line == ")" {
            block.clear();
        } else if name == "(" {
            block = verb;
        } else if verb == "require" || verb == "module" {
            tell(facts, ("go", DECLARED), (name.trim_matches('"'), version), &[])?;
        } else if verb == "replace"
            && let Some((_, by)) = line.split_once("=>")
        {
            let mut words = by.split_whitespace();
            let by = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            if !by.1.is_empty() {
                tell(facts, ("go", DECLARED), by, &[])?;
            }
        }
        Ok(())
    })
}

fn program(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let content = subject.content();
    let mut offset = 0;
    while offset < content.size().min(SEARCHED) {
        subject.time_left()?;
        let window = content.window(offset, WINDOW)?;
        let aligned =
            memchr::memmem::find_iter(&window, MAGIC).find(|at| (offset + *at as u64).is_multiple_of(16));
        if let Some(at) = aligned {
            return modules(subject, offset + at as u64, facts);
        }
        // The description is aligned, so none begins before the last 16 bytes and ends behind them.
        offset += (window.len() as u64).saturating_sub(16).max(16);
    }
    Ok(())
}

fn modules(subject: &Subject<'_>, at: u64, facts: &mut Facts<'_>) -> Result<(), Error> {
    let bytes = subject.content().window(at, MODULES)?;
    // Flag 2: the texts follow, as they do since Go 1.18. Before that there were pointers.
    if bytes.get(15).is_none_or(|flags| flags & 2 == 0) {
        return Ok(());
    }
    let mut rest = &bytes[32.min(bytes.len())..];
    let Some(version) = text(&mut rest) else { return Ok(()) };
    tell(
        facts,
        ("go", INSTALLED),
        ("std", version.trim_start_matches("go")),
        &[(Attribute::Source, "buildinfo")],
    )?;
    // The list stands between marks of 16 bytes, the first of which begins with a binary byte.
    let list = text_bytes(&mut rest).unwrap_or_default();
    let list = String::from_utf8_lossy(list.get(16..list.len().saturating_sub(16)).unwrap_or_default());
    for line in list.lines() {
        let mut words = line.split('\t');
        if let Some("mod" | "dep" | "=>") = words.next() {
            let module = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            tell(facts, ("go", INSTALLED), module, &[(Attribute::Source, "buildinfo")])?;
        }
    }
    Ok(())
}

fn text_bytes<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let mut length = 0_usize;
    for shift in (0..28).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let (text, after) = rest.split_at_checked(length)?;
            *rest = after;
            return Some(text);
        }
    }
    None
}

fn text(rest: &mut &[u8]) -> Option<String> {
    text_bytes(rest).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use candor_object::Fact;

    use crate::reader::tests::{facts_of, with_subject};

    use super::*;

    fn names(facts: &[Fact]) -> Vec<&str> {
        facts.iter().filter_map(|fact| fact.get(Attribute::Purl)).collect()
    }

    #[test]
    fn modules_that_are_declared() {
        let text = "module example.org/m\n\ngo 1.22\n\nrequire a.b/c v1.0.0\nrequire (\n\td.e/f v2.0.0 // indirect\n)\nreplace a.b/c => ../c\n";
        let facts = facts_of(&Go, "go.mod", text.as_bytes());
        assert_eq!(
            names(&facts),
            ["pkg:golang/example.org/m", "pkg:golang/a.b/c@v1.0.0", "pkg:golang/d.e/f@v2.0.0"]
        );
        let facts = facts_of(&Go, "go.sum", b"a.b/c v1.0.0 h1:x=\na.b/c v1.0.0/go.mod h1:y=\n");
        assert_eq!(facts.len(), 1);
    }

    #[test]
    fn modules_in_a_program() {
        let mut program = vec![0; (1 << 20) - 16];
        program.extend_from_slice(MAGIC);
        program.extend_from_slice(&[8, 2]);
        program.resize((1 << 20) + 16, 0);
        program.extend_from_slice(b"\x06go1.22");
        let list =
            format!("{0}path\tx\nmod\ta.b/x\t(devel)\t\ndep\tc.d/e\tv1.0.0\th1:=\n{0}", "=".repeat(16));
        program.push(list.len() as u8);
        program.extend_from_slice(list.as_bytes());
        let (mut all, mut length) = (Vec::new(), 0);
        with_subject("x", &program, |subject| {
            super::program(subject, &mut Facts::new(candor_object::ObjectId::ROOT, &mut all, &mut length))
                .unwrap();
        });
        assert_eq!(
            names(&all),
            ["pkg:golang/std@1.22", "pkg:golang/a.b/x@%28devel%29", "pkg:golang/c.d/e@v1.0.0"]
        );
    }
}
