//! How two journals can differ.

use serde::Serialize;
use symbolon_policy::words::{AgencyCode, AgreementId, ClaimId, NoticeId, OfficerId, QueryId};

/// How two journals can differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "difference")]
pub enum Difference {
    /// The two exports are not of two agencies that deal with each other.
    #[error("the exports are of {0} and {1}, which share no agreement", agencies[0], agencies[1])]
    Strangers {
        /// Whose they are.
        agencies: [AgencyCode; 2],
    },
    /// An agency's export is signed by a key that the other does not know.
    #[error("the export of {of} is signed by a key that no agreement in the other export names")]
    UnknownKey {
        /// Whose export.
        of: AgencyCode,
    },
    /// An agreement is missing.
    #[error("{lacks} does not have the agreement {agreement}, which the other accepted")]
    Agreement {
        /// Which.
        agreement: AgreementId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// A query is missing.
    #[error("{lacks} does not have query {query}, which {has} has")]
    Missing {
        /// Which.
        query: QueryId,
        /// Who has it.
        has: AgencyCode,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// The query was put in different words.
    #[error("query {query} stands in the two journals in different words")]
    OtherAsk {
        /// Which.
        query: QueryId,
    },
    /// The receipts differ.
    #[error("the receipts of query {query} differ, for instance in the transcript")]
    OtherReceipt {
        /// Which.
        query: QueryId,
    },
    /// A receipt is missing.
    #[error("{lacks} does not have the receipt of query {query} that both signed")]
    NoReceipt {
        /// Which.
        query: QueryId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// The outcomes differ.
    #[error("query {query} ended differently: asker {asker}, holder {holder}")]
    Outcome {
        /// Which.
        query: QueryId,
        /// How it ended for the asker.
        asker: String,
        /// How it ended for the holder.
        holder: String,
    },
    /// A correction notice is missing.
    #[error("{lacks} does not have the correction notice {notice}, which the other has")]
    NoNotice {
        /// Which.
        notice: NoticeId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// A correction notice is not confirmed.
    #[error("{lacks} does not have the other's confirmation of the correction notice {notice}")]
    Unconfirmed {
        /// Which.
        notice: NoticeId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// A correction notice says different things.
    #[error("the correction notice {notice} stands in the two journals in different words")]
    OtherNotice {
        /// Which.
        notice: NoticeId,
    },
    /// A checkpoint is not of the other's history.
    #[error(
        "{seen_by} has seen a checkpoint of {of} with {size} entries (entry {seq}) that is not of the history in \
         its export: {of} has rewritten its journal, or keeps two"
    )]
    Fork {
        /// Whose checkpoint.
        of: AgencyCode,
        /// Who saw it.
        seen_by: AgencyCode,
        /// At which entry.
        seq: u64,
        /// Of how many entries.
        size: u64,
    },
    /// A checkpoint is of more entries than the other's export has.
    #[error(
        "{seen_by} has seen {size} entries of {of} (entry {seq}), but its export has {held}: either entries were \
         cut off, or the export is the older one; export it anew"
    )]
    Short {
        /// Whose checkpoint.
        of: AgencyCode,
        /// Who saw it.
        seen_by: AgencyCode,
        /// At which entry.
        seq: u64,
        /// Of how many entries.
        size: u64,
        /// How many the export has.
        held: u64,
    },
    /// A claim is missing.
    #[error("{lacks} does not have the claim {claim}, which it signed or answered")]
    NoClaim {
        /// Which.
        claim: ClaimId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// A claim was made in different words, or found different records.
    #[error("the claim {claim} stands in the two journals in different words, or with other records found")]
    OtherClaim {
        /// Which.
        claim: ClaimId,
    },
    /// The holder signed for another end of a case than its journal tells of.
    #[error("the holder signed that the claim {claim} ended in another way than its journal tells of")]
    OtherEnd {
        /// Which.
        claim: ClaimId,
    },
    /// The times of a case differ: when it began, or until when it is decided.
    #[error(
        "the claim {claim} was answered with other times than the holder's journal tells of: when it began, or until \
         when it is decided"
    )]
    OtherTime {
        /// Which.
        claim: ClaimId,
    },
    /// A claim was refused, each journal says for another reason.
    #[error("the claim {claim} was refused for other reasons by one journal than by the other")]
    OtherRefusal {
        /// Which.
        claim: ClaimId,
    },
    /// An officer who verified a hit, by the asker's signed claim, did not by its journal.
    #[error(
        "{lacks} signed that {officer} verified the hit of the claim {claim}, and does not have that officer's word"
    )]
    NoVerification {
        /// Of which claim.
        claim: ClaimId,
        /// By whom, as the claim says.
        officer: OfficerId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// An officer who approved, by the holder's signed release, did not by its journal.
    #[error(
        "{lacks} signed that {officer} approved a release of the claim {claim}, and does not have that approval"
    )]
    NoApproval {
        /// Of which claim.
        claim: ClaimId,
        /// By whom, as the release says.
        officer: OfficerId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// A release is missing.
    #[error("{lacks} does not have a release of the claim {claim} that it signed")]
    NoRelease {
        /// Of which claim.
        claim: ClaimId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
}
