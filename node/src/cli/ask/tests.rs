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

#[test]
fn a_home_that_cannot_be_used_is_told_from_none() {
    use clap::Parser;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("home");
    let global = |path: &Path| {
        let home = path.to_str().unwrap();
        crate::cli::args::Cli::try_parse_from(["symbolon", "--home", home, "status"]).unwrap().global
    };
    let none = existing_home(&global(&path)).unwrap_err();
    assert!(none.help.is_some_and(|help| help.contains("symbolon init")));
    std::fs::create_dir_all(path.join("journal")).unwrap();
    let lost = existing_home(&global(&path)).unwrap_err();
    assert!(lost.what.contains("lost its keystore.age"), "{lost}");
    assert!(lost.help.is_some_and(|help| help.contains("backup") && !help.contains("init")));
    std::fs::write(path.join("keystore.age"), "").unwrap();
    assert_eq!(existing_home(&global(&path)).unwrap(), path);
    // Too long a name stands for whatever else the system may answer.
    let odd = existing_home(&global(&path.join("x".repeat(300)))).unwrap_err();
    assert!(odd.what.contains("cannot look into"), "{odd}");
}

#[test]
fn no_home_is_made_where_no_socket_can_be() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("x".repeat(100));
    let (code, name) = ("RS".parse().unwrap(), "Agency of RS".to_owned());
    let passphrase = "long enough".to_owned().into();
    let init = crate::home::Init { code, name, announce: Vec::new(), listen: Vec::new(), passphrase };
    let refused = crate::home::init(&long, init).unwrap_err();
    assert!(refused.what.contains("too long") && !long.exists(), "{refused}");
}

#[test]
fn what_is_left_behind_by_an_interrupt_is_said() {
    let (register, file) = ("border".parse().unwrap(), PathBuf::from("/records.csv"));
    let import = Request::RegisterImport { register, file, format: None, create: false, rejects: None };
    assert!(left_behind(&import, true).unwrap().what.contains("goes on"));
    assert!(left_behind(&import, false).unwrap().help.unwrap().contains("run it again"));
    assert!(left_behind(&Request::Status, true).is_none());
}

#[tokio::test]
async fn a_node_that_runs_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    let _lock = home.lock().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(home.control()).unwrap();
    let runs = home.lock().unwrap_err();
    assert!(runs.what.starts_with("a node is running in"), "{runs}");
    assert!(runs.help.is_some_and(|help| help.contains("symbolon stop")));
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
