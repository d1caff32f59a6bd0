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
        0 => filter,
        1 => "info,symbolon_node=debug",
        _ => "debug,symbolon_node=trace",
    };
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::input(format!("`{filter}` is not a log filter: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .try_init()
        .map_err(|error| Failure::local(format!("cannot start the log: {error}")))
}
