//! Evaluation keys: what a holder keeps of an asker to answer its matches.

use serde::{Deserialize, Serialize};

use crate::{
    ask::Fetch,
    signing::Document,
    words::{AgencyCode, AgreementId, Digest, EngineName, FormName, Timestamp},
};

/// One set of evaluation keys. The holder signs it, so the asker has evidence that its keys were taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySet {
    /// The digest of the transcript of the exchange that set them up. It covers every byte of the keys,
    /// and names them on both nodes.
    pub keys: Digest,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Whose keys they are.
    pub asker: AgencyCode,
    /// Who answers under them.
    pub holder: AgencyCode,
    /// The form of the templates.
    pub form: FormName,
    /// The engine.
    pub engine: EngineName,
    /// When they were set up, by the holder's clock.
    pub made: Timestamp,
    /// When they are asked under no more, by the same clock. The asker destroys its half then; the holder keeps its own,
    /// which is no secret, as long as claims are replayed under it.
    pub expires: Timestamp,
}

impl KeySet {
    /// The keys that a request asked for, set up now and kept for so many hours. `None` if it asked for none.
    pub fn of(fetch: &Fetch, keys: Digest, made: Timestamp, hours: u32) -> Option<Self> {
        let setup = fetch.matching.as_ref()?;
        Some(Self {
            keys,
            agreement: fetch.agreement,
            asker: fetch.asker.clone(),
            holder: fetch.holder.clone(),
            form: setup.form.clone(),
            engine: setup.engine.clone(),
            made,
            expires: made.plus(i64::from(hours).saturating_mul(Timestamp::HOUR)),
        })
    }

    /// Whether these are such keys as a request asks for.
    pub fn serves(&self, fetch: &Fetch) -> bool {
        let set = Self::of(fetch, self.keys, self.made, 0);
        set.is_some_and(|set| Self { expires: self.expires, ..set } == *self)
    }
}

impl Document for KeySet {
    const LABEL: &'static str = "symbolon/keys/1";
}
