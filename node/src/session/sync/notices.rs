//! Correction notices at a meeting, by turns: each side shows one that waits, or none, and confirms the other's.
//!
//! A turn is one frame each way, so neither side waits to be read while it writes. A notice waits until its
//! confirmation is in the journal; one that comes again is confirmed again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    notice::SignedNotice,
    signing::{self, Signature},
    words::AgencyCode,
};

use super::super::{
    Channel, SessionError,
    channel::unexpected,
    claim::{
        notices::{LONGEST, to_tell},
        releases::sealed_digest,
    },
    words::Word,
};
use crate::{
    control::api::Failure,
    files,
    journal::{Event, Side},
    node::{Core, Partner, blocking},
};

/// Notices that each side tells at one meeting.
const NOTICES: usize = 32;

/// Notices that are kept of one claim: a partner must not fill the disk.
const MOST: usize = 1_000;

/// A notice on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::session) struct Carried {
    notice: SignedNotice,
    /// Its sealed fields.
    sealed: Option<serde_bytes::ByteBuf>,
}

/// Both sides do the same.
///
/// # Errors
/// [`SessionError::Misbehaved`] if the partner's notice or confirmation is not its own word.
pub(super) async fn notices(
    core: &Arc<Core>,
    partner: &AgencyCode,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let waiting = core.book.state().waiting_notices(partner, usize::MAX)?;
    let mut waiting = core.claims.in_turn(waiting).into_iter().take(NOTICES);
    for _ in 0..=NOTICES {
        let ours = {
            let core = core.clone();
            let next;
            (next, waiting) = blocking(move || carry(&core, waiting)).await?;
            next
        };
        channel.say(&Word::Notice(ours.clone().map(Box::new))).await?;
        let theirs = match channel.hear_next().await? {
            Word::Notice(theirs) => theirs,
            other => return Err(unexpected("a notice", &other)),
        };
        if ours.is_none() && theirs.is_none() {
            return Ok(());
        }
        let noted = match theirs {
            None => None,
            Some(theirs) => {
                let (core, partner) = (core.clone(), partner.clone());
                blocking(move || take(&core, &partner, *theirs)).await?
            }
        };
        channel.say(&Word::Noted(noted)).await?;
        let confirmed = match channel.hear_next().await? {
            Word::Noted(confirmed) => confirmed,
            other => return Err(unexpected("whether a notice is known", &other)),
        };
        match (ours, confirmed) {
            (Some(ours), Some(signature)) => {
                let core = core.clone();
                blocking(move || confirm(&core, ours.notice, signature)).await?;
            }
            (Some(ours), None) => {
                let notice = ours.notice.notice.notice;
                tracing::warn!(%partner, %notice, "the partner does not know the claim of a notice");
                core.claims.set_unknown(notice);
            }
            (None, _) => {}
        }
    }
    Err(SessionError::Misbehaved("it has more notices than one meeting takes".into()))
}

/// The next notice that waits still, with what goes with it, and those after it.
fn carry<I: Iterator<Item = SignedNotice>>(
    core: &Core,
    mut waiting: I,
) -> Result<(Option<Carried>, I), Failure> {
    while let Some(next) = waiting.next() {
        if let Some((notice, sealed)) = to_tell(core, next)? {
            let sealed = sealed.map(serde_bytes::ByteBuf::from);
            return Ok((Some(Carried { notice, sealed }), waiting));
        }
    }
    Ok((None, waiting))
}

/// Journals the partner's notice, once; gives the confirmation, or nothing if its claim is not known here.
fn take(core: &Core, partner: &AgencyCode, carried: Carried) -> Result<Option<Signature>, SessionError> {
    let Carried { notice: signed, sealed } = carried;
    let notice = &signed.notice;
    let wrong = |what: &str| SessionError::Misbehaved(format!("its notice {what}"));
    let state = core.book.state();
    let Some(claimed) = state.claim(Side::Asker, &notice.claim)? else { return Ok(None) };
    let claim = &claimed.case.claim;
    let fits = notice.asker == *core.book.own()
        && notice.holder == *partner
        && claim.holder == *partner
        && claim.agreement == notice.agreement;
    if !fits {
        return Err(wrong("is about a claim of somebody else"));
    }
    let agreement = core.book.agreement(&claim.agreement);
    let agreement = agreement.ok_or_else(|| Failure::integrity("the claim's agreement is not there"))?;
    let key = agreement.terms().party(partner).map_err(|e| Failure::local(e.to_string()))?.key;
    if signing::verify(notice, &key, &signed.holder).is_err() {
        return Err(wrong("is not signed by its agreement key"));
    }
    // Two meetings at once may bring it, as after a start.
    let _settling = core.book.settling();
    if let Some(known) = state.notice(Side::Asker, &notice.notice)? {
        return if known.notice == *notice { Ok(known.asker) } else { Err(wrong("was another one before")) };
    }
    let as_named = match (&notice.sealed, &sealed) {
        (None, None) => true,
        (Some(named), Some(sealed)) => {
            sealed.len() <= LONGEST
                && named.bytes == sealed.len() as u64
                && named.digest == sealed_digest(sealed)
        }
        _ => false,
    };
    if !as_named {
        return Err(wrong("came with other fields than it names"));
    }
    let told = state.notices(Side::Asker)?.into_iter().filter(|known| known.notice.claim == notice.claim);
    if told.count() >= MOST {
        tracing::error!(%partner, claim = %notice.claim, "more correction notices of one claim than are kept");
        return Ok(None);
    }
    if let Some(sealed) = sealed {
        let path = core.claims.notice_path(Side::Asker, &notice.notice);
        files::write_whole(&path, &sealed)
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))?;
    }
    let own = signing::sign(notice, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    tracing::warn!(%partner, claim = %notice.claim, cause = ?notice.cause, "fields that were received changed: `symbolon notice list`");
    let notice = Box::new(SignedNotice { asker: Some(own), ..signed });
    core.book.record(&Event::Notice { side: Side::Asker, notice, marks: Vec::new(), instead_of: None })?;
    Ok(Some(own))
}

/// Journals that the partner has a notice of ours.
fn confirm(core: &Core, notice: SignedNotice, signature: Signature) -> Result<(), SessionError> {
    let told = &notice.notice;
    let agreement = core.book.agreement(&told.agreement);
    let agreement = agreement.ok_or_else(|| Failure::integrity("a notice's agreement is not there"))?;
    let key = agreement.terms().party(&told.asker).map_err(|e| Failure::local(e.to_string()))?.key;
    signing::verify(told, &key, &signature)
        .map_err(|e| SessionError::Misbehaved(format!("its signature under a notice does not stand: {e}")))?;
    let _settling = core.book.settling();
    let known = core.book.state().notice(Side::Holder, &told.notice)?;
    if known.is_some_and(|known| known.asker.is_some()) {
        return Ok(());
    }
    let notice = Box::new(SignedNotice { asker: Some(signature), ..notice });
    Ok(core.book.record(&Event::Notice {
        side: Side::Holder,
        notice,
        marks: Vec::new(),
        instead_of: None,
    })?)
}

impl Core {
    /// Partners for whom a notice waits, each under the agreement of the claim: the duty outlives it.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn to_be_told(&self) -> Result<Vec<Partner>, Failure> {
        let mut partners: Vec<Partner> = Vec::new();
        for notice in self.book.state().all_waiting_notices()? {
            let told = notice.notice;
            if partners.iter().any(|partner| partner.party.code == told.asker) {
                continue;
            }
            let Some(agreement) = self.book.agreement(&told.agreement) else { continue };
            let Ok(party) = agreement.terms().party(&told.asker).cloned() else { continue };
            partners.push(Partner { agreement, party });
        }
        Ok(partners)
    }
}

#[cfg(test)]
mod tests;
