//! What content says about what is installed: package databases, registries, signers, SBOMs.
//!
//! A [`Reader`] recognises one kind of content and takes [`Fact`](candor_object::Fact)s out of it, into a sink that bounds them. It judges nothing,
//! and knows no product: what a fact means is for the catalogue, outside the jail that readers run in. The list is
//! [`READERS`].

#![forbid(unsafe_code)]

mod document;
mod exports;
mod facts;
mod logs;
mod packages;
mod purl;
mod reader;
mod sbom;
mod sqlite;
mod text;

mod android;
mod browsers;
mod containers;
mod damage;
mod fields;
mod json;
mod linux;
mod macos;
mod markup;
mod plist;
mod stores;
mod windows;
mod x509;

pub use facts::Facts;
pub use reader::{Error, HEAD, Reader, Subject, Verified};

/// All readers. Each is asked about every object; several may read the same one.
pub const READERS: &[&dyn Reader] = &[
    // Packages.
    &packages::dpkg::Dpkg,
    &packages::apk::Apk,
    &packages::rpm::Rpm,
    &packages::pacman::Pacman,
    &packages::flatpak::Flatpak,
    &packages::snap::Snap,
    &packages::brew::Brew,
    &packages::winget::Winget,
    &packages::pip::Pip,
    &packages::npm::Npm,
    &packages::yarn::Yarn,
    &packages::cargo::Cargo,
    &packages::maven::Maven,
    &packages::go::Go,
    &packages::composer::Composer,
    &packages::gem::Gem,
    &packages::nuget::Nuget,
    &packages::conda::Conda,
    // SBOMs.
    &sbom::cyclonedx::CycloneDx,
    &sbom::spdx::Spdx,
    &sbom::spdx_tags::SpdxTags,
    &sbom::spdx_rdf::SpdxRdf,
    &sbom::spdx3::Spdx3,
    &sbom::syft::Syft,
    // Exported inventories.
    &exports::csv::Csv,
    &exports::rows::Rows,
    &exports::glpi::Glpi,
    // Logs.
    &logs::squid::LOG,
    &logs::w3c::LOG,
    &logs::combined::LOG,
    &logs::table::Table,
    &logs::bind::LOG,
    &logs::dnsmasq::LOG,
    &logs::unbound::LOG,
    &logs::windows_dns::LOG,
    &logs::zeek::LOG,
    &logs::events::Events,
    &logs::list::List,
    // Windows and macOS.
    &windows::hive::Registry,
    &windows::msi::Msi,
    &windows::signer::Signer,
    &windows::task::Task,
    &windows::version_info::VersionInfo,
    &macos::code_signature::CodeSignature,
    &macos::property_lists::PropertyLists,
    // Linux.
    &linux::init_script::InitScript,
    &linux::systemd::Systemd,
    // Container images.
    &containers::docker_archive::DockerArchive,
    &containers::oci::Oci,
    &containers::references::Dockerfile,
    &containers::references::Yaml,
    &containers::whiteouts::Whiteouts,
    // Browsers and Android.
    &browsers::chromium::External,
    &browsers::chromium::Manifest,
    &browsers::chromium::Preferences,
    &browsers::firefox::Firefox,
    &browsers::native_host::NativeHost,
    &android::manifest::Manifest,
    &android::packages::PackageList,
    &android::packages::PackagesXml,
    // Stores of certificates.
    &stores::der_file::DerFile,
    &stores::java::Java,
    &stores::nss::Nss,
    &stores::pem::Pem,
    &stores::pkcs12::Pkcs12,
];

/// Lets all readers that recognise the object take facts out of it, and calls `failed` with what went wrong.
pub fn read(subject: &Subject<'_>, facts: &mut Facts<'_>, mut failed: impl FnMut(&'static str, Error)) {
    for reader in READERS.iter().filter(|reader| reader.reads(subject)) {
        if let Err(error) = reader.read(subject, facts) {
            failed(reader.name(), error);
        }
    }
}
