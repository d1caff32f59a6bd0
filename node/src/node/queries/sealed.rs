//! Own queries on disk, sealed: what it takes to ask one again after a crash, and to open it to a
//! claim later.

use serde::{Deserialize, Serialize};
use symbolon_policy::{ask::Ask, canonical, signing::Signature, words::QueryId};
use symbolon_protocol::{identifier::Kind, seed::Seed};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Asking;
use crate::{control::api::Failure, files, node::Core, session::asker::Asked};

/// The plaintext of the file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct Sealed {
    seed: [u8; 32],
    case: Option<String>,
    people: Vec<Person>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Person {
    reference: String,
    #[zeroize(skip)]
    kinds: Vec<Kind>,
    identifiers: Vec<Bytes>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct Bytes(#[serde(with = "serde_bytes")] Vec<u8>);

impl Sealed {
    /// Writes a query down.
    ///
    /// # Errors
    /// A local [`Failure`]; then the query must not be asked.
    pub(super) fn save(
        core: &Core,
        asked: &Asked,
        asking: &[Asking],
        case: Option<String>,
    ) -> Result<(), Failure> {
        let mut identifiers = asked.identifiers.iter();
        let people = asking
            .iter()
            .map(|(reference, kinds)| Person {
                reference: reference.clone(),
                kinds: kinds.clone(),
                identifiers: kinds
                    .iter()
                    .filter_map(|_| identifiers.next())
                    .map(|bytes| Bytes(bytes.to_vec()))
                    .collect(),
            })
            .collect();
        let plain = Self { seed: *asked.seed.expose(), case, people };
        let plain = Zeroizing::new(canonical::encode(&plain).map_err(|e| Failure::local(e.to_string()))?);
        let id = asked.ask.query;
        let sealed = core.storage.derive("queries").seal(id.as_bytes(), &plain);
        let path = core.home.queries().join(id.to_string());
        files::write_whole(&path, &sealed)
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))
    }

    /// Reads a query back.
    ///
    /// # Errors
    /// A [`Failure`] if it is gone or damaged.
    pub(super) fn load(core: &Core, id: &QueryId) -> Result<Self, Failure> {
        let path = core.home.queries().join(id.to_string());
        let sealed = std::fs::read(&path)
            .map_err(|e| Failure::local(format!("cannot read {}: {e}", path.display())))?;
        let damaged = || Failure::integrity(format!("the query in {} is damaged", path.display()));
        let plain = core.storage.derive("queries").open(id.as_bytes(), &sealed).map_err(|_| damaged())?;
        canonical::decode(&plain).map_err(|_| damaged())
    }

    /// The query, ready to be asked again.
    pub(super) fn asked(&self, ask: Ask, signature: Signature) -> Asked {
        let identifiers = self.people.iter().flat_map(|person| &person.identifiers);
        let identifiers = identifiers.map(|bytes| Zeroizing::new(bytes.0.clone())).collect();
        Asked { ask, signature, identifiers, seed: Seed::new(self.seed) }
    }

    /// Its people.
    pub(super) fn people(&self) -> Vec<Asking> {
        self.people.iter().map(|person| (person.reference.clone(), person.kinds.clone())).collect()
    }
}
