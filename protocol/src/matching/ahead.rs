//! Work that is done ahead of a match, before the probe is known: a preparation.
//!
//! Each side's machine of a preparation keeps the frames that came; from these and its seed, a run is made that has
//! only the rest to say. **A preparation serves one run.** Two probes under one would tell a partner where they differ,
//! so it is spent, for good, before the machine of a run says anything, and a run that breaks off has used it up.

use crate::{
    exchange::{Fault, Frame},
    padding::Buckets,
    seed::Seed,
};

/// The phase of an asker's machine that was made with a preparation, once the holder said that the slice has changed
/// since: it begins anew, in full.
pub const STALE: &str = "ask anew";

/// What both sides know before the first frame of a preparation: work that is done ahead, before the probe is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Names the preparation; no other may have the same.
    pub id: [u8; 32],
    /// Alternatives of the query that will use it.
    pub alternatives: u16,
    /// As in [`Asked`](super::engine::Asked).
    pub largest_slice: u64,
    /// As in [`Asked`](super::engine::Asked).
    pub buckets: Buckets,
}

/// Where the frames go that come in a preparation, in their order. They must be kept sealed, and so that a change is
/// noticed: a bit that is spoilt here looks in a run as if the partner had cheated.
pub trait Keep: Send {
    /// Keeps the next frame.
    ///
    /// # Errors
    /// [`Fault::Local`] if it cannot be kept.
    fn keep(&mut self, frame: &Frame) -> Result<(), Fault>;
}

/// The frames of a preparation, to be read once.
pub trait Kept: Send {
    /// Marks the preparation as used. When this returns, it is marked for good, also after a crash.
    ///
    /// # Errors
    /// [`Fault::Local`] if it was used before, or cannot be marked.
    fn spend(&mut self) -> Result<(), Fault>;

    /// The next frame, in the order in which they were kept.
    ///
    /// # Errors
    /// [`Fault::Local`] if there is none or it cannot be read.
    fn next(&mut self) -> Result<Frame, Fault>;
}

/// What one side has of a preparation. It serves one run, whether or not that comes to its end: whoever makes a
/// machine of it has spent it.
pub struct Preparation {
    /// What it was made for.
    pub plan: Plan,
    /// The seed that this side's machine had.
    pub seed: Seed,
    /// What this side's machine gave at its end.
    pub note: Vec<u8>,
    /// What came from the other side.
    pub frames: Box<dyn Kept>,
}

impl std::fmt::Debug for Preparation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preparation").field("plan", &self.plan).finish_non_exhaustive()
    }
}
