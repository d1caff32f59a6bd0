//! Log lines, on standard error. No code of the node logs personal data.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::control::api::Failure;

/// Starts logging: by `filter`, or by the number of `-v` if there are any.
///
/// # Errors
/// [`Failure`] if the filter is none, or logging was started before.
pub(super) fn start(filter: &str, verbose: u8) -> Result<(), Failure> {
    let filter = match verbose {
        // What the database logs of a fault is told in the failure, with what to do.
        0 => format!("sled=off,{filter}"),
        1 => "sled=off,info,symbolon_node=debug".to_owned(),
        _ => "debug,symbolon_node=trace".to_owned(),
    };
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| Failure::input(format!("`{filter}` is not a log filter: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .try_init()
        .map_err(|error| Failure::local(format!("cannot start the log: {error}")))
}
