//! A holder with a valid agreement and keys of its own runs the real machines of the interactive engine and lies in
//! single messages. The honest asker's node notices, ends the query, journals who broke the protocol, and does not ask
//! again: each further run could tell the partner one more bit of the probe.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "support/hostile.rs"]
mod partner;
#[path = "support/stream.rs"]
mod stream;
mod support;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
};

use ed25519_dalek::SigningKey;
use libp2p::{StreamProtocol, identity::Keypair};
use serde_json::Value;
use symbolon_node::network::{Inbound, Network, NetworkConfig, Stream};
use symbolon_policy::{
    agreement::Terms,
    ask, canonical,
    keys::KeySet,
    permit::{InForce, admit, admit_fetch, admit_prepare},
    signing,
    words::AgencyCode,
};
use symbolon_protocol::{
    exchange::{Fault, Frame},
    matching::{
        ahead::{Keep, Kept as Reads, Plan, Preparation},
        engine::{Group, Rows},
        template::Template,
    },
    padding::Buckets,
    seed::Seed,
    transcript::Role,
};
use tokio::{io::AsyncWriteExt as _, runtime::Runtime};

use partner::{Heard, Hostile, Say, agreed, now, peer_of};
use stream::{KEYS, MATCH, Nothing, PREPARE, drive, hear, say};
use support::{Agency, Done, Faces, PERMITTED, REGISTER};

/// Faces, and people in the liar's register.
const FACES: Faces = Faces(256);
const PEOPLE: u64 = 300;

/// Messages of the engine, by their tags on the wire (docs/protocols/match-interactive.md); 0 for none.
const NOTHING: u8 = 0;
const CORRECTIONS: u8 = 7;
const WEIGHTS: u8 = 10;
const NUMBERS: u8 = 12;
const VALUE: u8 = 15;
const PLACES: u8 = 2;
const TABLES: u8 = 17;

/// Templates that are all alike.
struct Same(u64);

impl Rows for Same {
    fn groups(&self) -> u64 {
        PEOPLE
    }
    fn next(&mut self, most: usize) -> Result<Vec<Group>, Fault> {
        let count = self.0.min(most as u64);
        self.0 -= count;
        let template = Template::from_bytes(FACES.0, &[0x5a; FACES.0 / 8], None).unwrap();
        Ok((0..count).map(|_| Group { rows: vec![(0, template.clone())] }).collect())
    }
}

/// The partner that lies.
struct Liar {
    agreement: InForce,
    signer: SigningKey,
    /// The tag of the message in which it lies.
    lies: AtomicU8,
    /// The tag of the message in place of which it hangs up.
    cuts: AtomicU8,
    /// How many records it says that it searches.
    says: AtomicU64,
    /// Matches that were begun.
    begun: AtomicU32,
    /// What the setup of keys gave.
    name: Mutex<Vec<u8>>,
    /// What was prepared last.
    half: Mutex<Option<Preparation>>,
}

/// Frames of a preparation.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<VecDeque<Frame>>>);

impl Keep for Shelf {
    fn keep(&mut self, frame: &Frame) -> Result<(), Fault> {
        self.0.lock().unwrap().push_back(frame.clone());
        Ok(())
    }
}

impl Reads for Shelf {
    fn spend(&mut self) -> Result<(), Fault> {
        Ok(())
    }
    fn next(&mut self) -> Result<Frame, Fault> {
        Ok(self.0.lock().unwrap().pop_front().unwrap())
    }
}

/// Changes one bit of every item of one message, whatever their size. Whether it is sent.
fn lie(frame: &mut Frame, lies: u8, cuts: u8) -> bool {
    if frame.tag == lies {
        frame.body.iter_mut().step_by(8).for_each(|byte| *byte ^= 1);
    }
    frame.tag != cuts
}

impl Liar {
    fn own() -> AgencyCode {
        Hostile::CODE.parse().unwrap()
    }

    /// Sets up keys as an honest partner does.
    async fn keys(&self, mut stream: Stream) {
        let Heard::Fetch(fetch) = hear(&mut stream).await.unwrap() else { panic!("no request for keys") };
        say(&mut stream, Say::Admitted).await;
        let setup = fetch.matching.clone().unwrap();
        let terms = self.agreement.terms().matching.as_ref().unwrap();
        let form = terms.form(&setup.form).unwrap().form();
        let engine = ask::engine(&setup.engine).unwrap();
        let paid = admit_fetch(&self.agreement, &fetch, &Self::own(), &Nothing, now()).unwrap();
        let opening = canonical::encode(&fetch).unwrap();
        let seed = Seed::new(rand::random());
        let machine = paid.open(Role::Holder, &[&opening], || engine.accept(&form, &seed, &seed)).unwrap();
        let (name, transcript) = drive(&mut stream, machine, |_| true).await.unwrap();
        // What the setup gives both is the name that is in the keys' file; the match needs it again.
        *self.name.lock().unwrap() = name;
        let set = KeySet::of(&fetch, transcript, now(), terms.key_hours).unwrap();
        let signature = signing::sign(&set, &self.signer).unwrap();
        say(&mut stream, Say::Keys { set: Box::new(set), signature }).await;
        let _ = stream.shutdown().await;
    }

    /// Makes a preparation, and lies in one message.
    async fn prepare(&self, mut stream: Stream) {
        let Heard::Prepare(signed) = hear(&mut stream).await.unwrap() else {
            panic!("no request to prepare")
        };
        say(&mut stream, Say::Admitted).await;
        let prepare = &signed.prepare;
        let Terms { matching, buckets, .. } = self.agreement.terms();
        let (terms, buckets) = (matching.as_ref().unwrap(), *buckets);
        let setup = prepare.fetch.matching.as_ref().unwrap();
        let form = terms.form(&setup.form).unwrap().form();
        let name = self.name.lock().unwrap().clone();
        let answering = ask::engine(&setup.engine).unwrap().answering(&form, &name).unwrap();
        let plan = Plan { id: prepare.id.0, alternatives: 1, largest_slice: terms.largest_slice, buckets };
        let paid = admit_prepare(&self.agreement, prepare, &Self::own(), &Nothing, now()).unwrap();
        let (seed, frames) = (Seed::new(rand::random()), Shelf::default());
        let keep = Box::new(frames.clone());
        let machine = || answering.ahead(&plan, Box::new(Same(PEOPLE)), &seed, keep);
        let opening = canonical::encode(&*signed).unwrap();
        let machine = paid.open(Role::Holder, &[&opening], machine).unwrap();
        let lies = self.lies.load(Ordering::SeqCst);
        let (note, _) = drive(&mut stream, machine, |frame| lie(frame, lies, NOTHING)).await.unwrap();
        say(&mut stream, Say::Kept).await;
        assert!(matches!(hear(&mut stream).await, Some(Heard::Kept)));
        *self.half.lock().unwrap() = Some(Preparation { plan, seed, note, frames: Box::new(frames) });
        let _ = stream.shutdown().await;
    }

    /// Answers a match, with what was prepared if the asker names it, lies in one message, and breaks off before the receipt.
    async fn search(&self, mut stream: Stream) {
        let Heard::Ask { ask, signature, prepared } = hear(&mut stream).await.unwrap() else {
            panic!("no query")
        };
        self.begun.fetch_add(1, Ordering::SeqCst);
        say(&mut stream, Say::Admitted).await;
        let entries = self.says.load(Ordering::SeqCst);
        say(&mut stream, Say::Searching { entries, seconds: 1, prepared: prepared.is_some() }).await;
        let asked = self.agreement.terms().asked(&ask).unwrap();
        let terms = self.agreement.terms().matching.as_ref().unwrap();
        let form = terms.form(&ask.matching.as_ref().unwrap().form).unwrap().form();
        let engine = ask::engine(&ask.matching.as_ref().unwrap().engine).unwrap();
        let name = self.name.lock().unwrap().clone();
        let answering = engine.answering(&form, &name).unwrap();
        let permit = admit(&self.agreement, &ask, &Self::own(), &Nothing, now()).unwrap();
        let paid = permit.pay(|_, _| Ok::<_, ()>(())).unwrap();
        let opening = canonical::encode(&(&*ask, &signature)).unwrap();
        let [seed, run] = [(); 2].map(|()| Seed::new(rand::random()));
        let half = self.half.lock().unwrap().take().filter(|_| prepared.is_some());
        let machine = || match half {
            None => answering.answer(&asked, Box::new(Same(PEOPLE)), &seed, &run),
            Some(half) => answering.answer_ahead(&asked, Box::new(Same(PEOPLE)), &run, half),
        };
        let machine = paid.open(Role::Holder, &[&opening], machine).unwrap();
        let [lies, cuts] = [&self.lies, &self.cuts].map(|tag| tag.load(Ordering::SeqCst));
        drive(&mut stream, machine, |frame| lie(frame, lies, cuts)).await;
    }
}

async fn serve(liar: Arc<Liar>, mut incoming: tokio::sync::mpsc::Receiver<Inbound>) {
    while let Some(Inbound { protocol, stream, .. }) = incoming.recv().await {
        let liar = liar.clone();
        tokio::spawn(async move {
            match protocol.as_ref() {
                KEYS => liar.keys(stream).await,
                PREPARE => liar.prepare(stream).await,
                MATCH => liar.search(stream).await,
                _ => {}
            }
        });
    }
}

#[track_caller]
fn ask_it(asker: &Agency) -> Done {
    FACES.ask(asker, Hostile::CODE, "any", &["5a".repeat(FACES.0 / 8)], &[]).wait()
}

/// How the journal says that runs of a query ended, whether by the partner's fault or not, and the last time why.
#[track_caller]
fn ended(asker: &Agency, query: &Value) -> (Vec<bool>, String) {
    let events = asker.events("ended.ndjson").into_iter();
    let failed = events.filter(|(name, event)| name == "failed" && event["query"] == *query);
    let failed: Vec<Value> = failed.map(|(_, event)| event).collect();
    assert!(failed.iter().all(|event| event["side"] == "asker"), "{failed:#?}");
    let last = failed.last().expect("it is journalled")["reason"].as_str().unwrap().to_owned();
    (failed.iter().map(|event| event["partner_at_fault"].as_bool().unwrap()).collect(), last)
}

/// A holder that lies, an asker, and the network that carries them.
fn scene() -> (Runtime, Network, Arc<Liar>, Agency) {
    let runtime = Runtime::new().unwrap();
    let mut asker = Agency::new("MK");
    let (node, signer) = (Keypair::generate_ed25519(), SigningKey::from_bytes(&rand::random()));
    let config = NetworkConfig {
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        protocols: [KEYS, PREPARE, MATCH].map(StreamProtocol::new).into(),
        ..NetworkConfig::default()
    };
    let (network, incoming): (Network, _) = runtime.block_on(Network::start(config, node.clone())).unwrap();
    let addresses = network.listen_addresses().iter().map(ToString::to_string).collect();
    let terms = FACES.terms(&["ot-garbled/1"], "MK", 20);
    let agreement = agreed(&asker, &node, &signer, addresses, &terms);
    let agreement = InForce::new(&agreement, None).unwrap();
    let liar = Liar {
        agreement,
        signer,
        lies: AtomicU8::new(NOTHING),
        cuts: AtomicU8::new(NOTHING),
        says: AtomicU64::new(Buckets::USUAL.places(PEOPLE)),
        begun: AtomicU32::new(0),
        name: Mutex::default(),
        half: Mutex::default(),
    };
    let liar = Arc::new(liar);
    runtime.block_on(network.allow(peer_of(&asker), vec![asker.address.parse().unwrap()])).unwrap();
    runtime.spawn(serve(liar.clone(), incoming));
    asker.serve();
    (runtime, network, liar, asker)
}

/// A preparation is not charged: who lies in one, or in a match that uses one, is not given another try.
#[test]
fn a_holder_that_lies_with_a_preparation_gets_no_other() {
    let (_runtime, _network, liar, mut asker) = scene();
    let prepare = || {
        let [purpose, basis] = PERMITTED;
        let words =
            ["query", "prepare", "--peer", Hostile::CODE, "--register", REGISTER, "--purpose", purpose];
        asker.run(
            &[&words[..], &["--basis", basis, "--officer", "officer-1", "--case", "--form", "face-256"]]
                .concat(),
        )
    };
    let failed = || {
        let events = asker.events("preparations.ndjson").into_iter();
        events.filter(|(name, _)| name == "preparation_failed").map(|(_, event)| event).collect::<Vec<_>>()
    };
    for (round, (ahead, on_line)) in [(CORRECTIONS, NOTHING), (NOTHING, VALUE)].into_iter().enumerate() {
        liar.lies.store(ahead, Ordering::SeqCst);
        prepare().ok();
        liar.lies.store(on_line, Ordering::SeqCst);
        let done = ask_it(&asker);
        assert_eq!(done.answer()["outcome"]["outcome"], "failed", "{done:#?}");
        assert_eq!(ended(&asker, &done.answer()["query"]).0, [true]);
        let events = failed();
        assert_eq!(events.len(), round + 1, "{events:#?}");
        assert_eq!((&events[round]["partner"], &events[round]["side"]), (&"XX".into(), &"asker".into()));
        assert_eq!(prepare().exit, Some(3), "refused by this node");
        let allow = ["peer", "allow-preparations", "XX", "--reason", "spoke with them"];
        asker.run(&allow).ok();
    }
    liar.lies.store(NOTHING, Ordering::SeqCst);
    prepare().ok();
    assert_eq!(failed().len(), 2);
    asker.stop();
}

#[test]
fn a_holder_that_fails_the_check_is_journalled_and_never_asked_again() {
    let (_runtime, _network, liar, mut asker) = scene();
    for (what, tag) in [
        ("false corrections", CORRECTIONS),
        ("weights that are other than were used", WEIGHTS),
        ("false numbers of the choices", NUMBERS),
        ("a false value", VALUE),
    ] {
        liar.lies.store(tag, Ordering::SeqCst);
        let before = liar.begun.load(Ordering::SeqCst);
        let done = ask_it(&asker);
        let outcome = &done.answer()["outcome"];
        assert_eq!((done.exit, &outcome["outcome"]), (Some(4), &"failed".into()), "{what}: {done:#?}");
        let said = outcome["failure"]["what"].as_str().unwrap();
        assert!(said.contains("the partner broke the protocol"), "{what}: {done:#?}");
        let query = done.answer()["query"].clone();
        assert_eq!(ended(&asker, &query).0, [true], "{what}");

        // Neither now nor by hand: it was run once.
        let again = asker.run(&["query", "resume", query.as_str().unwrap()]);
        assert_eq!(again.exit, Some(2), "{what}: {again:#?}");
        let refused = again.json["failed"]["what"].as_str().unwrap();
        assert!(refused.contains("the partner broke the protocol in the match"), "{what}: {refused}");
        assert_eq!(liar.begun.load(Ordering::SeqCst), before + 1, "{what}: it was run again");
    }

    // Another size than was said is noticed before anything depends on the probe.
    liar.lies.store(NOTHING, Ordering::SeqCst);
    let other = Buckets::USUAL.pad(20 * PEOPLE);
    assert_ne!(other, Buckets::USUAL.places(PEOPLE));
    liar.says.store(other, Ordering::SeqCst);
    let done = ask_it(&asker);
    let (faults, why) = ended(&asker, &done.answer()["query"]);
    assert!(faults == [true] && why.contains("another number of items than was announced"), "{why}");
    asker.run(&["audit", "verify"]).ok();
    assert_eq!(
        asker.spent(),
        2 * 5,
        "each of five queries is charged once: one probe of the budget and of the quota"
    );
    asker.stop();
}

#[test]
fn a_holder_that_hangs_up_is_tried_again_only_before_it_can_have_learnt_anything() {
    let (_runtime, _network, liar, mut asker) = scene();
    let runs = |what: &mut dyn FnMut() -> Done| {
        let before = liar.begun.load(Ordering::SeqCst);
        let done = what();
        (done, liar.begun.load(Ordering::SeqCst) - before)
    };
    let resume = |query: &Value| asker.run(&["query", "resume", query.as_str().unwrap()]);
    // Before the first check the asker's node tries again by itself; and it is nobody's fault.
    liar.cuts.store(PLACES, Ordering::SeqCst);
    let (done, tried) = runs(&mut || ask_it(&asker));
    assert_eq!(done.answer()["outcome"]["outcome"], "failed", "{done:#?}");
    let query = done.answer()["query"].clone();
    assert_eq!((tried, ended(&asker, &query).0), (5, vec![false]));
    // It may be resumed, so a breach in that run is journalled although the query failed before. Then it is over.
    liar.cuts.store(NOTHING, Ordering::SeqCst);
    liar.lies.store(CORRECTIONS, Ordering::SeqCst);
    assert_eq!(runs(&mut || resume(&query)).1, 1);
    assert_eq!(ended(&asker, &query).0, [false, true]);
    let (refused, tried) = runs(&mut || resume(&query));
    assert_eq!((refused.exit, tried), (Some(2), 0), "{refused:#?}");

    // A liar that knows that its check passed: it hangs up in place of the tables, or of the receipt.
    liar.lies.store(NOTHING, Ordering::SeqCst);
    for cuts in [TABLES, NOTHING] {
        liar.cuts.store(cuts, Ordering::SeqCst);
        let (done, tried) = runs(&mut || ask_it(&asker));
        let query = done.answer()["query"].clone();
        let (faults, why) = ended(&asker, &query);
        assert_eq!((done.exit, tried, faults), (Some(4), 1, vec![false]), "{done:#?}");
        assert!(why.contains("does not try again by itself"), "{why}");
        // By hand: one run more, and one entry more.
        assert_eq!(runs(&mut || resume(&query)).1, 1);
        assert_eq!(ended(&asker, &query).0, [false, false]);
    }
    asker.run(&["audit", "verify"]).ok();
    assert_eq!(asker.spent(), 2 * 3);
    asker.stop();
}
