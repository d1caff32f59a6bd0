//! The courier: the frames of a session in files, for an agency without a network.
//!
//! A file is a mark, the length of a slip (4 bytes, big-endian), the slip, and frames as on a stream. The
//! slip says from whom to whom the file is, and the digest of the frames; its writer signs it with the
//! agreement key. So nothing of a file is believed, charged or journalled before all of it was checked.
#![deny(clippy::arithmetic_side_effects)]

pub(crate) mod keys;

use std::{fs::File, io::Read, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    canonical,
    rules::ExchangeKind,
    signing::{self, Document, Signature},
    words::{AgencyCode, AgreementId, Digest, QueryId},
};
use symbolon_protocol::exchange::Frame;

use super::{Channel, SessionError, holder, words::Word};
use crate::{
    control::api::{CourierKind, Failure},
    journal::Side,
    node::Core,
    state::Stage,
};

/// What every file begins with; the last byte is the version.
const MARK: &[u8; 17] = b"symbolon courier\x01";
/// The longest slip, in bytes.
const LONGEST_SLIP: usize = 4_096;
/// The longest file, in bytes.
const LONGEST: u64 = 256 << 20;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slip {
    pub(crate) kind: CourierKind,
    pub(crate) from: AgencyCode,
    pub(crate) to: AgencyCode,
    pub(crate) agreement: AgreementId,
    /// The query; for keys, a number drawn for their setup.
    pub(crate) query: QueryId,
    /// Which file of a setup of keys, from 1; 0 for all other files.
    pub(crate) part: u8,
    /// Length of the frames.
    bytes: u64,
    /// Over the frames.
    digest: Digest,
}

impl Document for Slip {
    const LABEL: &'static str = "symbolon/courier/1";
}

/// A file that was checked.
pub(crate) struct Opened {
    pub(crate) slip: Slip,
    pub(crate) frames: Vec<Frame>,
}

/// The bytes of a file with these frames.
///
/// # Errors
/// A local [`Failure`] if they are too many.
pub(crate) fn seal(
    core: &Core,
    kind: CourierKind,
    to: AgencyCode,
    (agreement, query, part): (AgreementId, QueryId, u8),
    frames: &[u8],
) -> Result<Vec<u8>, Failure> {
    let local = |error: &dyn std::fmt::Display| Failure::local(error.to_string());
    let (bytes, digest) = (frames.len() as u64, digest(frames));
    let slip = Slip { kind, from: core.book.own().clone(), to, agreement, query, part, bytes, digest };
    let signature = signing::sign(&slip, &*core.signer).map_err(|e| local(&e))?;
    let slip = canonical::encode(&(slip, signature)).map_err(|e| local(&e))?;
    let length = u32::try_from(slip.len()).map_err(|e| local(&e))?;
    let whole = [MARK.as_slice(), &length.to_be_bytes(), &slip, frames].concat();
    if whole.len() as u64 > LONGEST {
        return Err(Failure::local(format!("the file would be longer than {LONGEST} bytes")));
    }
    Ok(whole)
}

/// Reads and checks a file for this node.
///
/// # Errors
/// An input [`Failure`] if it is none, or for somebody else; an integrity one if it was altered or cut.
pub(crate) fn read(core: &Core, path: &Path) -> Result<Opened, Failure> {
    let mut whole = Vec::new();
    let read = File::open(path).and_then(|f| f.take(LONGEST.saturating_add(1)).read_to_end(&mut whole));
    read.map_err(|e| Failure::input(format!("cannot read {}: {e}", path.display())))?;
    if whole.len() as u64 > LONGEST {
        return Err(Failure::input(format!("{} is longer than {LONGEST} bytes", path.display())));
    }
    parse(core, &whole).map_err(|failure| {
        let what = format!("{}: {}", path.display(), failure.what);
        Failure { what, ..failure }
    })
}

fn parse(core: &Core, whole: &[u8]) -> Result<Opened, Failure> {
    let altered = |what: &str| {
        Failure::integrity(format!("the file was altered or cut: {what}"))
            .with_help("nothing was charged or journalled; have the same file brought again")
    };
    let rest = whole
        .strip_prefix(MARK)
        .ok_or_else(|| Failure::input("this is no courier file, or one of another version of the program"))?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(|| altered("it ends in its head"))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let cut = rest.split_at_checked(length).filter(|_| length <= LONGEST_SLIP);
    let (slip, frames) = cut.ok_or_else(|| altered("it ends in its slip"))?;
    let (slip, signature): (Slip, Signature) =
        canonical::decode(slip).map_err(|_| altered("its slip is malformed"))?;
    let own = core.book.own();
    if slip.to != *own {
        return Err(Failure::input(format!("the file is for {}, and this node is {own}", slip.to)));
    }
    let agreement = core.book.agreement(&slip.agreement);
    let key = agreement.and_then(|a| Some(a.terms().party(&slip.from).ok()?.key));
    let key = key.filter(|_| slip.from != *own).ok_or_else(|| {
        Failure::input(format!("the file names no agreement between {} and this node", slip.from))
    })?;
    if signing::verify(&slip, &key, &signature).is_err() {
        return Err(altered("its slip is not signed by the sender's agreement key"));
    }
    if slip.bytes != frames.len() as u64 || slip.digest != digest(frames) {
        return Err(altered("its frames are not those that were signed"));
    }
    let frames = cut_frames(frames).ok_or_else(|| altered("its frames are malformed"))?;
    Ok(Opened { slip, frames })
}

fn cut_frames(mut rest: &[u8]) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let (header, after) = rest.split_first_chunk::<{ Frame::HEADER }>()?;
        let (frame, length) = Frame::parse_header(*header).ok()?;
        let (body, after) = after.split_at_checked(length)?;
        frames.push(Frame { body: body.to_vec(), ..frame });
        rest = after;
    }
    Some(frames)
}

fn digest(frames: &[u8]) -> Digest {
    Digest::of("symbolon/courier-frames/1", frames)
}

/// Answers a question: the holder's session over files. Returns the frames, and why it refused if it did.
///
/// # Errors
/// [`SessionError`] if there is no answer to bring back.
pub(crate) async fn answer(
    core: &Arc<Core>,
    Opened { slip, frames }: Opened,
) -> Result<(Vec<u8>, Option<SessionError>), SessionError> {
    let named = match frames.first().map(Word::read).transpose()? {
        Some(Word::Ask { ask, .. }) => (ask.query, ask.agreement) == (slip.query, slip.agreement),
        _ => false,
    };
    if !named {
        return Err(SessionError::Misbehaved("the file holds another query than its slip says".into()));
    }
    let (mut channel, gathered) = core.carried(frames);
    let served = holder::serve(core, &slip.from, ExchangeKind::Match, &mut channel).await;
    channel.close().await?;
    let refused = match served {
        // The file ends where the countersignature would come; it comes in a file of its own.
        Err(SessionError::Ended) => {
            let stage = core.book.state().query(Side::Holder, &slip.query)?.map(|query| query.stage);
            if !matches!(stage, Some(Stage::Answered(_) | Stage::Done(_))) {
                return Err(SessionError::Ended);
            }
            None
        }
        Ok(()) => None,
        Err(refused @ SessionError::Refused { here: true, .. }) => Some(refused),
        Err(error) => return Err(error),
    };
    Ok((gathered.take(), refused))
}

/// Keeps the asker's signature under a receipt.
///
/// # Errors
/// [`SessionError`] if it does not stand or there is no such receipt.
pub(crate) fn settle(core: &Core, Opened { slip, frames }: &Opened) -> Result<(), SessionError> {
    let signature = match frames.as_slice() {
        [frame] => Word::read(frame)?,
        _ => return Err(SessionError::Misbehaved("the file holds no single signature".into())),
    };
    let Word::Countersigned(signature) = signature else {
        return Err(super::channel::unexpected("a countersignature", &signature));
    };
    let known = core.book.state().query(Side::Holder, &slip.query)?;
    let known = known.filter(|query| query.ask.asker == slip.from && query.ask.agreement == slip.agreement);
    match known.map(|query| query.stage) {
        Some(Stage::Answered(receipt)) => {
            let agreement = core.book.agreement(&slip.agreement);
            let agreement = agreement.ok_or_else(|| Failure::integrity("the agreement is not there"))?;
            holder::countersigned(core, &agreement, *receipt, signature)
        }
        Some(Stage::Done(_)) => Ok(()),
        _ => Err(Failure::input("this node answered no such query").into()),
    }
}

impl Core {
    /// A channel over files, which hears these frames.
    pub(crate) fn carried(&self, frames: Vec<Frame>) -> (Channel, super::channel::Gathered) {
        Channel::carried(frames, self.patience())
    }
}

/// The frames of a file with the asker's signature under a receipt.
///
/// # Errors
/// None in practice.
pub(crate) fn countersignature(signature: Signature) -> Result<Vec<u8>, SessionError> {
    let frame = Word::Countersigned(signature).frame()?;
    Ok([frame.header().as_slice(), &frame.body].concat())
}
