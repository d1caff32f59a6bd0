//! Keys of the state: one letter for the kind, then what names the item.

use symbolon_policy::{
    ask::{Ask, Fetch},
    canonical,
    quota::MeterKey,
    words::{
        AgencyCode, AgreementId, ClaimId, Digest, NoticeId, OfficerId, Purpose, QueryId, RegisterName,
        SnapshotId, Timestamp,
    },
};

use crate::{control::api::Failure, journal::Side};

/// A slice, as its asker names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice<'a> {
    agreement: &'a AgreementId,
    asker: &'a AgencyCode,
    register: &'a RegisterName,
    purpose: Purpose,
}

impl<'a> From<&'a Ask> for Slice<'a> {
    fn from(ask: &'a Ask) -> Self {
        let Ask { agreement, asker, register, purpose, .. } = ask;
        Self { agreement, asker, register, purpose: *purpose }
    }
}

impl<'a> From<&'a Fetch> for Slice<'a> {
    fn from(fetch: &'a Fetch) -> Self {
        let Fetch { agreement, asker, register, purpose, .. } = fetch;
        Self { agreement, asker, register, purpose: *purpose }
    }
}

/// One key, or the prefix of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(Vec<u8>);

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn key(kind: u8, parts: &[&[u8]]) -> Key {
    Key([&[kind], parts.concat().as_slice()].concat())
}

fn side(side: Side) -> &'static [u8] {
    match side {
        Side::Asker => b"a",
        Side::Holder => b"h",
    }
}

impl Key {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn layout() -> Self {
        key(b'!', &[b"layout"])
    }

    pub(super) fn applied() -> Self {
        key(b'!', &[b"applied"])
    }

    pub(super) fn national() -> Self {
        key(b'!', &[b"national"])
    }

    /// When what takes part in every slice changed last.
    pub(super) fn slices() -> Self {
        key(b'!', &[b"slices"])
    }

    /// Whether an officer was ever enrolled.
    pub(super) fn officers_begun() -> Self {
        key(b'!', &[b"officers"])
    }

    pub(super) fn officers() -> Self {
        key(b'f', &[])
    }

    pub(super) fn officer(id: &OfficerId) -> Self {
        key(b'f', &[id.as_str().as_bytes()])
    }

    pub(super) fn acts(id: &OfficerId) -> Self {
        // Pseudonyms hold no zero byte either.
        key(b'd', &[id.as_str().as_bytes(), &[0]])
    }

    pub(super) fn act(id: &OfficerId, act: &Digest) -> Self {
        key(b'd', &[id.as_str().as_bytes(), &[0], act.as_bytes()])
    }

    pub(super) fn agreements() -> Self {
        key(b'a', &[])
    }

    pub(super) fn agreement(id: &AgreementId) -> Self {
        key(b'a', &[id.as_bytes()])
    }

    pub(super) fn register(name: &RegisterName) -> Self {
        key(b'r', &[name.as_str().as_bytes()])
    }

    /// When a record may have left the slices of a register last.
    pub(super) fn left(name: &RegisterName) -> Self {
        key(b'l', &[name.as_str().as_bytes()])
    }

    pub(super) fn changes() -> Self {
        key(b'c', &[])
    }

    pub(super) fn changing(name: &RegisterName) -> Self {
        key(b'c', &[name.as_str().as_bytes()])
    }

    pub(super) fn snapshots() -> Self {
        key(b's', &[])
    }

    pub(super) fn snapshot(id: &SnapshotId) -> Self {
        key(b's', &[id.as_bytes()])
    }

    pub(super) fn key_sets() -> Self {
        key(b'k', &[])
    }

    pub(super) fn key_set(keys: &Digest) -> Self {
        key(b'k', &[keys.as_bytes()])
    }

    /// Partners with whom no matches are prepared.
    pub(super) fn all_broken() -> Self {
        key(b'p', &[])
    }

    pub(super) fn broken(partner: &AgencyCode) -> Self {
        key(b'p', &[partner.as_str().as_bytes()])
    }

    pub(super) fn meters() -> Self {
        key(b'm', &[])
    }

    pub(super) fn meter(meter: &MeterKey) -> Result<Self, Failure> {
        let encoded = canonical::encode(meter).map_err(|e| Failure::local(e.to_string()))?;
        Ok(key(b'm', &[&encoded]))
    }

    pub(super) fn queries(of: Side) -> Self {
        key(b'q', &[side(of)])
    }

    pub(super) fn query(of: Side, id: &QueryId) -> Self {
        key(b'q', &[side(of), id.as_bytes()])
    }

    pub(super) fn open_receipts(asker: &AgencyCode) -> Self {
        // Codes hold no zero byte, so no code is a prefix of another's keys.
        key(b'o', &[asker.as_str().as_bytes(), &[0]])
    }

    pub(super) fn open_receipt(asker: &AgencyCode, id: &QueryId) -> Self {
        key(b'o', &[asker.as_str().as_bytes(), &[0], id.as_bytes()])
    }

    /// What answers to an asker told under an agreement.
    pub(super) fn told(agreement: &AgreementId, asker: &AgencyCode) -> Self {
        key(b't', &[agreement.as_bytes(), asker.as_str().as_bytes()])
    }

    /// Records of the last match that this node asked of a slice.
    pub(super) fn searched(slice: Slice<'_>) -> Self {
        let Slice { agreement, asker, register, purpose } = slice;
        let (register, purpose) = (register.as_str().as_bytes(), purpose.as_str().as_bytes());
        let asker = asker.as_str().as_bytes();
        key(b'e', &[agreement.as_bytes(), asker, &[0], register, &[0], purpose])
    }

    /// An own query that was answered and of which no hits were noted yet.
    pub(super) fn unseen(id: &QueryId) -> Self {
        key(b'v', &[id.as_bytes()])
    }

    pub(super) fn cases(of: Side) -> Self {
        key(b'w', &[side(of)])
    }

    pub(super) fn case(of: Side, claim: &ClaimId) -> Self {
        key(b'w', &[side(of), claim.as_bytes()])
    }

    /// How often a partner opened one of its queries falsely.
    pub(super) fn false_openings(query: &QueryId) -> Self {
        key(b'i', &[query.as_bytes()])
    }

    /// Claims in which one query was opened.
    pub(super) fn all_opened(query: &QueryId) -> Self {
        key(b'0', &[query.as_bytes()])
    }

    pub(super) fn opened(query: &QueryId, claim: &Digest) -> Self {
        key(b'0', &[query.as_bytes(), claim.as_bytes()])
    }

    pub(super) fn judged(query: &QueryId) -> Self {
        key(b'j', &[query.as_bytes()])
    }

    /// What an officer signed, other than a request to ask or a claim; it is used once.
    pub(super) fn used(officer: &OfficerId, act: &Digest) -> Self {
        key(b'z', &[officer.as_str().as_bytes(), &[0], act.as_bytes()])
    }

    pub(super) fn all_used(officer: &OfficerId) -> Self {
        key(b'z', &[officer.as_str().as_bytes(), &[0]])
    }

    pub(super) fn alerts() -> Self {
        key(b'x', &[])
    }

    pub(super) fn alert(id: &Digest) -> Self {
        key(b'x', &[id.as_bytes()])
    }

    /// What an officer said of an alert last.
    pub(super) fn acknowledged(alert: &Digest) -> Self {
        key(b'y', &[alert.as_bytes()])
    }

    /// Histories of partners that contradict what they showed before, in the order of entries.
    pub(super) fn forks() -> Self {
        key(b'F', &[])
    }

    pub(super) fn fork(partner: &AgencyCode, entry: u64) -> Self {
        key(b'F', &[partner.as_str().as_bytes(), &[0], &entry.to_be_bytes()])
    }

    pub(super) fn notices(of: Side) -> Self {
        key(b'n', &[side(of)])
    }

    pub(super) fn notice(of: Side, id: &NoticeId) -> Self {
        key(b'n', &[side(of), id.as_bytes()])
    }

    /// Notices that wait for a partner's confirmation, in the order in which they were made.
    pub(super) fn all_waiting() -> Self {
        key(b'u', &[])
    }

    pub(super) fn waiting(asker: &AgencyCode) -> Self {
        key(b'u', &[asker.as_str().as_bytes(), &[0]])
    }

    pub(super) fn waiting_notice(asker: &AgencyCode, entry: u64) -> Self {
        key(b'u', &[asker.as_str().as_bytes(), &[0], &entry.to_be_bytes()])
    }

    /// Hits of the answer to an own query.
    pub(super) fn hits(query: &QueryId) -> Self {
        key(b'g', &[query.as_bytes()])
    }

    pub(super) fn all_hits() -> Self {
        key(b'g', &[])
    }

    /// Hits of which nothing became yet, under an agreement, in the order in which they are due.
    pub(super) fn open_hits(agreement: &AgreementId) -> Self {
        key(b'h', &[agreement.as_bytes()])
    }

    pub(super) fn open_hit(agreement: &AgreementId, due: Timestamp, query: &QueryId) -> Self {
        let due = u64::try_from(due.0).unwrap_or_default().to_be_bytes();
        key(b'h', &[agreement.as_bytes(), &due, query.as_bytes()])
    }

    pub(super) fn balance(agreement: &AgreementId, partner: &AgencyCode) -> Self {
        key(b'b', &[agreement.as_bytes(), partner.as_str().as_bytes()])
    }
}
