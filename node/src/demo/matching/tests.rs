use std::sync::OnceLock;

use jiff::civil::date;
use serde_json::Value;
use symbolon_policy::agreement::{FormTerms, MatchAnswer, MatchTerms};

use super::{
    people::{PROBES, Probe},
    *,
};
use crate::{control::api, engines::Choice};

const RECORDS: u32 = 60;

fn crowd() -> &'static (Crowd, String) {
    static CROWD: OnceLock<(Crowd, String)> = OnceLock::new();
    CROWD.get_or_init(|| {
        let mut register = Vec::new();
        let crowd = Crowd::invent(RECORDS, date(2026, 3, 1), &mut register).unwrap();
        (crowd, String::from_utf8(register).unwrap())
    })
}

fn plain(probe: &Probe) -> Plain {
    Plain::of(crowd().0.shelf(probe).unwrap(), probe)
}

/// An answer of so many candidates, or of any; `None` are more than the cap.
fn told(answer: MatchAnswer, candidates: Option<u64>) -> api::Matched {
    api::Matched {
        form: "face-512".parse().unwrap(),
        answer,
        hit: candidates != Some(0),
        candidates: candidates.filter(|_| answer == MatchAnswer::Candidates),
        cap: CAP,
        engine: ENGINE.parse().unwrap(),
        entries: 1_024,
        comparisons: 1_024,
        false_hits: None,
        leakage_bits: 1,
        budget: api::Budget { spent: 1, limit: 10 },
    }
}

#[test]
fn the_plain_rule_decides_by_distance() {
    let (crowd, _) = crowd();
    assert_eq!(crowd.probes.len(), PROBES.len());
    for probe in &crowd.probes {
        let plain = plain(probe);
        let there = probe.planted != Planted::Stranger;
        assert_eq!((plain.distance.is_some(), plain.planted_hit.is_some()), (there, there));
        if let (Sort::Face, Some(distance)) = (probe.sort, plain.distance) {
            assert_eq!(plain.planted_hit, Some(distance <= Sort::Face.threshold()), "{plain:?}");
        }
        assert!(plain.near_hits <= plain.hits.min(plain.near), "{plain:?}");
        assert!(plain.hits >= u64::from(plain.planted_hit == Some(true)), "{plain:?}");
    }
    let fingers = crowd.probes.iter().find(|probe| probe.sort == Sort::Fingers).unwrap();
    assert_eq!(fingers.template.usable(), 8 * 512);
    assert_eq!((plain(fingers).hits, plain(fingers).planted_hit), (1, Some(true)));
}

#[test]
fn the_register_holds_other_captures_of_both_kinds() {
    let (crowd, register) = crowd();
    let lines: Vec<Value> = register.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), RECORDS as usize);
    for line in &lines {
        let kinds: Vec<_> = line["templates"].as_array().unwrap().iter().map(|t| &t["kind"]).collect();
        assert_eq!(kinds, ["face-512", "tenprint-5120"]);
    }
    for probe in crowd.probes.iter().filter(|probe| probe.person.is_some()) {
        let asked = &probe.file()["alternatives"][0]["bits"];
        assert!(!register.contains(asked.as_str().unwrap()), "it is the very capture of the register");
    }
    // Every ninth person lacks a finger.
    let masked = lines.iter().filter(|line| line["templates"][1].get("mask").is_some()).count();
    assert_eq!(masked, RECORDS.div_ceil(9) as usize);
}

#[test]
fn the_terms_can_be_agreed() {
    let many = Many::invent(RECORDS, date(2026, 3, 1), &mut Vec::new()).unwrap();
    let terms = crowd().0.terms(&many).unwrap();
    let terms: toml::Table = toml::from_str(&terms).unwrap();
    let matching: MatchTerms = terms["matching"].clone().try_into().unwrap();
    assert!(u64::from(RECORDS) <= matching.largest_slice);
    assert!(matching.budget as usize >= PROBES.len());
    assert!(
        matching.unanswerable().is_empty() && matching.engines.iter().all(|e| matching.lacking(e).is_none())
    );
    let engine = symbolon_protocol::matching::engine::engine(ENGINE).unwrap();
    for form in &matching.forms {
        for answer in [MatchAnswer::Any, MatchAnswer::Candidates] {
            let answer = FormTerms::answer(form, answer).unwrap();
            engine.takes(&form.form(), form.alternatives, answer).unwrap();
        }
    }
}

#[test]
fn an_answer_is_held_to_the_rule_outside_the_blur() {
    let plain = |hits, near, near_hits| Plain { hits, near, near_hits, ..Plain::default() };
    let candidates = |plain: Plain, found| plain.verdict(&told(MatchAnswer::Candidates, found));
    let any = |plain: Plain, hit: bool| plain.verdict(&told(MatchAnswer::Any, Some(u64::from(hit))));

    // Nothing near the threshold.
    let clear = plain(2, 0, 0);
    let verdicts = [Some(1), Some(2), Some(3), None].map(|found| candidates(clear, found));
    assert_eq!(verdicts, [Verdict::Wrong, Verdict::Same, Verdict::Wrong, Verdict::Wrong]);
    assert_eq!([true, false].map(|hit| any(clear, hit)), [Verdict::Same, Verdict::Wrong]);
    assert_eq!([true, false].map(|hit| any(plain(0, 0, 0), hit)), [Verdict::Wrong, Verdict::Same]);

    // One hit is certain; of two near ones the rule takes one.
    let blurred = plain(2, 2, 1);
    let verdicts = [Some(0), Some(1), Some(2), Some(3), None].map(|found| candidates(blurred, found));
    let within = Verdict::WithinBlur;
    assert_eq!(verdicts, [Verdict::Wrong, within, Verdict::Same, within, Verdict::Wrong]);
    assert_eq!([true, false].map(|hit| any(plain(0, 1, 0), hit)), [within, Verdict::Same]);
    assert_eq!([true, false].map(|hit| any(plain(1, 1, 1), hit)), [Verdict::Same, within]);

    // At the cap and above it.
    let many = plain(4, 1, 1);
    assert_eq!([Some(3), None].map(|found| candidates(many, found)), [within, Verdict::Same]);
}

#[test]
fn a_wrong_answer_is_a_fault() {
    let (crowd, _) = crowd();
    let probe = &crowd.probes[1];
    let probed = |found| {
        let (plain, told) = (plain(probe), told(MatchAnswer::Candidates, Some(found)));
        Probed {
            planted: probe.planted,
            sort: probe.sort,
            record: None,
            masked: 0,
            verdict: plain.verdict(&told),
            told,
            plain,
            seconds: 1.0,
            wire: crate::demo::Wire { bytes_out: 1, bytes_in: 1 },
        }
    };
    let cost = large::Cost { engine: ENGINE, seconds: 1.0, bytes: 1 };
    let large = |found| Large {
        register: "faces",
        records: RECORDS,
        choice: Choice {
            engine: ENGINE.parse().unwrap(),
            entries: 1,
            why: String::new(),
            weighed: Vec::new(),
        },
        probe: probed(found),
        expected: cost,
        one_round: cost,
        one_round_keys: 1.0,
    };
    let matching = |found| Matching {
        large: large(plain(probe).hits),
        register: REGISTER,
        records: RECORDS,
        engine: ENGINE,
        estimated_seconds: 1.0,
        forms: Vec::new(),
        keys: Vec::new(),
        probes: vec![probed(found)],
    };
    let Plain { hits, near, .. } = plain(probe);
    let wrong = hits + near + 1;
    assert_eq!(matching(hits).faults(), Vec::<String>::new());
    assert_eq!(matching(wrong).faults().len(), 1);
    let both = Matching { large: large(wrong), ..matching(wrong) };
    assert_eq!(both.faults().len(), 2, "{:?}", both.faults());
    let mut text = String::new();
    write(&matching(wrong), &mut text).unwrap();
    assert!(text.contains("1 DIFFER"), "{text}");
}
