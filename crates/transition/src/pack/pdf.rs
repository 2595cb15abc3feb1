//! The same report as a PDF, with a font that every reader has.
//!
//! That font has no other letters than those of western Europe: what is written in another script is transliterated
//! here, and stands as it is in the page and in the document.

use any_ascii::any_ascii_char;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::pages::{Part, Sheet};

/// A4, in points.
const PAPER: (f32, f32) = (595.0, 842.0);
/// The space around, in points.
const MARGIN: f32 = 48.0;
/// Sizes of letters, in points.
const SMALL: f32 = 8.0;
const NORMAL: f32 = 9.0;
const TITLE: f32 = 18.0;
const HEAD: f32 = 12.5;
/// Between two columns, in points.
const GAP: f32 = 6.0;
/// Lines of one cell.
const MOST_LINES: usize = 40;

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// Widths of the letters of Helvetica from the space on, in thousandths of the size (Adobe's font metrics).
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// The document.
pub(super) fn document(sheet: &Sheet) -> Vec<u8> {
    let mut layout = Layout { pages: Vec::new(), content: Content::new(), y: PAPER.1 - MARGIN };
    let width = PAPER.0 - 2.0 * MARGIN;
    layout.paragraph(&sheet.subtitle, MARGIN, width, NORMAL, PLAIN);
    layout.paragraph(&sheet.title, MARGIN, width, TITLE, BOLD);
    let tiles: Vec<String> = sheet.tiles.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    layout.paragraph(&tiles.join("   "), MARGIN, width, NORMAL, PLAIN);
    for part in &sheet.parts {
        layout.part(part, width);
    }
    layout.y -= NORMAL;
    layout.paragraph(&sheet.footer, MARGIN, width, SMALL, PLAIN);
    let script = "Names in other scripts are transliterated in this file; report.html and pack.json have them as they are.";
    layout.paragraph(script, MARGIN, width, SMALL, PLAIN);
    layout.finish(&sheet.subtitle)
}

struct Layout {
    pages: Vec<Vec<u8>>,
    content: Content,
    /// Where the next line begins, from below.
    y: f32,
}

impl Layout {
    fn page(&mut self) {
        let content = std::mem::replace(&mut self.content, Content::new());
        self.pages.push(content.finish().to_vec());
        self.y = PAPER.1 - MARGIN;
    }

    /// Makes sure that something so high fits on the page.
    fn room(&mut self, height: f32) {
        if self.y - height < MARGIN + NORMAL {
            self.page();
        }
    }

    fn line(&mut self, text: &str, x: f32, y: f32, size: f32, font: Name<'_>) {
        self.content.begin_text();
        self.content.set_font(font, size);
        self.content.next_line(x, y);
        self.content.show(Str(text.as_bytes()));
        self.content.end_text();
    }

    fn paragraph(&mut self, text: &str, x: f32, width: f32, size: f32, font: Name<'_>) {
        for line in wrapped(text, width, size) {
            self.room(size * 1.4);
            self.y -= size * 1.4;
            self.line(&line, x, self.y, size, font);
        }
    }

    fn part(&mut self, part: &Part, width: f32) {
        self.room(HEAD * 5.0);
        self.y -= HEAD;
        self.paragraph(&part.title, MARGIN, width, HEAD, BOLD);
        self.paragraph(&part.note, MARGIN, width, SMALL, PLAIN);
        let heads: Vec<String> = part.head.iter().map(|head| (*head).to_owned()).collect();
        self.row(&heads, &part.widths, width, BOLD);
        for row in &part.rows {
            self.row(row, &part.widths, width, PLAIN);
        }
    }

    fn row(&mut self, cells: &[String], widths: &[u32], width: f32, font: Name<'_>) {
        let columns: Vec<f32> = widths.iter().map(|share| width * (*share as f32) / 100.0).collect();
        let lines: Vec<Vec<String>> =
            cells.iter().zip(&columns).map(|(cell, column)| wrapped(cell, column - GAP, SMALL)).collect();
        let most = lines.iter().map(Vec::len).max().unwrap_or(0);
        self.room(SMALL * 1.3 * most as f32 + 4.0);
        let top = self.y - 3.0;
        let mut x = MARGIN;
        for (lines, column) in lines.iter().zip(&columns) {
            for (number, line) in lines.iter().enumerate() {
                self.line(line, x, top - SMALL * 1.3 * (number as f32 + 0.8), SMALL, font);
            }
            x += column;
        }
        self.y = top - SMALL * 1.3 * most as f32 - 1.0;
        self.content.set_stroke_gray(0.85).set_line_width(0.5);
        self.content.move_to(MARGIN, self.y).line_to(MARGIN + width, self.y).stroke();
    }

    fn finish(mut self, subtitle: &str) -> Vec<u8> {
        self.page();
        let mut pdf = Pdf::new();
        let (catalog, tree, plain, bold, info) =
            (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
        let of = |place: usize| {
            let number = 6 + 2 * i32::try_from(place).unwrap_or(i32::MAX / 4);
            (Ref::new(number), Ref::new(number + 1))
        };
        pdf.catalog(catalog).pages(tree).lang(TextStr("en"));
        pdf.document_info(info)
            .title(TextStr(&format!("Candor: {}", ascii(subtitle))))
            .producer(TextStr("Candor"));
        let count = i32::try_from(self.pages.len()).unwrap_or(i32::MAX);
        pdf.pages(tree).kids((0..self.pages.len()).map(|place| of(place).0)).count(count);
        for (place, content) in self.pages.iter().enumerate() {
            let (page, stream) = of(place);
            let mut page = pdf.page(page);
            page.parent(tree).media_box(Rect::new(0.0, 0.0, PAPER.0, PAPER.1)).contents(stream);
            page.resources().fonts().pair(PLAIN, plain).pair(BOLD, bold);
            page.finish();
            pdf.stream(stream, content);
        }
        for (font, name) in [(plain, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
            pdf.type1_font(font).base_font(name).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        pdf.finish()
    }
}

/// Text in letters that the font has; what does not print is left out.
fn ascii(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            ' '..='~' => plain.push(character),
            '\t' | '\n' => plain.push(' '),
            '·' => plain.push('-'),
            character if character.is_ascii() => plain.push('?'),
            character => plain.push_str(match any_ascii_char(character) {
                "" => "?",
                letters => letters,
            }),
        }
    }
    plain.retain(|character| matches!(character, ' '..='~'));
    plain
}

fn width_of(text: &str, size: f32) -> f32 {
    let width = |byte: u8| WIDTHS.get(usize::from(byte.saturating_sub(b' '))).copied().unwrap_or(600);
    // The bold letters are a little wider.
    text.bytes().map(|byte| f32::from(width(byte))).sum::<f32>() * size / 1000.0 * 1.06
}

/// The lines of a text that may be so wide. A word that is wider is broken.
fn wrapped(text: &str, width: f32, size: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in ascii(text).split_whitespace() {
        let mut word = word.to_owned();
        loop {
            let longer = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
            if width_of(&longer, size) <= width {
                line = longer;
                break;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                continue;
            }
            let fits =
                (1..=word.len()).take_while(|end| width_of(&word[..*end], size) <= width).last().unwrap_or(1);
            lines.push(word[..fits].to_owned());
            word.drain(..fits);
            if word.is_empty() {
                break;
            }
        }
        if lines.len() >= MOST_LINES {
            lines.truncate(MOST_LINES - 1);
            lines.push("...".to_owned());
            return lines;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_lines_that_fit() {
        for text in [
            "",
            "a b c",
            &"x".repeat(500),
            "\u{41a}\u{430}\u{441}\u{43f}\u{435}\u{440}\u{441}\u{43a}\u{438}\u{439}",
            "\u{1b}[31m \u{202e}x",
            "日本語 テスト",
            "😀",
        ] {
            for line in wrapped(text, 60.0, SMALL) {
                assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
                assert!(width_of(&line, SMALL) <= 60.0 || line.len() == 1, "{line:?}");
            }
        }
        assert_eq!(ascii("Каспер"), "Kasper");
    }
}
