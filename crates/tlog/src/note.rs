//! Signed notes: <https://c2sp.org/signed-note>.

use crate::encoding::{base64, decimal, unbase64};
use crate::key::check_name;
use crate::{Error, KeyKind, SigningKey, VerifyingKey};

/// Most bytes of a note.
pub const MAX_NOTE: usize = 64 << 10;
/// Most signatures of a note; the specification asks for 16 at least.
pub const MAX_SIGNATURES: usize = 128;

/// A text with signatures. Reading it proves nothing: [`Note::signed_by`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A line of a note that claims to be somebody's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The number of the key.
    pub id: [u8; 4],
    /// What the algorithm made.
    pub signature: Vec<u8>,
}

impl NoteSignature {
    /// Reads the line `— NAME BASE64`, without its end.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_line(line: &str) -> Result<Self, Error> {
        const FORM: Error = Error::Malformed("a signature line has the form \"— NAME BASE64\"");
        let (name, encoded) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(FORM)?;
        check_name(name)?;
        let bytes = unbase64(encoded)?;
        let (id, signature) = bytes.split_first_chunk().ok_or(FORM)?;
        if signature.is_empty() {
            return Err(FORM);
        }
        Ok(Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
    }

    /// The line, with its end.
    pub fn to_line(&self) -> String {
        let encoded = base64(&[&self.id[..], &self.signature].concat());
        format!("— {} {encoded}\n", self.name)
    }

    pub(crate) fn new(key: &VerifyingKey, signature: Vec<u8>) -> Self {
        Self { name: key.name().to_owned(), id: key.id(), signature }
    }

    pub(crate) fn is_of(&self, key: &VerifyingKey) -> bool {
        self.id == key.id() && self.name == key.name()
    }
}

impl Note {
    /// A text that nobody has signed yet.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless it ends with a newline and has no other control characters.
    pub fn unsigned(text: String) -> Result<Self, Error> {
        let control = |byte: u8| byte < 0x20 && byte != b'\n';
        if !text.ends_with('\n') || text.bytes().any(control) {
            return Err(Error::Malformed(
                "the text of a note ends with a newline and has no control characters",
            ));
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a signed note.
    ///
    /// # Errors
    /// [`Error::Malformed`], for more than [`MAX_NOTE`] bytes and [`MAX_SIGNATURES`] signatures too.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_NOTE {
            return Err(Error::Malformed("the note is too long"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| Error::Malformed("the note is not UTF-8"))?;
        let end = note.rfind("\n\n").ok_or(Error::Malformed("the note has no signatures"))?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let mut read = Self::unsigned(text.to_owned())?;
        let lines =
            lines.strip_suffix('\n').ok_or(Error::Malformed("the note does not end with a newline"))?;
        for line in lines.split('\n') {
            if read.signatures.len() == MAX_SIGNATURES {
                return Err(Error::Malformed("the note has too many signatures"));
            }
            read.signatures.push(NoteSignature::from_line(line)?);
        }
        Ok(read)
    }

    /// The text, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines that claim to be signatures.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Checks that this key signed the text itself.
    ///
    /// # Errors
    /// [`Error::NotSigned`], and [`Error::WrongSignature`] if there is a line of this key that is wrong.
    pub fn signed_by(&self, key: &VerifyingKey) -> Result<(), Error> {
        let mut signed = Err(Error::NotSigned(key.name().to_owned()));
        for line in self.signatures.iter().filter(|line| line.is_of(key)) {
            if key.kind() != KeyKind::Note || !key.verifies(self.text.as_bytes(), &line.signature) {
                return Err(Error::WrongSignature(key.name().to_owned()));
            }
            signed = Ok(());
        }
        signed
    }

    /// Signs the text itself. An older line of the same key goes.
    pub fn sign(&mut self, key: &SigningKey) {
        let signature = key.sign(self.text.as_bytes()).to_vec();
        self.put(NoteSignature::new(key.public(), signature));
    }

    /// Adds a signature line in the place of an older one of the same key.
    pub fn put(&mut self, line: NoteSignature) {
        self.signatures.retain(|old| old.id != line.id || old.name != line.name);
        self.signatures.push(line);
    }

    /// Reads `note LENGTH`, a newline and a note of so many bytes; gives what follows.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn read_counted(text: &str) -> Result<(Self, &str), Error> {
        const FORM: Error = Error::Malformed("a note with its length before it has the form \"note LENGTH\"");
        let (length, rest) = text.strip_prefix("note ").and_then(|rest| rest.split_once('\n')).ok_or(FORM)?;
        let length = usize::try_from(decimal(length)?).map_err(|_| FORM)?;
        let (note, rest) = rest.split_at_checked(length).ok_or(FORM)?;
        Ok((Self::read(note.as_bytes())?, rest))
    }

    /// The note as bytes, with its length before it, so that others may follow.
    pub fn to_counted(&self) -> Vec<u8> {
        let note = self.to_bytes();
        [format!("note {}\n", note.len()).into_bytes(), note].concat()
    }

    /// The note as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let lines: String = self.signatures.iter().map(NoteSignature::to_line).collect();
        format!("{}\n{lines}", self.text).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_example_of_go_verifies() {
        let key =
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().expect("the key");
        let note = Note::read(EXAMPLE.as_bytes()).expect("the note");
        note.signed_by(&key).expect("it is signed");
        assert_eq!(note.to_bytes(), EXAMPLE.as_bytes());
        let forged = Note::read(EXAMPLE.replace("answer", "Answer").as_bytes()).expect("a note");
        assert!(matches!(forged.signed_by(&key), Err(Error::WrongSignature(_))));
    }

    #[test]
    fn lines_of_unknown_keys_are_ignored_and_wrong_ones_of_known_keys_are_not() {
        let key = |seed| SigningKey::new("example.org/a", KeyKind::Note, &[seed; 32]).expect("a key");
        let (known, unknown) = (key(1), key(2));
        let mut note = Note::unsigned("text\n".to_owned()).expect("a text");
        note.sign(&unknown);
        assert!(matches!(note.signed_by(known.public()), Err(Error::NotSigned(_))));
        note.sign(&known);
        note.sign(&known);
        assert_eq!(note.signatures().len(), 2);
        let note = Note::read(&note.to_bytes()).expect("a note");
        note.signed_by(known.public()).expect("it is signed");
        let mut wrong = note.clone();
        wrong.signatures.push(NoteSignature { signature: vec![0; 64], ..note.signatures()[1].clone() });
        assert!(matches!(wrong.signed_by(known.public()), Err(Error::WrongSignature(_))));
    }

    #[test]
    fn malformed_notes_are_refused() {
        for bad in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n— a\n",
            "text\n\n— a AAAA\n",
            "te\rxt\n\n— a AAAAAAA=\n",
            "x\n\n- a AAAAAAA=\n",
        ] {
            assert!(Note::read(bad.as_bytes()).is_err(), "{bad:?}");
        }
        let many = format!("text\n\n{}", "— a AAAAAAA=\n".repeat(MAX_SIGNATURES + 1));
        assert!(Note::read(many.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(text in "(\\PC|\n){0,60}", tail in "(— [a-z]{1,3} [A-Za-z0-9+/]{8,12}\n){0,3}") {
            let bytes = format!("{text}\n\n{tail}");
            if let Ok(note) = Note::read(bytes.as_bytes()) {
                prop_assert_eq!(note.to_bytes(), bytes.into_bytes());
            }
        }
    }
}
