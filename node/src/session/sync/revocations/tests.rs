use symbolon_policy::signing::Signer;

use super::*;
use crate::node::tests::pair::pair;

#[tokio::test(flavor = "multi_thread")]
async fn only_the_partners_own_word_revokes() {
    let (holder, asker, _serving) = pair(1).await;
    let (core, partner) = (holder.core(), asker.core().book.own());
    let agreement = core.partner(partner).unwrap().agreement.id();
    let revocation = |by: &AgencyCode| Revocation {
        agreement,
        by: by.clone(),
        reason: "succeeded by another".to_owned(),
        at: clock::now(),
    };
    let sign = |revocation: &Revocation, signer: &dyn Signer| signing::sign(revocation, signer).unwrap();
    let (own, theirs) = (&*core.signer, &*asker.core().signer);
    let said = revocation(partner);
    let signature = sign(&said, theirs);
    let entries = core.book.entries().unwrap();
    for (forged, signature) in [
        (said.clone(), sign(&said, own)),
        (Revocation { reason: "another reason".to_owned(), ..said.clone() }, signature),
        (revocation(core.book.own()), sign(&revocation(core.book.own()), theirs)),
    ] {
        let heard = hear(core, partner, vec![(forged.clone(), signature)]);
        assert!(matches!(heard, Err(SessionError::Misbehaved(_))), "{forged:?}");
    }
    let unknown = Revocation { agreement: AgreementId([7; 32]), ..said.clone() };
    assert_eq!(hear(core, partner, vec![(unknown.clone(), sign(&unknown, theirs))]).unwrap(), []);
    assert_eq!(core.book.entries().unwrap(), entries, "nothing was journalled");
    assert!(core.partner(partner).is_ok());

    assert_eq!(hear(core, partner, vec![(said.clone(), signature)]).unwrap(), [agreement]);
    assert!(core.partner(partner).is_err());
    let entries = core.book.entries().unwrap();
    assert_eq!(hear(core, partner, vec![(said, signature)]).unwrap(), [agreement], "it is confirmed again");
    assert_eq!(core.book.entries().unwrap(), entries, "and journalled once");
}
