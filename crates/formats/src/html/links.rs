//! The links of a page: where they lead, and what they show.
//!
//! What shows what is as ClamAV's manual on phishing signatures has it: a link shows its text, its title and the pictures
//! and frames in it; a form shows the links, pictures and frames in it.

use candor_object::{Link, Sink};

/// Longest text of a link that is kept, in bytes; the address that it shows comes early.
const MAX_TEXT: usize = 2048;

/// Most links of a page that are told. Stops pages that are made of links from taking all the time there is.
pub(super) const MAX_LINKS: u32 = 1 << 16;

/// A link as it was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FoundLink {
    pub(super) target: Vec<u8>,
    pub(super) shown: Vec<u8>,
    pub(super) is_text: bool,
}

/// What of a tag is about links.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    action: Option<Vec<u8>>,
    title: Option<Vec<u8>>,
    moving: Option<Vec<u8>>,
}

impl Attributes {
    /// Keeps the first value of an attribute, if it is one of them.
    pub(super) fn keep(&mut self, name: &[u8], value: &[u8]) {
        let place = match name {
            b"action" => &mut self.action,
            b"title" => &mut self.title,
            b"dynsrc" => &mut self.moving,
            _ => return,
        };
        if place.is_none() {
            *place = Some(value.to_vec());
        }
    }
}

/// Collects the links of a page.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Of the tag that is being read.
    pub(super) attributes: Attributes,
    /// The link that is open, with its text so far.
    open: Option<FoundLink>,
    /// Where the form that is open sends what is typed; empty if none is.
    form: Vec<u8>,
    /// Where in the markup text begins that has not been taken, if the place is in text.
    text_begins: Option<usize>,
    found: Vec<FoundLink>,
    /// Links so far, with those that are told no more.
    count: u32,
}

impl Links {
    /// Text begins at this place of the markup.
    pub(super) fn text_begins(&mut self, place: usize) {
        self.text_begins = self.open.is_some().then_some(place);
    }

    /// Text ends where the markup does.
    pub(super) fn text_ends(&mut self, markup: &[u8]) {
        let (Some(begin), Some(open)) = (self.text_begins.take(), &mut self.open) else { return };
        let room = MAX_TEXT.saturating_sub(open.shown.len());
        let text = markup.get(begin..).unwrap_or_default();
        open.shown.extend_from_slice(text.get(..room).unwrap_or(text));
    }

    /// The markup so far is taken away.
    pub(super) fn before_markup_goes(&mut self, markup: &[u8]) -> bool {
        let in_text = self.text_begins.is_some();
        self.text_ends(markup);
        in_text
    }

    /// A tag ends, with these values of `href` and `src`.
    pub(super) fn tag(&mut self, name: &[u8], target: Option<&Vec<u8>>, source: Option<&Vec<u8>>) {
        let attributes = std::mem::take(&mut self.attributes);
        let target = target.filter(|target| !target.is_empty());
        match name {
            b"a" => {
                self.close();
                let Some(target) = target else { return };
                self.shows_in_form(target);
                if let Some(title) = attributes.title {
                    self.add(|| FoundLink { target: target.clone(), shown: title, is_text: false });
                }
                self.open = Some(FoundLink { target: target.clone(), shown: Vec::new(), is_text: true });
            }
            b"/a" => self.close(),
            b"form" => self.form = attributes.action.unwrap_or_default(),
            b"/form" => self.form.clear(),
            b"img" | b"iframe" => {
                for shown in [source, attributes.moving.as_ref()].into_iter().flatten() {
                    self.shows(shown);
                }
            }
            b"area" => target.into_iter().for_each(|shown| self.shows(shown)),
            _ => {}
        }
    }

    /// The link and the form that are open show an address.
    fn shows(&mut self, shown: &[u8]) {
        if let Some(open) = self.open.take() {
            self.add(|| FoundLink { target: open.target.clone(), shown: shown.to_vec(), is_text: false });
            self.open = Some(open);
        }
        self.shows_in_form(shown);
    }

    fn shows_in_form(&mut self, shown: &[u8]) {
        if !self.form.is_empty() {
            let form = std::mem::take(&mut self.form);
            self.add(|| FoundLink { target: form.clone(), shown: shown.to_vec(), is_text: false });
            self.form = form;
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.add(|| open);
        }
        self.text_begins = None;
    }

    fn add(&mut self, link: impl FnOnce() -> FoundLink) {
        if self.count < MAX_LINKS {
            self.found.push(link());
        }
        self.count = self.count.saturating_add(1);
    }

    /// Whether the page has more links than are told.
    pub(super) fn are_cut(&self) -> bool {
        self.count > MAX_LINKS
    }

    /// The page ends.
    pub(super) fn finish(&mut self, markup: &[u8]) {
        self.text_ends(markup);
        self.close();
    }

    /// Tells the links that are complete.
    pub(super) fn tell(&mut self, sink: &mut dyn Sink) {
        for FoundLink { target, shown, is_text } in self.found.drain(..) {
            sink.link(Link { target: &target, shown: &shown, is_text });
        }
    }

    #[cfg(test)]
    pub(super) fn take(&mut self) -> Vec<FoundLink> {
        std::mem::take(&mut self.found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::normalise::{Forms, Normaliser};
    use super::*;

    fn links(pieces: &[&[u8]]) -> Vec<String> {
        let mut forms = Forms::default();
        let mut normaliser = Normaliser { links: Some(Links::default()), ..Normaliser::default() };
        for piece in pieces {
            normaliser.push(piece, &mut forms);
            normaliser.keep_links(&mut forms, |forms| forms.markup.clear());
        }
        normaliser.finish(&mut forms);
        let mut links = normaliser.links.unwrap();
        links.finish(&forms.markup);
        let show = |link: FoundLink| {
            let sign = if link.is_text { '>' } else { '+' };
            format!("{} {sign} {}", link.target.escape_ascii(), link.shown.escape_ascii())
        };
        links.take().into_iter().map(show).collect()
    }

    /// Pages with the pairs that `clamscan --debug` 1.4.6 tells of them, but for white space, case and references,
    /// which mean nothing later.
    #[test]
    fn links_are_those_of_clamscan() {
        for (page, expected) in [
            (
                "<A HREF='http://e.org/'> www.<b>paypal</b>.com </A>x",
                &["http://e.org/ > www.paypal.com "][..],
            ),
            ("<a href=e.org>3<a href=f.org>4</a>5</a>", &["e.org > 3", "f.org > 4"]),
            ("<a href=e.org>never closed", &["e.org > never closed"]),
            ("<a>x</a><a href=''>y</a>", &[]),
            ("<a title='t.com' href='e.org'>x</a>", &["e.org + t.com", "e.org > x"]),
            (
                "<a href=e.org>a<img src=i.com dynsrc=d.com>b</a>",
                &["e.org + i.com", "e.org + d.com", "e.org > ab"],
            ),
            ("<a href=e.org><area href=p.com></a>", &["e.org + p.com", "e.org > "]),
            ("<a href=e.org><iframe src=p.com></iframe>x</a>", &["e.org + p.com", "e.org > x"]),
            (
                "<form action=e.org><a href=p.com>z</a><img src=q.com></form><a href=b.com>c</a>",
                &["e.org + p.com", "p.com > z", "e.org + q.com", "b.com > c"],
            ),
            ("<img src=i.com>", &[]),
            ("<a href=e.org>w<script>document.write('x')</script>p.com</a>", &["e.org > wp.com"]),
            ("<a href=e.org>w<style>a{b}</style>p.com</a>", &["e.org > wp.com"]),
            ("<a href='e.org' href='f.org'>x</a>", &["e.org > x"]),
            ("<a href=e.org>p&#97;ypal<!-- x -->.com</a>", &["e.org > paypal.com"]),
        ] {
            assert_eq!(links(&[page.as_bytes()]), expected, "{page}");
        }
    }

    #[test]
    fn a_text_without_end_is_bounded() {
        let mut page = b"<a href=e.org>".to_vec();
        page.resize(100_000, b'x');
        assert_eq!(links(&[&page])[0].len(), "e.org > ".len() + MAX_TEXT);
    }

    #[test]
    fn a_page_made_of_links_is_bounded() {
        let page = b"<form action=x><img src=y>".repeat(1000);
        let mut forms = Forms::default();
        let mut normaliser = Normaliser { links: Some(Links::default()), ..Normaliser::default() };
        let mut told = 0;
        for _ in 0..70 {
            normaliser.push(&page, &mut forms);
            told += normaliser.links.as_mut().unwrap().take().len();
        }
        assert_eq!(told, MAX_LINKS as usize);
        assert!(normaliser.links.unwrap().are_cut());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_split_gives_the_same(
            parts in prop::collection::vec(
                prop::sample::select(&[
                    "<a href=x>", "</a>", "<form action=", "y>", "<img src='z'>", "text", "&#65", ";", " ", "<", ">",
                    "<script>", "</script>", "<!--", "-->", "'", "\u{3002}",
                ][..]),
                0..30,
            ),
            split in 0_usize..100,
        ) {
            let page = parts.concat().into_bytes();
            let (first, second) = page.split_at(split.min(page.len()));
            prop_assert_eq!(links(&[&page]), links(&[first, second]));
        }
    }
}
