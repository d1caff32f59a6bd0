//! Correction notices in one journal, and whether two journals tell the same of them.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::{
    notice::SignedNotice,
    signing::Document as _,
    words::{AgencyCode, Digest, NoticeId, Timestamp},
};

use super::{
    Import, Weight,
    reconcile::{Difference, Reconciliation, fresh, weight},
};
use crate::journal::Side;

/// Notices as the journal tells of them so far. Ids are their makers', so both directions may have the same one.
#[derive(Default)]
pub(super) struct Notices(BTreeMap<(Side, NoticeId), Told>);

struct Told {
    digest: Digest,
    asker: AgencyCode,
    holder: AgencyCode,
    /// Whether the asker signed that it has it.
    confirmed: bool,
    /// When the journal spoke of it last.
    last: Timestamp,
}

impl Notices {
    /// Takes a notice, made or confirmed; says what is wrong with it.
    pub(super) fn take(&mut self, side: Side, signed: &SignedNotice, time: Timestamp) -> Result<(), String> {
        let (notice, key) = (&signed.notice, (side, signed.notice.notice));
        let digest = notice.digest().map_err(|e| e.to_string())?;
        let before = self.0.get(&key);
        if before.is_some_and(|before| before.digest != digest) {
            return Err("a correction notice in other words than before".to_owned());
        }
        let confirmed = signed.asker.is_some() || before.is_some_and(|before| before.confirmed);
        let (asker, holder) = (notice.asker.clone(), notice.holder.clone());
        self.0.insert(key, Told { digest, asker, holder, confirmed, last: time });
        Ok(())
    }
}

/// The notices of `holder` to `asker`.
pub(super) fn compare(found: &mut Reconciliation, asker: &Import, holder: &Import) {
    let between = |import: &Import, on: Side| -> BTreeSet<NoticeId> {
        let told = import.history.notices.0.iter();
        let told = told.filter(|(_, told)| told.asker == asker.agency && told.holder == holder.agency);
        told.filter(|((side, _), _)| *side == on).map(|((_, id), _)| *id).collect()
    };
    for id in between(asker, Side::Asker).union(&between(holder, Side::Holder)) {
        let sides = [(asker, Side::Asker), (holder, Side::Holder)];
        let [received, made] = sides.map(|(import, side)| import.history.notices.0.get(&(side, *id)));
        let missing = |lacks: &Import| Difference::NoNotice { notice: *id, lacks: lacks.agency.clone() };
        match (received, made) {
            (Some(one), Some(other)) if one.digest != other.digest => {
                found.find(Weight::Violation, Difference::OtherNotice { notice: *id });
            }
            (Some(_), Some(other)) if other.confirmed => found.notices = found.notices.saturating_add(1),
            // The confirmation may have been lost on the way; the next meeting brings it.
            (Some(_), Some(_)) => {
                found.find(
                    Weight::Open,
                    Difference::Unconfirmed { notice: *id, lacks: holder.agency.clone() },
                );
            }
            (Some(one), None) => found.find(weight(fresh(one.last, holder)), missing(holder)),
            // It waits for the next meeting, unless the asker signed that it has it.
            (None, Some(other)) => {
                let open = !other.confirmed || fresh(other.last, asker);
                found.find(weight(open), missing(asker));
            }
            (None, None) => {}
        }
    }
}
