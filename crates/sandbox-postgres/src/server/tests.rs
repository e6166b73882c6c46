use std::net::{Ipv4Addr, TcpListener};

use super::*;

/// As when another process takes the port between its choice and the start.
#[test]
fn a_server_that_did_not_start_takes_nothing_from_the_next_attempt() {
    let parent = std::env::temp_dir().join(format!("sandbox-postgres-test-{}", Uuid::new_v4()));
    let place = Place::OfRun {
        folder: parent.clone(),
        owner: std::process::id(),
    };
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (plan, _) = Plan::prepare(&place).unwrap();
    let mut failed = plan.start(taken.local_addr().unwrap().port()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !failed.has_ended() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(20));
    }
    assert!(failed.log_tail().contains("Address already in use"));
    let (next, _) = Plan::prepare(&place).unwrap();
    let lock = parent.join("lock");
    fs::write(&lock, "").unwrap();
    let folder = failed.folder().to_owned();
    drop(failed);
    // Longer than the script needs to notice.
    thread::sleep(Duration::from_millis(500));
    assert!(!folder.exists());
    assert!(next.folder.exists() && lock.exists());
    fs::remove_dir_all(parent).unwrap();
}
