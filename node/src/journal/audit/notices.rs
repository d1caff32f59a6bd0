//! Correction notices in one journal, and whether two journals tell the same of them.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::{
    notice::{Notice, SignedNotice},
    signing::Document as _,
    words::{Digest, NoticeId},
};

use super::{
    Import, Weight,
    claims::Place,
    reconcile::{Difference, Reconciliation, may_be_under_way, weight},
};
use crate::journal::Side;

/// Notices as the journal tells of them so far. Ids are their makers', so both directions may have the same one.
#[derive(Default)]
pub(super) struct Notices(BTreeMap<(Side, NoticeId), Told>);

struct Told {
    digest: Digest,
    notice: Notice,
    /// Whether the asker signed that it has it.
    confirmed: bool,
    /// Whether another one is told in its place, so that it waits no more.
    replaced: bool,
    /// Where the journal spoke of it last.
    last: Place,
}

impl Notices {
    /// Takes a notice whose signatures stand, made or confirmed; says what is wrong with it.
    pub(super) fn take(&mut self, side: Side, signed: &SignedNotice, last: Place) -> Result<(), String> {
        let (notice, key) = (&signed.notice, (side, signed.notice.notice));
        let digest = notice.digest().map_err(|e| e.to_string())?;
        let before = self.0.get(&key);
        if before.is_some_and(|before| before.digest != digest) {
            return Err("a correction notice in other words than before".to_owned());
        }
        let confirmed = signed.asker.is_some() || before.is_some_and(|before| before.confirmed);
        let replaced = before.is_some_and(|before| before.replaced);
        self.0.insert(key, Told { digest, notice: notice.clone(), confirmed, replaced, last });
        Ok(())
    }

    /// Takes that a notice is told in the place of another, whose values may not leave any more; says what is wrong with
    /// that. Both tell the same but for these, so nothing is kept from the asker by it.
    pub(super) fn replace(&mut self, side: Side, other: &NoticeId, by: &Notice) -> Result<(), String> {
        let told = self.0.get_mut(&(side, *other)).filter(|told| {
            let notice = &told.notice;
            let same = Notice { notice: notice.notice, sealed: notice.sealed, at: notice.at, ..by.clone() };
            let waited = !told.confirmed && !told.replaced && *other != by.notice;
            side == Side::Holder
                && waited
                && same == *notice
                && notice.sealed.is_some()
                && by.sealed.is_none()
        });
        let what = "a correction notice in the place of one that does not wait, or that tells something else";
        told.ok_or_else(|| what.to_owned())?.replaced = true;
        Ok(())
    }
}

/// The notices of `holder` to `asker`.
pub(super) fn compare(found: &mut Reconciliation, asker: &Import, holder: &Import) {
    let between = |import: &Import, on: Side| -> BTreeSet<NoticeId> {
        let told = import.history.notices.0.iter();
        let told =
            told.filter(|(_, told)| told.notice.asker == asker.agency && told.notice.holder == holder.agency);
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
            // Nobody waits for it any more. Whether the other one came is told of that one.
            (_, Some(other)) if other.replaced => {}
            // The confirmation may have been lost on the way; the next meeting brings it.
            (Some(_), Some(_)) => {
                found.find(
                    Weight::Open,
                    Difference::Unconfirmed { notice: *id, lacks: holder.agency.clone() },
                );
            }
            (Some(one), None) => {
                found.find(weight(may_be_under_way(one.last, asker, holder)), missing(holder));
            }
            // It waits for the next meeting, unless the asker signed that it has it.
            (None, Some(other)) => {
                let open = !other.confirmed || may_be_under_way(other.last, holder, asker);
                found.find(weight(open), missing(asker));
            }
            (None, None) => {}
        }
    }
}
