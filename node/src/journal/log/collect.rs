//! Reading entries into lines. Entries about claims: `claims`; those that have a line of their own and no more: `others`.

mod claims;
mod others;

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::{
    agreement::{Agreement, ClaimTerms},
    ask::Ask,
    case::Case,
    permit::RefusalCode,
    receipt::SignedReceipt,
    rules::{Kind, RuleSet},
    words::{AgencyCode, AgreementId, ClaimId, Digest, QueryId},
};

use super::{
    AgreementLine, CanaryLine, ChangeLine, ClaimLine, FaultLine, JudgementLine, Log, OfficerLine,
    OpeningLine, Period, QueryLine, RefusalLine, Refused, Result, RulesLine, balance::Balances,
};
use crate::journal::{Entry, Event, Side, audit::Report};

/// Makes the log of a period from all entries of a journal, in their order.
pub struct Collector {
    period: Period,
    own: Option<AgencyCode>,
    log: Lines,
    /// The partner of each query, and its line; none of one before the period.
    queries: BTreeMap<(Side, QueryId), (AgencyCode, Option<usize>)>,
    /// Queries whose receipt both signed.
    settled: BTreeSet<(Side, QueryId)>,
    claims: BTreeMap<(Side, ClaimId), (Option<usize>, Option<Case>)>,
    terms: BTreeMap<AgreementId, Option<ClaimTerms>>,
    /// Of each amendment what it amends, as long as it has not taken its place.
    amends: BTreeMap<AgreementId, AgreementId>,
    balances: Balances,
}

#[derive(Default)]
struct Lines {
    queries: Vec<QueryLine>,
    refusals: Vec<RefusalLine>,
    claims: Vec<ClaimLine>,
    judgements: Vec<JudgementLine>,
    agreements: Vec<AgreementLine>,
    rules: Vec<RulesLine>,
    officers: Vec<OfficerLine>,
    changes: Vec<ChangeLine>,
    faults: Vec<FaultLine>,
    openings: Vec<OpeningLine>,
    canaries: Vec<CanaryLine>,
}

impl Collector {
    /// A collector of one period.
    pub fn new(period: Period) -> Self {
        Self {
            period,
            own: None,
            log: Lines::default(),
            queries: BTreeMap::new(),
            settled: BTreeSet::new(),
            claims: BTreeMap::new(),
            terms: BTreeMap::new(),
            amends: BTreeMap::new(),
            balances: Balances::default(),
        }
    }

    /// Ends the reading; `audited` is what the audit of the same entries found. `None` if they had no
    /// beginning.
    pub fn finish(self, audited: &Report) -> Option<Log> {
        self.end(audited.entries, audited.root, audited.is_clean())
    }

    /// Ends the reading of a journal of this size and root that was not audited, and so is not called clean.
    pub(crate) fn unaudited(self, (entries, root): (u64, Digest)) -> Option<Log> {
        self.end(entries, root, false)
    }

    fn end(self, entries: u64, root: Digest, clean: bool) -> Option<Log> {
        let Lines {
            queries,
            refusals,
            claims,
            judgements,
            mut agreements,
            rules,
            officers,
            changes,
            faults,
            openings,
            canaries,
        } = self.log;
        for line in &mut agreements {
            let ends = [Some(line.valid_until), line.revoked, line.amended];
            let end = ends.into_iter().flatten().min().unwrap_or(line.valid_until);
            line.in_force = line.valid_from < self.period.to.min(end) && end > self.period.from;
        }
        Some(Log {
            agency: self.own?,
            period: self.period,
            entries,
            root,
            clean,
            queries,
            refusals,
            claims,
            judgements,
            agreements,
            rules,
            officers,
            changes,
            faults,
            openings,
            canaries,
            balance: self.balances.lines(),
        })
    }

    /// Takes the next entry.
    pub fn take(&mut self, entry: &Entry) {
        let (seq, at) = (entry.seq, entry.time);
        let inside = self.period.contains(at);
        match &entry.event {
            Event::Begun { agency, .. } => self.own = Some(agency.clone()),
            Event::AgreementAccepted { agreement } => self.accepted(entry, agreement),
            Event::AgreementRevoked { revocation, .. } => {
                let amends = &self.amends;
                let over = |line: &&mut AgreementLine| {
                    // What would have amended it is void.
                    line.agreement == revocation.agreement
                        || amends.get(&line.agreement) == Some(&revocation.agreement)
                };
                if at < self.period.to {
                    let lines = self.log.agreements.iter_mut().filter(over);
                    lines.for_each(|line| line.revoked = line.revoked.or(Some(at)));
                }
                if inside {
                    let (agreement, by) = (revocation.agreement, revocation.by.clone());
                    let reason = revocation.reason.clone();
                    self.log.rules.push(RulesLine::Revoked { seq, at, agreement, by, reason });
                }
            }
            Event::AgreementAmended { agreement, amended } => {
                let (agreement, amended) = (*agreement, *amended);
                self.amends.remove(&agreement);
                if at < self.period.to {
                    let line = self.log.agreements.iter_mut().find(|line| line.agreement == amended);
                    line.into_iter().for_each(|line| line.amended = Some(at));
                }
                if inside {
                    self.log.rules.push(RulesLine::Amended { seq, at, agreement, amended });
                }
            }
            Event::NationalRules { text } if inside => {
                let rules = text.as_ref().and_then(|text| RuleSet::parse(text, Kind::National).ok());
                let rules = rules.map(|rules| rules.digest());
                self.log.rules.push(RulesLine::National { seq, at, set: text.is_some(), rules });
            }
            Event::OfficerEnrolled { officer } if inside => {
                let (officer, roles) = (officer.id.clone(), officer.roles.clone());
                self.log.officers.push(OfficerLine { seq, at, officer, roles, removed: None });
            }
            Event::OfficerRemoved { officer, reason } if inside => {
                let (officer, removed) = (officer.clone(), Some(reason.clone()));
                self.log.officers.push(OfficerLine { seq, at, officer, roles: Vec::new(), removed });
            }
            Event::Query { side, ask, .. } => self.query(entry, *side, ask, Result::Open),
            Event::Answered { receipt } => self.answered(entry, Side::Holder, receipt),
            Event::Receipt { side, receipt } => self.answered(entry, *side, receipt),
            Event::Refused { side, ask, code, clauses, .. } => {
                self.refused(entry, *side, ask, *code, clauses);
            }
            Event::Failed { side, query, partner_at_fault, reason } => {
                self.failed(entry, *side, query, partner_at_fault.then_some(reason));
            }
            Event::Claimed { .. }
            | Event::ClaimAnswered { .. }
            | Event::ClaimEnded { .. }
            | Event::ClaimRefused { .. }
            | Event::ClaimFailed { .. }
            | Event::CaseStep { .. }
            | Event::Released { .. } => self.claim(entry),
            Event::HitsSeen { query, items } => {
                let line = self.line(Side::Asker, query);
                line.into_iter().for_each(|line| line.hits = items.len() as u64);
            }
            Event::CanariesAsked { query, asked, found } if inside && *asked > 0 => {
                let (query, asked, found) = (*query, *asked, *found);
                let of =
                    self.line(Side::Asker, &query).map(|line| (line.holder.clone(), line.register.clone()));
                let Some((partner, register)) = of else { return };
                self.log.canaries.push(CanaryLine { seq, at, query, partner, register, asked, found });
            }
            _ if inside => self.other(entry),
            _ => {}
        }
    }

    fn accepted(&mut self, entry: &Entry, agreement: &Agreement) {
        let (seq, at) = (entry.seq, entry.time);
        let Ok(id) = agreement.id() else { return };
        self.terms.insert(id, agreement.terms.claims.clone());
        if let Some(amended) = agreement.terms.amends {
            self.amends.insert(id, amended);
        }
        let partner = self.own.as_ref().and_then(|own| agreement.terms.partner_of(own).ok());
        let Some(partner) = partner.map(|party| party.code.clone()) else { return };
        if at < self.period.to && !self.log.agreements.iter().any(|line| line.agreement == id) {
            self.log.agreements.push(AgreementLine {
                seq,
                agreement: id,
                partner: partner.clone(),
                title: agreement.terms.title.clone(),
                rules: agreement.terms.shared_rules().ok().map(|rules| rules.digest()),
                valid_from: agreement.terms.valid_from,
                valid_until: agreement.terms.valid_until,
                revoked: None,
                amended: None,
                in_force: false,
            });
        }
        if self.period.contains(at) {
            self.log.rules.push(RulesLine::Accepted { seq, at, agreement: id, partner });
        }
    }

    /// A query begins.
    fn query(&mut self, entry: &Entry, side: Side, ask: &Ask, result: Result) {
        let line = self.period.contains(entry.time).then(|| {
            self.log.queries.push(QueryLine {
                seq: entry.seq,
                at: entry.time,
                side,
                query: ask.query,
                asker: ask.asker.clone(),
                holder: ask.holder.clone(),
                agreement: ask.agreement,
                exchange: ask.exchange,
                register: ask.register.clone(),
                purpose: ask.purpose,
                basis: ask.basis,
                officer: ask.officer.clone(),
                case: ask.case,
                items: ask.items,
                asked_at: ask.asked_at,
                answered_at: None,
                result,
                leakage_bits: 0,
                hits: 0,
            });
            self.log.queries.len().saturating_sub(1)
        });
        let partner = if side == Side::Holder { &ask.asker } else { &ask.holder };
        self.queries.insert((side, ask.query), (partner.clone(), line));
    }

    fn line(&mut self, side: Side, query: &QueryId) -> Option<&mut QueryLine> {
        let (_, at) = self.queries.get(&(side, *query))?;
        let at = (*at)?;
        self.log.queries.get_mut(at)
    }

    fn answered(&mut self, entry: &Entry, side: Side, signed: &SignedReceipt) {
        let receipt = &signed.receipt;
        let countersigned = signed.asker.is_some();
        if let Some(line) = self.line(side, &receipt.ask.query) {
            line.result = Result::Answered { class: receipt.answer, countersigned };
            line.answered_at = Some(receipt.answered_at);
            line.leakage_bits = receipt.leakage_bits;
        }
        let ask = &receipt.ask;
        // What was given counts once it went out, signed for or not.
        let counts = side == Side::Holder || countersigned;
        let first = counts && self.settled.insert((side, ask.query));
        if first && self.period.contains(entry.time) {
            let partner = if side == Side::Holder { &ask.asker } else { &ask.holder };
            self.balances.add(side, partner, ask.items, entry.time);
        }
    }

    fn refused(&mut self, entry: &Entry, side: Side, ask: &Ask, code: RefusalCode, clauses: &[String]) {
        // An altered retry says nothing about the query whose name it bears.
        if code != RefusalCode::AlteredRetry {
            // A query before the period has no line here.
            let before = self.queries.get(&(side, ask.query)).is_some_and(|(_, line)| line.is_none());
            match self.line(side, &ask.query) {
                Some(line) if line.asked_at == ask.asked_at => {
                    // A retry that is refused leaves the first answer as it was.
                    if matches!(line.result, Result::Open | Result::Failed) {
                        line.result = Result::Refused { code };
                    }
                }
                _ if before => {}
                _ => self.query(entry, side, ask, Result::Refused { code }),
            }
        }
        if self.period.contains(entry.time) {
            let line = refusal(entry, Refused::Query, side, ask, code, clauses);
            self.log.refusals.push(line);
        }
    }

    fn failed(&mut self, entry: &Entry, side: Side, query: &QueryId, fault: Option<&String>) {
        if let Some(line) = self.line(side, query)
            && line.result == Result::Open
        {
            line.result = Result::Failed;
        }
        let partner = self.queries.get(&(side, *query)).map(|(partner, _)| partner.clone());
        let Some(what) = fault.cloned().filter(|_| self.period.contains(entry.time)) else { return };
        let (seq, at, query) = (entry.seq, entry.time, Some(*query));
        self.log.faults.push(FaultLine { seq, at, partner, query, claim: None, what });
    }
}

fn refusal(
    entry: &Entry,
    refused: Refused,
    side: Side,
    ask: &Ask,
    code: RefusalCode,
    clauses: &[String],
) -> RefusalLine {
    let partner = if side == Side::Holder { &ask.asker } else { &ask.holder };
    RefusalLine {
        seq: entry.seq,
        at: entry.time,
        refused,
        side: Some(side),
        partner: Some(partner.clone()),
        register: Some(ask.register.clone()),
        purpose: Some(ask.purpose),
        officer: ask.officer.clone(),
        query: Some(ask.query),
        claim: None,
        code: Some(code),
        reason: None,
        clauses: clauses.to_vec(),
    }
}
