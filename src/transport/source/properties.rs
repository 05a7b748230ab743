//! Properties that hold for any bytes in any split.

use super::tests::{LIMIT, drain, feed, fresh, line, raw_chatter};
use super::*;
use proptest::prelude::*;

/// Recordings of real telnet clients: line mode, character mode, PuTTY, Ctrl-C in the middle of a line, hidden input.
const RECORDED: [&[u8]; 5] = [
    b"alice\r\n\xFF\xFD\x01password123\r\n\xFF\xFE\x01/msg bob h\xC3\xA4llo\r\n/quit\r\n",
    b"a\x7Falice\r\0password123\r\0/users\r\0",
    b"\xFF\xFB\x1F\xFF\xFB\x20\xFF\xFB\x18\xFF\xFB\x27\xFF\xFD\x01\xFF\xFB\x03\xFF\xFD\x03\xFF\xFA\x1F\x00\x50\x00\x18\xFF\xF0alice\r\n",
    b"alice\r\npassword123\r\n/msg bob half\xFF\xF4\xFF\xFD\x06/users\r\n\xFF\xF3\xFF\xFD\x06/quit\r\n",
    b"alice\r\n\xFF\xFC\x01\xFF\xFD\x18\xFF\xFA\x18\x01\xFF\xFF\xFF\xF0pass\xFF\xF7s\r\n\xFF\xF6\r\n",
];

/// The inputs and replies of one stream, cut at these positions.
fn played(bytes: &[u8], cuts: &[usize]) -> (Vec<Input>, Vec<u8>) {
    let mut source = fresh();
    let (mut inputs, mut replies, mut from) = (Vec::new(), Vec::new(), 0);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    for cut in cuts.into_iter().chain([bytes.len()]) {
        inputs.extend(feed(&mut source, &bytes[from..cut]));
        replies.extend(source.take_replies());
        from = cut;
    }
    source.finish();
    inputs.extend(drain(&mut source));
    (inputs, replies)
}

#[test]
fn recorded_sessions_do_not_depend_on_how_they_are_split() {
    for session in RECORDED {
        let whole = played(session, &[]);
        for first in 0..session.len() {
            for second in first..session.len() {
                assert_eq!(played(session, &[first, second]), whole, "{first} {second} of {session:?}");
            }
        }
        let every: Vec<usize> = (0..session.len()).collect();
        assert_eq!(played(session, &every), whole);
    }
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        2 => Just(0xFF),
        3 => 240..=254u8,
        2 => proptest::sample::select(b"\n\r\0\x01\x06\x08\x7F\x15\x17 ".to_vec()),
        3 => any::<u8>()
    ];
    let recorded = proptest::sample::select(RECORDED.to_vec());
    prop_oneof![
        proptest::collection::vec(byte.clone(), 0..120),
        (proptest::collection::vec(byte, 0..30), recorded).prop_map(|(noise, session)| [&noise, session].concat())
    ]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..200usize, 0..20)
}

proptest! {
    #[test]
    fn the_split_of_a_stream_does_not_matter(bytes in noise(), cuts in cuts()) {
        prop_assert_eq!(played(&bytes, &cuts), played(&bytes, &[]));
    }

    #[test]
    fn next_command_works_after_any_telnet_noise(mut bytes in noise(), cuts in cuts()) {
        // The noise may end in an open IAC within a sub-negotiation: the second SE closes it for certain.
        bytes.extend_from_slice(b"\xFF\xF0\xFF\xF0\r\n/users\r\n");
        let (inputs, _) = played(&bytes, &cuts);
        prop_assert_eq!(inputs.last(), Some(&line("/users")));
    }

    #[test]
    fn raw_messages_lose_nothing(reads in proptest::collection::vec("[a-z /]{1,60}", 0..20)) {
        let mut source = raw_chatter();
        for read in reads {
            let said: Vec<u8> = feed(&mut source, read.as_bytes()).into_iter().flat_map(|input| match input {
                Input::Line(line) => line,
                other => panic!("{other:?}"),
            }).collect();
            prop_assert_eq!(said, read.as_bytes());
        }
    }

    #[test]
    fn nothing_panics(reads in proptest::collection::vec((noise(), 0..6u8), 0..5)) {
        let mut source = fresh();
        for (bytes, act) in reads {
            for input in feed(&mut source, &bytes) {
                prop_assert!(!matches!(input, Input::Line(line) if line.len() > LIMIT));
            }
            match act {
                0 => source.settle(),
                1 => source.begin_chat(),
                2 => source.finish(),
                3 => drop(source.hide_input()),
                4 => drop(source.show_input()),
                _ => drop(source.partial().map(<[u8]>::len)),
            }
            drain(&mut source);
        }
    }

    #[test]
    fn peer_without_iac_gets_no_telnet(bytes in proptest::collection::vec(0..255u8, 0..120), cuts in cuts()) {
        prop_assert_eq!(played(&bytes, &cuts).1, b"");
    }
}
