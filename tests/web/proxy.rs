//! Clients behind reverse proxies: their addresses, and that limits apply to each of them.

use std::net::{SocketAddr, TcpStream};

use parlor::model::limits::WEB_CONNECTIONS_PER_ADDRESS;

use super::{Socket, ask, get, server_with, status};
use crate::support::{Daemon, TestClient, TestServer};

const NAME: &str = "X-Forwarded-For";

/// A server that trusts proxies at 127.0.0.1 and in 10.9.0.0/16.
fn server() -> TestServer {
    server_with(|config| {
        config.trusted_proxy = ["127.0.0.1", "10.9.0.0/16"].map(|net| net.parse().unwrap()).to_vec();
        config.limits.max_unauthenticated_per_address = 2;
    })
}

/// A WebSocket from this address, with this `X-Forwarded-For`.
fn socket(server: &TestServer, from: [u8; 4], name: &str, way: &str) -> Result<Socket, u16> {
    let (stream, _) = TestClient::connect_from(server.web[0], from.into()).into_parts();
    Socket::over(stream, server.web[0], &[(name, way)])
}

fn behind(server: &TestServer, way: &str) -> Socket {
    socket(server, [127, 0, 0, 1], NAME, way).unwrap()
}

/// Logs in and returns the address that the server shows for this client.
fn whereabouts(mut socket: Socket) -> String {
    socket.send("alice\npassword123");
    socket.expect(&["ask", "ask", "welcome"]);
    socket.send("/whoami");
    let answer = socket.next();
    socket.send("/quit");
    socket.read_to_end();
    answer.split("\"peer\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn page(server: &TestServer, way: &str) -> u16 {
    status(&get(server.web[0], "/", &format!("{NAME}: {way}\r\n")))
}

fn console(server: &TestServer, line: &str) {
    let act = parlor::command::console(line).unwrap();
    let accounts = parlor::accounts::Accounts::load(&server.dir.path().join("users.txt")).unwrap();
    server.handle.admin().execute(act, &parlor::admin::Actor::Console, &accounts).unwrap();
}

#[test]
fn only_a_trusted_proxy_is_believed() {
    let server = server();
    let stranger = socket(&server, [127, 0, 0, 7], NAME, "192.0.2.1").unwrap();
    assert!(whereabouts(stranger).starts_with("127.0.0.7:"));
    let unasked = super::server();
    assert!(whereabouts(behind(&unasked, "192.0.2.1")).starts_with("127.0.0.1:"));
    assert_eq!(whereabouts(behind(&server, "192.0.2.1")), "192.0.2.1:0");
    assert_eq!(whereabouts(behind(&server, "192.0.2.1:5678")), "192.0.2.1:5678");
    assert_eq!(whereabouts(behind(&server, "[2001:db8::1]:443")), "[2001:db8::1]:443");
    assert_eq!(whereabouts(socket(&server, [127, 0, 0, 1], "Forwarded", "for=192.0.2.1").unwrap()), "192.0.2.1:0");
    // The proxy appends its value after the client's.
    assert_eq!(whereabouts(behind(&server, "127.0.0.1, 192.0.2.1")), "192.0.2.1:0");
}

#[test]
fn in_a_chain_the_last_untrusted_address_counts() {
    let server = server();
    assert_eq!(whereabouts(behind(&server, "198.51.100.7, 192.0.2.1, 10.9.1.1")), "192.0.2.1:0");
    assert_eq!(whereabouts(behind(&server, "192.0.2.1, 10.10.1.1")), "10.10.1.1:0");
    assert_eq!(whereabouts(behind(&server, "10.9.1.2, 10.9.1.1")), "10.9.1.2:0");
}

#[test]
fn clients_behind_one_proxy_are_counted_separately() {
    let server = server();
    let asked = |from: &str| {
        let mut client = behind(&server, from);
        client.expect(&["ask"]);
        client
    };
    let _first: Vec<Socket> = (0..2).map(|_| asked("192.0.2.1")).collect();
    let refused = [r#"{"event":"login_failed","code":"too_many_connections","limit":2}"#.to_owned()];
    assert_eq!(behind(&server, "192.0.2.1").read_to_end(), (refused.to_vec(), Some(1000)));
    let mut other = asked("192.0.2.2");
    for _ in 0..8 {
        let mut guess = behind(&server, "192.0.2.3");
        guess.send("alice\nwrong");
        assert!(guess.read_to_end().0[2].contains("wrong_name_or_password"));
    }
    let mut guess = behind(&server, "192.0.2.3");
    guess.send("alice\npassword123");
    assert!(guess.read_to_end().0[2].contains("too_many_attempts"));
    let token = format!("{NAME}: 192.0.2.3\r\nAuthorization: Basic YWxpY2U6cGFybG9yX3dyb25n\r\n");
    assert_eq!(status(&get(server.web[0], "/api/users", &token)), 429);
    assert_eq!(status(&get(server.web[0], "/api/users", &token.replace("192.0.2.3", "192.0.2.4"))), 401);
    other.send("alice\npassword123");
    other.expect(&["ask", "welcome"]);
}

#[test]
fn a_client_behind_a_proxy_has_a_limited_share_of_requests() {
    let server = server();
    let addr = server.web[0];
    let head = |way: &str| format!("POST / HTTP/1.1\r\nHost: {addr}\r\n{NAME}: {way}\r\nContent-Length: 1\r\n\r\n");
    // More than one address may have: the proxy itself has no limit, and none has named its client yet.
    let mut all: Vec<TestClient> = (0..=WEB_CONNECTIONS_PER_ADDRESS).map(|_| TestClient::connect(addr)).collect();
    all.iter_mut().for_each(|client| client.send_raw(head("192.0.2.1")));
    let told = all.iter_mut().map(|client| {
        // An admitted request is answered once its body has arrived; a refused one has its answer already.
        let _ = std::io::Write::write(&mut client.stream(), b"x");
        status(&String::from_utf8_lossy(&client.read_to_end()))
    });
    let told: Vec<u16> = told.collect();
    assert!(told.iter().all(|status| [405, 503].contains(status)) && told.contains(&503), "{told:?}");
    assert_eq!(status(&ask(addr, &(head("192.0.2.2") + "x"))), 405);
}

#[test]
fn a_ban_behind_a_proxy_hits_only_the_banned_client() {
    let server = server();
    let mut alice = behind(&server, "192.0.2.1");
    alice.send("alice\npassword123");
    alice.expect(&["ask", "ask", "welcome"]);
    let mut bob = behind(&server, "192.0.2.2");
    bob.send("bob\nqwerty456");
    bob.expect(&["ask", "ask", "welcome"]);
    alice.expect(&["joined"]);
    console(&server, "ban addr 192.0.2.1");
    assert_eq!(alice.read_to_end().0, [r#"{"event":"closed","reason":"banned"}"#]);
    bob.expect(&["left"]);
    assert_eq!(socket(&server, [127, 0, 0, 1], NAME, "192.0.2.1").err(), Some(403));
    assert_eq!((page(&server, "192.0.2.1"), page(&server, "192.0.2.2")), (403, 200));
    let api = |way: &str| status(&get(server.web[0], "/api/users", &format!("{NAME}: {way}\r\n")));
    assert_eq!((api("192.0.2.1"), api("192.0.2.2")), (403, 401));
    assert_eq!(page(&server, "192.0.2.2, 192.0.2.1, 10.9.0.1"), 403, "over two proxies");
    assert_eq!(page(&server, "192.0.2.1, 192.0.2.2"), 200, "an address that the client wrote is not banned");
    console(&server, "ban net 2001:db8::/32");
    assert_eq!((page(&server, "[2001:db8:7::1]:443"), page(&server, "2001:db9::1")), (403, 200));
    // The proxy's own address is not that of any client behind it.
    console(&server, "ban net 127.0.0.0/8");
    assert_eq!((page(&server, "192.0.2.2"), page(&server, "192.0.2.1")), (200, 403));
    assert_eq!(status(&get(server.web[0], "/", "")), 403);
    bob.quiet();
}

#[test]
fn an_invalid_forwarded_address_is_logged_once() {
    let daemon = Daemon::start(&["--web", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1,10.9.0.0/16"]);
    daemon.await_log("web page addr=");
    let addr: SocketAddr =
        daemon.log().lines().find_map(|line| line.split_once("web page addr=")?.1.parse().ok()).unwrap();
    for way in ["unknown", "", "192.0.2.1, nonsense", ",", &"9".repeat(6_000), &"1.2.3.4,".repeat(900)] {
        assert_eq!(status(&get(addr, "/", &format!("{NAME}: {way}\r\n"))), 200, "{way:.40}");
    }
    let stream = TcpStream::connect(addr).unwrap();
    assert!(whereabouts(Socket::over(stream, addr, &[(NAME, "nonsense")]).unwrap()).starts_with("127.0.0.1:"));
    let stream = TcpStream::connect(addr).unwrap();
    assert_eq!(whereabouts(Socket::over(stream, addr, &[(NAME, "192.0.2.9")]).unwrap()), "192.0.2.9:0");
    daemon.await_log("login user=alice addr=192.0.2.9 port=0");
    let log = daemon.log();
    assert_eq!(log.matches("trusted proxy addr=127.0.0.1").count(), 1, "{log}");
}
