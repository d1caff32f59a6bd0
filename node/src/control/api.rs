//! Requests and replies, as they travel in lines of JSON.

mod reply;
mod request;

pub use reply::{
    AgreementLine, AgreementState, Answer, Budget, CourierKind, Expected, Imported, Line, Matched, MeterLine,
    Moved, Outcome, PeerLine, Person, RegisterLine, Reject, Reply, Status, ToldLine, Update,
};
pub use request::{Explain, Format, NationalChange, QueryTerms, Request, Wish};

pub use super::failure::{Failure, FailureKind};
