//! Settings that have one answer, whatever task they belong to.

use super::super::Fate;

/// What becomes of a setting with some value.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// Only with this value, in lower case; with any if there is none.
    value: Option<&'static str>,
    pub(super) fate: Fate,
    pub(super) text: &'static str,
}

const fn known(name: &'static str, value: &'static str, fate: Fate, text: &'static str) -> Known {
    Known { name, value: if value.is_empty() { None } else { Some(value) }, fate, text }
}

use Fate::{Changed, LeftOut, LessProtection, Taken};

const ALWAYS: &str = "such content is always looked into";
const DECIDED: &str = "candor scan reports; with --quarantine it also takes what it reports into the vault";
const OWN: &str = "it belongs to the program that is replaced";
const ALL: &str = "everything is reported; --quiet and --verbose choose how much is shown";
const SPEED: &str = "candord remembers reports by the digest of the content: [cache]";
const CLOUD: &str = "nothing here asks a service of anybody about your files";
const TLS: &str = "connections are not opened; take the vendor's root certificate out of all trust stores";

/// The table, by name and value; the first that fits counts.
const KNOWN: [Known; 65] = [
    known("ScanArchived", "no", Changed, ALWAYS),
    known("ScanArchived", "", Taken, ALWAYS),
    known("ScanSfxArchived", "no", Changed, ALWAYS),
    known("ScanSfxArchived", "", Taken, ALWAYS),
    known("ScanMailBases", "no", Changed, ALWAYS),
    known("ScanMailBases", "", Taken, ALWAYS),
    known("ScanPlainMail", "no", Changed, ALWAYS),
    known("ScanPlainMail", "", Taken, ALWAYS),
    known("SkipPlainTextFiles", "yes", Changed, "text is examined as well"),
    known("SkipPlainTextFiles", "", Taken, "text is examined as well"),
    known("ScanFiles", "", Taken, "files are scanned"),
    known("ScanBootSectors", "yes", LessProtection, "boot sectors are not read by candor scan"),
    known("ScanBootSectors", "", LeftOut, "boot sectors are not read by candor scan"),
    known("ScanComputerMemory", "yes", LessProtection, "the memory of processes is not scanned"),
    known("ScanComputerMemory", "", LeftOut, "the memory of processes is not scanned"),
    known(
        "ScanStartupObjects",
        "yes",
        Changed,
        "files that start with the machine are scanned where a scope has them",
    ),
    known("ScanStartupObjects", "", LeftOut, "it was off"),
    known("FirstAction", "", Changed, DECIDED),
    known("SecondAction", "", Changed, DECIDED),
    known("InterceptorProtectionMode", "", LeftOut, "files are not looked at when programs open them"),
    known("ScanByAccessType", "", LeftOut, "files are not looked at when programs open them"),
    known("UseAnalyzer", "", Changed, "heuristics are always on"),
    known("HeuristicLevel", "", Changed, "heuristics have one level"),
    known("UseIChecker", "", LeftOut, SPEED),
    known("UseExcludeMasks", "", Taken, "see ExcludeMasks"),
    known("ExcludeMasks", "", LeftOut, "see UseExcludeMasks"),
    known(
        "UseExcludeThreats",
        "yes",
        LeftOut,
        "names of threats are the vendor's; use `candor rules disable` for ours",
    ),
    known("UseExcludeThreats", "", LeftOut, "it was off"),
    known(
        "ExcludeThreats",
        "",
        LeftOut,
        "names of threats are the vendor's; use `candor rules disable` for ours",
    ),
    known("ReportCleanObjects", "", LeftOut, ALL),
    known("ReportPackedObjects", "", LeftOut, ALL),
    known("ReportUnprocessedObjects", "", Changed, "what could not be examined is always told, as a gap"),
    known("ScanPriority", "", Changed, "units that are made here run with the least priority"),
    known("DeviceNameMasks", "", LeftOut, "see ScanBootSectors"),
    known(
        "UseGlobalExclusions",
        "",
        LeftOut,
        "mount points that are excluded concern files that programs open",
    ),
    known("UseOASExclusions", "yes", LeftOut, "exclusions of a task are those that stand in it"),
    known("UseOASExclusions", "", LeftOut, "it was off"),
    known(
        "ExcludedMountPoint",
        "",
        LeftOut,
        "files are not looked at when programs open them, so nothing need be excluded",
    ),
    known("MemScanExcludedProgramPath", "", LeftOut, "the memory of processes is not scanned"),
    known("UseMemScanExcludedPrograms", "", LeftOut, "the memory of processes is not scanned"),
    known("UseKSN", "no", Taken, CLOUD),
    known("UseKSN", "", LessProtection, CLOUD),
    known("CloudMode", "", LeftOut, CLOUD),
    known("UseMDR", "yes", LessProtection, "the vendor's analysts are not there any more"),
    known("UseMDR", "", LeftOut, "it was off"),
    known("DetectOtherObjects", "yes", Taken, "unwanted programs are reported: policy.report_unwanted"),
    known(
        "DetectOtherObjects",
        "",
        Changed,
        "unwanted programs are reported; policy.report_unwanted = false changes that",
    ),
    known("NamespaceMonitoring", "", LeftOut, "containers are scanned as images: candor scan FILE"),
    known("FileBlockDuringScan", "", LeftOut, "files are not looked at when programs open them"),
    known("MaxEventsNumber", "", LeftOut, "events go to the log, and are kept as long as it keeps them"),
    known("UseSyslog", "", LeftOut, "the log goes to standard error, which systemd puts into the journal"),
    known(
        "LimitNumberOfScanFileTasks",
        "",
        LeftOut,
        "any number of scans may run; candord has service.queue",
    ),
    known("UseOnDemandCPULimit", "", Changed, "units that are made here run when nothing else does"),
    known("OnDemandCPULimit", "", Changed, "units that are made here run when nothing else does"),
    known("EncryptedConnectionsScan", "yes", LessProtection, TLS),
    known("EncryptedConnectionsScan", "", LeftOut, TLS),
    known("EncryptedConnectionsScanErrorAction", "", LeftOut, TLS),
    known("CertificateVerificationPolicy", "", LeftOut, TLS),
    known("UntrustedCertificateAction", "", LeftOut, TLS),
    known("ManageExclusions", "", LeftOut, TLS),
    known("MonitorNetworkPorts", "", LeftOut, TLS),
    known(
        "SourceType",
        "",
        LeftOut,
        "updates come from the mirrors of update.toml; the vendor's have no use here",
    ),
    known("ConnectionTimeout", "", LeftOut, "mirrors are tried in turn"),
    known("ApplicationUpdateMode", "", LeftOut, "the program is updated by the package manager"),
    known("UseKLServersWhenUnavailable", "", LeftOut, "updates come from the mirrors of update.toml"),
];

/// Settings of the program itself.
const PROGRAM: [&str; 14] = [
    "SambaConfigPath",
    "NfsExportPath",
    "TraceLevel",
    "TraceFolder",
    "TraceMaxFileCount",
    "TraceMaxFileSize",
    "BlockFilesGreaterMaxFileNamePath",
    "EventsStoragePath",
    "BackupDaysToLive",
    "BackupSizeLimit",
    "BackupFolder",
    "Locale",
    "PackageType",
    "ConfigurationVersion",
];

/// What becomes of a setting of that name and value.
pub(super) fn known_setting(name: &str, value: &str) -> Option<(Fate, &'static str)> {
    if PROGRAM.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Some((LeftOut, OWN));
    }
    let value = value.to_ascii_lowercase();
    let fits = |known: &&Known| {
        known.name.eq_ignore_ascii_case(name) && known.value.is_none_or(|wanted| wanted == value)
    };
    KNOWN.iter().find(fits).map(|known| (known.fate, known.text))
}
