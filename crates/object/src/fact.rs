//! What content says about what is installed: the raw material of an inventory.

use crate::ObjectId;

/// Longest value of an attribute, in bytes; what is longer is cut.
pub const MAX_VALUE: usize = 4096;
/// Most facts of a report. The engine tells in a gap when it is reached.
pub const MAX_FACTS: u32 = 500_000;
/// Most attributes of a fact.
pub const MAX_ATTRIBUTES: usize = 24;

/// One statement of one object about what is installed, signed, named or removed somewhere. It judges nothing: a fact
/// is what the content says, and the content may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The object that says it.
    pub object: ObjectId,
    /// What it is about.
    pub kind: FactKind,
    /// What is said, at most [`MAX_ATTRIBUTES`] values; an attribute may be there several times. Hostile text, each at
    /// most [`MAX_VALUE`] bytes.
    pub attributes: Vec<(Attribute, String)>,
}

impl Fact {
    /// The first value of an attribute.
    pub fn get(&self, attribute: Attribute) -> Option<&str> {
        self.all(attribute).next()
    }

    /// All values of an attribute.
    pub fn all(&self, attribute: Attribute) -> impl Iterator<Item = &str> {
        self.attributes.iter().filter(move |(found, _)| *found == attribute).map(|(_, value)| value.as_str())
    }
}

/// Names of an enumeration for reports, for the catalogue of products, and for the wire.
macro_rules! named {
    ($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $type { $($(#[$doc])* $variant,)* }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word for reports and rules.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The one of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

named! {
    /// What a fact is about.
    FactKind {
        /// A record of a package database or of a lock file.
        Package = "package",
        /// An installed program: Windows' uninstall entries, and exported inventories.
        Program = "program",
        /// Who signed an executable (Authenticode, Mach-O).
        Signer = "signer",
        /// The version information of an executable.
        VersionInfo = "version-info",
        /// A key or value of a Windows registry hive.
        RegistryKey = "registry-key",
        /// A service, driver or minifilter that is registered.
        Service = "service",
        /// A certificate in a trust store.
        Certificate = "certificate",
        /// An extension of a browser.
        Extension = "extension",
        /// A component that an SBOM names.
        Component = "component",
        /// A host or an address that a log or a configuration names.
        Address = "address",
        /// A container image, by reference.
        Image = "image",
        /// A layer of a container image, with its place in the order.
        Layer = "layer",
        /// A path that a layer removes.
        Removed = "removed",
        /// A running process.
        Process = "process",
        /// A connection of the network.
        Socket = "socket",
        /// A file, by its path.
        File = "file",
        /// A finding of the engine of category *prohibited*: its name is the identifier.
        Finding = "finding",
    }
}

named! {
    /// What a value of a fact is.
    Attribute {
        /// The package manager or ecosystem: `dpkg`, `rpm`, `npm`.
        Manager = "manager",
        /// A name.
        Name = "name",
        /// A version.
        Version = "version",
        /// Who makes or packages it.
        Vendor = "vendor",
        /// The processor architecture.
        Architecture = "architecture",
        /// `installed`, `config-files`, `declared`, `running`, `registered`, or what the source says.
        State = "state",
        /// A path.
        Path = "path",
        /// Who publishes it.
        Publisher = "publisher",
        /// Subject of a certificate.
        Subject = "subject",
        /// Issuer of a certificate.
        Issuer = "issuer",
        /// Serial number of a certificate, in hexadecimal digits.
        Serial = "serial",
        /// SHA-256 of a certificate, in hexadecimal digits.
        Fingerprint = "fingerprint",
        /// Team identifier of a signature of macOS.
        TeamId = "team-id",
        /// Of a signature: `yes`, `no`, or `present` where nobody asked.
        Verified = "verified",
        /// A key of a registry or a configuration.
        Key = "key",
        /// The name of a value.
        Value = "value",
        /// The data of a value.
        Data = "data",
        /// An identifier: of an extension, a bundle, a product code.
        Id = "id",
        /// A package URL.
        Purl = "purl",
        /// A CPE name.
        Cpe = "cpe",
        /// An address with its path.
        Url = "url",
        /// A host.
        Host = "host",
        /// A licence.
        Licence = "licence",
        /// What it is nested in.
        Parent = "parent",
        /// A digest, with its algorithm before a colon.
        Digest = "digest",
        /// The original name of a file.
        Original = "original",
        /// A description.
        Description = "description",
        /// A time, as the source writes it.
        Time = "time",
        /// The kind of trust store: `system`, `java`, `nss`.
        Store = "store",
        /// A browser.
        Browser = "browser",
        /// How often it was seen.
        Count = "count",
        /// The kind of document that says it: `cyclonedx`, `spdx`, `osquery`.
        Source = "source",
        /// A line of the document.
        Line = "line",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back() {
        for kind in FactKind::ALL {
            assert_eq!(FactKind::from_name(kind.name()), Some(*kind));
        }
        for attribute in Attribute::ALL {
            assert_eq!(Attribute::from_name(attribute.name()), Some(*attribute));
        }
    }

    #[test]
    fn an_attribute_may_be_there_twice() {
        let attributes = vec![(Attribute::Cpe, "a".to_owned()), (Attribute::Cpe, "b".to_owned())];
        let fact = Fact { object: ObjectId::ROOT, kind: FactKind::Component, attributes };
        assert_eq!(fact.get(Attribute::Cpe), Some("a"));
        assert_eq!(fact.all(Attribute::Cpe).count(), 2);
        assert_eq!(fact.get(Attribute::Name), None);
    }
}
