//! Opening: some items of a query shown to the holder, the others left blinded.
//!
//! * The **holder** learns the identifiers that are opened, and of the others nothing that it had not: it
//!   gets each one's blinded element again. The **asker** learns nothing.
//! * An opened item is an identifier `x` and its blind `r`; the element at its place must be `r·H(x)`. To open
//!   one element as two identifiers is to know the discrete logarithm of one `H(x)` to the base of another.
//! * The seed of a query is *not* shown: it makes every blind, and whoever has an element and its blind can
//!   try identifiers until one fits.

use curve25519_dalek::Scalar;
use zeroize::{Zeroize, Zeroizing};

use super::{
    asker::Query,
    messages::{BATCH_LIMIT, query_digest},
};
use crate::{
    exchange::{Fault, Misbehaviour},
    group::{PointBytes, decode_scalar},
    oprf::{Mode, element},
    set::IdentifierBytes,
};

/// The longest identifier that is opened, in bytes.
const LONGEST: usize = 1_024;
/// The most items that are opened at once.
const MOST: usize = 1_000;

/// Items of a query, opened.
#[derive(Debug)]
pub struct Opened {
    elements: Vec<PointBytes>,
    items: Vec<Item>,
}

struct Item {
    place: u32,
    identifier: IdentifierBytes,
    blind: Scalar,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Item {{ place: {} }}", self.place)
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.blind.zeroize();
    }
}

fn malformed() -> Fault {
    Misbehaviour::Opening("it is not in the form of an opened query").into()
}

impl Query {
    /// Opens the items at some places.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a place that the query does not have, or too many.
    pub fn open(&self, places: &[u32]) -> Result<Opened, Fault> {
        if places.len() > MOST {
            return Err(Fault::Misuse("too many items to open at once"));
        }
        let item = |place: &u32| {
            let (identifier, blind) = self.item(*place).ok_or(Fault::Misuse("no such item"))?;
            Ok(Item { place: *place, identifier, blind })
        };
        let items = places.iter().map(item).collect::<Result<_, Fault>>()?;
        Ok(Opened { elements: self.element_bytes(), items })
    }
}

impl Opened {
    /// The number of elements (u32), the elements, and for each item its place (u32), its blind (32 bytes), the
    /// length of its identifier (u32) and the identifier; numbers are big-endian.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
        let whole = self.items.iter().map(|item| item.identifier.len().saturating_add(40)).sum::<usize>();
        let room = self.elements.len().saturating_mul(32).saturating_add(4).saturating_add(whole);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        bytes.extend_from_slice(&small(self.elements.len()));
        self.elements.iter().for_each(|element| bytes.extend_from_slice(element));
        for item in &self.items {
            bytes.extend_from_slice(&item.place.to_be_bytes());
            bytes.extend_from_slice(item.blind.as_bytes());
            bytes.extend_from_slice(&small(item.identifier.len()));
            bytes.extend_from_slice(&item.identifier);
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Misbehaviour::Opening`] if it is not that.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        let mut rest = bytes;
        let count = usize::try_from(number(&mut rest)?).unwrap_or(usize::MAX);
        if count > usize::try_from(BATCH_LIMIT).unwrap_or(0) {
            return Err(malformed());
        }
        let elements = take(&mut rest, count.saturating_mul(32))?.as_chunks::<32>().0.to_vec();
        let mut items = Vec::new();
        while !rest.is_empty() {
            if items.len() == MOST {
                return Err(malformed());
            }
            let place = number(&mut rest)?;
            let blind = take(&mut rest, 32)?.try_into().map_err(|_| malformed())?;
            let blind = decode_scalar(blind).map_err(|_| malformed())?;
            let length = usize::try_from(number(&mut rest)?).unwrap_or(usize::MAX);
            if length > LONGEST {
                return Err(malformed());
            }
            let identifier = Zeroizing::new(take(&mut rest, length)?.to_vec());
            items.push(Item { place, identifier, blind });
        }
        Ok(Self { elements, items })
    }

    /// Replays the query: the elements must be those whose digest was signed, and each opened item must make
    /// the element at its place. Gives the places and identifiers.
    ///
    /// # Errors
    /// [`Misbehaviour::Opening`] with what does not fit.
    pub fn replay(&self, digest: &[u8; 32]) -> Result<Vec<(u32, IdentifierBytes)>, Fault> {
        if query_digest(self.elements.iter()) != *digest {
            return Err(Misbehaviour::Opening("its elements are not those that were asked").into());
        }
        let opened = self.items.iter().map(|item| {
            let asked = usize::try_from(item.place).ok().and_then(|place| self.elements.get(place));
            let made = element(&item.identifier, Mode::Verifiable)? * item.blind;
            if asked != Some(made.compress().as_bytes()) {
                return Err(Misbehaviour::Opening("an item is not what was asked at its place").into());
            }
            Ok((item.place, item.identifier.clone()))
        });
        opened.collect()
    }
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Result<&'b [u8], Fault> {
    let (taken, left) = rest.split_at_checked(count).ok_or_else(malformed)?;
    *rest = left;
    Ok(taken)
}

fn number(rest: &mut &[u8]) -> Result<u32, Fault> {
    let bytes = take(rest, 4)?.try_into().map_err(|_| malformed())?;
    Ok(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    fn query(items: u32, seed: u8) -> Query {
        let identifiers = (0..items).map(|i| Zeroizing::new(format!("person {i}").into_bytes()));
        Query::blind(identifiers.collect(), &Seed::new([seed; 32])).unwrap()
    }

    fn replayed(bytes: &[u8], digest: &[u8; 32]) -> Result<Vec<(u32, IdentifierBytes)>, Fault> {
        Opened::from_bytes(bytes)?.replay(digest)
    }

    fn caught(result: Result<Vec<(u32, IdentifierBytes)>, Fault>) -> bool {
        matches!(result, Err(Fault::PeerMisbehaved(Misbehaviour::Opening(_))))
    }

    #[test]
    fn what_is_opened_is_what_was_asked_and_the_rest_stays_hidden() {
        let query = query(50, 1);
        let bytes = query.open(&[3, 17]).unwrap().to_bytes();
        let opened = replayed(&bytes, &query.digest()).unwrap();
        let expected = [(3, b"person 3".to_vec()), (17, b"person 17".to_vec())];
        assert_eq!(opened.iter().map(|(place, id)| (*place, id.to_vec())).collect::<Vec<_>>(), expected);
        assert!(!bytes.windows(9).any(|part| part == b"person 18"));
        let seed = Seed::new([1; 32]);
        assert!(!bytes.windows(32).any(|part| part == seed.expose()));
        let other = seed.stream("exact/blind").scalar(18);
        assert!(!bytes.windows(32).any(|part| part == other.as_bytes()), "a blind that was not opened");
        assert!(query.open(&[50]).is_err());
    }

    #[test]
    fn a_forged_or_foreign_opening_earns_nothing() {
        let (query, foreign) = (query(5, 1), query(5, 2));
        let digest = query.digest();
        assert!(caught(replayed(&foreign.open(&[1]).unwrap().to_bytes(), &digest)), "another query");
        let opened = |place, identifier: &[u8], blind| {
            let items = vec![Item { place, identifier: Zeroizing::new(identifier.to_vec()), blind }];
            Opened { elements: query.element_bytes(), items }.to_bytes()
        };
        let (identifier, blind) = query.item(1).unwrap();
        assert!(replayed(&opened(1, &identifier, blind), &digest).is_ok());
        assert!(caught(replayed(&opened(2, &identifier, blind), &digest)), "another place");
        assert!(caught(replayed(&opened(9, &identifier, blind), &digest)), "no place");
        assert!(caught(replayed(&opened(1, b"person 2", blind), &digest)), "another person");
        assert!(caught(replayed(&opened(1, &identifier, blind + Scalar::ONE), &digest)), "another blind");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_altered_byte_opens(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
            let query = query(3, 1);
            let mut bytes = query.open(&[0, 2]).unwrap().to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(caught(replayed(&bytes, &query.digest())));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(replayed(&bytes, &[0; 32]).is_err());
        }

        #[test]
        fn cut_bytes_are_refused_or_open_fewer(length in 0..216_usize) {
            let query = query(3, 1);
            let bytes = query.open(&[0, 2]).unwrap().to_bytes();
            let opened = replayed(bytes.get(..length.min(bytes.len() - 1)).unwrap(), &query.digest());
            prop_assert!(opened.is_err() || opened.unwrap().len() < 2);
        }
    }
}
