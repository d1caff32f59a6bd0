//! The control socket: requests and replies as lines of JSON over a Unix socket.
//!
//! A connection carries one [`Request`] line and then [`Line`]s, of which the last is the answer.
//! Only the owner of the home can connect, so this guards against accidents and broken clients
//! rather than against enemies: every line is bounded, a silent client is dropped, and at most
//! [`CLIENTS`] are served at once; the others wait.

#![deny(clippy::arithmetic_side_effects)]

mod client;

use std::{
    fs::Permissions,
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Handler,
    api::{Failure, Line, Request, Update},
};

pub use client::{Client, connect};

/// The longest request, in bytes; a rules text or an agreement fits many times.
const REQUEST_LIMIT: u64 = 8 << 20;
/// Clients served at once.
const CLIENTS: usize = 64;
/// Updates that may wait for a slow client; more are dropped.
const UPDATES: usize = 64;
/// How long a client may take to send its request, or to take one line of the answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long requests under way may still take when the node stops.
const GRACE: Duration = Duration::from_secs(10);

/// A socket that clients can reach and nobody serves yet.
#[derive(Debug)]
pub struct Bound {
    listener: UnixListener,
    path: PathBuf,
}

/// Makes the socket at `path`. From here on clients can connect; they wait until they are served. The
/// directory must be its owner's alone (mode 0700), so nobody can connect in the moment before the
/// socket itself gets mode 0600.
///
/// # Errors
/// [`Failure`] if the directory is open to others, another node answers at `path`, something else
/// than a socket is there, or the socket cannot be made.
pub async fn bind_control(path: &Path) -> Result<Bound, Failure> {
    Ok(Bound { listener: bind(path).await?, path: path.to_owned() })
}

/// Serves requests on a socket until `shutdown`, then lets those under way end for up to ten seconds
/// and removes the socket.
///
/// # Errors
/// [`Failure`] if the socket cannot be removed.
pub async fn serve_control<H: Handler>(
    bound: Bound,
    handler: Arc<H>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let Bound { listener, path } = bound;
    let slots = Arc::new(Semaphore::new(CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = clients.join_next() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        let (stream, slot) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely; requests under way will free some.
                tracing::warn!(%error, "cannot accept a client on the control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let handler = Arc::clone(&handler);
        clients.spawn(async move {
            if let Err(error) = serve(stream, &*handler).await {
                tracing::debug!(%error, "a client of the control socket went away");
            }
            drop(slot);
        });
    }
    drop(listener);
    let ended = timeout(GRACE, async { while clients.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(requests = clients.len(), "requests were broken off because the node stops");
        clients.shutdown().await;
    }
    std::fs::remove_file(&path).map_err(|error| local(&path, "cannot remove", &error))
}

type Slot = tokio::sync::OwnedSemaphorePermit;

/// The next client, once there is a place for it.
async fn accept(listener: &UnixListener, slots: &Arc<Semaphore>) -> io::Result<(UnixStream, Slot)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    Ok((listener.accept().await?.0, slot))
}

async fn bind(path: &Path) -> Result<UnixListener, Failure> {
    let home = path.parent().unwrap_or(Path::new("."));
    let mode = std::fs::metadata(home).map_err(|error| local(home, "cannot look at", &error))?.mode();
    if mode & 0o077 != 0 {
        let what = format!("other users can enter {}", home.display());
        return Err(Failure::local(what).with_help(format!("run `chmod 700 {}`", home.display())));
    }
    if connect(path).await?.is_some() {
        return Err(Failure::local(format!("another node answers at {}", path.display()))
            .with_help("stop it with `symbolon stop`"));
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            // Left by a node that was killed.
            std::fs::remove_file(path).map_err(|error| local(path, "cannot remove", &error))?;
        }
        Ok(_) => {
            let what = format!("{} is in the way: it is not a socket", path.display());
            return Err(Failure::local(what).with_help("move it elsewhere"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(local(path, "cannot look at", &error)),
    }
    let listener = UnixListener::bind(path).map_err(|error| local(path, "cannot make", &error))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))
        .map_err(|error| local(path, "cannot set the mode of", &error))?;
    Ok(listener)
}

/// Serves one client. Whatever the client does, the handler runs to its end; that the client closed its side it
/// sees by its updates, which then are closed.
async fn serve(stream: UnixStream, handler: &impl Handler) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let line = match timeout(PATIENCE, read_line(&mut reader, REQUEST_LIMIT)).await {
        Err(_) => return Err(ErrorKind::TimedOut.into()),
        Ok(Err(error)) if error.kind() == ErrorKind::InvalidData => {
            return write_line(&mut writer, &Line::Failed(Failure::input(error.to_string()))).await;
        }
        Ok(line) => line?,
    };
    let request: Request = match serde_json::from_slice(&line) {
        Ok(request) => request,
        Err(error) => {
            let failure = Failure::input(format!("the request is not one that this node knows: {error}"))
                .with_help("use the `symbolon` program of the same version as the node");
            return write_line(&mut writer, &Line::Failed(failure)).await;
        }
    };
    let (updates, mut arriving) = mpsc::channel::<Update>(UPDATES);
    let done = CancellationToken::new();
    let work = async {
        let answer = handler.handle(request, updates).await;
        done.cancel();
        answer
    };
    // Beside the work, so that a client that does not read holds nothing up.
    let progress = async {
        loop {
            let update = tokio::select! {
                biased;
                update = arriving.recv() => update,
                () = done.cancelled() => None,
                // A client says nothing more; it hung up, or no longer waits. Work that can be stopped sees the
                // channel closed.
                () = silence(&mut reader) => None,
            };
            let Some(update) = update else { break };
            if write_line(&mut writer, &Line::Progress(update)).await.is_err() {
                break;
            }
        }
        arriving.close();
    };
    let (answer, ()) = tokio::join!(work, progress);
    let last = match answer {
        Ok(reply) => Line::Done(Box::new(reply)),
        Err(failure) => Line::Failed(failure),
    };
    write_line(&mut writer, &last).await
}

/// Waits until the client closed its side.
async fn silence(reader: &mut (impl AsyncBufRead + Unpin)) {
    let _ = reader.read_u8().await;
}

/// One line without its end, of at most `limit` bytes.
///
/// # Errors
/// `InvalidData` if it is longer, `UnexpectedEof` if the other side closed before its end.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), limit: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.take(limit.saturating_add(1)).read_until(b'\n', &mut line).await?;
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        return Ok(line);
    }
    Err(if u64::try_from(line.len()).is_ok_and(|length| length <= limit) {
        io::Error::new(ErrorKind::UnexpectedEof, "the other side closed before the end of the line")
    } else {
        io::Error::new(ErrorKind::InvalidData, format!("a line is longer than {limit} bytes"))
    })
}

async fn write_line(writer: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    timeout(PATIENCE, writer.write_all(&line)).await?
}

fn local(path: &Path, verb: &str, error: &io::Error) -> Failure {
    Failure::local(format!("{verb} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
