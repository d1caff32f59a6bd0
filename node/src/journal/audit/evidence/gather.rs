//! Gathering evidence out of a journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use data_encoding::HEXLOWER;
use symbolon_policy::{
    agreement::Party,
    ask::Ask,
    claim::{Claim, opening_digest},
    officer::{ActKind, Intent},
    signing::{Document as _, PublicKey, Signer},
    words::{AgencyCode, AgreementId, ClaimId, Digest, OfficerId, QueryId},
};
use symbolon_protocol::exchange::Misbehaviour;

use super::{Bundle, Judged, Proved, Subject, judge};
use crate::{
    journal::{
        Checkpoint, Entry, Event, FILE, JournalError, Side, Tree, audit,
        frame::{Frames, Step},
    },
    state::Meant,
    verification,
};

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is nothing about it.
    #[error("the journal holds nothing about it")]
    Nothing,
    /// The journal is damaged, so that nothing of it is evidence.
    #[error("the journal does not verify; run `symbolon audit verify`")]
    Unsound,
}

/// Whom and what entries must be about.
#[derive(Default)]
struct About {
    /// Ids are their askers', so one of this agency's may be a partner's too.
    queries: BTreeSet<(Side, QueryId)>,
    /// Claims and the query that each is of. A partner may use the name of one for another query, which says nothing of it.
    claims: BTreeMap<(Side, ClaimId), QueryId>,
    /// Those of them that became cases.
    cases: BTreeSet<(Side, ClaimId)>,
    /// Under which agreement a partner asked. It may use the name under another one, which is refused and says nothing of
    /// the query; but the other agreement may name other keys.
    asked_under: BTreeMap<QueryId, AgreementId>,
    agreements: BTreeSet<AgreementId>,
    officers: BTreeSet<OfficerId>,
    /// The request in which an officer asked.
    asks: Vec<Ask>,
    /// Of a claim of this agency, its items; of a query all of them count.
    items: Option<BTreeSet<u32>>,
    partner: Option<AgencyCode>,
}

/// Gathers what the journal in a directory holds about something. Paths lead to the newest checkpoint that the
/// partner countersigned, or where it covers too little to one that is signed now. `opening` gives what was
/// opened in a claim, by the digest of its words.
///
/// # Errors
/// [`GatherError`].
pub fn gather(
    dir: &Path,
    key: &PublicKey,
    signer: &dyn Signer,
    subject: Subject,
    opening: impl Fn(&Digest) -> Option<Vec<u8>>,
) -> Result<Bundle, GatherError> {
    let (mut about, mut agency) = (About::of(&subject), None);
    walk(dir, |entry| about.name(&subject, entry))?;
    // A claim names its query, which comes before it: only the second time all of that is heard.
    for _ in 0..2 {
        about.agreements.clear();
        walk(dir, |entry| {
            if let Event::Begun { agency: code, .. } = &entry.event {
                agency = Some(code.clone());
            }
            about.widen(&subject, entry);
        })?;
    }
    let agency = agency.ok_or(GatherError::Unsound)?;
    let (mut found, mut tree) = (Vec::new(), Tree::default());
    let mut notes: Vec<(u64, String)> = Vec::new();
    let report = audit::read(dir, key, |entry, digest| {
        tree.push(digest);
        if about.concerns(&subject, entry) {
            found.push(entry.clone());
        }
        if let Event::CheckpointCountersigned { partner, note } = &entry.event
            && about.partner.as_ref() == Some(partner)
            && let Ok(checkpoint) = Checkpoint::read(note)
        {
            notes.push((checkpoint.size, note.clone()));
        }
    })?;
    if report.findings.iter().any(|finding| matches!(finding.fault, audit::Fault::Broken { .. })) {
        return Err(GatherError::Unsound);
    }
    if !found.iter().any(|entry| about.is_told_by(entry)) {
        return Err(GatherError::Nothing);
    }
    let last = found.last().map_or(0, |entry| entry.seq);
    let covering = notes.into_iter().filter(|(size, _)| *size > last && *size <= tree.size()).max();
    let (size, checkpoint) = covering.unwrap_or_else(|| {
        let size = tree.size();
        (size, Checkpoint::sign(&agency, size, tree.root(), signer))
    });
    let openings = openings(&found, opening);
    let proved = |entry: Entry| Some(Proved { path: tree.path(entry.seq, size)?, entry });
    let entries = found.into_iter().map(proved).collect::<Option<_>>().ok_or(GatherError::Unsound)?;
    Ok(Bundle { evidence: Bundle::VERSION, agency, subject, entries, checkpoint, openings })
}

/// What was opened falsely, as far as it is there. Nothing true goes with it, however often the claim was broken off.
fn openings(found: &[Entry], opening: impl Fn(&Digest) -> Option<Vec<u8>>) -> BTreeMap<Digest, String> {
    let asks = found.iter().filter_map(|entry| match &entry.event {
        Event::Query { ask, .. } => Some(ask),
        _ => None,
    });
    let asks: Vec<&Ask> = asks.collect();
    let heard = |of: &Claim| {
        let is = |entry: &Entry| matches!(&entry.event, Event::Claimed { claim, .. } if claim == of);
        found.iter().any(is)
    };
    let said = Misbehaviour::Opening("").to_string();
    let mut openings = BTreeMap::new();
    for entry in found {
        let Event::ClaimFailed { side: Side::Holder, claim, opened, reason, .. } = &entry.event else {
            continue;
        };
        let Ok(words) = claim.digest() else { continue };
        let bytes = opening(&words).filter(|bytes| opening_digest(bytes) == claim.opening);
        let Some(bytes) = bytes else { continue };
        // An entry of an earlier version says it in words alone.
        let falsely = opened.is_some()
            || (reason.contains(&said)
                && !heard(claim)
                && matches!(judge(claim, &bytes, &asks), Judged::False | Judged::Unseen));
        if falsely {
            openings.insert(words, HEXLOWER.encode(&bytes));
        }
    }
    openings
}

/// Shows every entry whose chain holds.
fn walk(dir: &Path, mut visit: impl FnMut(&Entry)) -> Result<(), JournalError> {
    let mut frames = Frames::of(&dir.join(FILE))?;
    while let Step::Entry { entry, .. } = frames.step()? {
        visit(&entry);
    }
    Ok(())
}

impl About {
    fn of(subject: &Subject) -> Self {
        let mut about = Self::default();
        let sides = [Side::Asker, Side::Holder];
        match subject {
            Subject::Query(query) => about.queries.extend(sides.map(|side| (side, *query))),
            Subject::Claim(_) => about.items = Some(BTreeSet::new()),
            Subject::Fork(partner) => about.partner = Some(partner.clone()),
        }
        about
    }

    /// Learns which claims it is about: those of the query; or the claim, which is of the query whose case it is, or that
    /// came first.
    fn name(&mut self, subject: &Subject, entry: &Entry) {
        let (side, claim, case) = match &entry.event {
            Event::Claimed { side, claim, .. } => (*side, claim, true),
            Event::ClaimRefused { side, claim, .. } | Event::ClaimFailed { side, claim, .. } => {
                (*side, claim, false)
            }
            _ => return,
        };
        let wanted = match subject {
            Subject::Query(query) => claim.query == *query,
            Subject::Claim(id) => claim.claim == *id,
            Subject::Fork(_) => false,
        };
        let key = (side, claim.claim);
        if wanted && case {
            self.claims.insert(key, claim.query);
            self.cases.insert(key);
        } else if wanted {
            self.claims.entry(key).or_insert(claim.query);
        }
    }

    /// Whether words of a claim are about it, and do not only bear its name.
    fn of_claim(&self, side: Side, claim: &Claim) -> bool {
        self.claims.get(&(side, claim.claim)) == Some(&claim.query)
    }

    /// Learns what else an entry makes part of it.
    fn widen(&mut self, subject: &Subject, entry: &Entry) {
        match &entry.event {
            Event::AgreementAccepted { agreement } => {
                let of = |party: &Party| Some(&party.code) == self.partner.as_ref();
                if matches!(subject, Subject::Fork(_)) && agreement.terms.parties.iter().any(of) {
                    self.agreements.extend(agreement.id().ok());
                }
            }
            Event::Query { side, ask, .. } if self.queries.contains(&(*side, ask.query)) => {
                if *side == Side::Holder {
                    self.asked_under.insert(ask.query, ask.agreement);
                }
                self.query(*side, ask);
            }
            Event::Refused { side, ask, .. } if self.queries.contains(&(*side, ask.query)) => {
                if *side == Side::Holder {
                    self.asked_under.entry(ask.query).or_insert(ask.agreement);
                }
                if self.of_query(*side, ask) {
                    self.query(*side, ask);
                }
            }
            Event::Claimed { side, claim, act, .. } if self.of_claim(*side, claim) => {
                self.claim(*side, claim);
                self.officers.extend(act.iter().map(|act| act.act.officer.clone()));
            }
            Event::ClaimRefused { side, claim, .. } | Event::ClaimFailed { side, claim, .. }
                if self.of_claim(*side, claim) =>
            {
                self.claim(*side, claim);
            }
            Event::CaseStep { claim, act: Some(act), .. } if self.cases.contains(&(Side::Holder, *claim)) => {
                self.officers.insert(act.act.officer.clone());
            }
            Event::HitJudged { act } if self.judged(&act.act.act) => {
                self.officers.insert(act.act.officer.clone());
            }
            _ => {}
        }
    }

    /// Whether refused words are about a query, and do not only bear its name.
    fn of_query(&self, side: Side, ask: &Ask) -> bool {
        side == Side::Asker || self.asked_under.get(&ask.query) == Some(&ask.agreement)
    }

    fn query(&mut self, side: Side, ask: &Ask) {
        self.agreements.insert(ask.agreement);
        let partner = if side == Side::Holder { &ask.asker } else { &ask.holder };
        self.partner = Some(partner.clone());
        if side == Side::Asker {
            self.officers.insert(ask.officer.clone());
            if !self.asks.contains(ask) {
                self.asks.push(ask.clone());
            }
        }
    }

    fn claim(&mut self, side: Side, claim: &Claim) {
        self.queries.insert((side, claim.query));
        self.agreements.insert(claim.agreement);
        let partner = if side == Side::Holder { &claim.asker } else { &claim.holder };
        self.partner = Some(partner.clone());
        if side == Side::Asker {
            self.items.iter_mut().for_each(|items| items.extend(verification::items(claim)));
        }
    }

    /// Whether an officer's word on hits is part of it: of a claim, only what was said of its items.
    fn judged(&self, act: &ActKind) -> bool {
        let asked = |query: &QueryId| self.queries.contains(&(Side::Asker, *query));
        match act {
            ActKind::Verify { query, item, .. } => {
                asked(query) && self.items.as_ref().is_none_or(|items| items.contains(item))
            }
            ActKind::Explain { query, .. } => asked(query) && self.items.is_none(),
            _ => false,
        }
    }

    /// Whether an entry is what the evidence is about, and not only what it takes to check it.
    fn is_told_by(&self, entry: &Entry) -> bool {
        match &entry.event {
            Event::Query { side, ask, .. } | Event::Refused { side, ask, .. } => {
                self.queries.contains(&(*side, ask.query))
            }
            Event::ClaimRefused { side, claim, .. } | Event::ClaimFailed { side, claim, .. } => {
                self.of_claim(*side, claim)
            }
            Event::ForkSeen { partner, .. } => Some(partner) == self.partner.as_ref(),
            _ => false,
        }
    }

    fn concerns(&self, subject: &Subject, entry: &Entry) -> bool {
        if let Subject::Fork(partner) = subject {
            return match &entry.event {
                Event::Begun { .. } => true,
                Event::AgreementAccepted { agreement } => {
                    agreement.id().is_ok_and(|id| self.agreements.contains(&id))
                }
                Event::ForkSeen { partner: of, .. } => of == partner,
                _ => false,
            };
        }
        let asked = |query: &QueryId| self.queries.contains(&(Side::Asker, *query));
        match &entry.event {
            Event::Begun { .. } => true,
            Event::AgreementAccepted { agreement } => {
                agreement.id().is_ok_and(|id| self.agreements.contains(&id))
            }
            Event::AgreementRevoked { revocation, .. } => self.agreements.contains(&revocation.agreement),
            Event::OfficerEnrolled { officer } => self.officers.contains(&officer.id),
            Event::OfficerRemoved { officer, .. } => self.officers.contains(officer),
            Event::OfficerAsked { intent, act } => {
                let covers = |ask: &Ask| {
                    act.act.officer == ask.officer
                        && Meant { at: act.act.at, intent: intent.clone() }.covers(ask)
                };
                let resumes = matches!(intent, Intent::Resume { query } if asked(query));
                resumes || self.asks.iter().any(covers)
            }
            Event::Query { side, ask, .. } => self.queries.contains(&(*side, ask.query)),
            Event::Refused { side, ask, .. } => {
                self.queries.contains(&(*side, ask.query)) && self.of_query(*side, ask)
            }
            Event::Failed { side, query, .. } => self.queries.contains(&(*side, *query)),
            Event::Answered { receipt } => self.queries.contains(&(Side::Holder, receipt.receipt.ask.query)),
            Event::Receipt { side, receipt } => self.queries.contains(&(*side, receipt.receipt.ask.query)),
            Event::Claimed { side, claim, .. }
            | Event::ClaimRefused { side, claim, .. }
            | Event::ClaimFailed { side, claim, .. } => self.of_claim(*side, claim),
            Event::ClaimAnswered { claim, .. } | Event::ClaimEnded { claim, .. } => {
                self.cases.contains(&(Side::Asker, *claim))
            }
            Event::CaseStep { claim, .. } => self.cases.contains(&(Side::Holder, *claim)),
            Event::Released { side, release, .. } => self.cases.contains(&(*side, release.release.claim)),
            Event::HitJudged { act } => self.judged(&act.act.act),
            _ => false,
        }
    }
}
