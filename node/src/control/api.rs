//! Requests and replies, as they travel in lines of JSON.

mod ahead;
mod alerts;
mod authority;
mod procedure;
mod records;
mod reply;
mod request;

pub use ahead::{Ahead, Prepared, PreparedLine, PreparedLines};
pub use alerts::{Acknowledged, AlertLine, Alerts};
pub use authority::Authority;
pub use procedure::{CaseCounts, HitLine, OfficerHits, OpenHits};
pub use records::{Disclosure, Disclosures, Flagging, Given, NoticeLine, ToldSince};
pub use reply::{
    AgreementLine, AgreementState, Answer, AuditReport, Budget, CanaryLine, CanaryReach, CaseLine, ClaimLine,
    CourierKind, Expected, Imported, Line, Matched, MeterLine, Moved, OfficersLine, Outcome, PeerLine,
    Person, RegisterLine, Reject, ReleaseLine, Reply, Standing, Status, ToldLine, Update,
};
pub use request::{Explain, Format, NationalChange, QueryTerms, Request, Wish};

pub use super::failure::{Failure, FailureKind};
pub use crate::engines::choice::{Choice, Weighed};
