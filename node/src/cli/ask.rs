//! Putting a request to a node: the running one, or the home opened here.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    config::{Config, Flags},
    control::{
        self, Client, Handler,
        api::{Failure, Reply, Request},
    },
    home::Home,
    node::Node,
};

use super::{args::Global, output, passphrase, progress::Progress};

/// Updates that may wait to be shown.
const UPDATES: usize = 256;

/// How long a node that holds the home may take until it answers, or until it is gone.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Asks the node of this home, showing progress.
///
/// # Errors
/// What the node answers, or why it cannot be asked.
pub(super) fn ask(global: &Global, request: Request) -> Result<Reply, Failure> {
    let dir = existing_home(global)?;
    runtime()?.block_on(async {
        let mut progress = Progress::new(global.quiet, global.verbose);
        let reply = match reach(&Home::new(&dir), PATIENCE).await? {
            Some(client) if stoppable(&request) => {
                client.call_until(&request, |update| progress.show(&update), interrupted()).await
            }
            Some(client) => tokio::select! {
                reply = client.call(&request, |update| progress.show(&update)) => reply,
                left = left(&request, true) => leave(global, left),
            },
            None if matches!(request, Request::Stop) => {
                Err(Failure::input(format!("no node is running in {}", dir.display())))
            }
            None => here(global, &dir, request, &mut progress).await,
        };
        progress.end();
        reply
    })
}

/// Whether a request can be stopped while it runs, and says then what became of it.
fn stoppable(request: &Request) -> bool {
    matches!(request, Request::QueryMatch { .. } | Request::QueryResume { .. })
}

/// What goes on, or may have been charged, if nobody waits for the answer any more.
fn left_behind(request: &Request, running: bool) -> Option<Failure> {
    let (what, help) = match (request, running) {
        (Request::RegisterImport { .. }, true) => (
            "the import goes on in the running node",
            "`symbolon register list` shows when the records are there; stopping the node cuts it short",
        ),
        (Request::RegisterImport { .. }, false) => (
            "the import was cut short, and a part of the file may be in the register",
            "run it again: lines that are taken twice do no harm",
        ),
        (Request::QueryExact { .. } | Request::QueryCount { .. }, true) => (
            "the query goes on in the running node, and is charged",
            "`symbolon hit list` shows hits; `symbolon query list` names the query as long as it has no answer",
        ),
        (Request::QueryExact { .. } | Request::QueryCount { .. }, false) => (
            "the query was cut short, and may have been charged",
            "`symbolon query list` names it if it was; `symbolon query resume` asks it again for nothing more",
        ),
        _ => return None,
    };
    Some(Failure::local(what).with_help(help))
}

/// Waits for Ctrl-C where there is something to say then; elsewhere it ends the program as always.
async fn left(request: &Request, running: bool) -> Failure {
    match left_behind(request, running) {
        None => std::future::pending().await,
        Some(failure) => {
            interrupted().await;
            failure
        }
    }
}

/// Ends the program as Ctrl-C does, but says what is left behind. Nothing is waited for: an import in this process
/// would go on to its end otherwise.
fn leave(global: &Global, left: Failure) -> ! {
    output::failure(&left, global.json);
    std::process::exit(130)
}

/// Waits for Ctrl-C; a second one ends the program as always.
async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    let again = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    };
    tokio::spawn(again);
}

/// The running node, or nothing if the home is free. A node that starts or stops holds the home but
/// does not answer, so it is waited for, up to `patience`.
async fn reach(home: &Home, patience: Duration) -> Result<Option<Client>, Failure> {
    let begun = Instant::now();
    loop {
        if let Some(client) = control::connect(&home.control()).await? {
            return Ok(Some(client));
        }
        match home.lock() {
            Ok(_) => return Ok(None),
            Err(_) if begun.elapsed() < patience => tokio::time::sleep(PAUSE).await,
            Err(busy) => return Err(busy),
        }
    }
}

/// Opens the home and handles the request in this process.
async fn here(
    global: &Global,
    home: &Path,
    request: Request,
    progress: &mut Progress,
) -> Result<Reply, Failure> {
    let config = config(global, home, Flags::default())?;
    let passphrase = passphrase::get(config.passphrase_file.as_deref())?;
    let node = Node::open(home, config, passphrase).await?;
    let (updates, mut arriving) = mpsc::channel(UPDATES);
    let reply = {
        let stops = stoppable(&request);
        let mut stop = std::pin::pin!(interrupted());
        let words = request.clone();
        let mut cut = std::pin::pin!(left(&words, false));
        let mut work = std::pin::pin!(node.handle(request, updates));
        let mut stopped = false;
        loop {
            tokio::select! {
                Some(update) = arriving.recv() => progress.show(&update),
                reply = &mut work => break reply,
                cut = &mut cut => leave(global, cut),
                () = &mut stop, if stops && !stopped => {
                    stopped = true;
                    arriving.close();
                }
            }
        }
    };
    let closed = node.close().await;
    let reply = reply?;
    closed.map(|()| reply)
}

/// The settings, with the global flags among the flags.
///
/// # Errors
/// As [`Config::load`].
pub(super) fn config(global: &Global, home: &Path, flags: Flags) -> Result<Config, Failure> {
    let flags = Flags { passphrase_file: global.passphrase_file.clone(), ..flags };
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Config::load(home, global.config.as_deref(), environment, &flags)
}

/// Where the home is or will be.
///
/// # Errors
/// [`Failure`] if nothing says so.
pub(super) fn home(global: &Global) -> Result<PathBuf, Failure> {
    let chosen = global.home.clone().or_else(|| std::env::home_dir().map(|home| home.join(".symbolon")));
    chosen.ok_or_else(|| {
        Failure::input("this user has no home directory").with_help("give --home DIR or set SYMBOLON_HOME")
    })
}

/// A home that is there.
///
/// # Errors
/// [`Failure`] if it is not.
pub(super) fn existing_home(global: &Global) -> Result<PathBuf, Failure> {
    let dir = home(global)?;
    let home = Home::new(&dir);
    match std::fs::metadata(home.keystore()) {
        Ok(found) if found.is_file() => Ok(dir),
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(Failure::local(format!("cannot look into the home {}: {error}", dir.display()))
                .with_help("run it as the user to whom the home belongs"))
        }
        _ if home.journal().is_dir() => {
            Err(Failure::local(format!("the home {} has lost its keystore.age", dir.display())).with_help(
                "put it back from a backup: without it nothing here can be opened, and no other can be made",
            ))
        }
        _ => Err(Failure::input(format!("there is no home at {}", dir.display()))
            .with_help("make one with `symbolon init`, or give --home DIR")),
    }
}

/// The runtime that nodes run on.
///
/// # Errors
/// [`Failure`] if the system grants no threads.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::local(format!("cannot start threads: {error}")))
}

#[cfg(test)]
mod tests;
