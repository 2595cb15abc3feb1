//! The words of rules, so that a slip of the pen is told. Rules may define words of their own.

/// A kind of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// What is done.
    Activity,
    /// Who does it, or is bound.
    Role,
    /// What else qualifies it.
    Purpose,
    /// A class of device.
    Device,
    /// A class of system.
    System,
}

impl Word {
    /// The words for words.
    pub(crate) const KINDS: [(&'static str, Self); 5] = [
        ("activity", Self::Activity),
        ("role", Self::Role),
        ("purpose", Self::Purpose),
        ("device", Self::Device),
        ("system", Self::System),
    ];
}

/// All words that rules may use without defining them.
pub const WORDS: &[(Word, &[&str])] = &[
    (
        Word::Activity,
        &[
            "new-agreement",
            "update",
            "operate-cloud",
            "resell",
            "license-for-resale",
            "integrate",
            "license-for-integration",
            "install",
            "use",
            "procure",
            "provide",
            "use-in-performance",
            "export",
            "hold",
            "deal",
            "authorise",
            "report",
        ],
    ),
    (
        Word::Role,
        &[
            "user",
            "reseller",
            "integrator",
            "contractor",
            "agency",
            "exporter",
            "subsidy-recipient",
            "applicant",
            "critical-operator",
            "any-person",
            "us-person",
            "subject",
        ],
    ),
    (
        Word::Purpose,
        &[
            "purely-informational",
            "previously-authorised",
            "substantial-component",
            "interconnection",
            "cannot-see-data",
            "national-security",
            "law-enforcement",
            "waiver",
            "research",
            "security-purpose",
            "other-purpose",
            "equipment",
        ],
    ),
    (Word::Device, &["mobile", "laptop", "desktop", "server", "network", "uas"]),
    (Word::System, &["intelligence", "sci", "national-security", "federal", "classified"]),
];

/// What a role does if nothing else is said.
pub(crate) fn usual_activities(role: &str) -> &'static [&'static str] {
    match role {
        "reseller" => &["resell"],
        "integrator" => &["integrate"],
        "contractor" => &["use-in-performance", "provide"],
        "exporter" => &["export"],
        "subsidy-recipient" => &["procure"],
        "applicant" => &["authorise"],
        "subject" => &["new-agreement", "update", "operate-cloud"],
        _ => &["use"],
    }
}
