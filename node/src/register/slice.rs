//! The templates of a slice, as an engine reads them.
//!
//! The register is read twice, first to count, and memory holds one batch only. Both readings and all
//! batches must be of one state of the register: once a write has begun, the reader ends with a fault.

use std::sync::Arc;

use rayon::prelude::*;
use sled::{IVec, Tree};
use symbolon_policy::{
    agreement::FormTerms,
    rules::Slice,
    words::{Position, RegisterName},
};
use symbolon_protocol::{
    exchange::Fault,
    matching::{
        engine::{Group, Rows},
        projection::Projection,
        template::Template,
    },
    seed::Seed,
};
use zeroize::Zeroizing;

use super::{
    COUNT_KEY, Day, Register, RegisterError, Registers,
    stored::{Spoilt, Vault},
    template,
    words::RecordId,
};

/// A record that takes part.
struct Part {
    id: RecordId,
    pseudonym: [u8; 16],
    /// Its templates.
    encoded: Zeroizing<Vec<u8>>,
}

/// A record that a probe is a hit with: its id, its pseudonym, its templates as they are stored.
pub(super) type Hit = (RecordId, [u8; 16], Zeroizing<Vec<u8>>);

/// Which templates take part.
struct Wanted {
    slice: Slice,
    today: Day,
    form: FormTerms,
    projection: Option<Projection>,
    /// Where each alternative was taken.
    positions: Vec<Position>,
}

impl Registers {
    /// The templates of a slice for one query: a group for each record that takes part and has a template for
    /// at least one alternative.
    ///
    /// `slice` decides by the class of a record; one whose day of erasure is `today` or earlier takes no part.
    /// `positions` says where each alternative of the query was taken, in their order, and each is compared
    /// with the record's template of that position which serves `form`. Embeddings become bits under the
    /// form's seed as they are read. A position that is none of the form's modality is compared with nothing.
    /// `note` is told the pseudonym of each record that takes part, and its templates as they are stored.
    ///
    /// Waits for a write that is under way, and then reads the register once to count: long work. Once another
    /// write begins, [`Rows::next`] gives [`Fault::Local`].
    ///
    /// # Errors
    /// [`RegisterError::NoSuchRegister`], [`RegisterError::Corrupt`], [`RegisterError::Incomplete`],
    /// [`RegisterError::Changed`], [`RegisterError::Projection`], [`RegisterError::Store`].
    pub fn templates(
        &self,
        name: &RegisterName,
        slice: Slice,
        today: Day,
        form: &FormTerms,
        positions: &[Position],
        mut note: impl FnMut(&[u8; 16], &[u8]),
    ) -> Result<Box<dyn Rows>, RegisterError> {
        let register = self.register(name)?;
        let version = self.version(&register)?;
        let noted = register.count()?;
        let wanted = Arc::new(Wanted::new(slice, today, form, positions)?);
        let (mut found, mut groups) = (0_u64, 0_u64);
        for part in taking_part(self.register(name)?, wanted.clone()) {
            found = found.saturating_add(1);
            if let Some(part) = part? {
                groups = groups.saturating_add(1);
                note(&part.pseudonym, &part.encoded);
            }
        }
        let (name, tree) = (name.clone(), register.tree.clone());
        let records = Box::new(taking_part(register, wanted.clone()));
        let rows = TemplateRows { name, tree, version, wanted, records, groups, given: 0 };
        rows.unchanged()?;
        if found != noted {
            return Err(RegisterError::Incomplete { name: rows.name, noted, found });
        }
        Ok(Box::new(rows))
    }

    /// The records of a slice that a probe is a hit with, in plaintext and by the same rule as an engine has: id, pseudonym,
    /// and templates as they are stored.
    ///
    /// `probe` has the alternatives that were taken at `positions`. For the rest as
    /// [`templates`](Self::templates), but that a write meanwhile may or may not be seen.
    ///
    /// # Errors
    /// As [`templates`](Self::templates).
    pub fn matching(
        &self,
        name: &RegisterName,
        slice: Slice,
        today: Day,
        form: &FormTerms,
        (positions, probe): (&[Position], &[Template]),
    ) -> Result<Vec<Hit>, RegisterError> {
        let rule = form.form().rule;
        let wanted = Arc::new(Wanted::new(slice, today, form, positions)?);
        let register = self.register(name)?;
        let spoilt = |_| RegisterError::Corrupt { name: name.clone(), key: Vault::digest(b"templates") };
        let mut hits = Vec::new();
        for part in taking_part(register, wanted.clone()) {
            let Some(part) = part? else { continue };
            let group = wanted.group(&part.encoded).map_err(spoilt)?;
            let hit = group.rows.iter().any(|(alternative, template)| {
                probe.get(usize::from(*alternative)).is_some_and(|probe| rule.hit(probe, template))
            });
            if hit {
                hits.push((part.id, part.pseudonym, part.encoded));
            }
        }
        Ok(hits)
    }

    /// Names the state of a register: its sealed count, which no write leaves as it was. Waits for writes.
    fn version(&self, register: &Register) -> Result<IVec, RegisterError> {
        let mut commits = self.lock();
        if register.tree.get(COUNT_KEY)?.is_none() {
            // A write was cut short. What it left is the register now.
            register.set_count(register.count()?)?;
            self.commit(&mut commits)?;
        }
        let changed = || RegisterError::Changed { name: register.name.clone() };
        register.tree.get(COUNT_KEY)?.ok_or_else(changed)
    }
}

/// Every record; what takes part with its templates, still encoded.
fn taking_part(
    register: Register,
    wanted: Arc<Wanted>,
) -> impl Iterator<Item = Result<Option<Part>, RegisterError>> + Send + 'static {
    register.read(None, move |vault, key, value| wanted.of(vault, key, value))
}

impl Wanted {
    fn new(
        slice: Slice,
        today: Day,
        form: &FormTerms,
        positions: &[Position],
    ) -> Result<Self, RegisterError> {
        let projection = form.projection.as_ref().map(|projection| {
            let wide = |number| usize::try_from(number).unwrap_or(usize::MAX);
            Projection::new(&Seed::new(projection.seed.0), wide(projection.dimensions), wide(form.length))
        });
        let (form, positions) = (form.clone(), positions.to_vec());
        Ok(Self { slice, today, form, projection: projection.transpose()?, positions })
    }

    /// The templates of a record that takes part; opens nothing but the head of another.
    fn of(&self, vault: &Vault, key: &[u8], value: &[u8]) -> Result<Option<Part>, Spoilt> {
        let opened = vault.opened(key, value)?;
        if opened.stored.expires <= self.today || !self.slice.contains(&opened.stored.class) {
            return Ok(None);
        }
        let Some(encoded) = vault.templates(key, &opened)? else { return Ok(None) };
        let serves = template::decode(&encoded)?.iter().any(|part| {
            part.serves(&self.form) && self.positions.iter().any(|position| part.is_at(*position))
        });
        Ok(serves.then(|| Part { id: opened.stored.id, pseudonym: opened.stored.pseudonym, encoded }))
    }

    /// The rows of a record: each alternative with the template that it is compared with.
    fn group(&self, encoded: &[u8]) -> Result<Group, Spoilt> {
        let mut rows = Vec::with_capacity(self.positions.len());
        for part in template::decode(encoded)?.iter().filter(|part| part.serves(&self.form)) {
            let mut alternatives =
                (0..=u16::MAX).zip(&self.positions).filter(|(_, position)| part.is_at(**position)).peekable();
            if alternatives.peek().is_some() {
                let template = part.template(self.projection.as_ref())?;
                rows.extend(alternatives.map(|(alternative, _)| (alternative, template.clone())));
            }
        }
        rows.sort_unstable_by_key(|(alternative, _)| *alternative);
        Ok(Group { rows })
    }
}

/// What [`Registers::templates`] gives.
struct TemplateRows {
    name: RegisterName,
    tree: Tree,
    version: IVec,
    wanted: Arc<Wanted>,
    records: Box<dyn Iterator<Item = Result<Option<Part>, RegisterError>> + Send>,
    groups: u64,
    given: u64,
}

impl TemplateRows {
    /// Fails if a write has begun since the register was counted. Checked after reading: a write takes the
    /// count away before it changes a record.
    fn unchanged(&self) -> Result<(), RegisterError> {
        match self.tree.get(COUNT_KEY)? {
            Some(version) if version == self.version => Ok(()),
            _ => Err(RegisterError::Changed { name: self.name.clone() }),
        }
    }
}

impl Rows for TemplateRows {
    fn groups(&self) -> u64 {
        self.groups
    }

    fn next(&mut self, most: usize) -> Result<Vec<Group>, Fault> {
        let local = |error: RegisterError| Fault::Local(error.to_string());
        let records = self.records.by_ref().filter_map(Result::transpose).take(most);
        let parts = records.collect::<Result<Vec<_>, _>>();
        // First: a record that is being written may look like anything.
        self.unchanged().map_err(local)?;
        let parts = parts.map_err(local)?;
        let spoilt = |_| Fault::Local(format!("a template of register `{}` cannot be read", self.name));
        let groups = parts.par_iter().map(|part| self.wanted.group(&part.encoded));
        let groups = groups.collect::<Result<Vec<_>, Spoilt>>().map_err(spoilt)?;

        self.given = self.given.saturating_add(groups.len() as u64);
        let short = most > 0 && groups.is_empty() && self.given != self.groups;
        if short || self.given > self.groups {
            return Err(Fault::Local(format!(
                "register `{}` gave {} groups where {} were counted",
                self.name, self.given, self.groups
            )));
        }
        Ok(groups)
    }
}
