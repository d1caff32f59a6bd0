//! Tells a partner of agreements that this node revoked, and is told. One party's word ends an agreement, so
//! it is believed as soon as its signature stands.

use std::sync::Arc;

use symbolon_policy::{
    agreement::Revocation,
    signing::{self, Signature},
    words::{AgencyCode, AgreementId, Timestamp},
};

use super::super::{Channel, SessionError, channel::unexpected, words::Word};
use crate::{
    clock,
    control::api::Failure,
    journal::Event,
    node::{Core, Partner, blocking},
};

/// Revocations told at one meeting.
const REVOCATIONS: usize = 8;

/// Both sides do the same: tell, hear, confirm, hear what was confirmed.
///
/// # Errors
/// [`SessionError::Misbehaved`] if the partner's revocation is not its own word.
pub(super) async fn revocations(
    core: &Arc<Core>,
    partner: &AgencyCode,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let untold: Vec<_> =
        core.untold(clock::now())?.into_iter().filter(|u| u.partner.party.code == *partner).collect();
    let told: Vec<_> = untold.iter().take(REVOCATIONS).map(|u| (u.revocation.clone(), u.signature)).collect();
    channel.say(&Word::Revocations(told.clone())).await?;
    let theirs = match channel.hear_next().await? {
        Word::Revocations(theirs) if theirs.len() <= REVOCATIONS => theirs,
        other => return Err(unexpected("revocations", &other)),
    };
    let known = {
        let (core, partner) = (core.clone(), partner.clone());
        blocking(move || hear(&core, &partner, theirs)).await?
    };
    if !known.is_empty() {
        core.allow_partners().await?;
    }
    channel.say(&Word::Revoked(known)).await?;
    let confirmed = match channel.hear_next().await? {
        Word::Revoked(confirmed) => confirmed,
        other => return Err(unexpected("what is revoked", &other)),
    };
    let confirmed: Vec<_> =
        told.into_iter().map(|(told, _)| told.agreement).filter(|id| confirmed.contains(id)).collect();
    let core = core.clone();
    blocking(move || {
        let known = |agreement| core.book.record(&Event::RevocationKnown { agreement });
        Ok(confirmed.into_iter().try_for_each(known)?)
    })
    .await
}

/// Journals what the partner revoked; gives the agreements that are now known to be revoked.
fn hear(
    core: &Core,
    partner: &AgencyCode,
    theirs: Vec<(Revocation, Signature)>,
) -> Result<Vec<AgreementId>, SessionError> {
    let mut known = Vec::new();
    // A word that is heard after an amendment took effect does not undo it, whenever it says that it was given.
    core.book.amendments_take_effect(clock::now())?;
    for (revocation, signature) in theirs {
        let id = revocation.agreement;
        // One that was never accepted here is nothing to end.
        let Some(agreement) = core.book.agreement(&id) else { continue };
        let key = agreement.terms().party(partner).map(|party| party.key);
        let stands = key.is_ok_and(|key| signing::verify(&revocation, &key, &signature).is_ok());
        if revocation.by != *partner || !stands {
            return Err(SessionError::Misbehaved("its revocation is not its own word".into()));
        }
        if !core.book.state().revoked(&id)? {
            tracing::warn!(%partner, agreement = %id, "the partner revoked an agreement");
            core.book.record(&Event::AgreementRevoked { revocation, signature })?;
        }
        known.push(id);
    }
    core.end_expired()?;
    Ok(known)
}

/// A revocation by this node of which its partner has not confirmed that it knows.
pub(crate) struct Untold {
    pub(crate) partner: Partner,
    revocation: Revocation,
    signature: Signature,
}

impl Core {
    /// Revocations to tell. When the agreement would have expired anyway, they need not be told any more.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn untold(&self, now: Timestamp) -> Result<Vec<Untold>, Failure> {
        let mut untold = Vec::new();
        for accepted in self.book.state().agreements()? {
            let terms = &accepted.agreement.terms;
            let Some(revoked) = accepted.revoked else { continue };
            if revoked.known || revoked.revocation.by != *self.book.own() || terms.valid_until <= now {
                continue;
            }
            let Some(agreement) = self.book.agreement(&revoked.revocation.agreement) else { continue };
            let Ok(party) = terms.partner_of(self.book.own()).cloned() else { continue };
            let partner = Partner { agreement, party };
            untold.push(Untold { partner, revocation: revoked.revocation, signature: revoked.signature });
        }
        Ok(untold)
    }
}

#[cfg(test)]
mod tests;
