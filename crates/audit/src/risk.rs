//! Risk facts of a sign-in, as the event of the sign-in records them.
//!
//! They are whole numbers and truth values, so that the stored text gives back exactly the facts that were
//! assessed, and a later replay with other weights starts from the same ones.

use serde::{Deserialize, Serialize};

use crate::RiskOutcome;

/// The facts about a sign-in with a right first proof. Nothing that a client writes freely is one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskFacts {
    /// True if the device cookie, which the server signed, is valid for the account.
    pub known_device: bool,
    /// True if the account was signed in to from this network prefix before.
    pub known_network: bool,
    /// The number of earlier sign-ins that the history holds.
    pub earlier_sign_ins: u32,
    /// The number of recent failed attempts of unknown devices for the account.
    pub account_failures: u32,
    /// The number of failed attempts from the network prefix in the last hour, for any name.
    pub network_failures: u32,
    /// The number of distinct names that failed from the network prefix in the last hour.
    pub network_names: u32,
    /// The share of earlier sign-ins at about this hour of the week, in thousandths; none if there are too
    /// few sign-ins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_hour_permille: Option<u16>,
    /// The way from the latest sign-in, if both positions are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub travel: Option<Travel>,
    /// True if the address is on the list of bad addresses.
    pub listed_address: bool,
}

/// The way from the latest sign-in to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Travel {
    /// The great-circle distance less both accuracy radii, in kilometres, rounded down.
    pub kilometres: u32,
    /// The time between the two sign-ins, in whole minutes, rounded down.
    pub minutes: u32,
}

/// The members of [`Details::Risk`](crate::Details::Risk), read back from a stored event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct RecordedRisk {
    /// The score under the weights of that time.
    pub score: u32,
    /// The outcome under the thresholds of that time.
    pub outcome: RiskOutcome,
    /// The facts.
    pub facts: RiskFacts,
}

impl RecordedRisk {
    /// Reads the stored details of an event; `None` if they are no [`Details::Risk`](crate::Details::Risk).
    pub fn from_details_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Details;

    const FACTS: RiskFacts = RiskFacts {
        known_device: true,
        known_network: false,
        earlier_sign_ins: 40,
        account_failures: 1,
        network_failures: 2,
        network_names: 3,
        usual_hour_permille: Some(25),
        travel: Some(Travel { kilometres: 1_200, minutes: 30 }),
        listed_address: true,
    };

    #[test]
    fn the_stored_text_gives_back_what_was_recorded() {
        let few = RiskFacts { usual_hour_permille: None, travel: None, ..FACTS };
        for (facts, outcome) in [
            (FACTS, RiskOutcome::Refused),
            (few, RiskOutcome::Challenged),
            (few, RiskOutcome::Allowed),
        ] {
            let text = Details::Risk { score: 70, outcome, facts }.to_json().unwrap();
            let expected = RecordedRisk { score: 70, outcome, facts };
            assert_eq!(RecordedRisk::from_details_json(&text), Some(expected));
        }
    }

    #[test]
    fn the_members_have_a_fixed_order() {
        let details = Details::Risk { score: 70, outcome: RiskOutcome::Refused, facts: FACTS };
        let facts = r#"{"known_device":true,"known_network":false,"earlier_sign_ins":40,"account_failures":1,"network_failures":2,"network_names":3,"usual_hour_permille":25,"travel":{"kilometres":1200,"minutes":30},"listed_address":true}"#;
        let text = format!(r#"{{"score":70,"outcome":"refused","facts":{facts}}}"#);
        assert_eq!(details.to_json(), Some(text));
    }

    #[test]
    fn other_details_are_no_risk() {
        for text in ["", "{}", r#"{"sessions_ended":1}"#, r#"{"score":1,"outcome":"allowed"}"#] {
            assert_eq!(RecordedRisk::from_details_json(text), None, "{text}");
        }
    }
}
