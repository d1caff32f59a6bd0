use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use jiff::civil::date;
use sha2::{Digest, Sha256, Sha512};
use symbolon_protocol::{
    matching::template::Template,
    oprf::{Mode, element},
};

use super::*;
use crate::demo::people::{Asked, Case, generate};

fn people() -> Vec<Asked> {
    generate(100, 1_000, 5, date(2026, 3, 1), &mut Vec::new()).unwrap()
}

fn patterns(people: &[Asked]) -> Patterns {
    let mut patterns = Patterns::default();
    people.iter().for_each(|person| patterns.person(person));
    patterns.control("register", b"border");
    patterns
}

/// A capture of frames from RS to MK.
fn capture(dir: &Path, name: &str, frames: &[(i64, &[u8])]) -> PathBuf {
    let path = dir.join(name);
    let lines = frames.iter().map(|(time, body)| {
        let frame = Frame { tag: 1, last: true, body: body.to_vec() };
        let bytes = HEXLOWER.encode(&[frame.header().as_slice(), &frame.body].concat());
        let line = serde_json::json!({
            "time": Timestamp(*time), "from": "RS", "to": "MK", "protocol": "/symbolon/exact/1",
            "direction": "sent", "bytes": bytes,
        });
        format!("{line}\n")
    });
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

/// Bytes without any pattern.
fn noise() -> Vec<u8> {
    (0_u32..2_000).flat_map(|n| Sha256::digest(n.to_be_bytes())).collect()
}

fn found(patterns: &Patterns, planted: &[u8]) -> BTreeMap<&'static str, u64> {
    let body = [noise(), planted.to_vec(), noise(), b"border".to_vec()].concat();
    let dir = tempfile::tempdir().unwrap();
    let file = capture(dir.path(), "one", &[(0, &body)]);
    let searched = search(&file, patterns).unwrap();
    assert_eq!(searched.bytes, body.len() as u64 + 6);
    assert_eq!(searched.controls["register"], 1);
    assert_eq!(searched.clean(), searched.found.is_empty());
    searched.found
}

#[test]
fn what_is_planted_is_found_and_nothing_else() {
    let people = people();
    let patterns = patterns(&people);
    assert_eq!(found(&patterns, b""), BTreeMap::new());
    for person in [&people[0], &people[40], &people[99]] {
        let canonical = person.asker.identifiers().map(|raw| raw.canonical().unwrap());
        for text in [person.asker.number.as_bytes(), person.asker.born.as_bytes(), canonical[1].bytes()] {
            let (short, long) = (Sha256::digest(text), Sha512::digest(text));
            assert!(found(&patterns, text).contains_key("in clear"), "{person:?}");
            for form in [
                short.to_vec(),
                short[..8].to_vec(),
                HEXLOWER.encode(&short).into_bytes(),
                HEXUPPER.encode(&short).into_bytes(),
                BASE64.encode(&short).into_bytes(),
                BASE64URL_NOPAD.encode(&short).into_bytes(),
            ] {
                assert!(found(&patterns, &form).contains_key("as SHA-256"));
            }
            assert!(found(&patterns, &long).contains_key("as SHA-512"));
            assert!(found(&patterns, &BASE64.encode(&long).into_bytes()).contains_key("as SHA-512"));
        }
        let point = element(canonical[0].bytes(), Mode::Verifiable).unwrap().compress().to_bytes();
        assert_eq!(found(&patterns, &point), BTreeMap::from([("as group element", 1)]));
    }
}

#[test]
fn names_are_found_in_either_spelling_and_case() {
    let people = people();
    let patterns = patterns(&people);
    let planted = people.iter().filter(|person| person.case == Case::Respelled);
    for person in planted {
        for spelling in [&person.asker, &person.holder.as_ref().unwrap().1] {
            let name = format!("{} {}", spelling.family, spelling.given);
            for text in [name.to_uppercase(), name.to_lowercase(), name] {
                assert!(found(&patterns, text.as_bytes()).contains_key("in clear"), "{text}");
            }
        }
    }
}

#[test]
fn any_part_of_a_template_is_found() {
    let positions: Vec<Option<bool>> = (0..1_024)
        .map(|at| (at < 640).then(|| Sha256::digest([at as u8, (at / 256) as u8])[0] & 1 == 1))
        .collect();
    let template = Template::from_positions(&positions).unwrap();
    let (bits, _) = template.to_bytes();
    let mut patterns = Patterns::default();
    patterns.template(&template);
    patterns.control("register", b"border");
    assert_eq!(found(&patterns, &[0; 48]), BTreeMap::new(), "what is masked is no pattern");
    let turned: Vec<u8> = bits.iter().map(|byte| byte.reverse_bits()).collect();
    for bytes in [&bits, &turned] {
        for form in [
            bytes[24..48].to_vec(),
            HEXLOWER.encode(bytes).into_bytes(),
            HEXUPPER.encode(&bytes[24..]).into_bytes(),
            BASE64.encode(bytes).into_bytes(),
            BASE64URL_NOPAD.encode(bytes).into_bytes(),
        ] {
            assert!(found(&patterns, &form).contains_key("of templates, in clear"), "{form:?}");
        }
        assert!(found(&patterns, &Sha256::digest(bytes)).contains_key("as SHA-256"));
    }
}

#[test]
fn a_pattern_across_two_frames_is_found() {
    let people = people();
    let dir = tempfile::tempdir().unwrap();
    let number = people[0].asker.number.as_bytes();
    let (one, other) = number.split_at(3);
    let file = capture(dir.path(), "split", &[(0, &[b"border", one].concat()), (0, other)]);
    let searched = search(&file, &patterns(&people)).unwrap();
    assert_eq!(searched.frames, 2);
    assert!(!searched.clean());
    assert!(searched.found["in clear"] >= 1);
}

#[test]
fn a_control_that_is_missing_shows() {
    let dir = tempfile::tempdir().unwrap();
    let file = capture(dir.path(), "empty", &[(0, b"bord"), (1, b"ir")]);
    let searched = search(&file, &patterns(&people())).unwrap();
    assert!(searched.found.is_empty());
    assert!(!searched.clean());
}

#[test]
fn parts_are_joined_in_the_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let one = capture(dir.path(), "one", &[(1, b"a"), (3, b"c")]);
    let other = capture(dir.path(), "other", &[(2, b"b"), (4, b"d")]);
    let joined = dir.path().join("joined");
    join(&[one, other], &joined).unwrap();
    let text = std::fs::read_to_string(&joined).unwrap();
    let bodies =
        text.lines().map(|line| parse(&joined, line).unwrap().bytes.split_off(12)).collect::<Vec<_>>();
    assert_eq!(bodies, ["61", "62", "63", "64"]);

    std::fs::write(&joined, "{\"time\":1}\n").unwrap();
    assert!(search(&joined, &Patterns::default()).unwrap_err().what.contains("is no capture"));
}
