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
    },
    seed::Seed,
};
use zeroize::Zeroizing;

use super::{
    COUNT_KEY, Day, Register, RegisterError, Registers,
    stored::{Spoilt, Vault},
    template,
};

/// The encoded templates of a record.
type Encoded = Zeroizing<Vec<u8>>;

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
    ) -> Result<Box<dyn Rows>, RegisterError> {
        let register = self.register(name)?;
        let version = self.version(&register)?;
        let noted = register.count()?;
        let projection = form.projection.as_ref().map(|projection| {
            let wide = |number| usize::try_from(number).unwrap_or(usize::MAX);
            Projection::new(&Seed::new(projection.seed.0), wide(projection.dimensions), wide(form.length))
        });
        let projection = projection.transpose()?;
        let (form, positions) = (form.clone(), positions.to_vec());
        let wanted = Arc::new(Wanted { slice, today, form, projection, positions });

        let (mut found, mut groups) = (0_u64, 0_u64);
        for encoded in taking_part(self.register(name)?, wanted.clone()) {
            found = found.saturating_add(1);
            groups = groups.saturating_add(u64::from(encoded?.is_some()));
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
) -> impl Iterator<Item = Result<Option<Encoded>, RegisterError>> + Send + 'static {
    register.read(None, move |vault, key, value| wanted.of(vault, key, value))
}

impl Wanted {
    /// The templates of a record that takes part; opens nothing but the head of another.
    fn of(&self, vault: &Vault, key: &[u8], value: &[u8]) -> Result<Option<Encoded>, Spoilt> {
        let opened = vault.opened(key, value)?;
        if opened.stored.expires <= self.today || !self.slice.contains(&opened.stored.class) {
            return Ok(None);
        }
        let Some(encoded) = vault.templates(key, &opened)? else { return Ok(None) };
        let serves = template::decode(&encoded)?.iter().any(|part| {
            part.serves(&self.form) && self.positions.iter().any(|position| part.is_at(*position))
        });
        Ok(serves.then_some(encoded))
    }

    /// The rows of a record: each alternative with the template that it is compared with.
    fn group(&self, encoded: &Encoded) -> Result<Group, Spoilt> {
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
    records: Box<dyn Iterator<Item = Result<Option<Encoded>, RegisterError>> + Send>,
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
        let encoded = records.collect::<Result<Vec<_>, _>>();
        // First: a record that is being written may look like anything.
        self.unchanged().map_err(local)?;
        let encoded = encoded.map_err(local)?;
        let spoilt = |_| Fault::Local(format!("a template of register `{}` cannot be read", self.name));
        let groups = encoded.par_iter().map(|encoded| self.wanted.group(encoded));
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
