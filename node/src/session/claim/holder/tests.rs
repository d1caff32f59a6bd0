//! What was opened in a claim stays.

use symbolon_policy::words::AgreementId;

use super::*;
use crate::{
    control::api::Request,
    journal::audit::evidence,
    node::tests::pair::{Agency, exact, made, pair, terms},
    session::CLAIM,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_of_a_claim_is_not_replaced() {
    let agency = Agency::new("RS").await;
    let core = agency.core();
    let [first, other] = [b"what was opened".as_slice(), b"garbage"];
    let claim = made(AgreementId([5; 32]), opening_digest(first));
    let kept = || core.claims.opening(&claim.digest().unwrap()).map(|bytes| bytes.to_vec()).ok();
    let refused = |claim: &Claim, bytes: &[u8]| {
        let fault = keep_opening(core, claim, bytes).unwrap_err();
        assert!(matches!(fault, Fault::PeerMisbehaved(Misbehaviour::Opening(_))), "{fault}");
    };
    refused(&claim, other);
    assert_eq!(kept(), None, "what the claim does not name is no evidence");
    keep_opening(core, &claim, first).unwrap();
    // Neither by the same claim nor by another one of its id, which has a place of its own.
    refused(&claim, other);
    let namesake = made(AgreementId([5; 32]), opening_digest(other));
    assert_eq!(namesake.claim, claim.claim);
    keep_opening(core, &namesake, other).unwrap();
    assert_eq!(kept().as_deref(), Some(first));
    core.claims.remove_opening(&namesake.digest().unwrap()).unwrap();
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

/// Two sessions at once may both be admitted before there is a case.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_not_given_for_other_words_of_its_name() {
    let (holder, asker, _serving) = pair(2).await;
    let core = holder.core();
    let query = exact(&asker, 0..1, terms()).await.query.unwrap();
    let known = core.book.state().query(Side::Holder, &query).unwrap().unwrap();
    let claim = Claim { query, ..made(known.ask.agreement, opening_digest(b"opened")) };
    let signature = signing::sign(&claim, &*asker.core().signer).unwrap();
    let (side, act, found, at) = (Side::Holder, None, Vec::new(), clock::now());
    core.book.record(&Event::Claimed { side, claim: claim.clone(), signature, act, found, at }).unwrap();
    let begin = |claim: &Claim| {
        let begun = begin(core, (claim, &known.ask), signature, (b"opened", &Opened::Items(Vec::new())));
        begun.map(|case| case.claim)
    };
    assert_eq!(begin(&claim).unwrap(), claim);
    let refused = begin(&Claim { items: vec![0, 1], ..claim });
    assert!(
        matches!(&refused, Err(SessionError::Refused { refusal, .. }) if refusal.code == RefusalCode::AlteredClaim),
        "{refused:?}"
    );
}

/// A claim may come long after it was signed, if the holder was away; only the future is a wrong clock.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_may_have_been_kept_from_coming() {
    let (holder, asker, _serving) = pair(2).await;
    let core = holder.core();
    let (claim, ask, receipt) = claim_of(&asker, b"opened").await;
    let agreement = core.book.agreement(&ask.agreement).unwrap();
    let known = core.book.state().query(Side::Holder, &ask.query).unwrap().unwrap();
    let skew = i64::try_from(core.config.clock_skew_secs).unwrap();
    let comes = |after: i64| {
        let claim = Claim { claimed_at: clock::now().plus(-after), ..claim.clone() };
        let signature = signing::sign(&claim, &*asker.core().signer).unwrap();
        let admitted = admit(core, &agreement, &claim, signature, (&known, &receipt)).unwrap();
        admitted.map(drop).map_err(|refusal| refusal.code)
    };
    for after in [0, skew + 60, 10 * skew, -skew / 2] {
        assert_eq!(comes(after), Ok(()), "{after}");
    }
    assert_eq!(comes(-skew - 60), Err(RefusalCode::ClockSkew));
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
    core.claims.keep_opening(&claim.digest().unwrap(), b"opened").unwrap();
    let path = holder.dir.path().join("claims").join(format!("{}.opening", claim.digest().unwrap()));
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(MOST_BYTES).unwrap();
    assert_eq!(room(), Ok(()), "it is of no claim of this query");
    let signature = signing::sign(&claim, &*asker.core().signer).unwrap();
    let (claim, reason) = (claim.clone(), "broken off".to_owned());
    let (side, partner_at_fault) = (Side::Holder, false);
    core.book
        .record(&Event::ClaimFailed { side, claim, signature, partner_at_fault, reason, opened: None })
        .unwrap();
    assert_eq!(room(), Err(RefusalCode::QuotaExceeded));
    file.set_len(MOST_BYTES - 1).unwrap();
    assert_eq!(room(), Ok(()));
}

/// A claim of RS's answer to MK, with the query and its receipt, as the asker has them.
async fn claim_of(asker: &Agency, opening: &[u8]) -> (Claim, symbolon_policy::ask::Ask, Receipt) {
    let answer = exact(asker, 0..2, terms()).await;
    let core = asker.core();
    let asked = core.book.state().query(Side::Asker, &answer.query.unwrap()).unwrap().unwrap();
    let Stage::Done(receipt) = asked.stage else { panic!("not answered") };
    let claim = Claim {
        query: asked.ask.query,
        case: "K-17/2026".into(),
        seal: age::x25519::Identity::generate().to_public().to_string(),
        ..made(asked.ask.agreement, opening_digest(opening))
    };
    (claim, asked.ask, receipt.receipt)
}

/// MK claims what it likes, and opens it; then it is heard to the end.
async fn opens(
    asker: &Agency,
    (claim, ask, receipt): (&Claim, &symbolon_policy::ask::Ask, &Receipt),
    bytes: &[u8],
) {
    let other = asker.core();
    let partner = other.partner(&claim.holder).unwrap();
    let signature = signing::sign(claim, &*other.signer).unwrap();
    let mut channel = other.dial(&partner, CLAIM).await.unwrap();
    channel.say(&Word::Claim { claim: Box::new(claim.clone()), signature }).await.unwrap();
    let admitted = channel.hear().await.unwrap();
    assert!(matches!(admitted, Word::Admitted), "{admitted:?}");
    let size = bytes.len() as u64;
    let (paid, _) = admit_claim(&partner.agreement, claim, (ask, receipt), size, clock::now()).unwrap();
    let machine = claim::Asker::new(bytes.to_vec().into()).unwrap();
    let words = words(claim, &signature).unwrap();
    let guarded = paid.open(Role::Asker, &[&words], || Ok(Box::new(machine))).unwrap();
    // The holder may end it before everything was sent.
    let _ = drive(guarded, &mut channel, |_| ()).await;
    let last = channel.hear().await;
    assert!(last.is_err(), "{last:?}");
}

/// A false opening, and whatever else its partner claims under the same name: the evidence is written, and proves it.
#[tokio::test(flavor = "multi_thread")]
async fn no_later_claim_keeps_the_evidence_of_a_false_opening_back() {
    let (holder, asker, _serving) = pair(2).await;
    let invented = [b"nobody".as_slice(), b"somebody"].map(|name| zeroize::Zeroizing::new(name.to_vec()));
    let seed = symbolon_protocol::seed::Seed::new([1; 32]);
    let lie = symbolon_protocol::exact::Query::blind(invented.into(), &seed).unwrap().open(&[0]).unwrap();
    let lie = lie.to_bytes();
    let (claim, ask, receipt) = claim_of(&asker, &lie).await;
    opens(&asker, (&claim, &ask, &receipt), &lie).await;
    let other = Claim { opening: opening_digest(b"any bytes"), ..claim.clone() };
    opens(&asker, (&other, &ask, &receipt), b"any bytes").await;
    let events = holder.core().book.journal().entries_from(0).unwrap().map(|entry| entry.unwrap().0.event);
    let failed = events.filter_map(|event| match event {
        Event::ClaimFailed { claim, partner_at_fault, opened, .. } => {
            Some((claim.opening, partner_at_fault, opened))
        }
        _ => None,
    });
    let accused = Some(claim.opening);
    let both = [(claim.opening, true, accused), (other.opening, true, Some(other.opening))];
    assert_eq!(failed.collect::<Vec<_>>(), both);
    // The name for another query, which proves nothing of this one.
    let (elsewhere, ask, receipt) = claim_of(&asker, &lie).await;
    let elsewhere = Claim { claim: claim.claim, ..elsewhere };
    opens(&asker, (&elsewhere, &ask, &receipt), &lie).await;
    for about in [claim.claim.to_string(), claim.query.to_string()] {
        let file = holder.dir.path().join(format!("{about}.json"));
        holder.ask(Request::AuditEvidence { about, file: file.clone() }).await.unwrap();
        let bundle = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let verdict = evidence::check(&bundle, &std::collections::BTreeMap::new());
        assert!(verdict.stands() && verdict.to_string().contains("PROVED: MK"), "{verdict}");
    }
}
