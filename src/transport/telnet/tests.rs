//! The telnet filter against what real clients send.

use super::*;
use proptest::prelude::*;

/// The data, the other steps that matter, and the replies.
fn run(filter: &mut TelnetFilter, bytes: &[u8]) -> (Vec<u8>, Vec<Step>, Vec<u8>) {
    let (mut data, mut steps, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        let (taken, step) = filter.step(&bytes[at..]);
        assert!(taken > 0, "no progress at {at}");
        match step {
            Step::Data => data.extend_from_slice(&bytes[at..at + taken]),
            Step::Nothing => {}
            other => steps.push(other),
        }
        at += taken;
    }
    (data, steps, filter.take_replies())
}

fn fresh(bytes: &[u8]) -> (Vec<u8>, Vec<Step>, Vec<u8>) {
    run(&mut TelnetFilter::default(), bytes)
}

#[test]
fn commands_vanish_and_data_stays() {
    assert_eq!(fresh(b"a\xFF\xF1b\xFF\xF9c").0, b"abc");
    assert_eq!(fresh(b"a\xFF\xFFb").0, b"a\xFFb");
    assert_eq!(fresh(b"a\xFF\xEFb").0, b"a\xEFb", "below 240 only the IAC is dropped");
    assert_eq!(fresh(b"a\xFF\xFA\x18 x \xFF\xFF\xF0 y \xFF\xF0b").0, b"ab", "an escaped IAC ends no sub-negotiation");
    let steps = [Step::Interrupt, Step::Interrupt, Step::AreYouThere, Step::EraseChar, Step::EraseLine];
    assert_eq!(fresh(b"\xFF\xF4\xFF\xF3\xFF\xF6\xFF\xF7\xFF\xF8").1, steps);
}

#[test]
fn every_command_of_rfc_854_and_1184_vanishes() {
    for command in (236..=238).chain(240..=249) {
        let (data, ..) = fresh(&[b"/msg bob hi\xFF", &[command][..], b"/users\r\n"].concat());
        assert_eq!(data, b"/msg bob hi/users\r\n", "{command}");
    }
    assert_eq!(fresh(b"\xFF\xED/users").1, [], "RFC 1184: SUSP, Ctrl-Z");
    assert_eq!(fresh(b"\xFF\xEE").1, [Step::Interrupt], "RFC 1184: ABORT");
}

#[test]
fn a_sub_negotiation_ends_at_a_command_or_a_line_end() {
    for (what, bytes) in [
        ("RFC 1073: a window of 80 by 24", &b"\xFF\xFA\x1F\0\x50\0\x18\xFF\xF0"[..]),
        ("a window of 13 by 10", b"\xFF\xFA\x1F\0\x0D\0\x0A\xFF\xF0"),
        ("an escaped width of 255", b"\xFF\xFA\x1F\0\xFF\xFF\0\x18\xFF\xF0"),
        ("an unescaped width of 255", b"\xFF\xFA\x1F\0\xFF\0\x18\xFF\xF0"),
        ("an unescaped height of 255", b"\xFF\xFA\x1F\0\x50\0\xFF\xFF\xF0"),
        ("both unescaped", b"\xFF\xFA\x1F\0\xFF\0\xFF\xFF\xF0"),
        ("no option", b"\xFF\xFA\xFF\xF0"),
        ("ended by the next one", b"\xFF\xFA\x18\0xterm\xFF\xFA\x18\0vt\xFF\xF0"),
        ("ended by another command", b"\xFF\xFA\x18\0xterm\xFF\xF1"),
    ] {
        assert_eq!(fresh(&[bytes, b"alice\r\n"].concat()).0, b"alice\r\n", "{what}");
    }
    assert_eq!(fresh(b"\xFF\xFA\x18\0xterm\r\nalice\r\n").0, b"\r\nalice\r\n", "ended by a line end");
    assert_eq!(fresh(b"x\xFF\xFA\x1F\0\x50alice\r\n/users\r\n").0, b"x\r\n/users\r\n", "a size without an end");
}

#[test]
fn only_a_command_shows_telnet() {
    for (bytes, telnet) in [(&b"abc"[..], false), (b"\xFF\xFF", false), (b"\xFFa", false), (b"\xFF\xF1", true)] {
        let mut filter = TelnetFilter::default();
        run(&mut filter, bytes);
        assert_eq!(filter.saw_telnet(), telnet, "{bytes:?}");
    }
}

#[test]
fn offers_are_refused_once_per_change() {
    assert_eq!(fresh(b"\xFF\xFB\x1F\xFF\xFB\x1F").2, b"\xFF\xFE\x1F");
    assert_eq!(fresh(b"\xFF\xFD\x03\xFF\xFD\x03").2, b"\xFF\xFC\x03");
    assert_eq!(fresh(b"\xFF\xFB\x1F\xFF\xFC\x1F\xFF\xFB\x1F").2, b"\xFF\xFE\x1F\xFF\xFE\x1F");
    assert_eq!(fresh(b"\xFF\xFC\x1F\xFF\xFE\x03").2, b"");
    assert_eq!(fresh(b"\xFF\xFD\x06\xFF\xFD\x06").2, b"\xFF\xFC\x06\xFF\xFC\x06", "the timing mark each time");
}

#[test]
fn answers_to_our_echo_are_not_answered() {
    let mut filter = TelnetFilter::default();
    assert_eq!(filter.hide_input(), b"\xFF\xFB\x01");
    assert_eq!(run(&mut filter, b"\xFF\xFD\x01").2, b"");
    assert_eq!(run(&mut filter, b"\xFF\xFD\x01").2, b"", "it is on already");
    assert_eq!(filter.show_input(), b"\xFF\xFC\x01");
    assert_eq!(run(&mut filter, b"\xFF\xFE\x01").2, b"");
    assert_eq!(run(&mut filter, b"\xFF\xFD\x01").2, b"\xFF\xFC\x01", "now it is the client's own wish");
}

#[test]
fn late_answer_to_our_echo_is_no_request() {
    let mut filter = TelnetFilter::default();
    for answers in [&b"\xFF\xFD\x01\xFF\xFE\x01\xFF\xFD\x01\xFF\xFE\x01"[..], b"\xFF\xFE\x01\xFF\xFE\x01"] {
        for _ in 0..2 {
            filter.hide_input();
            filter.show_input();
        }
        assert_eq!(run(&mut filter, answers).2, b"");
    }
    assert_eq!(run(&mut filter, b"\xFF\xFD\x01").2, b"\xFF\xFC\x01", "all offers are answered, so this is one");
}

#[test]
fn peer_may_refuse_or_end_our_echo() {
    let mut filter = TelnetFilter::default();
    filter.hide_input();
    assert_eq!(run(&mut filter, b"\xFF\xFE\x01").2, b"", "a refusal");
    filter.show_input();
    filter.hide_input();
    assert_eq!(
        run(&mut filter, b"\xFF\xFD\x01\xFF\xFE\x01").2,
        b"\xFF\xFC\x01",
        "on, and off by the client's own wish"
    );
    assert_eq!(run(&mut filter, b"\xFF\xFE\x01").2, b"");
}

#[test]
fn replies_nobody_takes_are_bounded() {
    let mut filter = TelnetFilter::default();
    for _ in 0..100_000 {
        for byte in *b"\xFF\xFD\x06" {
            filter.step(&[byte]);
        }
    }
    assert!(filter.take_replies().len() < REPLY_BYTES + 3);
}

/// Bytes as a broken or malicious telnet peer might send them: mostly commands.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(IAC), 3 => 240..=254u8, 2 => 0..8u8, 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..100)
}

proptest! {
    #[test]
    fn any_split_gives_the_same(bytes in noise()) {
        let mut filter = TelnetFilter::default();
        let (mut data, mut steps, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        for byte in &bytes {
            let (d, s, r) = run(&mut filter, std::slice::from_ref(byte));
            data.extend(d);
            steps.extend(s);
            replies.extend(r);
        }
        prop_assert_eq!((data, steps, replies), fresh(&bytes));
    }

    #[test]
    fn peer_without_iac_gets_none(bytes in proptest::collection::vec(0..IAC, 0..200)) {
        let mut filter = TelnetFilter::default();
        let (data, steps, replies) = run(&mut filter, &bytes);
        prop_assert_eq!(data, bytes);
        prop_assert!(steps.is_empty() && replies.is_empty() && !filter.saw_telnet());
    }

    #[test]
    fn timing_mark_is_always_answered(mut bytes in noise()) {
        // Twice, because the noise may end in an open IAC.
        bytes.extend_from_slice(b"\xFF\xF0\xFF\xF0");
        let mut filter = TelnetFilter::default();
        run(&mut filter, &bytes);
        prop_assert_eq!(run(&mut filter, b"\xFF\xFD\x06").2, b"\xFF\xFC\x06");
    }

    #[test]
    fn every_reply_refuses(bytes in noise()) {
        let (_, _, replies) = fresh(&bytes);
        prop_assert!(replies.chunks(3).all(|reply| matches!(reply, [IAC, WONT | DONT, _])));
    }
}
