//! Tags: a client that puts `/tag <tag>` before a line knows what answers it.

use std::net::Shutdown;

use parlor::config::Config;
use parlor::model::{DuplicateLogin, StoreAddress};
use tungstenite::Message;

use super::{Socket, server, server_with};
use crate::support::TestServer;

fn durable(change: impl FnOnce(&mut Config)) -> TestServer {
    server_with(|config| {
        config.data = StoreAddress::Folder(config.users.with_file_name("data"));
        change(config);
    })
}

#[test]
fn a_tag_comes_back_with_every_kind_of_answer() {
    for server in [server(), durable(|_| ())] {
        let mut alice = Socket::login(&server, "alice");
        let bob = Socket::login(&server, "bob");
        alice.expect(&["joined"]);
        for (line, answer) in [
            ("/tag 1 /msg bob hi", r#"{"event":"sent","to":"bob","text":"hi","tag":"1"}"#),
            ("/tag 1 /ping again", r#"{"event":"pong","text":"again","tag":"1"}"#),
            ("/TAG k3f9-2.x_ /broadcast all", r#"{"event":"broadcast","from":"alice","text":"all","tag":"k3f9-2.x_"}"#),
            ("/tag 4 /create_group tea", r#"{"event":"group_created","group":"tea"}"#),
        ] {
            alice.answer(line, answer);
        }
        assert_eq!(alice.next(), r#"{"event":"ok","tag":"4"}"#, "nothing else carries the tag");
        for (line, answer) in [
            ("/tag 5 /g tea milk?", r#"{"event":"group","group":"tea","from":"alice","text":"milk?","tag":"5"}"#),
            ("/tag 6 /talk #tea", r##"{"event":"talking","to":"#tea","tag":"6"}"##),
            ("/tag 7 sugar  too", r#"{"event":"group","group":"tea","from":"alice","text":"sugar  too","tag":"7"}"#),
            (
                "/tag 8 /me pours",
                r#"{"event":"group","group":"tea","from":"alice","action":true,"text":"pours","tag":"8"}"#,
            ),
            ("/tag 9 /typing bob", r#"{"event":"ok","tag":"9"}"#),
            ("/tag 10 /typing", r#"{"event":"typings","wanted":false,"tag":"10"}"#),
            ("/tag 11", r#"{"event":"ok","tag":"11"}"#),
            ("/tag 12 ", r#"{"event":"ok","tag":"12"}"#),
            ("/ping without", r#"{"event":"pong","text":"without"}"#),
        ] {
            alice.answer(line, answer);
        }
        for (line, start, end) in [
            ("/tag 13 /tag 14 /ping", r#"{"event":"error","code":"unknown_command","#, r#","tag":"13"}"#),
            ("/tag 3 /msg zoe hi", r#"{"event":"error","code":"no_such_user","#, r#","tag":"3"}"#),
            ("/tag 4 hi", r#"{"event":"error","code":"no_such_group","#, r#","tag":"4"}"#),
        ] {
            if line == "/tag 4 hi" {
                alice.answer("/leave_group tea", r#"{"event":"group_left","group":"tea","gone":true}"#);
            }
            alice.send(line);
            let answer = alice.next();
            assert!(answer.starts_with(start) && answer.ends_with(end), "{answer}");
        }
        alice.send("/tag 15 /history all 2");
        assert!(alice.next().ends_with(r#","tag":"15"}"#));
        assert!(alice.next().ends_with(r#"}],"tag":"15"}"#));
        assert!(alice.next().ends_with(r#","tag":"15"}"#), "there is more");
        alice.quiet();
        drop(bob);
    }
}

#[test]
fn others_never_see_a_tag_and_the_author_does_everywhere() {
    for server in [server_with(allow), durable(allow)] {
        let (mut alice, mut other) = (Socket::login(&server, "alice"), Socket::login(&server, "alice"));
        let mut bob = Socket::login(&server, "bob");
        let mut plain = server.login("eve");
        for client in [&mut alice, &mut other] {
            client.expect(&["joined", "joined"]);
        }
        bob.expect(&["joined"]);
        alice.send("/tag a1 /msg bob hi\n/tag a2 /broadcast one\n/broadcast two\n/tag a3 /broadcast three");
        let mine = [
            r#"{"event":"sent","to":"bob","text":"hi","tag":"a1"}"#,
            r#"{"event":"broadcast","from":"alice","text":"one","tag":"a2"}"#,
            r#"{"event":"broadcast","from":"alice","text":"two"}"#,
            r#"{"event":"broadcast","from":"alice","text":"three","tag":"a3"}"#,
        ];
        for client in [&mut alice, &mut other] {
            assert_eq!(mine.map(|_| client.next()), mine);
        }
        assert_eq!(bob.next(), r#"{"event":"private","from":"alice","text":"hi"}"#);
        for text in ["one", "two", "three"] {
            assert_eq!(bob.next(), format!(r#"{{"event":"broadcast","from":"alice","text":"{text}"}}"#));
            plain.expect(&format!("[Broadcast][alice]: {text}"));
        }
        for (client, tag) in
            [(&mut alice, r#","tag":"a3"}]}"#), (&mut other, r#","tag":"a3"}]}"#), (&mut bob, r#""three"}]}"#)]
        {
            client.send("/history all 1");
            client.expect(&["history"]);
            let past = client.next();
            assert!(past.ends_with(tag), "{past}");
            client.expect(&["earlier"]);
        }
        plain.send("/tag 1 /ping");
        assert!(plain.line().starts_with("Error: Unknown command '/tag'."));
    }
}

fn allow(config: &mut Config) {
    config.duplicate_login = DuplicateLogin::Allow;
}

#[test]
fn what_is_no_tag_is_refused() {
    let server = server();
    let mut alice = Socket::login(&server, "alice");
    let mut refused = |line: &str, code: &str| {
        alice.send(line);
        let answer = alice.next();
        let start = format!(r#"{{"event":"error","code":"{code}","text":"Error: "#);
        assert!(answer.starts_with(&start) && !answer.contains(r#""tag""#), "{answer}");
    };
    for line in
        ["/tag", "/tag ", "/tag  /ping x", "/tag a\"b /ping", "/tag é /ping", &format!("/tag {} /ping", "x".repeat(33))]
    {
        refused(line, "bad_tag");
    }
    refused("/tagged x", "unknown_command");
    alice.answer(
        &format!("/tag {} /ping x", "x".repeat(32)),
        &format!(r#"{{"event":"pong","text":"x","tag":"{}"}}"#, "x".repeat(32)),
    );
    alice.send("/tag q /quit");
    assert_eq!(alice.read_to_end().0, [r#"{"event":"closed","reason":"quit"}"#]);
}

#[test]
fn an_answer_to_a_question_is_not_read_as_a_tag() {
    let server = server();
    let mut alice = Socket::login(&server, "alice");
    alice.send("/tag 1 /passwd");
    assert_eq!(alice.next(), r#"{"event":"ok","tag":"1"}"#);
    alice.expect(&["ask"]);
    alice.send("password123");
    alice.expect(&["ask"]);
    alice.send("/tag 2 secret");
    alice.expect(&["ask"]);
    alice.answer("/tag 2 secret", r#"{"event":"password_changed"}"#);
    let mut again = Socket::connect(&server);
    again.send("alice\n/tag 2 secret");
    again.expect(&["ask", "ask", "login_failed"]);
    assert!(again.read_to_end().0.len() == 1, "the old session is still there, so the password was right");
}

#[test]
fn a_client_that_comes_back_knows_its_messages_by_their_tags() {
    let server = durable(|_| ());
    let mut alice = Socket::login(&server, "alice");
    // The connection ends before the echo is read; the text is another one than was sent.
    alice.socket.write(Message::text("/tag k3-1 /msg bob a\tb\u{202e}c")).unwrap();
    alice.socket.flush().unwrap();
    alice.socket.get_ref().shutdown(Shutdown::Write).unwrap();
    alice.read_to_end();
    let mut alice = Socket::login(&server, "alice");
    alice.send("/history bob 1");
    alice.expect(&["history"]);
    assert_eq!(alice.next(), r#"{"event":"past","messages":[{"from":"alice","to":"bob","text":"a bc","tag":"k3-1"}]}"#);
}
