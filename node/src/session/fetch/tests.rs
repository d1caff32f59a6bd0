//! A leak that was mended, so that it stays so.

use super::*;
use crate::node::tests::pair::{pair, terms};

// How far the building is would tell the true size of a slice, which the padding hides.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_snapshot_is_built_the_asker_hears_nothing_but_that() {
    let (holder, asker, _serving) = pair(3_000).await;
    let core = asker.core();
    let partner = core.partner(holder.core().book.own()).unwrap();
    let fetch = Fetch {
        agreement: partner.agreement.id(),
        rules: partner.agreement.rules_digest(),
        asker: core.book.own().clone(),
        holder: partner.party.code.clone(),
        register: terms().register,
        purpose: terms().purpose,
        basis: terms().basis,
        officer: terms().officer,
        case: true,
        matching: None,
    };
    // CBOR of the one text, with nothing in it.
    let nothing = b"\x69preparing";
    let mut heard = 0;
    loop {
        let mut channel = core.dial(&partner, SNAPSHOT).await.unwrap();
        channel.say(&Word::Fetch(Box::new(fetch.clone()))).await.unwrap();
        let frame = channel.either(false, true).await.unwrap().unwrap();
        if frame.body != nothing {
            let word = Word::read(&frame).unwrap();
            assert!(matches!(word, Word::Manifest { .. }), "{word:?}");
            break;
        }
        assert!(channel.either(false, true).await.is_err(), "and nothing after it");
        heard += 1;
    }
    assert!(heard > 1, "it was asked for while it was built");
}
