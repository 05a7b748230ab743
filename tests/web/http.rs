//! HTTP from browsers, from other sites' pages, and from careless programs.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use parlor::model::WebOrigin;
use parlor::model::limits::{
    WEB_BODY, WEB_CONNECTIONS, WEB_CONNECTIONS_PER_ADDRESS, WEB_HEAD, WEB_HEADERS, WEB_THREADS, WEB_TIME,
};

use super::{Socket, ask, get, server, server_with, status};
use crate::promises::figure;
use crate::support::{Daemon, PATIENCE, TestClient, eventually, parlord, write_users};

#[test]
fn pages_have_their_security_headers() {
    let server = server();
    let page = get(server.web[0], "/", "");
    assert_eq!(status(&page), 200);
    for header in [
        "Content-Type: text/html; charset=utf-8",
        "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Connection: close",
    ] {
        assert!(page.contains(&format!("{header}\r\n")), "{header} is not in {page}");
    }
    let addr = server.web[0];
    let head = ask(addr, &format!("HEAD / HTTP/1.1\r\nHost: {addr}\r\n\r\n"));
    assert!(status(&head) == 200 && head.ends_with("\r\n\r\n"), "{head}");
    assert!(!page.to_lowercase().contains("set-cookie"));
    assert_eq!(status(&get(addr, "/nowhere", "")), 404);
    assert_eq!(status(&get(addr, "/../users.txt", "")), 404);
    assert_eq!(status(&ask(addr, &format!("POST / HTTP/1.1\r\nHost: {addr}\r\n\r\n"))), 405);
}

#[test]
fn malformed_requests_are_answered_and_closed() {
    let server = server();
    let addr = server.web[0];
    let long = "x".repeat(9_000);
    for (request, expected) in [
        (format!("GET / HTTP/1.1\r\nHost: {addr}\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET /{long} HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 431),
        ("\x16\x03\x01\x02\r\n\r\n".to_owned(), 400),
        ("SSH-2.0-OpenSSH_9\r\n\r\n".to_owned(), 400),
        (format!("POST / HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 99999\r\n\r\n"), 413),
        (format!("POST / HTTP/1.1\r\nHost: {addr}\r\nTransfer-Encoding: gzip\r\n\r\n"), 501),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET /ws HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 426),
        (format!("GET /ws HTTP/1.1\r\nHost: {addr}\r\nUpgrade: websocket\r\n\r\n"), 400),
    ] {
        assert_eq!(status(&ask(addr, &request)), expected, "{request:.80}");
    }
}

#[test]
fn of_two_hundred_hosts_and_origins_only_listed_ones_pass() {
    let server = server_with(|config| {
        config.web_origin = vec![WebOrigin::parse("https://chat.example.org").unwrap()];
    });
    let addr = server.web[0];
    let port = addr.port();
    let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}"), "chat.example.org".to_owned()];
    let origins =
        [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}"), "https://chat.example.org".to_owned()];
    let evil = |good: &str| {
        let (scheme, host) = good.split_once("://").unwrap_or(("", good));
        let name = host.split(':').next().unwrap().to_owned();
        let all = [
            format!("{host}.evil.org"),
            format!("evil.org/{host}"),
            format!("{host}@evil.org"),
            format!("x{host}"),
            format!("evil.org#{host}"),
            format!("{name}:1"),
            "evil.org".to_owned(),
            format!("{host}0"),
            format!("{host}/"),
            "null".to_owned(),
            String::new(),
            format!(" {host} evil.org"),
            format!("{name}:{port}:{port}"),
            "[::1]".to_owned(),
            format!("sub.{host}"),
            format!("{host}."),
            "127.0.0.1".to_owned(),
            "127.1".to_owned(),
            "0.0.0.0".to_owned(),
            format!("{host},evil.org"),
            "localhost".to_owned(),
            "xn--lcalhost-55a".to_owned(),
            format!("{name}%00:{port}"),
        ];
        let whole = move |host: String| if scheme.is_empty() { host } else { format!("{scheme}://{host}") };
        all.map(whole)
    };
    let visit = |host: &str, origin: Option<&str>| {
        let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        status(&ask(addr, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n{origin}\r\n")))
    };
    let mut variants = 0;
    for host in &hosts {
        assert_eq!(visit(host, None), 200, "{host}");
        for origin in &origins {
            assert_eq!(visit(host, Some(origin)), 200, "{host} {origin}");
            for bad in evil(origin) {
                assert_eq!(visit(host, Some(&bad)), 403, "{host} {bad}");
                variants += 1;
            }
        }
        for bad in evil(host) {
            assert_eq!(visit(&bad, None), 421, "{bad}");
            variants += 1;
        }
    }
    figure("28 (origins)", &format!("{variants} variants of Host and Origin refused, the listed ones answered"));
    assert!(variants > 200, "{variants}");
}

#[test]
fn another_sites_page_gets_no_websocket() {
    let server = server();
    let addr = server.web[0];
    let shake = |headers: &[(&str, &str)]| {
        Socket::over(TcpStream::connect(addr).unwrap(), addr, headers).map(|mut socket| socket.next())
    };
    let asked = Ok(r#"{"event":"ask","what":"name"}"#.to_owned());
    assert_eq!(shake(&[]), asked);
    assert_eq!(shake(&[("Origin", &format!("http://{addr}"))]), asked);
    assert_eq!(shake(&[("Origin", &format!("http://localhost:{}", addr.port()))]), asked);
    for origin in ["http://evil.org", "null", "https://localhost", &format!("http://evil.org:{}", addr.port())] {
        assert_eq!(shake(&[("Origin", origin)]), Err(403), "{origin}");
    }
    assert_eq!(shake(&[("Host", "evil.org")]), Err(421));
    assert_eq!(shake(&[("Sec-WebSocket-Protocol", "parlor.v1, other")]), asked);
    assert_eq!(shake(&[("Sec-WebSocket-Protocol", "other")]), Err(400));
    assert_eq!(shake(&[("Sec-WebSocket-Version", "8")]), Err(400));
}

#[test]
fn an_incomplete_request_times_out_and_blocks_nobody() {
    let server = server();
    let began = Instant::now();
    let mut slow: Vec<TestClient> = (0..WEB_CONNECTIONS).map(|_| TestClient::connect(server.web[0])).collect();
    slow.iter_mut().for_each(|client| client.send_raw("GET / HT"));
    // One address holds all slots; another one holds fewer, and gets in.
    let mut other = TestClient::connect_from(server.web[0], [127, 0, 0, 9].into());
    other.send_raw(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.web[0]));
    assert!(String::from_utf8_lossy(&other.read_to_end()).starts_with("HTTP/1.1 200 OK"));
    assert!(began.elapsed() < WEB_TIME, "it had to wait for the slow ones");
    let ends: Vec<Vec<u8>> = slow.iter_mut().map(TestClient::read_to_end).collect();
    let told = ends.iter().filter(|end| end.starts_with(b"HTTP/1.1 408 ")).count();
    assert!(began.elapsed() >= WEB_TIME && told >= WEB_CONNECTIONS / 2, "{told} were told");
}

/// Sends bytes one by one at this pace until the server answers; returns the answer and how long it took.
fn trickle(addr: SocketAddr, beginning: &str, rest: &str, pace: Duration) -> (String, Duration) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(pace)).unwrap();
    let (began, mut answer) = (Instant::now(), Vec::new());
    stream.write_all(beginning.as_bytes()).unwrap();
    for byte in rest.bytes().cycle() {
        stream.write_all(&[byte]).unwrap();
        // Waits one interval for the answer.
        let mut first = [0; 1];
        match stream.read(&mut first) {
            Err(e) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&e.kind()) => {}
            came => {
                assert_eq!(came.unwrap(), 1);
                answer.extend(first);
                break;
            }
        }
    }
    let took = began.elapsed();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_to_end(&mut answer).unwrap();
    (String::from_utf8(answer).unwrap(), took)
}

#[test]
fn a_trickle_of_bytes_does_not_extend_the_deadline() {
    let server = server();
    let addr = server.web[0];
    let body = format!(
        "POST /api/register HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
    );
    let pace = Duration::from_millis(500);
    std::thread::scope(|scope| {
        for (beginning, rest) in [("", "GET / HTTP/1.1\r\n"), ("GET / HTTP/1.1\r\n", "X: y\r\n"), (&body, " ")] {
            scope.spawn(move || {
                let (answer, took) = trickle(addr, beginning, rest, pace);
                assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
                // On a busy machine the answer may be late, but never early.
                assert!((WEB_TIME..2 * WEB_TIME).contains(&took), "{beginning:.20} was cut after {took:?}");
            });
        }
    });
}

#[test]
fn every_response_but_a_websocket_ends_the_connection() {
    let server = server();
    let addr = server.web[0];
    let shake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for request in [
        "GET / HTTP/1.1",
        "GET / HTTP/1.0",
        "HEAD / HTTP/1.1",
        "GET /nowhere HTTP/1.1",
        "GET /ws HTTP/1.1",
        "GET /api/openapi.json HTTP/1.1",
        "GET /api/users HTTP/1.1",
        "DELETE / HTTP/1.1",
    ] {
        // This reads to the end of the connection, which there must be whatever the client asks for.
        let answer =
            ask(addr, &format!("{request}\r\nHost: {addr}\r\nConnection: keep-alive\r\n\r\n{request}\r\n\r\n"));
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert_eq!(answer.matches("Connection: close\r\n").count(), 1, "{answer}");
    }
    let mut upgraded = TestClient::connect(addr);
    upgraded.send_raw(format!("GET /ws HTTP/1.1\r\nHost: {addr}\r\n{shake}\r\n"));
    let head = String::from_utf8_lossy(&upgraded.first_bytes()).to_lowercase();
    assert!(head.starts_with("http/1.1 101 ") && head.contains("connection: upgrade\r\n"), "{head}");
    assert!(!head.contains("connection: close"), "{head}");
}

#[test]
fn head_has_the_length_of_get_and_no_body() {
    let server = server();
    let addr = server.web[0];
    let head = |length: usize| {
        let start = format!("GET / HTTP/1.1\r\nHost: {addr}\r\nX: ");
        format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
    };
    assert_eq!(status(&ask(addr, &head(WEB_HEAD))), 200);
    assert_eq!(status(&ask(addr, &head(WEB_HEAD + 1))), 431);
    let many = |count: usize| format!("GET / HTTP/1.1\r\nHost: {addr}\r\n{}\r\n", "a: b\r\n".repeat(count - 1));
    assert_eq!(status(&ask(addr, &many(WEB_HEADERS))), 200);
    assert_eq!(status(&ask(addr, &many(WEB_HEADERS + 1))), 431);
    let body = |length: usize| {
        let body = "x".repeat(length);
        format!("POST / HTTP/1.1\r\nHost: {addr}\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    assert_eq!(status(&ask(addr, &body(WEB_BODY))), 405);
    assert_eq!(status(&ask(addr, &body(WEB_BODY + 1))), 413);
}

#[test]
fn a_flood_of_requests_starts_a_bounded_number_of_threads() {
    let daemon = Daemon::start(&["--web", "127.0.0.1:0"]);
    daemon.await_log("web page addr=");
    let addr = daemon.log().lines().find_map(|line| line.split_once("web page addr=")?.1.parse().ok()).unwrap();
    let threads = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", daemon.child.id())).unwrap();
        let name =
            |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
        tasks.filter_map(name).filter(|name| name.starts_with("visit-")).count()
    };
    let mut most = 0;
    let all: Vec<TestClient> = (0..4 * WEB_CONNECTIONS)
        .map(|n| {
            // From many addresses, so that each newcomer can get a slot.
            let mut client = TestClient::connect_from(addr, [127, 0, 1, 1 + (n % 200) as u8].into());
            client.send_raw("GET / HT");
            most = most.max(threads());
            client
        })
        .collect();
    assert!((WEB_CONNECTIONS / 2..=WEB_THREADS).contains(&most), "{most} threads");
    drop(all);
    eventually("all have ended", || threads() == 0);
}

#[test]
fn one_address_has_a_limited_share_of_requests() {
    let server = server();
    let mut all: Vec<TestClient> = (0..=WEB_CONNECTIONS_PER_ADDRESS)
        .map(|_| TestClient::connect_from(server.web[0], [127, 0, 0, 8].into()))
        .collect();
    assert!(String::from_utf8_lossy(&all[WEB_CONNECTIONS_PER_ADDRESS].first_bytes()).starts_with("HTTP/1.1 503 "));
    all[0].send_raw(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.web[0]));
    assert!(String::from_utf8_lossy(&all[0].first_bytes()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn the_daemon_prints_its_web_address_and_warns_if_public() {
    let daemon = Daemon::start(&["--web", "127.0.0.1:0", "--web", "127.0.0.2:0,0.0.0.0:0"]);
    daemon.await_log("can be reached by others without TLS");
    let log = daemon.log();
    let warned = |line: &&str| line.contains("WARN ") && line.contains("without TLS");
    assert_eq!(log.lines().filter(warned).count(), 1, "{log}");
    let addr = log.lines().find_map(|line| line.split_once("web page addr=")?.1.parse().ok()).unwrap();
    eventually("the page", || status(&get(addr, "/", "")) == 200);
}

#[test]
fn requests_follow_the_rfcs_section_by_section() {
    let server = server();
    let addr = server.web[0];
    let api = format!("Host: {addr}\r\nContent-Type: application/json\r\n");
    // RFC and section; the request; its status; what the response contains.
    for (rule, request, expected, contains) in [
        ("9112 3.2", "GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "Connection: close"),
        ("9112 3.2", format!("GET / HTTP/1.1\r\nHost: {addr}\r\nHost: {addr}\r\n\r\n"), 400, ""),
        ("9112 3.2", "GET / HTTP/1.0\r\n\r\n".to_owned(), 200, ""),
        ("9112 3.2", "GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n".to_owned(), 421, "--web-origin"),
        ("9112 3.2.2", format!("GET http://{addr}/icon.svg HTTP/1.1\r\nHost: evil.org\r\n\r\n"), 200, "<svg"),
        ("9112 3.2.2", format!("GET http://evil.org/ HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 421, ""),
        ("9112 6.2", format!("POST / HTTP/1.1\r\nHost: {addr}\r\nContent-Length:\r\n\r\n"), 400, ""),
        (
            "9112 6.3",
            format!("POST /api/register HTTP/1.1\r\n{api}Content-Length: x\r\n\r\n"),
            400,
            r#"[{"event":"error","code":"bad_request""#,
        ),
        (
            "9112 7.1",
            format!("POST /api/register HTTP/1.1\r\n{api}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
            422,
            r#"[{"event":"error","#,
        ),
        ("9110 5.5", format!("GET / HTTP/1.1\r\nHost: {addr}\r\nCookie: a=\u{EB}\r\n\r\n"), 200, ""),
        ("9110 6.6.1", format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 200, "Date: "),
        ("9110 9.3.2", format!("HEAD /api/server HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 200, ""),
        ("9110 10.2.1", format!("PUT /api/server HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 405, "Allow: GET, HEAD\r\n"),
        (
            "9110 11.6.1",
            format!("GET /api/users HTTP/1.1\r\nHost: {addr}\r\n\r\n"),
            401,
            "WWW-Authenticate: Basic realm=",
        ),
        ("9110 15.5.18", format!("POST / HTTP/1.1\r\nHost: {addr}\r\nExpect: a-pony\r\n\r\n"), 417, ""),
        ("3986 2.1", format!("GET /%69con.svg HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 200, "<svg"),
        ("3986 2.1", format!("GET /%zz HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 400, ""),
        ("6455 4.4", format!("GET /ws HTTP/1.1\r\nHost: {addr}\r\n\r\n"), 426, "Sec-WebSocket-Version: 13\r\n"),
        (
            "6455 4.4",
            format!(
                "GET /ws HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ),
            400,
            "Sec-WebSocket-Version: 13\r\n",
        ),
    ] {
        let answer = ask(addr, &request);
        assert_eq!(status(&answer), expected, "RFC {rule}: {request:?}");
        assert!(answer.contains(contains), "RFC {rule}: {answer}");
        let dates: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("Date: ")).collect();
        assert!(matches!(dates[..], [date] if date.len() == 29 && date.ends_with(" GMT")), "{dates:?}");
    }
}

#[test]
fn a_client_that_expects_to_be_told_is_told_to_send_its_body() {
    let server = server();
    let addr = server.web[0];
    let mut client = TestClient::connect(addr);
    client.send_raw(format!(
        "POST /api/register HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    ));
    client.expect_bytes("HTTP/1.1 100 Continue\r\n\r\n");
    client.send_raw("{}");
    assert!(String::from_utf8_lossy(&client.read_to_end()).starts_with("HTTP/1.1 422 "));
    // A client that announced a body and sends none is told, too.
    let mut late = TestClient::connect(addr);
    late.send_raw(format!("POST /api/register HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 2\r\n\r\n"));
    assert!(String::from_utf8_lossy(&late.read_to_end()).starts_with("HTTP/1.1 408 "));
}

#[test]
fn the_printed_link_to_a_public_page_works() {
    let dir = tempfile::tempdir().unwrap();
    write_users(dir.path());
    let mut command = parlord(dir.path());
    command.args(["--listen", "0.0.0.0:0", "--web", "0.0.0.0:0", "--metrics", "0.0.0.0:0", "--data", "none"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut daemon = Daemon { addr: SocketAddr::from(([127, 0, 0, 1], 1)), dir, child };
    let mut printed = BufReader::new(daemon.child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut line = |beginning: &str| {
        let line = printed.find(|line| line.starts_with(beginning)).unwrap();
        line[beginning.len()..].to_owned()
    };
    for (beginning, path) in [("web page: http://", "/"), ("metrics: http://", "/metrics")] {
        let link = line(beginning);
        let addr: SocketAddr = link.strip_suffix(path).unwrap().parse().unwrap();
        assert_eq!(status(&get(addr, path, "")), 200, "{link}");
        let foreign = ask(addr, &format!("GET {path} HTTP/1.1\r\nHost: evil.org\r\n\r\n"));
        assert_eq!(status(&foreign), 421);
    }
    assert!(line("connect with: nc ").starts_with("127.0.0.1 "));
}
