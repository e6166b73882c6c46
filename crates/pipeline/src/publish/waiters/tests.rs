use futures::FutureExt as _;

use super::*;

#[test]
fn a_block_is_told_of_its_own_end_alone() {
    let waiters = Waiters::default();
    let (first, second, again) = (waiters.add(1), waiters.add(2), waiters.add(1));
    waiters.tell([1, 3]);
    assert!(first.wait().now_or_never().is_some());
    assert!(again.wait().now_or_never().is_some());
    assert!(second.wait().now_or_never().is_none());
}

#[test]
fn a_block_waits_until_it_is_dropped() {
    let waiters = Waiters::default();
    let (first, second) = (waiters.add(1), waiters.add(1));
    drop(first);
    assert!(!waiters.is_empty());
    drop(second);
    assert!(waiters.is_empty());
}
