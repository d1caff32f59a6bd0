//! Invented keys for simulated parties: each follows from the party's code, and is nobody's.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    agreement::Terms,
    signing::Signer as _,
    words::{AgencyCode, Digest},
};

/// The key with which a simulated party signs.
pub(crate) fn key(code: &AgencyCode) -> SigningKey {
    SigningKey::from_bytes(&Digest::of("symbolon/simulated-party/1", code.as_str().as_bytes()).0)
}

/// Puts invented keys and peer ids in the place of the parties' own, with which nobody here could sign.
pub(crate) fn put_keys(terms: &mut Terms) {
    for party in &mut terms.parties {
        party.key = key(&party.code).public();
        party.peer = format!("simulated-{}", party.code);
        party.addresses.clear();
    }
}
