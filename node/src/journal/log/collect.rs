//! Reading entries into lines.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::{
    agreement::{Agreement, ClaimTerms},
    ask::{Ask, Fetch},
    case::{Case, Step},
    claim::{Claim, SignedRelease},
    officer::{ActKind, SignedAct},
    permit::RefusalCode,
    receipt::SignedReceipt,
    rules::{Kind, RuleSet},
    words::{AgencyCode, AgreementId, ClaimId, Digest, QueryId},
};

use super::{
    AgreementLine, CanaryLine, ChangeKind, ChangeLine, ClaimLine, DecisionLine, FaultLine, JudgementLine,
    Log, OfficerLine, OpeningLine, Period, QueryLine, RefusalLine, Refused, ReleaseLine, Result, RulesLine,
    balance::Balances,
};
use crate::journal::{Entry, Event, Side, audit::Report};

/// Makes the log of a period from all entries of a journal, in their order.
pub struct Collector {
    period: Period,
    own: Option<AgencyCode>,
    log: Lines,
    /// The line of each query, and whether both signed its receipt; also of queries before the period.
    queries: BTreeMap<(Side, QueryId), Option<usize>>,
    settled: BTreeSet<(Side, QueryId)>,
    claims: BTreeMap<(Side, ClaimId), (Option<usize>, Option<Case>)>,
    terms: BTreeMap<AgreementId, Option<ClaimTerms>>,
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
            let end = line.revoked.unwrap_or(line.valid_until).min(line.valid_until);
            line.in_force = line.valid_from < self.period.to && end > self.period.from;
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
                let of = |line: &&mut AgreementLine| line.agreement == revocation.agreement;
                if at < self.period.to {
                    let line = self.log.agreements.iter_mut().find(of);
                    line.into_iter().for_each(|line| line.revoked = line.revoked.or(Some(at)));
                }
                if inside {
                    let (agreement, by) = (revocation.agreement, revocation.by.clone());
                    let reason = revocation.reason.clone();
                    self.log.rules.push(RulesLine::Revoked { seq, at, agreement, by, reason });
                }
            }
            Event::AgreementAmended { agreement, amended } if inside => {
                let (agreement, amended) = (*agreement, *amended);
                self.log.rules.push(RulesLine::Amended { seq, at, agreement, amended });
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
        self.queries.insert((side, ask.query), line);
    }

    fn line(&mut self, side: Side, query: &QueryId) -> Option<&mut QueryLine> {
        let at = self.queries.get(&(side, *query)).copied().flatten()?;
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
        let first = countersigned && self.settled.insert((side, ask.query));
        if first && self.period.contains(entry.time) {
            let partner = if side == Side::Holder { &ask.asker } else { &ask.holder };
            self.balances.add(side, partner, ask.items, entry.time);
        }
    }

    fn refused(&mut self, entry: &Entry, side: Side, ask: &Ask, code: RefusalCode, clauses: &[String]) {
        // An altered retry says nothing about the query whose name it bears.
        if code != RefusalCode::AlteredRetry {
            // A query before the period has no line here.
            let before = self.queries.get(&(side, ask.query)) == Some(&None);
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
        let line = self.line(side, query);
        let partner = line.map(|line| {
            if line.result == Result::Open {
                line.result = Result::Failed;
            }
            if side == Side::Holder { line.asker.clone() } else { line.holder.clone() }
        });
        let Some(what) = fault.cloned().filter(|_| self.period.contains(entry.time)) else { return };
        let (seq, at, query) = (entry.seq, entry.time, Some(*query));
        self.log.faults.push(FaultLine { seq, at, partner, query, claim: None, what });
    }

    /// What has no more than its own line.
    fn other(&mut self, entry: &Entry) {
        let (seq, at) = (entry.seq, entry.time);
        let change = |change, register: Option<&_>, count, reason: Option<&String>| ChangeLine {
            seq,
            at,
            change,
            register: register.cloned(),
            count,
            reason: reason.cloned(),
        };
        match &entry.event {
            Event::Imported { register, good, .. } => {
                self.log.changes.push(change(ChangeKind::Imported, Some(register), *good, None));
            }
            Event::Erased { register, records, reason, .. } => {
                self.log.changes.push(change(ChangeKind::Erased, Some(register), *records, Some(reason)));
            }
            Event::FlagsSet { register, reason, .. } => {
                self.log.changes.push(change(ChangeKind::FlagsSet, Some(register), 1, Some(reason)));
            }
            Event::Notice { notice, .. } => {
                let about = format!("claim {}: {}", notice.notice.claim, notice.notice.cause.as_str());
                let count = notice.notice.fields.len() as u64;
                self.log.changes.push(change(ChangeKind::Notice, None, count, Some(&about)));
            }
            Event::ChangeFailed { register, reason } => {
                self.log.changes.push(change(ChangeKind::Failed, Some(register), 0, Some(reason)));
            }
            Event::QueryOpened { act, file } => {
                let (officer, file) = (act.act.officer.clone(), *file);
                if let ActKind::OpenQuery { query, recipient, reason } = &act.act.act {
                    let (query, recipient, reason) = (*query, recipient.clone(), reason.clone());
                    let line = OpeningLine { seq, at, query, officer, recipient, reason, file };
                    self.log.openings.push(line);
                }
            }
            Event::QueriesErased { queries } => {
                let count = queries.len() as u64;
                self.log.changes.push(change(ChangeKind::QueriesErased, None, count, None));
            }
            Event::SnapshotEnded { reason, .. } => {
                self.log.changes.push(change(ChangeKind::SnapshotEnded, None, 1, Some(reason)));
            }
            Event::KeysEnded { reason, .. } => {
                self.log.changes.push(change(ChangeKind::KeysEnded, None, 1, Some(reason)));
            }
            Event::PreparationsAllowed { reason, .. } => {
                self.log.changes.push(change(ChangeKind::PreparationsAllowed, None, 1, Some(reason)));
            }
            Event::PreparationFailed { partner, reason, .. } => {
                let (partner, what) = (Some(partner.clone()), reason.clone());
                self.log.faults.push(FaultLine { seq, at, partner, query: None, claim: None, what });
            }
            Event::SnapshotRefused { side, fetch, code, clauses } => {
                self.log.refusals.push(of_fetch(entry, Refused::Snapshot, *side, fetch, *code, clauses));
            }
            Event::KeysRefused { side, fetch, code, clauses } => {
                self.log.refusals.push(of_fetch(entry, Refused::Keys, *side, fetch, *code, clauses));
            }
            Event::KeysFailed { side, fetch, partner_at_fault: true, reason } => {
                let partner = if *side == Side::Holder { &fetch.asker } else { &fetch.holder };
                let (partner, what) = (Some(partner.clone()), reason.clone());
                self.log.faults.push(FaultLine { seq, at, partner, query: None, claim: None, what });
            }
            Event::OfficerRefused { officer, reason, .. } => self.log.refusals.push(RefusalLine {
                seq,
                at,
                refused: Refused::Request,
                side: None,
                partner: None,
                register: None,
                purpose: None,
                officer: officer.clone(),
                query: None,
                claim: None,
                code: None,
                reason: Some(reason.clone()),
                clauses: Vec::new(),
            }),
            Event::HitJudged { act } => self.log.judgements.extend(judgement(seq, act)),
            Event::ForkSeen { partner, .. } => {
                let what = "it showed a history that contradicts the one it showed before".to_owned();
                let partner = Some(partner.clone());
                self.log.faults.push(FaultLine { seq, at, partner, query: None, claim: None, what });
            }
            _ => {}
        }
    }

    /// An entry about a claim.
    fn claim(&mut self, entry: &Entry) {
        let (seq, inside) = (entry.seq, self.period.contains(entry.time));
        match &entry.event {
            Event::Claimed { side, claim, found, at, .. } => {
                let terms = self.terms.get(&claim.agreement).cloned().flatten();
                let holder = *side == Side::Holder;
                let case = terms.filter(|_| holder);
                let case = case.map(|terms| Case::begin(claim.clone(), found.clone(), &terms, *at));
                let again = self.claims.contains_key(&(*side, claim.claim));
                let end = case.as_ref().and_then(|case| case.end.clone());
                let line = (inside && !again).then(|| {
                    let found = holder.then_some(found.len() as u64);
                    self.log.claims.push(ClaimLine { found, end, ..line_of(entry, *side, claim) });
                    self.log.claims.len().saturating_sub(1)
                });
                self.claims.entry((*side, claim.claim)).or_insert((line, case));
            }
            Event::ClaimAnswered { claim, outcome, .. } => {
                if let Some((line, _)) = self.known(Side::Asker, claim) {
                    line.into_iter().for_each(|line| line.found = Some(outcome.found.len() as u64));
                }
            }
            Event::CaseStep { claim, step, at, .. } => {
                let Some((line, case)) = self.known(Side::Holder, claim) else { return };
                if let Some(case) = case {
                    // A step that could not be taken was not recorded.
                    let _ = case.step(step, *at);
                    if let Some(line) = line {
                        line.end = case.end.clone();
                        line.decisions.push(DecisionLine { seq, at: *at, step: step.clone() });
                    }
                    let of = case.claim.clone();
                    if let (Step::Refuse { officer, reason }, true) = (step, inside) {
                        let line = fields_refused(entry, &of, Some(reason));
                        self.log.refusals.push(RefusalLine { officer: officer.clone(), ..line });
                    }
                }
            }
            Event::Released { side, release, .. } => {
                if let Some((Some(line), _)) = self.known(*side, &release.release.claim) {
                    let made = released(seq, release);
                    match line.releases.iter_mut().find(|known| known.number == made.number) {
                        Some(known) => known.countersigned |= made.countersigned,
                        None => line.releases.push(made),
                    }
                }
            }
            Event::ClaimRefused { side, claim, code, .. } if inside => {
                let line = fields_refused(entry, claim, None);
                let partner = if *side == Side::Holder { &claim.asker } else { &claim.holder };
                let (refused, side) = (Refused::Claim, Some(*side));
                let (code, partner) = (Some(*code), Some(partner.clone()));
                self.log.refusals.push(RefusalLine { refused, side, code, partner, ..line });
            }
            Event::ClaimFailed { side, claim, partner_at_fault: true, reason, .. } if inside => {
                let partner = if *side == Side::Holder { &claim.asker } else { &claim.holder };
                self.log.faults.push(FaultLine {
                    seq,
                    at: entry.time,
                    partner: Some(partner.clone()),
                    query: Some(claim.query),
                    claim: Some(claim.claim),
                    what: reason.clone(),
                });
            }
            _ => {}
        }
    }

    #[allow(clippy::type_complexity, reason = "two halves of one entry, borrowed apart")]
    fn known(&mut self, side: Side, id: &ClaimId) -> Option<(Option<&mut ClaimLine>, Option<&mut Case>)> {
        let (line, case) = self.claims.get_mut(&(side, *id))?;
        Some((line.and_then(|at| self.log.claims.get_mut(at)), case.as_mut()))
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

fn of_fetch(
    entry: &Entry,
    refused: Refused,
    side: Side,
    fetch: &Fetch,
    code: RefusalCode,
    clauses: &[String],
) -> RefusalLine {
    let partner = if side == Side::Holder { &fetch.asker } else { &fetch.holder };
    RefusalLine {
        seq: entry.seq,
        at: entry.time,
        refused,
        side: Some(side),
        partner: Some(partner.clone()),
        register: Some(fetch.register.clone()),
        purpose: Some(fetch.purpose),
        officer: fetch.officer.clone(),
        query: None,
        claim: None,
        code: Some(code),
        reason: None,
        clauses: clauses.to_vec(),
    }
}

/// A refusal by the holder's officer, or of the claim as a whole.
fn fields_refused(entry: &Entry, claim: &Claim, reason: Option<&String>) -> RefusalLine {
    RefusalLine {
        seq: entry.seq,
        at: entry.time,
        refused: Refused::Fields,
        side: Some(Side::Holder),
        partner: Some(claim.asker.clone()),
        register: None,
        purpose: None,
        officer: claim.officer.clone(),
        query: Some(claim.query),
        claim: Some(claim.claim),
        code: None,
        reason: reason.cloned(),
        clauses: Vec::new(),
    }
}

fn line_of(entry: &Entry, side: Side, claim: &Claim) -> ClaimLine {
    ClaimLine {
        seq: entry.seq,
        at: entry.time,
        side,
        claim: claim.claim,
        query: claim.query,
        asker: claim.asker.clone(),
        holder: claim.holder.clone(),
        basis: claim.basis,
        officer: claim.officer.clone(),
        verified_by: claim.verified_by.clone(),
        verified_at: claim.verified_at,
        items: claim.items.len() as u64,
        fields: claim.fields.clone(),
        found: None,
        decisions: Vec::new(),
        releases: Vec::new(),
        end: None,
    }
}

fn released(seq: u64, signed: &SignedRelease) -> ReleaseLine {
    let release = &signed.release;
    let fields: BTreeSet<_> = release.fields.iter().flat_map(|(_, fields)| fields.iter().copied()).collect();
    ReleaseLine {
        seq,
        at: release.at,
        number: release.number,
        records: release.fields.len() as u64,
        fields: fields.into_iter().collect(),
        approved_by: release.approved_by.clone(),
        countersigned: signed.asker.is_some(),
    }
}

fn judgement(seq: u64, signed: &SignedAct) -> Option<JudgementLine> {
    let act = &signed.act;
    let (query, item, same, reason) = match &act.act {
        ActKind::Verify { query, item, same, reason } => (*query, Some(*item), Some(*same), reason.clone()),
        ActKind::Explain { query, reason } => (*query, None, None, Some(reason.clone())),
        _ => return None,
    };
    Some(JudgementLine { seq, at: act.at, officer: act.officer.clone(), query, item, same, reason })
}
