//! The tables of the name key: letters to Latin, then Latin letters to fewer.

/// The Latin spelling of a lower-case letter that Unicode decomposition does not bring to `a-z`.
///
/// Cyrillic follows the passports of the region where they agree; Serbian and Macedonian first, then
/// Bulgarian, then ICAO 9303-3 for Russian, Ukrainian and Belarusian letters.
/// The soft sign is silent except in Bulgarian before `о`, which [`soft`] decides.
pub(super) fn latin(letter: char) -> Option<&'static str> {
    Some(match letter {
        // Latin
        'đ' => "dj",
        'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŋ' => "n",
        'ø' => "o",
        'ŧ' => "t",
        'þ' => "th",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ə' => "e",
        // Serbian, Macedonian
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' => "g",
        'д' => "d",
        'ѓ' => "gj",
        'ђ' => "dj",
        'е' => "e",
        'ж' => "zh",
        'з' => "z",
        'ѕ' => "dz",
        'и' => "i",
        'ј' => "j",
        'к' => "k",
        'л' => "l",
        'љ' => "lj",
        'м' => "m",
        'н' => "n",
        'њ' => "nj",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'ћ' => "c",
        'ќ' => "kj",
        'у' => "u",
        'ф' => "f",
        'х' => "h",
        'ц' => "c",
        'ч' => "ch",
        'џ' => "dzh",
        'ш' => "sh",
        // Bulgarian
        'й' => "j",
        'щ' => "sht",
        'ъ' => "a",
        'ь' => "",
        'ю' => "ju",
        'я' => "ja",
        // Russian, Ukrainian, Belarusian
        'ё' => "e",
        'ы' => "y",
        'э' => "e",
        'ґ' => "g",
        'є' => "je",
        'і' => "i",
        'ї' => "i",
        'ў' => "u",
        _ => return None,
    })
}

/// The soft sign before the letter `next`: Bulgarian `ьо` is `jo`.
pub(super) fn soft(next: Option<char>) -> &'static str {
    if next == Some('о') { "j" } else { "" }
}

/// Two letters that become one, whatever language spelled them so.
pub(super) fn pair(first: char, second: char) -> Option<char> {
    Some(match (first, second) {
        ('d', 'j' | 'z' | 'h') | ('g', 'j') | ('x', 'h') => 'd',
        ('k', 'j') | ('c', 'h') | ('t', 's') => 'k',
        ('k', 'h') => 'h',
        ('s', 'h') => 's',
        ('z', 'h') => 'z',
        ('t', 'h') => 't',
        ('g', 'h') => 'g',
        ('p', 'h') => 'f',
        ('e', 'e') => 'i',
        ('o', 'o' | 'u') => 'u',
        _ => return None,
    })
}

/// What a letter outside a pair becomes; only `x` becomes two.
pub(super) fn single(letter: char) -> (char, Option<char>) {
    match letter {
        'c' | 'q' => ('k', None),
        'j' | 'y' => ('i', None),
        'w' => ('v', None),
        'x' => ('k', Some('s')),
        other => (other, None),
    }
}
