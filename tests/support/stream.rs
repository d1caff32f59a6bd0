//! The real machines of an exchange over a stream, driven by hand: what a partner runs that does not run this node.

// Every test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use symbolon_node::network::Stream;
use symbolon_policy::{
    permit::Guarded,
    quota::{Balance, Ledger, MeterKey},
    words::{AgencyCode, AgreementId, Digest, Timestamp},
};
use symbolon_protocol::exchange::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::partner::{Heard, Say, WORD};

pub(crate) const KEYS: &str = "/symbolon/keys/1";
pub(crate) const PREPARE: &str = "/symbolon/prepare/1";
pub(crate) const MATCH: &str = "/symbolon/match/1";

/// A meter that nobody reads.
pub(crate) struct Nothing;

impl Ledger for Nothing {
    fn spent(&self, _: &MeterKey) -> u64 {
        0
    }
    fn balance(&self, _: &AgreementId, _: &AgencyCode) -> Balance {
        Balance::default()
    }
    fn unexplained(&self, _: &AgreementId, _: Timestamp) -> u64 {
        0
    }
}

/// Runs a machine over a stream. Each frame that it would send can be changed; `None` if that says not to send it, or if
/// the partner does not go on.
pub(crate) async fn drive<T: Send>(
    stream: &mut Stream,
    mut machine: Guarded<T>,
    mut changed: impl FnMut(&mut Frame) -> bool,
) -> Option<(T, Digest)> {
    loop {
        let wants = machine.wants();
        if wants.done {
            return Some(machine.finish().unwrap());
        }
        if wants.send {
            let mut frame = machine.produce().unwrap();
            if !changed(&mut frame) {
                return None;
            }
            stream.write_all(&frame.header()).await.ok()?;
            stream.write_all(&frame.body).await.ok()?;
            stream.flush().await.ok()?;
        } else if wants.compute {
            machine.compute(4_096).unwrap();
        } else if wants.verdict {
            machine.settle().unwrap();
        } else {
            let frame = read(stream).await?;
            if frame.tag != WORD {
                machine.consume(frame).ok()?;
            }
        }
    }
}

/// The next frame; `None` once the partner has closed the stream.
pub(crate) async fn read(stream: &mut Stream) -> Option<Frame> {
    let mut header = [0; Frame::HEADER];
    stream.read_exact(&mut header).await.ok()?;
    let (mut frame, length) = Frame::parse_header(header).unwrap();
    frame.body = vec![0; length];
    stream.read_exact(&mut frame.body).await.ok()?;
    Some(frame)
}

/// The next word but for how far a work is; `None` once the partner has closed the stream.
pub(crate) async fn hear(stream: &mut Stream) -> Option<Heard> {
    loop {
        match serde_ipld_dagcbor::from_slice(&read(stream).await?.body).unwrap() {
            Heard::Progress(_) => {}
            word => return Some(word),
        }
    }
}

pub(crate) async fn say(stream: &mut Stream, word: Say) {
    stream.write_all(&word.frame()).await.unwrap();
    stream.flush().await.unwrap();
}
