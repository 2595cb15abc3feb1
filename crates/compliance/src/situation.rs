//! Who asks, where, for what, and when.

use jiff::Timestamp;

use crate::words::usual_activities;

/// The circumstances that rules ask about. What is not known is not guessed: it makes a ruling a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// As whom: `user`, `reseller`, `integrator`, `contractor`, `agency`, `exporter`, `subsidy-recipient`.
    pub role: String,
    /// What person in law: `us`, or `none`.
    pub person: Option<String>,
    /// The country, by ISO 3166-1 alpha-2.
    pub place: Option<String>,
    /// The class of device: `mobile`, `laptop`, `server`.
    pub device: Option<String>,
    /// The class of system: `intelligence`, `sci`, `national-security`.
    pub system: Option<String>,
    /// What is done or planned; empty for what the role usually does.
    pub activities: Vec<String>,
    /// The instant.
    pub at: Timestamp,
    /// Qualifiers: `purely-informational`, `previously-authorised`, `substantial-component`.
    pub purposes: Vec<String>,
    /// When the contract was made that it is done under.
    pub contract: Option<Timestamp>,
    /// When it was found, which is when periods for reports begin; the instant if not given.
    pub discovered: Option<Timestamp>,
}

impl Situation {
    /// A situation of which only this is known.
    pub fn new(role: &str, at: Timestamp) -> Self {
        Self {
            role: role.to_owned(),
            person: None,
            place: None,
            device: None,
            system: None,
            activities: Vec::new(),
            at,
            purposes: Vec::new(),
            contract: None,
            discovered: None,
        }
    }

    /// The activities that it is about.
    pub fn done(&self) -> Vec<String> {
        if !self.activities.is_empty() {
            return self.activities.clone();
        }
        usual_activities(&self.role).iter().map(|activity| (*activity).to_owned()).collect()
    }

    /// Whether a party that rules bind is who asks.
    pub(crate) fn is(&self, party: &str) -> bool {
        party == self.role
            || party == "any-person"
            || (party == "us-person" && self.person.as_deref() == Some("us"))
    }
}
