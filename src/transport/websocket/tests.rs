//! A WebSocket over the in-memory link, and over one that takes arbitrary amounts of bytes.

use std::time::Duration;

use proptest::prelude::*;
use tungstenite::protocol::frame::coding::Control;

use super::*;
use crate::transport::memory::{self, MemoryPeer};

const PATIENCE: Duration = Duration::from_secs(20);

fn pair() -> (WebSocketLink, MemoryPeer) {
    let (below, peer) = memory::pair();
    (WebSocketLink::new(Arc::new(below), b""), peer)
}

/// A frame as a client sends it.
fn frame(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader { opcode, is_final, mask: Some([1, 2, 3, 4]), ..FrameHeader::default() };
    let mut bytes = Vec::new();
    Frame::from_payload(header, payload.to_vec().into()).format(&mut bytes).unwrap();
    bytes
}

fn text(text: &str) -> Vec<u8> {
    frame(OpCode::Data(Data::Text), true, text.as_bytes())
}

fn read(link: &WebSocketLink) -> io::Result<String> {
    let mut buffer = [0; 64];
    let n = link.read(&mut buffer, Some(Instant::now() + PATIENCE))?;
    Ok(String::from_utf8(buffer[..n].to_vec()).unwrap())
}

/// The messages that a client received.
fn messages(bytes: &[u8]) -> Vec<Message> {
    let mut context = WebSocketContext::new(Role::Client, None);
    let mut feed = Feed { bytes: bytes.to_vec(), ..Feed::default() };
    std::iter::from_fn(|| context.read(&mut feed).ok()).collect()
}

fn received(peer: &MemoryPeer) -> Vec<Message> {
    messages(&peer.receive(Instant::now() + PATIENCE).unwrap())
}

#[test]
fn a_message_is_a_line_and_a_line_is_a_message() {
    let (link, peer) = pair();
    peer.send(&[text("/users"), text("alice\nsecret"), text(""), text("end\n")].concat());
    let mut all = String::new();
    while !all.ends_with("end\n") {
        all += &read(&link).unwrap();
    }
    assert_eq!(all, "/users\nalice\nsecret\n\nend\n");
    assert_eq!(link.try_write(b"{\"a\":1}\n\r\n{\"b\":2}\n").unwrap(), 18);
    assert_eq!(received(&peer), [Message::text("{\"a\":1}"), Message::text("{\"b\":2}")]);
}

#[test]
fn messages_sent_together_are_read_together() {
    let (link, peer) = pair();
    peer.send(&text("/ping 1").repeat(9));
    // No frame fits into the buffer, and yet it is filled with lines.
    let mut buffer = [0; 10];
    assert_eq!(link.read(&mut buffer, Some(Instant::now() + PATIENCE)).unwrap(), 10);
    assert_eq!(&buffer, b"/ping 1\n/p");
}

#[test]
fn bytes_after_the_handshake_are_read_first() {
    let (below, peer) = memory::pair();
    let first = text("first");
    let link = WebSocketLink::new(Arc::new(below), &first[..4]);
    peer.send(&first[4..]);
    assert_eq!(read(&link).unwrap(), "first\n");
}

#[test]
fn pings_between_fragments_are_answered() {
    let (link, peer) = pair();
    let (one, two) = (OpCode::Data(Data::Text), OpCode::Data(Data::Continue));
    let ping = frame(OpCode::Control(Control::Ping), true, b"42");
    let fragments = [frame(one, false, b"/pi"), ping, frame(two, false, b"ng"), frame(two, true, b" x")].concat();
    fragments.iter().for_each(|byte| peer.send(&[*byte]));
    assert_eq!(read(&link).unwrap(), "/ping x\n");
    assert_eq!(received(&peer), [Message::Pong(b"42".to_vec().into())]);
}

#[test]
fn a_closed_socket_is_read_to_its_end_and_takes_no_more() {
    let (link, peer) = pair();
    peer.send(&[text("last"), frame(OpCode::Control(Control::Close), true, &1000_u16.to_be_bytes())].concat());
    assert_eq!(read(&link).unwrap(), "last\n");
    // However often it is read, and although the connection below is still open.
    assert_eq!((read(&link).unwrap(), read(&link).unwrap()), (String::new(), String::new()));
    // What it has sent is answered before the close frame.
    link.try_write(b"answer\n").unwrap();
    link.finish();
    let all = received(&peer);
    assert!(
        matches!(&all[..], [Message::Text(answer), Message::Close(Some(_))] if answer.as_str() == "answer"),
        "{all:?}"
    );
    assert_eq!(link.try_write(b"x\n").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn a_ping_is_answered_however_many_there_were() {
    // RFC 6455, 5.5.2 and 5.5.3: at least the latest one, also when they are many or long, and when nothing can be sent.
    for (count, length) in [(1, 0), (40, 100), (100, 125), (2, 125)] {
        for shut in [false, true] {
            let (link, peer) = pair();
            peer.shut_gate(shut);
            let ping = |n: usize| [&[b'x'; 125][..length.min(122)], format!("{n:03}").as_bytes()].concat();
            let pings = (0..count).flat_map(|n| frame(OpCode::Control(Control::Ping), true, &ping(n)));
            peer.send(&pings.chain(text("x")).collect::<Vec<u8>>());
            assert_eq!(read(&link).unwrap(), "x\n");
            peer.shut_gate(false);
            link.try_write(b"y\n").unwrap();
            let all = received(&peer);
            let pongs: Vec<&Message> = all.iter().filter(|message| matches!(message, Message::Pong(_))).collect();
            assert_eq!(pongs.last(), Some(&&Message::Pong(ping(count - 1).into())), "{count} {length} {shut}");
            assert!(shut || pongs.len() == count, "{} of {count}", pongs.len());
        }
    }
}

#[test]
fn lines_before_a_violation_are_read_first() {
    let (link, peer) = pair();
    peer.send(&[text("first"), frame(OpCode::Data(Data::Binary), true, b"x"), text("never")].concat());
    assert_eq!(read(&link).unwrap(), "first\n");
    link.try_write(b"answer\n").unwrap();
    peer.finish();
    assert_eq!(read(&link).unwrap_err().kind(), io::ErrorKind::InvalidData);
    let all = received(&peer);
    let code =
        |message: &Message| matches!(message, Message::Close(Some(close)) if close.code == CloseCode::Unsupported);
    assert!(all.len() == 2 && code(&all[1]), "{all:?}");
}

#[test]
fn finishing_sends_a_close_frame() {
    let (link, peer) = pair();
    link.try_write(b"bye\n").unwrap();
    link.finish();
    let all = received(&peer);
    assert!(matches!(&all[..], [Message::Text(bye), Message::Close(Some(_))] if bye.as_str() == "bye"), "{all:?}");
    assert!(link.try_write(b"x\n").is_err());
}

#[test]
fn violations_close_with_their_code_and_end_reading() {
    let mut unmasked = Vec::new();
    Frame::message("x", OpCode::Data(Data::Text), true).format(&mut unmasked).unwrap();
    let mut reserved = text("x");
    reserved[0] |= 0x40;
    let mut huge = vec![0x81, 0xFF];
    huge.extend([u64::MAX.to_be_bytes().as_slice(), &[1, 2, 3, 4]].concat());
    let pieces = vec![b'x'; 40_000];
    let endless = [frame(OpCode::Data(Data::Text), false, &pieces), frame(OpCode::Data(Data::Continue), true, &pieces)];
    for (what, bytes, code) in [
        ("unmasked", unmasked, 1002),
        ("reserved bits", reserved, 1002),
        ("reserved opcode", frame(OpCode::Data(Data::Reserved(3)), true, b""), 1002),
        ("fragmented control", frame(OpCode::Control(Control::Ping), false, b""), 1002),
        ("long control", frame(OpCode::Control(Control::Ping), true, &[0; 126]), 1002),
        ("stray continuation", frame(OpCode::Data(Data::Continue), true, b"x"), 1002),
        ("binary", frame(OpCode::Data(Data::Binary), true, b"x"), 1003),
        ("bad UTF-8", frame(OpCode::Data(Data::Text), true, b"\xC3\x28"), 1007),
        ("an endless frame", huge, 1009),
        ("an endless message", endless.concat(), 1009),
    ] {
        let (link, peer) = pair();
        peer.send(&bytes);
        assert_eq!(read(&link).unwrap_err().kind(), io::ErrorKind::InvalidData, "{what}");
        match &received(&peer)[..] {
            [Message::Close(Some(close))] => assert_eq!(u16::from(close.code), code, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
        peer.send(&text("/quit"));
        assert_eq!(read(&link).unwrap(), "", "{what}");
    }
}

/// A connection that takes the given amounts of bytes, one after the other; 0 means not now.
struct Fitful {
    takes: Mutex<Vec<usize>, 9>,
    taken: Mutex<Vec<u8>, 9>,
}

impl Link for Fitful {
    fn read(&self, _: &mut [u8], _: Option<Instant>) -> io::Result<usize> {
        Ok(0)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let most = self.takes.lock().pop().unwrap_or(usize::MAX);
        match most.min(bytes.len()) {
            0 if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            n => {
                self.taken.lock().extend_from_slice(&bytes[..n]);
                Ok(n)
            }
        }
    }

    fn wait_writable(&self, _: Instant) -> io::Result<()> {
        Ok(())
    }

    fn stop_reading(&self) {}

    fn finish(&self) {}

    fn abort(&self) {}

    fn peer(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }
}

proptest! {
    #[test]
    fn each_line_arrives_once_and_counts_when_complete(
        lines in prop::collection::vec("[a-z]{1,300}", 1..20),
        takes in prop::collection::vec(0..200_usize, 0..200),
        pings in prop::collection::vec(0..20_usize, 0..3),
    ) {
        let below = Arc::new(Fitful { takes: Mutex::new(takes), taken: Mutex::default() });
        let link = WebSocketLink::new(Arc::clone(&below) as Arc<dyn Link>, b"");
        let all: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
        let (mut sent, mut round) = (0, 0);
        while sent < all.len() {
            if pings.contains(&round) {
                link.interject(&ping_frame());
            }
            round += 1;
            if let Ok(n) = link.try_write(&all[sent..]) {
                sent += n;
                prop_assert!(all[..sent].ends_with(b"\n"));
                let whole = messages(&below.taken.lock()).into_iter().filter(Message::is_text).count();
                prop_assert!(whole >= all[..sent].iter().filter(|byte| **byte == b'\n').count());
            }
        }
        let got = messages(&below.taken.lock());
        let got: Vec<String> = got.iter().filter(|m| m.is_text()).map(|m| m.to_text().unwrap().to_owned()).collect();
        prop_assert_eq!(got, lines);
    }

    #[test]
    fn dropping_a_partly_sent_line_loses_nothing_else(
        cut in 1..400_usize,
        long in 100..500_usize,
    ) {
        let below = Arc::new(Fitful { takes: Mutex::new(vec![0, cut.min(long)]), taken: Mutex::default() });
        let link = WebSocketLink::new(Arc::clone(&below) as Arc<dyn Link>, b"");
        let half = format!("{}\n", "x".repeat(long));
        prop_assert!(link.try_write(half.as_bytes()).is_err());
        let mut rest: &[u8] = b"\r\nlast words\n";
        while !rest.is_empty() {
            rest = &rest[link.try_write(rest).unwrap_or(0)..];
        }
        let got = messages(&below.taken.lock());
        prop_assert_eq!(got, [Message::text(half.trim_end()), Message::text("last words")]);
    }
}
