//! Who is met, and when.

use std::{
    future::pending,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::*;

/// P never lets a meeting end. Q, for whom something arises after that began, is met all the same, and then again.
#[tokio::test]
async fn a_partner_that_keeps_its_meeting_waiting_holds_up_no_other() {
    let (rounds, met, twice) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Notify::new());
    let [p, q]: [AgencyCode; 2] = ["P", "Q"].map(|code| code.parse().unwrap());
    let due = || match rounds.fetch_add(1, Ordering::Relaxed) {
        0 => vec![(p.clone(), "P")],
        _ => vec![(p.clone(), "P"), (q.clone(), "Q")],
    };
    let (met, twice) = (&met, &twice);
    let meet = |partner| async move {
        met.lock().unwrap().push(partner);
        if partner == "P" {
            pending::<()>().await;
        }
        if met.lock().unwrap().len() == 3 {
            twice.notify_one();
        }
    };
    tokio::select! {
        _ = each_apart(Duration::from_millis(10), due, meet) => {}
        () = twice.notified() => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("nobody else was met"),
    }
    assert_eq!(*met.lock().unwrap(), ["P", "Q", "Q"]);
}
