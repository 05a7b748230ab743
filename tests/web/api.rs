//! The HTTP API, as scripts use it.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use parlor::model::{Registration, StoreAddress};
use serde_json::{Value, json};

use super::{ask, server_with, status};
use crate::support::TestServer;

/// A server with open registration that stores everything on disk.
fn server() -> TestServer {
    server_with(|config| {
        config.registration = Registration::Open;
        config.data = StoreAddress::Folder(config.users.with_file_name("data"));
    })
}

/// A script with a user's name and token.
struct Script<'a> {
    server: &'a TestServer,
    secret: String,
}

impl<'a> Script<'a> {
    /// A script with a new account.
    fn register(server: &'a TestServer, name: &str) -> Script<'a> {
        let nobody = Script { server, secret: String::new() };
        let (status, events) = nobody.send("POST", "/api/register", &json!({"name": name, "password": "secret-1"}));
        assert_eq!((status, &events[0]["event"]), (201, &json!("token_made")), "{events}");
        let secret = format!("{name}:{}", events[0]["text"].as_str().unwrap());
        Script { server, secret }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if *body == Value::Null { String::new() } else { body.to_string() };
        let kind = "Content-Type: application/json\r\n";
        self.raw(method, path, kind, &body)
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, &Value::Null)
    }

    fn say(&self, to: &str, text: &str) -> (u16, Value) {
        self.send("POST", "/api/messages", &json!({"to": to, "text": text}))
    }

    fn raw(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let (addr, length) = (self.server.web[0], body.len());
        let who = match self.secret.as_str() {
            "" => String::new(),
            secret => format!("Authorization: Basic {}\r\n", BASE64.encode(secret.as_bytes())),
        };
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: {addr}\r\n{who}{headers}Content-Length: {length}\r\n\r\n");
        let answer = ask(addr, &(head + body));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("cookie"));
        (status(&answer), serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

fn code((status, events): (u16, Value)) -> (u16, String) {
    (status, events[0]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_script_registers_sends_reads_and_clears_offline() {
    let server = server();
    let mut bob = server.login("bob");
    let zoe = Script::register(&server, "zoe");
    let (status, users) = zoe.get("/api/users");
    assert_eq!((status, users), (200, json!([{"event": "users", "users": [{"name": "bob", "away": null}]}])));
    assert_eq!(zoe.say("bob", "the build\nis \"green\"").0, 201);
    bob.expect("[zoe]: the build is \"green\"");
    bob.ask(
        "/msg zoe thanks",
        &["[to zoe]: thanks", "*** zoe is not online; your message is kept until the next login."],
    );
    let (status, events) = zoe.get("/api/messages/bob?count=1");
    assert_eq!((status, &events[0]["event"], &events[0]["count"]), (200, &json!("history"), &json!(1)));
    assert_eq!(events[1]["messages"][0]["text"], "thanks");
    let before = events[2]["before"].as_u64().unwrap();
    let (_, events) = zoe.get(&format!("/api/messages/bob?count=10&before={before}"));
    assert_eq!(events[1]["messages"][0]["text"], "the build is \"green\"");
    assert_eq!(
        zoe.send("DELETE", "/api/messages/bob", &Value::Null),
        (200, json!([{"event": "cleared", "of": "bob"}]))
    );
    assert_eq!(zoe.get("/api/messages/bob").1[0]["count"], 0);
    bob.send("/history zoe");
    bob.line_with("thanks");
    assert_eq!(zoe.say("*", "to all").0, 201);
    bob.expect("[Broadcast][zoe]: to all");
    bob.quiet();
}

#[test]
fn the_rules_of_groups_apply_to_scripts() {
    let server = server();
    let mut bob = server.login("bob");
    let zoe = Script::register(&server, "zoe");
    bob.ask("/create_group lunch keep", &["Group lunch created."]);
    assert_eq!(code(zoe.say("#nowhere", "x")), (404, "no_such_group".to_owned()));
    assert_eq!(code(zoe.say("#lunch", "x")), (403, "not_member".to_owned()));
    let mut zoe_here = server.connect();
    zoe_here.give_name_and_password("zoe", "secret-1");
    zoe_here.line_with("Welcome");
    zoe_here.send("/join lunch");
    zoe_here.line_with("You joined the group lunch.");
    zoe_here.send("/quit");
    zoe_here.read_to_end();
    bob.line_with("zoe has left the chat");
    assert_eq!(zoe.say("#lunch", "soup is ready").0, 201);
    bob.expect("[Group lunch][zoe]: soup is ready");
    let (_, events) = zoe.get("/api/messages/%23lunch");
    assert_eq!(events[1]["messages"][0]["group"], "lunch");
    bob.ask("/mute zoe lunch", &["*** zoe was muted in the group lunch by bob for good."]);
    assert_eq!(code(zoe.say("#lunch", "x")), (403, "muted_in_group".to_owned()));
    bob.quiet();
}

#[test]
fn anyone_can_ask_what_is_open() {
    for (registration, word) in
        [(Registration::Closed, "closed"), (Registration::Open, "open"), (Registration::Invite, "invite")]
    {
        for guests in [true, false] {
            let server = server_with(|config| {
                (config.registration, config.guests, config.limits.line_limit) = (registration, guests, 2_000);
            });
            let nobody = Script { server: &server, secret: String::new() };
            let open = json!([{"event": "server", "registration": word, "guests": guests, "line_limit": 2_000}]);
            assert_eq!(nobody.get("/api/server"), (200, open));
        }
    }
}

#[test]
fn a_scripts_mistakes_have_a_status_and_a_code() {
    let server = server();
    let zoe = Script::register(&server, "zoe");
    let nobody = Script { server: &server, secret: String::new() };
    let wrong = |secret: &str| Script { server: &server, secret: secret.to_owned() };
    assert_eq!(code(nobody.get("/api/users")), (401, "wrong_name_or_token".to_owned()));
    assert_eq!(wrong("zoe:parlor_wrong").get("/api/users").0, 401);
    assert_eq!(wrong("zoe:secret-1").get("/api/users").0, 401, "a password is no token");
    assert_eq!(wrong("zoe").get("/api/users").0, 401);
    assert_eq!(code(zoe.say("nobody", "x")), (404, "no_such_user".to_owned()));
    assert_eq!(code(zoe.say("bob /quit", "x")), (404, "no_such_user".to_owned()));
    assert_eq!(code(zoe.say("bob", " \n ")), (422, "usage".to_owned()));
    assert_eq!(code(zoe.say("bob", &"x".repeat(5_000))), (422, "line_too_long".to_owned()));
    assert_eq!(code(zoe.get("/api/messages/bob?count=x")), (422, "usage".to_owned()));
    assert_eq!(code(zoe.get("/api/messages/zoe%20bob")), (404, "no_such_user".to_owned()));
    assert_eq!(code(zoe.raw("POST", "/api/messages", "", "{}")), (415, "not_json".to_owned()));
    assert_eq!(code(zoe.raw("POST", "/api/messages", "Content-Type: text/plain\r\n", "{}")).0, 415);
    assert_eq!(code(zoe.raw("POST", "/api/messages", "Content-Type: application/json\r\n", "[1]")).0, 400);
    assert_eq!(zoe.raw("GET", "/api/users", "Origin: http://evil.org\r\n", "").0, 403);
    assert_eq!(zoe.get("/api/nowhere").0, 404);
    assert_eq!(zoe.send("PUT", "/api/messages/bob", &Value::Null).0, 405);
    let again = json!({"name": "ZOE", "password": "secret-1"});
    assert_eq!(code(nobody.send("POST", "/api/register", &again)), (409, "name_taken".to_owned()));
    let empty = json!({"name": "yan", "password": ""});
    assert_eq!(code(nobody.send("POST", "/api/register", &empty)), (422, "bad_password".to_owned()));
    for name in ["a b", " a", "a\tb", "a\u{a0}b", "zoe "] {
        let body = json!({"name": name, "password": "secret-1", "invite": ""});
        assert_eq!(code(nobody.send("POST", "/api/register", &body)), (422, "bad_name".to_owned()), "{name:?}");
    }
    assert_eq!(code(zoe.say("a", "x")), (404, "no_such_user".to_owned()), "no account was created from part of a name");
    let closed = server_with(|_| ());
    let at_closed = Script { server: &closed, secret: String::new() };
    let (status, events) = at_closed.send("POST", "/api/register", &json!({"name": "yan", "password": "secret-1"}));
    assert_eq!(code((status, events)), (403, "closed".to_owned()));
}

#[test]
fn a_revoked_token_a_ban_and_an_empty_budget_hold_at_once() {
    let server = server_with(|config| {
        config.registration = Registration::Open;
        (config.limits.burst, config.limits.rate) = (30, 1);
    });
    let zoe = Script::register(&server, "zoe");
    assert_eq!(zoe.get("/api/users").0, 200);
    let statuses: BTreeSet<u16> = (0..60).map(|_| zoe.get("/api/users").0).collect();
    assert_eq!(statuses, BTreeSet::from([200, 429]), "a client over its budget is told");
    let yan = Script::register(&server, "yan");
    let act = parlor::command::console("ban user yan").unwrap();
    let accounts = parlor::accounts::Accounts::load(&server.dir.path().join("users.txt")).unwrap();
    server.handle.admin().execute(act, &parlor::admin::Actor::Console, &accounts).unwrap();
    assert_eq!(code(yan.get("/api/users")), (403, "banned".to_owned()));
    let xia = Script::register(&server, "xia");
    let mut here = server.connect();
    here.give_name_and_password("xia", "secret-1");
    here.line_with("Welcome");
    here.send("/token list");
    here.line_with("Your tokens:");
    let name = here.line().split(':').next().unwrap().to_owned();
    here.ask(&format!("/token revoke {name}"), &[&format!("Token {name} revoked.")]);
    assert_eq!(xia.get("/api/users").0, 401);
}

/// The file that describes the API, as the server sends it.
#[test]
fn the_description_is_served() {
    let server = server();
    let nobody = Script { server: &server, secret: String::new() };
    let (status, spec) = nobody.get("/api/openapi.json");
    assert_eq!(status, 200);
    let zoe = Script::register(&server, "zan");
    let mut described = BTreeSet::new();
    for (path, operations) in spec["paths"].as_object().unwrap() {
        let example = operations["parameters"][0]["example"].as_str().unwrap_or_default();
        let concrete = path.replace("{conversation}", example);
        for method in ["get", "post", "put", "delete"] {
            let operation = &operations[method];
            let known = operation != &Value::Null;
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let open = operation["security"] == json!([]);
            let (with, _) = if open { &nobody } else { &zoe }.send(&method.to_uppercase(), &concrete, body);
            let listed = |status: u16| operation["responses"].get(status.to_string()).is_some();
            assert!(if known { listed(with) && with < 300 } else { with == 405 }, "{method} {concrete}: {with}");
            if known && !open {
                let (without, events) = nobody.send(&method.to_uppercase(), &concrete, body);
                assert!(
                    without == 401 && listed(401) && events[0]["event"] == "error",
                    "{method} {concrete}: {without}"
                );
            }
            if known {
                described.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let all = [
        "DELETE /api/messages/{conversation}",
        "GET /api/messages/{conversation}",
        "GET /api/server",
        "GET /api/users",
        "POST /api/messages",
        "POST /api/register",
    ];
    assert_eq!(described, all.map(str::to_owned).into());
}
