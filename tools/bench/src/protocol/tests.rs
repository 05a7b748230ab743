//! Recorded bytes of each protocol, and arbitrary ones.

use proptest::prelude::*;

use super::*;

fn user() -> User {
    User { name: "u1".to_owned(), password: "pw".to_owned() }
}

fn sent(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

/// All frames in `bytes`, and the rest.
fn decode_all<'a>(protocol: &dyn Protocol, mut bytes: &'a [u8]) -> (Vec<Frame<'a>>, &'a [u8]) {
    let mut frames = Vec::new();
    while let Some((length, frame)) = protocol.decode(bytes) {
        frames.push(frame);
        bytes = &bytes[length..];
    }
    (frames, bytes)
}

fn message<'a>(from: Option<&'a str>, destination: Destination<'a>, text: &'a str) -> Frame<'a> {
    Frame::Message(Message { from: from.map(str::as_bytes), destination, text: text.as_bytes() })
}

#[test]
fn parlor_requests_are_encoded() {
    let parlor = Parlor;
    assert_eq!(sent(|out| parlor.log_in(&user(), out)), "u1\npw\n");
    assert_eq!(sent(|out| parlor.create_group("g", out)), "/create_group g\n");
    assert_eq!(sent(|out| parlor.join_group("g", out)), "/join_group g\n");
    assert_eq!(sent(|out| parlor.group_message("g", b"hi", out)), "/group_msg g hi\n");
    assert_eq!(sent(|out| parlor.private_message("bob", b"hi", out)), "/msg bob hi\n");
    assert_eq!(sent(|out| parlor.ping(out)), "/ping bench\n");
}

#[test]
fn parlor_lines_are_decoded() {
    let bytes = b"Enter username: Enter password: Welcome to the chat server!\nType /help for the commands.\r\n\
        Group g created.\nYou joined the group g.\n[Group g][bob]: a]: b\n[bob]: x\n[to bob]: y\n[Broadcast][bob]: z\n\
        *** bob has joined the chat.\n*** bob has left the chat.\nPong: bench\nError: Group 'g' already exists.\n[half";
    let (decoded, rest) = decode_all(&Parlor, bytes);
    let expected = [
        Frame::Done,
        Frame::Other(b"Type /help for the commands."),
        Frame::Done,
        Frame::Done,
        message(Some("bob"), Destination::Group(b"g"), "a]: b"),
        message(Some("bob"), Destination::Private, "x"),
        message(None, Destination::SentCopy(b"bob"), "y"),
        message(Some("bob"), Destination::Broadcast, "z"),
        Frame::Other(b"*** bob has joined the chat."),
        Frame::UserLeft(b"bob"),
        Frame::Done,
        Frame::Refused(b"Error: Group 'g' already exists."),
    ];
    assert_eq!((&decoded[..], rest), (&expected[..], &b"[half"[..]));
    let (decoded, _) = decode_all(&Parlor, b"Enter username: Enter password: Authentication failed.\n");
    assert_eq!(decoded, [Frame::Refused(b"Authentication failed.")]);
}

#[test]
fn irc_is_encoded_and_decoded() {
    assert_eq!(sent(|out| Irc.log_in(&user(), out)), "NICK u1\r\nUSER u1 0 * :load tester\r\n");
    assert_eq!(sent(|out| Irc.join_group("g", out)), "JOIN #g\r\n");
    assert_eq!(sent(|out| Irc.group_message("g", b"a b", out)), "PRIVMSG #g :a b\r\n");
    assert_eq!(sent(|out| Irc.private_message("bob", b"a", out)), "PRIVMSG bob :a\r\n");
    assert_eq!(sent(|out| Irc.pong(b":x", out)), "PONG :x\r\n");
    let bytes = b":h 001 u1 :Welcome\r\n:h 422 u1 :No MOTD\r\n:u1!~u@h JOIN :#g\r\n:h 366 u1 #g :End\r\nPING :x\r\n\
        :bob!~b@h PRIVMSG #g :a :b\r\n:bob!~b@h PRIVMSG u1 :x\r\n:h PONG h :bench\r\n:bob!~b@h QUIT :bye\r\n\
        :h 433 * u1 :in use\r\nERROR :Closing\r\n:half";
    let (decoded, rest) = decode_all(&Irc, bytes);
    let expected = [
        Frame::Done,
        Frame::Other(b":h 422 u1 :No MOTD"),
        Frame::Other(b":u1!~u@h JOIN :#g"),
        Frame::Done,
        Frame::Ping(b":x"),
        message(Some("bob"), Destination::Group(b"g"), "a :b"),
        message(Some("bob"), Destination::Private, "x"),
        Frame::Done,
        Frame::UserLeft(b"bob"),
        Frame::Refused(b":h 433 * u1 :in use"),
        Frame::Refused(b"ERROR :Closing"),
    ];
    assert_eq!((&decoded[..], rest), (&expected[..], &b":half"[..]));
}

#[test]
fn nats_is_encoded_and_decoded() {
    let login = sent(|out| Nats.log_in(&user(), out));
    assert!(login.starts_with("CONNECT {") && login.ends_with("}\r\nSUB u.u1 1\r\nPING\r\n"), "{login}");
    assert_eq!(sent(|out| Nats.create_group("g", out)), "SUB g.g 2\r\nPING\r\n");
    assert_eq!(sent(|out| Nats.group_message("g", b"a b", out)), "PUB g.g 3\r\na b\r\n");
    let bytes =
        b"INFO {}\r\nPONG\r\nMSG g.g 2 5\r\na\r\nbc\r\nMSG u.u1 1 0\r\n\r\nPING\r\n-ERR 'x'\r\nMSG g.g 2 5\r\nabcde";
    let (decoded, rest) = decode_all(&Nats, bytes);
    let expected = [
        Frame::Other(b"INFO {}"),
        Frame::Done,
        message(None, Destination::Group(b"g"), "a\r\nbc"),
        message(None, Destination::Private, ""),
        Frame::Ping(b""),
        Frame::Refused(b"-ERR 'x'"),
    ];
    assert_eq!((&decoded[..], rest), (&expected[..], &b"MSG g.g 2 5\r\nabcde"[..]));
}

#[test]
fn redis_is_encoded_and_decoded() {
    assert_eq!(sent(|out| Redis.log_in(&user(), out)), "HELLO 3\r\nSUBSCRIBE u.u1\r\n");
    let published = sent(|out| Redis.group_message("g", b"a b", out));
    assert_eq!(published, "*3\r\n$7\r\nPUBLISH\r\n$3\r\ng.g\r\n$3\r\na b\r\n");
    let hello = b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*0\r\n";
    let rest = b">3\r\n$9\r\nsubscribe\r\n$4\r\nu.u1\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$3\r\ng.g\r\n$4\r\na\r\nb\r\n\
        >3\r\n$7\r\nmessage\r\n$4\r\nu.u1\r\n$1\r\nx\r\n:3\r\n+PONG\r\n-ERR no\r\n>3\r\n$7\r\nmess";
    let bytes = [&hello[..], rest].concat();
    let (decoded, rest) = decode_all(&Redis, &bytes);
    let expected = [
        Frame::Other(hello),
        Frame::Done,
        message(None, Destination::Group(b"g"), "a\r\nb"),
        message(None, Destination::Private, "x"),
        Frame::Other(b":3\r\n"),
        Frame::Done,
        Frame::Refused(b"ERR no"),
    ];
    assert_eq!((&decoded[..], rest), (&expected[..], &b">3\r\n$7\r\nmess"[..]));
}

/// WebSocket frames as a server sends them, unmasked.
fn server_frames(frames: &[(u8, &str)]) -> Vec<u8> {
    let frame = |(first, text): &(u8, &str)| {
        let head = match text.len() {
            short @ 0..126 => vec![*first, short as u8],
            long => [&[*first, 126], &(long as u16).to_be_bytes()[..]].concat(),
        };
        [head, text.as_bytes().to_vec()].concat()
    };
    frames.iter().flat_map(frame).collect()
}

#[test]
fn websocket_requests_are_encoded() {
    let web = Web::at("127.0.0.1:8080".parse().unwrap());
    let mut login = Vec::new();
    web.log_in(&user(), &mut login);
    let login = String::from_utf8_lossy(&login);
    assert!(login.starts_with("GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: Upgrade\r\n"), "{login}");
    let masked = |out: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        out(&mut bytes);
        (bytes[0], bytes[1] ^ 0x80, String::from_utf8(bytes[6..].to_vec()).unwrap())
    };
    assert!(login.ends_with("u1\npw"), "{login}");
    assert_eq!(masked(&|out| web.create_group("g", out)), (0x81, 15, "/create_group g".to_owned()));
    assert_eq!(masked(&|out| web.join_group("g", out)), (0x81, 13, "/join_group g".to_owned()));
    assert_eq!(masked(&|out| web.group_message("g", b"hi", out)), (0x81, 15, "/group_msg g hi".to_owned()));
    assert_eq!(masked(&|out| web.private_message("bob", b"hi", out)), (0x81, 11, "/msg bob hi".to_owned()));
    assert_eq!(masked(&|out| web.ping(out)), (0x81, 11, "/ping bench".to_owned()));
    assert_eq!(masked(&|out| web.pong(b"42", out)), (0x8A, 2, "42".to_owned()));
    for (size, head) in [(125 - 13, 6), (126 - 13, 8), (65_535 - 13, 8), (65_536 - 13, 14)] {
        let mut bytes = Vec::new();
        web.group_message("g", &vec![b'x'; size], &mut bytes);
        assert_eq!(bytes.len(), head + 13 + size);
    }
}

#[test]
fn websocket_events_are_decoded() {
    let web = Web::at("127.0.0.1:8080".parse().unwrap());
    let upgraded = "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let (long, group) =
        ("y".repeat(200), "{\"event\":\"group\",\"id\":7,\"at\":\"z\",\"group\":\"g\",\"from\":\"bob\"");
    let long_event = format!("{group},\"text\":\"{long}\"}}");
    let events = server_frames(&[
        (0x81, "{\"event\":\"ask\",\"what\":\"name\"}"),
        (0x81, "{\"event\":\"welcome\",\"text\":null}"),
        (0x81, "{\"event\":\"group_created\",\"group\":\"g\"}"),
        (0x81, "{\"event\":\"group_joined\",\"group\":\"g\"}"),
        (0x81, &long_event),
        (0x81, "{\"event\":\"private\",\"more\":[{\"text\":\"a]}\\\"\"},2],\"from\":\"bob\",\"text\":\"x\"}"),
        (0x81, "{\"event\":\"sent\",\"to\":\"bob\",\"text\":\"y\"}"),
        (0x81, "{\"event\":\"broadcast\",\"from\":\"bob\",\"text\":\"z\"}"),
        (0x89, "42"),
        (0x81, "{\"event\":\"left\",\"user\":\"bob\"}"),
        (0x81, "{\"event\":\"pong\",\"text\":\"bench\"}"),
        (0x81, "{\"event\":\"error\",\"code\":\"usage\"}"),
        (0x88, "\u{3}"),
    ]);
    let bytes = [upgraded.as_bytes(), &events, b"\x81\x7E\x00"].concat();
    let (decoded, rest) = decode_all(&web, &bytes);
    let expected = [
        Frame::Other(b"HTTP/1.1 101 Switching Protocols"),
        Frame::Other(b"{\"event\":\"ask\",\"what\":\"name\"}"),
        Frame::Done,
        Frame::Done,
        Frame::Done,
        message(Some("bob"), Destination::Group(b"g"), &long),
        message(Some("bob"), Destination::Private, "x"),
        message(None, Destination::SentCopy(b"bob"), "y"),
        message(Some("bob"), Destination::Broadcast, "z"),
        Frame::Ping(b"42"),
        Frame::UserLeft(b"bob"),
        Frame::Done,
        Frame::Refused(b"{\"event\":\"error\",\"code\":\"usage\"}"),
        Frame::Other(b"\x03"),
    ];
    assert_eq!((&decoded[..], rest), (&expected[..], &b"\x81\x7E\x00"[..]));
    let (decoded, _) = decode_all(&web, b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n");
    assert_eq!(decoded, [Frame::Refused(b"HTTP/1.1 503 Service Unavailable")]);
    let (decoded, _) = decode_all(&web, b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: another\r\n\r\n");
    assert_eq!(decoded, [Frame::Refused(b"HTTP/1.1 101 Switching Protocols")]);
}

fn every_protocol() -> Vec<Box<dyn Protocol>> {
    let web = Web::at("127.0.0.1:8080".parse().unwrap());
    vec![Box::new(Parlor), Box::new(Irc), Box::new(Nats), Box::new(Redis), Box::new(web)]
}

proptest! {
    #[test]
    fn decoding_any_bytes_never_panics(bytes: Vec<u8>) {
        for protocol in every_protocol() {
            let (_, rest) = decode_all(&*protocol, &bytes);
            prop_assert!(rest.len() <= bytes.len());
        }
    }

    #[test]
    fn an_incomplete_frame_is_not_decoded(at in 0..40usize) {
        let line = b"[Group g][bob]: a text that is not over.\n";
        prop_assert_eq!(Parlor.decode(&line[..at.min(line.len() - 1)]), None);
    }
}
