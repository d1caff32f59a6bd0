//! What was opened in a claim stays.

use symbolon_policy::words::AgreementId;

use super::*;
use crate::{
    control::api::Request,
    node::tests::pair::{Agency, exact, made, pair, terms},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_of_a_claim_is_not_replaced() {
    let agency = Agency::new("RS").await;
    let core = agency.core();
    let [first, other] = [b"what was opened".as_slice(), b"garbage"];
    let claim = made(AgreementId([5; 32]), opening_digest(first));
    let kept = || core.claims.opening(&claim.claim).map(|bytes| bytes.to_vec()).ok();
    let refused = |claim: &Claim, bytes: &[u8]| {
        let fault = keep_opening(core, claim, bytes).unwrap_err();
        assert!(matches!(fault, Fault::PeerMisbehaved(Misbehaviour::Opening(_))), "{fault}");
    };
    refused(&claim, other);
    assert_eq!(kept(), None, "what the claim does not name is no evidence");
    keep_opening(core, &claim, first).unwrap();
    // Neither by the same claim nor by another one of its name.
    refused(&claim, other);
    refused(&made(AgreementId([5; 32]), opening_digest(other)), other);
    assert_eq!(kept().as_deref(), Some(first));
    keep_opening(core, &claim, first).unwrap();
}

/// An opening may take hours: what holds when it has come decides.
#[tokio::test(flavor = "multi_thread")]
async fn no_case_begins_under_an_agreement_that_ended_while_the_probe_was_opened() {
    let (holder, asker, _serving) = pair(2).await;
    let core = holder.core();
    let answer = exact(&asker, 0..1, terms()).await;
    let asked = core.book.state().query(Side::Holder, &answer.query.unwrap()).unwrap().unwrap();
    let claim = Claim { query: asked.ask.query, ..made(asked.ask.agreement, opening_digest(b"opened")) };
    let signature = signing::sign(&claim, &*asker.core().signer).unwrap();
    let begin = || begin(core, (&claim, &asked.ask), signature, (b"opened", &Opened::Items(Vec::new())));
    let revoke = Request::AgreementRevoke { id: asked.ask.agreement.to_string(), reason: "ended".into() };
    holder.ask(revoke).await.unwrap();
    let refused = begin();
    assert!(
        matches!(&refused, Err(SessionError::Refused { refusal, .. }) if refusal.code == RefusalCode::Revoked),
        "{refused:?}"
    );
    assert_eq!(core.book.state().claim(Side::Holder, &claim.claim).unwrap(), None);
}

/// Of each the closed part of the batch is kept again.
#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_that_claims_of_one_query_leave_behind_are_bounded() {
    let (holder, asker, _serving) = pair(2).await;
    let core = holder.core();
    let query = exact(&asker, 0..1, terms()).await.query.unwrap();
    let known = core.book.state().query(Side::Holder, &query).unwrap().unwrap();
    let claim = Claim { query, ..made(known.ask.agreement, opening_digest(b"opened")) };
    let room = || room(core, &claim, &known).map_err(|refusal| refusal.code);
    core.claims.save(&claim.claim, "opening", b"opened").unwrap();
    let path = holder.dir.path().join("claims").join(format!("{}.opening", claim.claim));
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(MOST_BYTES).unwrap();
    assert_eq!(room(), Ok(()), "it is of no claim of this query");
    let signature = signing::sign(&claim, &*asker.core().signer).unwrap();
    let (claim, reason) = (claim.clone(), "broken off".to_owned());
    let (side, partner_at_fault) = (Side::Holder, false);
    core.book.record(&Event::ClaimFailed { side, claim, signature, partner_at_fault, reason }).unwrap();
    assert_eq!(room(), Err(RefusalCode::QuotaExceeded));
    file.set_len(MOST_BYTES - 1).unwrap();
    assert_eq!(room(), Ok(()));
}
