//! Pure state machines for confirming identities without showing them.

pub mod identifier;
