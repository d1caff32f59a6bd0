//! Setting up keys by courier: the session of [`keys`](super::super::keys), a few frames in each file.
//!
//! Neither node keeps a machine between two files. It keeps the frames that came, and the seed of its randomness as in
//! every setup, and runs the session again from its beginning: the same frames go out, and those that went out
//! before are left off.
//!
//! Cut-and-choose rests on both sides: a holder that saw two openings, or an asker that saw two choices
//! for one seed, would have broken it. So each part is on the disk before its answer is, and another
//! file in its place is refused; between setups, what a partner is bound to stays.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    ask::Fetch,
    canonical,
    permit::Refusal,
    words::{AgencyCode, Digest, QueryId},
};
use symbolon_protocol::exchange::Frame;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Opened, Slip, cut_frames, digest};
use crate::{
    clock,
    control::api::{Failure, FailureKind},
    files,
    journal::Side,
    keys::Turn,
    node::{Core, Partner, Report},
    session::{
        SessionError,
        channel::unexpected,
        fetch::refuse,
        keys::{self, accept, admit, offer},
        words::Word,
    },
};

/// A setup under way, as it lies sealed on the disk.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Pending {
    #[zeroize(skip)]
    fetch: Fetch,
    #[zeroize(skip)]
    begun: i64,
    /// Commits to the seed: another setup of such keys may have ended meanwhile, and the next one has another.
    #[zeroize(skip)]
    seed: Digest,
    /// What came, in order.
    heard: Vec<Heard>,
    /// How much was said in all before each file came.
    said: Vec<u64>,
    /// The frames of the last file once it was written, so that it can be written again.
    #[zeroize(skip)]
    last: Option<serde_bytes::ByteBuf>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Heard {
    #[zeroize(skip)]
    digest: Digest,
    #[serde(with = "serde_bytes")]
    frames: Vec<u8>,
}

/// What comes of a file.
pub(crate) enum Next {
    /// Frames for the next file.
    File(Vec<u8>),
    /// The keys are there.
    Ready,
}

/// The longest time between the first file and the last: 28 days, in seconds.
const LONGEST: i64 = 28 * 86_400;

fn path(core: &Core, side: Side, id: &QueryId) -> PathBuf {
    let side = if side == Side::Asker { "asked" } else { "answered" };
    core.home.keys().join(format!("{id}.{side}-setup"))
}

impl Pending {
    fn save(&self, core: &Core, side: Side, id: &QueryId) -> Result<(), Failure> {
        let plain = Zeroizing::new(canonical::encode(self).map_err(|e| Failure::local(e.to_string()))?);
        let sealed = core.storage.derive("setups").seal(id.as_bytes(), &plain);
        let path = path(core, side, id);
        files::replace_secret(&path, &sealed)
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))
    }

    fn load(core: &Core, side: Side, id: &QueryId) -> Result<Option<Self>, Failure> {
        let path = path(core, side, id);
        let sealed = match std::fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::local(format!("cannot read {}: {error}", path.display()))),
        };
        let damaged = || Failure::integrity(format!("the setup in {} is damaged", path.display()));
        let plain = core.storage.derive("setups").open(id.as_bytes(), &sealed).map_err(|_| damaged())?;
        let pending: Self = canonical::decode(&plain).map_err(|_| damaged())?;
        if clock::now().0.saturating_sub(pending.begun) > LONGEST {
            end(core, side, id);
            return Ok(None);
        }
        Ok(Some(pending))
    }

    /// Takes a part, and tells whether it is new. Only the newest may come again.
    fn take(&mut self, slip: &Slip, frames: &[u8]) -> Result<bool, Failure> {
        // The asker's files have odd numbers, the holder's even ones.
        let place = usize::from(slip.part.saturating_sub(1) / 2);
        let digest = digest(frames);
        match self.heard.get(place) {
            Some(heard) if heard.digest == digest && place.saturating_add(1) == self.heard.len() => Ok(false),
            Some(_) => Err(Failure::input(format!(
                "another file in the place of number {} of this setup came before",
                slip.part
            ))
            .with_help("nothing was changed; go on from the newest file, or begin a new setup")),
            None if place == self.heard.len() => {
                self.heard.push(Heard { digest, frames: frames.to_vec() });
                Ok(true)
            }
            None => Err(Failure::input(format!("a file before number {} is missing", slip.part))
                .with_help("open the files of a setup in order")),
        }
    }

    fn frames(&self) -> Result<Vec<Frame>, Failure> {
        let all: Vec<u8> = self.heard.iter().flat_map(|heard| heard.frames.iter().copied()).collect();
        cut_frames(&all).ok_or_else(|| Failure::integrity("the frames of the setup are damaged"))
    }

    /// What is new in all that was said; the rest went out before.
    fn fresh(&mut self, all: &[u8]) -> Result<Vec<u8>, Failure> {
        let before = self.heard.len().checked_sub(1).and_then(|place| self.said.get(place)).copied();
        let before = before.and_then(|before| usize::try_from(before).ok()).unwrap_or(usize::MAX);
        let fresh = all.get(before..).filter(|fresh| !fresh.is_empty()).map(<[u8]>::to_vec);
        let fresh = fresh.ok_or_else(|| Failure::input("the file does not take the setup any further"))?;
        self.said.truncate(self.heard.len());
        self.said.push(all.len() as u64);
        Ok(fresh)
    }
}

/// Ends a setup under way.
fn end(core: &Core, side: Side, id: &QueryId) {
    let path = path(core, side, id);
    for error in [files::destroy(&path), files::destroy(&files::temporary(&path))] {
        if let Err(error) = error {
            tracing::error!(%error, setup = %id, "a setup of keys could not be removed");
        }
    }
}

/// The bytes of frames, as a slip covers them.
fn bytes(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| [frame.header().as_slice(), &frame.body].concat()).collect()
}

/// Begins a setup: the frames of the first file, and the number drawn for it.
///
/// # Errors
/// [`SessionError`] if this node's own rules refuse.
pub(crate) async fn begin(
    core: &Arc<Core>,
    partner: &Partner,
    fetch: &Fetch,
) -> Result<(QueryId, Vec<u8>), SessionError> {
    if let Err(refusal) = core.book.admit_fetch(&partner.agreement, fetch, clock::now()) {
        refuse(core, Side::Asker, fetch, &refusal).await?;
        return Err(SessionError::refused_here(refusal));
    }
    let id = QueryId(rand::random());
    let seed = commitment(core, Side::Asker, fetch)?;
    let (fetch, begun) = (fetch.clone(), clock::now().0);
    let word = Word::Fetch(Box::new(fetch.clone())).frame()?;
    let first = bytes(&[word]);
    let said = vec![first.len() as u64];
    Pending { fetch, begun, seed, heard: Vec::new(), said, last: None }.save(core, Side::Asker, &id)?;
    Ok((id, first))
}

/// Goes on with a file from the holder.
///
/// # Errors
/// [`SessionError`]; what the partner did wrong is journalled.
pub(crate) async fn open(
    core: &Arc<Core>,
    partner: &Partner,
    Opened { slip, frames }: Opened,
    report: &Report,
) -> Result<Next, SessionError> {
    // Two files in one place of a setup must not be taken at once.
    let _turn = turn(core, Side::Asker, &slip.from)?;
    let unknown = || Failure::input("this node has no setup of keys under way to which the file belongs");
    let mut pending = Pending::load(core, Side::Asker, &slip.query)?.ok_or_else(unknown)?;
    if pending.fetch.holder != slip.from || pending.fetch.agreement != slip.agreement {
        return Err(unknown().into());
    }
    let fetch = pending.fetch.clone();
    if let [frame] = frames.as_slice()
        && let Ok(Word::Refused { code, text }) = Word::read(frame)
    {
        let refusal = Refusal::new(code, text);
        end(core, Side::Asker, &slip.query);
        refuse(core, Side::Asker, &fetch, &refusal).await?;
        return Err(SessionError::Refused { refusal, here: false });
    }
    pending.take(&slip, &bytes(&frames))?;
    current(core, Side::Asker, &slip.query, &pending)?;
    let (mut channel, gathered) = core.carried(pending.frames()?);
    let made = offered(core, partner, &fetch, &mut channel, report).await;
    channel.close().await?;
    match made {
        Ok(_) => {
            end(core, Side::Asker, &slip.query);
            Ok(Next::Ready)
        }
        Err(SessionError::Ended) => {
            let fresh = pending.fresh(&gathered.take())?;
            pending.save(core, Side::Asker, &slip.query)?;
            Ok(Next::File(fresh))
        }
        Err(error) => {
            end(core, Side::Asker, &slip.query);
            keys::failed(core, Side::Asker, &fetch, &error).await?;
            Err(error)
        }
    }
}

async fn offered(
    core: &Arc<Core>,
    partner: &Partner,
    fetch: &Fetch,
    channel: &mut super::Channel,
    report: &Report,
) -> Result<(), SessionError> {
    channel.say(&Word::Fetch(Box::new(fetch.clone()))).await?;
    match channel.hear().await? {
        Word::Admitted => offer(core, partner, fetch, channel, report).await.map(drop),
        other => Err(unexpected("an admission", &other)),
    }
}

/// Goes on with a file from the asker.
///
/// # Errors
/// [`SessionError`]; what the partner did wrong is journalled.
pub(crate) async fn answer(
    core: &Arc<Core>,
    Opened { slip, frames }: Opened,
) -> Result<(Vec<u8>, Option<SessionError>), SessionError> {
    // No two may change one setup.
    let _turn = turn(core, Side::Holder, &slip.from)?;
    let mut pending = match Pending::load(core, Side::Holder, &slip.query)? {
        Some(pending) => pending,
        None => first(core, &slip, &frames)?,
    };
    if pending.fetch.asker != slip.from || pending.fetch.agreement != slip.agreement {
        return Err(Failure::input("this node has no setup of keys to which the file belongs").into());
    }
    let fetch = pending.fetch.clone();
    let new = pending.take(&slip, &bytes(&frames))?;
    if let (false, Some(last)) = (new, &pending.last) {
        return Ok((last.to_vec(), None));
    }
    // A setup that was not admitted has no seed, and is refused again.
    if pending.seed != NOT_ADMITTED {
        current(core, Side::Holder, &slip.query, &pending)?;
    }
    let (mut channel, gathered) = core.carried(pending.frames()?);
    let begins = new && pending.heard.len() == 1;
    let accepted = accepted(core, &slip.from, &pending, begins, &mut channel).await;
    channel.close().await?;
    let all = gathered.take();
    match accepted {
        Err(SessionError::Ended) => {
            let fresh = pending.fresh(&all)?;
            pending.save(core, Side::Holder, &slip.query)?;
            Ok((fresh, None))
        }
        Ok(()) => {
            let fresh = pending.fresh(&all)?;
            // The digests stay, so that the last file is known if it comes again.
            pending.heard.iter_mut().for_each(|heard| heard.frames = Vec::new());
            pending.last = Some(serde_bytes::ByteBuf::from(fresh.clone()));
            pending.save(core, Side::Holder, &slip.query)?;
            Ok((fresh, None))
        }
        Err(error @ SessionError::Refused { here: true, .. }) => {
            end(core, Side::Holder, &slip.query);
            // It said nothing else.
            Ok((all, Some(error)))
        }
        Err(error) => {
            end(core, Side::Holder, &slip.query);
            keys::failed(core, Side::Holder, &fetch, &error).await?;
            Err(error)
        }
    }
}

/// In place of a commitment to a seed.
const NOT_ADMITTED: Digest = Digest([0; 32]);

/// Ends a setup that goes on with another seed than it began with.
fn current(core: &Core, side: Side, id: &QueryId, pending: &Pending) -> Result<(), Failure> {
    if commitment(core, side, &pending.fetch)? == pending.seed {
        return Ok(());
    }
    end(core, side, id);
    Err(Failure::input("such keys were set up in another way meanwhile, so this setup is over")
        .with_help("ask the match again; if the keys have ended since, begin a new setup"))
}

/// A commitment to the seed with which a setup goes on.
fn commitment(core: &Core, side: Side, fetch: &Fetch) -> Result<Digest, Failure> {
    Ok(Digest(core.keys.begun(side, fetch)?.seed().commitment()))
}

fn turn<'a>(core: &'a Core, side: Side, partner: &AgencyCode) -> Result<Turn<'a>, Failure> {
    core.keys.turn(side, partner).ok_or_else(|| {
        Failure::new(FailureKind::Refused, "other keys are being set up")
            .with_help("open the file again in a minute")
    })
}

/// A setup that begins with this file.
fn first(core: &Core, slip: &Slip, frames: &[Frame]) -> Result<Pending, SessionError> {
    let word = match (slip.part, frames) {
        (1, [frame]) => Word::read(frame)?,
        _ => {
            return Err(Failure::input("this node has no setup of keys to which the file belongs")
                .with_help("begin a new setup with `symbolon query match --courier`")
                .into());
        }
    };
    let fetch = match word {
        Word::Fetch(fetch) => *fetch,
        other => return Err(unexpected("a request for keys", &other)),
    };
    // Only what is admitted leaves a file.
    let seed = match admit(core, &slip.from, &fetch) {
        Ok(_) => commitment(core, Side::Holder, &fetch)?,
        Err(_) => NOT_ADMITTED,
    };
    Ok(Pending { fetch, begun: clock::now().0, seed, heard: Vec::new(), said: vec![0], last: None })
}

async fn accepted(
    core: &Arc<Core>,
    asker: &AgencyCode,
    pending: &Pending,
    begins: bool,
    channel: &mut super::Channel,
) -> Result<(), SessionError> {
    match channel.hear().await? {
        Word::Fetch(_) => {}
        other => return Err(unexpected("a request for keys", &other)),
    }
    let fetch = &pending.fetch;
    let admitted = admit(core, asker, fetch);
    let counted = if begins { core.keys.begin(asker, clock::now()) } else { Ok(()) };
    let (agreement, paid) = match counted.and(admitted) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            refuse(core, Side::Holder, fetch, &refusal).await?;
            channel.say(&Word::refused(&refusal)).await?;
            return Err(SessionError::refused_here(refusal));
        }
    };
    channel.say(&Word::Admitted).await?;
    accept(core, &agreement, fetch, paid, channel).await
}

/// Ends setups that were begun too long ago.
pub(crate) fn sweep(core: &Core) {
    let Ok(entries) = std::fs::read_dir(core.home.keys()) else { return };
    let now = clock::now();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some((id, side)) = path.file_name().and_then(|name| name.to_str()?.split_once('.')) else {
            continue;
        };
        let side = match side {
            "asked-setup" => Side::Asker,
            "answered-setup" => Side::Holder,
            _ => continue,
        };
        let changed = path.metadata().and_then(|metadata| metadata.modified()).ok();
        let old = changed.and_then(|changed| changed.duration_since(std::time::UNIX_EPOCH).ok());
        let old = old.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(now.0);
        if now.0.saturating_sub(old) > LONGEST
            && let Ok(id) = id.parse::<QueryId>()
        {
            end(core, side, &id);
        }
    }
}
