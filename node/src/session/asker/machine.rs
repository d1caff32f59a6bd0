//! The asker's machine of a query.

use std::sync::Arc;

use symbolon_policy::rules::ExchangeKind;
use symbolon_protocol::{count, exact, exchange::Boxed};

use super::{Asked, Subject};
use crate::{
    control::api::Failure,
    journal::Side,
    node::{Core, Partner, blocking},
    prepared::Lent,
    session::{
        SessionError,
        holder::slice,
        matching::{self, Waiting},
    },
    snapshots::SliceOf,
};

/// The machine of a query.
pub(super) enum Machine {
    /// And how many entries the snapshot has.
    Exact(Boxed<Vec<bool>>, u64),
    Count(Boxed<count::Counted>),
    Match(Waiting),
    /// That of a match, once it is known whether the holder has its half of this.
    Ahead(Lent),
}

/// Makes it, with a half of a preparation for a match of which the holder has the other.
///
/// # Errors
/// A [`Failure`] if what it needs is gone.
pub(super) async fn machine(
    core: &Arc<Core>,
    partner: &Partner,
    asked: &Asked,
    half: Option<Lent>,
) -> Result<Machine, SessionError> {
    let (core, partner, asked) = (core.clone(), partner.clone(), asked.clone());
    blocking(move || -> Result<Machine, SessionError> {
        let Asked { ask, subject, seed, .. } = asked;
        match (ask.exchange, subject) {
            (ExchangeKind::Exact, Subject::Identifiers(identifiers)) => {
                let gone = || Failure::local("the snapshot of this query is gone; ask a new query");
                let id = ask.snapshot.ok_or_else(gone)?;
                let snapshot = core.book.state().snapshot(&id)?.ok_or_else(gone)?;
                let manifest = snapshot.manifest;
                let asked = snapshot.side == Side::Asker && manifest.holder == ask.holder;
                if !asked || SliceOf::of(&manifest) != slice(&ask) {
                    return Err(Failure::local("the snapshot of this query is of another slice").into());
                }
                let filter = core.snapshots.filter(&manifest)?;
                let query = exact::Query::blind(identifiers, &seed)?;
                let machine = exact::Asker::new(query, &manifest.public_key.0, (manifest.entries, filter))?;
                Ok(Machine::Exact(Box::new(machine), manifest.entries))
            }
            (ExchangeKind::Count, Subject::Identifiers(identifiers)) => {
                let noise = partner.agreement.terms().noise().map_err(|e| Failure::input(e.to_string()))?;
                let query = count::Query::blind(identifiers, noise, &seed)?;
                Ok(Machine::Count(Box::new(count::Asker::new(query))))
            }
            (ExchangeKind::Match, Subject::Probe(probe, ready)) => {
                matching::asker(&core, &partner, &ask, &probe, &ready, &seed, half).map(Machine::Match)
            }
            _ => Err(Failure::local("the query asks about something else than its exchange answers").into()),
        }
    })
    .await
}
