//! The signatures inside of containers, and the public keys of ClamAV's publisher.
//!
//! Numbers are written with 64 letters of 6 bits each, the least significant first. A header's signature is RSA
//! without padding over the MD5 of all that follows the header; that of the list of members is RSASSA-PSS.

use num_bigint::BigUint;

use super::rsa::PublicKey;

/// The letters, by value.
const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
/// Most letters of a signature.
const MAX_LETTERS: usize = 512;

/// The modulus that signs headers.
const HEADER_MODULUS: &str = "\
11864099555164534260307000165845318975152777441202774374659940574324314260746414476736106064065584474976078889002228\
34249227624889175655510024677711096695981894104346990345322322286215910895081785914284562207968416216371755675904766\
66928698770143328137383952820383197532047771780196576957695822641224262693037";
/// Its exponent.
const HEADER_EXPONENT: u64 = 100_001_027;
/// The modulus that signs lists of members.
const LISTING_MODULUS: &str = "\
11088894983048545473659556106627194923928941791795047620591658697413581043322715912172496806525381055880964520618400\
22433332053466029923398375534174067950286682990967995573439139266837836122152420539663109010515164127085727708031073\
43209516537005089417174191687239425078907029047027075874516216910507543078503833998653464872037984641785373922114027\
86481359824461197231102895415093770394216666324484593935762408468516826633192140826667923494822045805347809932848454\
84588697170642436055866786277587607205943770336538020910169773857751547693508546945527999411314597799408461832848215\
1013142393373316337519977244732747977";
/// Its exponent.
const LISTING_EXPONENT: u64 = 100_002_049;
/// The modulus that signs differences.
const DIFFERENCES_MODULUS: &str = "\
14783905874077467090262228516557917570254599638376203532031989214105552847269687489771975792123442185817287694951949\
80090879152754201711560050130339477861853586484523570004159005631823010244961221745854901608931330659138859079079651\
58196541023207257123008223563487240112326548375032417361779077841987008344406811247270605400357546996581058950500965\
76226753008596881698828185652424901921668758326578462003247906470982092298106789657211905488986281078346361469524484\
82955956088622719809199549844067663963983046359321138605506536028842239405399813445862371254068329403495381841245836\
2198117811990006021989844180721010947";
/// Its exponent.
const DIFFERENCES_EXPONENT: u64 = 100_002_053;

/// The key that signs headers.
pub(super) fn header_key() -> Option<PublicKey> {
    PublicKey::from_decimal(HEADER_MODULUS, HEADER_EXPONENT)
}

/// The key that signs lists of members.
pub(super) fn listing_key() -> Option<PublicKey> {
    PublicKey::from_decimal(LISTING_MODULUS, LISTING_EXPONENT)
}

/// The key that signs differences between containers.
pub(super) fn differences_key() -> Option<PublicKey> {
    PublicKey::from_decimal(DIFFERENCES_MODULUS, DIFFERENCES_EXPONENT)
}

/// The number that a signature is; nothing if it is none.
pub(super) fn number(text: &str) -> Option<BigUint> {
    if text.is_empty() || text.len() > MAX_LETTERS {
        return None;
    }
    let digits: Option<Vec<u8>> = text.bytes().map(value).collect();
    BigUint::from_radix_le(&digits?, 64)
}

fn value(letter: u8) -> Option<u8> {
    LETTERS.iter().position(|known| *known == letter).and_then(|place| u8::try_from(place).ok())
}

/// Whether the signature of a header is over this MD5.
pub(super) fn header_holds(key: &PublicKey, signature: &str, md5: &[u8; 16]) -> bool {
    number(signature).and_then(|number| key.recover(&number)) == Some(BigUint::from_bytes_be(md5))
}

/// Whether the signature of a list of members, or of differences, is over content with this SHA-256.
pub(super) fn listing_holds(key: &PublicKey, signature: &str, sha256: &[u8; 32]) -> bool {
    number(signature).is_some_and(|number| key.verifies_pss(&number, sha256))
}

/// A number in letters.
#[cfg(test)]
pub(super) fn letters(number: &BigUint) -> String {
    number.to_radix_le(64).iter().map(|digit| char::from(LETTERS[usize::from(*digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_significant_letter_is_first() {
        assert_eq!(number("bb"), Some(65_u32.into()));
        assert_eq!(number("/a"), Some(63_u32.into()));
        assert_eq!(letters(&number("abcXYZ019+/").unwrap()), "abcXYZ019+/");
        for text in ["", "a:", "X Y", "=", &"a".repeat(600)] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn the_publishers_keys_are_keys() {
        assert!(header_key().is_some() && listing_key().is_some() && differences_key().is_some());
    }
}
