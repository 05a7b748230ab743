//! What memory must not keep.

use super::super::tests::{entered, group, left, said};
use super::*;

#[test]
fn who_comes_and_goes_in_a_loop_leaves_nothing_behind() {
    let store = MemoryStore::default();
    let stays = || store.inner.lock().stays.count();
    for _ in 0..3 {
        store.append(&[entered("bob", "g", 0), left("bob", Some("g"), 0)]).unwrap();
        store.append(&[entered("bob", "g", 0), left("bob", None, 0)]).unwrap();
    }
    assert_eq!(stays(), 0);
    store.append(&[entered("bob", "g", 0), said("bob", group("g"), "1"), left("bob", None, 1)]).unwrap();
    for _ in 0..3 {
        store.append(&[entered("bob", "g", 1), left("bob", None, 1)]).unwrap();
    }
    assert_eq!(stays(), 1);
}
