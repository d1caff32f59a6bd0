//! Canaries: records that both agencies agreed a partner must hold, asked among ordinary queries.
//!
//! An exact answer proves that one key was used, not that the filter is complete: a holder can leave records out. So the
//! asker's agency has invented people registered with the partner, keeps their identifiers sealed, and adds some of
//! them to queries of its officers. The holder cannot tell them from others by what it sees of the query. A
//! canary that is not found is a record that the partner does not answer about.
//!
//! With a share `c` of canaries among the items and a share `s` of records suppressed at random, `n` items find it with
//! probability 1 - (1 - c·s)^n. That counts a canary that is asked twice as two; `k` different ones find it
//! with 1 - (1 - s)^k, and no more than that is sure.
//!
//! **What it does not show**: a holder that knows which of its records are canaries answers about these, and
//! suppresses the others. Whoever plants them must not tell the holder's node; each one that is claimed is
//! burnt. Suppression of a kind of record that no canary is of is not found either.
//!
//! Commitments to the identifiers go to the journal when they are added, so that an auditor to whom they are opened knows
//! that they were not chosen afterwards.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    canonical,
    words::{AgencyCode, Digest, Purpose, RegisterName, Timestamp},
};
use symbolon_protocol::{identifier::Kind, set::IdentifierBytes};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{control::api::Failure, files, sealing::StorageKey};

/// One canary as it is kept.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(crate) struct Canary {
    /// What the administrator calls it.
    pub(crate) name: String,
    /// Who must hold it.
    #[zeroize(skip)]
    pub(crate) partner: AgencyCode,
    /// In which register.
    #[zeroize(skip)]
    pub(crate) register: RegisterName,
    /// For which purposes it is in the slice.
    #[zeroize(skip)]
    pub(crate) purposes: Vec<Purpose>,
    #[zeroize(skip)]
    kind: Kind,
    #[serde(with = "serde_bytes")]
    identifier: Vec<u8>,
    salt: [u8; 32],
    /// From when on it is there.
    #[zeroize(skip)]
    pub(crate) from: Timestamp,
    /// From when on it is there no more.
    #[zeroize(skip)]
    pub(crate) until: Timestamp,
    /// How often it was asked.
    pub(crate) asked: u64,
    /// How often it was found.
    pub(crate) found: u64,
}

/// A canary, opened to an auditor.
#[derive(Serialize)]
pub(crate) struct Opened {
    name: String,
    partner: AgencyCode,
    register: RegisterName,
    purposes: Vec<Purpose>,
    kind: Kind,
    identifier: String,
    salt: String,
    commitment: Digest,
}

impl Canary {
    pub(crate) fn new(
        name: String,
        (kind, identifier): (Kind, &[u8]),
        (partner, register, purposes): (AgencyCode, RegisterName, Vec<Purpose>),
        (from, until): (Timestamp, Timestamp),
    ) -> Self {
        let (salt, identifier) = (rand::random(), identifier.to_vec());
        Self { name, partner, register, purposes, kind, identifier, salt, from, until, asked: 0, found: 0 }
    }

    /// Binds to everything that says what must be held.
    ///
    /// # Errors
    /// A local [`Failure`] never in fact.
    pub(crate) fn commitment(&self) -> Result<Digest, Failure> {
        let identifier = serde_bytes::Bytes::new(&self.identifier);
        let held = (&self.partner, &self.register, &self.purposes, self.kind, identifier);
        let bytes = canonical::encode(&(serde_bytes::Bytes::new(&self.salt), held));
        let bytes = Zeroizing::new(bytes.map_err(|e| Failure::local(e.to_string()))?);
        Ok(Digest::of("symbolon/canary/1", &bytes))
    }

    /// For an auditor.
    ///
    /// # Errors
    /// As [`commitment`](Self::commitment).
    pub(crate) fn opened(&self) -> Result<Opened, Failure> {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        Ok(Opened {
            name: self.name.clone(),
            partner: self.partner.clone(),
            register: self.register.clone(),
            purposes: self.purposes.clone(),
            kind: self.kind,
            identifier: hex(&self.identifier),
            salt: hex(&self.salt),
            commitment: self.commitment()?,
        })
    }

    fn fits(&self, to: &Wanted<'_>) -> bool {
        (&self.partner, &self.register) == (to.partner, to.register)
            && self.purposes.contains(&to.purpose)
            && (self.from..self.until).contains(&to.now)
    }
}

/// A canary that goes into a query.
#[derive(Clone)]
pub(crate) struct Drawn {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) identifier: IdentifierBytes,
}

/// The query that canaries are drawn for.
pub(crate) struct Wanted<'a> {
    pub(crate) partner: &'a AgencyCode,
    pub(crate) register: &'a RegisterName,
    pub(crate) purpose: Purpose,
    pub(crate) now: Timestamp,
    /// Items that the officer asks about.
    pub(crate) items: usize,
    /// The most that a query may have.
    pub(crate) most: usize,
}

/// The file of the canaries.
pub(crate) struct CanaryStore {
    path: PathBuf,
    key: StorageKey,
    writing: Mutex<()>,
}

/// What the file is sealed for.
const PLACE: &[u8] = b"canaries";
/// What a share is told in.
const THOUSAND: u64 = 1_000;

impl CanaryStore {
    /// The store in a file that need not be there.
    pub(crate) fn new(path: PathBuf, key: StorageKey) -> Self {
        Self { path, key, writing: Mutex::default() }
    }

    /// All canaries.
    ///
    /// # Errors
    /// An integrity [`Failure`] if the file is damaged.
    pub(crate) fn all(&self) -> Result<Vec<Canary>, Failure> {
        let sealed = match fs::read(&self.path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(Failure::local(format!("cannot read {}: {error}", self.path.display())));
            }
        };
        let damaged = || Failure::integrity(format!("{} is damaged", self.path.display()));
        let plain = self.key.open(PLACE, &sealed).map_err(|_| damaged())?;
        canonical::decode(&plain).map_err(|_| damaged())
    }

    fn write(&self, canaries: &Vec<Canary>) -> Result<(), Failure> {
        let plain = canonical::encode(canaries).map_err(|e| Failure::local(e.to_string()))?;
        let sealed = self.key.seal(PLACE, &Zeroizing::new(plain));
        files::write_whole(&self.path, &sealed)
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", self.path.display())))
    }

    /// Changes the canaries.
    ///
    /// # Errors
    /// A [`Failure`] of the change, or if they cannot be read or written; then they are as before.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut Vec<Canary>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut canaries = self.all()?;
        change(&mut canaries)?;
        self.write(&canaries)
    }

    /// Draws canaries for a query, so that they are about this share of its items, in thousandths.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub(crate) fn draw(&self, wanted: &Wanted<'_>, share: u32) -> Result<Vec<Drawn>, Failure> {
        let mut fitting = self.all()?;
        fitting.retain(|canary| canary.fits(wanted));
        // For each item one more with probability c / (1 - c), so that c of all are canaries.
        let share = u64::from(share).min(THOUSAND / 2);
        let odds = share.saturating_mul(1 << 32).div_euclid(THOUSAND.saturating_sub(share));
        let hits = (0..wanted.items).filter(|_| u64::from(rand::random::<u32>()) < odds).count();
        let count = hits.min(fitting.len()).min(wanted.most.saturating_sub(wanted.items));
        let mut drawn = Vec::with_capacity(count);
        for _ in 0..count {
            let at = rand::random::<u64>().checked_rem(fitting.len() as u64).unwrap_or(0);
            let canary = fitting.swap_remove(usize::try_from(at).unwrap_or(0));
            let identifier = Zeroizing::new(canary.identifier.clone());
            drawn.push(Drawn { name: canary.name.clone(), kind: canary.kind, identifier });
        }
        Ok(drawn)
    }

    /// Notes which canaries of a partner's register were found.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub(crate) fn note(
        &self,
        (partner, register): (&AgencyCode, &RegisterName),
        found: &[(String, bool)],
    ) -> Result<(), Failure> {
        self.change(|canaries| {
            for (name, found) in found {
                let of = |canary: &&mut Canary| {
                    (&canary.name, &canary.partner, &canary.register) == (name, partner, register)
                };
                if let Some(canary) = canaries.iter_mut().find(of) {
                    canary.asked = canary.asked.saturating_add(1);
                    canary.found = canary.found.saturating_add(u64::from(*found));
                }
            }
            Ok(())
        })
    }
}

/// The probability that suppression of a share `s` shows after `n` items of which a share `c` are canaries.
pub(crate) fn detection(c: f64, s: f64, n: u64) -> f64 {
    // Nothing asked shows nothing, also where one item would be enough.
    if n == 0 { 0.0 } else { -(n as f64 * (-c * s).ln_1p()).exp_m1() }
}

#[cfg(test)]
mod tests;
