//! Entries that have a line of their own and no more.

use symbolon_policy::{
    ask::Fetch,
    officer::{ActKind, SignedAct},
    permit::RefusalCode,
};

use super::Collector;
use crate::journal::{
    Entry, Event, Side,
    log::{ChangeKind, ChangeLine, FaultLine, JudgementLine, OpeningLine, RefusalLine, Refused},
};

impl Collector {
    /// What has no more than its own line.
    pub(super) fn other(&mut self, entry: &Entry) {
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

fn judgement(seq: u64, signed: &SignedAct) -> Option<JudgementLine> {
    let act = &signed.act;
    let (query, item, same, reason) = match &act.act {
        ActKind::Verify { query, item, same, reason } => (*query, Some(*item), Some(*same), reason.clone()),
        ActKind::Explain { query, reason } => (*query, None, None, Some(reason.clone())),
        _ => return None,
    };
    Some(JudgementLine { seq, at: act.at, officer: act.officer.clone(), query, item, same, reason })
}
