//! The one place where the node reads the clock.

use symbolon_policy::words::Timestamp;

/// Now, in whole seconds.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_second())
}
