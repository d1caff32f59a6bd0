//! Settings of a node: defaults, then `config.toml` in the home, then environment variables that
//! begin with `SYMBOLON_`, then flags; each later one wins. What every setting means stands in
//! `docs/configuration.md`.

mod sources;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};
use symbolon_policy::words::AgencyCode;
use tracing_subscriber::EnvFilter;

use crate::{alerts, control::api::Failure};

/// Settings of a node. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Multiaddresses on which the node listens.
    pub listen: Vec<String>,
    /// Multiaddresses that stand on the identity card.
    pub announce: Vec<String>,
    /// Whether QUIC is spoken beside TCP.
    pub quic: bool,
    /// How long a connection without an exchange stays open.
    pub idle_timeout_secs: u64,
    /// How long a partner is waited for when it is called.
    pub dial_timeout_secs: u64,
    /// Where metrics are served; a loopback address.
    pub metrics: Option<SocketAddr>,
    /// The file that holds the passphrase of the keystore.
    pub passphrase_file: Option<PathBuf>,
    /// The file into which every frame is written in clear, for reviewers.
    pub capture: Option<PathBuf>,
    /// Which log lines `serve` writes, as a filter of the crate `tracing-subscriber`.
    pub log: String,
    /// Exchanges under way at once.
    pub exchanges: usize,
    /// Exchanges under way at once with one partner.
    pub exchanges_per_partner: usize,
    /// How far the clock of a partner may be off.
    pub clock_skew_secs: u64,
    /// Receipts that a partner may leave unsigned before its queries are refused.
    pub open_receipts: usize,
    /// How long a partner may be silent within an exchange.
    pub session_timeout_secs: u64,
    /// How long a session may take in all.
    pub session_limit_secs: u64,
    /// For how many days the sealed copies of own queries are kept.
    pub query_retention_days: u32,
    /// The share of canaries among the items of exact queries, in thousandths.
    pub canary_share: u32,
    /// Preparations of matches.
    pub prepared: Prepared,
    /// Thresholds of alerts.
    pub alerts: alerts::Settings,
    /// Multiaddresses of partners, beside those in their agreements.
    pub partners: BTreeMap<AgencyCode, Vec<String>>,
}

/// Settings of preparations of matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prepared {
    /// How many lie ready for each kind of match that this node asked of late; 0: it makes none by itself.
    pub keep: u32,
    /// The most bytes of all files together; 0: none are made here, and none taken from partners.
    pub most_bytes: u64,
    /// How many this node keeps of what one partner asked for.
    pub a_partner: u32,
}

impl Default for Prepared {
    fn default() -> Self {
        Self { keep: 0, most_bytes: 512 << 20, a_partner: 4 }
    }
}

/// Settings given as flags; what is absent is not touched.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flags {
    /// In place of all `listen` addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listen: Vec<String>,
    /// Where metrics are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
    /// The passphrase file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase_file: Option<PathBuf>,
    /// The capture file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec!["/ip4/0.0.0.0/tcp/4711".to_owned()],
            announce: Vec::new(),
            quic: false,
            idle_timeout_secs: 300,
            dial_timeout_secs: 10,
            metrics: None,
            passphrase_file: None,
            capture: None,
            log: "info".to_owned(),
            exchanges: 32,
            exchanges_per_partner: 8,
            clock_skew_secs: 300,
            open_receipts: 8,
            session_timeout_secs: 60,
            session_limit_secs: 21_600,
            query_retention_days: 90,
            canary_share: 20,
            prepared: Prepared::default(),
            alerts: alerts::Settings::default(),
            partners: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The name of the file in the home.
    pub const FILE: &'static str = "config.toml";

    /// Gathers the settings of the node in `home`: from `file`, which must exist, or else from
    /// `config.toml` in the home if there is one; from `environment`, of which only variables that
    /// begin with `SYMBOLON_` count; and from flags. Paths in the file are relative to the file.
    ///
    /// # Errors
    /// [`Failure`] of kind input that names the setting, where it was set, and what would be right.
    pub fn load(
        home: &Path,
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, Failure> {
        let figment = sources::gather(home, file, environment, flags)?;
        let mut config: Self = figment.extract().map_err(|error| sources::failure(&figment, error))?;
        config.check().map_err(|(key, problem)| {
            Failure::input(format!("{}: {problem}", sources::place(&figment, &key))).with_help(sources::HELP)
        })?;
        sources::settle_paths(&figment, &mut config);
        Ok(config)
    }

    /// Checks what types cannot; an error gives the key and what is wrong.
    fn check(&self) -> Result<(), (String, String)> {
        let lists = [("listen".to_owned(), &self.listen), ("announce".to_owned(), &self.announce)];
        let partners = self.partners.iter().map(|(code, list)| (format!("partners.{code}"), list));
        for (key, list) in lists.into_iter().chain(partners) {
            for address in list {
                if let Err(error) = address.parse::<Multiaddr>() {
                    let example = "such as /ip4/192.0.2.1/tcp/4711 or /dns4/node.example/tcp/4711";
                    return Err((key, format!("`{address}` is not a multiaddress, {example} ({error})")));
                }
            }
        }
        let needs = |key: &str, problem: &str| Err((key.to_owned(), problem.to_owned()));
        if self.metrics.is_some_and(|address| !address.ip().is_loopback()) {
            return needs(
                "metrics",
                "must be a loopback address, such as 127.0.0.1:9100: metrics have no lock",
            );
        }
        if let Err(error) = EnvFilter::try_new(&self.log) {
            return needs(
                "log",
                &format!("is not a log filter, such as `info` or `symbolon_node=debug`: {error}"),
            );
        }
        for (key, value) in [
            ("idle_timeout_secs", self.idle_timeout_secs),
            ("dial_timeout_secs", self.dial_timeout_secs),
            ("session_timeout_secs", self.session_timeout_secs),
            ("session_limit_secs", self.session_limit_secs),
            ("clock_skew_secs", self.clock_skew_secs),
        ] {
            if !(1..=LONGEST).contains(&value) {
                return needs(key, &format!("must be from 1 to {LONGEST} seconds, and {value} is not"));
            }
        }
        if !(1..=MOST_DAYS).contains(&self.query_retention_days) {
            let days = self.query_retention_days;
            return needs(
                "query_retention_days",
                &format!("must be from 1 to {MOST_DAYS} days, and {days} is not"),
            );
        }
        if self.canary_share > MOST_CANARIES {
            let share = self.canary_share;
            return needs("canary_share", &format!("must be from 0 to {MOST_CANARIES}, and {share} is not"));
        }
        let Prepared { keep, a_partner, .. } = self.prepared;
        for (key, value, least) in [("keep", keep, 0), ("a_partner", a_partner, 1)] {
            if !(least..=MOST_PREPARED).contains(&value) {
                let problem = format!("must be from {least} to {MOST_PREPARED}, and {value} is not");
                return needs(&format!("prepared.{key}"), &problem);
            }
        }
        if let Some((key, problem)) = self.alerts.fault() {
            return needs(&format!("alerts.{key}"), &problem);
        }
        for (key, value) in
            [("exchanges", self.exchanges), ("exchanges_per_partner", self.exchanges_per_partner)]
        {
            if !(1..=MOST_EXCHANGES).contains(&value) {
                return needs(key, &format!("must be from 1 to {MOST_EXCHANGES}, and {value} is not"));
            }
        }
        Ok(())
    }
}

/// A day, in seconds.
const LONGEST: u64 = 86_400;
const MOST_EXCHANGES: usize = 1_024;
/// Preparations of one kind, or of one partner.
const MOST_PREPARED: u32 = 100;
/// Half of the items, in thousandths.
const MOST_CANARIES: u32 = 500;
/// Ten years.
const MOST_DAYS: u32 = 3_660;

#[cfg(test)]
mod tests;
