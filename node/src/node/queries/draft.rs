//! A new query: blinded or encrypted, signed, and sealed on the disk before it is asked.

use std::sync::PoisonError;

use symbolon_policy::{
    ask::{Ask, MatchAsk, case_digest},
    rules::ExchangeKind,
    signing,
    words::{Digest, QueryId, SnapshotId},
};
use symbolon_protocol::{count, exact, exchange::Fault, seed::Seed};

use super::{Asking, Attempt, Sealed};
use crate::{
    canaries::Drawn,
    clock,
    control::api::{Failure, QueryTerms},
    node::{Core, Partner, blocking},
    session::{
        SessionError,
        asker::{Asked, Subject},
        matching,
    },
};

/// A query that is not signed yet.
pub(super) struct Draft {
    pub(super) exchange: ExchangeKind,
    pub(super) snapshot: Option<SnapshotId>,
    pub(super) matching: Option<MatchAsk>,
    pub(super) subject: Subject,
}

impl Attempt {
    /// Blinds or encrypts, signs and seals a new query.
    pub(super) async fn prepare(
        &mut self,
        terms: &QueryTerms,
        draft: Draft,
        asking: &[Asking],
        canaries: Vec<Drawn>,
    ) -> Result<Asked, SessionError> {
        let (core, partner, terms) = (self.core.clone(), self.partner.clone(), terms.clone());
        let asking = asking.to_vec();
        let asked = blocking(move || -> Result<Asked, SessionError> {
            let seed = Seed::new(rand::random());
            let (items, digest) = commit(&core, &partner, &draft, &seed)?;
            let Draft { exchange, snapshot, matching, subject } = draft;
            let ask = Ask {
                matching,
                commitment: Digest(seed.commitment()),
                digest: Digest(digest),
                ..words(&core, &partner, &terms, (exchange, snapshot), items)
            };
            let signature = signing::sign(&ask, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
            let asked = Asked { ask, signature, subject, canaries: canaries.len(), seed };
            Sealed::save(&core, &asked, &asking, &canaries, terms.case)?;
            Ok(asked)
        })
        .await?;
        self.lap("prepare");
        Ok(asked)
    }
}

/// What a new query says, but for what it commits to.
pub(in crate::node) fn words(
    core: &Core,
    partner: &Partner,
    terms: &QueryTerms,
    (exchange, snapshot): (ExchangeKind, Option<SnapshotId>),
    items: u32,
) -> Ask {
    let query = QueryId(rand::random());
    let (agreement, asked_at) = (partner.agreement.id(), clock::now());
    let unexplained = partner.agreement.unexplained(core.book.state(), asked_at);
    Ask {
        query,
        agreement,
        rules: partner.agreement.rules_digest(),
        asker: core.book.own().clone(),
        holder: partner.party.code.clone(),
        exchange,
        register: terms.register.clone(),
        purpose: terms.purpose,
        basis: terms.basis,
        officer: terms.officer.clone(),
        case: terms.case.as_deref().map(|case| case_digest(&query, case)),
        items,
        snapshot,
        matching: None,
        unexplained: u32::try_from(unexplained).unwrap_or(u32::MAX),
        commitment: Digest([0; 32]),
        digest: Digest([0; 32]),
        asked_at,
    }
}

/// Number of items, and the digest of the query's message.
fn commit(
    core: &Core,
    partner: &Partner,
    draft: &Draft,
    seed: &Seed,
) -> Result<(u32, [u8; 32]), SessionError> {
    let input = |fault: Fault| SessionError::Local(Failure::input(fault.to_string()));
    let odd = || Failure::local("the query asks about something else than its exchange answers");
    match (&draft.subject, draft.exchange) {
        (Subject::Identifiers(identifiers), ExchangeKind::Exact) => {
            let query = exact::Query::blind(identifiers.clone(), seed).map_err(input)?;
            Ok((query.items(), query.digest()))
        }
        (Subject::Identifiers(identifiers), ExchangeKind::Count) => {
            let noise = partner.agreement.terms().noise().map_err(|e| Failure::input(e.to_string()))?;
            let query = count::Query::blind(identifiers.clone(), noise, seed).map_err(input)?;
            Ok((query.items(), query.digest()))
        }
        (Subject::Probe(probe, ready), ExchangeKind::Match) => {
            let id = draft.matching.as_ref().ok_or_else(odd)?.keys;
            let keys = core.book.state().key_set(&id)?.ok_or_else(odd)?;
            let prepared = matching::prepare(core, partner, &keys, probe, seed)?;
            let digest = prepared.digest();
            *ready.lock().unwrap_or_else(PoisonError::into_inner) = Some(prepared);
            Ok((u32::try_from(probe.len()).unwrap_or(u32::MAX), digest))
        }
        _ => Err(odd().into()),
    }
}
