use super::*;
use crate::{
    canonical,
    signing::Document,
    world::{ask, count, fetch, in_force, match_ask, match_terms, setup, terms},
};

#[test]
fn the_canonical_form_is_the_one_that_was_ever_signed() {
    // A change here makes every query that was signed another one: it needs another label.
    let agreement = in_force(terms());
    let digest = |ask: &Ask| ask.digest().unwrap().to_string();
    assert_eq!(digest(&ask(&agreement)), "8f2d068af16482b549dd4831a8a721561aaf910faf20cb4da7d2778f91527b3d");
    assert_eq!(
        digest(&count(&agreement)),
        "5004bea482a4d6df410a877ac870127986e09079fa056e6f6f60e9b8d387be2c"
    );
    // Not signed, but it opens the transcript of a transfer.
    let fetch = canonical::encode(&fetch(&agreement)).unwrap();
    assert_eq!(
        Digest::of("test", &fetch).to_string(),
        "294a239e38caad33b31b639c7e6f891406ffcfb6cf568bfebfd80a2ac97accc5"
    );
}

#[test]
fn words_of_a_match_are_read_as_they_were_written() {
    let agreement = in_force(match_terms());
    let (ask, setup) = (match_ask(&agreement), setup(&agreement));
    assert_eq!(canonical::decode::<Ask>(&canonical::encode(&ask).unwrap()).unwrap(), ask);
    assert_eq!(canonical::decode::<Fetch>(&canonical::encode(&setup).unwrap()).unwrap(), setup);
    let json = serde_json::to_value(&ask).unwrap();
    assert_eq!((&json["exchange"], &json["matching"]["answer"]), (&"match".into(), &"candidates".into()));
    assert_eq!(serde_json::from_value::<Ask>(json.clone()).unwrap(), ask);
    let mut unknown = json;
    unknown["matching"]["threshold"] = 1.into();
    assert!(serde_json::from_value::<Ask>(unknown).is_err());
}

#[test]
fn a_request_stands_for_the_smallest_query_it_could_serve() {
    let agreement = in_force(match_terms());
    let (setup, terms) = (setup(&agreement), agreement.terms());
    assert_eq!((fetch(&agreement).exchange(), setup.exchange()), (ExchangeKind::Exact, ExchangeKind::Match));
    let smallest = setup.smallest_ask(terms);
    assert_eq!((smallest.items, smallest.exchange), (1, ExchangeKind::Match));
    let asked = smallest.matching.unwrap();
    assert_eq!((asked.form.as_str(), asked.answer), ("iris", MatchAnswer::Any));
    let face = Some(MatchSetup { form: "face".parse().unwrap(), ..setup.matching.clone().unwrap() });
    let asked = Fetch { matching: face, ..setup }.smallest_ask(terms).matching.unwrap();
    assert_eq!(asked.answer, MatchAnswer::Candidates, "the one answer that is agreed");
    assert_eq!(asked.positions, [Position::Face], "a place where the form is taken");
    assert_eq!(fetch(&agreement).smallest_ask(terms).matching, None);
}
