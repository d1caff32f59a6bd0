//! Whether what was opened in claims proves that the asker opened something false.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use symbolon_policy::{
    claim::{Claim, opening_digest},
    signing::{self, Document as _},
    words::Digest,
};

use super::{
    super::{Judged, judge},
    Check,
};
use crate::journal::{Event, Side};

impl Check<'_> {
    /// What an entry says was opened falsely must be what the claim was signed for, and must not make the query.
    ///
    /// One claim may have been broken off several times, and a partner may use its name for other words: each entry is
    /// judged by itself, and what does not fit one of them says nothing about it.
    pub(super) fn openings(&mut self) {
        let bundle = self.bundle;
        let mut left: BTreeSet<Digest> = bundle.openings.keys().copied().collect();
        for (place, proved) in bundle.entries.iter().enumerate() {
            // Only the holder is shown an opening; where this agency claimed, its partner broke the protocol otherwise.
            let Event::ClaimFailed { side: Side::Holder, claim, signature, partner_at_fault, opened, .. } =
                &proved.entry.event
            else {
                continue;
            };
            if opened.is_none() && !partner_at_fault {
                continue;
            }
            let at = format!("entries[{place}]");
            let Ok(words) = claim.digest() else { continue };
            let key = self.keys.get(&claim.asker);
            if key.is_none_or(|key| signing::verify(claim, key, signature).is_err()) {
                self.problem(at, "the claim is not signed by the asker");
            } else if opened.is_some_and(|opened| opened != claim.opening) {
                self.problem(at, "what it says was opened is not what the claim was signed for");
            } else if self.opening(claim, &words, *opened) {
                left.remove(&words);
            }
        }
        for words in left {
            self.problem(
                format!("openings.{words}"),
                "it is not what a claim was signed for that was broken off for it",
            );
        }
    }

    /// Says what an entry shows, or what is wrong with it; whether it takes what is opened in the bundle.
    fn opening(&mut self, claim: &Claim, words: &Digest, opened: Option<Digest>) -> bool {
        let asker = &claim.asker;
        let bytes = self.bundle.openings.get(words).and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok());
        let bytes = bytes.filter(|bytes| opening_digest(bytes) == claim.opening);
        let judged = bytes.map(|bytes| judge(claim, &bytes, &self.asks));
        let shown = match (judged, opened) {
            (Some(Judged::False), _) => {
                format!(
                    "PROVED: {asker} signed a claim over something that does not make the query it signed"
                )
            }
            (Some(Judged::Unseen), _) => format!(
                "{asker} signed a claim over what is in the bundle; whether it makes the query, only the keys of the \
                 match show"
            ),
            (Some(Judged::True), Some(_)) => {
                self.problem(
                    format!("openings.{words}"),
                    "what was opened makes the query, so nothing false was opened",
                );
                return true;
            }
            (Some(Judged::Unasked), Some(_)) => {
                self.problem(format!("openings.{words}"), "the query that was claimed is not here");
                return true;
            }
            (None, Some(_)) => {
                format!("{asker} is said to have opened something false; what it opened is not here")
            }
            (_, None) => {
                self.shows.push(format!("{asker} is said to have broken the protocol in a claim"));
                return false;
            }
        };
        self.shows.push(shown);
        judged.is_some()
    }
}
