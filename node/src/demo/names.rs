//! Names and document series of the people on the route, as clerks of different agencies write them.
//!
//! All are common names; the persons made of them are invented. The spellings of one row agree by the rules of
//! `docs/identifiers.md`, which the tests check with the real rules.

/// The spellings of one name, Latin and Cyrillic, the one of the travel document first.
pub(super) type Row = &'static [&'static str];

/// A state and its series of travel documents. The series are made up.
#[derive(Debug)]
pub(super) struct State {
    /// Three letters, as in machine-readable zones.
    pub(super) alpha3: &'static str,
    /// Two letters.
    pub(super) alpha2: &'static str,
    /// Letters before the digits of a number.
    pub(super) prefix: &'static str,
    /// How many digits.
    pub(super) digits: usize,
}

/// A naming tradition and the states whose documents it is met in.
#[derive(Debug)]
pub(super) struct Tradition {
    pub(super) states: &'static [State],
    pub(super) families: &'static [Row],
    pub(super) given: &'static [Row],
}

const fn state(alpha3: &'static str, alpha2: &'static str, prefix: &'static str, digits: usize) -> State {
    State { alpha3, alpha2, prefix, digits }
}

/// All traditions.
pub(super) const TRADITIONS: &[Tradition] = &[SLAVIC, ALBANIAN, ARABIC, PERSIAN, TURKISH];

const SLAVIC: Tradition = Tradition {
    states: &[
        state("BIH", "BA", "B", 7),
        state("MNE", "ME", "T", 8),
        state("MKD", "MK", "C", 7),
        state("SRB", "RS", "", 9),
    ],
    families: &[
        &["Đorđević", "Djordjevic", "Gjorgjevikj", "Ђорђевић", "Ѓорѓевиќ"],
        &["Petrović", "Petrovic", "Petrovikj", "Петровић", "Петровиќ"],
        &["Nikolić", "Nikolic", "Nikolich", "Николић", "Николиќ"],
        &["Jovanović", "Jovanovic", "Јовановић", "Јовановиќ"],
        &["Živković", "Zivkovic", "Zhivkovikj", "Живковић", "Живковиќ"],
        &["Hodžić", "Hodzic", "Hodzhikj", "Хоџић", "Хоџиќ"],
        &["Begović", "Begovic", "Беговић", "Беговиќ"],
        &["Čaušević", "Causevic", "Chaushevikj", "Чаушевић", "Чаушевиќ"],
        &["Šarić", "Saric", "Sharikj", "Шарић", "Шариќ"],
        &["Kovačević", "Kovacevic", "Kovachevikj", "Ковачевић", "Ковачевиќ"],
        &["Ljubičić", "Ljubicic", "Ljubichikj", "Љубичић", "Љубичиќ"],
        &["Stojanovski", "Stoyanovski", "Стојановски"],
        &["Cvetkovski", "Tsvetkovski", "Цветковски"],
        &["Jančevski", "Janchevski", "Јанчевски"],
        &["Mujkić", "Mujkic", "Мујкић", "Мујкиќ"],
        &["Radulović", "Radulovic", "Радуловић", "Радуловиќ"],
    ],
    given: &[
        &["Đorđe", "Djordje", "Gjorgje", "Ђорђе", "Ѓорѓе"],
        &["Aleksandar", "Alexandar", "Александар"],
        &["Ljubica", "Љубица"],
        &["Marija", "Mariya", "Maria", "Марија"],
        &["Željko", "Zeljko", "Zheljko", "Жељко"],
        &["Džemal", "Dzemal", "Dzhemal", "Џемал"],
        &["Nataša", "Natasa", "Natasha", "Наташа"],
        &["Snežana", "Snezana", "Snezhana", "Снежана"],
        &["Miloš", "Milos", "Milosh", "Милош"],
        &["Jovana", "Yovana", "Јована"],
        &["Emina", "Емина"],
        &["Haris", "Харис"],
        &["Zvonimir", "Звонимир"],
        &["Petar", "Петар"],
        &["Vesna", "Весна"],
        &["Dragan", "Драган"],
    ],
};

const ALBANIAN: Tradition = Tradition {
    states: &[state("ALB", "AL", "BH", 7), state("XKX", "XK", "P", 8), state("MKD", "MK", "D", 7)],
    families: &[
        &["Hoxha", "Hodža", "Hodzha", "Хоџа"],
        &["Krasniqi", "Krasnići", "Krasnici", "Краснићи"],
        &["Gashi", "Gaši", "Gasi", "Гаши"],
        &["Berisha", "Beriša", "Berisa", "Бериша"],
        &["Bytyqi", "Bitići", "Bitici", "Битићи"],
        &["Thaçi", "Tači", "Thaci", "Тачи"],
        &["Xhaferi", "Džaferi", "Dzaferi", "Џафери"],
        &["Gjoka", "Đoka", "Djoka", "Ђока"],
        &["Palushi", "Paluši", "Palusi", "Палуши"],
        &["Llapashtica", "Lapaštica", "Lapastica", "Лапаштица"],
        &["Rexhepi", "Redžepi", "Redzepi", "Реџепи"],
        &["Zeqiri", "Zećiri", "Zeciri", "Зећири"],
        &["Syla", "Sila", "Сила"],
        &["Morina", "Морина"],
        &["Kelmendi", "Келменди"],
        &["Shabani", "Šabani", "Sabani", "Шабани"],
    ],
    given: &[
        &["Agim", "Агим"],
        &["Besim", "Бесим"],
        &["Ymer", "Imer", "Имер"],
        &["Fatmir", "Фатмир"],
        &["Drita", "Дрита"],
        &["Gëzim", "Gezim", "Гезим"],
        &["Shpresa", "Špresa", "Spresa", "Шпреса"],
        &["Valbona", "Валбона"],
        &["Arben", "Арбен"],
        &["Blerim", "Блерим"],
        &["Teuta", "Теута"],
        &["Qendrim", "Ćendrim", "Cendrim", "Ћендрим"],
        &["Xhevat", "Dževat", "Dzevat", "Џеват"],
        &["Lirije", "Liriye", "Лирије"],
        &["Mentor", "Ментор"],
        &["Shefqet", "Šefćet", "Sefcet", "Шефћет"],
    ],
};

const ARABIC: Tradition = Tradition {
    states: &[state("SYR", "SY", "N", 9), state("IRQ", "IQ", "A", 8)],
    families: &[
        &["Khalil", "Halil", "Халил"],
        &["Mahmoud", "Mahmud", "Mahmood", "Махмуд"],
        &["Haddad", "Hadad", "Хадад"],
        &["Darwish", "Darviš", "Darvish", "Дарвиш"],
        &["Qasim", "Kasim", "Касим"],
        &["Saleh", "Салех"],
        &["Othman", "Otman", "Отман"],
        &["Shahin", "Šahin", "Шахин"],
        &["Mansour", "Mansur", "Mansoor", "Мансур"],
        &["Ibrahim", "Ибрахим"],
        &["Tawfiq", "Tavfik", "Тавфик"],
        &["Sabbagh", "Sabag", "Сабаг"],
        &["Barakat", "Баракат"],
        &["Antoun", "Antun", "Антун"],
    ],
    given: &[
        &["Mohammed", "Mohamed", "Мохамед"],
        &["Kareem", "Karim", "Карим"],
        &["Walid", "Valid", "Валид"],
        &["Khaled", "Haled", "Халед"],
        &["Saeed", "Said", "Саид"],
        &["Youssef", "Jusef", "Yusef", "Јусеф"],
        &["Nour", "Noor", "Nur", "Нур"],
        &["Layla", "Lajla", "Лајла"],
        &["Rasha", "Raša", "Раша"],
        &["Bashir", "Bašir", "Башир"],
        &["Zaynab", "Zajnab", "Зајнаб"],
        &["Fatima", "Фатима"],
        &["Ahmad", "Ахмад"],
        &["Omar", "Омар"],
        &["Amina", "Амина"],
        &["Hussam", "Husam", "Хусам"],
    ],
};

const PERSIAN: Tradition = Tradition {
    states: &[state("AFG", "AF", "P", 8), state("IRN", "IR", "K", 8)],
    families: &[
        &["Ahmadi", "Ахмади"],
        &["Rahimi", "Raheemi", "Рахими"],
        &["Karimi", "Kareemi", "Карими"],
        &["Hosseini", "Hoseini", "Хосеини"],
        &["Noorzai", "Nourzai", "Nurzai", "Нурзаи"],
        &["Sharifi", "Šarifi", "Шарифи"],
        &["Mohammadi", "Mohamadi", "Мохамади"],
        &["Qaderi", "Kaderi", "Кадери"],
        &["Wardak", "Vardak", "Вардак"],
        &["Yousufzai", "Jusufzai", "Yusufzai", "Јусуфзаи"],
        &["Popal", "Попал"],
        &["Stanekzai", "Станекзаи"],
        &["Haidari", "Хаидари"],
        &["Akbari", "Акбари"],
    ],
    given: &[
        &["Fareed", "Farid", "Фарид"],
        &["Zahra", "Захра"],
        &["Waheed", "Vahid", "Вахид"],
        &["Shukria", "Šukrija", "Шукрија"],
        &["Ghulam", "Gulam", "Гулам"],
        &["Mahbouba", "Mahbuba", "Махбуба"],
        &["Parwin", "Parvin", "Парвин"],
        &["Jawad", "Javad", "Јавад"],
        &["Samiullah", "Samiulah", "Самиулах"],
        &["Rostam", "Ростам"],
        &["Soraya", "Soraja", "Сораја"],
        &["Nasrin", "Насрин"],
        &["Hamid", "Хамид"],
        &["Abdul Qadir", "Abdul Kadir", "Абдул Кадир"],
    ],
};

const TURKISH: Tradition = Tradition {
    states: &[state("TUR", "TR", "U", 8)],
    families: &[
        &["Yılmaz", "Yilmaz", "Јилмаз"],
        &["Demirci", "Демирци"],
        &["Kaya", "Kaja", "Каја"],
        &["Çelik", "Celik", "Челик"],
        &["Aydın", "Aydin", "Ајдин"],
        &["Yıldız", "Yildiz", "Јилдиз"],
        &["Doğan", "Dogan", "Доган"],
        &["Kılıç", "Kilic", "Килич"],
        &["Özdemir", "Ozdemir", "Оздемир"],
        &["Arslan", "Арслан"],
        &["Güneş", "Gunes", "Гунеш"],
        &["Polat", "Полат"],
    ],
    given: &[
        &["Mehmet", "Мехмет"],
        &["Ayşe", "Ayse", "Ајше"],
        &["Emine", "Емине"],
        &["Hüseyin", "Huseyin", "Хусејин"],
        &["Murat", "Мурат"],
        &["Elif", "Елиф"],
        &["Yusuf", "Jusuf", "Јусуф"],
        &["Zeynep", "Zejnep", "Зејнеп"],
        &["Hatice", "Хатице"],
        &["Mustafa", "Мустафа"],
        &["İsmail", "Ismail", "Исмаил"],
        &["Gülşen", "Gulsen", "Гулшен"],
    ],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use symbolon_protocol::identifier::{Identifier, RawIdentifier};

    use super::*;

    fn key(family: &str, given: &str) -> Identifier {
        let (family, given) = (family.to_owned(), given.to_owned());
        RawIdentifier::NameBirth { family, given, birth_date: "1990-01-31".into() }.canonical().unwrap()
    }

    #[test]
    fn the_spellings_of_a_row_agree_and_rows_differ() {
        let mut seen = BTreeMap::new();
        let rows = TRADITIONS.iter().flat_map(|tradition| [tradition.families, tradition.given]).flatten();
        for row in rows {
            let first = key(row[0], "Placeholdervic");
            for spelling in *row {
                assert_eq!(key(spelling, "Placeholdervic"), first, "{spelling} and {}", row[0]);
            }
            if let Some(other) = seen.insert(first, row[0]) {
                panic!("{other} and {} share a key", row[0]);
            }
        }
    }

    #[test]
    fn every_row_has_both_scripts() {
        let cyrillic = |text: &str| text.chars().any(|letter| ('\u{400}'..='\u{52f}').contains(&letter));
        for row in TRADITIONS.iter().flat_map(|tradition| [tradition.families, tradition.given]).flatten() {
            assert!(!cyrillic(row[0]), "{row:?} begins with the spelling of the travel document");
            assert!(row.iter().any(|spelling| cyrillic(spelling)), "{row:?}");
        }
    }

    #[test]
    fn both_codes_of_a_state_are_one_state() {
        for state in TRADITIONS.iter().flat_map(|tradition| tradition.states) {
            let document = |code: &str| RawIdentifier::TravelDocument {
                number: "A204816".into(),
                state: code.into(),
                birth_date: "1990-01-31".into(),
            };
            assert_eq!(
                document(state.alpha3).canonical().unwrap(),
                document(state.alpha2).canonical().unwrap()
            );
        }
    }
}
