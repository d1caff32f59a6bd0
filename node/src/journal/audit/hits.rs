//! Hits of own queries in one journal: what became of each, and whether queries said how many were overdue.

use std::collections::{BTreeMap, HashMap};

use symbolon_policy::{
    agreement::ClaimTerms,
    ask::Ask,
    claim::Claim,
    officer::ActKind,
    receipt::Receipt,
    rules::ExchangeKind,
    words::{AgreementId, QueryId, Timestamp},
};

use crate::hits::{self, Hits};

/// Hits as the journal tells of them so far.
#[derive(Default)]
pub(super) struct HitBook {
    /// Answered queries of which no hits were noted yet, with their exchange and number of items.
    answered: HashMap<QueryId, (Hits, ExchangeKind, u32)>,
    seen: HashMap<QueryId, Hits>,
    /// How many are open, in the order in which they are due.
    open: BTreeMap<(AgreementId, Timestamp, QueryId), u64>,
}

impl HitBook {
    /// An own query was answered.
    pub(super) fn answered(&mut self, receipt: &Receipt, terms: Option<&ClaimTerms>) {
        let ask = &receipt.ask;
        let hits = Hits::new(receipt, terms, Vec::new());
        self.answered.insert(ask.query, (hits, ask.exchange, ask.items));
    }

    /// Its hits were noted; says what is wrong with that.
    pub(super) fn seen(&mut self, query: &QueryId, items: &[u32]) -> Result<(), &'static str> {
        let (mut hits, exchange, asked) =
            self.answered.remove(query).ok_or("hits of a query that was not answered, or noted twice")?;
        if !hits::fit(items, exchange, asked) {
            return Err("hits at places that the query does not have");
        }
        hits.items = items.to_vec();
        self.count(&hits);
        self.seen.insert(*query, hits);
        Ok(())
    }

    /// Answered queries of which no hits were noted. A count has none.
    pub(super) fn unseen(&self) -> impl Iterator<Item = QueryId> {
        let unseen = self.answered.iter().filter(|(_, (_, exchange, _))| *exchange != ExchangeKind::Count);
        unseen.map(|(query, _)| *query)
    }

    /// An officer judged a hit.
    pub(super) fn judged(&mut self, act: &ActKind) {
        if let Some(query) = hits::judged(act) {
            self.follow(&query, |hits| hits.judged(act));
        }
    }

    /// A claim of this agency was answered.
    pub(super) fn claimed(&mut self, claim: &Claim) {
        self.follow(&claim.query, |hits| hits.claimed(claim));
    }

    /// How many hits, under its agreement and those `before` it, were overdue when a query was made that says fewer.
    pub(super) fn unsaid(&self, ask: &Ask, before: &[AgreementId]) -> Option<u64> {
        let under = |of: &AgreementId| -> u64 {
            let from = (*of, Timestamp(i64::MIN), QueryId([0; 16]));
            let open = self.open.range(from..);
            let overdue = open.take_while(|((agreement, due, _), _)| agreement == of && *due < ask.asked_at);
            overdue.map(|(_, open)| *open).sum()
        };
        let overdue: u64 = before.iter().chain([&ask.agreement]).map(under).sum();
        (overdue > u64::from(ask.unexplained)).then_some(overdue)
    }

    fn follow(&mut self, query: &QueryId, change: impl FnOnce(&mut Hits)) {
        let Some(mut hits) = self.seen.remove(query) else { return };
        change(&mut hits);
        self.count(&hits);
        self.seen.insert(*query, hits);
    }

    fn count(&mut self, hits: &Hits) {
        let Some(due) = hits.due else { return };
        let (key, open) = ((hits.agreement, due, hits.query), hits.open().len() as u64);
        if open == 0 {
            self.open.remove(&key);
        } else {
            self.open.insert(key, open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::world::World;

    /// An amendment does not clear what is overdue.
    #[test]
    fn hits_of_the_agreements_before_count_on() {
        let mut world = World::new();
        let (asked, _) = world.ask(3);
        let (_, receipt) = world.receipt(&asked, 9);
        let terms = ClaimTerms { claim_hours: 72, decide_hours: 48, most_records: 10 };
        let mut book = HitBook::default();
        book.answered(&receipt.receipt, Some(&terms));
        book.seen(&asked.query, &[0, 2]).unwrap();
        let late = asked.asked_at.plus(100 * Timestamp::HOUR);
        let under = |agreement, unexplained| Ask { agreement, unexplained, asked_at: late, ..asked.clone() };
        let next = AgreementId([8; 32]);
        assert_eq!(book.unsaid(&under(next, 0), &[]), None);
        assert_eq!(book.unsaid(&under(next, 1), &[asked.agreement]), Some(2));
        assert_eq!(book.unsaid(&under(next, 2), &[asked.agreement]), None);
        assert_eq!(book.unsaid(&under(asked.agreement, 0), &[]), Some(2));
    }
}
