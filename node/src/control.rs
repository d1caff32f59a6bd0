//! How the command line talks to a node: one request, any number of progress updates, one reply.
//!
//! A running node serves requests on a socket in its home directory that only its owner can open.
//! Where no node runs, the command line opens the home itself and hands the same requests to the
//! same code.

use std::future::Future;

pub mod api;
mod expected;
mod failure;
mod socket;

pub(crate) use expected::{bytes, duration};
pub use socket::{Bound, Client, bind_control, connect, serve_control};

use api::{Failure, Reply, Request, Update};

/// Where a handler reports how far it is. Updates are best-effort: send them with `try_send`, for
/// nobody may be reading.
pub type Updates = tokio::sync::mpsc::Sender<Update>;

/// Does what a request asks.
pub trait Handler: Send + Sync + 'static {
    /// Handles one request to its end. The socket never drops the future before it is done, even if
    /// the client hangs up, unless the node itself stops. Work that need not be done for nobody sees it: `updates` is
    /// closed then.
    ///
    /// # Errors
    /// The [`Failure`] that the client is told.
    fn handle(
        &self,
        request: Request,
        updates: Updates,
    ) -> impl Future<Output = Result<Reply, Failure>> + Send;
}
