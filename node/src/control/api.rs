//! Requests and replies, as they travel in lines of JSON.

mod authority;
mod reply;
mod request;

pub use authority::Authority;
pub use reply::{
    AgreementLine, AgreementState, Answer, Budget, CaseLine, ClaimLine, CourierKind, Imported, Line, Matched,
    MeterLine, OfficersLine, Outcome, PeerLine, Person, RegisterLine, Reject, ReleaseLine, Reply, Standing,
    Status, Update,
};
pub use request::{Explain, Format, NationalChange, QueryTerms, Request, Wish};

pub use super::failure::{Failure, FailureKind};
