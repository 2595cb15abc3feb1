//! Legal forms: what a company is in law. They are evidence about a name and never noise.

macro_rules! forms {
    ($($id:literal: $($words:literal),+;)*) => {
        /// Every spelling as the tokens that `crate::name` makes of it. Longer spellings come first.
        const SPELLINGS: &[(&str, &str)] = &[$($(($words, $id)),+),*];
    };
}

forms! {
    "jsc": "joint stock company", "public joint stock company", "open joint stock company", "closed joint stock company",
        "aktsionernoe obshchestvo", "aktsionernoye obshchestvo", "publichnoe aktsionernoe obshchestvo", "otkrytoe aktsionernoe obshchestvo",
        "zakrytoe aktsionernoe obshchestvo", "jsc", "pjsc", "ojsc", "cjsc", "ao", "oao", "zao", "pao", "aozt";
    "llc": "limited liability company", "obshchestvo s ogranichennoi otvetstvennostiu", "obshchestvo s ogranichennoy otvetstvennostyu",
        "obshchestvo s ogranichennoi otvetstvennostyu", "llc", "ooo", "tov", "l l c", "o o o";
    "ltd": "private limited company", "limited company", "private limited", "pvt ltd", "pte ltd", "pty ltd", "co ltd", "company limited", "limited", "ltd", "sdn bhd";
    "plc": "public limited company", "plc", "p l c";
    "inc": "incorporated", "inc";
    "corp": "corporation", "corp";
    "gmbh": "gesellschaft mit beschrankter haftung", "gmbh", "mbh", "g m b h";
    "kg": "gmbh and co kg", "gmbh co kg", "kommanditgesellschaft", "kg";
    "ag": "aktiengesellschaft", "ag";
    "se": "societas europaea", "se";
    "sl": "sociedad limitada", "s l", "sl", "slu";
    "coop": "kooperativ", "genossenschaft", "eg", "scrl";
    "ev": "eingetragener verein", "e v";
    "kft": "korlatolt felelossegu tarsasag", "kft", "zrt", "nyrt";
    "sro": "spolecnost s rucenim omezenym", "s r o", "sro";
    "sa": "societe anonyme", "sociedad anonima", "sociedade anonima", "spolka akcyjna", "s a", "sa", "spa", "s p a", "societa per azioni";
    "sacv": "s a de c v", "sa de cv", "sab de cv";
    "sarl": "societe a responsabilite limitee", "sarl", "s a r l", "srl", "s r l", "societatea cu raspundere limitata",
        "societa a responsabilita limitata", "sociedad de responsabilidad limitada", "sas";
    "spzoo": "sp z oo", "sp z o o", "spolka z ograniczona odpowiedzialnoscia", "spolka z oo";
    "bv": "besloten vennootschap", "bv", "b v";
    "bvba": "bvba", "b v b a";
    "nv": "naamloze vennootschap", "nv", "n v";
    "ab": "aktiebolag", "ab", "a b";
    "as": "aksjeselskap", "aktieselskab", "anonim sirketi", "a s";
    "asa": "asa";
    "aps": "anpartsselskab", "aps";
    "oy": "osakeyhtio", "oy", "oyj";
    "lp": "limited partnership", "lp", "l p";
    "llp": "limited liability partnership", "llp";
    "kk": "kabushiki kaisha", "kabushiki gaisha", "kk";
    "gk": "godo kaisha";
    "doo": "doo", "d o o";
    "ead": "ead", "ad", "eood", "ood";
    "fzco": "fzco", "fze", "fz llc", "dmcc";
}

/// The form that starts at the first of these words, and how many words it takes.
pub(crate) fn at(words: &[&str]) -> Option<(&'static str, usize)> {
    let mut best: Option<(&'static str, usize)> = None;
    for (spelling, id) in SPELLINGS {
        let (count, fits) = fit(spelling, words);
        if fits && best.is_none_or(|(_, longest)| count > longest) {
            best = Some((id, count));
        }
    }
    best
}

/// How many of the words a spelling takes, and whether it is there. Fields of forms and bank messages are short, so that
/// the end of a long spelling may be cut off where the name ends.
fn fit(spelling: &str, words: &[&str]) -> (usize, bool) {
    let mut count = 0;
    for word in spelling.split(' ') {
        match words.get(count) {
            Some(given) if *given == word => count += 1,
            Some(given) => {
                let is_last = count + 1 == words.len();
                let cut = is_last && count > 0 && given.len() >= 2 && word.starts_with(given);
                return (count + 1, cut);
            }
            None => return (count, count > 1),
        }
    }
    (count, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_may_be_cut_at_the_end_of_the_name() {
        assert_eq!(at(&["joint", "stock", "company"]), Some(("jsc", 3)));
        assert_eq!(at(&["joint", "stock", "compan"]), Some(("jsc", 3)));
        assert_eq!(at(&["joint", "stock"]), Some(("jsc", 2)));
        assert_eq!(at(&["joint"]), None);
        assert_eq!(at(&["joint", "stock", "compan", "moscow"]), None);
        assert_eq!(at(&["limited"]), Some(("ltd", 1)));
    }
}
