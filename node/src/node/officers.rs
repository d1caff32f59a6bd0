//! Enrolment of officers, and their word for a query.

use std::sync::Arc;

use symbolon_policy::{
    officer::{Intent, Officer, OfficerCard},
    words::{OfficerId, Role, Salt, Timestamp},
};

use super::{Core, blocking, flags};
use crate::{
    clock,
    control::api::{Authority, Failure, Reply},
    officers::recipient,
};

pub(super) async fn enrol(
    core: &Arc<Core>,
    card: OfficerCard,
    mut roles: Vec<Role>,
    until: Option<Timestamp>,
) -> Result<Reply, Failure> {
    card.verify().map_err(|error| {
        Failure::input(format!("the officer's card does not stand: {error}"))
            .with_help("let the officer show it again: `symbolon officer card`")
    })?;
    recipient(&card.card.seal)?;
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(Failure::input("an officer needs a role").with_help("name one with --roles"));
    }
    if let Some(past) = until.filter(|until| *until <= clock::now()) {
        return Err(Failure::input(format!("{past} is past")).with_help("give a later --until"));
    }
    let officer = Officer { id: card.card.id, roles, key: card.card.key, seal: card.card.seal, until };
    let core = core.clone();
    blocking(move || {
        core.book.enrol(officer.clone())?;
        Ok(Reply::Officer { officer })
    })
    .await
}

pub(super) fn list(core: &Core) -> Result<Reply, Failure> {
    let state = core.book.state();
    Ok(Reply::Officers { required: state.officers_begun()?, officers: state.officers()? })
}

pub(super) async fn remove(core: &Arc<Core>, id: OfficerId, reason: String) -> Result<Reply, Failure> {
    flags::reasoned(&reason)?;
    let core = core.clone();
    blocking(move || {
        let text = format!(
            "{id} is no longer enrolled and can sign nothing from now on; the reason is in the journal."
        );
        core.book.remove_officer(id, reason)?;
        Ok(Reply::Noted { text })
    })
    .await
}

/// Checks that the officer signed what is about to be asked. `intent` makes it of the salt.
///
/// # Errors
/// A [`Failure`] of refusal; then nothing may be asked.
pub(super) async fn signed(
    core: &Arc<Core>,
    officer: &OfficerId,
    authority: Option<&Authority>,
    intent: impl FnOnce(&Salt) -> Intent,
) -> Result<(), Failure> {
    let salt = authority.map_or(Salt([0; 32]), |authority| authority.salt);
    let (intent, act) = (intent(&salt), authority.map(|authority| authority.act.clone()));
    let (core, officer) = (core.clone(), officer.clone());
    blocking(move || core.book.officer_asks(&officer, &intent, act.as_ref(), clock::now())).await
}
