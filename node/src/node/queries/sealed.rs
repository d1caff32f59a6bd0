//! Own queries on disk, sealed: what it takes to ask one again after a crash, and to open it to a
//! claim later. With a probe, the places of its hits are added once they are known.

use serde::{Deserialize, Serialize};
use symbolon_policy::{ask::Ask, canonical, signing::Signature, words::QueryId};
use symbolon_protocol::{identifier::Kind, matching::template::Template, seed::Seed};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Asking;
use crate::{
    canaries::Drawn,
    control::api::Failure,
    files,
    node::Core,
    sealing::Bytes,
    session::{
        asker::{Asked, Subject},
        matching::Ready,
    },
};

/// The plaintext of the file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(in crate::node) struct Sealed {
    seed: [u8; 32],
    case: Option<String>,
    people: Vec<Person>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probe: Option<Probe>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Probe {
    templates: Vec<Bits>,
    /// Places of the hits in the holder's answer.
    hits: Vec<u64>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Bits {
    length: u32,
    bits: Bytes,
    mask: Bytes,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Person {
    reference: String,
    #[zeroize(skip)]
    kinds: Vec<Kind>,
    identifiers: Vec<Bytes>,
    /// It is a canary: asked about, and shown to nobody as a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    canary: bool,
}

impl Sealed {
    /// Writes a query down.
    ///
    /// # Errors
    /// A local [`Failure`]; then the query must not be asked.
    pub(super) fn save(
        core: &Core,
        asked: &Asked,
        asking: &[Asking],
        canaries: &[Drawn],
        case: Option<String>,
    ) -> Result<(), Failure> {
        let (identifiers, probe) = match &asked.subject {
            Subject::Identifiers(identifiers) => (identifiers.as_slice(), None),
            Subject::Probe(templates, _) => (Default::default(), Some(Probe::of(templates))),
        };
        let mut identifiers = identifiers.iter();
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
                canary: false,
            })
            .chain(canaries.iter().map(|drawn| Person {
                reference: drawn.name.clone(),
                kinds: vec![drawn.kind],
                identifiers: vec![Bytes(drawn.identifier.to_vec())],
                canary: true,
            }))
            .collect();
        Self { seed: *asked.seed.expose(), case, people, probe }.write(core, &asked.ask.query)
    }

    fn write(&self, core: &Core, id: &QueryId) -> Result<(), Failure> {
        let plain = Zeroizing::new(canonical::encode(self).map_err(|e| Failure::local(e.to_string()))?);
        let sealed = core.storage.derive("queries").seal(id.as_bytes(), &plain);
        let path = core.home.queries().join(id.to_string());
        files::write_whole(&path, &sealed)
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))
    }

    /// Adds the places of the hits, which a claim names.
    ///
    /// # Errors
    /// A [`Failure`] if the query cannot be read or written.
    pub(super) fn found(core: &Core, id: &QueryId, hits: &[u64]) -> Result<(), Failure> {
        let mut sealed = Self::load(core, id)?;
        if let Some(probe) = &mut sealed.probe {
            probe.hits = hits.to_vec();
        }
        sealed.write(core, id)
    }

    /// Reads a query back.
    ///
    /// # Errors
    /// An input [`Failure`] if it is gone, another one if it is damaged.
    pub(in crate::node) fn load(core: &Core, id: &QueryId) -> Result<Self, Failure> {
        let path = core.home.queries().join(id.to_string());
        let sealed = std::fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::input(format!("the sealed copy of the query {id} is no longer kept"))
                    .with_help("ask a new query")
            }
            _ => Failure::local(format!("cannot read {}: {error}", path.display())),
        })?;
        let damaged = || Failure::integrity(format!("the query in {} is damaged", path.display()));
        let plain = core.storage.derive("queries").open(id.as_bytes(), &sealed).map_err(|_| damaged())?;
        canonical::decode(&plain).map_err(|_| damaged())
    }

    /// The query, ready to be asked again.
    ///
    /// # Errors
    /// An integrity [`Failure`] if its templates are none.
    pub(in crate::node) fn asked(&self, ask: Ask, signature: Signature) -> Result<Asked, Failure> {
        let subject = match &self.probe {
            Some(probe) => Subject::Probe(probe.templates()?, Ready::default()),
            None => {
                let identifiers = self.people.iter().flat_map(|person| &person.identifiers);
                Subject::Identifiers(identifiers.map(|bytes| Zeroizing::new(bytes.0.clone())).collect())
            }
        };
        let canaries = self.people.iter().filter(|person| person.canary).count();
        Ok(Asked { ask, signature, subject, canaries, seed: Seed::new(self.seed) })
    }

    /// Its case reference.
    pub(in crate::node) fn case(&self) -> Option<String> {
        self.case.clone()
    }

    /// Names of the canaries, which come after its people.
    pub(in crate::node) fn canaries(&self) -> Vec<String> {
        self.people.iter().filter(|person| person.canary).map(|person| person.reference.clone()).collect()
    }

    /// Its people.
    pub(in crate::node) fn people(&self) -> Vec<Asking> {
        let people = self.people.iter().filter(|person| !person.canary);
        people.map(|person| (person.reference.clone(), person.kinds.clone())).collect()
    }
}

impl Probe {
    fn of(templates: &[Template]) -> Self {
        let bits = |template: &Template| {
            let (bits, mask) = template.to_bytes();
            let length = u32::try_from(template.length()).unwrap_or(u32::MAX);
            Bits { length, bits: Bytes(bits), mask: Bytes(mask) }
        };
        Self { templates: templates.iter().map(bits).collect(), hits: Vec::new() }
    }

    fn templates(&self) -> Result<Vec<Template>, Failure> {
        let template = |Bits { length, bits, mask }: &Bits| {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            Template::from_bytes(length, &bits.0, Some(&mask.0))
        };
        let templates = self.templates.iter().map(template).collect::<Result<_, _>>();
        templates.map_err(|e| Failure::integrity(format!("the probe of the query is damaged: {e}")))
    }
}
