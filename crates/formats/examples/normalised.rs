//! Opens contents from standard input with one format and writes the forms that come out: what
//! `benches/normalise/compare` talks to.
//!
//! The argument names the type, `html` or `text`. Each content comes with its length before it, as four bytes, lowest
//! first. For each the forms `nocomment.html` (or the only one), `notags.html` and `javascript` go out in the same way.

use std::io::{self, Read, Write};

use candor_formats::{Collector, formats};
use candor_object::{Budget, Content, Limits};

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(format) = formats().find(|format| format.file_type().name() == name) else {
        return Err(io::Error::other("the argument is no file type"));
    };
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut bytes)?;
        let content = Content::from_vec(bytes);
        let mut sink = Collector::new(Budget::new(&Limits::default(), content.size()));
        let _ = format.open(&content, &mut sink);
        for names in [["", "nocomment.html"], ["notags.html"; 2], ["javascript"; 2]] {
            let mut forms = sink.children.iter().filter(|child| child.file_type.is_some());
            let form = forms.find(|child| names.contains(&child.name.as_str()));
            let bytes = form.and_then(|child| child.content.as_slice()).unwrap_or_default();
            output.write_all(&(bytes.len() as u32).to_le_bytes())?;
            output.write_all(bytes)?;
        }
        output.flush()?;
    }
    Ok(())
}
