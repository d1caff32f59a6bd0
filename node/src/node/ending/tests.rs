//! How long evaluation keys are kept.

use symbolon_policy::{signing, words::Digest};

use super::*;
use crate::{
    control::api::Request,
    node::tests::pair::{Agency, agree},
};

/// A set of each side that expires in so many hours.
fn made(agency: &Agency, agreement: AgreementId, name: u8, hours: i64) -> [Digest; 2] {
    let core = agency.core();
    [(Side::Asker, 0), (Side::Holder, 100)].map(|(side, more)| {
        let keys = Digest([name + more; 32]);
        let set = KeySet {
            keys,
            agreement,
            asker: "MK".parse().unwrap(),
            holder: "RS".parse().unwrap(),
            form: "iris".parse().unwrap(),
            engine: "first/1".parse().unwrap(),
            made: clock::now(),
            expires: clock::now().plus(hours * Timestamp::HOUR),
        };
        let (file, bytes) = core.keys.save(side, &keys, b"keys").unwrap();
        let signature = signing::sign(&set, &*core.signer).unwrap();
        core.book.record(&Event::KeysMade { side, set, signature, file, bytes }).unwrap();
        keys
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_keys_are_kept_as_long_as_a_match_is_claimed() {
    let (holder, asker) = (Agency::new("RS").await, Agency::new("MK").await);
    agree(&holder, &asker).await;
    let core = holder.core();
    let agreement = core.book.agreements().remove(0).id();
    assert_eq!(core.book.agreement(&agreement).unwrap().terms().claims.as_ref().unwrap().claim_hours, 72);
    let (good, ended, over) =
        (made(&holder, agreement, 1, 5), made(&holder, agreement, 2, -71), made(&holder, agreement, 3, -73));
    core.end_expired().unwrap();
    let kept = |keys: &Digest| core.book.state().key_set(keys).unwrap().is_some();
    assert_eq!(good.map(|keys| kept(&keys)), [true, true]);
    assert_eq!(ended.map(|keys| kept(&keys)), [false, true], "own ones are a secret, and opened without");
    assert_eq!(over.map(|keys| kept(&keys)), [false, false]);
    // Once it was revoked nothing is claimed.
    let revoke = Request::AgreementRevoke { id: agreement.to_string(), reason: "ended".into() };
    holder.ask(revoke).await.unwrap();
    core.end_expired().unwrap();
    assert!(good.iter().chain(&ended).all(|keys| !kept(keys)));
}

#[test]
fn sets_are_kept_for_claims_up_to_a_bound() {
    let kept = [(72, 24), (24, 72), (744, 1), (73, 24)].map(|(claims, keys)| kept_for_claims(claims, keys));
    assert_eq!(kept, [3, 1, 4, 4]);
}
