//! The API against its two descriptions: openapi.json for programs, and the examples in docs/protocol.md for people.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use parlor::model::{Registration, StoreAddress};
use serde_json::{Value, json};

use super::{ask, server_with, status};
use crate::support::TestServer;

fn description() -> Value {
    serde_json::from_str(include_str!("../../src/web/api/openapi.json")).unwrap()
}

/// A server that trusts a proxy on this machine, so that each request can have any address.
fn server() -> TestServer {
    server_with(|config| {
        config.registration = Registration::Open;
        config.data = StoreAddress::Folder(config.users.with_file_name("data"));
        config.trusted_proxy = vec!["127.0.0.1".parse().unwrap()];
    })
}

/// A request of the API.
struct Asked<'a> {
    method: &'a str,
    /// As in the description.
    path: &'a str,
    /// The conversation in the path, and what follows it.
    rest: &'a str,
    kind: &'a str,
    body: &'a str,
}

fn asked<'a>(method: &'a str, path: &'a str, body: &'a str) -> Asked<'a> {
    Asked { method, path, rest: "bob", kind: "application/json", body }
}

/// Its status, which has to be a described one, and the events in the response.
fn answer(server: &TestServer, from: &str, secret: &str, asked: &Asked<'_>) -> (u16, Value) {
    let Asked { method, path, rest, kind, body } = *asked;
    let (addr, length, who) = (server.web[0], body.len(), BASE64.encode(secret.as_bytes()));
    let concrete = path.replace("{conversation}", rest);
    let answer = ask(
        addr,
        &format!(
            "{method} {concrete} HTTP/1.1\r\nHost: {addr}\r\nX-Forwarded-For: {from}\r\nAuthorization: Basic {who}\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    );
    let responses = &description()["paths"][path][method.to_lowercase()]["responses"];
    let status = status(&answer);
    assert!(responses.get(status.to_string()).is_some(), "{method} {concrete} is answered with {status}");
    (status, serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap())
}

fn token(server: &TestServer, name: &str) -> String {
    let body = json!({"name": name, "password": "secret-1"}).to_string();
    let (status, events) = answer(server, "127.0.0.1", "", &asked("POST", "/api/register", &body));
    assert_eq!((status, &events[0]["event"]), (201, &json!("token_made")), "{events}");
    format!("{name}:{}", events[0]["text"].as_str().unwrap())
}

const REGISTER: &str = "/api/register";
const USERS: &str = "/api/users";
const MESSAGES: &str = "/api/messages";
const CONVERSATION: &str = "/api/messages/{conversation}";
const HELLO: &str = r#"{"to":"bob","text":"hello"}"#;

/// An address that sent too many wrong tokens.
const GUESSER: &str = "192.0.2.66";

#[test]
fn each_call_gives_exactly_the_answers_described() {
    let (server, closed) = (server(), server_with(|_| ()));
    let mut bob = server.login("bob");
    bob.ask("/create_group tea", &["Group tea created."]);
    let (zoe, yan) = (token(&server, "zoe"), token(&server, "yan"));
    bob.send("/quit");
    let act = parlor::command::console("ban user yan").unwrap();
    let accounts = parlor::accounts::Accounts::load(&server.dir.path().join("users.txt")).unwrap();
    server.handle.admin().execute(act, &parlor::admin::Actor::Console, &accounts).unwrap();
    (0..8).for_each(|_| drop(answer(&server, GUESSER, "zoe:parlor_wrong", &asked("GET", USERS, ""))));
    let mut seen = BTreeSet::new();
    let mut see = |server: &TestServer, from: &str, secret: &str, asked: &Asked<'_>, expected: u16| {
        let (status, events) = answer(server, from, secret, asked);
        assert_eq!(status, expected, "{} {}: {events}", asked.method, asked.path);
        let events = events.as_array().unwrap();
        assert!(status < 300 || (events.len() == 1 && events[0]["event"] == "error"), "{events:?}");
        seen.insert((asked.method.to_lowercase(), asked.path.to_owned(), status.to_string()));
    };
    let home = "127.0.0.1";
    see(&server, home, "", &asked("GET", "/api/server", ""), 200);
    for call in [
        asked("GET", USERS, ""),
        asked("POST", MESSAGES, HELLO),
        asked("GET", CONVERSATION, ""),
        asked("DELETE", CONVERSATION, ""),
    ] {
        see(&server, home, &zoe, &call, if call.method == "POST" { 201 } else { 200 });
        see(&server, home, "zoe:secret-1", &call, 401);
        see(&server, home, &yan, &call, 403);
        see(&server, GUESSER, &zoe, &call, 429);
    }
    for path in [REGISTER, MESSAGES] {
        see(&server, home, &zoe, &asked("POST", path, "[1]"), 400);
        see(&server, home, &zoe, &Asked { kind: "text/plain", ..asked("POST", path, "{}") }, 415);
        see(&server, home, &zoe, &asked("POST", path, r#"{"name":"xia","password":"","to":"bob"}"#), 422);
    }
    see(&server, home, &zoe, &asked("POST", MESSAGES, r#"{"to":"nobody","text":"x"}"#), 404);
    see(&server, home, &zoe, &Asked { rest: "nobody", ..asked("GET", CONVERSATION, "") }, 404);
    see(&server, home, &zoe, &Asked { rest: "nobody", ..asked("DELETE", CONVERSATION, "") }, 404);
    see(&server, home, &zoe, &Asked { rest: "bob?count=x", ..asked("GET", CONVERSATION, "") }, 422);
    for (n, expected) in [(1, 201), (2, 201), (3, 201), (4, 429)] {
        let body = json!({"name": format!("new{n}"), "password": "secret-1"}).to_string();
        see(&server, "192.0.2.1", "", &asked("POST", REGISTER, &body), expected);
    }
    let zoe_again = r#"{"name":"ZOE","password":"secret-1"}"#;
    see(&server, home, "", &asked("POST", REGISTER, zoe_again), 409);
    see(&closed, home, "", &asked("POST", REGISTER, r#"{"name":"xia","password":"secret-1"}"#), 403);
    let mut described = BTreeSet::new();
    for (path, operations) in description()["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            for status in operation["responses"].as_object().unwrap().keys() {
                described.insert((method.clone(), path.clone(), status.clone()));
            }
        }
    }
    // Errors of the store need a full disk: see the tests of the API and of the promises.
    described.retain(|(_, _, status)| status != "503");
    assert_eq!(seen, described);
}

/// The words of a command line, with quotes as in a shell.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The request that curl makes of these options, to this server and with this token.
fn request(server: &TestServer, options: &[String], token: &str) -> String {
    let addr = server.web[0];
    let (mut method, mut headers, mut body, mut path) = (None, String::new(), "", "");
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || options.next().unwrap().as_str();
        match option.as_str() {
            "-s" => {}
            "-X" => method = Some(value()),
            "-H" => headers += &format!("{}\r\n", value()),
            "-d" => body = value(),
            "-u" => {
                let secret = value().replace("parlor_…", token);
                headers += &format!("Authorization: Basic {}\r\n", BASE64.encode(secret.as_bytes()));
            }
            url => path = url.strip_prefix("http://127.0.0.1:8080").unwrap(),
        }
    }
    let (method, length) = (method.unwrap_or(if body.is_empty() { "GET" } else { "POST" }), body.len());
    format!("{method} {path} HTTP/1.1\r\nHost: {addr}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// The kinds of the events, in order.
fn kinds(answer: &str) -> Vec<String> {
    let events: Value = serde_json::from_str(answer).unwrap();
    events.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_examples_for_curl_do_what_they_show() {
    let server = server();
    let bob = server.login("bob");
    let document = include_str!("../../docs/protocol.md");
    let (_, section) = document.split_once("## HTTP for scripts").unwrap();
    let (mut lines, mut token, mut calls) = (section.lines(), String::new(), BTreeSet::new());
    while let Some(line) = lines.by_ref().find(|line| line.starts_with("$ curl ")) {
        let request = request(&server, &words(line)[2..], &token);
        let answer = ask(server.web[0], &request);
        let (shown, body) = (lines.next().unwrap(), answer.split_once("\r\n\r\n").unwrap().1);
        assert!(status(&answer) < 300, "{line}: {answer}");
        assert_eq!(kinds(body), kinds(shown), "{line}: {body}");
        if let Some(made) = body.split("\"parlor_").nth(1) {
            token = format!("parlor_{}", made.split('"').next().unwrap());
        }
        let (call, _) = request.split_once(" HTTP").unwrap();
        calls.insert(call.split('?').next().unwrap().replace("/bob", "/{conversation}"));
    }
    let all = ["POST /api/register", "GET /api/users", "POST /api/messages"];
    let conversation = ["GET", "DELETE"].map(|method| format!("{method} {CONVERSATION}"));
    assert_eq!(calls, all.map(str::to_owned).into_iter().chain(conversation).collect());
    drop(bob);
}
