//! Rules made ready, each once.
//!
//! A comparison or a search runs hundreds of proposals that have most of their rules in common, between many pairs
//! that have the same. What follows from rules alone is kept here by the digests of their texts and whatever else it
//! depends on, and shared by every proposal, pair and practice of which it is true. What is shared never changes
//! what is decided: a run with an empty shelf gives the same bytes.
//!
//! Work is done outside of the locks, so two threads may make the same thing at once; the first one is kept. Waiting
//! for one another instead could stop a pool of threads for good, since making a table runs on the same pool.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use symbolon_policy::{
    rules::{Cuts, ExchangeKind, Kind, RuleErrors, RuleSet, Rulebook, RulebookError},
    words::{AgencyCode, Digest, Field, LegalBasis, Modality, Provenance, Purpose},
};

use crate::contract::Table;

/// Rulebooks that are kept; beyond these a run begins with an empty shelf.
const MOST_BOOKS: usize = 2_048;

/// Keeps what was made of rules. Cheap to copy; copies share what they keep. All proposals of a scenario have one.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Kept>);

#[derive(Default)]
struct Kept {
    sets: Memo<(Kind, Digest), RuleSet>,
    books: Memo<(Digest, Option<Digest>), Book>,
    tables: Memo<Asked, Table>,
    slices: Memo<Searched, Vec<bool>>,
    needs: Memo<(Searched, LegalBasis, Vec<Field>), Needs>,
}

/// For each class of records and each field, the approvals that it needs; none if it is never released.
pub(crate) type Needs = Vec<Vec<Option<u8>>>;

/// A rulebook with what its decisions turn on.
pub(crate) struct Book {
    pub(crate) rules: Rulebook,
    pub(crate) cuts: Cuts,
    digest: Digest,
    national: Option<Digest>,
}

/// What the decisions on the queries of a practice depend on, beside their numbers.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) rules: Rules,
    pub(crate) exchange: ExchangeKind,
    pub(crate) purpose: Purpose,
    pub(crate) basis: LegalBasis,
    pub(crate) modality: Option<Modality>,
    pub(crate) items: u32,
}

/// What a slice depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Searched {
    pub(crate) rules: Rules,
    pub(crate) exchange: ExchangeKind,
    pub(crate) purpose: Purpose,
    pub(crate) provenance: Provenance,
}

/// Rules, and between whom if they name anybody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    shared: Digest,
    national: Option<Digest>,
    between: Option<[AgencyCode; 2]>,
}

/// Rules that do not stand.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Unready {
    #[error(transparent)]
    Rules(#[from] RuleErrors),
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf({} rulebooks)", self.0.books.len())
    }
}

/// What is kept makes no difference.
impl PartialEq for Shelf {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Book {
    /// What distinguishes decisions of this book between an asker and a holder.
    pub(crate) fn between(&self, asker: &AgencyCode, holder: &AgencyCode) -> Rules {
        Rules {
            shared: self.digest,
            national: self.national,
            between: self.cuts.names.then(|| [asker.clone(), holder.clone()]),
        }
    }
}

impl Shelf {
    /// Makes room if very much is kept.
    pub(crate) fn tidy(&self) {
        if self.0.books.len() > MOST_BOOKS {
            self.0.sets.clear();
            self.0.books.clear();
            self.0.tables.clear();
            self.0.slices.clear();
            self.0.needs.clear();
        }
    }

    /// Rules, read and checked.
    ///
    /// # Errors
    /// [`RuleErrors`] if they do not stand.
    pub(crate) fn set(&self, text: &str, kind: Kind) -> Result<Arc<RuleSet>, RuleErrors> {
        self.0.sets.get((kind, digest(text)), || RuleSet::parse(text, kind))
    }

    /// Keeps rules that were checked already.
    pub(crate) fn put(&self, set: RuleSet) {
        self.0.sets.put((set.kind(), set.digest()), Arc::new(set));
    }

    /// Shared rules with the national ones of one side.
    ///
    /// # Errors
    /// [`Unready`] if they do not stand.
    pub(crate) fn book(&self, shared: &str, national: Option<&str>) -> Result<Arc<Book>, Unready> {
        let (own, key) = (national.map(digest), digest(shared));
        self.0.books.get((key, own), || {
            let own_set = national.map(|text| self.set(text, Kind::National)).transpose()?;
            let rules =
                Rulebook::new((*self.set(shared, Kind::Shared)?).clone(), own_set.map(|set| (*set).clone()))?;
            Ok(Book { cuts: rules.cuts(), rules, digest: key, national: own })
        })
    }

    /// Decisions on queries.
    pub(crate) fn table(&self, key: Asked, make: impl FnOnce() -> Table) -> Arc<Table> {
        self.0.tables.sure(key, make)
    }

    /// Which classes take part.
    pub(crate) fn slice(&self, key: Searched, make: impl FnOnce() -> Vec<bool>) -> Arc<Vec<bool>> {
        self.0.slices.sure(key, make)
    }

    /// What is released.
    pub(crate) fn needs(
        &self,
        key: (Searched, LegalBasis, Vec<Field>),
        make: impl FnOnce() -> Needs,
    ) -> Arc<Needs> {
        self.0.needs.sure(key, make)
    }
}

fn digest(text: &str) -> Digest {
    // As `RuleSet::digest` has it.
    Digest::of("symbolon/rules/1", text.as_bytes())
}

/// Things by what they depend on.
struct Memo<K, V>(Mutex<HashMap<K, Arc<V>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Memo<K, V> {
    fn get<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let known = self.lock().get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let made = Arc::new(make()?);
        Ok(self.put(key, made))
    }

    fn sure(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        let made: Result<_, std::convert::Infallible> = self.get(key, || Ok(make()));
        match made {
            Ok(made) => made,
            Err(never) => match never {},
        }
    }

    /// Keeps a thing, unless there is one; the one that is kept.
    fn put(&self, key: K, made: Arc<V>) -> Arc<V> {
        self.lock().entry(key).or_insert(made).clone()
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Arc<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
