use symbolon_policy::{
    notice::{Cause, Notice, Sealed},
    signing::Signer,
    words::{ClaimId, Digest, Field, NoticeId, Reference},
};

use super::*;
use crate::{
    clock,
    node::tests::pair::{made, pair},
};

/// A claim of the asker as if it had been made, and a notice about it.
fn about(holder: &Core, asker: &Core) -> Notice {
    let agreement = asker.partner(holder.book.own()).unwrap().agreement.id();
    let (own, partner) = (asker.book.own().clone(), holder.book.own().clone());
    let (claim, now) = (made(agreement, Digest([0; 32])), clock::now());
    let signature = signing::sign(&claim, &*asker.signer).unwrap();
    let (side, act, found) = (Side::Asker, None, Vec::new());
    asker.book.record(&Event::Claimed { side, claim, signature, act, found, at: now }).unwrap();
    Notice {
        notice: NoticeId([5; 16]),
        agreement,
        holder: partner,
        asker: own,
        claim: ClaimId([3; 16]),
        reference: Reference([6; 16]),
        cause: Cause::Corrected,
        fields: vec![Field::Place],
        sealed: None,
        at: now,
    }
}

fn carried(notice: &Notice, signer: &dyn Signer, sealed: Option<&[u8]>) -> Carried {
    let holder = signing::sign(notice, signer).unwrap();
    let notice = SignedNotice { notice: notice.clone(), holder, asker: None };
    Carried { notice, sealed: sealed.map(|bytes| serde_bytes::ByteBuf::from(bytes.to_vec())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_holders_own_word_about_a_claim_of_this_agency_is_taken() {
    let (holder, asker, _serving) = pair(1).await;
    let (core, partner) = (asker.core(), holder.core().book.own());
    let notice = about(holder.core(), core);
    let (own, theirs) = (&*core.signer, &*holder.core().signer);
    let sealed = |bytes: &[u8]| Some(Sealed { digest: sealed_digest(bytes), bytes: bytes.len() as u64 });
    let long = vec![7; LONGEST + 1];
    let with = |change: fn(&mut Notice)| {
        let mut other = notice.clone();
        change(&mut other);
        other
    };
    let entries = core.book.entries().unwrap();
    for (what, forged) in [
        ("signed by another key", carried(&notice, own, None)),
        ("of another holder", carried(&with(|n| n.holder = "XX".parse().unwrap()), theirs, None)),
        ("for another asker", carried(&with(|n| n.asker = "XX".parse().unwrap()), theirs, None)),
        ("under another agreement", carried(&with(|n| n.agreement.0 = [9; 32]), theirs, None)),
        ("with fields that it does not name", carried(&notice, theirs, Some(b"more"))),
        (
            "with others than it names",
            carried(&Notice { sealed: sealed(b"some"), ..notice.clone() }, theirs, Some(b"same")),
        ),
        (
            "without those that it names",
            carried(&Notice { sealed: sealed(b"some"), ..notice.clone() }, theirs, None),
        ),
        ("too long", carried(&Notice { sealed: sealed(&long), ..notice.clone() }, theirs, Some(&long))),
    ] {
        let taken = take(core, partner, forged);
        assert!(matches!(taken, Err(SessionError::Misbehaved(_))), "{what}: {taken:?}");
    }
    // About a claim that was never made here it says nothing, and no more.
    let unknown = carried(&with(|n| n.claim = ClaimId([8; 16])), theirs, None);
    assert_eq!(take(core, partner, unknown).unwrap(), None);
    assert_eq!(core.book.entries().unwrap(), entries, "nothing was journalled");

    let proper = Notice { sealed: sealed(b"some"), ..notice.clone() };
    let confirmed = take(core, partner, carried(&proper, theirs, Some(b"some"))).unwrap().unwrap();
    signing::verify(&proper, &core.signer.public(), &confirmed).unwrap();
    assert_eq!(std::fs::read(core.claims.notice_path(Side::Asker, &proper.notice)).unwrap(), b"some");
    let again = take(core, partner, carried(&proper, theirs, Some(b"some"))).unwrap();
    assert_eq!(
        (again, core.book.entries().unwrap()),
        (Some(confirmed), entries + 1),
        "confirmed again, journalled once"
    );
    // In other words under the same name it is no word.
    let other = Notice { cause: Cause::Erased, ..proper.clone() };
    assert!(matches!(
        take(core, partner, carried(&other, theirs, Some(b"some"))),
        Err(SessionError::Misbehaved(_))
    ));

    // The holder takes nothing but the asker's own confirmation.
    let signed = carried(&proper, theirs, None).notice;
    let forged = signing::sign(&proper, theirs).unwrap();
    let refused = confirm(holder.core(), signed.clone(), forged);
    assert!(matches!(refused, Err(SessionError::Misbehaved(_))));
    let waits = || holder.core().book.state().notice(Side::Holder, &proper.notice).unwrap();
    assert_eq!(waits(), None);
    confirm(holder.core(), signed, confirmed).unwrap();
    assert_eq!(waits().unwrap().asker, Some(confirmed));
}
