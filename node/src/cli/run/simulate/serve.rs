//! `simulate --serve`: a page that answers, on this machine only.
//!
//! It listens on a loopback address and answers only requests whose `Host` names one, so that no page of another
//! site reaches it by a name that it makes point here (DNS rebinding). It keeps nothing, takes no upload and
//! answers `GET` alone. One run is made at a time; more than a few that wait are turned away.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
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
    cost::Calibration,
    proposal::Proposal,
    scenario::Scenario,
    tryout::{SCRIPT, Tryout, TryoutError},
};
use tokio::{net::TcpListener, runtime, sync::Semaphore};

use crate::{
    cli::{output, report::Report},
    control::api::Failure,
};

/// Requests that wait or run; more are turned away.
const WAITING: usize = 8;
/// Nothing from elsewhere, no frames, and forms only to here.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

struct Site {
    tryout: Tryout,
    waiting: Arc<Semaphore>,
    one: Arc<Semaphore>,
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
    let site = Arc::new(Site {
        tryout,
        waiting: Arc::new(Semaphore::new(WAITING)),
        one: Arc::new(Semaphore::new(1)),
    });
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local(format!("cannot start: {error}")))?;
    let fault = |error: std::io::Error| Failure::local(format!("cannot listen on {address}: {error}"));
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(fault)?;
        let bound = listener.local_addr().map_err(fault)?;
        output::note(&format!("Open http://{bound}/ in a browser of this machine; Ctrl-C ends it."));
        let served = axum::serve(listener, router(site)).with_graceful_shutdown(async {
            // Without a signal to wait for it serves on.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        served.await.map_err(fault)
    })?;
    Ok(Report::silent())
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
    made(site, query, Tryout::page).await
}

async fn answer(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Response {
    made(site, query, Tryout::answer).await
}

type Make = fn(&Tryout, &str) -> Result<String, TryoutError>;

async fn made(site: Arc<Site>, query: Option<String>, make: Make) -> Response {
    let Ok(waiting) = site.waiting.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once\n").into_response();
    };
    let Ok(one) = site.one.clone().acquire_owned().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the page is ending\n").into_response();
    };
    let work = Arc::clone(&site);
    // A browser that goes away leaves the run, and the run keeps its place.
    let run = move || {
        let _places = (waiting, one);
        make(&work.tryout, query.as_deref().unwrap_or(""))
    };
    let done = tokio::task::spawn_blocking(run).await;
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    match done {
        Ok(Ok(text)) => (html, text).into_response(),
        Ok(Err(error)) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the run broke off\n").into_response(),
    }
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
