//! Whole regions in one process, under the node's own rules.
//!
//! * [`scenario`], [`proposal`]: what is simulated and compared, from files; [`library`]: those that come along.
//! * [`run()`]: people move, officers ask, rules decide, people work; [`outcome`]: what came of it.
//! * [`compare`]: what each clause and each assumption does.
//! * [`report`]: one page for people who negotiate.
//! * [`search`]: counter-proposals that no other proposal tried is ahead of.
//! * [`tryout`]: settings tried by hand, answered at once.
//! * [`pair`]: one query between two parties through the real exchanges. Nothing is modelled there: a query goes
//!   through the same agreement, the same quotas, the same permits and the same state machines as between two
//!   nodes. Only the network is a pipe in memory, the clock is an argument, and all randomness follows from one
//!   seed. What its outcome says of bytes and leakage is measured, not assumed.
//! * [`cost`]: what exchanges cost, fitted to [`pair`].
//!
//! `docs/model.md` gives every equation, its source and its check.

pub mod books;
pub mod calendar;
pub mod calibrate;
pub mod compare;
mod contract;
pub mod cost;
pub mod exact;
pub mod fit;
mod identity;
pub mod library;
pub mod outcome;
pub mod pair;
mod pipe;
pub mod proposal;
pub mod random;
mod region;
pub mod report;
pub mod run;
pub mod scenario;
pub mod search;
mod shelf;
pub mod tryout;

pub use run::{Plan, RunError, Silent, Watch, run};
