//! The templates of a slice: who takes part, what is compared with what, and what a change does.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use symbolon_policy::{
    agreement::{FormTerms, MatchAnswer, Projection as ProjectionTerms},
    rules::{ExchangeKind, Kind, RuleSet, Rulebook, SearchContext, Slice},
    words::{Digest, Modality, Position, ProjectionSeed, Purpose},
};
use symbolon_protocol::{
    exchange::Fault,
    matching::{engine::Rows, projection::Projection, template::Template},
    seed::Seed,
};

use super::*;

/// Lets everything take part that no floor keeps out.
pub(super) fn open() -> Slice {
    let all = "@id(\"all\")\n@title(\"All\")\npermit(principal, action, resource);\n";
    let rules = RuleSet::parse(all, Kind::Shared).unwrap();
    Rulebook::new(rules, None).unwrap().slice(&SearchContext {
        asker: "MK".parse().unwrap(),
        holder: "RS".parse().unwrap(),
        register: name(),
        purpose: Purpose::IrregEntry,
        exchange: ExchangeKind::Match,
    })
}

pub(super) fn iris() -> FormTerms {
    FormTerms {
        name: "iris-2".parse().unwrap(),
        modality: Modality::Iris,
        length: 128,
        masked: true,
        s: 2,
        p: 5,
        kappa: 50,
        degrees_of_freedom: 60,
        alternatives: 14,
        answers: vec![MatchAnswer::Any],
        cap: 1,
        projection: None,
    }
}

fn face(seed: u8) -> FormTerms {
    let projection = Some(ProjectionTerms { dimensions: 3, seed: ProjectionSeed([seed; 32]) });
    FormTerms {
        name: "face-1".parse().unwrap(),
        modality: Modality::Face,
        masked: false,
        projection,
        ..iris()
    }
}

/// The code of record `n` at a position.
pub(super) fn code(n: u64, position: &str) -> [u8; 16] {
    let mut bytes = [u8::try_from(position.len()).unwrap(); 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(super) fn eye(n: u64, position: &str) -> serde_json::Value {
    let bits = HEXLOWER.encode(&code(n, position));
    json!({"position": position, "kind": "iris-2", "length": 128, "bits": bits})
}

/// Record `n` with templates.
pub(super) fn with(n: u64, templates: serde_json::Value) -> serde_json::Value {
    let mut record: serde_json::Value = serde_json::from_str(&line(n, 0)).unwrap();
    record["expires"] = json!("2034-06-01");
    record["templates"] = templates;
    record
}

pub(super) fn file(records: impl IntoIterator<Item = serde_json::Value>) -> String {
    records.into_iter().map(|record| format!("{record}\n")).collect()
}

/// What takes part, or why it cannot be read.
pub(super) fn searchable(
    registers: &Registers,
    name: &RegisterName,
    form: &FormTerms,
    positions: &[Position],
) -> Result<Searchable, RegisterError> {
    let wanted = Wanted::new(open(), day("2026-06-01"), form, positions)?;
    registers.templates(name, Digest([1; 32]), wanted, |record, _| *record)
}

pub(super) fn rows(registers: &Registers, form: &FormTerms, positions: &[Position]) -> Box<dyn Rows> {
    let Searchable { rows, members } = searchable(registers, &name(), form, positions).unwrap();
    assert_eq!(rows.groups(), members.len() as u64);
    rows
}

pub(super) type Found = BTreeSet<Vec<(u16, Vec<u8>)>>;

/// The groups that rows give, `most` at a time.
pub(super) fn drain(mut rows: Box<dyn Rows>, most: usize) -> Found {
    let (mut found, mut count) = (BTreeSet::new(), 0);
    loop {
        let groups = rows.next(most).unwrap();
        assert!(groups.len() <= most);
        if groups.is_empty() {
            break;
        }
        count += groups.len() as u64;
        let plain = |(alternative, template): (u16, Template)| (alternative, template.to_bytes().0);
        found.extend(groups.into_iter().map(|group| group.rows.into_iter().map(plain).collect::<Vec<_>>()));
    }
    assert_eq!((rows.groups(), found.len() as u64), (count, count));
    assert!(rows.next(most).unwrap().is_empty());
    found
}

fn left(n: u64) -> Vec<(u16, Vec<u8>)> {
    vec![(0, code(n, "LEFT_IRIS").to_vec())]
}

pub(super) const LEFT: &[Position] = &[Position::LeftIris];

#[test]
fn each_record_with_a_template_is_a_group() {
    let (_home, registers) = empty();
    let records = (0..100).map(|n| match n % 4 {
        0 => serde_json::from_str(&line(n, 0)).unwrap(),
        1 => with(n, json!([eye(n, "LEFT_IRIS")])),
        2 => with(n, json!([eye(n, "RIGHT_IRIS")])),
        _ => with(n, json!([eye(n, "RIGHT_IRIS"), eye(n, "LEFT_IRIS")])),
    });
    assert_eq!(import(&registers, file(records)).0.good, 100);
    let expected: Found = (0..100).filter(|n| n % 2 == 1).map(left).collect();
    for most in [1, 7, 50, 1_000] {
        assert_eq!(drain(rows(&registers, &iris(), LEFT), most), expected);
    }
    // Two rotations of the right eye, then the left one.
    let positions = [Position::RightIris, Position::RightIris, Position::LeftIris];
    let found = drain(rows(&registers, &iris(), &positions), 9);
    let group = |n: u64| {
        let right = code(n, "RIGHT_IRIS").to_vec();
        let both = [(0, right.clone()), (1, right)];
        let left = [(2, code(n, "LEFT_IRIS").to_vec())];
        match n % 4 {
            1 => left.to_vec(),
            2 => both.to_vec(),
            _ => [both.as_slice(), &left].concat(),
        }
    };
    assert_eq!(found, (0..100).filter(|n| n % 4 != 0).map(group).collect());
    assert!(drain(rows(&registers, &iris(), &[]), 5).is_empty());
    assert!(drain(rows(&registers, &iris(), &[Position::Face]), 5).is_empty());
    let gone = searchable(&registers, &"visa".parse().unwrap(), &iris(), LEFT);
    assert!(matches!(gone.map(drop), Err(RegisterError::NoSuchRegister { .. })));
}

#[test]
fn who_takes_no_part_never_appears() {
    let (_home, registers) = empty();
    let suppressed = |n: u64, pointer: &str, value: serde_json::Value| {
        let mut record = with(n, json!([eye(n, "LEFT_IRIS")]));
        *record.pointer_mut(pointer).unwrap() = value;
        record
    };
    let mut blocked = with(2, json!([eye(2, "LEFT_IRIS")]));
    blocked["subject"]["blocked"] = json!(true);
    let records = [
        with(1, json!([eye(1, "LEFT_IRIS")])),
        blocked,
        suppressed(3, "/provenance", json!("eu")),
        suppressed(4, "/expires", json!("2026-06-01")),
        suppressed(5, "/expires", json!("2026-06-02")),
    ];
    assert_eq!(import(&registers, file(records)).0.good, 5);
    assert_eq!(drain(rows(&registers, &iris(), LEFT), 10), [left(1), left(5)].into());
}

#[test]
fn only_what_serves_the_form_is_compared() {
    let (_home, registers) = empty();
    let mut masked = eye(2, "LEFT_IRIS");
    masked["mask"] = json!("ff".repeat(15) + "fe");
    let mut unmasked = eye(3, "LEFT_IRIS");
    unmasked["mask"] = json!("ff".repeat(16));
    let mut longer = eye(4, "LEFT_IRIS");
    (longer["length"], longer["bits"]) = (json!(136), json!("00".repeat(17)));
    let mut other = eye(5, "LEFT_IRIS");
    other["kind"] = json!("iris-3");
    let embedded = json!({"position": "LEFT_IRIS", "kind": "iris-2", "embedding": [1, 2, 3]});
    let lists = [
        json!([eye(1, "LEFT_IRIS")]),
        json!([masked]),
        json!([unmasked]),
        json!([longer]),
        json!([other]),
        json!([embedded]),
    ];
    let records = (1..).zip(lists).map(|(n, list)| with(n, list));
    assert_eq!(import(&registers, file(records)).0.good, 6);
    let groups = |form: &FormTerms| rows(&registers, form, LEFT).groups();
    assert_eq!(groups(&iris()), 3);
    assert_eq!(groups(&FormTerms { masked: false, ..iris() }), 2);
    assert_eq!(groups(&FormTerms { length: 136, ..iris() }), 1);
    assert_eq!(groups(&FormTerms { name: "iris-3".parse().unwrap(), ..iris() }), 1);
    assert_eq!(groups(&FormTerms { name: "iris".parse().unwrap(), ..iris() }), 0);
    assert_eq!(groups(&FormTerms { modality: Modality::Face, ..iris() }), 0);
    // Bits that were made elsewhere are not of the agreement's seed.
    let projected = FormTerms { projection: face(1).projection, ..iris() };
    assert_eq!(groups(&projected), 1);
}

#[test]
fn embeddings_become_bits_under_the_seed_of_the_form() {
    let (_home, registers) = empty();
    // Spread over all directions, so that no two give the same bits.
    let embedding = |n: u64| {
        let n = n as f32;
        [(n * 0.9).sin(), (n * 1.7).cos(), (n * 2.3 + 1.0).sin()]
    };
    let records = (0..20).map(|n| {
        with(
            n,
            json!([{"position": "FACE", "kind": "face-1", "embedding": embedding(n)}, eye(n, "LEFT_IRIS")]),
        )
    });
    import(&registers, file(records));
    let found = |seed| drain(rows(&registers, &face(seed), &[Position::Face]), 6);
    let projection = Projection::new(&Seed::new([7; 32]), 3, 128).unwrap();
    let expected: Found =
        (0..20).map(|n| vec![(0, projection.template(&embedding(n)).unwrap().to_bytes().0)]).collect();
    assert_eq!(found(7), expected);
    assert!(found(8).is_disjoint(&expected));
    let mut wider = face(7);
    wider.projection.as_mut().unwrap().dimensions = 4;
    assert_eq!(rows(&registers, &wider, &[Position::Face]).groups(), 0);
}

#[test]
fn a_change_ends_the_reader() {
    let (_home, registers) = empty();
    import(&registers, file((0..30).map(|n| with(n, json!([eye(n, "LEFT_IRIS")])))));
    let ended = |rows: &mut Box<dyn Rows>| match rows.next(5).map(drop) {
        Err(Fault::Local(text)) => assert!(text.contains("changed while it was read"), "{text}"),
        other => panic!("{other:?}"),
    };
    let reader = || rows(&registers, &iris(), LEFT);

    let mut imported = reader();
    assert_eq!(imported.next(5).unwrap().len(), 5);
    import(&registers, file([with(0, json!([]))]));
    ended(&mut imported);
    ended(&mut imported);

    // Even where nothing that it reads is another.
    let mut again = reader();
    assert_eq!(again.groups(), 29);
    import(&registers, file([with(0, json!([]))]));
    ended(&mut again);

    let mut erased = reader();
    registers.erase(&name(), Selection::Ids(&[id("RS-1")]), ErasureReason::Order, &mut begins).unwrap();
    ended(&mut erased);

    // A write is under way.
    let (mut writing, register) = (reader(), registers.register(&name()).unwrap());
    register.begin().unwrap();
    ended(&mut writing);

    // It was cut short: the register is what is there.
    assert_eq!(drain(reader(), 10).len(), 28);
    assert_eq!(registers.check(&name()).unwrap(), 29);

    // Another register does not matter.
    let (visa, mut kept) = ("visa".parse().unwrap(), reader());
    registers.create(&visa).unwrap();
    let lines = lines(0..3);
    registers.import(&visa, lines.as_bytes(), Format::Ndjson, &mut Told::default()).unwrap();
    assert_eq!(kept.next(100).unwrap().len(), 28);
}

/// What the manual's only record with templates gives for an iris and a face.
pub(super) fn manual(registers: &Registers) -> [Found; 2] {
    let both = [(iris(), Position::RightIris), (face(7), Position::Face)];
    let found = both.map(|(form, position)| drain(rows(registers, &form, &[position]), 2));
    let bits = |group: &Found| HEXLOWER.encode(&group.first().unwrap()[0].1);
    // The bits are the vector of docs/templates.md, cut by the mask of the iris.
    assert_eq!(bits(&found[0]), "3e1d9606cca03a6e342124bd38330000");
    assert_eq!(bits(&found[1]), "3e1d9606cca03a6e342124bd38335ab2");
    found
}

/// A row of CSV gives what the line of NDJSON gives.
#[test]
fn rows_of_csv_carry_templates() {
    let (_home, registers) = empty();
    let (left, right) = (code(1, "LEFT_IRIS"), code(1, "RIGHT_IRIS"));
    let floats: Vec<u8> = [1.0_f32, -2.0, 0.5].iter().flat_map(|number| number.to_le_bytes()).collect();
    let encode = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let header = "id,category,taken,provenance,subject.age,subject.own_citizen,templates[0].position,templates[0].kind,\
                  templates[0].length,templates[0].bits,templates[0].mask,templates[0].quality,templates[2].position,\
                  templates[2].kind,templates[2].embedding";
    let row = |id: &str, length: &str, bits: &[u8], mask: &str, rest: &str| {
        let bits = encode(bits);
        format!("{id},WANTED,2024-05-01,own,adult,false,LEFT_IRIS,iris-2,{length},{bits},{mask},55,{rest}\n")
    };
    let face_cells = format!("FACE,face-1,{}", encode(&floats));
    let text = format!("{header}\n")
        + &row("A", "128", &left, "", &face_cells)
        + &row("B", "128", &right, &encode(&[0xFF; 16]), ",,")
        + &row("C", "128", &left[1..], "", ",,")
        + &row("D", "many", &left, "", ",,");
    let mut told = Told::default();
    let summary = registers.import(&name(), text.as_bytes(), Format::Csv, &mut told).unwrap();
    assert_eq!(summary.good, 2);
    let faults: Vec<_> = told.rejects.iter().map(|reject| (reject.line, reject.field.as_str())).collect();
    assert_eq!(faults, [(4, "templates[0].bits"), (5, "templates[0].length")]);
    let expected = [left, right].map(|bits| vec![(0, bits.to_vec())]);
    assert_eq!(drain(rows(&registers, &iris(), LEFT), 3), expected.into());
    assert_eq!(rows(&registers, &face(7), &[Position::Face]).groups(), 1);
    let shown = registers.show(&name(), &id("A")).unwrap().unwrap().templates;
    assert_eq!((shown.len(), shown[0].quality, shown[1].dimensions), (2, Some(55), Some(3)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The reader gives what a plain look at the same records gives.
    #[test]
    fn agrees_with_a_list(
        held in prop::collection::vec((0..4_u8, prop::bool::weighted(0.3), prop::bool::weighted(0.2)), 0..40),
        most in 1..20_usize,
        room in prop::sample::select(vec![0, 1_000, usize::MAX]),
    ) {
        let (_home, mut registers) = empty();
        registers.kept = Room::of(room);
        let (mut records, mut expected) = (Vec::new(), Found::new());
        for (n, (eyes, blocked, late)) in (0..).zip(held) {
            let sides = [(1, "LEFT_IRIS"), (2, "RIGHT_IRIS")];
            let sides: Vec<_> = sides.iter().filter(|(bit, _)| eyes & bit != 0).map(|(_, side)| *side).collect();
            let mut record = with(n, sides.iter().map(|side| eye(n, side)).collect());
            record["subject"]["blocked"] = json!(blocked);
            if late {
                record["expires"] = json!("2026-01-01");
            }
            records.push(record);
            let group = |at: u16, side: &str| (at, code(n, side).to_vec());
            let group: Vec<_> = [(0, "RIGHT_IRIS"), (1, "LEFT_IRIS"), (2, "RIGHT_IRIS")]
                .into_iter().filter(|(_, side)| sides.contains(side)).map(|(at, side)| group(at, side)).collect();
            if !group.is_empty() && !blocked && !late {
                expected.insert(group);
            }
        }
        import(&registers, file(records));
        let positions = [Position::RightIris, Position::LeftIris, Position::RightIris];
        for _ in 0..2 {
            prop_assert_eq!(&drain(rows(&registers, &iris(), &positions), most), &expected);
        }
    }
}
