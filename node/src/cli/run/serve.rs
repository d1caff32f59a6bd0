//! `symbolon serve`.

use std::net::SocketAddr;

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::{
    cli::{
        args::{Global, Serve},
        ask, output, passphrase,
        report::Report,
        trace,
    },
    config::Flags,
    control::api::Failure,
    node::Node,
};

/// Runs the node until it is stopped.
///
/// # Errors
/// [`Failure`] if the node cannot start, or did not end well.
pub(super) fn run(global: &Global, serve: Serve) -> Result<Report, Failure> {
    let dir = ask::existing_home(global)?;
    let Serve { listen, metrics, capture } = serve;
    let metrics = metrics.map(|address| address.to_string());
    let config = ask::config(global, &dir, Flags { listen, metrics, capture, ..Flags::default() })?;
    trace::start(if global.quiet { super::QUIET_LOG } else { &config.log }, global.verbose)?;
    let passphrase = passphrase::get(config.passphrase_file.as_deref())?;
    let json = global.json;
    ask::runtime()?.block_on(async {
        if let Some(address) = config.metrics {
            publish(address)?;
        }
        let node = Node::open(&dir, config, passphrase).await?;
        tracing::info!(home = %dir.display(), version = env!("CARGO_PKG_VERSION"), "the node starts");
        let served = node
            .serve(move |address| {
                let (text, value) = (format!("listening on {address}"), json!({ "listening": address }));
                if let Err(error) = output::line(&text, &value, json) {
                    tracing::warn!(%error, address, "cannot tell where the node listens");
                }
            })
            .await;
        let closed = node.close().await;
        tracing::info!("the node stopped");
        served.and(closed)
    })?;
    Ok(Report::silent())
}

/// Serves metrics, from before the first is counted; settings allow a loopback address only.
fn publish(address: SocketAddr) -> Result<(), Failure> {
    let installed = PrometheusBuilder::new().with_http_listener(address).install();
    installed.map_err(|error| {
        Failure::local(format!("cannot serve metrics at {address}: {error}"))
            .with_help("choose another port with --metrics or the setting `metrics`")
    })?;
    tracing::info!(%address, "metrics are served");
    Ok(())
}
