//! Undoes what scripts hide themselves with: joined strings, `unescape`, `eval` and one packer.

use std::ops::Range;

use candor_object::Flow;

use super::clock::Clock;
use super::lexer::{Text, Token, hexadecimal_byte, number, push_utf8};

/// Most bytes that come out of the strings of one script: a packed script can hold far more than its own length.
const MAX_UNPACKED: usize = 4 << 20;

/// Joins strings with a plus between them.
pub(super) fn join(text: &mut Text, clock: &mut Clock<'_>) -> Flow {
    let tokens = std::mem::take(&mut text.tokens);
    text.tokens.reserve(tokens.len());
    let mut place = 0_usize;
    while let Some(token) = tokens.get(place) {
        clock.step()?;
        place = place.saturating_add(1);
        let Token::String(first) = token else {
            text.tokens.push(*token);
            continue;
        };
        let mut joined: Option<Vec<u8>> = None;
        while let Some([Token::Sign(b'+'), Token::String(next)]) = tokens.get(place..place.saturating_add(2))
        {
            clock.step()?;
            let next = text.piece(*next).to_vec();
            joined.get_or_insert_with(|| text.piece(*first).to_vec()).extend(next);
            place = place.saturating_add(2);
        }
        let piece = joined.map_or(*first, |joined| text.keep(&joined));
        text.tokens.push(Token::String(piece));
    }
    Ok(())
}

/// Replaces `unescape` of a string by the string that it gives. What follows the string goes with it, which should be
/// the parenthesis.
pub(super) fn decode(text: &mut Text, clock: &mut Clock<'_>) -> Flow {
    let tokens = std::mem::take(&mut text.tokens);
    let mut decoded: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut place = 0_usize;
    while let Some(token) = tokens.get(place) {
        clock.step()?;
        match argument(text, &tokens, place, b"unescape") {
            Some(Token::String(content)) => {
                let content = percent(text.piece(content));
                decoded.push(Token::String(text.keep(&content)));
                place = place.saturating_add(4);
            }
            _ => {
                decoded.push(*token);
                place = place.saturating_add(1);
            }
        }
    }
    text.tokens = decoded;
    Ok(())
}

/// Replaces `eval` of a string by what is in the string, once, and unpacks packed scripts.
pub(super) fn evaluate(text: &mut Text, clock: &mut Clock<'_>) -> Flow {
    let tokens = std::mem::take(&mut text.tokens);
    let mut room = MAX_UNPACKED;
    let mut place = 0_usize;
    while let Some(token) = tokens.get(place) {
        clock.step()?;
        let Some((range, script)) = call(text, &tokens, place, room) else {
            text.tokens.push(*token);
            place = place.saturating_add(1);
            continue;
        };
        // What stands before the script stays, as the function that unpacks does.
        text.tokens.extend(tokens.get(place..range.start).into_iter().flatten());
        room = room.saturating_sub(script.len());
        let before = text.tokens.len();
        text.read_evaluated(*token, &script, clock)?;
        place = range.end;
        // Behind a call that leaves nothing, the next token is not the start of another.
        if text.tokens.len() == before {
            text.tokens.extend(tokens.get(place));
            place = place.saturating_add(1);
        }
    }
    Ok(())
}

/// The first argument of a call of the function at a place.
fn argument(text: &Text, tokens: &[Token], place: usize, function: &[u8]) -> Option<Token> {
    let [Token::Word { text: name, .. }, Token::Sign(b'('), argument, ..] = tokens.get(place..)? else {
        return None;
    };
    let member = place.checked_sub(1).and_then(|before| tokens.get(before)) == Some(&Token::Sign(b'.'));
    (!member && text.piece(*name) == function).then_some(*argument)
}

/// Tokens that a script is to stand in place of.
type Replacement = (Range<usize>, Vec<u8>);

fn call(text: &Text, tokens: &[Token], place: usize, room: usize) -> Option<Replacement> {
    match argument(text, tokens, place, b"eval")? {
        Token::String(script) => {
            let behind = tokens.get(place.saturating_add(3)..)?;
            let length = match behind {
                [Token::Sign(b')'), Token::Sign(b';'), ..] => 5,
                [Token::Sign(b')'), ..] => 4,
                _ => return None,
            };
            let script = text.piece(script).to_vec();
            (script.len() <= room).then(|| (place..place.saturating_add(length), script))
        }
        Token::Keyword(function) if text.piece(function) == b"function" => {
            packed(text, tokens.get(place..)?, room).map(|(Range { start, end }, script)| {
                (place.saturating_add(start)..place.saturating_add(end), script)
            })
        }
        _ => None,
    }
}

/// Decodes percent signs; what is no escape stays.
fn percent(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let hexadecimal = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
        match (first, after) {
            (b'%', [b'u' | b'U', a, b, c, d, after @ ..]) if hexadecimal(&[*a, *b, *c, *d]) => {
                push_utf8(number(&[*a, *b, *c, *d]), &mut out);
                rest = after;
            }
            (b'%', [a, b, after @ ..]) if hexadecimal(&[*a, *b]) => {
                out.push(hexadecimal_byte([*a, *b]));
                rest = after;
            }
            _ => out.push(*first),
        }
    }
    out
}

/// Most tokens of an unpacking function.
const MAX_UNPACKER: usize = 1000;

/// The packer of Dean Edwards, `eval(function(p,a,c,k,e,d){…}('payload',radix,count,'a|b|c'.split('|'),0,{}))`: each word
/// of the payload is the number of a word in the list.
fn packed(text: &Text, rest: &[Token], room: usize) -> Option<Replacement> {
    let token = |number: usize| rest.get(number);
    let parameter = |number: usize, names: &[&[u8]]| match token(number) {
        Some(Token::Word { text: name, .. }) => names.contains(&text.piece(*name)),
        _ => false,
    };
    let names: [&[&[u8]]; 6] = [&[b"p"], &[b"a"], &[b"c"], &[b"k"], &[b"e"], &[b"d", b"r"]];
    let known = names.iter().enumerate().all(|(number, names)| {
        let comma =
            number == 5 || token(number.saturating_mul(2).saturating_add(5)) == Some(&Token::Sign(b','));
        comma && parameter(number.saturating_mul(2).saturating_add(4), names)
    });
    if !known {
        return None;
    }
    let tail = (16..rest.len().min(MAX_UNPACKER)).find(|start| {
        matches!(rest.get(*start..), Some([Token::Sign(b'}'), Token::Sign(b'('), Token::String(_), ..]))
    })?;
    let [
        _,
        _,
        Token::String(payload),
        Token::Sign(b','),
        Token::Integer(radix),
        Token::Sign(b','),
        Token::Integer(_),
        Token::Sign(b','),
        Token::String(words),
        Token::Sign(b'.'),
        Token::Word { text: split, .. },
        Token::Sign(b'('),
        Token::String(separator),
        Token::Sign(b')'),
        Token::Sign(b','),
        Token::Integer(_),
        Token::Sign(b','),
        Token::Sign(b'{'),
        Token::Sign(b'}'),
        ..,
    ] = rest.get(tail..)?
    else {
        return None;
    };
    if text.piece(*split) != b"split" || text.piece(*separator) != b"|" {
        return None;
    }
    let words: Vec<&[u8]> = text.piece(*words).split(|byte| *byte == b'|').collect();
    let script = unpack(text.piece(*payload), u32::try_from(*radix).ok()?, &words, room);
    let start = tail.saturating_add(2);
    Some((start..start.saturating_add(17), script))
}

fn unpack(payload: &[u8], radix: u32, words: &[&[u8]], room: usize) -> Vec<u8> {
    let mut script = Vec::new();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    for run in payload.chunk_by(|left, right| is_word(left) && is_word(right)) {
        let word =
            word_number(run, radix).and_then(|number| words.get(number)).filter(|word| !word.is_empty());
        let word = word.copied().unwrap_or(run);
        if script.len().saturating_add(word.len()) > room {
            break;
        }
        script.extend_from_slice(word);
    }
    script
}

fn word_number(word: &[u8], radix: u32) -> Option<usize> {
    word.iter().try_fold(0_usize, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(10),
            b'A'..=b'Z' => byte.wrapping_sub(b'A').wrapping_add(36),
            _ => return None,
        };
        let digit = Some(u32::from(digit)).filter(|digit| *digit < radix)?;
        number.checked_mul(radix as usize)?.checked_add(digit as usize)
    })
}
