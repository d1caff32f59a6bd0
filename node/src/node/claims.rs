//! Claims at the asker: judged by an officer, drafted, signed by another, made, collected.

mod collect;

use std::sync::Arc;

use symbolon_policy::{
    claim::{Claim, opening_digest},
    officer::{ActKind, SignedAct},
    rules::ExchangeKind,
    signing::{self, Document as _},
    words::{ClaimId, Field, OfficerId, QueryId, Timestamp},
};
use symbolon_protocol::identifier::Kind;

use super::{Core, Partner, Report, blocking, flags, hits::named, queries::Sealed};
use crate::{
    clock,
    control::{
        Updates,
        api::{Failure, FailureKind, Reply},
    },
    journal::{Event, Side},
    session::claim::asker::{self, Claiming},
    state::{Query, Stage},
    verification::{self, MATCHED},
};

use collect::collected;
pub(super) use collect::{collect, list};

/// The places in a query of hits, given by the person's reference and the kind of identifier; none are given of a
/// match, whose hit has no place among them.
pub(super) fn items(core: &Core, query: &QueryId, named: &[(String, Kind)]) -> Result<Reply, Failure> {
    let exchange = answered(core, query)?.0.ask.exchange;
    let known = hits(core, query)?;
    match (named, exchange) {
        ([], ExchangeKind::Match) => {
            are_hits(core, query, MATCHED)?;
            return Ok(Reply::Items { items: Vec::new() });
        }
        ([_, ..], ExchangeKind::Exact) => {}
        ([], _) => {
            return Err(Failure::input(format!("the query {query} was no match"))
                .with_help("name a hit as the answer showed it: --hit PERSON:KIND"));
        }
        _ => {
            return Err(Failure::input(format!("the query {query} asked about nobody by an identifier"))
                .with_help("the hit of a match is named with --match"));
        }
    }
    let asked = Sealed::load(core, query)?.people();
    let places = asked.iter().flat_map(|(person, kinds)| kinds.iter().map(move |kind| (person, kind)));
    let places: Vec<_> = places.collect();
    let place = |(person, kind): &(String, Kind)| {
        let at = places.iter().position(|(known, of)| *known == person && *of == kind);
        let at = at.and_then(|at| u32::try_from(at).ok()).ok_or_else(|| {
            Failure::input(format!("the query {query} asked about no {kind} of `{person}`"))
                .with_help("name a hit as PERSON:KIND, as the answer showed it")
        })?;
        if known.contains(&at) { Ok(at) } else { Err(no_hit(&format!("{person}:{kind}"))) }
    };
    let mut items = named.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    items.sort_unstable();
    items.dedup();
    Ok(Reply::Items { items })
}

/// Places of what is claimed; a match is verified and claimed as a whole.
fn places(exchange: ExchangeKind, items: &[u32]) -> &[u32] {
    if exchange == ExchangeKind::Match { MATCHED } else { items }
}

/// Places of the hits of a query.
fn hits(core: &Core, query: &QueryId) -> Result<Vec<u32>, Failure> {
    let noted = core.book.state().hits()?.into_iter().find(|hits| hits.query == *query);
    Ok(noted.map(|hits| hits.items).unwrap_or_default())
}

/// Refuses places that were no hits: a claim opens an identifier to the holder, who must learn nothing of whoever
/// was none.
fn are_hits(core: &Core, query: &QueryId, items: &[u32]) -> Result<(), Failure> {
    let hits = hits(core, query)?;
    match items.iter().find(|item| !hits.contains(item)) {
        None => Ok(()),
        Some(item) => Err(no_hit(&format!("item {item} of {query}"))),
    }
}

fn no_hit(what: &str) -> Failure {
    Failure::input(format!("{what} was no hit of this query"))
        .with_help("only a hit is judged and claimed; the answer and `symbolon hit list` name them")
}

/// Records what an officer says of hits.
pub(super) async fn judge(core: &Arc<Core>, acts: Vec<SignedAct>) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        for act in &acts {
            match &act.act.act {
                ActKind::Verify { query, item, reason, .. } => {
                    reason.as_deref().map_or(Ok(()), flags::reasoned)?;
                    answered(&core, query)?;
                    are_hits(&core, query, &[*item])?;
                }
                ActKind::Explain { query, reason } => {
                    flags::reasoned(reason)?;
                    answered(&core, query)?;
                }
                _ => return Err(Failure::input("this judges no hit")),
            }
            core.book.officer_acts(act, clock::now())?;
        }
        let text = acts.iter().map(|act| judged(&core, act)).collect::<Vec<_>>().join("\n");
        for act in acts {
            core.book.record_acted(&act, &Event::HitJudged { act: act.clone() }, clock::now(), || Ok(()))?;
        }
        Ok(Reply::Noted { text })
    })
    .await
}

/// What was noted, in a sentence.
fn judged(core: &Core, act: &SignedAct) -> String {
    let by = &act.act.officer;
    match &act.act.act {
        ActKind::Verify { query, item, same, .. } => {
            let hit = named(core, query, &[*item]).pop().map(|(_, name)| format!("the hit {name}"));
            let hit = hit.unwrap_or_else(|| "the hit".to_owned());
            let next = match same {
                true if late(core, query) => {
                    "the person. The time for a claim is over: `symbolon hit explain` says why \
                                              it was not claimed"
                        .to_owned()
                }
                true => "the person. Another officer can claim it: `symbolon claim make`".to_owned(),
                false => format!("another person{}", claimed_already(core, query, *item)),
            };
            format!("Noted: {by} says that {hit} of {query} is {next}.")
        }
        ActKind::Explain { query, .. } => {
            format!("Noted: {by} explained why no more hits of {query} are claimed; they are no longer open.")
        }
        _ => String::new(),
    }
}

/// Whether the time in which a query may be claimed is over.
fn late(core: &Core, query: &QueryId) -> bool {
    let Ok((known, receipt)) = answered(core, query) else { return false };
    let agreement = core.book.agreement(&known.ask.agreement);
    let terms = agreement.as_ref().and_then(|agreement| agreement.terms().claims.as_ref());
    let hours = terms.map_or(0, |terms| i64::from(terms.claim_hours));
    clock::now() > receipt.answered_at.plus(hours.saturating_mul(Timestamp::HOUR))
}

/// What follows for claims of a hit that is another person.
fn claimed_already(core: &Core, query: &QueryId, item: u32) -> String {
    let claims = core.book.state().claims(Side::Asker).unwrap_or_default();
    let of = claims
        .iter()
        .map(|claimed| &claimed.case.claim)
        .filter(|claim| claim.query == *query && verification::items(claim).contains(&item));
    let of: Vec<_> = of.map(|claim| claim.claim.to_string()).collect();
    match of.as_slice() {
        [] => String::new(),
        _ => format!(
            ". It was claimed ({}): nothing more is taken of that, and the partner is to be asked to refuse it",
            of.join(", ")
        ),
    }
}

/// A query that was answered, with its receipt.
fn answered(core: &Core, id: &QueryId) -> Result<(Query, symbolon_policy::receipt::Receipt), Failure> {
    let known = core.book.state().query(Side::Asker, id)?;
    let known = known.ok_or_else(|| Failure::input(format!("this node never asked a query {id}")))?;
    match &known.stage {
        Stage::Done(receipt) => {
            let receipt = receipt.receipt.clone();
            Ok((known, receipt))
        }
        _ => Err(Failure::input(format!("the query {id} was not answered"))),
    }
}

/// Writes a claim, for the officer to sign.
pub(super) async fn draft(
    core: &Arc<Core>,
    query: QueryId,
    items: Vec<u32>,
    mut fields: Vec<Field>,
    officer: OfficerId,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        fields.sort_unstable();
        fields.dedup();
        let (known, receipt) = answered(&core, &query)?;
        let ask = known.ask.clone();
        are_hits(&core, &query, places(ask.exchange, &items))?;
        let agreement = core.book.agreement(&ask.agreement);
        let agreement = agreement.ok_or_else(|| Failure::integrity("the agreement is not there"))?;
        let enrolled = core.book.state().officer(&officer)?.ok_or_else(|| {
            Failure::input(format!("{officer} is not enrolled")).with_help("see `symbolon officer list`")
        })?;
        let sealed = Sealed::load(&core, &query)?;
        let case = sealed.case().ok_or_else(|| {
            Failure::input("the query had no case reference, and a claim names the case of its query")
                .with_help("ask again with --case")
        })?;
        let verified = verification(&core, &query, places(ask.exchange, &items), &officer);
        let (verified_by, verified_at) = core.book.refused_officer(&officer, verified)?;
        let asked = sealed.asked(ask.clone(), known.signature)?;
        let opening = asker::opening(&asked, &items).map_err(Failure::from)?;
        let claim = Claim {
            claim: ClaimId(rand::random()),
            query,
            agreement: ask.agreement,
            asker: ask.asker.clone(),
            holder: ask.holder.clone(),
            basis: ask.basis,
            case,
            officer: officer.clone(),
            seal: enrolled.seal,
            verified_by,
            verified_at,
            items,
            fields,
            opening: opening_digest(&opening),
            claimed_at: clock::now(),
        };
        let checked = claim.check(&agreement, &ask, &receipt, clock::now()).map_err(refused);
        core.book.refused_officer(&officer, checked)?;
        Ok(Reply::ClaimDraft { claim: Box::new(claim) })
    })
    .await
}

fn refused(refusal: symbolon_policy::permit::Refusal) -> Failure {
    Failure::new(FailureKind::Refused, refusal.text)
}

/// Another officer than the one who claims, who said of every item that it is the person.
fn verification(
    core: &Core,
    query: &QueryId,
    items: &[u32],
    claims: &OfficerId,
) -> Result<(OfficerId, symbolon_policy::words::Timestamp), Failure> {
    let (state, now) = (core.book.state(), clock::now());
    let (judged, officers) = (state.judged(query)?, state.officers()?);
    let counts = |act: &&SignedAct| officers.iter().any(|officer| verification::counts(act, officer, now));
    let words: Vec<_> = judged.iter().filter(counts).collect();
    let found = verification::verified(&words, items, claims);
    found.ok_or_else(|| {
        let refused = |what: String| Failure::new(FailureKind::Refused, what);
        match verification::against(&words, items, claims).map(|word| &word.act) {
            Some(word) => refused(format!("{} said at {} that it is another person", word.officer, word.at))
                .with_help("the last word counts: an officer with the role VERIFIES can look again"),
            None => refused("no other officer has verified that this hit is the person".to_owned())
                .with_help("an officer with the role VERIFIES runs `symbolon hit verify`"),
        }
    })
}

/// Makes a claim that the officer signed. The same claim can be made again.
pub(super) async fn make(
    core: &Arc<Core>,
    claim: Claim,
    act: SignedAct,
    updates: Updates,
) -> Result<Reply, Failure> {
    let id = claim.claim;
    let (partner, claiming) = {
        let (core, claim) = (core.clone(), claim.clone());
        blocking(move || begin(&core, claim, act)).await?
    };
    let report = Report::new(partner.party.code.as_str(), updates);
    asker::claim(core, &partner, claiming, &report).await?;
    collected(core, &partner, id, &report).await
}

fn begin(core: &Core, claim: Claim, act: SignedAct) -> Result<(Partner, Claiming), Failure> {
    let odd = |error: &dyn std::fmt::Display| Failure::local(error.to_string());
    let digest = claim.digest().map_err(|e| odd(&e))?;
    if act.act.act != (ActKind::Claim { digest }) || act.act.officer != claim.officer {
        return Err(Failure::input("the officer signed another claim"));
    }
    core.book.officer_acts(&act, clock::now())?;
    let _writing = core.claims.writing();
    let before = core.book.state().claim(Side::Asker, &claim.claim)?;
    if before.is_some_and(|before| before.case.claim != claim) {
        return Err(Failure::input(format!("a claim {} was made before in other words", claim.claim)));
    }
    let partner = partner(core, &claim)?;
    let (known, receipt) = answered(core, &claim.query)?;
    let ask = known.ask.clone();
    are_hits(core, &claim.query, places(ask.exchange, &claim.items))?;
    let checked = claim.check(&partner.agreement, &ask, &receipt, clock::now()).map_err(refused);
    core.book.refused_officer(&claim.officer, checked)?;
    core.book.refused_officer(&claim.officer, verified(core, &claim))?;
    let asked = Sealed::load(core, &claim.query)?.asked(ask.clone(), known.signature)?;
    let opening = asker::opening(&asked, &claim.items).map_err(Failure::from)?;
    if opening_digest(&opening) != claim.opening {
        return Err(Failure::input("the claim is not of what this node asked"));
    }
    let signature = signing::sign(&claim, &*core.signer).map_err(|e| odd(&e))?;
    let at = clock::now();
    let (side, found, by) = (Side::Asker, Vec::new(), Some(act.clone()));
    let event = Event::Claimed { side, claim: claim.clone(), signature, act: by, found, at };
    core.book.record_acted(&act, &event, at, || verified(core, &claim))?;
    Ok((partner, Claiming { claim, signature, opening, ask, receipt, at }))
}

/// Whether the verification that a claim names is one that counts now.
fn verified(core: &Core, claim: &Claim) -> Result<(), Failure> {
    let (by, at) = verification(core, &claim.query, verification::items(claim), &claim.officer)?;
    if (&by, at) != (&claim.verified_by, claim.verified_at) {
        return Err(Failure::input("the claim names another verification than was made"));
    }
    Ok(())
}

/// The holder of a claim, under the claim's agreement.
fn partner(core: &Core, claim: &Claim) -> Result<Partner, Failure> {
    let agreement = core.book.agreement(&claim.agreement);
    let agreement = agreement.ok_or_else(|| Failure::integrity("the claim's agreement is not there"))?;
    let party = agreement.terms().partner_of(core.book.own()).map_err(|e| Failure::local(e.to_string()))?;
    Ok(Partner { party: party.clone(), agreement })
}
