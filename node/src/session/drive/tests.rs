use std::sync::atomic::Ordering;

use symbolon_policy::{signing, words::QueryId};
use symbolon_protocol::{
    exchange::{Exchange, Fault, Frame, Wants, Warden},
    transcript::Role,
};

use super::*;
use crate::{
    book::Admission,
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
    channel.say(&Word::Ask { ask: Box::new(ask.clone()), signature, prepared: None }).await.unwrap();
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

/// A machine whose one piece of work takes long, as on a slow computer with much else to do.
struct Slow {
    worked: bool,
    takes: Duration,
}

impl Exchange for Slow {
    type Output = ();
    fn wants(&self) -> Wants {
        Wants { compute: !self.worked, done: self.worked, ..Wants::default() }
    }
    fn produce(&mut self) -> Result<Frame, Fault> {
        Err(Fault::Misuse("nothing to say"))
    }
    fn consume(&mut self, _: Frame) -> Result<(), Fault> {
        Err(Fault::Misuse("nothing is due"))
    }
    fn compute(&mut self, _: usize) -> Result<(), Fault> {
        std::thread::sleep(self.takes);
        self.worked = true;
        Ok(())
    }
    fn settle(&mut self, _: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("nothing to disclose"))
    }
    fn progress(&self) -> Progress {
        Progress { phase: "work", done: 0, total: 1 }
    }
    fn finish(self: Box<Self>) -> Result<(), Fault> {
        Ok(())
    }
}

/// One piece of work takes three times as long as the partner bears silence. It hears that the work goes on, and waits.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_long_at_work_is_not_taken_for_silent() {
    let silence = Duration::from_secs(3);
    let config = Config { session_timeout_secs: silence.as_secs(), ..Config::default() };
    let (holder, asker, _serving) = pair_with(5, config.clone()).await;
    let partners = asker.core().config.partners.clone();
    let asker = asker.again(Config { partners, query_retention_days: 1, ..config }).await;
    let answer = exact(&asker, 0..2, terms()).await;
    let (core, other) = (holder.core(), asker.core());
    let mut ask = core.book.state().query(Side::Holder, &answer.query.unwrap()).unwrap().unwrap().ask;
    (ask.query, ask.asked_at) = (QueryId([7; 16]), clock::now());
    let signature = signing::sign(&ask, &*other.signer).unwrap();
    let partner = other.partner(core.book.own()).unwrap();
    let admitted = other.book.admit(Side::Asker, &partner.agreement, &ask, signature, clock::now()).unwrap();
    let Admission::Paid(paid) = admitted else { panic!("it is permitted") };

    let mut channel = other.dial(&partner, EXACT).await.unwrap();
    channel.say(&Word::Ask { ask: Box::new(ask.clone()), signature, prepared: None }).await.unwrap();
    assert!(matches!(channel.hear().await.unwrap(), Word::Admitted));
    let slow = Slow { worked: false, takes: 3 * silence };
    let guarded = paid.open(Role::Asker, &[], || Ok(Box::new(slow))).unwrap();
    drive(guarded, &mut channel, |_| ()).await.unwrap();
    let stage = || core.book.state().query(Side::Holder, &ask.query).unwrap().unwrap().stage;
    assert_ne!(stage(), Stage::Failed, "it was given up");

    // Who then says nothing more is given up as before.
    let begun = Instant::now();
    while stage() != Stage::Failed {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is waited for for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let events = core.book.journal().entries_from(0).unwrap().map(|entry| entry.unwrap().0.event);
    let reasons: Vec<_> = events
        .filter_map(|event| match event {
            Event::Failed { query, reason, .. } if query == ask.query => Some(reason),
            _ => None,
        })
        .collect();
    let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(reason.contains("said nothing for 3 s"), "{reason}");
}

/// A machine that is permitted to speak, works, and speaks.
struct Speaks {
    at: u8,
}

impl Exchange for Speaks {
    type Output = ();
    fn wants(&self) -> Wants {
        let Self { at } = self;
        Wants { verdict: *at == 0, compute: *at == 1, send: *at == 2, done: *at == 3, ..Wants::default() }
    }
    fn produce(&mut self) -> Result<Frame, Fault> {
        self.at = 3;
        Ok(Frame { tag: 1, last: true, body: vec![7] })
    }
    fn consume(&mut self, _: Frame) -> Result<(), Fault> {
        Err(Fault::Misuse("nothing is due"))
    }
    fn compute(&mut self, _: usize) -> Result<(), Fault> {
        self.at = 2;
        Ok(())
    }
    fn settle(&mut self, _: &mut dyn Warden) -> Result<(), Fault> {
        self.at = 1;
        Ok(())
    }
    fn progress(&self) -> Progress {
        Progress { phase: "work", done: 0, total: 1 }
    }
    fn finish(self: Box<Self>) -> Result<(), Fault> {
        Ok(())
    }
}

/// A count reads the register after it was permitted: what changes meanwhile must not be answered about.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_if_what_was_permitted_changed_while_it_was_worked_out() {
    let (_holder, asker, _serving) = pair_with(5, Config::default()).await;
    let answer = exact(&asker, 0..2, terms()).await;
    let core = asker.core();
    let partner = core.partner(&"RS".parse().unwrap()).unwrap();
    let mut ask = core.book.state().query(Side::Asker, &answer.query.unwrap()).unwrap().unwrap().ask;
    for (n, holds) in [(1, 1), (2, 2)] {
        (ask.query, ask.asked_at) = (QueryId([n; 16]), clock::now());
        let signature = signing::sign(&ask, &*core.signer).unwrap();
        let admitted = core.book.admit(Side::Asker, &partner.agreement, &ask, signature, clock::now());
        let Admission::Paid(paid) = admitted.unwrap() else { panic!("it is permitted") };
        let guarded = paid.open(Role::Holder, &[], || Ok(Box::new(Speaks { at: 0 }))).unwrap();
        let (mut channel, gathered) = core.carried(Vec::new());
        let looks = std::cell::Cell::new(0);
        let still = || {
            looks.set(looks.get() + 1);
            if looks.get() > holds { Err(Failure::local("the register changed").into()) } else { Ok(()) }
        };
        let driven = drive_while(guarded, &mut channel, |_| (), still).await;
        channel.close().await.unwrap();
        assert_eq!((looks.get(), driven.is_ok(), gathered.take().is_empty()), (2, holds == 2, holds == 1));
    }
}
