//! A slice is read once for probes that follow each other, and nothing but the same slice is taken for it.

use std::time::Duration;

use symbolon_policy::{
    agreement::FormTerms,
    rules::{ExchangeKind, Kind, RuleSet, Rulebook, SearchContext, Slice},
    words::{Digest, Position, Purpose},
};

use super::{
    slice::{LEFT, code, drain, eye, file, iris, open, with},
    *,
};

const OWN: Digest = Digest([1; 32]);

/// A register of four eyes that are kept once they were read.
fn keeping() -> (TempDir, Registers) {
    let (home, mut registers) = empty();
    registers.kept = Room::new();
    import(&registers, file((0..4).map(|n| with(n, json!([eye(n, "LEFT_IRIS")])))));
    (home, registers)
}

fn read(registers: &Registers, whose: Digest, wanted: Wanted) -> Result<Searchable, RegisterError> {
    registers.templates(&name(), whose, wanted, |record, had| {
        let mut member = *record;
        member[0] ^= had[0];
        member
    })
}

fn wanted() -> Wanted {
    Wanted::new(open(), day("2026-06-01"), &iris(), LEFT).unwrap()
}

/// Takes a record away without a word, so that whoever reads the register notices.
fn take_away(registers: &Registers) {
    let register = registers.register(&name()).unwrap();
    register.tree.remove(register.vault.key(&id("RS-2"))).unwrap().unwrap();
}

/// Lets nobody take part.
fn closed() -> Slice {
    let none = "@id(\"none\")\n@title(\"None\")\nforbid(principal, action, resource);\n";
    Rulebook::new(RuleSet::parse(none, Kind::Shared).unwrap(), None).unwrap().slice(&SearchContext {
        asker: "MK".parse().unwrap(),
        holder: "RS".parse().unwrap(),
        register: name(),
        purpose: Purpose::IrregEntry,
        exchange: ExchangeKind::Match,
    })
}

#[test]
fn the_same_slice_is_read_once() {
    let (_home, registers) = keeping();
    let first = read(&registers, OWN, wanted()).unwrap();
    take_away(&registers);
    let second = read(&registers, OWN, wanted()).unwrap();
    assert_eq!((first.members.len(), &first.members), (4, &second.members));
    let all = (0..4).map(|n| vec![(0, code(n, "LEFT_IRIS").to_vec())]).collect();
    // Both at once, each from its own beginning.
    assert_eq!([drain(second.rows, 3), drain(first.rows, 1)], [&all, &all].map(Clone::clone));
}

#[test]
fn another_slice_is_read_again() {
    let other = |slice, today, form: &FormTerms, positions: &[Position]| {
        Wanted::new(slice, day(today), form, positions).unwrap()
    };
    let stricter = FormTerms { masked: false, ..iris() };
    let right = &[Position::RightIris];
    let others = [
        (Digest([2; 32]), wanted()),
        (OWN, other(closed(), "2026-06-01", &iris(), LEFT)),
        (OWN, other(open(), "2026-06-02", &iris(), LEFT)),
        (OWN, other(open(), "2026-06-01", &stricter, LEFT)),
        (OWN, other(open(), "2026-06-01", &iris(), right)),
    ];
    for (at, (whose, wanted_now)) in others.into_iter().enumerate() {
        let (_home, registers) = keeping();
        read(&registers, OWN, wanted()).unwrap();
        take_away(&registers);
        let again = read(&registers, whose, wanted_now).map(drop);
        assert!(
            matches!(again, Err(RegisterError::Incomplete { noted: 4, found: 3, .. })),
            "{at}: {again:?}"
        );
        // What was kept made room.
        assert!(read(&registers, OWN, wanted()).is_err(), "{at}");
    }
}

#[test]
fn a_change_and_time_end_it() {
    let (_home, registers) = keeping();
    let mut before = read(&registers, OWN, wanted()).unwrap().rows;
    import(&registers, file([with(9, json!([eye(9, "LEFT_IRIS")]))]));
    assert!(before.next(1).is_err());
    let after = read(&registers, OWN, wanted()).unwrap();
    assert_eq!(after.members.len(), 5);
    registers.forget_kept();
    take_away(&registers);
    assert_eq!(read(&registers, OWN, wanted()).unwrap().members, after.members);
    registers.kept.forget(Duration::ZERO);
    assert!(read(&registers, OWN, wanted()).is_err());
}

#[test]
fn a_slice_that_does_not_fit_is_read_again() {
    let (_home, mut registers) = keeping();
    let members = read(&registers, OWN, wanted()).unwrap().members;
    registers.kept = Room::of(300);
    let large = read(&registers, OWN, wanted()).unwrap();
    assert_eq!(large.members, members);
    assert_eq!(drain(large.rows, 3).len(), 4);
    take_away(&registers);
    assert!(read(&registers, OWN, wanted()).is_err());
}

/// Whoever comes while a slice is read does not wait for it.
#[test]
fn nobody_waits_for_the_slice_of_another() {
    let (_home, registers) = keeping();
    let _busy = registers.kept.slot().unwrap();
    assert!(registers.kept.slot().is_none());
    let all = (0..4).map(|n| vec![(0, code(n, "LEFT_IRIS").to_vec())]).collect();
    assert_eq!(drain(read(&registers, OWN, wanted()).unwrap().rows, 3), all);
}
