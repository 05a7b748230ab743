//! Row 22b: a group never holds more than its limit, however many want to join it at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{figure, login_over, scale};
use crate::support::{TestClient, TestServer};

const LIMIT: usize = 50;

/// Row 22b.
#[test]
fn a_group_of_fifty_never_holds_fifty_one() {
    let server = TestServer::with(|config| {
        config.limits.rate = 0;
        config.limits.max_unauthenticated = 10_000;
        config.limits.outbox_items = 100_000;
        config.limits.outbox_bytes = 64 << 20;
    });
    let (clients, threads, rounds) = (scale(80, 200), 8, scale(2, 100));
    let mut owner = login_over(server.connect(), "alice");
    let mut crowd: Vec<TestClient> = Vec::new();
    crowd.extend((0..clients).map(|n| login_over(server.connect(), &format!("user{n}"))));
    let barrier = Barrier::new(threads);
    for round in 0..rounds {
        owner.send(&format!("/create_group g{round} limit={LIMIT}"));
        owner.line_with(&format!("Group g{round} created."));
        let joined = AtomicUsize::new(1);
        thread::scope(|scope| {
            for part in crowd.chunks_mut(clients / threads) {
                let (barrier, joined) = (&barrier, &joined);
                scope.spawn(move || {
                    barrier.wait();
                    part.iter_mut().for_each(|client| client.send(&format!("/join_group g{round}")));
                    for client in part {
                        let answer = loop {
                            let line = client.line();
                            if line.starts_with("You joined") || line.starts_with("Error: ") {
                                break line;
                            }
                        };
                        if answer == format!("You joined the group g{round}.") {
                            joined.fetch_add(1, Ordering::SeqCst);
                        } else {
                            assert_eq!(answer, format!("Error: Group 'g{round}' is full: its limit is {LIMIT}."));
                        }
                    }
                });
            }
        });
        assert_eq!(joined.into_inner(), LIMIT, "round {round}");
        owner.send(&format!("/group g{round}"));
        owner.line_with(&format!("Group g{round}: members: {LIMIT}/{LIMIT}, "));
    }
    figure("22b", &format!("{rounds} rounds of {clients} clients: never more than {LIMIT}"));
}
