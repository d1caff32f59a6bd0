//! Gathering evidence out of a journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use data_encoding::HEXLOWER;
use symbolon_policy::{
    agreement::Party,
    ask::Ask,
    claim::Claim,
    officer::{ActKind, Intent},
    signing::{PublicKey, Signer},
    words::{AgencyCode, AgreementId, ClaimId, OfficerId, QueryId},
};

use super::{Bundle, Proved, Subject};
use crate::{
    journal::{
        Checkpoint, Entry, Event, FILE, JournalError, Side, Tree, audit,
        frame::{Frames, Step},
    },
    state::Meant,
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
    claims: BTreeSet<(Side, ClaimId)>,
    agreements: BTreeSet<AgreementId>,
    officers: BTreeSet<OfficerId>,
    /// The request in which an officer asked.
    asks: Vec<Ask>,
    partner: Option<AgencyCode>,
}

/// Gathers what the journal in a directory holds about something. Paths lead to the newest checkpoint that the
/// partner countersigned, or where it covers too little to one that is signed now. `opening` gives what was
/// opened in a claim.
///
/// # Errors
/// [`GatherError`].
pub fn gather(
    dir: &Path,
    key: &PublicKey,
    signer: &dyn Signer,
    subject: Subject,
    opening: impl Fn(&ClaimId) -> Option<Vec<u8>>,
) -> Result<Bundle, GatherError> {
    let (mut about, mut agency) = (About::of(&subject), None);
    // A claim names its query, which comes before it: only the second time all of that is heard.
    for _ in 0..2 {
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
    let false_claims = found.iter().filter_map(|entry| match &entry.event {
        Event::ClaimFailed { side: Side::Holder, claim, partner_at_fault: true, .. } => Some(claim.claim),
        _ => None,
    });
    let openings = false_claims.filter_map(|id| Some((id, HEXLOWER.encode(&opening(&id)?))));
    let openings: BTreeMap<_, _> = openings.collect();
    let proved = |entry: Entry| Some(Proved { path: tree.path(entry.seq, size)?, entry });
    let entries = found.into_iter().map(proved).collect::<Option<_>>().ok_or(GatherError::Unsound)?;
    Ok(Bundle { evidence: Bundle::VERSION, agency, subject, entries, checkpoint, openings })
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
            Subject::Claim(claim) => about.claims.extend(sides.map(|side| (side, *claim))),
            Subject::Fork(partner) => about.partner = Some(partner.clone()),
        }
        about
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
            Event::Query { side, ask, .. } | Event::Refused { side, ask, .. }
                if self.queries.contains(&(*side, ask.query)) =>
            {
                self.query(*side, ask);
            }
            Event::Claimed { side, claim, act, .. } => {
                let wanted = match subject {
                    Subject::Query(query) => claim.query == *query,
                    Subject::Claim(id) => claim.claim == *id,
                    Subject::Fork(_) => false,
                };
                if wanted {
                    self.claim(*side, claim);
                    self.officers.extend(act.iter().map(|act| act.act.officer.clone()));
                }
            }
            Event::ClaimRefused { side, claim, .. } | Event::ClaimFailed { side, claim, .. } => {
                let wanted = match subject {
                    Subject::Query(query) => claim.query == *query,
                    Subject::Claim(id) => claim.claim == *id,
                    Subject::Fork(_) => false,
                };
                if wanted {
                    self.claim(*side, claim);
                }
            }
            Event::CaseStep { claim, act: Some(act), .. }
                if self.claims.contains(&(Side::Holder, *claim)) =>
            {
                self.officers.insert(act.act.officer.clone());
            }
            Event::HitJudged { act } => match &act.act.act {
                ActKind::Verify { query, .. } | ActKind::Explain { query, .. }
                    if self.queries.contains(&(Side::Asker, *query)) =>
                {
                    self.officers.insert(act.act.officer.clone());
                }
                _ => {}
            },
            _ => {}
        }
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
        self.claims.insert((side, claim.claim));
        self.queries.insert((side, claim.query));
        self.agreements.insert(claim.agreement);
        let partner = if side == Side::Holder { &claim.asker } else { &claim.holder };
        self.partner = Some(partner.clone());
    }

    /// Whether an entry is what the evidence is about, and not only what it takes to check it.
    fn is_told_by(&self, entry: &Entry) -> bool {
        match &entry.event {
            Event::Query { side, ask, .. } | Event::Refused { side, ask, .. } => {
                self.queries.contains(&(*side, ask.query))
            }
            Event::ClaimRefused { side, claim, .. } | Event::ClaimFailed { side, claim, .. } => {
                self.claims.contains(&(*side, claim.claim))
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
            Event::Query { side, ask, .. } | Event::Refused { side, ask, .. } => {
                self.queries.contains(&(*side, ask.query))
            }
            Event::Failed { side, query, .. } => self.queries.contains(&(*side, *query)),
            Event::Answered { receipt } => self.queries.contains(&(Side::Holder, receipt.receipt.ask.query)),
            Event::Receipt { side, receipt } => self.queries.contains(&(*side, receipt.receipt.ask.query)),
            Event::Claimed { side, claim, .. }
            | Event::ClaimRefused { side, claim, .. }
            | Event::ClaimFailed { side, claim, .. } => self.claims.contains(&(*side, claim.claim)),
            Event::ClaimAnswered { claim, .. } | Event::ClaimEnded { claim, .. } => {
                self.claims.contains(&(Side::Asker, *claim))
            }
            Event::CaseStep { claim, .. } => self.claims.contains(&(Side::Holder, *claim)),
            Event::Released { side, release, .. } => self.claims.contains(&(*side, release.release.claim)),
            Event::HitJudged { act } => match &act.act.act {
                ActKind::Verify { query, .. } | ActKind::Explain { query, .. } => asked(query),
                _ => false,
            },
            _ => false,
        }
    }
}
