//! Takes records out of a document: the parts of it that a reader knows, each as a bounded tree.

use super::{Event, Events, Node};
use crate::Error;

/// Most nodes that are kept of a record.
const NODES: usize = 8192;
/// Most bytes of text that are kept of a record.
const TEXT: usize = 256 << 10;
/// Most nodes that are kept directly in one, so that a long list leaves room for what follows it.
const CHILDREN: usize = 1024;
/// Most nodes around each other within a record.
const DEPTH: usize = 24;
/// Most records around each other. What is deeper is told by those above it.
const NESTED: usize = 64;

/// A record that was read.
pub(crate) struct Record<'r, K> {
    /// What the reader said it is.
    pub(crate) kind: K,
    /// What it holds, without the records in it.
    pub(crate) node: &'r Node,
    /// The records around it, the outermost first, as far as they were read.
    pub(crate) around: Vec<&'r Node>,
    /// The line on which it begins.
    pub(crate) line: u64,
}

struct Level<K> {
    kind: Option<K>,
    node: Node,
    line: u64,
    /// Whether it becomes a part of what is around it.
    kept: bool,
    /// What the record spent.
    nodes: usize,
    text: usize,
}

/// The way through a document.
struct Records<K> {
    /// Names around the place that was reached, without that of the document itself.
    path: Vec<String>,
    levels: Vec<Level<K>>,
    /// Places of the records in `levels`.
    records: Vec<usize>,
    started: bool,
}

/// Calls `each` with every record of a document; `kind` says by the names around a place whether a record begins there.
///
/// # Errors
/// What was wrong first, after all that can be read was read.
pub(crate) fn records<K: Copy>(
    events: &mut dyn Events,
    kind: impl Fn(&[String]) -> Option<K>,
    mut each: impl FnMut(Record<'_, K>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut way = Records { path: Vec::new(), levels: Vec::new(), records: Vec::new(), started: false };
    let mut damage = None;
    loop {
        match events.next() {
            Ok(Some(event)) => way.step(event, events.line(), &kind, &mut each)?,
            Ok(None) => break,
            Err(Error::Damaged(what)) => {
                way.give_up(&mut each)?;
                damage.get_or_insert(what);
                if !events.recover()? {
                    break;
                }
            }
            Err(error) => return Err(error),
        }
    }
    damage.map_or(Ok(()), |what| Err(Error::Damaged(what)))
}

impl<K: Copy> Records<K> {
    fn step(
        &mut self,
        event: Event,
        line: u64,
        kind: &impl Fn(&[String]) -> Option<K>,
        each: &mut impl FnMut(Record<'_, K>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match event {
            Event::Open(name) => {
                if !self.started {
                    self.started = true;
                    if kind(&[]).is_some() {
                        self.begin(kind(&[]), name, line);
                    }
                    return Ok(());
                }
                self.path.push(name.clone());
                let kind =
                    Some(&self.path).filter(|_| self.records.len() < NESTED).and_then(|path| kind(path));
                if kind.is_some() || !self.records.is_empty() {
                    self.begin(kind, name, line);
                }
                Ok(())
            }
            Event::Text(text) => {
                self.text(&text);
                Ok(())
            }
            Event::Close => {
                let deep = self.levels.len();
                // Everything within a record has a level, and nothing outside of records.
                if deep > 0 {
                    self.end(each)?;
                }
                if self.path.pop().is_none() {
                    self.started = false;
                }
                Ok(())
            }
        }
    }

    fn begin(&mut self, kind: Option<K>, name: String, line: u64) {
        let mut kept = false;
        if kind.is_none()
            && let Some(record) = self.records.last().copied()
        {
            let deep = self.levels.len() - record;
            let above = self.levels.last().is_some_and(|level| {
                (level.kept || level.kind.is_some()) && level.node.children.len() < CHILDREN
            });
            let record = &mut self.levels[record];
            kept = above && deep <= DEPTH && record.nodes < NODES && record.text + name.len() <= TEXT;
            if kept {
                record.nodes += 1;
                record.text += name.len();
            }
        }
        if kind.is_some() {
            self.records.push(self.levels.len());
        }
        let node = if kept || kind.is_some() { Node::named(name) } else { Node::default() };
        self.levels.push(Level { kind, node, line, kept, nodes: 0, text: 0 });
    }

    fn text(&mut self, text: &str) {
        let Some(record) = self.records.last().copied() else { return };
        let left = TEXT.saturating_sub(self.levels[record].text);
        let text = &text[..text.floor_char_boundary(left)];
        let Some(level) = self.levels.last_mut().filter(|level| level.kept || level.kind.is_some()) else {
            return;
        };
        level.node.text.push_str(text);
        self.levels[record].text += text.len();
    }

    fn end(&mut self, each: &mut impl FnMut(Record<'_, K>) -> Result<(), Error>) -> Result<(), Error> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        if let Some(kind) = level.kind {
            self.records.pop();
            let around = self.records.iter().map(|at| &self.levels[*at].node).collect();
            return each(Record { kind, node: &level.node, around, line: level.line });
        }
        if level.kept
            && let Some(above) = self.levels.last_mut()
        {
            above.node.children.push(level.node);
        }
        Ok(())
    }

    /// Tells what was read of the records that have no end.
    fn give_up(&mut self, each: &mut impl FnMut(Record<'_, K>) -> Result<(), Error>) -> Result<(), Error> {
        while !self.levels.is_empty() {
            self.end(each)?;
        }
        self.path.clear();
        self.started = false;
        Ok(())
    }
}

/// Whether the names around a place are those between the slashes; `*` is any name, and `item` also a name of XML's
/// elements, if told so by a bar: `components/item|component`.
pub(crate) fn matches(path: &[String], pattern: &str) -> bool {
    let fits = |(part, name): (&str, &String)| part == "*" || part.split('|').any(|word| word == name);
    pattern.split('/').count() == path.len() && pattern.split('/').zip(path).all(fits)
}
