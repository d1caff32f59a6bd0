//! Exact: which of the asker's identifiers are in the holder's slice.
//!
//! * The **asker** learns one yes or no for each of its identifiers, and the padded size of the
//!   slice. The **holder** learns how many were asked.
//! * A malicious asker learns no more than a yes or no for as many identifiers as it paid for. A
//!   malicious holder learns nothing of the identifiers; it cannot answer under another key than the
//!   published one, but it can publish an incomplete or a false slice.
//! * Sources: RFC 9497 mode VOPRF, ristretto255-SHA512; the set form after Jarecki and Liu 2009.
//!
//! The holder has published a snapshot of its slice ([`crate::snapshot`]): the outputs of every
//! identifier under an epoch key, as a [`crate::filter`]. [`Query`] blinds the asker's identifiers,
//! [`Asker`] sends them and checks the answer, [`Holder`] evaluates them with one proof for the
//! batch. After a hit, [`Query::open`] shows single items to the holder, which replays them with
//! [`Opened::replay`].

mod asker;
mod holder;
mod messages;
mod opening;

pub use asker::{Asker, Query};
pub use holder::{Holder, Served};
pub use messages::BATCH_LIMIT;
pub use opening::Opened;

#[cfg(test)]
mod tests;
