//! Work ahead of a match between two nodes as processes of their own: made, kept over restarts, used once, stale, lost,
//! killed in the middle, and broken by a partner without honour.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "support/hostile.rs"]
mod partner;
mod support;

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use partner::{Heard, Hostile, Say, elements, frame, now};
use serde_json::json;
use support::{Agency, Cable, Done, Faces, Kept, PERMITTED, REGISTER, Running};
use symbolon_policy::{
    permit::RefusalCode,
    prepare::{Prepare, SignedPrepare},
    signing,
    words::{Digest, Position},
};

const FACES: Faces = Faces(256);
/// People in the register, and how many positions may differ in a hit.
const PEOPLE: u32 = 1_500;
const MOST: usize = FACES.most();

fn terms(asker: &str) -> String {
    FACES.terms(&["ot-garbled/1"], asker, 40)
}

fn with_face(number: u32) -> String {
    FACES.record(number, Kept::No, &FACES.face(number.into(), 0))
}

fn start(asker: &Agency, number: u32, apart: usize) -> Running {
    start_with(asker, "any", number, apart)
}

fn start_with(asker: &Agency, answer: &str, number: u32, apart: usize) -> Running {
    FACES.ask(asker, "RS", answer, &[FACES.face(number.into(), apart)], &[])
}

/// Whether a match is a hit, how much of it was done ahead, and bytes to the asker.
#[track_caller]
fn told(done: &Done) -> (bool, String, u64) {
    let answer = done.answer();
    assert_eq!((done.exit, &answer["outcome"]["outcome"]), (Some(0), &"matched".into()), "{done:#?}");
    let hit = answer["outcome"]["hit"].as_bool().unwrap();
    (hit, answer["ahead"].as_str().unwrap().to_owned(), answer["bytes_in"].as_u64().unwrap())
}

#[track_caller]
fn asked(asker: &Agency, number: u32, apart: usize) -> (bool, String, u64) {
    told(&start(asker, number, apart).wait())
}

fn prepare(asker: &Agency) -> Done {
    let [purpose, basis] = PERMITTED;
    let words = ["query", "prepare", "--peer", "RS", "--register", REGISTER, "--purpose", purpose];
    let rest = ["--basis", basis, "--officer", "officer-1", "--case", "--form", "face-256"];
    asker.run(&[words.as_slice(), &rest].concat())
}

/// Files of halves on this node.
fn halves(agency: &Agency) -> Vec<PathBuf> {
    let files = fs::read_dir(agency.home().join("prepared")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "own" || end == "partner")).collect()
}

/// How many lie ready by the node's own word.
#[track_caller]
fn lying(agency: &Agency) -> u64 {
    let status = agency.run(&["status"]).ok();
    status["prepared"]["kinds"].as_array().unwrap().iter().map(|kind| kind["count"].as_u64().unwrap()).sum()
}

fn settings(agency: &Agency, lines: &str) {
    let file = OpenOptions::new().append(true).open(agency.home().join("config.toml"));
    writeln!(file.unwrap(), "[prepared]\n{lines}").unwrap();
}

fn restart(agencies: [&mut Agency; 2]) {
    for agency in agencies {
        agency.stop();
        agency.serve();
    }
}

/// Two nodes that serve, with a register at the first. `settings` are those of the asker.
fn two(cable: Option<Cable>, asker_settings: &str) -> (Agency, Agency) {
    let agency = |code| cable.map_or_else(|| Agency::new(code), |cable| Agency::behind(code, cable));
    let (mut holder, mut asker) = (agency("RS"), agency("MK"));
    holder.agree_on(&asker, &terms("MK"));
    holder.import(&(0..PEOPLE).map(with_face).collect::<String>());
    if !asker_settings.is_empty() {
        settings(&asker, asker_settings);
    }
    holder.serve();
    asker.serve();
    (holder, asker)
}

fn end(mut holder: Agency, mut asker: Agency) {
    let compared = holder.reconcile(&asker, "end.ndjson");
    assert_eq!(compared["discrepancies"], json!([]), "{compared}");
    holder.stop();
    asker.stop();
}

#[test]
fn a_preparation_is_kept_over_restarts_used_once_and_stale_when_the_register_changes() {
    let (mut holder, mut asker) = two(None, "");
    let spent = [asker.spent(), holder.spent()];
    let made = prepare(&asker).ok();
    assert!(made["moved"]["bytes_in"].as_u64().unwrap() > 400_000, "{made}");
    assert_eq!([asker.spent(), holder.spent()], spent, "it is not charged");
    assert_eq!([lying(&holder), lying(&asker)], [1, 1]);
    restart([&mut holder, &mut asker]);
    assert_eq!([lying(&holder), lying(&asker)], [1, 1], "after a restart");

    let (hit, ahead, less) = asked(&asker, 7, MOST);
    assert_eq!((hit, ahead.as_str()), (true, "prepared"), "just within the threshold");
    assert!(halves(&holder).is_empty() && halves(&asker).is_empty(), "it is used up");
    let (hit, ahead, all) = asked(&asker, 7, MOST + 1);
    assert_eq!((hit, ahead.as_str()), (false, "in_full"), "just beyond, and there is no second time");
    assert!(4 * less < 3 * all, "{less} of {all} bytes");

    // The probe is not known when it is made, nor what is to be told.
    prepare(&asker).ok();
    let candidates = start_with(&asker, "candidates", 8, 20).wait();
    assert_eq!((told(&candidates).0, told(&candidates).1.as_str()), (true, "prepared"));
    assert_eq!(candidates.answer()["outcome"]["candidates"], 1);

    // Nothing is lost to a partner that is not there.
    prepare(&asker).ok();
    holder.stop();
    let failed = start(&asker, 7, 3).wait();
    assert_eq!(failed.answer()["outcome"]["outcome"], "failed", "{failed:#?}");
    assert_eq!(lying(&asker), 1);
    holder.serve();
    let query = failed.answer()["query"].as_str().unwrap();
    assert_eq!(told(&asker.run(&["query", "resume", query])).1, "prepared");

    // The register changes between: the answer is that of the register as it is.
    prepare(&asker).ok();
    assert!(!asked(&asker, PEOPLE, 0).0, "nobody yet");
    prepare(&asker).ok();
    holder.import(&with_face(PEOPLE));
    let (hit, ahead, bytes) = asked(&asker, PEOPLE, 3);
    assert_eq!((hit, ahead.as_str()), (true, "stale"));
    assert!(bytes + 1_000 > all, "in full: {bytes} of {all}");
    assert!(halves(&holder).is_empty() && halves(&asker).is_empty());

    // A match of two alternatives is of another kind.
    prepare(&asker).ok();
    let done = FACES.ask(&asker, "RS", "any", &[FACES.face(8, 0), FACES.face(8, 0)], &[]).wait();
    assert_eq!((told(&done).0, told(&done).1.as_str()), (true, "in_full"));
    assert_eq!([lying(&holder), lying(&asker)], [1, 1], "it waits for its own");
    end(holder, asker);
}

#[test]
fn a_half_that_is_gone_at_either_side_makes_a_match_in_full() {
    let (mut holder, mut asker) = two(None, "");
    for lost_by_asker in [false, true] {
        // While the node runs, and while it does not.
        for running in [true, false] {
            prepare(&asker).ok();
            let loser = if lost_by_asker { &mut asker } else { &mut holder };
            if !running {
                loser.stop();
            }
            let half = halves(loser);
            assert_eq!(half.len(), 1);
            fs::remove_file(&half[0]).unwrap();
            if !running {
                loser.serve();
            }
            // The holder keeps what the asker has no half of, until it needs the place.
            let what = format!("by the asker: {lost_by_asker}; running: {running}");
            let (hit, ahead, _) = asked(&asker, 9, 5);
            assert_eq!((hit, ahead.as_str()), (true, "in_full"), "{what}");
            let left = if lost_by_asker && !running { 1 } else { 0 };
            assert_eq!(halves(&holder).len(), left, "{what}");
            assert!(halves(&asker).is_empty(), "{what}");
        }
    }
    // A file that was put back is not the one that was made.
    prepare(&asker).ok();
    let half = halves(&asker).remove(0);
    let copy = asker.path("copy");
    fs::copy(&half, &copy).unwrap();
    assert_eq!(asked(&asker, 9, 5).1, "prepared");
    asker.stop();
    fs::copy(&copy, &half).unwrap();
    asker.serve();
    assert!(halves(&asker).is_empty(), "it may have been used");
    assert_eq!(asked(&asker, 9, 5).1, "in_full");
    end(holder, asker);
}

/// Waits until the one half of a node is gone.
#[track_caller]
fn until_spent(agency: &Agency, query: &mut Running) {
    let begun = Instant::now();
    while !halves(agency).is_empty() {
        assert!(query.runs(), "the query ended, and the half is there");
        assert!(begun.elapsed() < Duration::from_secs(120), "it is never spent");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn whoever_is_killed_after_it_spent_its_half_goes_on_in_full() {
    // Long enough that the first turn has not left when the half is spent: the asker waits for a word of the holder.
    let cable = Cable { bits: 40e6, delay: Duration::from_millis(300) };
    let (mut holder, mut asker) = two(Some(cable), "");
    prepare(&asker).ok();
    let mut query = start(&asker, 11, 4);
    until_spent(&asker, &mut query);
    asker.kill();
    assert_ne!(query.wait().exit, Some(0), "it was in its middle");
    asker.serve();
    assert!(halves(&asker).is_empty(), "nothing came back");
    let events = asker.events("queries.ndjson");
    let (_, last) = events.iter().rfind(|(name, _)| name == "query").unwrap();
    let id = last["ask"]["query"].as_str().unwrap().to_owned();
    let spent = asker.spent();
    let (hit, ahead, _) = told(&asker.run(&["query", "resume", &id]));
    assert_eq!((hit, ahead.as_str()), (true, "in_full"));
    assert_eq!(asker.spent(), spent, "the same query");

    prepare(&asker).ok();
    let mut query = start(&asker, 12, 4);
    until_spent(&holder, &mut query);
    holder.kill();
    holder.serve();
    let (hit, ahead, _) = told(&query.wait());
    assert_eq!((hit, ahead.as_str()), (true, "in_full"), "it was tried again");
    assert!(halves(&holder).is_empty() && halves(&asker).is_empty());
    end(holder, asker);
}

#[test]
fn the_next_match_is_prepared_in_the_background_also_after_a_restart() {
    let (mut holder, mut asker) = two(None, "keep = 1");
    let ready = |asker: &Agency| {
        let begun = Instant::now();
        while lying(asker) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(120), "nothing is prepared\n{}", asker.log());
            thread::sleep(Duration::from_millis(100));
        }
    };
    assert_eq!(lying(&asker), 0, "nothing was asked");
    assert_eq!(asked(&asker, 5, 3).1, "in_full");
    ready(&asker);
    assert_eq!((asked(&asker, 6, 3).0, asked(&asker, 6, MOST + 1).0), (true, false));
    ready(&asker);
    // One that is lost while the node is down is made again: it knows what was asked.
    asker.stop();
    halves(&asker).iter().for_each(|half| fs::remove_file(half).unwrap());
    asker.serve();
    ready(&asker);
    assert_eq!((halves(&asker).len(), lying(&asker)), (1, 1), "and no more than one");
    restart([&mut holder, &mut asker]);
    let (hit, ahead, _) = asked(&asker, 7, 3);
    assert_eq!((hit, ahead.as_str()), (true, "prepared"));
    end(holder, asker);
}

/// A partner without honour, with keys for the match.
struct Without(Hostile, Digest);

impl Without {
    /// Sets up keys as an honest partner does.
    fn with_keys(hostile: Hostile) -> Self {
        let bytes = [Say::Fetch(Box::new(hostile.fetch_keys(FACES))).frame(), frame(1, 1, &[5; 32])].concat();
        let answer = hostile.send("/symbolon/keys/1", &bytes);
        let keys = answer.words.into_iter().find_map(|word| match word {
            Heard::Keys { set } => Some(set.keys),
            _ => None,
        });
        Self(hostile, keys.unwrap())
    }

    fn wanted(&self) -> Prepare {
        Prepare {
            id: Digest(rand::random()),
            fetch: self.0.fetch_keys(FACES),
            keys: self.1,
            positions: vec![Position::Face],
            asked_at: now(),
        }
    }

    /// Asks for a preparation and says something else than is due. Gives the code of a refusal.
    fn prepares(&self, prepare: Prepare, then: &[u8]) -> Option<RefusalCode> {
        let signature = signing::sign(&prepare, &self.0.signer).unwrap();
        self.says(SignedPrepare { prepare, signature }, then)
    }

    fn says(&self, signed: SignedPrepare, then: &[u8]) -> Option<RefusalCode> {
        let bytes = [Say::Prepare(Box::new(signed)).frame(), then.to_vec()].concat();
        let answer = self.0.send("/symbolon/prepare/1", &bytes);
        let admitted = answer.words.iter().any(|word| matches!(word, Heard::Admitted));
        assert_ne!(admitted, answer.refused().is_some(), "{:?}", answer.words);
        answer.refused()
    }
}

#[test]
fn a_partner_that_breaks_a_preparation_gets_no_other_until_a_person_says_so() {
    let mut holder = Agency::new("RS");
    let (hostile, _) = Hostile::under(&holder, &terms(Hostile::CODE));
    holder.import(&(0..20).map(with_face).collect::<String>());
    holder.serve();
    let without = Without::with_keys(hostile);
    let broken = |holder: &Agency| {
        let events = holder.events("broken.ndjson").into_iter();
        events.filter(|(name, _)| name == "preparation_failed").map(|(_, event)| event).collect::<Vec<_>>()
    };

    // What is refused before anything begins.
    let good = without.wanted();
    let signature = signing::sign(&good, &without.0.signer).unwrap();
    let altered = SignedPrepare { prepare: Prepare { id: Digest([1; 32]), ..good.clone() }, signature };
    assert_eq!(without.says(altered, &[]), Some(RefusalCode::Malformed));
    let refused = |prepare: Prepare| without.prepares(prepare, &[]);
    let of = |change: fn(&mut Prepare)| {
        let mut wanted = without.wanted();
        change(&mut wanted);
        refused(wanted)
    };
    assert_eq!(of(|wanted| wanted.asked_at = wanted.asked_at.plus(-3_600)), Some(RefusalCode::ClockSkew));
    assert_eq!(of(|wanted| wanted.positions.clear()), Some(RefusalCode::BatchTooSmall));
    assert_eq!(of(|wanted| wanted.positions = vec![Position::Face; 3]), Some(RefusalCode::BatchTooLarge));
    assert_eq!(of(|wanted| wanted.keys = Digest([3; 32])), Some(RefusalCode::StaleKeys));
    assert_eq!(of(|wanted| wanted.fetch.matching = None), Some(RefusalCode::Malformed));
    assert_eq!(
        of(|wanted| wanted.fetch.purpose = "SIMULATION".parse().unwrap()),
        Some(RefusalCode::RulesForbid)
    );

    // Who only breaks off is not at fault, and leaves nothing behind.
    assert_eq!(without.prepares(without.wanted(), &[]), None);
    assert_eq!((halves(&holder), broken(&holder)), (vec![], vec![]));

    // Trees and choices that are none, in the right sizes: a try at the holder's bits.
    let tried =
        [frame(4, 1, &elements(0, 128)), frame(5, 1, &[0; 32 * 256]), frame(6, 1, &[0; 4 * FACES.0 + 16])];
    assert_eq!(without.prepares(without.wanted(), &tried.concat()), None);
    let events = broken(&holder);
    let [event] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!((&event["partner"], &event["side"]), (&"XX".into(), &"holder".into()), "{event}");
    assert!(event["reason"].as_str().unwrap().contains("the partner broke the protocol"), "{event}");
    assert_eq!(event["signed"]["prepare"]["fetch"]["asker"], "XX", "the partner's own word: {event}");
    assert_eq!(refused(without.wanted()), Some(RefusalCode::NotPrepared));
    let status = holder.run(&["status"]).ok();
    assert_eq!(status["prepared"]["stopped"][0][0], "XX", "{status}");
    holder.stop();
    holder.serve();
    assert_eq!(refused(without.wanted()), Some(RefusalCode::NotPrepared), "the journal remembers");
    assert_eq!(broken(&holder).len(), 1, "a refusal is no failure");

    let allow = ["peer", "allow-preparations", "XX", "--reason", "a test of theirs"];
    holder.run(&allow).ok();
    assert_eq!(holder.run(&allow).exit, Some(2), "nothing was stopped");
    assert_eq!(without.prepares(without.wanted(), &[]), None, "admitted again");

    // Without room none is taken.
    holder.stop();
    settings(&holder, "most_bytes = 1000");
    holder.serve();
    assert_eq!(refused(without.wanted()), Some(RefusalCode::NotPrepared));
    assert!(halves(&holder).is_empty());
    holder.stop();
}
