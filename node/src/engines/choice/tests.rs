use symbolon_protocol::matching::engine::engines;

use super::*;

fn name(text: &str) -> EngineName {
    text.parse().unwrap()
}

fn work(entries: u64, answer: Answer) -> Work {
    let form = symbolon_protocol::matching::rates::form(512, false, 0.3).unwrap();
    Work { form, entries, alternatives: 1, answer, cores: 2 }
}

fn all(work: &Work, keys: bool) -> Vec<Weighed> {
    engines().iter().map(|engine| Weighed::of(&name(engine.card().id), *engine, work, keys)).collect()
}

#[test]
fn the_quickest_is_chosen_and_both_are_told() {
    let work = work(106_496, Answer::Any);
    let choice = Choice::among(all(&work, true), work.entries).unwrap();
    assert_eq!(choice.engine, name("ot-garbled/1"));
    assert!(choice.why.starts_with("ot-garbled/1: about "), "{}", choice.why);
    assert!(
        choice.why.contains("106496 records at 100 Mbit/s, against tfhe-one-round/1: about "),
        "{}",
        choice.why
    );
    let [slow, quick] = choice.weighed.as_slice() else { panic!("{choice:?}") };
    assert!(slow.seconds.unwrap() > 20.0 * quick.seconds.unwrap() && slow.bytes < quick.bytes, "{choice:?}");
    // Equal ones in the order of the agreement.
    let twice = vec![
        Weighed { engine: name("first/1"), ..quick.clone() },
        Weighed { engine: name("second/1"), ..quick.clone() },
    ];
    assert_eq!(Choice::among(twice, work.entries).unwrap().engine, name("first/1"));
}

#[test]
fn keys_that_are_not_there_count() {
    let work = work(1_024, Answer::Any);
    let seconds = |keys| all(&work, keys).into_iter().map(|one| one.seconds.unwrap()).collect::<Vec<_>>();
    let (with, without) = (seconds(true), seconds(false));
    assert!(without[0] > with[0] + 30.0, "40 s a core and side: {with:?} {without:?}");
    assert!(without[1] < with[1] + 0.1, "a name only: {with:?} {without:?}");
}

#[test]
fn what_cannot_be_used_says_why() {
    let work = work(1_024, Answer::Candidates { cap: 7 });
    let weighed = all(&work, true);
    assert!(
        weighed[0].excluded.as_ref().unwrap().contains("tfhe-one-round/1: this engine shows from 1 to 6")
    );
    let choice = Choice::among(weighed, work.entries).unwrap();
    assert_eq!(choice.engine, name("ot-garbled/1"));
    assert!(choice.why.contains("; not used: tfhe-one-round/1: this engine shows"), "{}", choice.why);
    let none = vec![
        Weighed::excluded(&name("first/1"), "first/1 sleeps".to_owned()),
        Weighed::excluded(&name("second/1"), "second/1 is ill".to_owned()),
    ];
    assert_eq!(Choice::among(none, 1).unwrap_err(), "first/1 sleeps; second/1 is ill");
}
