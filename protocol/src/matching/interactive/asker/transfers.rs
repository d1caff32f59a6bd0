//! The asker's transfers: base transfers, trees, and the choices of a probe.

use zeroize::{Zeroize, Zeroizing};

use super::super::{
    context::Context,
    messages::{CHOICES, ELEMENTS, Out, SEALS},
    parameters::{DEEPEST, Encoding, Layout},
    probe::{self, Key},
    score::Taken,
};
use crate::{
    exchange::{Fault, Misbehaviour},
    group::PointBytes,
    ot::{Chooser, Forest, Seal, base},
    padding::Buckets,
    seed::{Seed, Stream},
};

/// The sizes that a holder told, if they are within what was agreed.
pub(super) fn layout(
    place: &[u8; 16],
    encoding: &Encoding,
    alternatives: u16,
    (largest_slice, buckets): (u64, Buckets),
) -> Result<Layout, Fault> {
    let (parts, _) = place.as_chunks::<8>();
    let number = |at: usize| parts.get(at).map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let (places, depth) = (number(0), number(1));
    let padded = buckets.ends_at(places) && places <= buckets.places(largest_slice);
    if !padded || !(1..=DEEPEST).contains(&depth) {
        return Err(Misbehaviour::Count.into());
    }
    let layout = Layout::new(places, alternatives, depth as usize)?;
    let lanes = places.saturating_mul(layout.slots as u64);
    if lanes.saturating_mul(kept(encoding)) > MOST_KEPT {
        return Err(Misbehaviour::Count.into());
    }
    Ok(layout)
}

/// The most that an asker keeps of a run, in bytes.
const MOST_KEPT: u64 = 4 << 30;

/// Bytes that an asker keeps of each comparison: labels of a share's bits, and a tag.
fn kept(encoding: &Encoding) -> u64 {
    (encoding.bits as u64).saturating_mul(16).saturating_add(8)
}

/// What the asker has of them.
pub(super) struct Transfers {
    /// Names them, to the last word said.
    pub(super) context: Context,
    pub(super) chooser: Chooser,
    pub(super) masks: Stream,
    pub(super) strings: Zeroizing<Vec<u128>>,
    /// The key of each choice.
    keys: Vec<Key>,
}

impl Drop for Transfers {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

/// What the holder is told.
pub(super) struct Said {
    elements: Vec<PointBytes>,
    seals: Vec<Seal>,
    choices: Vec<u128>,
}

impl Said {
    pub(super) fn send(&self, out: &mut Out) -> Result<(), Fault> {
        out.send(ELEMENTS, &self.elements)?;
        out.send(SEALS, &self.seals)?;
        out.send_blocks(CHOICES, &self.choices)
    }
}

impl Transfers {
    /// Answers the base transfers and chooses. `context` names what was said until the sizes.
    pub(super) fn choose(
        context: &Context,
        pairs: &[base::Pair],
        choices: &[bool],
        seed: &Seed,
    ) -> Result<(Self, Said), Fault> {
        let sender = base::Sender::new(&context.0, pairs, seed)?;
        let context = context.and(&[pairs.as_flattened()]);
        let forest = Forest::new(&context.0, seed);
        let seals = forest.seal(sender.keys());
        let context = context.and(&[sender.elements().as_flattened(), seals.as_flattened()]);
        let chooser = Chooser::new(&context.0, &forest);
        let mut masks = seed.stream("interactive/masks");
        let (message, strings) = chooser.extend(0, &probe::blocks(choices), &mut masks);
        let strings = Zeroizing::new(strings);
        let keys = choices.iter().zip(strings.iter()).enumerate();
        let keys = keys.map(|(at, (_, string))| probe::key(&context.0, at, *string)).collect();
        let said = Said { elements: sender.elements().to_vec(), seals, choices: message };
        Ok((Self { context, chooser, masks, strings, keys }, said))
    }

    /// The transfers by which `probe` is asked, if `choices` were chosen.
    pub(super) fn taken(&self, choices: &[bool], probe: &[bool]) -> Vec<Taken> {
        let bits = self.keys.iter().zip(choices).zip(probe);
        let taken = bits.map(|((key, choice), bit)| Taken {
            key: *key,
            mask: u64::from(*choice).wrapping_neg(),
            turned: choice != bit,
        });
        taken.collect()
    }
}
