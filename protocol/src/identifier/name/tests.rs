use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    super::{letters, tests::rows},
    *,
};

/// The key of a name written as `family, given`.
fn keyed(written: &str) -> Result<String, Reason> {
    let (family, given) = written.split_once(',').expect("a comma");
    key(parts(family)?, parts(given)?).map(|key| key.to_string())
}

fn backticked(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn documented_spellings_agree() {
    let table = rows("### Spellings that agree");
    assert!(table.len() > 15);
    for row in table {
        for written in row[1].split('·') {
            assert_eq!(keyed(written).as_deref(), Ok(backticked(&row[0])[0]), "{written}");
        }
    }
}

#[test]
fn documented_differences_and_collisions_hold() {
    for row in rows("### Spellings that do not agree") {
        assert_ne!(keyed(&row[0]).expect("fit"), keyed(&row[1]).expect("fit"), "{row:?}");
    }
    for row in rows("### Names that share a key") {
        assert_eq!(keyed(&row[0]).expect("fit"), keyed(&row[1]).expect("fit"), "{row:?}");
    }
}

#[test]
fn documented_letters_are_the_table() {
    let mut documented = BTreeSet::new();
    for row in rows("### Letters") {
        for letter in backticked(&row[0]) {
            let letter = letter.chars().next().expect("a letter");
            assert!(documented.insert(letter), "{letter} is listed twice");
            let spelled = if letter == 'ь' { "" } else { backticked(&row[1])[0] };
            assert_eq!(letters::latin(letter), Some(spelled), "{letter}");
        }
    }
    let coded = ('\0'..=char::MAX).filter(|letter| letters::latin(*letter).is_some()).collect();
    assert_eq!(documented, coded);
    assert_eq!((letters::soft(Some('о')), letters::soft(Some('а')), letters::soft(None)), ("j", "", ""));
}

#[test]
fn documented_pairs_and_singles_are_the_tables() {
    let mut documented = BTreeSet::new();
    for row in rows("### Pairs") {
        for pair in backticked(&row[0]) {
            let [first, second] = pair.chars().collect::<Vec<_>>()[..] else { panic!("{pair}") };
            documented.insert((first, second, backticked(&row[1])[0].chars().next()));
        }
    }
    let all = || ('a'..='z').flat_map(|first| ('a'..='z').map(move |second| (first, second)));
    let coded = all().filter_map(|(a, b)| letters::pair(a, b).map(|one| (a, b, Some(one)))).collect();
    assert_eq!(documented, coded);

    let singles = rows("### Single letters");
    for letter in 'a'..='z' {
        let row = singles.iter().find(|row| backticked(&row[0]).contains(&letter.to_string().as_str()));
        let (first, second) = letters::single(letter);
        let folded: String = std::iter::once(first).chain(second).collect();
        assert_eq!(folded, row.map_or(letter.to_string(), |row| backticked(&row[1])[0].to_owned()));
    }
}

#[test]
fn fillers_are_the_folded_words() {
    let words = ["Unknown", "Nepoznat", "Непозната", "NEPOZNATO", "Panjohur", "FNU", "lnu"];
    for (word, filler) in words.into_iter().zip(FILLERS) {
        assert_eq!(parts(word).expect("fit").first().map(|part| part.as_str()), Some(filler));
        assert_eq!(keyed(&format!("Petrović, {word}")), Err(Reason::Placeholder));
    }
}

#[test]
fn weak_names_are_refused() {
    let cases = [
        ("Mohammad,", Reason::FewParts),
        (",", Reason::FewParts),
        ("-, ' . ьь", Reason::FewParts),
        ("Li, Na", Reason::FewLetters),
        ("XXX, XXX", Reason::Placeholder),
        ("Ana, Naana", Reason::Placeholder),
    ];
    for (written, reason) in cases {
        assert_eq!(keyed(written), Err(reason), "{written}");
    }
}

#[test]
fn letters_without_a_rule_are_refused() {
    let cases = [
        ("محمد, Ali", Reason::Script),
        ("Παπαδόπουλος, Ali", Reason::Script),
        ("Әлия, Серик", Reason::Script),
        ("王, Wei", Reason::Script),
        ("N0vak, Ivan", Reason::Character),
        ("Novak (Ivan), Ivan", Reason::Character),
        ("Novak\t, Ivan", Reason::Character),
        ("\u{202e}kavoN, Ivan", Reason::Character),
        ("Nov\u{200b}ak, Ivan", Reason::Character),
        ("Novak\u{fe0f}, Ivan", Reason::Character),
        ("Nоvak, Ivan", Reason::MixedScripts), // Cyrillic о
        ("Novak, Ивan", Reason::MixedScripts),
        ("No\u{301}\u{327}\u{328}\u{330}vak, Ivan", Reason::Character),
    ];
    for (written, reason) in cases {
        assert_eq!(keyed(written), Err(reason), "{written}");
    }
    // Different scripts in different parts are how some registers are filled.
    assert_eq!(keyed("Novak, Иван"), keyed("Новак, Ivan"));
}

/// Letters that have a rule, in any script and case, with the marks of the region.
fn word() -> impl Strategy<Value = String> {
    let latin = "[a-zA-ZđĐžŽšŠčČćĆçÇëËğĞşŞıİöÖüÜâÂțȚăĂłŁøØßæŒñéÉǆǈ]{1,12}";
    let cyrillic = "[а-шА-ШъьюяЪЬЮЯщЩђЂћЋљЉњЊџЏјЈѓЃќЌѕЅіІїЇєЄґҐёЁыэўЎ]{1,12}";
    // Letters that meet in pairs, so that one fold makes way for the next.
    let pairs = "[dzhjgkctsxpeouqyw]{1,12}";
    prop_oneof![latin, cyrillic, pairs]
}

fn written() -> impl Strategy<Value = String> {
    prop::collection::vec(word(), 1..4).prop_map(|words| words.join(" "))
}

/// The same name with another case, other separators, and marks decomposed.
fn disguise(text: &str, coins: &[u8]) -> String {
    let mut out = String::from(" ");
    for (letter, coin) in text.chars().zip(coins.iter().cycle()) {
        match (letter, coin % 4) {
            (' ', 0) => out.push_str(" - "),
            (' ', 1) => out.push('<'),
            (' ', _) => out.push_str("\u{a0}. "),
            // `ß`, `ı`, `ǈ` and the like have no way back; the first letter is not preceded by a mark.
            (letter, 0) if letter.to_uppercase().flat_map(char::to_lowercase).eq([letter]) => {
                out.extend(letter.to_uppercase());
            }
            (letter, 1) => out.extend(std::iter::once(letter).nfd()),
            (letter, 2) => out.extend([letter, '’']),
            (letter, _) => out.push(letter),
        }
    }
    out
}

proptest! {
    #[test]
    fn a_folded_name_is_its_own_folding(name in written()) {
        let once = parts(&name).expect("letters with rules");
        let joined: Vec<&str> = once.iter().map(|part| part.as_str()).collect();
        prop_assert_eq!(&parts(&joined.join(" ")).expect("folded"), &once);
    }

    #[test]
    fn a_key_is_its_own_key(family in written(), given in written()) {
        let first = keyed(&format!("{family},{given}"));
        prop_assert_eq!(&keyed(&format!("{given},{family}")), &first);
        if let Ok(key) = &first {
            prop_assert_eq!(&keyed(&format!("{key},")), &first);
        }
    }

    #[test]
    fn folding_leaves_nothing_to_fold(name in written()) {
        for part in parts(&name).expect("letters with rules") {
            let letters: Vec<char> = part.chars().collect();
            prop_assert!(letters.iter().all(|letter| "abdefghiklmnoprstuvz".contains(*letter)), "{}", *part);
            for pair in letters.windows(2) {
                prop_assert!(pair[0] != pair[1] && letters::pair(pair[0], pair[1]).is_none(), "{}", *part);
            }
        }
    }

    #[test]
    fn case_separators_and_apostrophes_do_not_count(name in written(), coins in prop::collection::vec(0u8.., 1..20)) {
        prop_assert_eq!(parts(&disguise(&name, &coins)), parts(&name));
    }

    #[test]
    fn any_text_ends_in_parts_or_a_refusal(text in any::<String>()) {
        for part in parts(&text).unwrap_or_default() {
            prop_assert!(!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()));
        }
    }
}
