//! Indicators of compromise in OpenIOC (`ioc`): the digests of files in them.
//!
//! A digest of any of three kinds in an `IndicatorItem/Content` becomes a signature, as in ClamAV; how indicators
//! combine is not regarded, since a file's digest says enough alone. A signature is called like the file and the digest.

use std::io;

use candor_detect::hash::{Digest, HashSignature, Subject};
use candor_object::Category;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::sources::whole;
use crate::{Complaint, Language, Output};

/// Longest file in bytes.
const MAX_FILE: u64 = 16 << 20;
/// Deepest nesting of elements. Stops memory that grows with every tag.
const MAX_DEPTH: usize = 128;
/// Longest text of an indicator that is looked at, in bytes.
const MAX_CONTENT: usize = 1024;

/// Indicators in OpenIOC.
pub(crate) struct OpenIoc;

impl Language for OpenIoc {
    fn name(&self) -> &'static str {
        "OpenIOC"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ioc"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        let bytes = match whole(text, MAX_FILE) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                output.problem(0, Complaint::malformed(format!("the file is {error}")));
                return Ok(());
            }
            bytes => bytes?,
        };
        // Names of encodings other than UTF-8 stand in files whose digests are ASCII all the same.
        let text = String::from_utf8_lossy(&bytes);
        Document { text: &text, line: 1, counted: 0, open: Vec::new() }.read(output);
        Ok(())
    }
}

/// An element that is open, as far as indicators need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    /// An indicator; whether it, or one around it, says that something must not be so.
    Item { negated: bool },
    /// What the indicator looks for; whether it is said to be a digest.
    Content { negated: bool, digest: bool },
    /// Anything else.
    Other,
}

struct Document<'a> {
    text: &'a str,
    /// The line of the place up to which lines were counted.
    line: u64,
    counted: usize,
    open: Vec<Element>,
}

impl Document<'_> {
    fn read(mut self, output: &mut Output<'_>) {
        let mut reader = Reader::from_str(self.text);
        let mut content = String::new();
        let mut found = false;
        loop {
            let event = reader.read_event();
            let line = self.line_of(usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX));
            match event {
                Ok(Event::Start(element)) => {
                    if self.open.len() == MAX_DEPTH {
                        output.problem(line, Complaint::malformed("elements are nested too deep"));
                        return;
                    }
                    self.open.push(self.element(&element));
                    content.clear();
                }
                Ok(Event::Text(text)) if content.len() < MAX_CONTENT => content.push_str(&text),
                Ok(Event::CData(text)) if content.len() < MAX_CONTENT => content.push_str(&text),
                Ok(Event::End(_)) => {
                    if let Some(Element::Content { negated, digest }) = self.open.pop() {
                        found = true;
                        if let Err(complaint) = indicator(content.trim(), negated, digest, output) {
                            output.problem(line, complaint);
                        }
                    }
                }
                Ok(Event::Eof) => break,
                Ok(_) => {}
                Err(error) => {
                    output.problem(line, Complaint::malformed(format!("the XML is broken: {error}")));
                    return;
                }
            }
        }
        if !self.open.is_empty() {
            output.problem(self.line, Complaint::malformed("the XML ends within an element"));
        } else if !found {
            output.problem(0, Complaint::malformed("there is no indicator in this file"));
        }
    }

    fn element(&self, start: &BytesStart<'_>) -> Element {
        let has = |name: &str, is: &dyn Fn(&str) -> bool| {
            let mut attributes = start.attributes().flatten();
            attributes.any(|attribute| attribute.key.local_name().as_ref() == name && is(&attribute.value))
        };
        let says_not = has("negate", &|value| value == "true")
            || has("condition", &|value| value.to_ascii_lowercase().contains("not"));
        match (start.local_name().as_ref(), self.open.last()) {
            ("IndicatorItem", _) => Element::Item { negated: says_not },
            ("Content", Some(Element::Item { negated })) => {
                let digest =
                    |kind: &str| ["md5", "sha1", "sha256"].contains(&kind.to_ascii_lowercase().as_str());
                Element::Content { negated: *negated || says_not, digest: has("type", &digest) }
            }
            _ => Element::Other,
        }
    }

    /// The line of a place in the text; places only grow.
    fn line_of(&mut self, place: usize) -> u64 {
        let place = place.min(self.text.len());
        let passed = self.text.as_bytes().get(self.counted..place).unwrap_or_default();
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(lines as u64);
        self.counted = self.counted.max(place);
        self.line
    }
}

fn indicator(text: &str, negated: bool, said: bool, output: &mut Output<'_>) -> Result<(), Complaint> {
    let digest = hex::decode(text).ok().and_then(|bytes| Digest::from_bytes(&bytes));
    let Some(digest) = digest else {
        return Err(if said {
            Complaint::malformed(format!("{text:?} is no MD5, SHA-1 or SHA-256"))
        } else {
            Complaint::unsupported("an indicator that is no digest of a file")
        });
    };
    if negated {
        return Err(Complaint::unsupported("an indicator of what a file must not be"));
    }
    let source = output.source().to_owned();
    let name = format!("{}.{text}", source.replace(' ', "_"));
    output.hash(&HashSignature {
        name: &name,
        source: &source,
        category: Category::Malware,
        subject: Subject::Object,
        size: None,
        digest,
    })
}

#[cfg(test)]
mod tests {
    use crate::Sources;

    const MD5: &str = "44d88612fea8a8f36de82e1278abb02f";

    fn item(attributes: &str, kind: &str, content: &str) -> String {
        format!(
            "<IndicatorItem id=\"a\" {attributes}>\n<Context document=\"FileItem\" search=\"FileItem/Md5sum\"/>\n\
             <Content type=\"{kind}\">{content}</Content>\n</IndicatorItem>\n"
        )
    }

    fn read(text: &str) -> (u64, Vec<String>) {
        let mut sources = Sources::default();
        sources.add_text("My File.ioc", text);
        let mut problems = Vec::new();
        let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
        (built.counts.object_hashes, problems)
    }

    fn document(items: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"us-ascii\"?>\n<ioc xmlns=\"http://schemas.mandiant.com/2010/ioc\">\n\
             <definition><Indicator operator=\"OR\">\n{items}</Indicator></definition>\n</ioc>\n"
        )
    }

    #[test]
    fn digests_become_signatures() {
        for (kind, content) in
            [("md5", MD5), ("MD5", MD5), ("string", MD5), ("md5", " 44D88612fea8a8f36de82e1278abb02f ")]
        {
            assert_eq!(
                read(&document(&item("condition=\"is\"", kind, content))),
                (1, vec![]),
                "{kind} {content}"
            );
        }
        let all = ["a".repeat(32), "b".repeat(40), "c".repeat(64), "d".repeat(32)];
        let items: String = all.iter().map(|digest| item("", "md5", digest)).collect();
        assert_eq!(read(&document(&items)).0, 4);
    }

    #[test]
    fn what_is_no_digest_is_named_with_its_line() {
        let items = [
            item("", "md5", "zz"),
            item("", "string", "x.exe"),
            item("negate=\"true\"", "md5", MD5),
            item("condition=\"isnot\"", "md5", MD5),
        ];
        let (count, problems) = read(&document(&items.concat()));
        assert_eq!(count, 0);
        assert_eq!(problems.len(), 4, "{problems:#?}");
        assert!(problems[0].starts_with("My File.ioc:6: malformed: \"zz\""), "{problems:#?}");
        assert!(problems[1].starts_with("My File.ioc:10: unsupported: "), "{problems:#?}");
        assert!(problems[3].contains("must not be"), "{problems:#?}");
    }

    #[test]
    fn broken_and_hostile_xml_keeps_what_came_before() {
        let good = item("", "md5", MD5);
        let cut = document(&good).replace("</ioc>", "");
        assert_eq!(read(&cut).0, 1);
        assert!(read(&cut).1[0].contains("ends within"), "{:?}", read(&cut).1);
        assert!(read("<ioc><x></ioc>").1[0].contains("broken"));
        assert!(read("foo").1[0].contains("no indicator"));
        assert!(read(&"<a>".repeat(100_000)).1[0].contains("too deep"));
        let entities = "<!DOCTYPE a [<!ENTITY b \"44d88612\"><!ENTITY c \"&b;&b;&b;&b;\">]>";
        assert_eq!(read(&format!("{entities}{}", document(&item("", "md5", "&c;")))).0, 0);
    }
}
