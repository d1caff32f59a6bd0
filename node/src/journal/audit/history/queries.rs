//! What a journal says of queries: that they were admitted, refused, answered.

use std::collections::BTreeSet;

use symbolon_policy::{
    ask::Ask,
    permit::RefusalCode,
    quota::{self, Charge},
    receipt::SignedReceipt,
    signing::{Document as _, Signature},
};

use super::{Case, DELAY, Fault, History};
use crate::journal::{Entry, Side, audit::claims::Place};

impl History {
    pub(super) fn query(
        &mut self,
        entry: &Entry,
        side: Side,
        ask: &Ask,
        signature: &Signature,
        charges: &[Charge],
    ) {
        let (seq, query) = (entry.seq, ask.query);
        let stands = self.check(seq, "query", ask, &ask.agreement, &ask.asker, signature);
        if let Some(held) = self.agreements.get(&ask.agreement) {
            let terms = &held.terms;
            let before = entry.time.plus(-DELAY);
            let holds = !held.revoked && before < terms.valid_until && entry.time >= terms.valid_from;
            let due = [entry.time, before].iter().any(|at| quota::charges(terms, ask, *at) == charges);
            if !holds {
                self.violation(seq, Fault::NotInForce { query });
            }
            if !due {
                self.violation(seq, Fault::Charges { query });
            }
        }
        for charge in charges {
            let spent = self.meters.entry(charge.key.clone()).or_default();
            *spent = spent.saturating_add(charge.amount);
            let (spent, limit) = (*spent, charge.limit);
            let spent = spent.saturating_add(self.spent_before(charge));
            if spent > limit {
                self.violation(seq, Fault::Overspent { query, spent, limit });
            }
        }
        if side == Side::Asker && !self.officers.stand_for(ask, entry.time) {
            self.violation(seq, Fault::Unsigned { query, officer: ask.officer.clone() });
        }
        if side == Side::Asker
            && let Some(overdue) = self.hits.unsaid(ask, &self.before(&ask.agreement))
        {
            let problem = format!("it says that {} hits were overdue, and {overdue} were", ask.unexplained);
            self.violation(seq, Fault::Hits { query, problem });
        }
        if !stands {
            return;
        }
        if self.cases.get(&(side, query)).is_some_and(Case::is_paid) {
            self.violation(seq, Fault::AskedTwice { query });
        } else {
            // A query that was refused may be asked anew, in new words.
            self.cases.remove(&(side, query));
            if let Some(case) = self.case(entry, side, ask) {
                case.begun = Some(seq);
                if side == Side::Asker {
                    case.charges = charges.to_vec();
                }
            }
        }
    }

    pub(super) fn refused(
        &mut self,
        entry: &Entry,
        side: Side,
        ask: &Ask,
        signature: &Signature,
        code: RefusalCode,
    ) {
        // A node journals no refusal of words that are not the asker's own.
        if !self.check(entry.seq, "query", ask, &ask.agreement, &ask.asker, signature) {
            return;
        }
        self.give_back(entry, side, ask);
        // An altered retry says nothing about the query whose name it bears.
        if code == RefusalCode::AlteredRetry {
            return;
        }
        if let Some(case) = self.case(entry, side, ask) {
            case.refused = Some(code);
        }
    }

    /// What this agency paid for a query that its partner refused costs nothing, as in the state of the node; but not
    /// if the query had ended before.
    fn give_back(&mut self, entry: &Entry, side: Side, ask: &Ask) {
        let case = self.cases.get_mut(&(side, ask.query));
        let Some(case) = case.filter(|case| {
            side == Side::Asker
                && case.is_paid()
                && !case.failed
                && case.receipt.is_none()
                && ask.digest().ok() == Some(case.ask)
        }) else {
            return;
        };
        case.given_back = true;
        (case.seq, case.last) = (entry.seq, entry.time);
        for Charge { key, amount, .. } in std::mem::take(&mut case.charges) {
            if let Some(spent) = self.meters.get_mut(&key) {
                *spent = spent.saturating_sub(amount);
            }
        }
    }

    pub(super) fn receipt(&mut self, entry: &Entry, side: Side, signed: &SignedReceipt, both: bool) {
        let seq = entry.seq;
        let ask = &signed.receipt.ask;
        let query = ask.query;
        let keys = self.key(&ask.agreement, &ask.holder).zip(self.key(&ask.agreement, &ask.asker));
        let Some((holder, asker)) = keys else {
            return self.violation(seq, Fault::UnknownAgreement { agreement: ask.agreement });
        };
        let stands = signed.verify(&holder, &asker).map_err(|error| error.to_string());
        let stands = stands.and(if both && signed.asker.is_none() {
            Err("the asker has not signed".to_owned())
        } else {
            Ok(())
        });
        if let Err(problem) = stands {
            return self.violation(seq, Fault::Signature { document: "receipt".to_owned(), problem });
        }
        let Ok(digest) = signed.digest() else { return };
        if !self.cases.get(&(side, query)).is_some_and(Case::is_paid) {
            return self.violation(seq, Fault::Unfounded { query, missing: "query".to_owned() });
        }
        let Some(case) = self.case(entry, side, ask) else { return };
        if !both {
            case.answered.insert(digest);
            return;
        }
        let before = case.receipt.replace(digest);
        case.charges = Vec::new();
        let answered = side == Side::Asker || case.answered.contains(&digest);
        let nothing = case.answered.is_empty();
        if before.is_some_and(|before| before != digest) || (!answered && !nothing) {
            self.violation(seq, Fault::OtherReceipt { query });
        } else if !answered {
            self.violation(seq, Fault::Unfounded { query, missing: "answer".to_owned() });
        }
    }

    /// The case of a query, opened if this is the first entry about it. `None` if the entry does not
    /// fit it; that is then a finding.
    pub(super) fn case(&mut self, entry: &Entry, side: Side, ask: &Ask) -> Option<&mut Case> {
        let query = ask.query;
        let own = match side {
            Side::Asker => &ask.asker,
            Side::Holder => &ask.holder,
        };
        if self.agency.as_ref() != Some(own) {
            self.violation(entry.seq, Fault::WrongSide { query });
            return None;
        }
        let digest = ask.digest().ok()?;
        let known = self.cases.get(&(side, query));
        if known.is_some_and(|case| case.is_paid() && case.ask != digest) {
            self.violation(entry.seq, Fault::OtherAsk { query });
            return None;
        }
        let case = self.cases.entry((side, query)).or_insert_with(|| Case {
            asker: ask.asker.clone(),
            holder: ask.holder.clone(),
            purpose: ask.purpose,
            items: ask.items,
            ask: digest,
            begun: None,
            refused: None,
            failed: false,
            charges: Vec::new(),
            given_back: false,
            answered: BTreeSet::new(),
            receipt: None,
            seq: entry.seq,
            last: entry.time,
        });
        (case.seq, case.last) = (entry.seq, entry.time);
        Some(case)
    }
}

impl Case {
    /// Where the journal spoke of it last.
    pub(in crate::journal::audit) fn place(&self) -> Place {
        Place { seq: self.seq, time: self.last }
    }

    /// Whether it was paid for and still is.
    fn is_paid(&self) -> bool {
        self.begun.is_some() && !self.given_back
    }
}
