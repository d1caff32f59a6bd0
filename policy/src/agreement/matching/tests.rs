use symbolon_protocol::matching::rule::Rule;

use super::*;
use crate::{
    agreement::{Agreement, Terms, Unit},
    signing::Document,
    words::Digest,
    world::{in_force, key, match_ask, match_terms, matching, mk, quota, rs, signed},
};

fn with(change: impl FnOnce(&mut MatchTerms)) -> Terms {
    let mut matching = matching();
    change(&mut matching);
    Terms { matching: Some(matching), ..match_terms() }
}

fn out_of_range(change: impl FnOnce(&mut MatchTerms)) -> String {
    match with(change).check() {
        Err(AgreementError::Term { term, problem }) => {
            assert!(problem.starts_with("must "), "{problem}");
            term
        }
        other => panic!("{other:?}"),
    }
}

fn form(change: impl FnOnce(&mut FormTerms)) -> String {
    let term = out_of_range(|terms| change(&mut terms.forms[1]));
    term.strip_prefix("matching.forms[1].").unwrap_or(&term).to_owned()
}

fn projection(dimensions: u32) -> Option<Projection> {
    Some(Projection { dimensions, seed: ProjectionSeed([0xab; 32]) })
}

#[test]
fn a_draft_in_toml_and_the_agreement_in_json_have_one_id() {
    let terms = with(|t| t.forms[1].projection = projection(512));
    let agreement = signed(terms.clone());
    let draft = toml::to_string_pretty(&terms).unwrap();
    assert!(draft.contains(&format!("seed = \"{}\"", "ab".repeat(32))), "{draft}");
    assert!(draft.contains("answers = [\n    \"any\",\n    \"candidates\",\n]"), "{draft}");
    assert_eq!(toml::from_str::<Terms>(&draft).unwrap(), terms);
    let json = serde_json::to_string(&agreement).unwrap();
    assert_eq!(serde_json::from_str::<Agreement>(&json).unwrap(), agreement);
    let bytes = crate::canonical::encode(&agreement).unwrap();
    assert_eq!(crate::canonical::decode::<Agreement>(&bytes).unwrap(), agreement);
    agreement.verify().unwrap();
}

#[test]
fn a_draft_written_by_hand_needs_neither_budget_nor_projection() {
    let draft = r#"
        engines = ["tfhe/1"]
        key_hours = 24
        largest_slice = 1000
        prior_permille = 10

        [[forms]]
        name = "face-1"
        modality = "FACE"
        length = 512
        masked = false
        s = 2
        p = 5
        kappa = 300
        degrees_of_freedom = 65
        alternatives = 1
        answers = ["any"]
        cap = 1
    "#;
    let terms: MatchTerms = toml::from_str(draft).unwrap();
    assert_eq!((terms.budget, terms.budget_days), (500, 365));
    assert_eq!((terms.against_asker, terms.against_holder), (None, None));
    terms.check().unwrap();
    for level in Assurance::ALL {
        let demanding =
            draft.replace("key_hours", &format!("against_asker = \"{}\"\nkey_hours", level.as_str()));
        let demanding: MatchTerms = toml::from_str(&demanding).unwrap();
        assert_eq!((demanding.against_asker, demanding.against_holder), (Some(level), None));
    }
    for (word, other) in [
        ("cap = 1", "cap = 1\ncaps = 1"),
        ("key_hours", "key_days"),
        ("key_hours", "against_asker = \"honest\"\nkey_hours"),
        ("\"FACE\"", "\"face\""),
        ("face-1", "Face"),
        ("tfhe/1", "TFHE 1"),
        ("[\"any\"]", "[\"score\"]"),
    ] {
        assert!(toml::from_str::<MatchTerms>(&draft.replace(word, other)).is_err(), "{other}");
    }
}

#[test]
fn every_change_of_the_terms_changes_the_id() {
    let changes: Vec<fn(&mut MatchTerms)> = vec![
        |_| (),
        |t| t.engines.reverse(),
        |t| t.against_asker = Some(Assurance::Covert),
        |t| t.against_holder = Some(Assurance::Covert),
        |t| t.against_holder = Some(Assurance::Malicious),
        |t| t.key_hours += 1,
        |t| t.largest_slice += 1,
        |t| t.budget += 1,
        |t| t.budget_days += 1,
        |t| t.prior_permille += 1,
        |t| t.forms.reverse(),
        |t| t.forms[0].name = "eye".parse().unwrap(),
        |t| t.forms[0].modality = Modality::Finger,
        |t| t.forms[0].length += 1,
        |t| t.forms[0].masked = false,
        |t| t.forms[0].s += 1,
        |t| t.forms[0].p += 1,
        |t| t.forms[0].kappa += 1,
        |t| t.forms[0].degrees_of_freedom += 1,
        |t| t.forms[0].alternatives += 1,
        |t| t.forms[0].answers.truncate(1),
        |t| t.forms[0].cap += 1,
        |t| t.forms[0].projection = projection(1),
        |t| t.forms[0].projection = projection(2),
    ];
    let ids: std::collections::BTreeSet<_> =
        changes.iter().map(|change| with(change).digest().unwrap()).collect();
    assert_eq!(ids.len(), changes.len());
}

#[test]
fn every_term_out_of_range_is_named() {
    match_terms().check().unwrap();
    assert_eq!(out_of_range(|t| t.engines.clear()), "matching.engines");
    assert_eq!(out_of_range(|t| t.engines.push(t.engines[0].clone())), "matching.engines");
    let many = || (0..17).map(|n| format!("engine/{n}").parse().unwrap()).collect();
    assert_eq!(out_of_range(|t| t.engines = many()), "matching.engines");
    for hours in [0, 745] {
        assert_eq!(out_of_range(|t| t.key_hours = hours), "matching.key_hours");
    }
    for slice in [0, 10_000_001] {
        assert_eq!(out_of_range(|t| t.largest_slice = slice), "matching.largest_slice");
    }
    for budget in [0, 1_301] {
        assert_eq!(out_of_range(|t| t.budget = budget), "matching.budget");
    }
    for days in [0, 29, 3_661] {
        assert_eq!(out_of_range(|t| t.budget_days = days), "matching.budget_days");
    }
    for prior in [0, 1_000] {
        assert_eq!(out_of_range(|t| t.prior_permille = prior), "matching.prior_permille");
    }
    assert_eq!(out_of_range(|t| t.forms.clear()), "matching.forms");
    let named =
        |n: usize| FormTerms { name: format!("form-{n}").parse().unwrap(), ..matching().forms[0].clone() };
    assert_eq!(out_of_range(|t| t.forms = (0..33).map(named).collect()), "matching.forms");
    assert_eq!(out_of_range(|t| t.forms[1].name = t.forms[0].name.clone()), "matching.forms");
    for length in [0, 127, 12_801] {
        assert_eq!(form(|f| f.length = length), "length");
    }
    for (s, p) in [(0, 0), (5, 5), (6, 5), (1, 1_001)] {
        assert_eq!(form(|f| (f.s, f.p) = (s, p)), "p");
    }
    // (5 - 2) · 512 / 32 and (5 - 2) · 512 - 1.
    for kappa in [0, 47, 1_536] {
        assert_eq!(form(|f| f.kappa = kappa), "kappa");
    }
    for degrees in [0, 513] {
        assert_eq!(form(|f| f.degrees_of_freedom = degrees), "degrees_of_freedom");
    }
    for alternatives in [0, 33] {
        assert_eq!(form(|f| f.alternatives = alternatives), "alternatives");
    }
    assert_eq!(form(|f| f.answers.clear()), "answers");
    assert_eq!(form(|f| f.answers = vec![MatchAnswer::Any; 2]), "answers");
    for cap in [0, 17] {
        assert_eq!(form(|f| f.cap = cap), "cap");
    }
    for dimensions in [0, 4_097] {
        assert_eq!(form(|f| f.projection = projection(dimensions)), "projection.dimensions");
    }
}

#[test]
fn the_ends_of_every_range_stand() {
    let least = |t: &mut MatchTerms| {
        (t.key_hours, t.largest_slice, t.budget, t.budget_days, t.prior_permille) = (1, 1, 1, 30, 1);
        t.engines.truncate(1);
        t.forms.truncate(1);
        let form = &mut t.forms[0];
        (form.length, form.s, form.p, form.kappa) = (128, 0, 1, 4);
        (form.degrees_of_freedom, form.alternatives, form.cap) = (1, 1, 1);
        form.projection = projection(1);
    };
    let most = |t: &mut MatchTerms| {
        (t.key_hours, t.largest_slice, t.budget, t.budget_days, t.prior_permille) =
            (744, 10_000_000, 1_300, 3_660, 999);
        let form = &mut t.forms[0];
        (form.length, form.s, form.p, form.kappa) = (12_800, 0, 1_000, 12_799_999);
        (form.degrees_of_freedom, form.alternatives, form.cap) = (12_800, 32, 16);
        form.projection = projection(4_096);
    };
    with(least).check().unwrap();
    with(most).check().unwrap();
}

#[test]
fn a_match_alone_is_an_agreement() {
    let alone = Terms { exact: None, count: None, ..match_terms() };
    alone.check().unwrap();
    let nothing = Terms { matching: None, ..alone };
    assert!(matches!(nothing.check(), Err(AgreementError::Term { term, .. }) if term == "exact"));
}

#[test]
fn an_answer_that_only_excluded_engines_give_is_unanswerable() {
    let terms = |asker, engines: &[&str]| {
        let mut terms = matching();
        terms.engines = engines.iter().map(|name| name.parse().unwrap()).collect();
        terms.forms.truncate(1);
        let form = &mut terms.forms[0];
        (form.answers, form.cap, form.alternatives) = (vec![MatchAnswer::Candidates], 10, 1);
        terms.against_asker = asker;
        terms
    };
    let [one_round, interactive] = ["tfhe-one-round/1", "ot-garbled/1"];
    // Ten candidates are shown by one engine, which gives all that is demanded against the asker.
    assert_eq!(terms(Some(Assurance::Malicious), &[one_round, interactive]).unanswerable(), []);
    let mut two = terms(Some(Assurance::Malicious), &[one_round]);
    two.forms[0].cap = 2;
    assert_eq!(Terms { matching: Some(two.clone()), ..match_terms() }.check(), Ok(()), "it can stand");
    let [problem] = two.unanswerable().try_into().unwrap();
    assert!(problem.why.contains("tfhe-one-round/1 is only covert against the asker"), "{problem}");
    two.against_asker = Some(Assurance::Covert);
    assert_eq!(two.unanswerable(), []);
}

#[test]
fn terms_say_what_protocols_take() {
    let agreed = match_terms();
    let terms = matching();
    let (iris, face) = (&terms.forms[0], &terms.forms[1]);
    let rule = Rule { s: 2, p: 5, kappa: 600 };
    assert_eq!(iris.form(), Form { length: 2_048, masked: true, rule });
    assert_eq!(iris.answer(MatchAnswer::Any), Some(Answer::Any));
    assert_eq!(iris.answer(MatchAnswer::Candidates), Some(Answer::Candidates { cap: 4 }));
    assert_eq!(face.answer(MatchAnswer::Any), None);
    assert_eq!(terms.form(&"face".parse().unwrap()), Some(face));
    assert_eq!(terms.form(&"finger".parse().unwrap()), None);
    let agreement = in_force(match_terms());
    let ask = match_ask(&agreement);
    let answer = Answer::Candidates { cap: 4 };
    let asked = Asked {
        digest: [2; 32],
        alternatives: 5,
        answer,
        largest_slice: 1_024,
        buckets: agreed.buckets,
        places: None,
    };
    assert_eq!(agreed.asked(&ask), Some(asked));
    for items in [0, 15, 65_537] {
        assert_eq!(agreed.asked(&Ask { items, ..ask.clone() }), None);
    }
    assert_eq!(agreed.asked(&Ask { matching: None, ..ask.clone() }), None);
    let other =
        ask.matching.clone().map(|m| crate::ask::MatchAsk { engine: "third/1".parse().unwrap(), ..m });
    assert_eq!(agreed.asked(&Ask { matching: other, ..ask }), None);
}

#[test]
fn agreements_from_before_the_match_are_read_as_they_were() {
    let before = Terms { matching: None, quotas: vec![quota(Unit::Identifiers, 1_000)], ..match_terms() };
    let json = serde_json::to_string(&before).unwrap();
    assert!(!json.contains("matching"), "{json}");
    assert_eq!(serde_json::from_str::<Terms>(&json).unwrap(), before);
    let id = Agreement::new(before).unwrap().id().unwrap();
    assert_eq!(id.to_string(), "a31172f9a242ee0051f79173b07abea8fd413a5401903334d8d6191c40ce2482");
}

#[test]
fn the_canonical_form_is_the_one_that_was_ever_signed() {
    // A change here makes every agreement on matches another one: it needs another label.
    let mut agreement = Agreement::new(match_terms()).unwrap();
    agreement.sign(&rs(), &key(1)).unwrap();
    agreement.sign(&mk(), &key(2)).unwrap();
    assert_eq!(
        agreement.id().unwrap().to_string(),
        "76ea8c035daddf8dbacfd95d6eafba417efc987a08ee3f599f85f64c594afc2f"
    );
    let ask = match_ask(&in_force(match_terms()));
    assert_eq!(ask.matching.as_ref().map(|asked| asked.keys), Some(Digest([3; 32])));
    assert_eq!(
        ask.digest().unwrap().to_string(),
        "752e6dbe56ea4b38723886f0916e4318ea3e2c197428411bb052fb6f6aaf18d9"
    );
}

/// Decisions of the engine in one round blur by less than 0.5 % of the length, which is a quarter of the strangers'
/// spread only up to some 600 degrees of freedom.
#[test]
fn an_engine_that_blurs_too_much_for_a_form_is_not_taken() {
    let engine = |name| symbolon_protocol::matching::engine::engine(name).unwrap();
    let [one_round, exact] = ["tfhe-one-round/1", "ot-garbled/1"].map(engine);
    let mut iris = matching().forms[0].clone();
    assert_eq!(iris.taken_by(one_round, 1, Answer::Any), Ok(()));
    iris.degrees_of_freedom = 2_048;
    let why = iris.taken_by(one_round, 1, Answer::Any).unwrap_err();
    assert!(why.to_string().contains("blur"), "{why}");
    assert_eq!(iris.taken_by(exact, 1, Answer::Any), Ok(()));
}
