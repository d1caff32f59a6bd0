//! Requests and replies, as they travel in lines of JSON.

mod ahead;
mod alerts;
mod answer;
mod authority;
mod procedure;
mod records;
mod reply;
mod request;
mod status;

pub use ahead::{Ahead, Prepared, PreparedLine, PreparedLines};
pub use alerts::{Acknowledged, AlertLine, Alerts};
pub use answer::{Answer, Budget, Expected, Matched, Moved, Outcome, Person};
pub use authority::Authority;
pub use procedure::{CaseCounts, HitLine, OfficerHits, OpenHits};
pub use records::{Disclosure, Disclosures, Flagging, Given, NoticeLine, ToldSince};
pub use reply::{
    AuditReport, CanaryLine, CanaryReach, CaseLine, ClaimLine, CourierKind, Line, ReleaseLine, Reply,
    Standing, Update,
};
pub use request::{Explain, Format, NationalChange, QueryTerms, Request, Wish};
pub use status::{
    AgreementLine, AgreementState, Imported, MeterLine, OfficersLine, PeerLine, RegisterLine, Reject, Status,
    ToldLine,
};

pub use super::failure::{Failure, FailureKind};
pub use crate::engines::choice::{Choice, Weighed};
