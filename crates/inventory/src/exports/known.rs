//! The exports that are known, by their columns: osquery's [tables](https://osquery.io/schema/), Lansweeper, Intune,
//! SCCM, GLPI, and lists that name a program, its publisher, its version and perhaps its host.

use candor_object::{Attribute, FactKind};

/// A table that some program exports.
pub(super) struct Export {
    pub(super) source: &'static str,
    pub(super) kind: FactKind,
    /// Columns that must be there, of each of which one name of several.
    pub(super) needs: &'static [&'static str],
    /// What becomes of a column. The first that is found counts.
    pub(super) columns: &'static [(&'static str, Attribute)],
    /// What is said of every row, unless it says something itself.
    pub(super) fixed: &'static [(Attribute, &'static str)],
}

/// Columns that name the host, whatever the table is.
pub(super) const HOSTS: &[&str] = &[
    "asset",
    "assetname",
    "assetcomputername",
    "client",
    "clientname",
    "computer",
    "computername",
    "computers",
    "device",
    "devicename",
    "endpoint",
    "endpointname",
    "host",
    "hostdisplayname",
    "hosthostname",
    "hostidentifier",
    "hostname",
    "machine",
    "machinename",
    "netbiosname",
    "pcname",
    "server",
    "servername",
    "systemname",
    "workstation",
];

const NAMES: &str = "displayname|softwarename|software|applicationname|appname|application|productname|product|programname|program|softwaretitle";
const VERSIONS: &str =
    "displayversion|softwareversion|applicationversion|appversion|productversion|versionnumber|version";
const PUBLISHERS: &str = "publisher|softwarepublisher|applicationpublisher|publishername|softwaremanufacturer|vendor|vendorname|manufacturer|company|editor";

/// The columns of lists of programs.
const PROGRAM: &[(&str, Attribute)] = &[
    (NAMES, Attribute::Name),
    (VERSIONS, Attribute::Version),
    (PUBLISHERS, Attribute::Publisher),
    ("installdate|installedon|installeddate|installationdate", Attribute::Time),
    ("installlocation|path|installpath", Attribute::Path),
    ("prodid|productid|productcode|identifyingnumber|applicationid|packagecode|appkey", Attribute::Id),
    ("uninstallstring|installsource", Attribute::Data),
];

const fn osquery(
    kind: FactKind,
    needs: &'static [&'static str],
    columns: &'static [(&'static str, Attribute)],
    fixed: &'static [(Attribute, &'static str)],
) -> Export {
    Export { source: "osquery", kind, needs, columns, fixed }
}

const INSTALLED: (Attribute, &str) = (Attribute::State, "installed");

/// All of them, the most particular first.
pub(super) static KNOWN: &[Export] = &[
    // authenticode
    osquery(
        FactKind::Signer,
        &["subjectname", "issuername", "result"],
        &[
            ("path", Attribute::Path),
            ("subjectname", Attribute::Subject),
            ("issuername", Attribute::Issuer),
            ("serialnumber", Attribute::Serial),
            ("originalprogramname", Attribute::Original),
            ("result", Attribute::Verified),
        ],
        &[],
    ),
    // signature, of macOS
    osquery(
        FactKind::Signer,
        &["teamidentifier", "authority", "signed"],
        &[
            ("path", Attribute::Path),
            ("authority", Attribute::Subject),
            ("teamidentifier", Attribute::TeamId),
            ("identifier", Attribute::Id),
            ("cdhash", Attribute::Digest),
            ("signed", Attribute::Verified),
        ],
        &[],
    ),
    // windows_security_products
    osquery(
        FactKind::Program,
        &["remediationpath", "signaturesuptodate", "name"],
        &[
            ("name", Attribute::Name),
            ("type", Attribute::Key),
            ("remediationpath", Attribute::Path),
            ("state", Attribute::Data),
            ("statetimestamp", Attribute::Time),
        ],
        &[INSTALLED],
    ),
    // system_extensions
    osquery(
        FactKind::Extension,
        &["identifier", "team", "bundlepath|path", "state"],
        &[
            ("identifier", Attribute::Id),
            ("team", Attribute::TeamId),
            ("version", Attribute::Version),
            ("path|bundlepath", Attribute::Path),
            ("state", Attribute::State),
            ("category", Attribute::Key),
        ],
        &[],
    ),
    // chrome_extensions
    osquery(
        FactKind::Extension,
        &["identifier", "browsertype|fromwebstore|permissions", "name"],
        &[
            ("identifier|referencedidentifier", Attribute::Id),
            ("name", Attribute::Name),
            ("version", Attribute::Version),
            ("author", Attribute::Publisher),
            ("browsertype", Attribute::Browser),
            ("path", Attribute::Path),
            ("updateurl", Attribute::Url),
            ("description", Attribute::Description),
            ("state", Attribute::State),
        ],
        &[(Attribute::Browser, "chrome")],
    ),
    // firefox_addons
    osquery(
        FactKind::Extension,
        &["identifier", "creator", "sourceurl"],
        &[
            ("identifier", Attribute::Id),
            ("name", Attribute::Name),
            ("version", Attribute::Version),
            ("creator", Attribute::Publisher),
            ("path", Attribute::Path),
            ("sourceurl", Attribute::Url),
        ],
        &[(Attribute::Browser, "firefox")],
    ),
    // certificates
    osquery(
        FactKind::Certificate,
        &["commonname", "subject", "issuer", "selfsigned"],
        &[
            ("subject", Attribute::Subject),
            ("issuer", Attribute::Issuer),
            ("commonname", Attribute::Name),
            ("serial", Attribute::Serial),
            ("sha1", Attribute::Digest),
            ("store", Attribute::Store),
            ("path|storelocation", Attribute::Path),
        ],
        &[(Attribute::Store, "system")],
    ),
    // drivers
    osquery(
        FactKind::Service,
        &["deviceid", "image", "driverkey|servicekey|service"],
        &[
            ("service", Attribute::Name),
            ("image", Attribute::Path),
            ("manufacturer|provider", Attribute::Vendor),
            ("version", Attribute::Version),
            ("description|devicename", Attribute::Description),
            ("servicekey", Attribute::Key),
        ],
        &[(Attribute::State, "registered")],
    ),
    // services, of Windows
    osquery(
        FactKind::Service,
        &["name", "servicetype", "starttype"],
        &[
            ("name", Attribute::Name),
            ("path|modulepath", Attribute::Path),
            ("displayname", Attribute::Description),
            ("status", Attribute::State),
            ("servicetype", Attribute::Key),
        ],
        &[(Attribute::State, "registered")],
    ),
    // apps
    osquery(
        FactKind::Program,
        &["bundleidentifier", "bundleshortversion|bundleversion"],
        &[
            ("bundleidentifier", Attribute::Id),
            ("bundlename", Attribute::Name),
            ("name", Attribute::Original),
            ("bundleshortversion", Attribute::Version),
            ("path", Attribute::Path),
            ("copyright", Attribute::Description),
        ],
        &[INSTALLED],
    ),
    // programs
    osquery(
        FactKind::Program,
        &["name", "publisher", "identifyingnumber"],
        &[
            ("name", Attribute::Name),
            ("version", Attribute::Version),
            ("publisher", Attribute::Publisher),
            ("installlocation", Attribute::Path),
            ("identifyingnumber", Attribute::Id),
            ("installdate", Attribute::Time),
            ("uninstallstring", Attribute::Data),
        ],
        &[INSTALLED],
    ),
    // deb_packages
    osquery(
        FactKind::Package,
        &["name", "version", "maintainer", "arch|revision"],
        &[
            ("name", Attribute::Name),
            ("version", Attribute::Version),
            ("maintainer", Attribute::Vendor),
            ("arch", Attribute::Architecture),
            ("status", Attribute::State),
        ],
        &[(Attribute::Manager, "dpkg"), INSTALLED],
    ),
    // rpm_packages
    osquery(
        FactKind::Package,
        &["name", "version", "release", "arch"],
        &[
            ("name", Attribute::Name),
            ("version", Attribute::Version),
            ("vendor", Attribute::Vendor),
            ("arch", Attribute::Architecture),
            ("sha1", Attribute::Digest),
            ("installtime", Attribute::Time),
        ],
        &[(Attribute::Manager, "rpm"), INSTALLED],
    ),
    // npm_packages
    osquery(
        FactKind::Package,
        &["name", "version", "author", "homepage", "directory|path"],
        &[
            ("name", Attribute::Name),
            ("version", Attribute::Version),
            ("author", Attribute::Vendor),
            ("path", Attribute::Path),
            ("homepage", Attribute::Url),
            ("license", Attribute::Licence),
        ],
        &[(Attribute::Manager, "npm"), INSTALLED],
    ),
    // python_packages
    osquery(
        FactKind::Package,
        &["name", "version", "author", "summary", "path"],
        &[
            ("name", Attribute::Name),
            ("version", Attribute::Version),
            ("author", Attribute::Vendor),
            ("path", Attribute::Path),
            ("license", Attribute::Licence),
            ("summary", Attribute::Description),
        ],
        &[(Attribute::Manager, "pip"), INSTALLED],
    ),
    // homebrew_packages
    osquery(
        FactKind::Package,
        &["name", "version", "prefix", "path"],
        &[("name", Attribute::Name), ("version", Attribute::Version), ("path", Attribute::Path)],
        &[(Attribute::Manager, "brew"), INSTALLED],
    ),
    // process_open_sockets
    osquery(
        FactKind::Socket,
        &["pid", "remoteaddress", "remoteport"],
        &[
            ("remoteaddress", Attribute::Url),
            ("path", Attribute::Path),
            ("state", Attribute::State),
            ("pid", Attribute::Id),
            ("name", Attribute::Name),
            ("remoteport", Attribute::Value),
        ],
        &[],
    ),
    // processes
    osquery(
        FactKind::Process,
        &["pid", "name", "cmdline"],
        &[
            ("name", Attribute::Name),
            ("path", Attribute::Path),
            ("cmdline", Attribute::Data),
            ("pid", Attribute::Id),
            ("starttime", Attribute::Time),
        ],
        &[(Attribute::State, "running")],
    ),
    // registry
    osquery(
        FactKind::RegistryKey,
        &["key", "name", "data", "type"],
        &[
            ("key", Attribute::Key),
            ("name", Attribute::Value),
            ("data", Attribute::Data),
            ("mtime", Attribute::Time),
        ],
        &[],
    ),
    // dns_cache
    osquery(
        FactKind::Address,
        &["name", "type", "flags"],
        &[("name", Attribute::Host)],
        &[(Attribute::Count, "1")],
    ),
    // docker_images
    osquery(
        FactKind::Image,
        &["tags", "sizebytes"],
        &[("tags", Attribute::Name), ("id", Attribute::Id)],
        &[],
    ),
    Export {
        source: "lansweeper",
        kind: FactKind::Program,
        needs: &["softwarename", "softwareversion|softwarepublisher"],
        columns: PROGRAM,
        fixed: &[INSTALLED],
    },
    Export {
        source: "intune",
        kind: FactKind::Program,
        needs: &["applicationname", "applicationpublisher|applicationversion"],
        columns: PROGRAM,
        fixed: &[INSTALLED],
    },
    Export {
        source: "sccm",
        kind: FactKind::Program,
        needs: &["displayname", "publisher", "version", "prodid|resourceid|netbiosname"],
        columns: &[
            ("displayname", Attribute::Name),
            ("version", Attribute::Version),
            ("publisher", Attribute::Publisher),
            ("prodid", Attribute::Id),
            ("installdate", Attribute::Time),
            ("name", Attribute::Host),
        ],
        fixed: &[INSTALLED],
    },
    // Lists that name the program in a word that means nothing else.
    Export {
        source: "inventory",
        kind: FactKind::Program,
        needs: &[NAMES, PUBLISHERS, VERSIONS],
        columns: PROGRAM,
        fixed: &[INSTALLED],
    },
    // Others only if they name hosts as well.
    Export {
        source: "inventory",
        kind: FactKind::Program,
        needs: &[
            "name",
            PUBLISHERS,
            VERSIONS,
            "assetname|computer|computername|devicename|hostname|host|hostidentifier|machine|machinename|netbiosname|computers",
        ],
        columns: &[
            ("name", Attribute::Name),
            (VERSIONS, Attribute::Version),
            (PUBLISHERS, Attribute::Publisher),
            ("installdate|installedon", Attribute::Time),
            ("installlocation|path", Attribute::Path),
        ],
        fixed: &[INSTALLED],
    },
    Export {
        source: "inventory",
        kind: FactKind::Program,
        needs: &[
            NAMES,
            VERSIONS,
            "assetname|computer|computername|devicename|hostname|host|hostidentifier|machine|machinename|netbiosname|computers",
        ],
        columns: PROGRAM,
        fixed: &[INSTALLED],
    },
];
