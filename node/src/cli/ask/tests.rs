use super::*;
use crate::control::api::FailureKind;

#[tokio::test]
async fn a_home_that_is_held_for_a_moment_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    let (lock, held, begun) = (home.lock().unwrap(), Duration::from_secs(1), Instant::now());
    let holder = tokio::spawn(async move {
        tokio::time::sleep(held).await;
        drop(lock);
    });
    assert!(reach(&home, PATIENCE).await.unwrap().is_none(), "the home is free, and no node runs");
    assert!(begun.elapsed() >= held && begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    holder.await.unwrap();
}

#[tokio::test]
async fn a_home_that_stays_busy_is_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    let _lock = home.lock().unwrap();
    let (patience, begun) = (Duration::from_millis(300), Instant::now());
    let busy = reach(&home, patience).await.unwrap_err();
    assert!(begun.elapsed() >= patience, "it was waited for: {:?}", begun.elapsed());
    assert_eq!(busy.kind, FailureKind::Local);
    assert!(busy.what.ends_with("is in use by another process"), "{}", busy.what);
    assert!(busy.help.is_some_and(|help| help.contains("try again")));
}
