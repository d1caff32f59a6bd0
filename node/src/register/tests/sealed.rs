//! Templates on the disk: sealed, opened only for a match, and bound to their record.

use symbolon_protocol::exchange::Fault;

use super::{
    slice::{LEFT, code, drain, eye, file, iris, rows, searchable, with},
    *,
};

#[test]
fn damage_is_not_counted_over() {
    let (_home, registers) = empty();
    import(&registers, file((0..4).map(|n| with(n, json!([eye(n, "LEFT_IRIS")])))));
    let register = registers.register(&name()).unwrap();
    let key = register.vault.key(&id("RS-2"));
    let value = register.tree.get(key).unwrap().unwrap();
    let fails = || searchable(&registers, &name(), &iris(), LEFT).map(drop);

    let mut reader = rows(&registers, &iris(), LEFT);
    register.tree.remove(key).unwrap();
    assert!(matches!(fails(), Err(RegisterError::Incomplete { noted: 4, found: 3, .. })));
    let read: Result<Vec<_>, Fault> = (0..5).map(|_| reader.next(1)).collect();
    assert!(matches!(read.map(drop), Err(Fault::Local(_))));

    let head = 2 + usize::from(u16::from_be_bytes([value[0], value[1]]));
    let mut altered = value.to_vec();
    altered[head + 4 + 50] ^= 1;
    register.tree.insert(key, altered).unwrap();
    assert!(matches!(fails(), Err(RegisterError::Corrupt { .. })));
    // Who reads identifiers or shows the record does not open the templates.
    assert_eq!(registers.scan(&name()).unwrap().filter(Result::is_ok).count(), 4);
    assert!(registers.show(&name(), &id("RS-2")).unwrap().is_some());
    assert!(matches!(registers.check(&name()), Err(RegisterError::Corrupt { .. })));

    register.tree.insert(key, value).unwrap();
    fails().unwrap();
}

#[test]
fn templates_are_of_their_head_and_cannot_be_taken_away() {
    let (_home, registers) = empty();
    let register = registers.register(&name()).unwrap();
    let key = register.vault.key(&id("RS-1"));
    let version = |n: u64| {
        import(&registers, file([with(1, json!([eye(n, "LEFT_IRIS")]))]));
        register.tree.get(key).unwrap().unwrap().to_vec()
    };
    let (first, second) = (version(1), version(2));
    assert_eq!(first.len(), second.len());
    let head = 2 + usize::from(u16::from_be_bytes([first[0], first[1]]));
    let size = usize::try_from(u32::from_be_bytes(first[head..head + 4].try_into().unwrap())).unwrap();
    let (begin, end) = (head + 4, head + 4 + size);
    let none = 0_u32.to_be_bytes();
    for value in [
        [&second[..begin], &first[begin..end], &second[end..]].concat(),
        [&second[..head], &none, &second[end..]].concat(),
        [&second[..head], &second[end..]].concat(),
        second[..head + 2].to_vec(),
    ] {
        register.tree.insert(key, value).unwrap();
        let read = searchable(&registers, &name(), &iris(), LEFT).map(drop);
        assert!(matches!(read, Err(RegisterError::Corrupt { .. })), "{read:?}");
        assert!(registers.check(&name()).is_err());
    }
    register.tree.insert(key, second).unwrap();
    assert_eq!(drain(rows(&registers, &iris(), LEFT), 1), [vec![(0, code(2, "LEFT_IRIS").to_vec())]].into());
}

/// A record without templates lies as it did before there were any.
#[test]
fn records_without_templates_have_two_parts() {
    let (_home, registers) = empty();
    import(&registers, lines(1..2));
    let register = registers.register(&name()).unwrap();
    let key = register.vault.key(&id("RS-1"));
    let value = register.tree.get(key).unwrap().unwrap();
    let head = 2 + usize::from(u16::from_be_bytes([value[0], value[1]]));
    let body = serde_json::to_vec(&registers.show(&name(), &id("RS-1")).unwrap().unwrap()).unwrap();
    assert_eq!(value.len(), head + body.len() + crate::sealing::OVERHEAD);
    assert!(!String::from_utf8(body).unwrap().contains("templates"));
}

#[test]
fn what_is_shown_has_no_bits_and_the_disk_neither() {
    let (home, registers) = empty();
    let eye = eye(1, "LEFT_IRIS");
    import(
        &registers,
        file([with(1, json!([eye, {"position": "FACE", "kind": "face-1", "embedding": [1.5, 2.5]}]))]),
    );
    let record = registers.show(&name(), &id("RS-1")).unwrap().unwrap();
    let shown = serde_json::to_value(&record).unwrap();
    assert_eq!(
        shown["templates"],
        json!([
            {"position": "LEFT_IRIS", "kind": "iris-2", "length": 128},
            {"position": "FACE", "kind": "face-1", "dimensions": 2},
        ])
    );
    drop(registers);
    let disk = std::fs::read(home.path().join("db")).unwrap();
    let holds = |bytes: &[u8]| disk.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(b"register/border"));
    assert!(!holds(&code(1, "LEFT_IRIS")) && !holds(b"iris-2") && !holds(b"LEFT_IRIS"));
    assert!(!holds(&[1.5_f32.to_le_bytes(), 2.5_f32.to_le_bytes()].concat()));
}
