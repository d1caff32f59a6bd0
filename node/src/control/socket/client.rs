//! The command line's end of the control socket.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use tokio::{io::BufReader, net::UnixStream};

use super::{REQUEST_LIMIT, read_line, write_line};
use crate::control::api::{Failure, Line, Reply, Request, Update};

/// The longest line of an answer, in bytes: a query for 65,535 people fits several times.
const ANSWER_LIMIT: u64 = 256 << 20;

/// A connection to a running node, good for one request.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    path: PathBuf,
}

/// Connects to the node that serves at `path`; `None` if none does.
///
/// # Errors
/// [`Failure`] if a node may be there but cannot be reached, for want of permission for instance.
pub async fn connect(path: &Path) -> Result<Option<Client>, Failure> {
    match UnixStream::connect(path).await {
        Ok(stream) => Ok(Some(Client { stream, path: path.to_owned() })),
        // The second is a socket that a killed node left, or a file that is no socket.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let what = format!("{} is too long for the path of a socket", path.display());
            Err(Failure::input(what).with_help("choose a home with a shorter path, of about 90 characters"))
        }
        Err(error) => Err(Failure::local(format!("cannot reach the node at {}: {error}", path.display()))),
    }
}

impl Client {
    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// What the node says when it cannot do as asked, or a [`Failure`] of the connection itself.
    pub async fn call(self, request: &Request, on_update: impl FnMut(Update)) -> Result<Reply, Failure> {
        self.call_until(request, on_update, std::future::pending()).await
    }

    /// The same, until `stop`: then the node is told that nobody waits, and says what became of the request.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_until(
        self,
        request: &Request,
        mut on_update: impl FnMut(Update),
        stop: impl Future<Output = ()>,
    ) -> Result<Reply, Failure> {
        let length = serde_json::to_vec(request).map(|line| line.len());
        let length =
            length.map_err(|error| Failure::input(format!("the request cannot be written: {error}")))?;
        if u64::try_from(length).is_ok_and(|length| length > REQUEST_LIMIT) {
            let what = format!("the request has {length} bytes, more than the {REQUEST_LIMIT} a node reads");
            return Err(Failure::input(what));
        }
        let path = self.path;
        let charged = matches!(
            request,
            Request::QueryExact { .. }
                | Request::QueryCount { .. }
                | Request::QueryMatch { .. }
                | Request::QueryResume { .. }
        );
        let help = if charged {
            "see its log; when it is back, `symbolon query list` names the query if it was charged, and `symbolon query \
             resume` asks it again for nothing more"
        } else {
            "see its log; run the command again when it is back"
        };
        let lost = |error: io::Error| {
            Failure::local(format!("the node at {} broke off: {error}", path.display())).with_help(help)
        };
        let (reader, mut writer) = self.stream.into_split();
        write_line(&mut writer, request).await.map_err(lost)?;
        let mut reader = BufReader::new(reader);
        let mut stop = std::pin::pin!(stop);
        let mut writer = Some(writer);
        loop {
            // Not within a line, of which a part would be lost.
            let line = {
                let mut line = std::pin::pin!(read_line(&mut reader, ANSWER_LIMIT));
                tokio::select! {
                    line = &mut line => line,
                    () = &mut stop, if writer.is_some() => {
                        // Closes this side.
                        drop(writer.take());
                        line.await
                    }
                }
                .map_err(lost)?
            };
            match serde_json::from_slice(&line).map_err(|error| lost(error.into()))? {
                Line::Progress(update) => on_update(update),
                Line::Done(reply) => return Ok(*reply),
                Line::Failed(failure) => return Err(failure),
            }
        }
    }
}
