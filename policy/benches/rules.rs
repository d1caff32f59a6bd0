//! Decisions a second: the node's tables beside Cedar itself, in one run.
//!
//! The rules are the ready clauses, again and again with other numbers, until there are enough. Requests
//! go through purposes, batches and hours, so that no decision is like the one before.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use divan::{Bencher, black_box, counter::ItemsCount};
use symbolon_policy::{
    class::RecordClass,
    rules::{
        AskContext, ExchangeKind, Kind, PCC_BILATERAL, ReleaseContext, Request, RuleSet, Rulebook,
        SearchContext, library,
    },
    words::{AgeBand, Category, Field, LegalBasis, Provenance, Purpose},
};

const CLAUSES: [usize; 3] = [5, 50, 200];

fn main() {
    divan::main();
}

fn book(clauses: usize) -> Rulebook {
    let ready: Vec<(String, String)> = library()
        .unwrap()
        .iter()
        .flat_map(|set| {
            set.clauses().map(|name| (name.id.clone(), set.clause_text(&name.id).unwrap().to_owned()))
        })
        .collect();
    let clause = |n: usize| {
        let (id, text) = &ready[n % ready.len()];
        let round = n / ready.len();
        let text = text.replace(&format!("@id(\"{id}\")"), &format!("@id(\"{id}-{round}\")"));
        // Other numbers in each round, so that no two clauses are the same.
        text.replace("<= 20", &format!("<= {}", 20 + round))
            .replace("<= 1000", &format!("<= {}", 1000 - round))
    };
    let text: String = (0..clauses).map(|n| clause(n) + "\n").collect();
    Rulebook::new(RuleSet::parse(&text, Kind::Shared).unwrap(), None).unwrap()
}

fn queries() -> Vec<AskContext> {
    let query = |n: u32| AskContext {
        asker: "RS".parse().unwrap(),
        officer: "ana.petrovic".parse().unwrap(),
        holder: "MK".parse().unwrap(),
        register: "border".parse().unwrap(),
        exchange: ExchangeKind::Exact,
        modality: None,
        purpose: Purpose::ALL[n as usize % Purpose::ALL.len()],
        legal_basis: LegalBasis::ALL[n as usize % LegalBasis::ALL.len()],
        case_reference: !n.is_multiple_of(7),
        batch_size: 1 + n * 37 % 1_100,
        quota_used: n * 11 % 10_000,
        quota_limit: 10_000,
        officer_used: n % 100,
        officer_left: i64::from(n % 90),
        reciprocity: i16::try_from(n % 1_000).unwrap(),
        balance: i64::from(n % 500),
        unexplained: n % 3,
        now: symbolon_policy::words::Timestamp(1_795_000_000 + i64::from(n) * 3_600),
    };
    (0..1_024).map(query).collect()
}

fn class(n: usize) -> RecordClass {
    RecordClass {
        category: Category::ALL[n % Category::ALL.len()],
        age: AgeBand::ALL[n / 8 % AgeBand::ALL.len()],
        provenance: Provenance::ALL[n / 24 % Provenance::ALL.len()],
        own_citizen: n.is_multiple_of(10),
        vulnerable: n.is_multiple_of(7),
        marked: n.is_multiple_of(11),
        blocked: n.is_multiple_of(50),
        contested: n.is_multiple_of(30),
    }
}

fn search() -> SearchContext {
    let AskContext { asker, holder, register, purpose, exchange, .. } = queries().remove(7);
    SearchContext { asker, holder, register, purpose, exchange }
}

fn each<'q>(queries: &'q [AskContext]) -> impl FnMut() -> &'q AskContext {
    let mut next = queries.iter().cycle();
    move || next.next().unwrap()
}

#[divan::bench(args = CLAUSES)]
fn query_by_table(bencher: Bencher<'_, '_>, clauses: usize) {
    let (book, queries) = (book(clauses), queries());
    let mut next = each(&queries);
    let _ = book.rule(Request::Query(next())).permitted();
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| black_box(book.rule(Request::Query(next())).permitted()));
}

#[divan::bench(args = CLAUSES)]
fn query_by_cedar(bencher: Bencher<'_, '_>, clauses: usize) {
    let (book, queries) = (book(clauses), queries());
    let mut next = each(&queries);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(book.consult(Request::Query(next()))));
}

#[divan::bench(args = CLAUSES)]
fn field_by_table(bencher: Bencher<'_, '_>, clauses: usize) {
    field(bencher, clauses, |book, release, class| book.rule(Request::Release(release, class)).permitted());
}

#[divan::bench(args = CLAUSES)]
fn field_by_cedar(bencher: Bencher<'_, '_>, clauses: usize) {
    field(bencher, clauses, |book, release, class| book.consult(Request::Release(release, class)).permitted);
}

fn field(
    bencher: Bencher<'_, '_>,
    clauses: usize,
    decide: impl Fn(&Rulebook, &ReleaseContext, &RecordClass) -> bool,
) {
    let book = book(clauses);
    let releases: Vec<(ReleaseContext, RecordClass)> = queries()
        .into_iter()
        .enumerate()
        .map(|(n, ask)| {
            let AskContext { asker, officer, holder, register, purpose, legal_basis, exchange, .. } = ask;
            let (field, approvals) = (Field::ALL[n % Field::ALL.len()], (n % 3) as u8);
            let release = ReleaseContext {
                asker,
                officer,
                holder,
                register,
                purpose,
                legal_basis,
                exchange,
                field,
                approvals,
            };
            (release, class(n))
        })
        .collect();
    let mut next = releases.iter().cycle();
    for (release, class) in &releases {
        decide(&book, release, class);
    }
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let (release, class) = next.next().unwrap();
        black_box(decide(&book, release, class))
    });
}

/// What the first request of a kind costs: the table is made.
#[divan::bench(args = CLAUSES, sample_count = 10)]
fn making_a_table(bencher: Bencher<'_, '_>, clauses: usize) {
    let queries = queries();
    bencher
        .with_inputs(|| book(clauses))
        .bench_local_values(|book| black_box(book.rule(Request::Query(&queries[0])).permitted()));
}

/// A slice of a register of 1,000,000 records: every class decided, every record looked up.
#[divan::bench(args = CLAUSES, sample_count = 10)]
fn slice_of_a_million_by_table(bencher: Bencher<'_, '_>, clauses: usize) {
    let (book, search) = (book(clauses), search());
    let records: Vec<RecordClass> = (0..1_000_000).map(class).collect();
    let _ = book.slice(&search);
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
        let slice = book.slice(black_box(&search));
        records.iter().filter(|class| slice.contains(class)).count()
    });
}

/// The same with every record put to Cedar; 1,000 of them.
#[divan::bench(args = CLAUSES, sample_count = 3)]
fn slice_of_a_thousand_by_cedar(bencher: Bencher<'_, '_>, clauses: usize) {
    let (book, search) = (book(clauses), search());
    let records: Vec<RecordClass> = (0..1_000).map(class).collect();
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
        records.iter().filter(|class| book.consult(Request::Search(&search, class)).permitted).count()
    });
}

/// The ready rules as they are.
#[divan::bench]
fn ready_rules_by_table(bencher: Bencher<'_, '_>) {
    let book = Rulebook::new(RuleSet::parse(PCC_BILATERAL, Kind::Shared).unwrap(), None).unwrap();
    let queries = queries();
    let mut next = each(&queries);
    let _ = book.rule(Request::Query(next())).permitted();
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| black_box(book.rule(Request::Query(next())).permitted()));
}
