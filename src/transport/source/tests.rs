//! From bytes to input: clients with line ends, clients without, telnet.

use super::*;
use crate::transport::framing::tests::COMMANDS;

pub(super) const LIMIT: usize = 64;

pub(super) fn line(text: &str) -> Input {
    Input::Line(text.into())
}

pub(super) fn drain(source: &mut LineSource) -> Vec<Input> {
    std::iter::from_fn(|| source.next_input()).collect()
}

pub(super) fn feed(source: &mut LineSource, bytes: &[u8]) -> Vec<Input> {
    source.feed(bytes, false);
    drain(source)
}

fn settle(source: &mut LineSource) -> Vec<Input> {
    source.settle();
    drain(source)
}

pub(super) fn fresh() -> LineSource {
    LineSource::terminal(LIMIT, &COMMANDS)
}

/// A raw client that is logged in.
pub(super) fn raw_chatter() -> LineSource {
    let mut source = fresh();
    for answer in ["alice", "password123"] {
        assert_eq!(feed(&mut source, answer.as_bytes()), []);
        assert_eq!(source.partial(), Some(answer.as_bytes()));
        assert_eq!(settle(&mut source), [line(answer)]);
    }
    source.begin_chat();
    source
}

#[test]
fn piped_script_comes_out_in_order() {
    let mut source = fresh();
    let inputs = feed(&mut source, b"alice\npassword123\n/users/exit\n/quit");
    assert_eq!(inputs, [line("alice"), line("password123"), line("/users/exit")]);
    assert_eq!(source.framing(), Framing::Lines);
    assert_eq!(source.partial(), None, "lines are never taken before their end");
    assert!(!source.wants_pause());
    source.finish();
    assert_eq!(drain(&mut source), [line("/quit")]);
    assert_eq!(drain(&mut source), []);
}

#[test]
fn end_of_input_ends_a_name_and_reports_a_long_line() {
    let mut source = fresh();
    feed(&mut source, b"alice");
    source.finish();
    assert_eq!(drain(&mut source), [line("alice")]);
    let mut source = fresh();
    feed(&mut source, &[b'x'; LIMIT + 1]);
    source.finish();
    assert_eq!(drain(&mut source), [Input::TooLong { bytes: LIMIT as u64 + 1 }]);
}

#[test]
fn raw_answers_wait_until_they_are_settled() {
    let mut source = fresh();
    assert!(!source.wants_pause());
    assert_eq!(settle(&mut source), [], "silence is not a name");
    assert_eq!(source.framing(), Framing::Undecided);
    feed(&mut source, b"al");
    assert!(source.wants_pause());
    feed(&mut source, b"ice");
    assert_eq!(source.partial(), Some(&b"alice"[..]));
    assert_eq!(settle(&mut source), [line("alice")]);
    assert_eq!(source.framing(), Framing::Raw);
    assert!(!source.wants_pause());
}

#[test]
fn late_line_end_after_a_raw_name_is_not_a_password() {
    for (reads, crlf) in [
        (&[&b"\n"[..]][..], false),
        (&[b"\r\n"], true),
        (&[b"\r", b"\n"], true),
        (&[b"\r\0"], false),
        (&[b"\r"], false),
    ] {
        let mut source = fresh();
        feed(&mut source, b"alice");
        settle(&mut source);
        for read in reads {
            assert_eq!(feed(&mut source, read), []);
        }
        assert_eq!(source.framing(), Framing::Lines, "{reads:?}");
        assert_eq!(feed(&mut source, b"pass"), []);
        assert_eq!(source.partial(), None);
        assert_eq!(feed(&mut source, b"word123\n\n"), [line("password123"), line("")]);
        assert_eq!(source.ends_in_crlf(), crlf, "{reads:?}");
    }
}

#[test]
fn only_the_bytes_right_after_a_raw_name_are_its_line_end() {
    let mut source = fresh();
    feed(&mut source, b"alice");
    settle(&mut source);
    assert_eq!(feed(&mut source, b"password123\n\n"), [line("password123"), line("")]);
    assert_eq!(source.framing(), Framing::Raw);
}

#[test]
fn each_raw_read_is_a_message() {
    let mut source = raw_chatter();
    assert_eq!(feed(&mut source, b"hello"), [line("hello")]);
    assert_eq!(feed(&mut source, b"two\nlines"), [line("two"), line("lines")]);
    assert_eq!(feed(&mut source, b"ended\r\n"), [line("ended")]);
    assert_eq!(
        feed(&mut source, b"/create_group A/create_group B"),
        [line("/create_group A"), line("/create_group B")]
    );
    assert_eq!(feed(&mut source, b"/users/exit\nx/help"), [line("/users"), line("/exit"), line("x"), line("/help")]);
    assert_eq!(source.partial(), None);
}

#[test]
fn bytes_after_a_raw_password_are_messages() {
    let mut source = fresh();
    feed(&mut source, b"alice");
    settle(&mut source);
    source.feed(b"password123\n/users/quit", false);
    assert_eq!(source.next_input(), Some(line("password123")));
    source.begin_chat();
    assert_eq!(drain(&mut source), [line("/users"), line("/quit")]);
}

#[test]
fn over_long_raw_message_is_reported_once_after_the_pause() {
    let mut source = raw_chatter();
    assert_eq!(feed(&mut source, &[b'x'; LIMIT + 9]), []);
    assert!(source.wants_pause());
    assert_eq!(feed(&mut source, b"yyyyy"), []);
    assert_eq!(settle(&mut source), [Input::TooLong { bytes: LIMIT as u64 + 14 }]);
    assert!(!source.wants_pause());
    assert_eq!(feed(&mut source, b"/users"), [line("/users")]);
    assert_eq!(feed(&mut source, &[b'x'; LIMIT]).len(), 1, "a message has no line end to count");
}

#[test]
fn the_limit_is_that_of_each_raw_message() {
    let glued = "/create_group A/msg bob hi".repeat(50);
    let expected: Vec<Input> = (0..100).map(|n| line(["/create_group A", "/msg bob hi"][n % 2])).collect();
    let mut source = raw_chatter();
    assert_eq!(feed(&mut source, glued.as_bytes()), expected);
    // Cut anywhere, by a read that was filled.
    for cut in 1..glued.len() {
        source.feed(&glued.as_bytes()[..cut], true);
        let mut inputs = drain(&mut source);
        inputs.extend(feed(&mut source, &glued.as_bytes()[cut..]));
        assert_eq!(inputs, expected, "{cut}");
    }
    let long = format!("/msg bob {}", "x".repeat(LIMIT));
    for cut in [1, 30, LIMIT, LIMIT + 9] {
        let sent = format!("/users{long}/msg bob hi/create_group A");
        source.feed(&sent.as_bytes()[..cut], true);
        let mut inputs = drain(&mut source);
        inputs.extend(feed(&mut source, &sent.as_bytes()[cut..]));
        let too_long = Input::TooLong { bytes: long.len() as u64 };
        assert_eq!(inputs, [line("/users"), too_long, line("/msg bob hi"), line("/create_group A")], "{cut}");
    }
    assert_eq!(feed(&mut source, format!("{long}/users").as_bytes()), []);
    assert_eq!(settle(&mut source), [Input::TooLong { bytes: long.len() as u64 }, line("/users")]);
    assert_eq!(feed(&mut source, format!("{long}\n/users").as_bytes()).last(), Some(&line("/users")));
}

#[test]
fn half_a_letter_at_the_end_of_a_raw_read_waits_for_its_rest() {
    let mut source = raw_chatter();
    let text = "/users/msg bob zoë €😀";
    for cut in 1..text.len() {
        let mut inputs = feed(&mut source, &text.as_bytes()[..cut]);
        let waits = !text.is_char_boundary(cut);
        assert_eq!(source.wants_pause(), waits, "{cut}");
        inputs.extend(feed(&mut source, &text.as_bytes()[cut..]));
        if waits {
            assert_eq!(inputs, [line("/users"), line("/msg bob zoë €😀")], "{cut}");
        }
    }
    assert_eq!(feed(&mut source, b"half \xC3"), []);
    assert_eq!(settle(&mut source), [Input::Line(b"half \xC3".to_vec())]);
    assert_eq!(feed(&mut source, b"not \xFE"), [Input::Line(b"not \xFE".to_vec())]);
}

#[test]
fn commands_after_a_raw_password_wait_for_the_login() {
    let mut source = fresh();
    feed(&mut source, b"alice");
    assert_eq!(source.partial_before_commands(), None);
    settle(&mut source);
    let commands = "/create_group A".repeat(100);
    assert_eq!(feed(&mut source, format!("password123{commands}").as_bytes()), []);
    assert_eq!(source.partial_before_commands(), Some(&b"password123"[..]));
    source.settle_before_commands();
    assert_eq!(source.next_input(), Some(line("password123")));
    source.begin_chat();
    assert_eq!(drain(&mut source), vec![line("/create_group A"); 100]);
}

#[test]
fn a_slash_sent_twice_is_no_command() {
    let mut source = raw_chatter();
    assert_eq!(feed(&mut source, b"//users"), [line("//users")]);
    assert_eq!(feed(&mut source, b"/users\0/groups_users\0\0"), [line("/users\0"), line("/groups_users\0\0")]);
}

#[test]
fn erasing_takes_key_presses_along() {
    let mut source = fresh();
    assert_eq!(feed(&mut source, b"/users\x1B[A\x1B[1;5Cx\x1B[D\x7F\n"), [line("/users")]);
    assert_eq!(feed(&mut source, b"one two\x1BOA\x17three\n"), [line("one three")]);
}

#[test]
fn over_long_raw_name_is_reported_after_the_pause() {
    let mut source = fresh();
    assert_eq!(feed(&mut source, &[b'x'; LIMIT + 1]), []);
    assert_eq!((source.partial(), source.wants_pause()), (None, true));
    assert_eq!(settle(&mut source), [Input::TooLong { bytes: LIMIT as u64 + 1 }]);
}

#[test]
fn telnet_peer_is_never_raw() {
    let mut source = fresh();
    assert_eq!(feed(&mut source, b"\xFF\xFB\x1Fali"), []);
    assert_eq!((source.partial(), source.wants_pause()), (None, false));
    assert_eq!(settle(&mut source), []);
    assert_eq!(feed(&mut source, b"ce\r\n"), [line("alice")]);
    assert_eq!(source.take_replies(), b"\xFF\xFE\x1F");
    assert_eq!(source.take_replies(), b"");
    let mut source = raw_chatter();
    assert_eq!(feed(&mut source, b"ab\xFF\xF1c"), [], "whatever it was taken for before");
    assert_eq!(feed(&mut source, b"\n"), [line("abc")]);
}

#[test]
fn telnet_keys_edit_and_interrupt_the_line() {
    let mut source = fresh();
    assert_eq!(feed(&mut source, b"/quit\xFF\xF4\xFF\xFD\x06/usersx\xFF\xF7\r\n"), [Input::Interrupt, line("/users")]);
    assert_eq!(feed(&mut source, b"gone\xFF\xF8a\xFF\xF6b\r\n"), [Input::AreYouThere, line("ab")]);
    assert_eq!(source.take_replies(), b"\xFF\xFC\x06");
}

#[test]
fn crlf_name_alone_in_its_read_counts_as_telnet() {
    for (reads, counts, crlf) in [
        (&[&b"alice\r\n"[..]][..], true, true),
        (&[b"alice\r\npassword123\r\n"], false, true),
        (&[b"ali", b"ce\r\n", b"x\n"], true, true),
        (&[b"alice\r", b"\n"], true, true),
        (&[b"alice\r", b"\nx"], false, true),
        (&[b"alice\n", b"x\r\n"], false, false),
        (&[b"alice\r\0"], false, false),
        (&[b"\xFF\xF1alice\n"], true, false),
    ] {
        let mut source = fresh();
        for read in reads {
            feed(&mut source, read);
        }
        assert_eq!((source.counts_as_telnet(), source.ends_in_crlf()), (counts, crlf), "{reads:?}");
    }
}

#[test]
fn endless_streams_take_no_memory_and_are_a_flood() {
    for unit in
        [&b"x"[..], b"xx\x7F", b"\xFF\xF1", b"\xFF\xFD\x06", b"\xFF\xFA", b"\xFF\xFF", b"\xFF\xF6", b"\xC3", b"\x1B"]
    {
        for mut source in [fresh(), raw_chatter()] {
            let read = unit.repeat(limits::READ_MAX / unit.len());
            for _ in 0..(16 << 20) / read.len() {
                feed(&mut source, &read);
                assert!(source.read.capacity() <= limits::READ_MIN, "{unit:?}");
                assert!(source.pieces.is_empty());
            }
            assert!(source.flooded(), "{unit:?}");
            assert_eq!(feed(&mut source, b"\n/users\n"), [], "{unit:?}");
            source.finish();
            assert_eq!((drain(&mut source), source.wants_pause()), (vec![], false));
        }
    }
}

#[test]
fn line_ends_keep_a_busy_client_from_being_a_flood() {
    let mut source = fresh();
    for _ in 0..200 {
        assert_eq!(feed(&mut source, &b"/users\n".repeat(100)).len(), 100);
    }
    assert!(!source.flooded());
}

#[test]
fn a_programs_bytes_are_taken_as_they_are() {
    let mut source = LineSource::lines(LIMIT);
    assert_eq!(feed(&mut source, b"ali"), []);
    assert_eq!((source.partial(), source.wants_pause()), (None, false));
    assert_eq!(
        feed(&mut source, b"ce\x7F\xFF\xF4\r\n/users/exit\n"),
        [Input::Line(b"alice\x7F\xFF\xF4".to_vec()), line("/users/exit"),]
    );
    assert_eq!((source.take_replies(), source.counts_as_telnet()), (Vec::new(), false));
    assert_eq!(feed(&mut source, &[b'x'; LIMIT + 1]), []);
    assert_eq!(feed(&mut source, b"\nlast"), [Input::TooLong { bytes: LIMIT as u64 + 2 }]);
    source.finish();
    assert_eq!(drain(&mut source), [line("last")]);
}
