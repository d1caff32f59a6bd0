//! Pure state machines for confirming identities without showing them.
//!
//! Nothing here reads a file, a socket, a clock or the operating system's randomness. Each protocol
//! stands in one folder, to be read from top to bottom: `messages`, `asker`, `holder`. Two machines,
//! one for each role, take and give bounded [`exchange::Frame`]s; what carries the frames does not
//! matter to them.

mod block;
pub mod claim;
pub mod count;
pub mod exact;
pub mod exchange;
pub mod filter;
mod garble;
pub mod group;
pub mod identifier;
pub mod matching;
pub mod oprf;
pub mod ot;
pub mod padding;
pub mod pump;
pub mod seed;
pub mod set;
pub mod snapshot;
pub mod transcript;
pub mod wire;
