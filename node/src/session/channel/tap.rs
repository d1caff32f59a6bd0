//! A capture of frames.

use std::{
    fs::File,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use data_encoding::HEXLOWER;
use symbolon_protocol::exchange::Frame;

use crate::{clock, control::api::Failure};

/// Writes down every frame in clear, before Noise encrypts it: for reviewers, never in service.
#[derive(Clone, Debug)]
pub(crate) struct Tap {
    own: String,
    file: Arc<Mutex<File>>,
}

impl Tap {
    /// A tap into a new file.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be made.
    pub(crate) fn create(path: &Path, own: String) -> Result<Self, Failure> {
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))?;
        Ok(Self { own, file: Arc::new(Mutex::new(file)) })
    }

    pub(super) fn note(&self, line: &Labels, sent: bool, frame: &Frame) {
        let (from, to) = if sent { (&self.own, &line.partner) } else { (&line.partner, &self.own) };
        let record = serde_json::json!({
            "time": clock::now(), "from": from, "to": to, "protocol": line.protocol,
            "direction": if sent { "sent" } else { "received" },
            "bytes": HEXLOWER.encode(&[frame.header().as_slice(), &frame.body].concat()),
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{record}") {
            tracing::warn!(%error, "the capture cannot be written");
        }
    }
}

/// Whom a channel is with, for the capture.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    pub(super) partner: String,
    pub(super) protocol: String,
}
