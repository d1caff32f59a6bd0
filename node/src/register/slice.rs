//! The templates of a slice, as an engine reads them.
//!
//! A slice that fits is read once and kept for a while ([`kept`](super::kept)): probes that are asked one after another share
//! one pass over the register. A larger one is read twice, first to count, and memory holds one batch only. What is given out
//! is of one state of the register: once a write has begun, the reader ends with a fault.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use rayon::prelude::*;
use sled::{IVec, Tree};
use symbolon_policy::{
    agreement::FormTerms,
    rules::Slice,
    words::{Digest, Position, RegisterName},
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
    kept::{Held, IDLE, Kept, Slot, size},
    stored::{Spoilt, Vault},
    template,
    words::RecordId,
};

/// The name under which it is noted that a record takes part with its templates.
pub type Member = [u8; 16];

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
pub struct Wanted {
    slice: Slice,
    today: Day,
    form: FormTerms,
    projection: Option<Projection>,
    /// Where each alternative was taken.
    positions: Vec<Position>,
}

impl PartialEq for Wanted {
    /// The projection follows from the form.
    fn eq(&self, other: &Self) -> bool {
        let of = |wanted: &Self| (wanted.today, wanted.positions.clone(), wanted.form.clone());
        of(self) == of(other) && self.slice == other.slice
    }
}

/// A slice for one query.
pub struct Searchable {
    /// A group for each record that takes part.
    pub rows: Box<dyn Rows>,
    /// What each of them is noted under.
    pub members: Arc<[Member]>,
}

impl Registers {
    /// The templates of a slice for one query: a group for each record that takes part and has a template for
    /// at least one alternative.
    ///
    /// `member` is told the pseudonym of each record that takes part and its templates as they are stored, and gives
    /// the name that it is noted under; the same ones whenever it is asked. What was read for one asker is kept for
    /// `whose` alone: or the time of an answer would tell one partner what another asks.
    ///
    /// Waits for a write that is under way, and then reads the register once: long work. Once another write begins,
    /// [`Rows::next`] gives [`Fault::Local`].
    ///
    /// # Errors
    /// [`RegisterError::NoSuchRegister`], [`RegisterError::Corrupt`], [`RegisterError::Incomplete`],
    /// [`RegisterError::Changed`], [`RegisterError::Store`].
    pub fn templates(
        &self,
        name: &RegisterName,
        whose: Digest,
        wanted: Wanted,
        member: impl Fn(&[u8; 16], &[u8]) -> Member + Send + Sync + 'static,
    ) -> Result<Searchable, RegisterError> {
        let register = self.register(name)?;
        let version = self.version(&register)?;
        let state = State { name: name.clone(), tree: register.tree.clone(), version };
        // Held while the register is read.
        let mut slot = self.kept.slot();
        let wanted = Arc::new(wanted);
        let kept = slot.as_mut().and_then(|slot| slot.find(&state.version, name, whose, &wanted));
        let (members, given) = match kept {
            Some(Kept { groups, members }) => (members, Given::Kept(groups, 0)),
            None => self.read_slice(register, &wanted, member, (&state, whose), slot.as_mut())?,
        };
        let rows = Box::new(TemplateRows { state, wanted, groups: members.len() as u64, given, taken: 0 });
        rows.state.unchanged()?;
        Ok(Searchable { rows, members })
    }

    /// Reads a slice, and keeps it if it fits.
    fn read_slice(
        &self,
        register: Register,
        wanted: &Arc<Wanted>,
        member: impl Fn(&[u8; 16], &[u8]) -> Member + Send + Sync + 'static,
        (state, whose): (&State, Digest),
        slot: Option<&mut Slot<'_>>,
    ) -> Result<(Arc<[Member]>, Given), RegisterError> {
        let noted = register.count()?;
        // From when on groups are not made any more.
        let too_large = Arc::new(AtomicBool::new(false));
        let (asked, full) = (wanted.clone(), too_large.clone());
        let parts = register.read(None, move |vault, key, value| {
            let Some(part) = asked.of(vault, key, value)? else { return Ok(None) };
            let group = if full.load(Relaxed) { None } else { Some(asked.group(&part.encoded)?) };
            Ok(Some((member(&part.pseudonym, &part.encoded), group)))
        });
        let most = slot.as_ref().map_or(0, |slot| slot.most());
        let (mut found, mut bytes) = (0_u64, 0_usize);
        let (mut members, mut groups) = (Vec::new(), Vec::new());
        for part in parts {
            found = found.saturating_add(1);
            let Some((member, group)) = part? else { continue };
            members.push(member);
            bytes = bytes.saturating_add(group.as_ref().map_or(0, size));
            if bytes > most {
                too_large.store(true, Relaxed);
                groups = Vec::new();
            } else {
                groups.extend(group);
            }
        }
        state.unchanged()?;
        if found != noted {
            return Err(RegisterError::Incomplete { name: state.name.clone(), noted, found });
        }
        let members: Arc<[Member]> = members.into();
        if too_large.load(Relaxed) {
            let records = Box::new(taking_part(self.register(&state.name)?, wanted.clone()));
            return Ok((members, Given::Read(records)));
        }
        let kept = Kept { groups: groups.into(), members: members.clone() };
        if let Some(slot) = slot {
            let (version, name, wanted) = (state.version.clone(), state.name.clone(), wanted.clone());
            slot.keep(Held::new(version, name, whose, wanted, kept.clone()), bytes);
        }
        Ok((members, Given::Kept(kept.groups, 0)))
    }

    /// Forgets a slice of which nobody asked for some time.
    pub fn forget_kept(&self) {
        self.kept.forget(IDLE);
    }

    /// The records of a slice that a probe is a hit with, in plaintext and by the same rule as an engine has: id, pseudonym,
    /// and templates as they are stored.
    ///
    /// `probe` has the alternatives in the order of the wanted positions. For the rest as
    /// [`templates`](Self::templates), but that a write meanwhile may or may not be seen.
    ///
    /// # Errors
    /// As [`templates`](Self::templates).
    pub fn matching(
        &self,
        name: &RegisterName,
        wanted: Wanted,
        probe: &[Template],
    ) -> Result<Vec<Hit>, RegisterError> {
        let (rule, wanted) = (wanted.form.form().rule, Arc::new(wanted));
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

/// Records of a register; of those that take part the templates, still encoded.
type Parts = Box<dyn Iterator<Item = Result<Option<Part>, RegisterError>> + Send>;

/// Every record; what takes part with its templates, still encoded.
fn taking_part(
    register: Register,
    wanted: Arc<Wanted>,
) -> impl Iterator<Item = Result<Option<Part>, RegisterError>> + Send + 'static {
    register.read(None, move |vault, key, value| wanted.of(vault, key, value))
}

impl Wanted {
    /// What takes part in a query.
    ///
    /// `slice` decides by the class of a record; one whose day of erasure is `today` or earlier takes no part.
    /// `positions` says where each alternative of the query was taken, in their order, and each is compared
    /// with the record's template of that position which serves `form`. Embeddings become bits under the
    /// form's seed as they are read. A position that is none of the form's modality is compared with nothing.
    ///
    /// # Errors
    /// [`RegisterError::Projection`].
    pub fn new(
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

/// Which register, as it was when the slice was read.
struct State {
    name: RegisterName,
    tree: Tree,
    version: IVec,
}

impl State {
    /// Fails if a write has begun since. Checked after reading: a write takes the count away before it changes a
    /// record.
    fn unchanged(&self) -> Result<(), RegisterError> {
        match self.tree.get(COUNT_KEY)? {
            Some(version) if version == self.version => Ok(()),
            _ => Err(RegisterError::Changed { name: self.name.clone() }),
        }
    }
}

/// Where groups come from.
enum Given {
    /// Those that are kept, from this one on.
    Kept(Arc<[Group]>, usize),
    /// The register, read again.
    Read(Parts),
}

/// What [`Registers::templates`] gives.
struct TemplateRows {
    state: State,
    wanted: Arc<Wanted>,
    groups: u64,
    given: Given,
    taken: u64,
}

impl TemplateRows {
    fn more(&mut self, most: usize) -> Result<Vec<Group>, Fault> {
        let local = |error: RegisterError| Fault::Local(error.to_string());
        match &mut self.given {
            Given::Kept(groups, next) => {
                let groups = groups.get(*next..).unwrap_or_default();
                let groups = groups.get(..most).unwrap_or(groups).to_vec();
                *next = next.saturating_add(groups.len());
                self.state.unchanged().map_err(local)?;
                Ok(groups)
            }
            Given::Read(records) => {
                let parts = records.by_ref().filter_map(Result::transpose).take(most);
                let parts = parts.collect::<Result<Vec<_>, _>>();
                // First: a record that is being written may look like anything.
                self.state.unchanged().map_err(local)?;
                let spoilt =
                    |_| Fault::Local(format!("a template of register `{}` cannot be read", self.state.name));
                let parts = parts.map_err(local)?;
                let groups = parts.par_iter().map(|part| self.wanted.group(&part.encoded));
                groups.collect::<Result<Vec<_>, Spoilt>>().map_err(spoilt)
            }
        }
    }
}

impl Rows for TemplateRows {
    fn groups(&self) -> u64 {
        self.groups
    }

    fn next(&mut self, most: usize) -> Result<Vec<Group>, Fault> {
        let groups = self.more(most)?;
        self.taken = self.taken.saturating_add(groups.len() as u64);
        let short = most > 0 && groups.is_empty() && self.taken != self.groups;
        if short || self.taken > self.groups {
            return Err(Fault::Local(format!(
                "register `{}` gave {} groups where {} were counted",
                self.state.name, self.taken, self.groups
            )));
        }
        Ok(groups)
    }

    fn still(&mut self) -> Result<(), Fault> {
        self.given = Given::Kept(Arc::new([]), 0);
        self.state.unchanged().map_err(|error| Fault::Local(error.to_string()))
    }
}
