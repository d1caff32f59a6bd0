//! Ctrl-C: asks whatever runs to end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::control::api::{Failure, FailureKind};

/// Whether somebody wants it to end. Copies are of the same wish.
#[derive(Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Begins to listen. A second Ctrl-C ends the program where it stands.
    pub(super) fn listen() -> Self {
        let interrupt = Self::default();
        let asked = Arc::clone(&interrupt.0);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if asked.swap(true, Ordering::Relaxed) {
                        std::process::exit(FailureKind::Local.exit_code().into());
                    }
                }
            });
        });
        interrupt
    }

    /// Whether it is to end.
    pub(super) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Goes on, or says what was cancelled.
    ///
    /// # Errors
    /// [`Failure`] if it is to end.
    pub(super) fn check(&self, what: &str) -> Result<(), Failure> {
        if self.asked() {
            Err(Failure::new(FailureKind::Local, format!("{what} was cancelled")))
        } else {
            Ok(())
        }
    }
}
