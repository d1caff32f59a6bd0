//! How long a partner is waited for.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::session::SessionError;

/// How long a partner is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one frame, or for room for one.
    pub(crate) silence: Duration,
    /// For the whole session, however alive the partner is.
    pub(crate) whole: Duration,
}

/// The patience with one session, from its begin on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    pub(super) patience: Patience,
    pub(super) deadline: Instant,
}

impl Timer {
    pub(super) fn start(patience: Patience) -> Self {
        let now = Instant::now();
        // The settings allow a day; what the clock cannot tell ends at once rather than never.
        Self { patience, deadline: now.checked_add(patience.whole).unwrap_or(now) }
    }

    pub(super) fn in_time(self) -> Result<(), SessionError> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        Err(SessionError::TooLong(self.patience.whole.as_secs()))
    }

    /// Waits for the partner.
    pub(super) async fn wait<T>(
        self,
        event: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, SessionError> {
        self.in_time()?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        match timeout(self.patience.silence.min(left), event).await {
            Ok(came) => came,
            Err(_) => {
                self.in_time()?;
                Err(SessionError::Silent(self.patience.silence.as_secs()))
            }
        }
    }
}
