//! Hits of own queries of which nothing became yet, in the order in which they are due.

use symbolon_policy::words::{AgreementId, ClaimId, QueryId, Timestamp};

use super::{Accepted, Key, Query, Stage, State, apply::put, decode, failure};
use crate::{control::api::Failure, hits::Hits, journal::Side};

impl State {
    /// The hits of every own query that had any.
    ///
    /// # Errors
    /// A local [`Failure`]; so below.
    pub(crate) fn hits(&self) -> Result<Vec<Hits>, Failure> {
        self.scan(&Key::all_hits())
    }

    /// Whether an own query was answered, and then this node was stopped before its hits were noted.
    pub(crate) fn unseen(&self, query: &QueryId) -> Result<bool, Failure> {
        Ok(self.get::<QueryId>(&Key::unseen(query))?.is_some())
    }

    /// How many hits under an agreement were neither claimed nor explained in time.
    pub(super) fn overdue_hits(&self, agreement: &AgreementId, now: Timestamp) -> Result<u64, Failure> {
        let mut overdue = 0_u64;
        // In the order in which they are due, so nothing is read that is not.
        for item in self.db.scan_prefix(Key::open_hits(agreement).bytes()) {
            let (due, open): (Timestamp, u64) = decode(&item.map_err(failure)?.1)?;
            if now <= due {
                break;
            }
            overdue = overdue.saturating_add(open);
        }
        Ok(overdue)
    }

    pub(super) fn hits_seen(
        &self,
        batch: &mut sled::Batch,
        query: &QueryId,
        items: &[u32],
    ) -> Result<(), Failure> {
        batch.remove(Key::unseen(query).bytes());
        let Some(Query { stage: Stage::Done(receipt), ask, .. }) = self.query(Side::Asker, query)? else {
            return Ok(());
        };
        if items.is_empty() {
            return Ok(());
        }
        let accepted = self.get::<Accepted>(&Key::agreement(&ask.agreement))?;
        let terms = accepted.and_then(|accepted| accepted.agreement.terms.claims);
        keep(batch, &Hits::new(&receipt.receipt, terms.as_ref(), items.to_vec()))
    }

    pub(super) fn hits_claimed(&self, batch: &mut sled::Batch, claim: &ClaimId) -> Result<(), Failure> {
        let Some(made) = self.claim(Side::Asker, claim)? else { return Ok(()) };
        let claim = made.case.claim;
        self.follow_hits(batch, &claim.query, |hits| hits.claimed(&claim))
    }

    pub(super) fn follow_hits(
        &self,
        batch: &mut sled::Batch,
        query: &QueryId,
        change: impl FnOnce(&mut Hits),
    ) -> Result<(), Failure> {
        let Some(mut hits) = self.get::<Hits>(&Key::hits(query))? else { return Ok(()) };
        change(&mut hits);
        keep(batch, &hits)
    }
}

fn keep(batch: &mut sled::Batch, hits: &Hits) -> Result<(), Failure> {
    put(batch, Key::hits(&hits.query), hits)?;
    let Some(due) = hits.due else { return Ok(()) };
    let (key, open) = (Key::open_hit(&hits.agreement, due, &hits.query), hits.open().len() as u64);
    if open == 0 {
        batch.remove(key.bytes());
        return Ok(());
    }
    put(batch, key, &(due, open))
}
