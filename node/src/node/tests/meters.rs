//! What the status tells of meters.

use symbolon_policy::{
    agreement::Terms,
    quota::{Charge, Meter, MeterKey},
    words::Timestamp,
};

use super::{
    pair::{agree_on, exact, pair_on, terms},
    *,
};
use crate::{clock, config::Config, journal::Event};

/// The draft with the terms of a match that stand in it as comments, valid since two days ago.
pub(super) fn with_match(draft: String) -> String {
    let (text, comments) = draft.split_once("# [matching]").unwrap();
    let uncommented = comments.replace("\n# ", "\n").replace("\n#\n", "\n");
    let mut terms: Terms = toml::from_str(&format!("{text}[matching]{uncommented}")).unwrap();
    terms.valid_from = clock::now().plus(-2 * Timestamp::DAY);
    toml::to_string(&terms).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_spent_before_an_amendment_are_told_as_spent() {
    let (holder, asker, _serving) = pair_on(2, Config::default(), with_match).await;
    let core = asker.core();
    let answer = exact(&asker, 0..2, terms()).await;
    let asked = core.book.state().query(Side::Asker, &answer.query.unwrap()).unwrap().unwrap();
    let agreement = core.book.agreement(&asked.ask.agreement).unwrap();
    // Seven probes, as a match would be charged.
    let days = i64::from(agreement.terms().matching.as_ref().unwrap().budget_days);
    let key = MeterKey {
        agreement: agreement.id(),
        asker: asked.ask.asker.clone(),
        meter: Meter::Probes { register: "border".parse().unwrap() },
        period: clock::now().period(days * Timestamp::DAY),
    };
    let ask = symbolon_policy::ask::Ask { query: symbolon_policy::words::QueryId([9; 16]), ..asked.ask };
    let charges = vec![Charge { key, amount: 7, limit: 500 }];
    core.book.record(&Event::Query { side: Side::Asker, ask, signature: asked.signature, charges }).unwrap();

    let mut amendment = agreement.terms().clone();
    (amendment.amends, amendment.valid_from) = (Some(agreement.id()), clock::now().plus(-Timestamp::DAY));
    agree_on(&holder, &asker, |_| toml::to_string(&amendment).unwrap()).await;
    let Ok(Reply::Status(status)) = asker.ask(Request::Status).await else { panic!("status") };
    // One line for the agreement they were spent under, one for the amendment.
    let mut probes: Vec<_> = status.meters.iter().filter(|line| line.meter == "probes of border").collect();
    probes.sort_by_key(|line| line.agreement != agreement.id());
    let [before, after] = probes[..] else { panic!("{:?}", status.meters) };
    assert_eq!((before.agreement, before.spent, before.limit), (agreement.id(), 7, 500));
    assert_eq!((after.spent, after.limit), (7, 500));
}
