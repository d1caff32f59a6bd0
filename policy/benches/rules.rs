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

use std::collections::HashMap;

use divan::{Bencher, black_box, counter::ItemsCount};
use ed25519_dalek::SigningKey;
use symbolon_policy::{
    agreement::{Agreement, ExactTerms, Party, Quota, Terms, Unit},
    ask::Ask,
    class::RecordClass,
    permit::{InForce, RefusalCode, admit},
    quota::{Balance, Ledger, MeterKey},
    rules::{
        AskContext, ExchangeKind, Kind, PCC_BILATERAL, ReleaseContext, Request, RuleSet, Rulebook,
        SearchContext, library,
    },
    signing::Signer as _,
    words::{
        AgeBand, AgencyCode, AgreementId, Category, Digest, Field, LegalBasis, Provenance, Purpose, QueryId,
        SnapshotId, Timestamp,
    },
};

const CLAUSES: [usize; 3] = [5, 50, 200];

fn main() {
    divan::main();
}

fn book(clauses: usize) -> Rulebook {
    Rulebook::new(RuleSet::parse(&text(clauses), Kind::Shared).unwrap(), None).unwrap()
}

fn text(clauses: usize) -> String {
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
    (0..clauses).map(|n| clause(n) + "\n").collect()
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

/// Meters in memory, with something on each that was asked for before.
struct Meters(HashMap<MeterKey, u64>);

impl Ledger for Meters {
    fn spent(&self, key: &MeterKey) -> u64 {
        self.0.get(key).copied().unwrap_or(17)
    }

    fn balance(&self, _: &AgreementId, _: &AgencyCode) -> Balance {
        Balance { given: 900, received: 1_100 }
    }

    fn unexplained(&self, _: &AgreementId, _: Timestamp) -> u64 {
        0
    }
}

/// An agreement under so many clauses, with quotas of each kind, signed by both.
fn agreement(clauses: usize) -> InForce {
    let keys = [SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32])];
    let codes: [AgencyCode; 2] = ["RS".parse().unwrap(), "MK".parse().unwrap()];
    let parties = codes.iter().zip(&keys).map(|(code, key)| Party {
        code: code.clone(),
        name: format!("Agency of {code}"),
        peer: format!("peer-{code}"),
        key: key.public(),
        addresses: Vec::new(),
    });
    let quota = |purpose: Option<Purpose>, per_officer| Quota {
        asker: codes[0].clone(),
        register: None,
        purpose,
        per_officer,
        unit: Unit::Identifiers,
        limit: 1_000_000,
        period_days: 30,
    };
    let terms = Terms {
        version: Terms::VERSION,
        title: "Benchmark".into(),
        canonicalisation: symbolon_protocol::identifier::CANONICALISATION.into(),
        valid_from: Timestamp(1_790_000_000),
        valid_until: Timestamp(1_890_000_000),
        amends: None,
        proofs: Vec::new(),
        buckets: symbolon_protocol::padding::Buckets::default(),
        parties: parties.collect(),
        exact: Some(ExactTerms { largest_batch: 1_100, epoch_hours: 24 }),
        count: None,
        matching: None,
        claims: None,
        quotas: vec![quota(None, false), quota(Some(Purpose::IrregEntry), false), quota(None, true)],
        rules: text(clauses),
    };
    let mut agreement = Agreement::new(terms).unwrap();
    for (code, key) in codes.iter().zip(&keys) {
        agreement.sign(code, key).unwrap();
    }
    InForce::new(&agreement, None).unwrap()
}

/// A query as it comes, to the permit or the refusal: agreement, parties, digest of the rules, terms, quotas, rules.
/// Meters are in memory; nothing is recorded.
#[divan::bench(args = CLAUSES)]
fn admission(bencher: Bencher<'_, '_>, clauses: usize) {
    let (agreement, ledger) = (agreement(clauses), Meters(HashMap::new()));
    let ask = |(n, query): (u8, AskContext)| Ask {
        query: QueryId([n; 16]),
        agreement: agreement.id(),
        rules: agreement.rules_digest(),
        asker: query.asker,
        holder: query.holder,
        exchange: query.exchange,
        register: query.register,
        purpose: query.purpose,
        basis: query.legal_basis,
        officer: query.officer,
        case: query.case_reference.then_some(Digest([n; 32])),
        items: query.batch_size,
        snapshot: Some(SnapshotId([n; 16])),
        matching: None,
        unexplained: 0,
        commitment: Digest([n; 32]),
        digest: Digest([n; 32]),
        asked_at: query.now,
    };
    let asks: Vec<Ask> = (0..=u8::MAX).cycle().zip(queries()).map(ask).collect();
    let (own, mut next) = (agreement.terms().parties[1].code.clone(), asks.iter().cycle());
    let admitted = |ask: &Ask| admit(&agreement, ask, &own, &ledger, ask.asked_at);
    // Nothing but the rules refuses any.
    let refused: Vec<_> = asks.iter().filter_map(|ask| admitted(ask).err()).collect();
    assert!(refused.iter().all(|refusal| refusal.code == RefusalCode::RulesForbid));
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| black_box(admitted(next.next().unwrap()).is_ok()));
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
