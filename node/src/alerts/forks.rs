//! Partners that showed a history which contradicts the one they had shown before.

use std::collections::BTreeMap;

use symbolon_policy::words::{AgencyCode, Timestamp};

use super::{Alert, Evaluation, Kind};

/// A contradiction that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fork {
    pub(crate) partner: AgencyCode,
    /// When.
    pub(crate) at: Timestamp,
    /// The note that the partner had shown before.
    pub(crate) before: String,
    /// What contradicts it, in words.
    pub(crate) text: String,
}

/// Tells of contradictions that began in the time from `from` to `now`. An honest node shows none, so this is no test that
/// could err by chance; it can be one that was restored from a backup.
pub(crate) fn forks(found: &mut Evaluation, seen: &[Fork], from: Timestamp, now: Timestamp) {
    let mut together: BTreeMap<(&AgencyCode, &str), Vec<&Fork>> = BTreeMap::new();
    for fork in seen {
        together.entry((&fork.partner, &fork.before)).or_default().push(fork);
    }
    for ((partner, _), forks) in together {
        let Some(begun) = forks.iter().map(|fork| fork.at).min() else { continue };
        if !(from..=now).contains(&begun) {
            continue;
        }
        let texts: Vec<&str> = forks.iter().map(|fork| fork.text.as_str()).collect();
        found.alerts.push(Alert {
            from: begun,
            to: begun.plus(1),
            kind: Kind::OtherHistory,
            partner: Some(partner.clone()),
            officer: None,
            claim: None,
            observed: forks.len() as u64,
            of: forks.len() as u64,
            chance: 0,
            text: format!("{}; `symbolon audit evidence {partner}` has the notes", texts.join("; ")),
        });
    }
}
