//! Flags set without an import leave everything else of a record as it was.

use super::{
    slice::{LEFT, drain, eye, file, iris, rows, with},
    *,
};

#[test]
fn a_flag_changes_the_class_and_nothing_else() {
    let (_home, registers) = empty();
    import(&registers, file([with(1, json!([eye(1, "LEFT_IRIS")])), with(2, json!([]))]));
    let of = |n: u64| registers.show(&name(), &id(&format!("RS-{n}"))).unwrap().unwrap();
    let set = |n: u64, flags, begins: &mut dyn FnMut() -> std::io::Result<()>| {
        registers.flag(&name(), &id(&format!("RS-{n}")), flags, begins)
    };
    let (before, other) = (of(1), of(2));
    let identifiers = |n: usize| {
        let mut all: Vec<_> = registers.scan(&name()).unwrap().map(Result::unwrap).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all[n - 1].identifiers.clone()
    };
    let known = identifiers(1);
    let both = Flags { blocked: Some(true), contested: Some(true), marked: Some(false) };
    let mut begun = 0;
    let counted = |begun: &mut u32| {
        *begun += 1;
        Ok(())
    };
    let (record, changed) = set(1, both, &mut || counted(&mut begun)).unwrap().unwrap();
    assert_eq!(changed, Flags { marked: None, ..both }, "it was not marked");
    let mut expected = before.clone();
    (expected.subject.blocked, expected.subject.contested) = (true, true);
    assert!(record == expected && of(1) == expected && of(2) == other);
    assert!(identifiers(1) == known);
    assert!(registers.page(&name(), None, 9).unwrap().iter().any(|stored| stored.class == expected.class()));
    assert_eq!(registers.check(&name()).unwrap(), 2, "every part opens");
    assert!(drain(rows(&registers, &iris(), LEFT), 9).is_empty(), "a blocked record takes no part");

    // The same again changes nothing and begins nothing; back again it is as it was, templates too.
    let (_, changed) = set(1, both, &mut || counted(&mut begun)).unwrap().unwrap();
    assert_eq!((changed, begun), (Flags::default(), 1));
    let back = Flags { blocked: Some(false), contested: Some(false), marked: None };
    set(1, back, &mut || Ok(())).unwrap();
    assert!(of(1) == before);
    assert_eq!(drain(rows(&registers, &iris(), LEFT), 9).len(), 1);

    // Who is not there has no flags; a change that cannot be journalled does not happen.
    assert!(set(9, both, &mut || Ok(())).unwrap().is_none());
    let failed = set(2, both, &mut || Err(std::io::Error::other("full")));
    assert!(matches!(failed, Err(RegisterError::NotBegun(_))));
    assert!(of(2) == other && registers.check(&name()).unwrap() == 2);
}
