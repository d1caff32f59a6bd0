//! A release that is here stays as it is.

use symbolon_policy::{
    claim::Release,
    officer::TEXT_LIMIT,
    words::{AgencyCode, Digest, Field, Reference},
};

use super::*;
use crate::clock;
use crate::node::tests::pair::{made, pair};

/// A claim that this node made of a partner.
fn made_of(core: &Core, partner: &AgencyCode) -> Claim {
    let claim = made(core.partner(partner).unwrap().agreement.id(), Digest([0; 32]));
    let signature = signing::sign(&claim, &*core.signer).unwrap();
    let (side, act, found) = (Side::Asker, None, Vec::new());
    let at = clock::now();
    core.book.record(&Event::Claimed { side, claim: claim.clone(), signature, act, found, at }).unwrap();
    claim
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_claim_ended_is_taken_once_and_only_as_the_holder_may_say_it() {
    let (other, agency, _serving) = pair(1).await;
    let (core, holder) = (agency.core(), other.core());
    let partner = core.partner(holder.book.own()).unwrap();
    let claim = made_of(core, holder.book.own());
    let refused = |reason: &str| End::Refused { officer: "edin".parse().unwrap(), reason: reason.to_owned() };
    let said = async |end: End, claim_digest: Digest, by: &Core| {
        let ended = Ended { claim: claim_digest, end, at: clock::now() };
        let signature = signing::sign(&ended, &*by.signer).unwrap();
        keep_end(core, &partner, claim.claim, (ended, signature)).await
    };
    let (digest, entries) = (claim.digest().unwrap(), core.book.entries().unwrap());
    let long = "x".repeat(TEXT_LIMIT + 1);
    for reason in ["", " ", "no\nPROVED: RS opened what it did not ask", "\u{1b}[2J", &long] {
        let end = said(refused(reason), digest, holder).await;
        assert!(matches!(end, Err(SessionError::Misbehaved(_))), "{reason:?}: {end:?}");
    }
    for (other_claim, by) in [(Digest([1; 32]), &**holder), (digest, &**core)] {
        let end = said(End::Expired, other_claim, by).await;
        assert!(matches!(end, Err(SessionError::Misbehaved(_))), "{end:?}");
    }
    assert_eq!(core.book.entries().unwrap(), entries, "nothing of it stands in the journal");

    assert_eq!(said(refused("not heard"), digest, holder).await.unwrap(), refused("not heard"));
    assert_eq!(said(refused("not heard"), digest, holder).await.unwrap(), refused("not heard"));
    assert_eq!(core.book.entries().unwrap(), entries + 1, "said twice, it stands there once");
    let end = said(End::Released, digest, holder).await;
    assert!(matches!(end, Err(SessionError::Misbehaved(_))), "{end:?}");
    assert_eq!(core.book.entries().unwrap(), entries + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_cannot_replace_what_it_released() {
    let (other, agency, _serving) = pair(1).await;
    let core = agency.core();
    let (id, at) = (made_of(core, other.core().book.own()).claim, clock::now());
    let released = |number: u32, sealed: &[u8]| {
        let (sealed, bytes) = (sealed_digest(sealed), sealed.len() as u64);
        let release =
            Release { claim: id, number, fields: Vec::new(), approved_by: Vec::new(), sealed, bytes, at };
        // Whose key it is does not matter here: the session has looked.
        let holder = signing::sign(&release, &*core.signer).unwrap();
        SignedRelease { release, holder, asker: Some(holder) }
    };
    let path = |side: Side, number: u32| core.claims.release_path(side, &id, number);
    let file = |number: u32| std::fs::read(path(Side::Asker, number)).unwrap();
    keep(core, released(0, b"fields"), b"fields").unwrap();
    let entries = core.book.entries().unwrap();
    // A file that was lost comes again, and is journalled once.
    std::fs::remove_file(path(Side::Asker, 0)).unwrap();
    keep(core, released(0, b"fields"), b"fields").unwrap();
    let replaced = keep(core, released(0, b"others"), b"others");
    assert!(matches!(replaced, Err(SessionError::Misbehaved(_))), "{replaced:?}");
    assert_eq!((file(0), core.book.entries().unwrap()), (b"fields".to_vec(), entries));
    keep(core, released(1, b"others"), b"others").unwrap();
    assert_eq!(file(1), b"others");
    assert_ne!(path(Side::Asker, 0), path(Side::Holder, 0), "a claim of the partner may have the same name");
}

/// The asker signs for no fields that it did not claim, of no records that were not found, and not for ever.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_claimed_is_taken() {
    let (other, agency, _serving) = pair(1).await;
    let core = agency.core();
    let claim = made_of(core, other.core().book.own());
    let (found, at) = (Reference([7; 16]), clock::now());
    let of = |reference, fields: &[Field], bytes| Release {
        claim: claim.claim,
        number: 1,
        fields: vec![(reference, fields.to_vec())],
        approved_by: Vec::new(),
        sealed: Digest([1; 32]),
        bytes,
        at,
    };
    let takes = |release: &Release| claimed(core, release).unwrap();
    assert_eq!(claim.fields, [Field::Place]);
    let (place, longest) = (of(found, &[Field::Place], 1), of(found, &[Field::Place], LONGEST_RELEASE));
    assert!(takes(&place) && takes(&of(found, &[], 1)) && takes(&longest));
    assert!(!takes(&of(found, &[Field::Place, Field::Name], 1)), "a field that was not claimed");
    assert!(!takes(&Release { claim: symbolon_policy::words::ClaimId([9; 16]), ..place.clone() }));
    // Once the holder said what it found, no other record.
    let told = symbolon_policy::claim::Told { reference: found, item: Some(0), fields: Vec::new() };
    let (digest, decide_by) = (claim.digest().unwrap(), at);
    let outcome = Outcome { claim: digest, found: vec![told], decide_by, at };
    let signature = signing::sign(&outcome, &*other.core().signer).unwrap();
    core.book.record(&Event::ClaimAnswered { claim: claim.claim, outcome, signature }).unwrap();
    assert!(takes(&place) && !takes(&of(Reference([8; 16]), &[Field::Place], 1)));
    // What is there already counts, but not the release itself.
    for number in 0..8 {
        let release = Release { number: 10 + number, ..longest.clone() };
        assert_eq!(takes(&release), number < 8);
        let holder = signing::sign(&release, &*core.signer).unwrap();
        let release = SignedRelease { release, holder, asker: Some(holder) };
        core.book.record(&Event::Released { side: Side::Asker, release, marks: Vec::new() }).unwrap();
    }
    assert!(!takes(&place) && takes(&Release { number: 17, ..longest }));
}
