//! The holder: check the query, ask the rules, search the slice, answer.

use std::sync::Arc;

use rayon::prelude::*;
use tfhe::{core_crypto::prelude::lwe_ciphertext_add_assign, zk::CompactPkeCrs};

use super::{
    answer::Packed,
    asker::places,
    circuit::{self, Big, Count, Or, Table},
    keys::{self, Evaluation},
    messages::{ANSWER, PLACES, QUERY, QUERY_SIZE},
    parameters::{BATCH, Encoding},
    query::{self, Encrypted},
    score::Scorer,
};
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden, released},
    matching::{
        engine::{Answer, Asked, Group, Rows, Searched},
        rule::Form,
    },
    seed::{Seed, Stream},
    wire::{BlobIn, BlobOut, Inbox, Outbox},
};

/// What all queries under one set of keys share.
pub(super) struct Material {
    pub(super) form: Form,
    pub(super) encoding: Encoding,
    pub(super) crs: CompactPkeCrs,
    pub(super) keys: Evaluation,
}

/// A phase that is no hit, far from the threshold: -1/4 of the torus.
const NO: u64 = 3 << 62;

/// The circuit as far as it has come.
struct Search {
    queries: Vec<Encrypted>,
    noise: Stream,
    /// Places that have no result yet, in random order.
    order: Vec<u32>,
    packed: Packed,
    or: Or,
    count: Option<Count>,
    done: u64,
    comparisons: u64,
}

/// The holder's machine. It holds one batch of rows and 44 bytes a place of the answer.
pub(super) struct Holder {
    material: Arc<Material>,
    asked: Asked,
    rows: Box<dyn Rows>,
    seed: Seed,
    places: u64,
    size: Inbox<8>,
    query: Option<BlobIn>,
    checked: Option<Vec<Encrypted>>,
    search: Option<Search>,
    header: Outbox<8>,
    answer: Option<BlobOut>,
    searched: Searched,
}

impl Holder {
    pub(super) fn new(
        material: Arc<Material>,
        asked: Asked,
        rows: Box<dyn Rows>,
        seed: &Seed,
    ) -> Result<Self, Fault> {
        let groups = rows.groups();
        if groups > asked.largest_slice {
            return Err(Fault::Misuse("the slice is larger than the agreement lets a query search"));
        }
        let places = places(&asked, groups);
        let mut header = Outbox::new(PLACES, 1);
        header.push(&[places.to_be_bytes()])?;
        Ok(Self {
            material,
            asked,
            rows,
            seed: seed.clone(),
            places,
            size: Inbox::new(QUERY_SIZE, 1),
            query: None,
            checked: None,
            search: None,
            header,
            answer: None,
            searched: Searched { groups: places, comparisons: 0 },
        })
    }

    fn cap(&self) -> Option<u32> {
        match self.asked.answer {
            Answer::Any => None,
            Answer::Candidates { cap } => Some(cap),
        }
    }

    /// Searches the next groups; after the last fills the places of no record.
    fn advance(&mut self) -> Result<(), Fault> {
        let search = self.search.as_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        let most = BATCH.saturating_mul(rayon::current_num_threads().max(1));
        let groups = self.rows.next(most)?;
        let Material { keys, form, encoding, .. } = &*self.material;
        if groups.is_empty() {
            let empty = search.order.len().min(most);
            if empty == 0 {
                return self.conclude();
            }
            let results = noes(keys, empty, &mut search.noise);
            search.put(keys, results);
            return Ok(());
        }
        let scorer = Scorer::new(*form, *encoding);
        search.done = search.done.saturating_add(groups.len() as u64);
        if search.done > self.rows.groups() {
            return Err(Fault::Misuse("the slice has more groups than announced"));
        }
        let scores = scores(&scorer, keys, &search.queries, &groups, &mut search.noise)?;
        search.comparisons = search.comparisons.saturating_add(scores.len() as u64);
        let mut results = circuit::gate(keys, &Table::sign(), &scores).into_iter();
        let Some(count) = &mut search.count else {
            search.or.add(keys, results.collect());
            return Ok(());
        };
        let filled = groups.iter().filter(|group| !group.rows.is_empty());
        let rows = filled.map(|group| results.by_ref().take(group.rows.len()).collect()).collect();
        let mut each = circuit::or_each(keys, rows);
        count.add(keys, &each);
        // A group without rows has no result; its place says no.
        each.extend(noes(keys, groups.len().saturating_sub(each.len()), &mut search.noise));
        search.put(keys, each);
        Ok(())
    }

    /// Ends the circuit and packs its answer.
    fn conclude(&mut self) -> Result<(), Fault> {
        let Some(search) = self.search.take() else { return Err(Fault::Misuse("nothing to compute")) };
        let Search { mut packed, or, count, comparisons, mut noise, .. } = search;
        let keys = &self.material.keys;
        let mut stream = self.seed.stream("tfhe/answer");
        // An answer about nothing is made like any other.
        let nothing = || {
            let no = keys.fresh.encrypt(NO, keys::seed(&mut noise));
            circuit::gate(keys, &Table::sign(), &[no]).pop()
        };
        let candidates = count.is_some();
        let first = count.map_or_else(|| or.finish(keys), |count| count.finish(keys)).or_else(nothing);
        if let Some(first) = first {
            if candidates {
                packed.blank(keys, &first, &mut stream);
            }
            packed.put(keys, &[(0, first)]);
        }
        self.searched.comparisons = comparisons;
        self.answer = Some(BlobOut::new(ANSWER, packed.finish(&mut stream)));
        Ok(())
    }
}

impl Search {
    /// Puts results to the next places of the order. Which of a batch is whose does not matter: the order is random.
    fn put(&mut self, keys: &Evaluation, results: Vec<Big>) {
        let left = self.order.len().saturating_sub(results.len());
        let places = self.order.drain(left..).map(|place| usize::try_from(place).unwrap_or(usize::MAX));
        let placed: Vec<(usize, Big)> = places.zip(results).collect();
        self.packed.put(keys, &placed);
    }
}

/// Results that say no, for places of no record: made like any other they cannot be told apart by their noise.
fn noes(keys: &Evaluation, count: usize, noise: &mut Stream) -> Vec<Big> {
    let seeds: Vec<_> = (0..count).map(|_| keys::seed(noise)).collect();
    seeds.into_par_iter().map(|seed| keys.fresh.no(seed)).collect()
}

/// Scores every row of every group and adds a fresh encryption of zero to each.
fn scores(
    scorer: &Scorer,
    keys: &Evaluation,
    queries: &[Encrypted],
    groups: &[Group],
    noise: &mut Stream,
) -> Result<Vec<Big>, Fault> {
    let rows: Vec<_> = groups
        .iter()
        .flat_map(|group| &group.rows)
        .map(|(alternative, template)| {
            let query = queries.get(usize::from(*alternative));
            let query = query.ok_or(Fault::Misuse("a row for an alternative that was not asked"))?;
            Ok((query, template, keys::seed(noise)))
        })
        .collect::<Result<_, Fault>>()?;
    let scores = rows.into_par_iter().map(|(query, template, seed)| {
        let mut score = scorer.score(query, template);
        lwe_ciphertext_add_assign(&mut score, &keys.fresh.encrypt(0, seed));
        score
    });
    Ok(scores.collect())
}

impl Exchange for Holder {
    type Output = Searched;

    fn wants(&self) -> Wants {
        let asked = self.query.as_ref().is_some_and(BlobIn::complete);
        let answer = self.answer.as_ref();
        let idle = self.search.is_none() && answer.is_none();
        Wants {
            receive: !asked,
            compute: (asked && self.checked.is_none() && idle) || self.search.is_some(),
            verdict: self.checked.is_some(),
            send: answer.is_some_and(|answer| !answer.complete()),
            done: answer.is_some_and(BlobOut::complete),
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        match &mut self.answer {
            Some(_) if self.header.ready() => self.header.frame(),
            Some(answer) => answer.frame(),
            None => Err(Fault::Misuse("no frame is ready")),
        }
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        if let Some(query) = &mut self.query {
            query.consume(&frame)?;
            if query.complete() && query::digest(query.bytes()) != self.asked.digest {
                return Err(Misbehaviour::Commitment.into());
            }
            return Ok(());
        }
        if let [size] = self.size.open(&frame)? {
            let size = u64::from_be_bytes(*size);
            if size == 0 || size > query::limit(&self.material.form, usize::from(self.asked.alternatives)) {
                return Err(Misbehaviour::Length.into());
            }
            self.query = Some(BlobIn::new(QUERY, size));
        }
        Ok(())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        if self.search.is_some() {
            return self.advance();
        }
        let Some(query) = self.query.as_ref().filter(|_| self.wants().compute) else {
            return Err(Fault::Misuse("nothing to compute"));
        };
        let Material { form, encoding, crs, keys } = &*self.material;
        let alternatives = usize::from(self.asked.alternatives);
        let checked = query::verify(form, encoding, &keys.encryption, crs, alternatives, query.bytes())?;
        self.checked = Some(checked);
        Ok(())
    }

    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
        if self.checked.is_none() {
            return Err(Fault::Misuse("no verdict is due"));
        }
        let disclosure = Disclosure::Match {
            groups: self.rows.groups(),
            cap: self.cap(),
            alternatives: self.asked.alternatives,
        };
        if !released(warden, &disclosure)? {
            return Ok(());
        }
        let Some(queries) = self.checked.take() else { return Ok(()) };
        let places = usize::try_from(self.places).map_err(|_| Fault::Misuse("the slice is too large"))?;
        let last = u32::try_from(self.places).map_err(|_| Fault::Misuse("the slice is too large"))?;
        // Place 0 says whether there are too many.
        let mut order: Vec<u32> = if self.cap().is_some() { (1..last).collect() } else { Vec::new() };
        self.seed.stream("tfhe/order").shuffle(&mut order);
        self.search = Some(Search {
            queries,
            noise: self.seed.stream("tfhe/noise"),
            order,
            packed: Packed::new(places),
            or: Or::default(),
            count: self.cap().map(Count::new),
            done: 0,
            comparisons: 0,
        });
        Ok(())
    }

    /// Of the padded size, in hundredths: the partner sees it.
    fn progress(&self) -> Progress {
        let groups = self.rows.groups();
        let total = self.asked.buckets.places(groups);
        let hundredths = match (&self.search, &self.answer) {
            (Some(search), _) => search.done.saturating_mul(100) / groups.max(1),
            (None, Some(_)) => 100,
            (None, None) => 0,
        };
        Progress { phase: "search", done: total.saturating_mul(hundredths) / 100, total }
    }

    fn finish(self: Box<Self>) -> Result<Searched, Fault> {
        if self.wants().done { Ok(self.searched) } else { Err(Fault::Misuse("not over")) }
    }
}
