//! A release that is here stays as it is.

use symbolon_policy::{claim::Release, words::Digest};

use super::*;
use crate::clock;
use crate::node::tests::pair::{made, pair};

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_cannot_replace_what_it_released() {
    let (other, agency, _serving) = pair(1).await;
    let core = agency.core();
    let agreement = core.partner(other.core().book.own()).unwrap().agreement.id();
    let claim = made(agreement, Digest([0; 32]));
    let (id, at) = (claim.claim, clock::now());
    let signature = signing::sign(&claim, &*core.signer).unwrap();
    let (side, act, found) = (Side::Asker, None, Vec::new());
    core.book.record(&Event::Claimed { side, claim, signature, act, found, at }).unwrap();
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
