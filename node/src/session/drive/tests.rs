use std::sync::atomic::Ordering;

use symbolon_policy::{signing, words::QueryId};

use super::*;
use crate::{
    clock,
    config::Config,
    journal::{Event, Side},
    node::tests::pair::{exact, pair_with, terms},
    session::EXACT,
    state::Stage,
};

/// A partner that asks, is admitted, and from then on only says that it is alive.
#[tokio::test(flavor = "multi_thread")]
async fn signs_of_life_do_not_hold_a_place_for_ever() {
    let config = Config { session_limit_secs: 3, ..Config::default() };
    let (holder, asker, _serving) = pair_with(5, config).await;
    let answer = exact(&asker, 0..2, terms()).await;
    let (core, other) = (holder.core(), asker.core());
    let before = core.book.state().query(Side::Holder, &answer.query.unwrap()).unwrap().unwrap();
    let mut ask = before.ask;
    (ask.query, ask.asked_at) = (QueryId([7; 16]), clock::now());
    let signature = signing::sign(&ask, &*other.signer).unwrap();
    let partner = other.partner(core.book.own()).unwrap();

    let begun = Instant::now();
    let mut channel = other.dial(&partner, EXACT).await.unwrap();
    channel.say(&Word::Ask { ask: Box::new(ask.clone()), signature }).await.unwrap();
    assert!(matches!(channel.hear().await.unwrap(), Word::Admitted));
    // Its place is free when no exchange is under way any more.
    while core.exchanges.load(Ordering::Relaxed) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is heard for ever");
        // When the holder is gone, so is whom to tell.
        let _ = channel.say(&Word::Progress { done: 1, total: 2 }).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(3), "not before the limit: {:?}", begun.elapsed());
    assert_eq!(core.book.state().query(Side::Holder, &ask.query).unwrap().unwrap().stage, Stage::Failed);
    let events = core.book.journal().entries_from(0).unwrap().map(|entry| entry.unwrap().0.event);
    let failed = events.filter_map(|event| match event {
        Event::Failed { query, reason, .. } if query == ask.query => Some(reason),
        _ => None,
    });
    let reasons: Vec<_> = failed.collect();
    let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(reason.contains("longer than 3 s") && reason.contains("session_limit_secs"), "{reason}");
}
