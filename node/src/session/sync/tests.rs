//! What is countersigned of a partner's journal.

use symbolon_policy::signing::Signer as _;

use super::*;
use crate::node::tests::pair::pair;

#[tokio::test(flavor = "multi_thread")]
async fn one_history_is_countersigned_and_nothing_beside_it() {
    let (holder, asker, _serving) = pair(1).await;
    let (core, other) = (holder.core(), asker.core());
    let (partner, key) = (other.book.own(), other.signer.public());
    let seen = || core.book.journal().last_seen(partner).unwrap();
    let size = |note: &Option<String>| note.as_deref().map_or(0, |note| Checkpoint::read(note).unwrap().size);
    let last = seen();
    let offer = other.book.journal().offer(size(&last), &*other.signer).unwrap();
    let entries = core.book.entries().unwrap();

    // A line that looks like a signature of this node, which it would then add its own to.
    let own = countersign(&offer.note, core.book.own(), core.book.signer()).unwrap();
    let line = own.lines().last().unwrap();
    let (name, signature) = line.rsplit_once(' ').unwrap();
    let spoilt: String = signature.chars().map(|c| if c == 'A' { 'B' } else { c }).collect();
    let mut forged = offer.clone();
    forged.note = format!("{}{name} {spoilt}\n", offer.note);
    let judged = judge(core, partner, &key, last.as_deref(), &forged);
    assert!(
        matches!(&judged, Err(SessionError::Misbehaved(what)) if what.contains("signature")),
        "{judged:?}"
    );
    assert_eq!(core.book.entries().unwrap(), entries);

    // Two meetings that began at the same time: the later one is judged by what the earlier one saw.
    judge(core, partner, &key, last.as_deref(), &offer).unwrap();
    let stale = judge(core, partner, &key, last.as_deref(), &offer);
    assert!(matches!(&stale, Err(SessionError::Connection(_))), "{stale:?}");
    assert_eq!(core.book.entries().unwrap(), entries + 1);
    let last = seen();
    let offer = other.book.journal().offer(size(&last), &*other.signer).unwrap();
    judge(core, partner, &key, last.as_deref(), &offer).unwrap();
}
