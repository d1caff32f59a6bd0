//! Snapshots: build and list.

use std::{sync::Arc, time::Instant};

use symbolon_policy::words::{AgencyCode, Purpose, RegisterName};

use super::{Core, Report, blocking};
use crate::{
    control::{
        Updates,
        api::{Failure, Reply},
    },
    journal::Side,
    snapshots::SliceOf,
};

pub(super) async fn build(
    core: &Arc<Core>,
    asker: &AgencyCode,
    register: RegisterName,
    purpose: Purpose,
    updates: Updates,
) -> Result<Reply, Failure> {
    let partner = core.partner(asker)?;
    if partner.agreement.terms().exact.is_none() {
        return Err(Failure::input(format!(
            "the agreement with {asker} has no terms for exact intersection"
        )));
    }
    let slice = SliceOf { agreement: partner.agreement.id(), asker: asker.clone(), register, purpose };
    let Ok(sender) = core.snapshots.begin(&slice) else {
        return Err(Failure::local("this snapshot is being built already")
            .with_help("see `symbolon snapshot list` in a moment"));
    };
    let (core, report) = (core.clone(), Report::new(asker.as_str(), updates));
    blocking(move || {
        let started = Instant::now();
        let manifest = core.build_snapshot(&slice, |(done, total)| {
            sender.send_replace((done, total));
            report.say("snapshot", done, total);
        })?;
        Ok(Reply::Snapshot { manifest, seconds: started.elapsed().as_secs_f64() })
    })
    .await
}

pub(super) fn list(core: &Core) -> Result<Reply, Failure> {
    let (made, received): (Vec<_>, Vec<_>) =
        core.book.state().snapshots()?.into_iter().partition(|snapshot| snapshot.side == Side::Holder);
    let manifests =
        |list: Vec<crate::state::Snapshot>| list.into_iter().map(|snapshot| snapshot.manifest).collect();
    Ok(Reply::Snapshots { made: manifests(made), received: manifests(received) })
}
