//! All options of clamd.conf from ClamAV 1.4.6, with those of 1.5 and 1.6, and what becomes of each here.

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is put into the settings.
    Used,
    /// It has no meaning here, because ...
    Pointless(&'static str),
    /// What it asks for is not done (yet).
    Missing(&'static str),
}

use Fate::{Missing, Pointless, Used};

const ALWAYS_LOOKED_INTO: Fate = Missing("content of this kind is always looked into");
const OWN_LIMITS: Fate =
    Pointless("content is bounded by MaxScanSize, MaxFileSize, MaxFiles and MaxScanTime alone");
const NO_BYTECODE: Fate = Pointless("bytecode signatures are not run");
const ON_ACCESS: Fate = Missing("scanning on access is not configured here");
const PATTERNS_ARE_BOUNDED: Fate = Pointless("patterns cannot backtrack and need no such limit");
const GAP: Fate = Pointless("damaged content is always told as a gap; see the setting gaps");
const NO_TEMPORARY_FILES: Fate = Pointless("what is taken out of content is never written to a file");
const LOG_FILE: Fate = Pointless("the log goes to standard error or a file, and others rotate it");
const REMOVED: Fate = Pointless("ClamAV has removed it");
const METADATA: Fate = Pointless("a report is made of every scan; clamd's protocol has no place for it");
const PERSONAL: Fate = Missing("card and social security numbers are not looked for");
const AUTHENTICODE: Fate = Missing("publishers are not checked");

/// The options by name, sorted.
pub(super) const OPTIONS: [(&str, Fate); 157] = [
    ("AlertBrokenExecutables", GAP),
    ("AlertBrokenMedia", GAP),
    ("AlertEncrypted", Used),
    ("AlertEncryptedArchive", Used),
    ("AlertEncryptedDoc", Used),
    ("AlertExceedsMax", Used),
    ("AlertOLE2Macros", Missing("macros are looked into, and not reported for being there")),
    ("AlertPartitionIntersection", GAP),
    ("AlertPhishingCloak", Used),
    ("AlertPhishingSSLMismatch", Used),
    ("AlgorithmicDetection", Missing("heuristics cannot be switched off as a whole")),
    ("AllowAllMatchScan", Used),
    ("AllowSupplementaryGroups", REMOVED),
    ("ArchiveBlockEncrypted", Used),
    ("ArchiveBlockMax", REMOVED),
    ("ArchiveLimitMemoryUsage", REMOVED),
    ("ArchiveMaxCompressionRatio", REMOVED),
    ("ArchiveMaxFileSize", REMOVED),
    ("ArchiveMaxFiles", REMOVED),
    ("ArchiveMaxRecursion", REMOVED),
    ("ArchiveMaxScanSize", REMOVED),
    ("Bytecode", NO_BYTECODE),
    ("BytecodeMode", NO_BYTECODE),
    ("BytecodeSecurity", NO_BYTECODE),
    ("BytecodeTimeout", NO_BYTECODE),
    ("BytecodeUnsigned", NO_BYTECODE),
    ("CVDCertsDirectory", Pointless("whoever compiles the database checks signatures")),
    ("CacheSize", Used),
    ("CommandReadTimeout", Used),
    ("ConcurrentDatabaseReload", Pointless("scans always go on while databases are opened")),
    ("CrossFilesystems", Used),
    (
        "DatabaseDirectory",
        Missing("compile it with `candor db build` and name the result in `database.files`"),
    ),
    ("Debug", Used),
    ("DetectBrokenExecutables", REMOVED),
    ("DetectPUA", Used),
    ("DevACDepth", REMOVED),
    ("DevACOnly", REMOVED),
    ("DevLiblog", REMOVED),
    ("DevPerformance", REMOVED),
    ("DisableCache", Used),
    ("DisableCertCheck", AUTHENTICODE),
    ("EnableReloadCommand", Used),
    ("EnableSelfCheckCommand", Pointless("the command SELFCHECK of ClamAV 1.6 is not known")),
    ("EnableShutdownCommand", Used),
    ("EnableStatsCommand", Missing("STATS tells nothing about others and is always answered")),
    ("EnableVersionCommand", Missing("VERSION is always answered")),
    ("Example", Used),
    ("ExcludePUA", Missing("unwanted programs are reported or not, whatever their category")),
    ("ExcludePath", Used),
    ("ExitOnOOM", Pointless("a worker that has no memory left costs one scan and is replaced")),
    ("ExtendedDetectionInfo", Pointless("the log always has it")),
    ("FIPSCryptoHashLimits", Pointless("whoever compiles the database checks signatures")),
    ("FailIfCvdOlderThan", Missing("the age of a database is not known")),
    ("FixStaleSocket", Pointless("a socket that nobody listens on is always replaced")),
    ("FollowDirectorySymlinks", Used),
    ("FollowFileSymlinks", Used),
    ("ForceToDisk", NO_TEMPORARY_FILES),
    ("Foreground", Pointless("the service always stays in the foreground")),
    ("GenerateMetadataJson", METADATA),
    ("HeuristicAlerts", Missing("heuristics cannot be switched off as a whole")),
    (
        "HeuristicScanPrecedence",
        Pointless("a scan ends when everything was looked at; the worst is told first"),
    ),
    ("IdleTimeout", Pointless("no threads wait for connections")),
    ("IncludePUA", Missing("unwanted programs are reported or not, whatever their category")),
    ("JsonStoreExtraHashes", METADATA),
    ("JsonStoreHTMLURIs", METADATA),
    ("JsonStorePDFURIs", METADATA),
    ("LeaveTemporaryFiles", NO_TEMPORARY_FILES),
    ("LocalSocket", Used),
    ("LocalSocketGroup", Missing("put the socket into a folder that only the group may enter")),
    ("LocalSocketMode", Used),
    ("LogClean", Missing("scans without a finding are logged at level debug")),
    ("LogFacility", Missing("use a service manager that takes standard error to the system log")),
    ("LogFile", Used),
    ("LogFileMaxSize", LOG_FILE),
    ("LogFileUnlock", LOG_FILE),
    ("LogRotate", LOG_FILE),
    ("LogSyslog", Missing("use a service manager that takes standard error to the system log")),
    ("LogTime", Pointless("the log always has it")),
    ("LogVerbose", Used),
    ("MailFollowURLs", REMOVED),
    ("MailMaxRecursion", REMOVED),
    ("MaxConnectionQueueLength", Pointless("the kernel's default is kept")),
    ("MaxDirectoryRecursion", Used),
    ("MaxEmbeddedPE", OWN_LIMITS),
    ("MaxFileSize", Used),
    ("MaxFiles", Used),
    ("MaxHTMLNoTags", OWN_LIMITS),
    ("MaxHTMLNormalize", OWN_LIMITS),
    ("MaxIconsPE", OWN_LIMITS),
    ("MaxPartitions", OWN_LIMITS),
    ("MaxQueue", Used),
    ("MaxRecHWP3", OWN_LIMITS),
    ("MaxRecursion", Used),
    ("MaxScanSize", Used),
    ("MaxScanTime", Used),
    ("MaxScriptNormalize", OWN_LIMITS),
    ("MaxThreads", Used),
    ("MaxZipTypeRcg", OWN_LIMITS),
    ("OLE2BlockMacros", Missing("macros are looked into, and not reported for being there")),
    ("OfficialDatabaseOnly", Missing("what is in the database is used")),
    ("OnAccessCurlTimeout", ON_ACCESS),
    ("OnAccessDenyOnError", ON_ACCESS),
    ("OnAccessDisableDDD", ON_ACCESS),
    ("OnAccessExcludePath", ON_ACCESS),
    ("OnAccessExcludeRootUID", ON_ACCESS),
    ("OnAccessExcludeUID", ON_ACCESS),
    ("OnAccessExcludeUname", ON_ACCESS),
    ("OnAccessExtraScanning", ON_ACCESS),
    ("OnAccessIncludePath", ON_ACCESS),
    ("OnAccessMaxFileSize", ON_ACCESS),
    ("OnAccessMaxThreads", ON_ACCESS),
    ("OnAccessMountPath", ON_ACCESS),
    ("OnAccessPrevention", ON_ACCESS),
    ("OnAccessRetryAttempts", ON_ACCESS),
    ("PCREMatchLimit", PATTERNS_ARE_BOUNDED),
    ("PCREMaxFileSize", PATTERNS_ARE_BOUNDED),
    ("PCRERecMatchLimit", PATTERNS_ARE_BOUNDED),
    ("PartitionIntersection", GAP),
    ("PhishingAlwaysBlockCloak", Used),
    ("PhishingAlwaysBlockSSLMismatch", Used),
    ("PhishingScanURLs", Used),
    ("PhishingSignatures", Missing("what is in the database is used")),
    ("PidFile", Missing("the service is not started by scripts; a service manager knows its process")),
    ("PreludeAnalyzerName", REMOVED),
    ("PreludeEnable", REMOVED),
    ("ReadTimeout", Used),
    ("ScanArchive", ALWAYS_LOOKED_INTO),
    ("ScanELF", ALWAYS_LOOKED_INTO),
    ("ScanHTML", ALWAYS_LOOKED_INTO),
    ("ScanHWP3", ALWAYS_LOOKED_INTO),
    ("ScanImage", ALWAYS_LOOKED_INTO),
    ("ScanImageFuzzyHash", ALWAYS_LOOKED_INTO),
    ("ScanMail", ALWAYS_LOOKED_INTO),
    ("ScanOLE2", ALWAYS_LOOKED_INTO),
    ("ScanOnAccess", REMOVED),
    ("ScanOneNote", ALWAYS_LOOKED_INTO),
    ("ScanPDF", ALWAYS_LOOKED_INTO),
    ("ScanPE", ALWAYS_LOOKED_INTO),
    ("ScanPartialMessages", Missing("parts of a message in several mails are not put together")),
    ("ScanSWF", ALWAYS_LOOKED_INTO),
    ("ScanXMLDOCS", ALWAYS_LOOKED_INTO),
    ("SelfCheck", Missing("RELOAD, SIGHUP and SIGUSR2 open databases again; nothing looks by itself")),
    ("SendBufTimeout", Used),
    ("StreamMaxLength", Used),
    ("StreamMaxPort", Pointless("the command STREAM is gone from ClamAV as well")),
    ("StreamMinPort", Pointless("the command STREAM is gone from ClamAV as well")),
    ("StructuredCCOnly", PERSONAL),
    ("StructuredDataDetection", PERSONAL),
    ("StructuredMinCreditCardCount", PERSONAL),
    ("StructuredMinSSNCount", PERSONAL),
    ("StructuredSSNFormatNormal", PERSONAL),
    ("StructuredSSNFormatStripped", PERSONAL),
    ("TCPAddr", Used),
    ("TCPSocket", Used),
    ("TemporaryDirectory", Used),
    ("User", Used),
    ("VirusEvent", Missing("no program is run; read the log, or let the client act")),
];

/// What becomes of an option, if there is one of that name.
pub(super) fn fate(name: &str) -> Option<Fate> {
    OPTIONS
        .binary_search_by_key(&name, |(name, _)| name)
        .ok()
        .and_then(|place| OPTIONS.get(place))
        .map(|(_, fate)| *fate)
}
