//! The web: HTTP, WebSockets, and what browsers may do.

mod abuse;
mod api;
mod described;
mod http;
mod metrics;
mod proxy;
mod reverse_proxies;
mod socket;
mod tags;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};

use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::support::{PATIENCE, TestClient, TestServer, WELCOME, password};
use parlor::config::Config;

/// A server with a web page.
pub fn server() -> TestServer {
    server_with(|_| ())
}

pub fn server_with(change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::with(|config| {
        config.web = vec!["127.0.0.1:0".parse().unwrap()];
        change(config);
    })
}

/// The whole answer of an HTTP server to these bytes, until it closes.
pub fn ask(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The answer to a request for a page, with these headers beside `Host`.
pub fn get(addr: SocketAddr, path: &str, headers: &str) -> String {
    ask(addr, &format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n{headers}\r\n"))
}

/// The status code of a response.
pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect(answer)
}

/// A WebSocket client.
pub struct Socket {
    pub socket: WebSocket<TcpStream>,
}

impl Socket {
    pub fn connect(server: &TestServer) -> Socket {
        Socket::over(TcpStream::connect(server.web[0]).unwrap(), server.web[0], &[]).unwrap()
    }

    pub fn connect_from(server: &TestServer, host: [u8; 4]) -> Socket {
        let (stream, _) = TestClient::connect_from(server.web[0], IpAddr::from(host)).into_parts();
        Socket::over(stream, server.web[0], &[]).unwrap()
    }

    /// Shakes hands with these headers; the error is the status of the response instead.
    pub fn over(stream: TcpStream, addr: SocketAddr, headers: &[(&str, &str)]) -> Result<Socket, u16> {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{addr}/ws").into_client_request().unwrap();
        for (name, value) in headers {
            let name = tungstenite::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Socket { socket }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Logged in, with the welcome read.
    pub fn login(server: &TestServer, name: &str) -> Socket {
        let mut socket = Socket::connect(server);
        socket.send(&format!("{name}\n{}", password(name)));
        socket.expect(&["ask", "ask", "welcome"]);
        socket
    }

    pub fn send(&mut self, line: &str) {
        self.socket.send(Message::text(line)).unwrap();
    }

    /// Sends these lines and a close frame in one write.
    pub fn send_and_close(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| self.socket.write(Message::text(*line)).unwrap());
        self.socket.close(None).unwrap();
    }

    /// The next event, without its id and its time, which differ from run to run.
    pub fn next(&mut self) -> String {
        stable(&self.raw())
    }

    /// The next event as it is.
    pub fn raw(&mut self) -> String {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Requires that the next events are of these kinds.
    pub fn expect(&mut self, kinds: &[&str]) {
        for kind in kinds {
            let event = self.next();
            assert!(event.starts_with(&format!("{{\"event\":\"{kind}\"")), "expected {kind}, came {event}");
        }
    }

    /// Sends a line and requires exactly this answer, apart from its id and time.
    pub fn answer(&mut self, line: &str, answer: &str) {
        self.send(line);
        assert_eq!(self.next(), answer);
    }

    /// Requires that nothing else was sent to this client.
    pub fn quiet(&mut self) {
        self.answer("/ping quiet", r#"{"event":"pong","text":"quiet"}"#);
    }

    /// Everything until the server closes, and its close code.
    pub fn read_to_end(&mut self) -> (Vec<String>, Option<u16>) {
        let (mut all, mut code) = (Vec::new(), None);
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => all.push(stable(&text)),
                Ok(Message::Close(close)) => code = close.map(|close| close.code.into()),
                Ok(_) => {}
                Err(_) => return (all, code),
            }
        }
    }
}

/// An event without its id and its time.
pub fn stable(event: &str) -> String {
    let event = cut(event, "\"id\":", |c| !c.is_ascii_digit());
    cut(&event, "\"at\":\"", |c| c == '"')
}

/// `text` without its first field that begins with `field`; its value ends at `end`.
fn cut(text: &str, field: &str, end: impl Fn(char) -> bool) -> String {
    let Some((before, rest)) = text.split_once(field) else { return text.to_owned() };
    let rest = rest.trim_start_matches(|c| !end(c)).trim_start_matches('"');
    let (before, rest) = rest.strip_prefix(',').map_or((before.trim_end_matches(','), rest), |rest| (before, rest));
    format!("{before}{rest}")
}

#[test]
fn an_event_is_compared_without_its_id_and_time() {
    let event = r#"{"event":"private","id":42,"at":"2026-11-20T17:03:15.881034Z","from":"bob"}"#;
    assert_eq!(stable(event), r#"{"event":"private","from":"bob"}"#);
    assert_eq!(stable(r#"{"event":"you_read","id":42}"#), r#"{"event":"you_read"}"#);
    assert!(WELCOME.starts_with("Welcome"));
}
