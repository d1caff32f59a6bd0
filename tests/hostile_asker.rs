//! An asker with a valid agreement and keys of its own runs the real machine of the interactive engine, more often than
//! it may: after it signed that it has the answer, and twice at once. Each run has its own randomness, so a second answer
//! would be one that nobody paid for, and a second receipt would let it choose which answer it was given.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "support/hostile.rs"]
mod partner;
#[path = "support/stream.rs"]
mod stream;
mod support;

use symbolon_node::network::Stream;
use symbolon_policy::{
    agreement::MatchAnswer,
    ask::{self, Ask, MatchAsk},
    canonical,
    permit::{InForce, RefusalCode, admit, admit_fetch},
    receipt::SignedReceipt,
    rules::ExchangeKind,
    signing,
    words::{Digest, Position},
};
use symbolon_protocol::{
    matching::{
        engine::{Asked, Matched, Prepared},
        template::Template,
    },
    seed::Seed,
    transcript::Role,
};

use partner::{Heard, Hostile, Say, now};
use stream::{KEYS, MATCH, Nothing, drive, hear, read, say};
use support::{Agency, Faces, Kept};

const FACES: Faces = Faces(256);

/// The asker, with keys, and the words of one query about a person who is in the register.
struct Asker {
    hostile: Hostile,
    agreement: InForce,
    /// What the setup of keys gave.
    name: Vec<u8>,
    ask: Ask,
}

impl Asker {
    fn new(hostile: Hostile, agreement: InForce) -> Self {
        let (name, keys) = hostile.runtime.block_on(Self::keys(&hostile, &agreement));
        let asked = MatchAsk {
            form: FACES.form().parse().unwrap(),
            engine: "ot-garbled/1".parse().unwrap(),
            answer: MatchAnswer::Any,
            keys,
            positions: vec![Position::Face],
        };
        let ask = hostile.ask(None, &[]);
        let ask = Ask { exchange: ExchangeKind::Match, items: 1, matching: Some(asked), ..ask };
        let mut asker = Self { hostile, agreement, name, ask };
        asker.ask.digest = Digest(asker.prepared().digest());
        asker
    }

    /// Sets up keys as an honest partner does.
    async fn keys(hostile: &Hostile, agreement: &InForce) -> (Vec<u8>, Digest) {
        let fetch = hostile.fetch_keys(FACES);
        let setup = fetch.matching.as_ref().unwrap();
        let form = agreement.terms().matching.as_ref().unwrap().form(&setup.form).unwrap().form();
        let engine = ask::engine(&setup.engine).unwrap();
        let mut stream = hostile.open_in(KEYS).await;
        say(&mut stream, Say::Fetch(Box::new(fetch.clone()))).await;
        assert!(matches!(hear(&mut stream).await, Some(Heard::Admitted)));
        let paid = admit_fetch(agreement, &fetch, &fetch.asker, &Nothing, now()).unwrap();
        let (opening, seed) = (canonical::encode(&fetch).unwrap(), Seed::new([1; 32]));
        let machine = paid.open(Role::Asker, &[&opening], || engine.offer(&form, &seed)).unwrap();
        let (name, _) = drive(&mut stream, machine, |_| true).await.unwrap();
        let Some(Heard::Keys { set }) = hear(&mut stream).await else { panic!("no keys") };
        (name, set.keys)
    }

    /// The probe: the same whenever it is made.
    fn prepared(&self) -> Box<dyn Prepared> {
        let asked = self.ask.matching.as_ref().unwrap();
        let form = self.agreement.terms().matching.as_ref().unwrap().form(&asked.form).unwrap().form();
        let bits = data_encoding::HEXLOWER.decode(FACES.face(7, 3).as_bytes()).unwrap();
        let template = Template::from_bytes(FACES.0, &bits, None).unwrap();
        let asking = ask::engine(&asked.engine).unwrap().asking(&form, &self.name).unwrap();
        asking.prepare(&[template], &Seed::new([2; 32])).unwrap()
    }

    /// Says the words of the query: a stream on which it was admitted, or the code of a refusal.
    async fn begin(&self) -> Result<Stream, RefusalCode> {
        let mut stream = self.hostile.open_in(MATCH).await;
        let signature = signing::sign(&self.ask, &self.hostile.signer).unwrap();
        say(&mut stream, Say::Ask { ask: Box::new(self.ask.clone()), signature }).await;
        match hear(&mut stream).await {
            Some(Heard::Admitted) => Ok(stream),
            Some(Heard::Refused { code }) => Err(code),
            other => panic!("{other:?}"),
        }
    }

    /// Runs the match on a stream on which it was admitted: the answer, and the receipt if there is one.
    async fn run(&self, stream: &mut Stream) -> (Matched, Option<Box<SignedReceipt>>) {
        let Some(Heard::Searching { entries }) = hear(stream).await else { panic!("it does not search") };
        let asked = self.agreement.terms().asked(&self.ask).unwrap();
        let asked = Asked { places: Some(entries), ..asked };
        let permit = admit(&self.agreement, &self.ask, &self.ask.asker, &Nothing, now()).unwrap();
        let paid = permit.pay(|_, _| Ok::<_, ()>(())).unwrap();
        let signature = signing::sign(&self.ask, &self.hostile.signer).unwrap();
        let opening = canonical::encode(&(&self.ask, &signature)).unwrap();
        let (prepared, run) = (self.prepared(), Seed::new(rand::random()));
        let machine = paid.open(Role::Asker, &[&opening], || prepared.exchange(&asked, &run)).unwrap();
        let (matched, transcript) = drive(stream, machine, |_| true).await.unwrap();
        let receipt = match hear(stream).await {
            Some(Heard::Receipt(receipt)) => Some(receipt),
            None => None,
            other => panic!("{other:?}"),
        };
        assert!(receipt.iter().all(|signed| signed.receipt.transcript == transcript));
        (matched, receipt)
    }

    /// Signs for the answer, and waits until the holder has it in its journal.
    async fn countersign(&self, mut stream: Stream, receipt: &SignedReceipt) {
        let signature = signing::sign(&receipt.receipt, &self.hostile.signer).unwrap();
        say(&mut stream, Say::Countersigned(signature)).await;
        assert!(read(&mut stream).await.is_none(), "it is over");
    }
}

/// Runs of a match that the holder says the asker broke.
fn broken(holder: &Agency) -> usize {
    let failed = |(name, body): &(String, serde_json::Value)| {
        name == "failed" && body["partner_at_fault"] == serde_json::Value::Bool(true)
    };
    holder.events("failed.ndjson").iter().filter(|event| failed(event)).count()
}

fn scene() -> (Agency, Asker) {
    let mut holder = Agency::new("RS");
    let terms = FACES.terms(&["ot-garbled/1"], Hostile::CODE, 20);
    let (hostile, agreement) = Hostile::under(&holder, &terms);
    holder.import(&(0..20).map(|n| FACES.record(n, Kept::No, &FACES.face(n.into(), 0))).collect::<String>());
    holder.serve();
    let agreement = InForce::new(&agreement, None).unwrap();
    (holder, Asker::new(hostile, agreement))
}

/// Receipts that the holder signed and journalled, and those of them that the asker signed too.
fn receipts(holder: &Agency) -> [usize; 2] {
    let events = holder.events("receipts.ndjson");
    ["answered", "receipt"].map(|kind| events.iter().filter(|(name, _)| name == kind).count())
}

#[test]
fn a_match_is_not_run_again_once_the_asker_signed_that_it_has_the_answer() {
    let (mut holder, asker) = scene();
    let runtime = &asker.hostile.runtime;
    runtime.block_on(async {
        // An answer that may not have come can be asked for again.
        for _ in 0..2 {
            let (matched, receipt) = asker.run(&mut asker.begin().await.unwrap()).await;
            assert!(matches!(matched, Matched::Any(true)) && receipt.is_some());
        }
        let mut stream = asker.begin().await.unwrap();
        let receipt = asker.run(&mut stream).await.1.unwrap();
        asker.countersign(stream, &receipt).await;
    });
    let (spent, signed) = (holder.spent(), receipts(&holder));
    assert_eq!(signed[1], 1);
    let again = runtime.block_on(asker.begin());
    assert_eq!(again.err(), Some(RefusalCode::AlteredRetry));
    assert_eq!((holder.spent(), receipts(&holder)), (spent, signed));
    holder.stop();
}

#[test]
fn a_match_in_which_the_asker_broke_the_protocol_is_over_though_it_was_answered_before() {
    let (mut holder, asker) = scene();
    let runtime = &asker.hostile.runtime;
    let mut other = runtime.block_on(async {
        let first = asker.run(&mut asker.begin().await.unwrap()).await.1.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let second = asker.run(&mut asker.begin().await.unwrap()).await.1.unwrap();
        assert_ne!(first.receipt.transcript, second.receipt.transcript);
        assert_eq!(first.receipt.answered_at, second.receipt.answered_at, "the time for claims is not moved");
        // Of two that were admitted it breaks one, with a word in the place of the machine's first message.
        let other = asker.begin().await.unwrap();
        let mut stream = asker.begin().await.unwrap();
        assert!(matches!(hear(&mut stream).await, Some(Heard::Searching { .. })));
        let signature = signing::sign(&first.receipt, &asker.hostile.signer).unwrap();
        say(&mut stream, Say::Countersigned(signature)).await;
        while read(&mut stream).await.is_some() {}
        other
    });
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while broken(&holder) == 0 {
        assert!(std::time::Instant::now() < deadline, "the breach is journalled");
    }
    runtime.block_on(async {
        assert!(asker.run(&mut other).await.1.is_none(), "no receipt for the run beside it");
        assert_eq!(asker.begin().await.err(), Some(RefusalCode::AlteredRetry));
    });
    holder.stop();
}

#[test]
fn of_two_runs_of_one_match_at_once_the_second_gets_no_receipt_once_the_first_is_signed_for() {
    let (mut holder, asker) = scene();
    asker.hostile.runtime.block_on(async {
        // Both are admitted before either is answered.
        let [mut first, mut second] = [asker.begin().await.unwrap(), asker.begin().await.unwrap()];
        let receipt = asker.run(&mut first).await.1.unwrap();
        asker.countersign(first, &receipt).await;
        assert!(asker.run(&mut second).await.1.is_none(), "a receipt for another answer to the same query");
    });
    assert_eq!(receipts(&holder), [1, 1]);
    holder.stop();
}
