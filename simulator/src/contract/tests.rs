//! The fast path against the node's own way in, [`permit::admit`].

use std::collections::BTreeMap;

use proptest::prelude::*;
use symbolon_policy::{
    agreement::Agreement,
    ask::Ask,
    permit::{self, InForce, RefusalCode},
    quota::{self, Balance, Ledger, Meter, MeterKey},
    rules::{Kind, ReleaseContext, RuleSet},
    words::{AgencyCode, AgreementId, Timestamp},
};

use super::*;
use crate::{
    identity::key,
    library,
    region::{CLASSES, class},
};

/// Readings as a test sets them.
#[derive(Clone, Debug)]
struct Readings {
    /// By meter, whatever the period.
    spent: BTreeMap<Meter, u64>,
    balance: Balance,
}

impl Ledger for Readings {
    fn spent(&self, key: &MeterKey) -> u64 {
        self.spent.get(&key.meter).copied().unwrap_or(0)
    }

    fn balance(&self, _: &AgreementId, _: &AgencyCode) -> Balance {
        self.balance
    }

    fn unexplained(&self, _: &AgreementId, _: Timestamp) -> u64 {
        // Simulated officers judge every hit.
        0
    }
}

struct World {
    scenario: Scenario,
    proposal: Proposal,
    contract: Contract,
    sides: BTreeMap<AgencyCode, InForce>,
}

/// A proposal of the ready pair, with the example of national rules on one side.
fn world(id: &str) -> World {
    let ready = library::ready("bilateral").unwrap();
    let scenario = Scenario::parse(ready.text).unwrap();
    let all = Proposal::all(&scenario, &ready).unwrap();
    let mut proposal = all.into_iter().find(|proposal| proposal.id == id).unwrap();
    let code = |code: &str| code.parse::<AgencyCode>().unwrap();
    let national = symbolon_policy::rules::NATIONAL_EXAMPLE;
    proposal = proposal.with_national(&code("MK"), national, "national").unwrap();
    proposal = proposal.set("quotas.0.limit", &40.into()).unwrap();
    let contract = Contract::new(&scenario, &proposal, &Calibration::embedded().unwrap()).unwrap();
    let mut agreement = Agreement::new(proposal.deals.values().next().unwrap().clone()).unwrap();
    for code in scenario.codes() {
        agreement.sign(&code, &key(&code)).unwrap();
    }
    let sides = scenario.codes().into_iter().map(|code| {
        let own = proposal.national.get(&code).map(|text| RuleSet::parse(text, Kind::National).unwrap());
        (code, InForce::new(&agreement, own).unwrap())
    });
    let sides = sides.collect();
    World { scenario, proposal, contract, sides }
}

/// What the node says of a query of a line: both its sides.
fn node(world: &World, line: &Line, readings: [&Readings; 2], now: i64) -> Result<(), RefusalCode> {
    let codes = world.scenario.codes();
    let (a, h) = (&codes[line.asker], &codes[line.holder]);
    let terms = world.proposal.deals.values().next().unwrap();
    let words = ask(&world.scenario.practice[line.practice], terms, a, h).unwrap();
    for (code, readings) in [a, h].into_iter().zip(readings) {
        let side = &world.sides[code];
        let words = Ask { agreement: side.id(), rules: side.rules_digest(), ..words.clone() };
        permit::admit(side, &words, code, readings, Timestamp(now)).map_err(|refusal| refusal.code)?;
    }
    Ok(())
}

/// What the fast path says.
fn fast(
    world: &World,
    line: &Line,
    spent: &BTreeMap<Meter, u64>,
    balance: Balance,
    now: i64,
) -> Result<(), bool> {
    if !line.covered {
        return Err(false);
    }
    let codes = world.scenario.codes();
    let terms = world.proposal.deals.values().next().unwrap();
    let words = ask(&world.scenario.practice[line.practice], terms, &codes[line.asker], &codes[line.holder]);
    let meters = quota::charges(terms, &words.unwrap(), Timestamp(now));
    let mut numbers = Numbers { now, items: line.items, ..Numbers::default() };
    let mut tightest = f64::INFINITY;
    for (using, charge) in line.uses.iter().zip(&meters) {
        let kind = world.contract.meters[using.meter];
        let used = spent.get(&charge.key.meter).copied().unwrap_or(0) as f64 + using.of(line.items.into());
        if used > kind.limit {
            return Err(true);
        }
        if using.is_quota && kind.limit - used < tightest {
            tightest = kind.limit - used;
            (numbers.quota_used, numbers.quota_limit) = (used, kind.limit);
        }
    }
    (numbers.given, numbers.received) = (balance.given as f64, balance.received as f64);
    let mut tables = line.tables.iter().map(|table| &world.contract.tables[*table]);
    if tables.all(|table| table.permits(&numbers)) { Ok(()) } else { Err(false) }
}

#[test]
fn queries_are_decided_as_the_node_decides_them() {
    for id in ["pcc", "restrained"] {
        let world = world(id);
        let people = |line: &&Line| line.exchange != ExchangeKind::Count;
        let lines: Vec<&Line> = world.contract.lines.iter().filter(people).collect();
        assert!(lines.len() >= 6);
        let start = world.sides.values().next().unwrap().terms().valid_from.0;
        let seen = [0, 1, 2].map(|_| std::cell::Cell::new(0_u32));
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(1_000));
        let strategy = (
            0..lines.len(),
            prop::sample::select(vec![0_u64, 1, 37, 38, 39, 40, 45, 9_990, 9_998, 9_999, 10_000]),
            prop::sample::select(vec![0_u64, 390, 399, 400, 498, 499, 500]),
            (0_u64..3_000, prop::sample::select(vec![0_u64, 1, 10, 400, 2_000])),
            0_i64..400 * 24,
        );
        runner
            .run(&strategy, |(place, identifiers, probes, (given, received), hour)| {
                let line = lines[place];
                let now = start + hour * 3_600 + 1;
                let mut spent = BTreeMap::new();
                for (index, quota) in world.sides.values().next().unwrap().terms().quotas.iter().enumerate() {
                    let reading = match quota.unit {
                        symbolon_policy::agreement::Unit::Probes => probes,
                        _ => identifiers,
                    };
                    spent.insert(Meter::Quota { index: index as u32, officer: None }, reading);
                }
                spent.insert(Meter::Probes { register: REGISTER.parse().unwrap() }, probes);
                let balance = Balance { given, received };
                let other = Balance { given: received, received: given };
                let at_asker = Readings { spent: spent.clone(), balance: other };
                let at_holder = Readings { spent: spent.clone(), balance };
                let real = node(&world, line, [&at_asker, &at_holder], now);
                let found = fast(&world, line, &spent, balance, now);
                let same = match (&real, &found) {
                    (Ok(()), Ok(())) => true,
                    (Err(code), Err(quota)) => {
                        *quota == matches!(code, RefusalCode::QuotaExceeded | RefusalCode::ProbesSpent)
                    }
                    _ => false,
                };
                let count = &seen[match &found {
                    Ok(()) => 0,
                    Err(true) => 1,
                    Err(false) => 2,
                }];
                count.set(count.get() + 1);
                prop_assert!(same, "{real:?} {found:?} {id} {} {now}", line.exchange.as_str());
                Ok(())
            })
            .unwrap();
        // All three came up, or the test shows nothing.
        assert!(seen.iter().all(|n| n.get() > 20), "{seen:?}");
    }
}

/// Every cell of every table, not only those a run meets, holds what Cedar itself says of a query in it.
#[test]
fn every_cell_is_what_cedar_says() {
    let world = world("restrained");
    let terms = world.proposal.deals.values().next().unwrap();
    let codes = world.scenario.codes();
    for line in &world.contract.lines {
        let words =
            ask(&world.scenario.practice[line.practice], terms, &codes[line.asker], &codes[line.holder]);
        let words = words.unwrap();
        for table in &line.tables {
            let table = &world.contract.tables[*table];
            for numbers in table.points() {
                let by_cedar = table.consult(&numbers);
                assert_eq!(table.permits(&numbers), by_cedar, "{numbers:?} {words:?}");
                // And a second time, from the cell.
                assert_eq!(table.permits(&numbers), by_cedar);
            }
        }
    }
}

#[test]
fn slices_and_releases_are_those_of_the_agreement_in_force() {
    let world = world("restrained");
    let codes = world.scenario.codes();
    for line in &world.contract.lines {
        let practice = &world.scenario.practice[line.practice];
        let (a, h) = (&codes[line.asker], &codes[line.holder]);
        let side = &world.sides[h];
        let slice = side.slice(a, h, &REGISTER.parse().unwrap(), practice.purpose, practice.exchange);
        for place in 0..CLASSES {
            assert_eq!(line.slice[place], slice.contains(&class(place)));
        }
        for (place, needs) in line.needs.iter().enumerate() {
            for (field, need) in practice.fields.iter().zip(needs) {
                for approvals in 0..=2 {
                    let context = ReleaseContext {
                        asker: a.clone(),
                        officer: OFFICER.parse().unwrap(),
                        holder: h.clone(),
                        register: REGISTER.parse().unwrap(),
                        purpose: practice.purpose,
                        legal_basis: practice.basis,
                        exchange: practice.exchange,
                        field: *field,
                        approvals,
                    };
                    let released = side.rulebook().release(&context, &class(place)).permitted;
                    assert_eq!(released, need.is_some_and(|need| need <= approvals), "{field} {approvals}");
                }
            }
        }
    }
}
