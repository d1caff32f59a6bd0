//! The whole space of the ready rules: every class that their tables tell apart, and every search and release.

use super::*;
use crate::{
    rules::{
        attribute::{Attribute, Value},
        space::{Names, Space},
        table::Action,
    },
    words::{AgencyCode, Provenance},
};

const QUERIES: [Action; 3] = [
    Action::Query(ExchangeKind::Exact),
    Action::Query(ExchangeKind::Count),
    Action::Query(ExchangeKind::Match),
];

/// Every request of one kind that rules can tell apart: all values of what they look at, of numbers the first
/// and the last of each class. What they do not look at is drawn anew for each request.
struct Walk<'b> {
    book: &'b Rulebook,
    facts: Facts,
    looked_at: Vec<(Attribute, Vec<Value>)>,
    others: Vec<(Attribute, Vec<Value>)>,
}

impl<'b> Walk<'b> {
    fn new(book: &'b Rulebook, action: Action) -> Self {
        let names = Names::of_clauses(book.parts()).unwrap();
        let facts = action.ordinary(&names);
        let concerned = book.parts().filter(|clause| clause.concerns(&facts));
        let conditions: Vec<_> = concerned.flat_map(|clause| &clause.conditions).collect();
        assert!(conditions.iter().all(|condition| !condition.computes), "such rules have no classes");
        let space = Space::over(facts.clone(), &names, &conditions);
        let given =
            |attribute: Attribute| matches!(action, Action::Query(_)) && attribute == Attribute::Exchange;
        let looked_at: Vec<_> = space
            .dimensions
            .iter()
            .filter(|dimension| !given(dimension.attribute))
            .map(|dimension| {
                let values = dimension.values.iter().map(|(value, _)| value.clone()).collect();
                (dimension.attribute, ends(dimension.attribute, values))
            })
            .collect();
        let apart = |attribute: &&Attribute| looked_at.iter().all(|(known, _)| known != *attribute);
        let others = facts.attributes().iter().filter(apart).filter(|attribute| !given(**attribute));
        let others = others.map(|attribute| (*attribute, any_of(*attribute))).collect();
        Self { book, facts, looked_at, others }
    }

    /// The same with all values of all codes and flags, looked at or not, of records that no floor keeps out.
    fn with_all_codes(mut self) -> Self {
        let names = [Attribute::Asker, Attribute::Register];
        let (more, others) = std::mem::take(&mut self.others)
            .into_iter()
            .partition(|(attribute, _)| attribute.range().is_none() && !names.contains(attribute));
        self.others = others;
        self.looked_at.extend::<Vec<_>>(more);
        for (attribute, values) in &mut self.looked_at {
            match attribute {
                Attribute::Blocked => values.retain(|value| *value == Value::Flag(false)),
                Attribute::Provenance => values.retain(|value| *value != Value::Provenance(Provenance::Eu)),
                _ => {}
            }
        }
        self
    }

    fn requests(&self) -> usize {
        self.looked_at.iter().map(|(_, values)| values.len()).product()
    }

    /// Puts every request to the table and to Cedar; gives how many there were.
    fn all(&self) -> usize {
        (0..self.requests()).into_par_iter().for_each(|number| self.put(number));
        self.requests()
    }

    fn put(&self, number: usize) {
        let mut facts = self.facts.clone();
        let (mut rest, mut drawn) = (number, number as u64);
        for (attribute, values) in &self.looked_at {
            facts.set(*attribute, &values[rest % values.len()]);
            rest /= values.len();
        }
        for (attribute, values) in self.others.iter().filter(|(_, values)| !values.is_empty()) {
            // SplitMix64.
            drawn = drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            facts.set(*attribute, &values[(mixed >> 33) as usize % values.len()]);
        }
        let agree = |request: Request<'_>| {
            holds(self.book, request);
            // Who asks itself is Cedar's.
            let itself = request.asker().0 == request.register().0;
            assert!(itself || tabled(self.book, request), "left to Cedar: {request:?}");
        };
        match &facts {
            Facts::Query { ask, quota_left, hour, weekday } => {
                let ask = self.ask(ask, *quota_left, *hour, *weekday);
                let Facts::Query { quota_left: left, hour: at, weekday: day, .. } = Facts::query(&ask) else {
                    panic!("a query")
                };
                assert_eq!(left, *quota_left);
                assert!(self.looks_at(Attribute::Now) || (at, day) == (*hour, *weekday));
                agree(Request::Query(&ask));
            }
            Facts::Search { search, class } => agree(Request::Search(search, class)),
            Facts::Release { release, class } => agree(Request::Release(release, class)),
        }
    }

    fn looks_at(&self, attribute: Attribute) -> bool {
        self.looked_at.iter().any(|(known, _)| *known == attribute)
    }

    /// A query of which so much is left of the quota, at such an hour of such a day.
    fn ask(&self, ask: &AskContext, left: i64, hour: i64, weekday: i64) -> AskContext {
        assert!(!self.looks_at(Attribute::QuotaUsed), "what is used follows from what is left here");
        let (quota_used, quota_limit) = match u32::try_from(left) {
            Ok(left) => {
                let used = ask.quota_used.min(u32::MAX - left);
                (used, used + left)
            }
            Err(_) => (u32::try_from(-left).unwrap(), 0),
        };
        let follows = !self.looks_at(Attribute::Now);
        assert!(follows || !(self.looks_at(Attribute::Hour) || self.looks_at(Attribute::Weekday)));
        // A Monday, and some second of the hour.
        let monday: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let within =
            (weekday - 1) * Timestamp::DAY + hour * Timestamp::HOUR + left.rem_euclid(Timestamp::HOUR);
        let now = if follows { monday.plus(within) } else { ask.now };
        AskContext { quota_used, quota_limit, now, ..ask.clone() }
    }
}

/// Of numbers that begin classes, also the last of each class.
fn ends(attribute: Attribute, values: Vec<Value>) -> Vec<Value> {
    let Some((least, most)) = attribute.range() else { return values };
    let begins: Vec<i64> = values
        .iter()
        .map(|value| match value {
            Value::Number(number) => *number,
            other => panic!("{attribute} is {other}"),
        })
        .collect();
    let lasts = begins.iter().skip(1).map(|next| next - 1).chain([most]);
    let mut numbers: Vec<i64> = begins.iter().copied().chain(lasts).chain([least]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().map(Value::Number).collect()
}

/// Values of what rules do not look at.
fn any_of(attribute: Attribute) -> Vec<Value> {
    let (agency, name) = (|code: &str| code.parse::<AgencyCode>().unwrap(), |id: &str| id.parse().unwrap());
    match (attribute, attribute.range()) {
        // Follows from the hour and the weekday.
        (Attribute::Now, _) => Vec::new(),
        (_, Some((least, most))) => [least, 1, 2, most].map(Value::Number).into(),
        (Attribute::Asker, _) => ["RS", "AL", "XK"]
            .iter()
            .flat_map(|code| ["ana", "bo"].map(|id| Value::Asker(agency(code), Some(name(id)))))
            .collect(),
        (Attribute::Register, _) => ["MK", "BA"]
            .iter()
            .flat_map(|code| {
                ["border", "asylum"].map(|register| Value::Register(agency(code), register.parse().unwrap()))
            })
            .collect(),
        _ => attribute.values(),
    }
}

/// The ready rules: of each kind of agreement, and the first with national rules.
fn ready() -> Vec<(&'static str, Rulebook)> {
    let (asker, holder) = ("RS".parse().unwrap(), "MK".parse().unwrap());
    let kinds = Ready::ALL.iter().map(|kind| {
        let text = kind.text(kind.names_parties().then_some((&asker, &holder))).unwrap();
        (kind.as_str(), book(&text))
    });
    let both = Rulebook::new(shared(PCC_BILATERAL), Some(national(NATIONAL_EXAMPLE))).unwrap();
    kinds.chain([("with national rules", both)]).collect()
}

/// Every class of request and of record that the tables of the ready rules tell apart. Of searches these are all that
/// there are: the rules look at all of a record.
#[test]
fn every_class_of_the_ready_rules() {
    for (name, book) in ready() {
        let walked = QUERIES.into_iter().chain([Action::Search, Action::Release]);
        let walked: Vec<usize> = walked.map(|action| Walk::new(&book, action).all()).collect();
        let searches = slice::CLASSES * Purpose::ALL.len() * ExchangeKind::ALL.len();
        let least = if name == "pcc-see" { [9_360, 1_800, 720, searches, 46_656] } else { [1; 5] };
        assert!(walked.iter().zip(least).all(|(walked, least)| *walked >= least), "{name}: {walked:?}");
    }
}

/// Every release of the ready rules, whether they tell the requests apart or not: 5,971,968, some minutes.
#[test]
#[ignore = "takes minutes; see docs/benchmarks.md"]
fn every_release_of_the_ready_rules() {
    let book = Rulebook::new(shared(PCC_BILATERAL), None).unwrap();
    let records = slice::CLASSES / 2 * 2 / 3;
    let each = Purpose::ALL.len() * LegalBasis::ALL.len() * ExchangeKind::ALL.len() * Field::ALL.len() * 3;
    assert_eq!(Walk::new(&book, Action::Release).with_all_codes().all(), records * each);
}
