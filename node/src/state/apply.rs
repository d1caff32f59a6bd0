//! What each event changes.

use serde::Serialize;
use symbolon_policy::{
    ask::Ask,
    canonical,
    case::{Case, Step},
    claim::{Claim, SignedRelease},
    officer::ActKind,
    permit::RefusalCode,
    quota::{Charge, Ledger},
    receipt::Receipt,
    rules::ExchangeKind,
    signing::Document as _,
    words::{AgreementId, ClaimId, Digest, QueryId, RegisterName},
};

use super::{Accepted, Claimed, Fork, Key, Keys, Query, Revoked, Snapshot, Stage, State, failure, notices};
use crate::{
    control::api::Failure,
    hits,
    journal::{Event, Side},
};

impl State {
    /// Includes the journal's entry number `seq`.
    ///
    /// # Errors
    /// A local [`Failure`]; the state is then as before.
    pub(crate) fn apply(&self, seq: u64, event: &Event) -> Result<(), Failure> {
        let mut batch = sled::Batch::default();
        put(&mut batch, Key::applied(), &seq.saturating_add(1))?;
        match event {
            Event::AgreementAccepted { agreement } => {
                let id = agreement.id().map_err(|e| Failure::integrity(e.to_string()))?;
                let accepted = Accepted { agreement: (**agreement).clone(), revoked: None, effective: false };
                put(&mut batch, Key::agreement(&id), &accepted)?;
            }
            Event::AgreementRevoked { revocation, signature } => {
                self.amend(&mut batch, &revocation.agreement, |accepted| {
                    let (revocation, signature) = (revocation.clone(), *signature);
                    let first = Revoked { revocation, signature, known: false };
                    accepted.revoked.get_or_insert(first);
                })?;
            }
            Event::AgreementAmended { agreement, .. } => {
                self.amend(&mut batch, agreement, |accepted| accepted.effective = true)?;
            }
            Event::RevocationKnown { agreement } => {
                self.amend(&mut batch, agreement, |accepted| {
                    accepted.revoked.iter_mut().for_each(|revoked| revoked.known = true);
                })?;
            }
            Event::OfficerEnrolled { officer } => {
                put(&mut batch, Key::officer(&officer.id), officer)?;
                put(&mut batch, Key::officers_begun(), &true)?;
            }
            Event::OfficerRemoved { officer, .. } => batch.remove(Key::officer(officer).bytes()),
            Event::OfficerAsked { act, intent } => self.meant(&mut batch, &act.act, intent)?,
            Event::NationalRules { text } => {
                put(&mut batch, Key::national(), text)?;
                put(&mut batch, Key::slices(), &seq.saturating_add(1))?;
            }
            Event::ImportBegun { register }
            | Event::ErasureBegun { register }
            | Event::FlagsBegun { register } => {
                put(&mut batch, Key::register(register), &seq.saturating_add(1))?;
                put(&mut batch, Key::changing(register), register)?;
            }
            Event::Imported { register, replaced, .. } => changed(&mut batch, seq, register, *replaced > 0)?,
            Event::Erased { register, records, .. } => changed(&mut batch, seq, register, *records > 0)?,
            Event::FlagsSet { register, .. } | Event::ChangeFailed { register, .. } => {
                changed(&mut batch, seq, register, true)?;
            }
            Event::SnapshotMade { manifest } => {
                let snapshot = Snapshot { manifest: manifest.clone(), side: Side::Holder, entry: seq };
                put(&mut batch, Key::snapshot(&manifest.snapshot), &snapshot)?;
            }
            Event::SnapshotMoved { side: Side::Asker, manifest, .. } => {
                let snapshot = Snapshot { manifest: manifest.clone(), side: Side::Asker, entry: seq };
                put(&mut batch, Key::snapshot(&manifest.snapshot), &snapshot)?;
            }
            Event::KeysMade { side, set, file, .. } => {
                let keys = Keys { set: set.clone(), side: *side, file: *file };
                put(&mut batch, Key::key_set(&set.keys), &keys)?;
            }
            Event::KeysEnded { keys, .. } => batch.remove(Key::key_set(keys).bytes()),
            Event::PreparationFailed { partner, reason, .. } => {
                put(&mut batch, Key::broken(partner), &(partner, reason))?;
            }
            Event::KeysFailed { side: Side::Holder, fetch, partner_at_fault: true, reason } => {
                put(&mut batch, Key::broken(&fetch.asker), &(&fetch.asker, reason))?;
            }
            Event::PreparationsAllowed { partner, .. } => batch.remove(Key::broken(partner).bytes()),
            Event::SnapshotEnded { snapshot, .. } => batch.remove(Key::snapshot(snapshot).bytes()),
            Event::Query { side, ask, signature, charges } => {
                for Charge { key, amount, .. } in charges {
                    let spent = self.spent(key).saturating_add(*amount);
                    put(&mut batch, Key::meter(key)?, &spent)?;
                }
                let register_version = self.register_version(&ask.register)?;
                let query = Query {
                    ask: ask.clone(),
                    signature: *signature,
                    stage: Stage::Open,
                    broken: false,
                    charges: charges.clone(),
                    register_version,
                };
                put(&mut batch, Key::query(*side, &ask.query), &query)?;
            }
            Event::Failed { side, query, partner_at_fault, .. } => {
                self.advance(&mut batch, *side, query, |query| {
                    query.broken |= *partner_at_fault;
                    if query.stage == Stage::Open {
                        query.stage = Stage::Failed;
                    }
                })?;
            }
            Event::Answered { receipt } => {
                let id = receipt.receipt.ask.query;
                put(&mut batch, Key::open_receipt(&receipt.receipt.ask.asker, &id), &id)?;
                self.give(&mut batch, &receipt.receipt.ask)?;
                self.advance(&mut batch, Side::Holder, &id, |query| {
                    query.stage = Stage::Answered(receipt.clone());
                })?;
                self.told_more(&mut batch, &receipt.receipt)?;
            }
            Event::Receipt { side, receipt } => {
                let ask = &receipt.receipt.ask;
                // The holder counted it when it answered.
                if *side == Side::Asker && !self.done(*side, &ask.query)? {
                    self.told_more(&mut batch, &receipt.receipt)?;
                    if ask.exchange != ExchangeKind::Count {
                        put(&mut batch, Key::unseen(&ask.query), &ask.query)?;
                    }
                    if ask.matching.is_some() {
                        put(&mut batch, Key::searched(ask.into()), &receipt.receipt.entries)?;
                    }
                }
                self.advance(&mut batch, *side, &ask.query, |query| {
                    query.stage = Stage::Done(receipt.clone());
                })?;
                self.settle(&mut batch, *side, ask)?;
            }
            Event::Refused { side, ask, .. } => self.give_back(&mut batch, *side, ask)?,
            Event::Claimed { side, claim, signature, found, at, .. } => {
                let terms = self.get::<Accepted>(&Key::agreement(&claim.agreement))?;
                let terms = terms.and_then(|accepted| accepted.agreement.terms.claims);
                let terms =
                    terms.ok_or_else(|| Failure::integrity("a claim under no agreement for claims"))?;
                let case = Case::begin(claim.clone(), found.clone(), &terms, *at);
                // The same claim made again, because its answer did not come, takes nothing away of what did.
                let before = self.get::<Claimed>(&Key::case(*side, &claim.claim))?;
                let before = before.filter(|before| *side == Side::Asker && before.case.claim == *claim);
                // Nothing of what only the holder has.
                let (approved_with, marks, told) = Default::default();
                let (ended, outcome, releases) =
                    before.map(|before| (before.ended, before.outcome, before.releases)).unwrap_or_default();
                let (signature, refused) = (*signature, None);
                let claimed = Claimed {
                    case,
                    signature,
                    ended,
                    refused,
                    approved_with,
                    outcome,
                    releases,
                    marks,
                    told,
                };
                put(&mut batch, Key::case(*side, &claim.claim), &claimed)?;
                if *side == Side::Holder {
                    self.opened_more(&mut batch, claim)?;
                }
            }
            Event::HitsSeen { query, items } => self.hits_seen(&mut batch, query, items)?,
            Event::ClaimAnswered { claim, outcome, .. } => {
                self.hits_claimed(&mut batch, claim)?;
                self.follow(&mut batch, Side::Asker, claim, |claimed| {
                    claimed.outcome = Some(outcome.clone())
                })?;
            }
            Event::ClaimEnded { claim, ended, .. } => {
                self.follow(&mut batch, Side::Asker, claim, |claimed| {
                    claimed.ended = Some(ended.end.clone());
                })?;
            }
            Event::ClaimRefused { side: Side::Asker, claim, code, .. } => {
                self.follow(&mut batch, Side::Asker, &claim.claim, |claimed| claimed.refused = Some(*code))?;
            }
            Event::CaseStep { claim, step, act, at } => {
                act.iter().try_for_each(|act| self.used(&mut batch, &act.act))?;
                let by = match step {
                    Step::Approve { officer } => self.officer(officer)?,
                    _ => None,
                };
                self.follow(&mut batch, Side::Holder, claim, |claimed| {
                    // A step that could not be taken was not recorded.
                    if claimed.case.step(step, *at).is_ok() && matches!(step, Step::Approve { .. }) {
                        claimed.approved_with.push(by.map(|officer| officer.key));
                    }
                })?;
            }
            Event::Released { side, release, marks } => {
                self.follow(&mut batch, *side, &release.release.claim, |claimed| {
                    let same = |known: &&mut SignedRelease| known.release.number == release.release.number;
                    match claimed.releases.iter_mut().find(same) {
                        Some(known) => *known = release.clone(),
                        None => claimed.releases.push(release.clone()),
                    }
                    if !marks.is_empty() {
                        claimed.marks.push((release.release.number, marks.clone()));
                    }
                    notices::released(&mut claimed.told, marks);
                })?;
            }
            Event::Notice { side, notice, marks, instead_of } => {
                self.notice_told((&mut batch, seq), *side, (notice, *instead_of), marks)?
            }
            Event::HitJudged { act } => {
                self.used(&mut batch, &act.act)?;
                if let Some(query) = hits::judged(&act.act.act) {
                    self.follow_hits(&mut batch, &query, |hits| hits.judged(&act.act.act))?;
                    let mut judged = self.judged(&query)?;
                    judged.push(act.clone());
                    put(&mut batch, Key::judged(&query), &judged)?;
                }
            }
            Event::AlertRaised { alert } => put(&mut batch, Key::alert(&alert.id()?), alert)?,
            Event::AlertAcknowledged { act } => {
                self.used(&mut batch, &act.act)?;
                if let ActKind::Acknowledge { alert, .. } = &act.act.act {
                    put(&mut batch, Key::acknowledged(alert), act)?;
                }
            }
            Event::QueryOpened { act, .. } => self.used(&mut batch, &act.act)?,
            Event::ForkSeen { partner, before, now } => {
                let (before, now) = (before.clone(), now.clone());
                let fork = Fork { partner: partner.clone(), entry: seq, before, now };
                put(&mut batch, Key::fork(partner, seq), &fork)?;
            }
            Event::ClaimFailed { side: Side::Holder, claim, partner_at_fault, .. } => {
                if *partner_at_fault {
                    let before = self.false_openings(&claim.query)?;
                    put(&mut batch, Key::false_openings(&claim.query), &before.saturating_add(1))?;
                }
                self.opened_more(&mut batch, claim)?;
            }
            Event::ClaimRefused { side: Side::Holder, claim, code: RefusalCode::TooManyRecords, .. } => {
                self.opened_more(&mut batch, claim)?;
            }
            Event::ClaimRefused { .. } | Event::ClaimFailed { .. } => {}
            // The journal itself knows the checkpoints, and the files which queries are kept.
            Event::Begun { .. }
            | Event::CanariesAdded { .. }
            | Event::CanariesAsked { .. }
            | Event::QueriesErased { .. }
            | Event::OfficerRefused { .. }
            | Event::CheckpointSeen { .. }
            | Event::CheckpointCountersigned { .. }
            | Event::SnapshotMoved { side: Side::Holder, .. }
            | Event::SnapshotRefused { .. }
            | Event::KeysRefused { .. }
            | Event::KeysFailed { .. } => {}
        }
        self.db.apply_batch(batch).map_err(failure)
    }

    /// A query was opened in a claim, or may have been. Once it is a case it costs nothing to open it again.
    fn opened_more(&self, batch: &mut sled::Batch, claim: &Claim) -> Result<(), Failure> {
        if self.claim(Side::Holder, &claim.claim)?.is_some() {
            return Ok(());
        }
        let words = claim.digest().map_err(|e| Failure::local(e.to_string()))?;
        let key = Key::opened(&claim.query, &words);
        let before = self.get::<(Digest, u64)>(&key)?.map_or(0, |(_, times)| times);
        put(batch, key, &(words, before.saturating_add(1)))
    }

    pub(super) fn follow(
        &self,
        batch: &mut sled::Batch,
        side: Side,
        id: &ClaimId,
        change: impl FnOnce(&mut Claimed),
    ) -> Result<(), Failure> {
        if let Some(mut claimed) = self.claim(side, id)? {
            change(&mut claimed);
            put(batch, Key::case(side, id), &claimed)?;
        }
        Ok(())
    }

    fn amend(
        &self,
        batch: &mut sled::Batch,
        id: &AgreementId,
        change: impl FnOnce(&mut Accepted),
    ) -> Result<(), Failure> {
        if let Some(mut accepted) = self.get::<Accepted>(&Key::agreement(id))? {
            change(&mut accepted);
            put(batch, Key::agreement(id), &accepted)?;
        }
        Ok(())
    }

    fn advance(
        &self,
        batch: &mut sled::Batch,
        side: Side,
        id: &QueryId,
        next: impl FnOnce(&mut Query),
    ) -> Result<(), Failure> {
        if let Some(mut query) = self.query(side, id)? {
            next(&mut query);
            put(batch, Key::query(side, id), &query)?;
        }
        Ok(())
    }

    /// A query that was charged here and then refused there costs nothing. One that was answered, or
    /// of which the partner may have seen anything, is not given back.
    fn give_back(&self, batch: &mut sled::Batch, side: Side, ask: &Ask) -> Result<(), Failure> {
        let Some(query) = self.query(side, &ask.query)? else { return Ok(()) };
        if side == Side::Holder || query.ask != *ask || query.stage != Stage::Open {
            return Ok(());
        }
        for Charge { key, amount, .. } in &query.charges {
            let spent = self.spent(key).saturating_sub(*amount);
            put(batch, Key::meter(key)?, &spent)?;
        }
        batch.remove(Key::query(side, &ask.query).bytes());
        Ok(())
    }

    fn done(&self, side: Side, query: &QueryId) -> Result<bool, Failure> {
        Ok(matches!(self.query(side, query)?, Some(Query { stage: Stage::Done(_), .. })))
    }

    /// An answer went out, or came.
    fn told_more(&self, batch: &mut sled::Batch, receipt: &Receipt) -> Result<(), Failure> {
        let Receipt { ask, leakage_bits, .. } = receipt;
        let bits = self.told(&ask.agreement, &ask.asker)?.saturating_add(*leakage_bits);
        put(batch, Key::told(&ask.agreement, &ask.asker), &bits)
    }

    /// An answer goes out: it counts in the balance, once, whether or not the asker signs for it.
    fn give(&self, batch: &mut sled::Batch, ask: &Ask) -> Result<(), Failure> {
        let before = self.query(Side::Holder, &ask.query)?.map(|query| query.stage);
        if matches!(before, Some(Stage::Answered(_) | Stage::Done(_))) {
            return Ok(());
        }
        let mut balance = self.balance(&ask.agreement, &ask.asker);
        balance.given = balance.given.saturating_add(u64::from(ask.items));
        put(batch, Key::balance(&ask.agreement, &ask.asker), &balance)
    }

    /// A receipt was signed by both: at the asker it counts in the balance, once.
    fn settle(&self, batch: &mut sled::Batch, side: Side, ask: &Ask) -> Result<(), Failure> {
        if self.done(side, &ask.query)? {
            return Ok(());
        }
        batch.remove(Key::open_receipt(&ask.asker, &ask.query).bytes());
        if side == Side::Holder {
            return Ok(());
        }
        let mut balance = self.balance(&ask.agreement, &ask.holder);
        balance.received = balance.received.saturating_add(u64::from(ask.items));
        put(batch, Key::balance(&ask.agreement, &ask.holder), &balance)
    }
}

/// A change of a register is over. `left` says that records may have left its slices.
fn changed(batch: &mut sled::Batch, seq: u64, register: &RegisterName, left: bool) -> Result<(), Failure> {
    batch.remove(Key::changing(register).bytes());
    put(batch, Key::register(register), &seq.saturating_add(1))?;
    if left {
        put(batch, Key::left(register), &seq.saturating_add(1))?;
    }
    Ok(())
}

pub(super) fn put<T: Serialize>(batch: &mut sled::Batch, key: Key, value: &T) -> Result<(), Failure> {
    let value = canonical::encode(value).map_err(|e| Failure::local(e.to_string()))?;
    batch.insert(key.bytes(), value);
    Ok(())
}
