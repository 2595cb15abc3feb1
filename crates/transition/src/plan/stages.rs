//! The stages of a move, in the order of the days that they take.

/// A stage as it is before it has dates.
#[derive(Clone, Copy, Debug)]
pub struct StageKind {
    /// Its word.
    pub id: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// Where in the whole time it begins and ends, in hundredths. A rule's instant counts more.
    pub share: (i32, i32),
}

const fn stage(id: &'static str, title: &'static str, from: i32, to: i32) -> StageKind {
    StageKind { id, title, share: (from, to) }
}

/// All of them.
pub const STAGES: [StageKind; 12] = [
    stage(
        "inventory",
        "Inventory: hosts, images, templates, appliances, bills of materials, contracts",
        0,
        10,
    ),
    stage("verdict", "Legal verdict for each product, rule and part that we play", 10, 20),
    stage("agreements", "No new agreement and no renewal, automatic ones included", 20, 30),
    stage("pilot", "Pilot hosts; settings and exclusions moved", 20, 40),
    stage("rings", "Rings: all other hosts", 40, 85),
    stage("images", "Templates, golden images and containers", 40, 85),
    stage("contracts", "Contracts, licences, suppliers and what they have inside", 20, 95),
    stage("remnants", "Remnants", 85, 95),
    stage("certificates", "Root certificates of the vendor out of all trust stores", 85, 95),
    stage("network", "Block rules for update and reputation hosts, but not for exempt ones", 85, 100),
    stage("last-update", "Last update: who still runs it is unprotected from here on", 100, 100),
    stage("evidence", "Evidence pack", 95, 100),
];
