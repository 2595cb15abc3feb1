//! One HTML file for people, without scripts or anything that is loaded from elsewhere.

use std::fmt::{self, Write};

use candor_object::{Escaped, is_dangerous};

use super::pages::{Part, Sheet};

/// The page.
pub(super) fn page(sheet: &Sheet, style: &str) -> String {
    let mut page = String::new();
    let class = match (sheet.alarm, sheet.done) {
        (true, _) => "alarm",
        (false, true) => "calm",
        (false, false) => "gap",
    };
    // Should an escape ever be missing, the browser still loads and runs nothing.
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <title>Candor transition report</title><style>\n{style}</style></head><body><main>\n\
         <header class={class}><p class=program>{}</p><h1>{}</h1></header>\n<dl class=tiles>",
        Text(&sheet.subtitle),
        Text(&sheet.title),
    );
    for (name, count) in &sheet.tiles {
        let _ = write!(page, "<div><dt>{}</dt><dd>{}</dd></div>", Text(name), Text(count));
    }
    page.push_str("</dl>\n");
    sheet.parts.iter().for_each(|part| table(&mut page, part));
    let _ = writeln!(page, "<footer>{}</footer>\n</main></body></html>", Text(&sheet.footer));
    page
}

fn table(page: &mut String, part: &Part) {
    let _ = write!(page, "<section><h2>{}</h2>", Text(&part.title));
    if !part.note.is_empty() {
        let _ = write!(page, "<p class=faint>{}</p>", Text(&part.note));
    }
    page.push_str("<table><thead><tr>");
    part.head.iter().for_each(|head| {
        let _ = write!(page, "<th>{head}</th>");
    });
    page.push_str("</tr></thead><tbody>\n");
    for row in &part.rows {
        page.push_str("<tr>");
        for (head, cell) in part.head.iter().zip(row) {
            let _ = match *head {
                "Standing" => {
                    write!(page, "<td><span class=\"verdict {}\">{}</span></td>", class(cell), Text(cell))
                }
                "SHA-256" => write!(page, "<td class=digest>{}</td>", Text(cell)),
                "Host" | "File" => write!(page, "<td class=path>{}</td>", Text(cell)),
                _ => write!(page, "<td>{}</td>", Text(cell)),
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></section>\n");
}

/// The class of the style that has the colour of a standing.
fn class(standing: &str) -> &'static str {
    match standing {
        "contradicted" | "late" | "over" => "malicious",
        "blocked" | "waived" | "ends soon" => "suspicious",
        "done" | "confirmed" => "trusted",
        _ => "",
    }
}

/// Hostile text within a page.
struct Text<'t>(&'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                character if is_dangerous(character) => {
                    write!(f, "{}", Escaped(character.encode_utf8(&mut [0; 4])))?;
                }
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}
