//! `simulate --serve`: a page that answers, on this machine only.
//!
//! It listens on a loopback address and answers only requests whose `Host` names one, so that no page of another
//! site reaches it by a name that it makes point here (DNS rebinding). It keeps nothing, takes no upload and
//! answers `GET` alone. One run is made at a time; more than a few that wait are turned away. Ctrl-C ends a run that is
//! being made, and whoever still reads an answer has a few seconds.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::{RawQuery, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use symbolon_policy::rules::Language;
use symbolon_simulator::{
    RunError, Watch,
    cost::Calibration,
    proposal::Proposal,
    scenario::Scenario,
    tryout::{SCRIPT, Tryout, TryoutError},
};
use tokio::{net::TcpListener, runtime, sync::Semaphore, time};

use crate::{
    cli::{output, report::Report},
    control::api::Failure,
};

use super::interrupt::Interrupt;

/// How long answers may take to be read, and runs to end, after Ctrl-C.
const ENDING: Duration = Duration::from_secs(3);
/// How often Ctrl-C is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// Requests that wait or run; more are turned away.
const WAITING: usize = 8;
/// Nothing from elsewhere, no frames, and forms only to here.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

struct Site {
    tryout: Tryout,
    waiting: Arc<Semaphore>,
    one: Arc<Semaphore>,
    interrupt: Interrupt,
}

/// Ends a run at Ctrl-C; its progress is not shown.
impl Watch for Interrupt {
    fn cancelled(&self) -> bool {
        self.asked()
    }
}

/// Serves until Ctrl-C.
///
/// # Errors
/// [`Failure`] if the address is not of this machine or taken, or there is nothing to try.
pub(super) fn run(
    address: SocketAddr,
    scenario: &Scenario,
    proposals: Vec<Proposal>,
    calibration: &Calibration,
    language: Language,
) -> Result<Report, Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::input(format!("{address} can be reached from other machines"))
            .with_help("the page has no passwords: give 127.0.0.1:PORT or [::1]:PORT"));
    }
    let tryout = Tryout::new(scenario, proposals, calibration, language)
        .map_err(|error| Failure::input(error.to_string()))?;
    let interrupt = Interrupt::listen();
    let site = Arc::new(Site {
        tryout,
        waiting: Arc::new(Semaphore::new(WAITING)),
        one: Arc::new(Semaphore::new(1)),
        interrupt: interrupt.clone(),
    });
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local(format!("cannot start: {error}")))?;
    let fault = |error: std::io::Error| Failure::local(format!("cannot listen on {address}: {error}"));
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(fault)?;
        let bound = listener.local_addr().map_err(fault)?;
        output::note(&format!("Open http://{bound}/ in a browser of this machine; Ctrl-C ends it."));
        let served = axum::serve(listener, router(site)).with_graceful_shutdown(asked(interrupt.clone()));
        // Whoever holds a connection open without end does not hold the program.
        let late = async {
            asked(interrupt).await;
            time::sleep(ENDING).await;
        };
        tokio::select! {
            ended = served.into_future() => ended.map_err(fault),
            () = late => Ok(()),
        }
    })?;
    runtime.shutdown_timeout(ENDING);
    Ok(Report::silent())
}

/// Waits for Ctrl-C.
async fn asked(interrupt: Interrupt) {
    while !interrupt.asked() {
        time::sleep(LOOK).await;
    }
}

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/answer", get(answer))
        .route(
            "/tryout.js",
            get(|| async { ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT) }),
        )
        .layer(middleware::from_fn(guard))
        .with_state(site)
}

/// Lets only requests through that name this machine, and says what a browser may do with the answer.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(here) {
        return (StatusCode::MISDIRECTED_REQUEST, "this page answers to this machine only\n").into_response();
    }
    let mut response = next.run(request).await;
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a `Host` names this machine by a loopback address or as localhost.
fn here(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn page(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Response {
    made(site, query, Tryout::page, Tryout::wrong).await
}

async fn answer(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Response {
    made(site, query, Tryout::answer, Tryout::wrong_part).await
}

type Make = fn(&Tryout, &str, &dyn Watch) -> Result<String, TryoutError>;
type Wrong = fn(&Tryout, &TryoutError) -> String;

async fn made(site: Arc<Site>, query: Option<String>, make: Make, wrong: Wrong) -> Response {
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    match run_one(&site, query, make).await {
        Ok(text) => (html, text).into_response(),
        Err(error) => {
            let status = match &error {
                TryoutError::Busy | TryoutError::Ended | TryoutError::Run(RunError::Cancelled) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                _ => StatusCode::BAD_REQUEST,
            };
            (status, html, wrong(&site.tryout, &error)).into_response()
        }
    }
}

/// One run at a time, on a thread of its own.
async fn run_one(site: &Arc<Site>, query: Option<String>, make: Make) -> Result<String, TryoutError> {
    let waiting = site.waiting.clone().try_acquire_owned().map_err(|_| TryoutError::Busy)?;
    let one = site.one.clone().acquire_owned().await.map_err(|_| TryoutError::Ended)?;
    let work = Arc::clone(site);
    // A browser that goes away leaves the run, and the run keeps its place.
    let run = move || {
        let _places = (waiting, one);
        make(&work.tryout, query.as_deref().unwrap_or(""), &work.interrupt)
    };
    tokio::task::spawn_blocking(run).await.unwrap_or(Err(TryoutError::Ended))
}

#[cfg(test)]
mod tests {
    use super::here;

    #[test]
    fn only_this_machine_is_here() {
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:1",
            "127.0.0.1",
            "127.0.0.1:9",
            "127.9.9.9:1",
            "[::1]:80",
            "[::1]",
        ] {
            assert!(here(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "10.0.0.1:80",
            "[::]:1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!here(host), "{host}");
        }
    }
}
