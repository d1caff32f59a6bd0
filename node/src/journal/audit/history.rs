//! One journal, read entry by entry and checked against itself.

mod claims;
mod queries;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use symbolon_policy::{
    agreement::{Agreement, AgreementError, Terms, amendment},
    officer::{ActKind, SignedAct},
    permit::RefusalCode,
    quota::{Charge, MeterKey},
    signing::{self, Document, PublicKey, Signature},
    words::{AgencyCode, AgreementId, Digest, Purpose, QueryId, Timestamp},
};

use super::{
    Fault, Finding, Report, Weight, claims::Claims, hits::HitBook, notices::Notices, officers::Officers,
};
use crate::journal::{Entry, Event, Side, Tree, fork_kind};

/// How long after the decision its entry may be written, in seconds.
pub(super) const DELAY: i64 = 60;

/// What the audit keeps of one journal.
pub(super) struct History {
    pub(super) agency: Option<AgencyCode>,
    pub(super) keys: BTreeMap<AgencyCode, BTreeSet<PublicKey>>,
    pub(super) agreements: BTreeMap<AgreementId, Held>,
    pub(super) tree: Tree,
    /// Ids are their askers', so one of this agency's may be a partner's too.
    pub(super) cases: BTreeMap<(Side, QueryId), Case>,
    pub(super) seen: Vec<Seen>,
    pub(super) countersigned: BTreeMap<AgencyCode, u64>,
    pub(super) last: Timestamp,
    pub(super) notices: Notices,
    /// What partners showed last before another history, and whether that was shorter, as long or longer.
    forks: BTreeSet<(AgencyCode, String, Ordering)>,
    /// Ids of alerts that were raised.
    alerts: BTreeSet<Digest>,
    own: Option<PublicKey>,
    officers: Officers,
    pub(super) claims: Claims,
    hits: HitBook,
    meters: HashMap<MeterKey, u64>,
    findings: Vec<Finding>,
}

/// An agreement that was accepted. Its terms are kept without the text of the rules.
pub(super) struct Held {
    pub(super) terms: Terms,
    /// By a party, or with the agreement that it would have amended.
    revoked: bool,
    /// It took the place of the agreement that it amends.
    effective: bool,
}

/// A partner's checkpoint that was seen.
pub(super) struct Seen {
    pub(super) seq: u64,
    pub(super) partner: AgencyCode,
    pub(super) size: u64,
    pub(super) root: Digest,
}

/// What happened to one query.
pub(super) struct Case {
    pub(super) asker: AgencyCode,
    pub(super) holder: AgencyCode,
    pub(super) purpose: Purpose,
    pub(super) items: u32,
    /// The digest of the opening words.
    pub(super) ask: Digest,
    /// The place of the entry that paid for it.
    pub(super) begun: Option<u64>,
    pub(super) refused: Option<RefusalCode>,
    pub(super) failed: bool,
    /// What it cost this agency, as long as a refusal would give that back.
    charges: Vec<Charge>,
    /// Whether its charge was given back; then it may be asked anew.
    pub(super) given_back: bool,
    /// Receipts that the holder signed; a retry may be answered anew.
    pub(super) answered: BTreeSet<Digest>,
    /// The receipt that both signed.
    pub(super) receipt: Option<Digest>,
    /// The last entry about it.
    pub(super) seq: u64,
    pub(super) last: Timestamp,
}

impl History {
    /// An empty history. `own` is the agency's key, if it is known from elsewhere than agreements.
    pub(super) fn new(own: Option<PublicKey>) -> Self {
        Self {
            agency: None,
            keys: BTreeMap::new(),
            agreements: BTreeMap::new(),
            tree: Tree::default(),
            cases: BTreeMap::new(),
            seen: Vec::new(),
            countersigned: BTreeMap::new(),
            last: Timestamp(i64::MIN),
            own,
            officers: Officers::default(),
            notices: Notices::default(),
            forks: BTreeSet::new(),
            alerts: BTreeSet::new(),
            claims: Claims::default(),
            hits: HitBook::default(),
            meters: HashMap::new(),
            findings: Vec::new(),
        }
    }

    /// Takes the next entry, whose chain was checked.
    pub(super) fn take(&mut self, entry: &Entry, digest: &Digest) {
        let seq = entry.seq;
        match &entry.event {
            Event::Begun { agency, .. } => {
                self.agency = Some(agency.clone());
                self.keys.entry(agency.clone()).or_default().extend(self.own);
            }
            Event::AgreementAccepted { agreement } => {
                if let Err(error) = self.accept(agreement) {
                    self.violation(seq, Fault::Agreement { problem: error.to_string() });
                }
            }
            Event::AgreementRevoked { revocation, signature } => {
                self.check(seq, "revocation", revocation, &revocation.agreement, &revocation.by, signature);
                self.revoked(&revocation.agreement);
            }
            Event::SnapshotMoved { manifest, signature, .. } => {
                self.check(seq, "manifest", manifest, &manifest.agreement, &manifest.holder, signature);
            }
            Event::KeysMade { set, signature, .. } => {
                self.check(seq, "set of keys", set, &set.agreement, &set.holder, signature);
            }
            Event::Query { side, ask, signature, charges } => {
                self.query(entry, *side, ask, signature, charges);
            }
            Event::Refused { side, ask, signature, code, .. } => {
                self.refused(entry, *side, ask, signature, *code);
            }
            Event::Failed { side, query, .. } => {
                if let Some(case) = self.cases.get_mut(&(*side, *query)) {
                    (case.failed, case.charges) = (true, Vec::new());
                    (case.seq, case.last) = (seq, entry.time);
                }
            }
            Event::Answered { receipt } => self.receipt(entry, Side::Holder, receipt, false),
            Event::Receipt { side, receipt } => {
                if *side == Side::Asker {
                    let held = self.agreements.get(&receipt.receipt.ask.agreement);
                    let terms = held.and_then(|held| held.terms.claims.as_ref());
                    self.hits.answered(&receipt.receipt, terms);
                }
                self.receipt(entry, *side, receipt, true);
            }
            Event::HitsSeen { query, items } => {
                if let Err(problem) = self.hits.seen(query, items) {
                    self.violation(seq, Fault::Hits { query: *query, problem: problem.to_owned() });
                }
            }
            Event::CheckpointSeen { partner, note } => self.checkpoint_seen(seq, partner, note),
            Event::CheckpointCountersigned { partner, note } => self.own_checkpoint(seq, partner, note),
            Event::ForkSeen { partner, before, now } => {
                // A partner may have shown it at one meeting after the other.
                if self.forks.insert((partner.clone(), before.clone(), fork_kind(before, now))) {
                    self.violation(seq, Fault::PartnerFork { partner: partner.clone() });
                }
            }
            Event::Claimed { .. }
            | Event::ClaimAnswered { .. }
            | Event::ClaimEnded { .. }
            | Event::ClaimRefused { .. }
            | Event::ClaimFailed { .. }
            | Event::CaseStep { .. }
            | Event::HitJudged { .. }
            | Event::Released { .. } => self.claim(entry),
            Event::OfficerEnrolled { officer } => self.officers.enrolled(officer),
            Event::OfficerRemoved { officer, .. } => self.officers.removed(officer),
            Event::OfficerAsked { act, intent } => {
                if let Err(problem) = self.officers.asked(act, intent, entry.time) {
                    self.violation(seq, Fault::Officer { officer: act.act.officer.clone(), problem });
                }
            }
            Event::AlertRaised { alert } => {
                self.alerts.extend(alert.id().ok());
            }
            Event::AlertAcknowledged { act } => self.acknowledged(seq, act, entry.time),
            Event::QueryOpened { act, .. } => self.opened(seq, act, entry.time),
            Event::FlagsBegun { .. } | Event::FlagsSet { .. } => {}
            Event::Notice { side, notice, instead_of, .. } => {
                self.notice(entry, *side, notice, *instead_of);
            }
            Event::AgreementAmended { agreement, amended } => self.amended(entry, agreement, amended),
            Event::NationalRules { .. }
            | Event::CanariesAdded { .. }
            | Event::CanariesAsked { .. }
            | Event::OfficerRefused { .. }
            | Event::RevocationKnown { .. }
            | Event::QueriesErased { .. }
            | Event::ImportBegun { .. }
            | Event::ErasureBegun { .. }
            | Event::ChangeFailed { .. }
            | Event::Imported { .. }
            | Event::Erased { .. }
            | Event::SnapshotMade { .. }
            | Event::SnapshotRefused { .. }
            | Event::SnapshotEnded { .. }
            | Event::KeysRefused { .. }
            | Event::KeysFailed { .. }
            | Event::KeysEnded { .. }
            | Event::PreparationFailed { .. }
            | Event::PreparationsAllowed { .. } => {}
        }
        self.last = self.last.max(entry.time);
        self.tree.push(digest);
    }

    /// Ends the audit: what is still open is listed.
    pub(super) fn report(&mut self) -> Report {
        let mut findings = std::mem::take(&mut self.findings);
        for ((_, query), case) in &self.cases {
            let query = *query;
            let ended = case.refused.is_some() || case.failed || case.given_back || case.receipt.is_some();
            if !case.answered.is_empty() && case.receipt.is_none() {
                findings.push(Finding::new(Some(case.seq), Weight::Open, Fault::OpenReceipt { query }));
            } else if case.begun.is_some() && !ended {
                findings.push(Finding::new(Some(case.seq), Weight::Open, Fault::OpenQuery { query }));
            }
        }
        for query in self.hits.unseen() {
            let seq = self.cases.get(&(Side::Asker, query)).map(|case| case.seq);
            findings.push(Finding::new(seq, Weight::Open, Fault::UnseenHits { query }));
        }
        findings.sort_by_key(|finding| finding.seq.unwrap_or(u64::MAX));
        Report {
            agency: self.agency.clone(),
            entries: self.tree.size(),
            root: self.tree.root(),
            queries: self.cases.values().filter(|case| case.begun.is_some()).count() as u64,
            keys: self
                .keys
                .iter()
                .map(|(code, keys)| (code.clone(), keys.iter().copied().collect()))
                .collect(),
            countersigned: self.countersigned.clone(),
            findings,
        }
    }

    pub(super) fn find(&mut self, seq: Option<u64>, weight: Weight, fault: Fault) {
        self.findings.push(Finding::new(seq, weight, fault));
    }

    pub(super) fn violation(&mut self, seq: u64, fault: Fault) {
        self.find(Some(seq), Weight::Violation, fault);
    }

    /// Only what was signed is checked: a later program may demand more of new terms.
    fn accept(&mut self, agreement: &Agreement) -> Result<(), AgreementError> {
        agreement.verify_signatures()?;
        let signed = |code: &AgencyCode| agreement.signatures.iter().any(|signature| signature.code == *code);
        if let Some(party) = agreement.terms.parties.iter().find(|party| !signed(&party.code)) {
            return Err(AgreementError::Unsigned(party.code.clone()));
        }
        if let Some(agency) = &self.agency {
            agreement.terms.party(agency)?;
        }
        for party in &agreement.terms.parties {
            self.keys.entry(party.code.clone()).or_default().insert(party.key);
        }
        let terms = Terms { rules: String::new(), ..agreement.terms.clone() };
        self.agreements.insert(agreement.id()?, Held { terms, revoked: false, effective: false });
        Ok(())
    }

    /// What was spent of it under the agreements that its own amended.
    fn spent_before(&self, charge: &Charge) -> u64 {
        let held = |id: &AgreementId| self.agreements.get(id).map(|held| &held.terms);
        let Some(terms) = held(&charge.key.agreement) else { return 0 };
        let read = |key: &MeterKey| self.meters.get(key).copied().unwrap_or(0);
        let before = self.before(&charge.key.agreement);
        let before = before.iter().filter_map(|id| Some((id, held(id)?)));
        before.fold(0, |spent: u64, before| {
            spent.saturating_add(amendment::spent_before(charge, terms, before, &read))
        })
    }

    /// The agreements that one amended, the latest first.
    fn before(&self, agreement: &AgreementId) -> Vec<AgreementId> {
        let amends = |id: &AgreementId| self.agreements.get(id).and_then(|held| held.terms.amends);
        let known = |id: &AgreementId| self.agreements.contains_key(id);
        let chain = std::iter::successors(amends(agreement).filter(known), |id| amends(id).filter(known));
        chain.take(self.agreements.len()).collect()
    }

    /// An agreement is over, and what would have amended it and had not yet is void.
    fn revoked(&mut self, agreement: &AgreementId) {
        for (id, held) in &mut self.agreements {
            held.revoked |= id == agreement || (held.terms.amends == Some(*agreement) && !held.effective);
        }
    }

    /// From then on the earlier terms hold no more, and what was spent under them counts under the later.
    fn amended(&mut self, entry: &Entry, agreement: &AgreementId, amended: &AgreementId) {
        let held = self.agreements.get(agreement).filter(|held| !held.revoked);
        let terms = held.map(|held| held.terms.clone());
        let terms = terms.filter(|terms| terms.amends == Some(*amended) && entry.time >= terms.valid_from);
        match terms.zip(self.agreements.get_mut(amended)) {
            Some((terms, held)) => {
                held.terms.valid_until = held.terms.valid_until.min(terms.valid_from);
                self.agreements.entry(*agreement).and_modify(|held| held.effective = true);
            }
            None => self.violation(entry.seq, Fault::UnknownAgreement { agreement: *agreement }),
        }
    }

    fn key(&self, agreement: &AgreementId, code: &AgencyCode) -> Option<PublicKey> {
        self.agreements.get(agreement)?.terms.party(code).ok().map(|party| party.key)
    }

    /// Checks a party's signature over a document that stands under an agreement; says whether it stands. What does
    /// not stand is not that party's word: it is found, and nothing more follows from it.
    fn check<D: Document>(
        &mut self,
        seq: u64,
        name: &str,
        document: &D,
        agreement: &AgreementId,
        by: &AgencyCode,
        signature: &Signature,
    ) -> bool {
        let fault = match self.key(agreement, by) {
            None => Fault::UnknownAgreement { agreement: *agreement },
            Some(key) => match signing::verify(document, &key, signature) {
                Ok(()) => return true,
                Err(error) => Fault::Signature { document: name.to_owned(), problem: error.to_string() },
            },
        };
        self.violation(seq, fault);
        false
    }

    /// Checks an officer's act; says whether it stands.
    fn acted(&mut self, seq: u64, act: &SignedAct, time: Timestamp) -> bool {
        let stands = self.officers.acted(act, time);
        if let Err(problem) = &stands {
            let (officer, problem) = (act.act.officer.clone(), problem.clone());
            self.violation(seq, Fault::Officer { officer, problem });
        }
        stands.is_ok()
    }

    /// An officer acknowledges what was raised before, and signs nothing else by it.
    fn acknowledged(&mut self, seq: u64, act: &SignedAct, time: Timestamp) {
        let raised = match &act.act.act {
            ActKind::Acknowledge { alert, .. } => self.alerts.contains(alert),
            _ => false,
        };
        if !raised {
            let problem = "it acknowledges no alert that was raised".to_owned();
            self.violation(seq, Fault::Officer { officer: act.act.officer.clone(), problem });
        }
        self.acted(seq, act, time);
    }

    /// An officer opens a query of this agency, and signs nothing else by it.
    fn opened(&mut self, seq: u64, act: &SignedAct, time: Timestamp) {
        let own = match &act.act.act {
            ActKind::OpenQuery { query, .. } => self.cases.contains_key(&(Side::Asker, *query)),
            _ => false,
        };
        if !own {
            let problem = "it opens no query of this agency".to_owned();
            self.violation(seq, Fault::Officer { officer: act.act.officer.clone(), problem });
        }
        self.acted(seq, act, time);
    }
}
