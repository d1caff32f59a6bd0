use super::*;

fn store(dir: &tempfile::TempDir) -> CanaryStore {
    CanaryStore::new(dir.path().join("canaries"), StorageKey::from_bytes([1; 32]))
}

const NOW: Timestamp = Timestamp(1_795_000_000);

fn canary(name: &str, partner: &str) -> Canary {
    let held = (partner.parse().unwrap(), "border".parse().unwrap(), vec![Purpose::IrregEntry]);
    let span = (NOW, NOW.plus(Timestamp::DAY));
    Canary::new(name.into(), (Kind::TravelDocument, format!("secret of {name}").as_bytes()), held, span)
}

#[test]
fn canaries_are_sealed_drawn_where_they_fit_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    assert!(store.all().unwrap().is_empty());
    store
        .change(|all| {
            all.extend([canary("one", "MK"), canary("two", "MK"), canary("other", "AL")]);
            Ok(())
        })
        .unwrap();
    let bytes = std::fs::read(dir.path().join("canaries")).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"secret"));
    let (partner, register) = ("MK".parse().unwrap(), "border".parse().unwrap());
    let wanted = |now, purpose, items, most| Wanted {
        partner: &partner,
        register: &register,
        purpose,
        now,
        items,
        most,
    };
    let names = |wanted: Wanted<'_>, share| -> Vec<String> {
        let mut names: Vec<_> =
            store.draw(&wanted, share).unwrap().into_iter().map(|drawn| drawn.name).collect();
        names.sort();
        names
    };
    let entry = Purpose::IrregEntry;
    assert_eq!(names(wanted(NOW, entry, 1_000, 2_000), 500), ["one", "two"]);
    for (now, purpose, most, share) in [
        (NOW, entry, 2_000, 0),
        (NOW, entry, 1_000, 500),
        (NOW, Purpose::Terrorism, 2_000, 500),
        (NOW.plus(-1), entry, 2_000, 500),
        (NOW.plus(Timestamp::DAY), entry, 2_000, 500),
    ] {
        assert!(names(wanted(now, purpose, 1_000, most), share).is_empty());
    }
    let found = [("one".to_owned(), true), ("two".to_owned(), false), ("nobody".to_owned(), true)];
    store.note((&partner, &register), &found).unwrap();
    store.note((&partner, &register), &found[..1]).unwrap();
    let tally: Vec<_> = store.all().unwrap().iter().map(|c| (c.asked, c.found)).collect();
    assert_eq!(tally, [(2, 2), (1, 0), (0, 0)]);
    // Another salt, another commitment: nobody who guesses the identifier can confirm it.
    assert_ne!(canary("one", "MK").commitment().unwrap(), canary("one", "MK").commitment().unwrap());
    std::fs::write(dir.path().join("canaries"), b"else").unwrap();
    assert!(store.all().is_err());
}

#[test]
fn canaries_are_the_wanted_share_of_the_items() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    store
        .change(|all| {
            all.extend((0..200).map(|n| canary(&n.to_string(), "MK")));
            Ok(())
        })
        .unwrap();
    let (partner, register) = ("MK".parse().unwrap(), "border".parse().unwrap());
    let wanted = Wanted {
        partner: &partner,
        register: &register,
        purpose: Purpose::IrregEntry,
        now: NOW,
        items: 100,
        most: 1_000,
    };
    let drawn: usize = (0..200).map(|_| store.draw(&wanted, 50).unwrap().len()).sum();
    // 20,000 items, and canaries so that they are a twentieth of all: 1,053 expected, standard deviation 32.
    assert!((860..1_250).contains(&drawn), "{drawn}");
}

#[test]
fn the_rate_of_detection_is_that_of_drawing_item_after_item() {
    for (c, s) in [(0.02, 0.1), (0.5, 0.5), (1.0, 1.0), (0.1, 0.0)] {
        let mut missed = 1.0;
        for n in 0..200 {
            assert!((detection(c, s, n) - (1.0 - missed)).abs() < 1e-12, "{c} {s} {n}");
            missed *= 1.0 - c * s;
        }
    }
    // The figure of the design: a share of 2 %, a tenth suppressed, a thousand items.
    assert!((detection(0.02, 0.1, 1_000) - 0.864_9).abs() < 1e-3);
}
