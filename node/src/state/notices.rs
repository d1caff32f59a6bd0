//! Correction notices, and what partners were told last of the fields they received.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    notice::{Cause, SignedNotice},
    words::{AgencyCode, Digest, Field, NoticeId, Reference},
};

use super::{Key, State, apply::put};
use crate::{control::api::Failure, journal::Side};

/// What an asker was told last of one record of which it received fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) reference: Reference,
    /// Released fields, each with a mark of what it said.
    pub(crate) fields: Vec<(Field, Digest)>,
    pub(crate) contested: bool,
    pub(crate) erased: bool,
}

/// Released fields of records, each with a mark of what it said.
pub(crate) type Marks = Vec<(Reference, Vec<(Field, Digest)>)>;

/// Fields were released.
pub(super) fn released(told: &mut Vec<Told>, marks: &Marks) {
    for (reference, fields) in marks {
        match told.iter_mut().find(|told| told.reference == *reference) {
            Some(told) => {
                // It may have been there again, as it was, after it was erased.
                told.erased = false;
                fields.iter().for_each(|mark| told.now(*mark));
            }
            None => told.push(Told {
                reference: *reference,
                fields: fields.clone(),
                contested: false,
                erased: false,
            }),
        }
    }
}

impl Told {
    fn now(&mut self, (field, mark): (Field, Digest)) {
        match self.fields.iter_mut().find(|(known, _)| *known == field) {
            Some((_, known)) => *known = mark,
            None => self.fields.push((field, mark)),
        }
    }
}

impl State {
    /// One notice.
    ///
    /// # Errors
    /// A local [`Failure`]; so below.
    pub(crate) fn notice(&self, side: Side, id: &NoticeId) -> Result<Option<SignedNotice>, Failure> {
        Ok(self.get::<(u64, SignedNotice)>(&Key::notice(side, id))?.map(|(_, signed)| signed))
    }

    /// All notices of one side, in their order.
    pub(crate) fn notices(&self, side: Side) -> Result<Vec<SignedNotice>, Failure> {
        let mut notices: Vec<(u64, SignedNotice)> = self.scan(&Key::notices(side))?;
        notices.sort_by_key(|(entry, _)| *entry);
        Ok(notices.into_iter().map(|(_, signed)| signed).collect())
    }

    /// The first notices that a partner has not confirmed.
    pub(crate) fn waiting_notices(
        &self,
        asker: &AgencyCode,
        limit: usize,
    ) -> Result<Vec<SignedNotice>, Failure> {
        let waiting: Vec<NoticeId> = self.scan(&Key::waiting(asker))?;
        let notice = |id| self.notice(Side::Holder, id).transpose();
        waiting.iter().take(limit).filter_map(notice).collect()
    }

    /// Notices that no partner has confirmed.
    pub(crate) fn all_waiting_notices(&self) -> Result<Vec<SignedNotice>, Failure> {
        let waiting: Vec<NoticeId> = self.scan(&Key::all_waiting())?;
        waiting.iter().filter_map(|id| self.notice(Side::Holder, id).transpose()).collect()
    }

    pub(super) fn notice_told(
        &self,
        (batch, seq): (&mut sled::Batch, u64),
        side: Side,
        (signed, instead_of): (&SignedNotice, Option<NoticeId>),
        marks: &[(Field, Digest)],
    ) -> Result<(), Failure> {
        let notice = &signed.notice;
        let key = Key::notice(side, &notice.notice);
        // In the order in which they were made, not confirmed; one in the place of another keeps that one's.
        let before = instead_of.map_or(key.clone(), |old| Key::notice(side, &old));
        let entry = self.get::<(u64, SignedNotice)>(&before)?.map_or(seq, |(entry, _)| entry);
        if instead_of.is_some() {
            batch.remove(before.bytes());
        }
        put(batch, key, &(entry, signed))?;
        if side == Side::Asker {
            return Ok(());
        }
        let waiting = Key::waiting_notice(&notice.asker, entry);
        if signed.asker.is_some() {
            batch.remove(waiting.bytes());
            return Ok(());
        }
        put(batch, waiting, &notice.notice)?;
        self.follow(batch, side, &notice.claim, |claimed| {
            let told = claimed.told.iter_mut().filter(|told| told.reference == notice.reference);
            told.for_each(|told| match notice.cause {
                Cause::Corrected => marks.iter().for_each(|mark| told.now(*mark)),
                Cause::Erased => told.erased = true,
                Cause::Contested => told.contested = true,
                Cause::Upheld => told.contested = false,
            });
        })
    }
}
