//! A partner with a valid agreement, its own keys and its own code sends what no honest node sends. Whatever it
//! sends, it gets no answer it may not have, and the honest node goes on serving its honest partners.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

#[path = "support/hostile.rs"]
mod partner;
mod support;

use std::{fs, time::Duration};

use ed25519_dalek::SigningKey;
use libp2p::{StreamProtocol, identity::Keypair};
use serde_json::Value;
use symbolon_node::network::NetworkError;
use symbolon_policy::{
    ask::{Ask, Fetch},
    canonical,
    permit::RefusalCode,
    rules::ExchangeKind,
    signing::{self, Signature},
    words::{AgreementId, Digest, LegalBasis, Purpose, SnapshotId, Timestamp},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    runtime::Runtime,
    time::{sleep, timeout},
};

use partner::{
    Answer, BLINDED, COUNT, EXACT, Heard, Hostile, JOURNAL, SNAPSHOT, Say, WORD, elements, frame, network,
    now, peer_of,
};
use support::{Agency, people, records};

/// The honest holder, its honest partner, and the hostile one.
struct Scene {
    holder: Agency,
    asker: Agency,
    hostile: Hostile,
    process: u32,
}

impl Scene {
    fn new() -> Self {
        let mut holder = Agency::new("RS").set("SESSION_TIMEOUT_SECS", "2");
        let mut asker = Agency::new("MK");
        holder.agree(&asker);
        holder.import(&records(0..50, ""));
        let hostile = {
            holder.serve();
            Hostile::new(&holder)
        };
        asker.serve();
        let process = holder.process();
        let scene = Self { holder, asker, hostile, process };
        scene.serves("at the beginning");
        scene
    }

    /// The honest partner gets its answer.
    #[track_caller]
    fn serves(&self, after: &str) {
        let done = self.asker.ask(&people([1, 60]), &["RS"]);
        assert_eq!(done.exit, Some(0), "after {after}: {done:#?}");
        assert_eq!(done.hits(), ["1"], "after {after}");
    }

    /// Sends bytes, which must disclose nothing and harm nobody.
    #[track_caller]
    fn attack(&self, what: &str, protocol: &'static str, bytes: &[u8]) -> Answer {
        let answer = self.hostile.send(protocol, bytes);
        assert!(answer.disclosed.is_empty(), "{what} was answered with {} frames", answer.disclosed.len());
        self.serves(what);
        answer
    }

    /// The most memory that the honest node ever took, in KiB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// It is the same process still, and both journals stand.
    fn end(mut self) {
        assert_eq!(self.holder.process(), self.process);
        let found = self.holder.reconcile(&self.asker, "end.ndjson");
        assert_eq!(found["discrepancies"], Value::Array(Vec::new()), "{found}");
        self.holder.stop();
    }
}

#[test]
fn garbage_of_every_kind_ends_in_a_closed_stream() {
    let scene = Scene::new();
    let before = scene.memory();
    let word = |body: &[u8]| frame(WORD, 1, body);
    // CBOR heads of arrays, maps, bytes and texts that claim 2^62 items, as the body of words that hold such.
    let huge = |name: &str, head: u8| {
        let count = (1_u64 << 62).to_be_bytes();
        let name = [&[0x60 | u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
        word(&[&[0xa1], name.as_slice(), &[head], &count, &[0; 64]].concat())
    };
    let seen = canonical::encode(&Say::Seen(1)).unwrap();
    let attacks: Vec<(&str, Vec<u8>)> = vec![
        ("nothing at all", Vec::new()),
        ("half a header", vec![0, 0, 0]),
        ("a frame of 4 GiB", vec![0xff; 64]),
        (
            "a frame one byte too long",
            [&65_537_u32.to_be_bytes(), [WORD, 1].as_slice(), &[0; 65_537]].concat(),
        ),
        ("a last flag of 7", frame(WORD, 7, b"x")),
        ("a truncated frame", frame(WORD, 1, &[0; 1_000])[..500].to_vec()),
        ("a frame of the exchange first", frame(BLINDED, 1, &elements(1, 1))),
        ("an unknown tag", frame(0x55, 1, b"what")),
        ("a word that is not whole", frame(WORD, 0, &seen)),
        ("an empty word", word(&[])),
        ("no CBOR", word(&[0xff; 100])),
        ("deep nesting", word(&[0x81; 65_536])),
        ("deep nesting of maps", word(&[0xa1, 0x61, 0x61].repeat(21_845))),
        ("deep tags", word(&[0xd8, 0x2a].repeat(32_768))),
        ("a word with something after it", word(&[seen.as_slice(), &[0]].concat())),
        ("an unknown word", word(b"\xa1\x65never\x01")),
        ("a huge array", huge("open_receipts", 0x9b)),
        ("a huge map", huge("ask", 0xbb)),
        ("a huge text", huge("cosigned", 0x7b)),
        ("huge bytes", huge("countersigned", 0x5b)),
        ("a countersignature first", Say::Countersigned(Signature([0; 64])).frame()),
        ("an admission first", Say::Admitted.frame()),
        ("a checkpoint out of order", [Say::Seen(0).frame(), Say::Cosigned(None).frame()].concat()),
        ("a size beyond the journal", Say::Seen(u64::MAX).frame()),
        ("a thousand words", Say::Seen(0).frame().repeat(1_000)),
    ];
    for (what, bytes) in &attacks {
        for protocol in [EXACT, COUNT, SNAPSHOT, JOURNAL] {
            let answer = scene.hostile.send(protocol, bytes);
            assert!(answer.disclosed.is_empty(), "{what} on {protocol} was answered");
        }
        scene.serves(what);
    }
    let after = scene.memory();
    println!("{} kinds of garbage; memory rose from {before} to {after} KiB at most", attacks.len());
    assert!(after < before + 64 * 1_024, "memory rose from {before} to {after} KiB");
    scene.end();
}

#[test]
fn signed_words_that_lie_are_refused_with_a_reason() {
    let scene = Scene::new();
    let hostile = &scene.hostile;
    let snapshot = Some(hostile.manifest().snapshot);
    let good = elements(1, 3);
    let signed = |change: &dyn Fn(&mut Ask)| {
        let mut ask = hostile.ask(snapshot, &good);
        change(&mut ask);
        [hostile.sign(&ask), frame(BLINDED, 1, &good)].concat()
    };
    use RefusalCode as Code;
    let cases: Vec<(&str, &'static str, Vec<u8>, Code)> = vec![
        ("another asker", EXACT, signed(&|ask| ask.asker = "MK".parse().unwrap()), Code::NoAgreement),
        ("another holder", EXACT, signed(&|ask| ask.holder = "MK".parse().unwrap()), Code::NoAgreement),
        ("another agreement", EXACT, signed(&|ask| ask.agreement = AgreementId([9; 32])), Code::NoAgreement),
        ("other rules", EXACT, signed(&|ask| ask.rules = Digest([9; 32])), Code::RulesMismatch),
        ("no items", EXACT, signed(&|ask| ask.items = 0), Code::BatchTooSmall),
        ("too many items", EXACT, signed(&|ask| ask.items = u32::MAX), Code::BatchTooLarge),
        (
            "an unknown register",
            EXACT,
            signed(&|ask| ask.register = "none".parse().unwrap()),
            Code::UnknownRegister,
        ),
        (
            "an unknown snapshot",
            EXACT,
            signed(&|ask| ask.snapshot = Some(SnapshotId([9; 16]))),
            Code::StaleSnapshot,
        ),
        ("no snapshot", EXACT, signed(&|ask| ask.snapshot = None), Code::StaleSnapshot),
        (
            "a snapshot for another purpose",
            EXACT,
            signed(&|ask| ask.purpose = Purpose::ReturnId),
            Code::StaleSnapshot,
        ),
        (
            "a forbidden purpose",
            COUNT,
            signed(&|ask| (ask.exchange, ask.items) = (ExchangeKind::Count, 100)),
            Code::RulesForbid,
        ),
        (
            "a clock of last year",
            EXACT,
            signed(&|ask| ask.asked_at = Timestamp(now().0 - 31_000_000)),
            Code::ClockSkew,
        ),
        ("the other exchange", COUNT, signed(&|_| ()), Code::Malformed),
        (
            "a signature by another key",
            EXACT,
            {
                let ask = hostile.ask(snapshot, &good);
                let signature = signing::sign(&ask, &SigningKey::from_bytes(&[5; 32])).unwrap();
                Say::Ask { ask: Box::new(ask), signature }.frame()
            },
            Code::Malformed,
        ),
        (
            "a signature over other words",
            EXACT,
            {
                let ask = hostile.ask(snapshot, &good);
                let signature = signing::sign(&ask, &hostile.signer).unwrap();
                Say::Ask { ask: Box::new(Ask { items: 2, ..ask }), signature }.frame()
            },
            Code::Malformed,
        ),
        (
            "a snapshot for another agency",
            SNAPSHOT,
            Say::Fetch(Box::new(Fetch { asker: "MK".parse().unwrap(), ..hostile.fetch() })).frame(),
            Code::NoAgreement,
        ),
        (
            "a snapshot on another basis",
            SNAPSHOT,
            Say::Fetch(Box::new(Fetch {
                purpose: Purpose::Simulation,
                basis: LegalBasis::VitalInterest,
                ..hostile.fetch()
            }))
            .frame(),
            Code::RulesForbid,
        ),
    ];
    let spent = scene.holder.spent();
    for (what, protocol, bytes, code) in &cases {
        let answer = hostile.send(protocol, bytes);
        assert_eq!(answer.refused(), Some(*code), "{what}: {:?}", answer.words);
        assert!(answer.disclosed.is_empty(), "{what} was answered");
    }
    assert_eq!(scene.holder.spent(), spent, "what is refused costs nothing");
    scene.serves("lies");
    scene.end();
}

#[test]
fn an_admitted_query_is_answered_as_it_was_signed_or_not_at_all() {
    let scene = Scene::new();
    let hostile = &scene.hostile;
    let manifest = hostile.manifest();
    let snapshot = Some(manifest.snapshot);
    let (good, other) = (elements(1, 3), elements(11, 3));
    let ask = |elements: &[u8], frames: &[u8]| {
        [hostile.sign(&hostile.ask(snapshot, elements)), frames.to_vec()].concat()
    };

    let (high, zero) = (vec![0xff; 96], vec![0; 96]);
    let mixed = [&good[..64], &high[..32]].concat();
    let attacks = [
        ("silence", ask(&good, &[])),
        ("bytes that are no elements", ask(&high, &frame(BLINDED, 1, &high))),
        ("the neutral element", ask(&zero, &frame(BLINDED, 1, &zero))),
        ("one bad element among good ones", ask(&mixed, &frame(BLINDED, 1, &mixed))),
        ("elements of another digest", ask(&good, &frame(BLINDED, 1, &other))),
        ("an element too few", ask(&good, &frame(BLINDED, 1, &good[..64]))),
        ("an element too many", ask(&good, &frame(BLINDED, 1, &elements(1, 4)))),
        ("half an element", ask(&good, &frame(BLINDED, 1, &good[..80]))),
        ("no end", ask(&good, &frame(BLINDED, 0, &good))),
        (
            "an end too early",
            ask(&good, &[frame(BLINDED, 1, &good[..32]), frame(BLINDED, 1, &good[32..])].concat()),
        ),
        ("empty frames", ask(&good, &frame(BLINDED, 0, &[]).repeat(1_000))),
        ("another tag", ask(&good, &frame(2, 1, &good))),
        ("a word in the exchange", ask(&good, &Say::Seen(1).frame())),
        ("a frame of 4 GiB", ask(&good, &[0xff; 16])),
    ];
    for (what, bytes) in &attacks {
        let answer = scene.attack(what, EXACT, bytes);
        assert!(matches!(answer.words.as_slice(), [Heard::Admitted]), "{what}: {:?}", answer.words);
    }
    scene.attack("an offset beyond the snapshot", SNAPSHOT, &{
        let offset = (manifest.bytes + 1).to_be_bytes();
        [Say::Fetch(Box::new(hostile.fetch())).frame(), frame(1, 1, &offset)].concat()
    });

    // One query that is well formed is answered; so is the very same again, with the same bytes, for nothing.
    let one = hostile.ask(snapshot, &good);
    let whole = [hostile.sign(&one), frame(BLINDED, 1, &good)].concat();
    let first = hostile.send(EXACT, &whole).disclosed;
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [96, 64], "three elements and a proof");
    let spent = scene.holder.spent();
    assert_eq!(hostile.send(EXACT, &whole).disclosed, first);
    scene.attack(
        "a replayed query with other elements",
        EXACT,
        &[hostile.sign(&one), frame(BLINDED, 1, &other)].concat(),
    );
    for altered in [
        Ask { digest: hostile.ask(None, &other).digest, ..one.clone() },
        Ask { officer: "officer-y".parse().unwrap(), ..one.clone() },
        Ask { items: 2, ..one.clone() },
        Ask { snapshot: None, ..one.clone() },
        Ask { register: "none".parse().unwrap(), ..one.clone() },
    ] {
        let bytes = [hostile.sign(&altered), frame(BLINDED, 1, &other)].concat();
        let refused = scene.attack("an altered retry", EXACT, &bytes).refused();
        assert_eq!(refused, Some(RefusalCode::AlteredRetry), "{altered:?}");
    }
    let honest = 2 * 6;
    assert_eq!(scene.holder.spent(), spent + honest, "neither replays nor altered retries are charged");

    // A false countersignature is worth nothing, and who leaves receipts unsigned is not answered for long.
    let forged = [whole.as_slice(), &Say::Countersigned(Signature([3; 64])).frame()].concat();
    assert_eq!(hostile.send(EXACT, &forged).disclosed, first);
    let mut answered = 1;
    let code = loop {
        let answer = hostile.send(EXACT, &ask(&good, &frame(BLINDED, 1, &good)));
        match answer.refused() {
            Some(code) => break code,
            None => answered += 1,
        }
        assert!(answered < 20, "unsigned receipts have no end");
    };
    assert_eq!(
        (code, answered),
        (RefusalCode::OpenReceipts, 9),
        "8 receipts may wait, and one more was under way"
    );
    scene.serves("unsigned receipts");
    scene.end();
}

#[test]
fn neither_silence_nor_many_streams_keep_others_out() {
    let scene = Scene::new();
    let hostile = &scene.hostile;
    // As many streams as it can get, all silent or stuck in the middle of a frame.
    let mut streams = Vec::new();
    for number in 0..60 {
        let opened =
            hostile.runtime.block_on(hostile.network.open(hostile.holder, StreamProtocol::new(EXACT)));
        let Ok(mut stream) = opened else { continue };
        if number % 2 == 0 {
            let _ = hostile.runtime.block_on(stream.write_all(&[0, 0, 1]));
        }
        streams.push(stream);
        if number % 20 == 0 {
            scene.serves("silent streams");
        }
    }
    assert!(streams.len() > 8, "{} streams were taken", streams.len());
    scene.serves("silent streams");
    // All are closed by the honest node.
    hostile.runtime.block_on(async {
        for stream in &mut streams {
            let closed = timeout(Duration::from_secs(20), stream.read_to_end(&mut Vec::new())).await;
            let _ = closed.expect("the honest node closes a silent stream");
        }
        sleep(Duration::from_millis(100)).await;
    });
    drop(streams);
    assert_eq!(scene.holder.run(&["status"]).ok()["exchanges"], 0);
    assert!(!hostile.manifest().summary().digest.iter().all(|byte| *byte == 0), "and there is room again");
    scene.end();
}

#[test]
fn a_stranger_gets_no_stream() {
    let scene = Scene::new();
    let runtime = Runtime::new().unwrap();
    let stranger = network(&runtime, Keypair::generate_ed25519());
    let holder = peer_of(&scene.holder);
    runtime.block_on(async {
        stranger.allow(holder, vec![scene.holder.address.parse().unwrap()]).await.unwrap();
        for protocol in [EXACT, COUNT, SNAPSHOT, JOURNAL] {
            let error = stranger.open(holder, StreamProtocol::new(protocol)).await.unwrap_err();
            assert!(matches!(error, NetworkError::ConnectionLost { .. }), "{protocol}: {error}");
        }
        assert!(stranger.ping(holder).await.is_err());
    });
    scene.serves("a stranger");
    scene.end();
}
