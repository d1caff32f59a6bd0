use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use tempfile::TempDir;

use super::*;
use crate::control::{
    Updates,
    api::{FailureKind, NationalChange, Reply},
};

/// Counts what it is asked; takes as many steps as the beginning of an id says.
#[derive(Default)]
struct Steps {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Handler for Steps {
    async fn handle(&self, request: Request, updates: Updates) -> Result<Reply, Failure> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let answer = match request {
            Request::AgreementShow { id } => {
                let total = id.parse::<u64>().map_err(|error| Failure::input(error.to_string()))?;
                for done in 1..=total {
                    let phase = "steps".to_owned();
                    let _ = updates.try_send(Update {
                        task: "RS".to_owned(),
                        phase,
                        done,
                        total,
                        lasting: false,
                    });
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok(Reply::Text { text: format!("{total} steps") })
            }
            Request::RulesNational { change: NationalChange::Set(text) } => Ok(Reply::Text { text }),
            Request::Status => Err(Failure::new(FailureKind::Integrity, "no").with_help("look elsewhere")),
            _ => Ok(Reply::Ok),
        };
        self.ended.fetch_add(1, Ordering::SeqCst);
        answer
    }
}

fn private_dir() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap()
}

struct Served {
    home: TempDir,
    handler: Arc<Steps>,
    shutdown: CancellationToken,
    server: tokio::task::JoinHandle<Result<(), Failure>>,
}

impl Served {
    async fn new() -> Self {
        let home = private_dir();
        let (handler, shutdown) = (Arc::new(Steps::default()), CancellationToken::new());
        let server = tokio::spawn({
            let (path, handler, shutdown) = (home.path().join("sock"), handler.clone(), shutdown.clone());
            async move { serve_control(bind_control(&path).await?, handler, shutdown).await }
        });
        let served = Self { home, handler, shutdown, server };
        until(|| served.home.path().join("sock").exists()).await;
        served
    }

    fn path(&self) -> std::path::PathBuf {
        self.home.path().join("sock")
    }

    async fn client(&self) -> Client {
        connect(&self.path()).await.unwrap().unwrap()
    }

    async fn raw(&self) -> UnixStream {
        UnixStream::connect(self.path()).await.unwrap()
    }

    /// The node still answers.
    async fn answers(&self) {
        let reply = self.client().await.call(&Request::Stop, |_| ()).await;
        assert!(matches!(reply, Ok(Reply::Ok)), "{reply:?}");
    }
}

async fn until(mut true_: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !true_() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn steps(total: usize) -> Request {
    Request::AgreementShow { id: total.to_string() }
}

#[tokio::test]
async fn a_request_gets_updates_and_then_its_answer() {
    let served = Served::new().await;
    assert_eq!(std::fs::metadata(served.path()).unwrap().mode() & 0o777, 0o600);
    let mut updates = Vec::new();
    let reply = served.client().await.call(&steps(20), |update| updates.push(update.done)).await.unwrap();
    assert!(matches!(reply, Reply::Text { text } if text == "20 steps"));
    assert_eq!(updates, (1..=20).collect::<Vec<_>>());
    let failure = served.client().await.call(&Request::Status, |_| ()).await.unwrap_err();
    let expected = Failure::new(FailureKind::Integrity, "no").with_help("look elsewhere");
    assert_eq!(failure, expected);
}

#[tokio::test]
async fn many_clients_are_served_at_once_and_none_is_lost() {
    let served = Served::new().await;
    let mut clients = JoinSet::new();
    for total in 0..3 * CLIENTS {
        let client = served.client().await;
        clients.spawn(async move { (total, client.call(&steps(total % 50), |_| ()).await) });
    }
    while let Some(ended) = clients.join_next().await {
        let (total, reply) = ended.unwrap();
        assert!(matches!(reply, Ok(Reply::Text { text }) if text == format!("{} steps", total % 50)));
    }
}

#[tokio::test]
async fn garbage_is_answered_by_a_failure() {
    let served = Served::new().await;
    let deep = [b'['; 100_000].to_vec();
    for garbage in [&b"\n"[..], b"GET / HTTP/1.1\n", b"{\"request\":\"fly\"}\n", b"\xff\xfe\n", &deep] {
        let mut stream = served.raw().await;
        stream.write_all(garbage).await.unwrap();
        stream.write_all(b"\n").await.unwrap();
        let line = read_line(&mut BufReader::new(stream), 10_000).await.unwrap();
        let line: Line = serde_json::from_slice(&line).unwrap();
        assert!(matches!(line, Line::Failed(Failure { kind: FailureKind::Input, .. })), "{line:?}");
    }
    assert_eq!(served.handler.begun.load(Ordering::SeqCst), 0);
    served.answers().await;
}

#[tokio::test]
async fn an_endless_line_is_cut_off() {
    let served = Served::new().await;
    let mut stream = served.raw().await;
    let chunk = vec![b'a'; 1 << 20];
    let mut sent = 0_u64;
    while stream.write_all(&chunk).await.is_ok() {
        sent += 1 << 20;
        assert!(sent < 4 * REQUEST_LIMIT, "the node reads on and on");
    }
    assert!(sent >= REQUEST_LIMIT);
    served.answers().await;
}

#[tokio::test]
async fn requests_up_to_the_limit_pass_and_longer_ones_are_refused_at_home() {
    let served = Served::new().await;
    let set = |length| Request::RulesNational { change: NationalChange::Set("x".repeat(length)) };
    let room = usize::try_from(REQUEST_LIMIT).unwrap() - serde_json::to_vec(&set(0)).unwrap().len();
    let reply = served.client().await.call(&set(room), |_| ()).await.unwrap();
    assert!(matches!(reply, Reply::Text { text } if text.len() == room));
    let failure = served.client().await.call(&set(room + 1), |_| ()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Input);
}

#[tokio::test]
async fn a_client_that_hangs_up_or_does_not_read_hurts_nobody() {
    let served = Served::new().await;
    let request = [serde_json::to_vec(&steps(300)).unwrap(), b"\n".to_vec()].concat();
    // Midway in the request.
    let mut stream = served.raw().await;
    stream.write_all(&request[..7]).await.unwrap();
    drop(stream);
    drop(served.raw().await);
    // Midway in the answer: the work still ends.
    let mut stream = served.raw().await;
    stream.write_all(&request).await.unwrap();
    until(|| served.handler.begun.load(Ordering::SeqCst) == 1).await;
    drop(stream);
    // Never reads.
    let mut silent = served.raw().await;
    silent.write_all(&request).await.unwrap();
    until(|| served.handler.ended.load(Ordering::SeqCst) == 2).await;
    served.answers().await;
}

#[tokio::test]
async fn what_is_under_way_ends_before_the_socket_goes() {
    let served = Served::new().await;
    let client = served.client().await;
    let answer = tokio::spawn(async move { client.call(&steps(100), |_| ()).await });
    until(|| served.handler.begun.load(Ordering::SeqCst) == 1).await;
    served.shutdown.cancel();
    assert!(matches!(answer.await.unwrap(), Ok(Reply::Text { .. })));
    served.server.await.unwrap().unwrap();
    assert!(!served.home.path().join("sock").exists());
    assert!(connect(&served.home.path().join("sock")).await.unwrap().is_none());
}

#[tokio::test]
async fn only_a_stale_socket_is_replaced() {
    let home = private_dir();
    let path = home.path().join("sock");
    let serve = || async {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        serve_control(bind_control(&path).await?, Arc::new(Steps::default()), shutdown).await
    };
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists() && connect(&path).await.unwrap().is_none());
    serve().await.unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert!(serve().await.unwrap_err().what.contains("not a socket"));
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    std::fs::remove_file(&path).unwrap();
    let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(serve().await.unwrap_err().what.contains("another node"));
    drop(other);
    std::fs::remove_file(&path).unwrap();
    std::fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    assert!(serve().await.unwrap_err().what.contains("other users"));
}
