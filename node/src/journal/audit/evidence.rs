//! Evidence: what one journal holds about one query, one claim or one partner's fork, so that a third party can
//! verify it without either node.
//!
//! A bundle is the entries themselves, each with its path to the root of one checkpoint [RFC 6962, section
//! 2.1.1], and that checkpoint with its signatures. Who checks it needs the two agencies' public keys and nothing
//! else: signatures, charges, the order of steps are checked as [`super::verify`] checks a journal.
//!
//! It shows what it holds. That there is nothing else about the query it does not show; an export does.
//! Identifiers and fields are in it only where a partner opened something false: then what it opened is.

mod check;
mod gather;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    ask::Ask,
    claim::Claim,
    signing::PublicKey,
    words::{AgencyCode, ClaimId, Digest, QueryId},
};
use symbolon_protocol::exact;

use crate::journal::Entry;

pub use check::check;
pub(crate) use check::how;
pub use gather::{GatherError, gather};

/// What evidence is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// A query, and all claims of its hits.
    Query(QueryId),
    /// A claim and its query.
    Claim(ClaimId),
    /// A partner that showed two histories.
    Fork(AgencyCode),
}

/// An entry and its path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proved {
    /// The entry.
    pub entry: Entry,
    /// From the leaf to the root.
    pub path: Vec<Digest>,
}

/// A bundle of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The version of this form.
    pub evidence: u32,
    /// Whose journal the entries are of.
    pub agency: AgencyCode,
    /// What it is about.
    pub subject: Subject,
    /// The entries, in the order of the journal.
    pub entries: Vec<Proved>,
    /// The signed note that the paths lead to.
    pub checkpoint: String,
    /// What was opened in claims that were broken off for it, in hexadecimal digits, by the digest of the claim's words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub openings: BTreeMap<Digest, String>,
}

impl Bundle {
    /// The version that this program reads and writes.
    pub const VERSION: u32 = 2;
}

/// Something in a bundle that does not stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where, as a path in the bundle.
    pub at: String,
    /// What.
    pub what: String,
}

/// What a bundle shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whose journal the entries are of.
    pub agency: AgencyCode,
    /// What it is about.
    pub subject: Subject,
    /// Entries of the journal that the checkpoint covers.
    pub size: u64,
    /// Partners that countersigned the checkpoint.
    pub countersigned: Vec<AgencyCode>,
    /// The keys that signatures were checked against. People compare them.
    pub keys: BTreeMap<AgencyCode, PublicKey>,
    /// What is shown, in words, if nothing is wrong.
    pub shows: Vec<String>,
    /// What does not stand.
    pub problems: Vec<Problem>,
}

impl Verdict {
    /// Whether everything stands.
    pub fn stands(&self) -> bool {
        self.problems.is_empty()
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subject = match &self.subject {
            Subject::Query(query) => format!("query {query}"),
            Subject::Claim(claim) => format!("claim {claim}"),
            Subject::Fork(partner) => format!("histories of {partner}"),
        };
        writeln!(f, "evidence about {subject}, from the journal of {}", self.agency)?;
        for (code, key) in &self.keys {
            writeln!(f, "key of {code}: {key}")?;
        }
        match self.countersigned.as_slice() {
            [] => writeln!(f, "checkpoint of {} entries, NOT countersigned by a partner", self.size)?,
            partners => {
                let partners: Vec<_> = partners.iter().map(AgencyCode::as_str).collect();
                writeln!(f, "checkpoint of {} entries, countersigned by {}", self.size, partners.join(", "))?;
            }
        }
        // Reasons are a partner's words: a line break in one must not begin a finding of its own.
        let line = |text: &str| text.replace(char::is_control, " ");
        for shown in &self.shows {
            writeln!(f, "- {}", line(shown))?;
        }
        for Problem { at, what } in &self.problems {
            writeln!(f, "DOES NOT STAND: {at}: {}", line(what))?;
        }
        f.write_str(if self.stands() { "the evidence stands" } else { "THE EVIDENCE DOES NOT STAND" })
    }
}

/// What was opened in a claim, beside what was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// It makes the query.
    True,
    /// It does not.
    False,
    /// Only the keys of the match show it.
    Unseen,
    /// The query that is claimed is not known.
    Unasked,
}

/// Judges what was opened in a claim, which was signed for it.
fn judge(claim: &Claim, bytes: &[u8], asks: &[&Ask]) -> Judged {
    // The asker's own query under that id, not one that somebody else signed. It may have asked anew under it what was
    // refused before: any of the two that is opened will do.
    let asked = (claim.agreement, &claim.asker, &claim.holder, claim.query);
    let asks: Vec<&Ask> = asks
        .iter()
        .filter(|ask| (ask.agreement, &ask.asker, &ask.holder, ask.query) == asked)
        .copied()
        .collect();
    if asks.is_empty() {
        return Judged::Unasked;
    }
    if asks.iter().any(|ask| ask.matching.is_some()) {
        return Judged::Unseen;
    }
    let opened = exact::Opened::from_bytes(bytes);
    let makes = opened.is_ok_and(|opened| {
        asks.iter().any(|ask| {
            let items = opened.replay(&ask.digest.0);
            items.is_ok_and(|items| items.iter().map(|(place, _)| place).eq(&claim.items))
        })
    });
    if makes { Judged::True } else { Judged::False }
}

#[cfg(test)]
mod tests;
