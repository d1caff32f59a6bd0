//! Requests and replies, as they travel in lines of JSON.

mod ahead;
mod alerts;
mod answer;
mod authority;
mod lines;
mod procedure;
mod records;
mod reply;
mod request;
mod status;
mod words;

pub use ahead::{Ahead, Prepared, PreparedLine, PreparedLines};
pub use alerts::{Acknowledged, AlertLine, Alerts};
pub use answer::{Answer, Budget, Expected, Matched, Moved, Outcome, Person};
pub use authority::Authority;
pub use lines::{
    AuditReport, CanaryLine, CanaryReach, CaseLine, ClaimLine, CourierKind, ReleaseLine, Standing,
};
pub use procedure::{CaseCounts, HitLine, OfficerHits, OpenHits, QueryLine, QueryStage};
pub use records::{Disclosure, Disclosures, Flagging, Given, NoticeLine, ToldSince};
pub use reply::{Line, Reply, Update};
pub use request::Request;
pub use status::{
    AgreementLine, AgreementState, ForkLine, Imported, MeterLine, OfficersLine, PeerLine, RegisterLine,
    Reject, Status, ToldLine,
};
pub use words::{Explain, Explained, Format, NationalChange, QueryTerms, Wish};

pub use super::failure::{Failure, FailureKind};
pub use crate::engines::choice::{Choice, Weighed};
