//! How a record lies in the store.
//!
//! The key is a pseudonym of the record id, so keys tell nothing. The value has two or three sealed parts:
//! the head, which is all that slices of identifiers need, the templates if there are any, and the body,
//! which is everything else. A scan opens heads alone, a search by templates heads and templates.
//!
//! ```text
//! layout 1   length of the sealed head (u16, big-endian) ‖ sealed head ‖ sealed body
//! layout 2   length of the sealed head (u16) ‖ sealed head ‖ length of the sealed templates (u32)
//!            ‖ sealed templates ‖ sealed body
//! ```
//!
//! The head says which layout it is, so templates cannot be taken away from a record unseen. All parts are
//! sealed for their register and key, and those after the head also for it, so that parts of two values, or
//! of two versions of one, do not fit together.

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;
use symbolon_policy::{
    class::RecordClass,
    words::{Digest, RegisterName},
};
use zeroize::Zeroizing;

use super::{
    reading::Checked,
    record::Record,
    template,
    words::{Day, RecordId},
};
use crate::sealing::StorageKey;

/// Begins the key of each record.
pub(super) const RECORD_PREFIX: &[u8] = b"r";

/// The key of a record in its tree.
pub(super) type Key = [u8; 17];

/// What slices, lists and retention need of a record.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The agency's own id of the record.
    pub id: RecordId,
    /// Its pseudonym within its register; tells nothing to whoever lacks the storage key.
    pub pseudonym: [u8; 16],
    /// The class that rules decide on.
    pub class: RecordClass,
    /// The day on which the data was taken.
    pub taken: Day,
    /// The day on which the record is to be erased; from that day on it belongs in no slice.
    pub expires: Day,
    /// Canonical identifiers in ascending order, none twice. Wiped on drop.
    pub identifiers: Vec<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for StoredRecord {
    /// Shows the category and the number of identifiers only: the rest is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredRecord")
            .field("category", &self.class.category)
            .field("identifiers", &self.identifiers.len())
            .finish_non_exhaustive()
    }
}

/// A record, and all that queries find it by: its canonical identifiers, and its templates as they are stored.
pub type Traced = (Record, Vec<Zeroizing<Vec<u8>>>);

/// The head as it is encoded: layout, id, category, age, provenance, flags, taken, expires, identifiers.
///
/// Codes and days stand as words, so that a change in a list changes no record. Everything is borrowed, so
/// that a scan allocates little.
#[derive(Serialize, Deserialize)]
struct Head<'a>(
    u8,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    u8,
    &'a str,
    &'a str,
    #[serde(borrow)] Vec<&'a Bytes>,
);

/// A record without templates.
const PLAIN: u8 = 1;
/// A record with templates.
const TEMPLATES: u8 = 2;

/// A value that does not open or does not decode.
#[derive(Debug)]
pub(super) struct Spoilt;

/// A value with its head opened and the other parts still sealed.
pub(super) struct Opened<'v> {
    pub(super) stored: StoredRecord,
    head: &'v [u8],
    templates: Option<&'v [u8]>,
    body: &'v [u8],
}

/// The pseudonym that stands in a record's key.
pub(super) fn pseudonym(key: &[u8]) -> Result<[u8; 16], Spoilt> {
    key.strip_prefix(RECORD_PREFIX).and_then(|name| name.try_into().ok()).ok_or(Spoilt)
}

/// The keys of one register.
pub(super) struct Vault {
    name: RegisterName,
    values: StorageKey,
    names: StorageKey,
}

impl Vault {
    pub(super) fn new(root: &StorageKey, name: &RegisterName) -> Self {
        let root = root.derive(&format!("register/{name}"));
        Self { name: name.clone(), values: root.derive("values"), names: root.derive("names") }
    }

    /// The key under which a record lies.
    pub(super) fn key(&self, id: &RecordId) -> Key {
        let mut key = [0; 17];
        let (prefix, name) = key.split_at_mut(RECORD_PREFIX.len());
        prefix.copy_from_slice(RECORD_PREFIX);
        name.copy_from_slice(&self.names.pseudonym(id.as_str().as_bytes()));
        key
    }

    /// The digest of a key, for errors.
    pub(super) fn digest(key: &[u8]) -> Digest {
        Digest::of("symbolon record key", key)
    }

    fn place(&self, part: &str, key: &[u8], head: &[u8]) -> Vec<u8> {
        // Names and parts hold no zero byte and the key has one length, so no two places are alike.
        [self.name.as_str().as_bytes(), b"\0", part.as_bytes(), b"\0", key, head].concat()
    }

    /// The value for a record.
    pub(super) fn seal(&self, key: &Key, checked: &Checked) -> Result<Vec<u8>, Spoilt> {
        let Checked { record, canonical, templates } = checked;
        let identifiers = canonical.iter().map(|identifier| Bytes::new(identifier.bytes())).collect();
        let templates = if templates.is_empty() { None } else { Some(template::encode(templates)?) };
        self.seal_parts(key, record, identifiers, templates)
    }

    /// The value for a record of which nothing changed but what its body says; identifiers and templates are
    /// those of the old value.
    pub(super) fn again(&self, key: &Key, value: &[u8], record: &Record) -> Result<Vec<u8>, Spoilt> {
        let opened = self.opened(key, value)?;
        let templates = self.templates(key, &opened)?;
        let identifiers = opened.stored.identifiers.iter().map(|bytes| Bytes::new(bytes)).collect();
        self.seal_parts(key, record, identifiers, templates)
    }

    fn seal_parts(
        &self,
        key: &Key,
        record: &Record,
        identifiers: Vec<&Bytes>,
        templates: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Vec<u8>, Spoilt> {
        let class = record.class();
        let flags = [class.own_citizen, class.vulnerable, class.marked, class.blocked, class.contested];
        let flags = (0..).zip(flags).fold(0, |bits, (at, flag)| bits | u8::from(flag) << at);
        let (taken, expires) = (record.taken.to_string(), record.expires.to_string());
        let head = Head(
            if templates.is_none() { PLAIN } else { TEMPLATES },
            record.id.as_str(),
            class.category.as_str(),
            class.age.as_str(),
            class.provenance.as_str(),
            flags,
            &taken,
            &expires,
            identifiers,
        );
        let head = Zeroizing::new(serde_ipld_dagcbor::to_vec(&head).map_err(|_| Spoilt)?);
        let head = self.values.seal(&self.place("head", key, b""), &head);
        let body = Zeroizing::new(serde_json::to_vec(record).map_err(|_| Spoilt)?);
        let body = self.values.seal(&self.place("body", key, &head), &body);
        let length = u16::try_from(head.len()).map_err(|_| Spoilt)?.to_be_bytes();
        let Some(templates) = templates else {
            return Ok([length.as_slice(), &head, &body].concat());
        };
        let templates = self.values.seal(&self.place("templates", key, &head), &templates);
        let size = u32::try_from(templates.len()).map_err(|_| Spoilt)?.to_be_bytes();
        Ok([length.as_slice(), &head, &size, &templates, &body].concat())
    }

    /// Opens the head alone.
    pub(super) fn head(&self, key: &[u8], value: &[u8]) -> Result<StoredRecord, Spoilt> {
        Ok(self.opened(key, value)?.stored)
    }

    /// Opens the head and finds the other parts.
    pub(super) fn opened<'v>(&self, key: &[u8], value: &'v [u8]) -> Result<Opened<'v>, Spoilt> {
        let (length, rest) = value.split_first_chunk().ok_or(Spoilt)?;
        let (sealed, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(Spoilt)?;
        let head = self.values.open(&self.place("head", key, b""), sealed).map_err(|_| Spoilt)?;
        let head = serde_ipld_dagcbor::from_slice::<Head<'_>>(&head).map_err(|_| Spoilt)?;
        let Head(layout, id, category, age, provenance, flags @ 0..32, taken, expires, identifiers) = head
        else {
            return Err(Spoilt);
        };
        let (templates, body) = match layout {
            PLAIN => (None, rest),
            TEMPLATES => {
                let (size, rest) = rest.split_first_chunk().ok_or(Spoilt)?;
                let size = usize::try_from(u32::from_be_bytes(*size)).map_err(|_| Spoilt)?;
                let (templates, body) = rest.split_at_checked(size).ok_or(Spoilt)?;
                (Some(templates), body)
            }
            _ => return Err(Spoilt),
        };
        let flag = |at: u8| flags >> at & 1 == 1;
        let class = RecordClass {
            category: category.parse().map_err(|_| Spoilt)?,
            age: age.parse().map_err(|_| Spoilt)?,
            provenance: provenance.parse().map_err(|_| Spoilt)?,
            own_citizen: flag(0),
            vulnerable: flag(1),
            marked: flag(2),
            blocked: flag(3),
            contested: flag(4),
        };
        let stored = StoredRecord {
            id: id.parse().map_err(|_| Spoilt)?,
            pseudonym: pseudonym(key)?,
            class,
            taken: taken.parse().map_err(|_| Spoilt)?,
            expires: expires.parse().map_err(|_| Spoilt)?,
            identifiers: identifiers.into_iter().map(|bytes| Zeroizing::new(bytes.to_vec())).collect(),
        };
        Ok(Opened { stored, head: sealed, templates, body })
    }

    /// Opens the record but for its templates, of which it has notes.
    pub(super) fn record(&self, key: &[u8], value: &[u8]) -> Result<Record, Spoilt> {
        self.body(key, &self.opened(key, value)?)
    }

    fn body(&self, key: &[u8], opened: &Opened<'_>) -> Result<Record, Spoilt> {
        let body = self.values.open(&self.place("body", key, opened.head), opened.body);
        let record: Record = serde_json::from_slice(&body.map_err(|_| Spoilt)?).map_err(|_| Spoilt)?;
        let same = record.id == opened.stored.id
            && record.class() == opened.stored.class
            && record.templates.is_empty() == opened.templates.is_none();
        if same { Ok(record) } else { Err(Spoilt) }
    }

    /// The same, and all that queries find it by.
    pub(super) fn traced(&self, key: &[u8], value: &[u8]) -> Result<Traced, Spoilt> {
        let opened = self.opened(key, value)?;
        let (record, templates) = (self.body(key, &opened)?, self.templates(key, &opened)?);
        Ok((record, opened.stored.identifiers.into_iter().chain(templates).collect()))
    }

    /// Opens the templates, if there are any; they stay encoded.
    pub(super) fn templates(
        &self,
        key: &[u8],
        opened: &Opened<'_>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Spoilt> {
        let open = |sealed| self.values.open(&self.place("templates", key, opened.head), sealed);
        opened.templates.map(open).transpose().map_err(|_| Spoilt)
    }

    /// Opens every part and compares them.
    pub(super) fn check(&self, key: &[u8], value: &[u8]) -> Result<(), Spoilt> {
        let opened = self.opened(key, value)?;
        let record = self.body(key, &opened)?;
        let Some(encoded) = self.templates(key, &opened)? else { return Ok(()) };
        let notes =
            template::decode(&encoded)?.iter().map(template::Part::note).collect::<Result<Vec<_>, _>>()?;
        if notes == record.templates { Ok(()) } else { Err(Spoilt) }
    }

    /// The sealed number of records.
    pub(super) fn seal_count(&self, key: &[u8], count: u64) -> Vec<u8> {
        self.values.seal(&self.place("count", key, b""), &count.to_be_bytes())
    }

    /// The number of records.
    pub(super) fn open_count(&self, key: &[u8], sealed: &[u8]) -> Result<u64, Spoilt> {
        let count = self.values.open(&self.place("count", key, b""), sealed).map_err(|_| Spoilt)?;
        Ok(u64::from_be_bytes(count.as_slice().try_into().map_err(|_| Spoilt)?))
    }
}
