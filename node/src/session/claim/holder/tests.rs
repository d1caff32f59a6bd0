//! What was opened in a claim stays.

use symbolon_policy::words::AgreementId;

use super::*;
use crate::node::tests::pair::{Agency, made};

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
