//! Where languages put signatures.

use std::collections::HashMap;
use std::path::Path;

use candor_detect::Compiler;
use candor_detect::bytecode::BytecodeSignature;
use candor_detect::hash::HashSignature;
use candor_detect::icon::{Icon, MAX_ICONS};
use candor_detect::logical::LogicalSignature;
use candor_detect::magic::{MAX_MAGIC, MagicSignature};
use candor_detect::member::{MAX_SIGNATURES, MemberSignature};
use candor_detect::password::{MAX_PASSWORDS, PasswordSignature};
use candor_detect::pattern::Pattern;
use candor_detect::phishing::{LinkSignature, MAX_EXPRESSIONS};
use candor_detect::switch::Switches;
use candor_detect::trust::SignerSignature;
use md5::{Digest, Md5};

use crate::ignored::Ignored;
use crate::problem::{Complaint, Problem};
use crate::settings::{Programs, Unwanted};
use crate::yara::Shared;

/// Takes the signatures of one file.
pub struct Output<'a> {
    /// The file's name, as findings show it.
    pub(crate) source: &'a str,
    /// Whether it came out of a container that its publisher signed.
    pub(crate) official: bool,
    /// Which programs in bytecode are taken.
    pub(crate) programs: Programs,
    /// Which signatures are taken, if the file is for unwanted programs.
    pub(crate) unwanted: Option<&'a Unwanted>,
    /// The number of the line that is being read.
    pub(crate) line_number: u64,
    /// Whether what is switched off is: not by files that anybody can have written, unless that was asked for.
    pub(crate) switches_hold: bool,
    /// The line that is being read, as far as an ignore list asks for its digest.
    pub(crate) line: Vec<u8>,
    /// The folder that it lies in, for languages whose files include others.
    pub(crate) folder: Option<&'a Path>,
    /// Whether it is read as ClamAV would.
    pub(crate) clamav: bool,
    pub(crate) compiler: &'a mut Compiler,
    pub(crate) ignored: &'a mut Ignored,
    pub(crate) members: &'a mut HashMap<u8, Vec<Pattern>>,
    pub(crate) signers: &'a mut Vec<SignerSignature>,
    pub(crate) yara: &'a mut Shared,
    pub(crate) report: &'a mut dyn FnMut(Problem),
    /// Hears of each name, also of those that an ignore list has.
    pub(crate) named: &'a dyn Fn(&str, &str),
}

impl Output<'_> {
    /// The file's name.
    pub fn source(&self) -> &str {
        self.source
    }

    /// Whether the file came out of a container that its publisher signed.
    pub fn is_official(&self) -> bool {
        self.official
    }

    /// Adds a digest.
    ///
    /// # Errors
    /// [`Complaint::Ignored`] if an ignore list names it, [`Complaint::NotForUs`] if nobody asked for its category.
    pub fn hash(&mut self, signature: &HashSignature<'_>) -> Result<(), Complaint> {
        self.admit(signature.name)?;
        self.compiler.hash(signature);
        Ok(())
    }

    /// Adds a signature of patterns.
    ///
    /// # Errors
    /// [`Complaint::Ignored`] if an ignore list names it, [`Complaint::NotForUs`] if nobody asked for its category.
    pub fn logical(&mut self, signature: &LogicalSignature) -> Result<(), Complaint> {
        self.admit(&signature.name)?;
        self.compiler.logical(signature);
        Ok(())
    }

    /// Adds a signature over what an archive says of a member.
    ///
    /// # Errors
    /// As [`logical`](Self::logical).
    pub fn listed(&mut self, signature: &MemberSignature) -> Result<(), Complaint> {
        self.admit(&signature.name)?;
        if self.compiler.counts().members >= MAX_SIGNATURES as u64 {
            return Err(Complaint::unsupported(format!(
                "more than {MAX_SIGNATURES} signatures of this kind"
            )));
        }
        self.compiler.member(signature);
        Ok(())
    }

    /// Adds an icon that signatures ask for.
    ///
    /// # Errors
    /// [`Complaint::Unsupported`] if there are too many.
    pub fn icon(&mut self, icon: &Icon) -> Result<(), Complaint> {
        if self.compiler.is_full() || !self.compiler.icon(icon) {
            return Err(Complaint::unsupported(format!("more than {MAX_ICONS} icons")));
        }
        Ok(())
    }

    /// Adds an entry of a list about links. Ignore lists do not name them: findings have names of their own.
    ///
    /// # Errors
    /// [`Complaint::Unsupported`] if there is no room.
    pub fn link(&mut self, signature: &LinkSignature) -> Result<(), Complaint> {
        if self.compiler.is_full() {
            return Err(Complaint::unsupported("the database is full; build several"));
        }
        if self.compiler.link_expressions() >= MAX_EXPRESSIONS {
            return Err(Complaint::unsupported(format!("more than {MAX_EXPRESSIONS} expressions for links")));
        }
        self.compiler.link(signature, self.source);
        Ok(())
    }

    /// Adds a program; its number, for the signature that triggers it.
    ///
    /// # Errors
    /// [`Complaint::Unsigned`] and [`Complaint::NotForUs`] as the settings say, [`Complaint::Ignored`] if an ignore
    /// list names it.
    pub fn program(&mut self, signature: &BytecodeSignature) -> Result<u32, Complaint> {
        match self.programs {
            Programs::Signed if !self.official => return Err(Complaint::Unsigned),
            Programs::LeftOut => return Err(Complaint::NotForUs("programs are not wanted".to_owned())),
            Programs::Signed | Programs::All => {}
        }
        self.admit(&signature.name)?;
        Ok(self.compiler.program(signature))
    }

    /// Adds a publisher that is trusted or blocked.
    ///
    /// # Errors
    /// [`Complaint::Ignored`] if an ignore list names it.
    pub fn signer(&mut self, signature: SignerSignature) -> Result<(), Complaint> {
        self.admit(&signature.name)?;
        self.compiler.signer(&signature);
        self.signers.push(signature);
        Ok(())
    }

    /// The publishers that were added so far.
    pub(crate) fn signers(&self) -> &[SignerSignature] {
        self.signers
    }

    /// Adds magic.
    ///
    /// # Errors
    /// [`Complaint::Unsupported`] if there is no room for it.
    pub fn magic(&mut self, signature: &MagicSignature<'_>) -> Result<(), Complaint> {
        if self.compiler.magic(signature) {
            return Ok(());
        }
        Err(Complaint::unsupported(format!("more than {MAX_MAGIC} lines of magic")))
    }

    /// Adds a password of archives.
    ///
    /// # Errors
    /// [`Complaint::Ignored`] if an ignore list names it.
    pub fn password(&mut self, signature: &PasswordSignature) -> Result<(), Complaint> {
        self.admit(&signature.name)?;
        if self.compiler.password(signature) {
            return Ok(());
        }
        Err(Complaint::unsupported(format!("more than {MAX_PASSWORDS} passwords")))
    }

    /// Says what the line that is being read switches off.
    ///
    /// # Errors
    /// [`Complaint::NotForUs`] if its file may not.
    pub(crate) fn switches(
        &mut self,
        category: &'static str,
        off: Vec<&'static str>,
    ) -> Result<(), Complaint> {
        if !self.switches_hold {
            return Err(Complaint::NotForUs(
                "nothing is switched off by a file that its publisher did not sign".to_owned(),
            ));
        }
        let (source, line) = (self.source, self.line_number);
        self.compiler.switches(&Switches { category, off, source, line });
        Ok(())
    }

    /// Adds a name to the ignore list; with a digest, only for signatures whose line has this MD5.
    pub fn ignore(&mut self, name: &str, line: Option<[u8; 16]>) {
        self.ignored.add(name, line);
    }

    /// Adds a pattern to a group that signatures read later refer to.
    pub(crate) fn member(&mut self, group: u8, pattern: Pattern) {
        self.members.entry(group).or_default().push(pattern);
    }

    /// The patterns of a group.
    pub(crate) fn members(&self, group: u8) -> &[Pattern] {
        self.members.get(&group).map(Vec::as_slice).unwrap_or_default()
    }

    /// Reports a signature that is not used; line 0 is the file as a whole.
    pub fn problem(&mut self, line: u64, complaint: Complaint) {
        (self.report)(Problem {
            file: self.source.to_owned(),
            folder: self.folder.map(Path::to_owned),
            line,
            complaint,
        });
    }

    /// Says which line the signatures that follow are of.
    pub(crate) fn at_line(&mut self, number: u64, line: &[u8]) {
        self.line_number = number;
        if self.ignored.has_digests() {
            self.line.clear();
            self.line.extend_from_slice(line);
        }
    }

    /// Reports something of a file that this one includes.
    pub(crate) fn problem_in(&mut self, file: &str, line: u64, complaint: Complaint) {
        (self.report)(Problem {
            file: file.to_owned(),
            folder: self.folder.map(Path::to_owned),
            line,
            complaint,
        });
    }

    pub(crate) fn admit(&self, name: &str) -> Result<(), Complaint> {
        (self.named)(self.source, name);
        if self.compiler.is_full() {
            return Err(Complaint::unsupported("the database is full; build several"));
        }
        if self.unwanted.is_some_and(|unwanted| !unwanted.takes(name)) {
            return Err(Complaint::NotForUs(
                "nobody asked for this category of unwanted programs".to_owned(),
            ));
        }
        if self.ignored.names(name, || Md5::digest(&self.line).into()) {
            Err(Complaint::Ignored)
        } else {
            Ok(())
        }
    }
}
