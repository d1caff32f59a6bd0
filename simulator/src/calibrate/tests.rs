use super::{line::linear, *};
use crate::run::Watch;
use symbolon_policy::{agreement::MatchAnswer, ask::MatchSetup};

/// The exchanges and the model see the same: bytes within two per cent whatever the size.
#[test]
fn bytes_of_the_default_are_those_of_the_exchanges() {
    let default = Calibration::embedded().unwrap();
    for (slice, items, counts) in
        [(50, 3, false), (300, 100, false), (2_500, 40, false), (300, 150, true), (5_000, 700, true)]
    {
        let found = one(slice, items, counts, 9).unwrap();
        let cost = default.plain(if counts { COUNT } else { EXACT });
        let near = |model: f64, real: u64, what: &str| {
            let (real, most) = (real as f64, 0.02);
            assert!(
                (model - real).abs() <= most * real,
                "{what} {slice} {items}: model {model}, real {real}"
            );
        };
        near(cost.up.of(found.size), found.traffic.to_holder, "up");
        near(cost.down.of(found.size), found.traffic.to_asker, "down");
        if !counts {
            near(cost.setup.down.of(found.size), found.filter.to_asker, "snapshot");
        }
    }
}

#[test]
fn a_line_is_found_again() {
    let made = |items: f64, records: f64| {
        let size = Size { items, records, entries: if records < 1_024.0 { 1_024.0 } else { 1.1 * records } };
        let asker = 1e-4 + 3e-5 * items + 7e-6 * records + 2e-8 * size.entries;
        Measured { size, query: Spent { asker, holder: 5e-6 * size.entries }, ..Measured::default() }
    };
    let grid: Vec<_> =
        [1.0, 10.0, 500.0].iter().flat_map(|items| [1e2, 1e3, 1e4, 1e5].map(|n| made(*items, n))).collect();
    let asker = linear(&grid, |one| one.query.asker, &[FIXED, ITEM, RECORD, ENTRY]);
    assert!((asker.fixed / 1e-4 - 1.0).abs() < 1e-6 && (asker.per_entry / 2e-8 - 1.0).abs() < 1e-6);
    assert!((asker.per_record / 7e-6 - 1.0).abs() < 1e-6 && (asker.per_item / 3e-5 - 1.0).abs() < 1e-6);
    let holder = linear(&grid, |one| one.query.holder, &[FIXED, ITEM, RECORD, ENTRY]);
    assert!((holder.per_entry / 5e-6 - 1.0).abs() < 1e-6 && holder.fixed < 1e-9 && holder.per_item < 1e-9);
}

/// What the interactive engine moves is what a run takes for it, within two per cent.
#[test]
fn bytes_of_the_interactive_engine_are_those_of_the_model() {
    let default = Calibration::embedded().unwrap();
    let engine = engine::engine("ot-garbled/1").unwrap();
    let form = templates::terms().unwrap().forms.into_iter().find(|form| form.length == 2_048).unwrap();
    let cost = default.matching("ot-garbled/1", &form, MatchAnswer::Candidates).unwrap();
    for found in templates::measure(engine, &form, &[40, 2_000], 1, &mut |_, _, _| ()).unwrap() {
        let real = (found.traffic.to_holder + found.traffic.to_asker) as f64;
        let model = cost.bytes(found.size);
        assert!((model / real - 1.0).abs() < 0.02, "{} {}: {model} {real}", form.name, found.size.entries);
    }
}

/// Wants to end when it was asked so many times.
struct After(std::sync::atomic::AtomicU32);

impl Watch for After {
    fn cancelled(&self) -> bool {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 0
    }
}

/// Keys, which take minutes by the one-round engine, can be cancelled between any two slices of work.
#[test]
fn keys_are_cancelled_while_they_are_made() {
    let keys = |turns: u32| {
        let watch = After(turns.into());
        let codes = ["ASKER".parse().unwrap(), "HOLDER".parse().unwrap()];
        let mut pair = pair(&codes, 1).unwrap().watched(&watch);
        let setup = MatchSetup { form: "form-512".parse().unwrap(), engine: "ot-garbled/1".parse().unwrap() };
        let ended = pair.keys(&question(false).unwrap(), &setup).map(|_| ());
        (ended, turns.wrapping_sub(watch.0.into_inner()))
    };
    let (whole, slices) = keys(u32::MAX);
    assert!(whole.is_ok() && slices > 1, "{whole:?} {slices}");
    for turns in 0..slices {
        assert!(matches!(keys(turns).0, Err(PairError::Cancelled)), "{turns} of {slices}");
    }
}
