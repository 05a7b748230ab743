//! Assembling lines: every line end, every limit, the editing keys; and splitting reads without line ends.

use super::*;
use proptest::prelude::*;

fn line(text: &str) -> Input {
    Input::Line(text.into())
}

fn feed(assembler: &mut Assembler, data: &[u8]) -> Vec<Input> {
    let (mut inputs, mut at) = (Vec::new(), 0);
    while at < data.len() && !assembler.flooded() {
        let (taken, input) = assembler.take(&data[at..]);
        assert!(taken > 0, "no progress at {at}");
        inputs.extend(input);
        at += taken;
    }
    inputs
}

fn fresh(limit: usize, data: &[u8]) -> Vec<Input> {
    feed(&mut Assembler::new(limit, true), data)
}

#[test]
fn each_kind_of_line_end_ends_one_line() {
    let expected = [line("a"), line("b"), line("c"), line("d"), line(""), line("e"), line("")];
    assert_eq!(fresh(99, b"a\nb\r\nc\r\0d\r\re\r\n\n"), expected);
}

#[test]
fn bare_cr_ends_its_line_at_once() {
    let mut assembler = Assembler::new(99, true);
    assert_eq!(feed(&mut assembler, b"a\r"), [line("a")]);
    assert_eq!(feed(&mut assembler, b"\n"), []);
    assert_eq!(feed(&mut assembler, b"\n"), [line("")]);
    assert_eq!(feed(&mut assembler, b"\0\n"), [line("\0")], "a NUL anywhere else is data");
}

#[test]
fn first_line_decides_about_crlf() {
    for (data, crlf) in [("a\nb\r\n", false), ("a\r\nb\n", true), ("a\r\0b\r\n", false), ("a\rb\r\n", false)] {
        let mut assembler = Assembler::new(99, true);
        for byte in data.bytes() {
            feed(&mut assembler, &[byte]);
        }
        assert_eq!(assembler.first_ended_in_crlf(), crlf, "{data:?}");
    }
}

#[test]
fn limit_counts_the_line_end_and_nothing_is_cut() {
    assert_eq!(
        fresh(4, b"123\n1234\n12345678\nabc\r\n"),
        [line("123"), Input::TooLong { bytes: 5 }, Input::TooLong { bytes: 9 }, line("abc")]
    );
    let mut assembler = Assembler::new(4, true);
    assert_eq!(feed(&mut assembler, b"1234"), []);
    assert_eq!(assembler.end(), Some(line("1234")), "there is no line end to count");
    assert_eq!(assembler.end(), None);
}

#[test]
fn over_long_line_cannot_be_edited_back() {
    let too_long = Input::TooLong { bytes: 11 };
    assert_eq!(fresh(4, b"123456\x7F\x7F\x7F\x15\nok\n"), [too_long, line("ok")]);
    let mut assembler = Assembler::new(4, true);
    feed(&mut assembler, b"123456");
    assembler.erase_line();
    assert_eq!(feed(&mut assembler, b"/x\n"), [Input::TooLong { bytes: 9 }]);
}

#[test]
fn over_long_message_is_reported_once() {
    let mut assembler = Assembler::new(4, true);
    feed(&mut assembler, b"123456");
    assert_eq!(assembler.end_of_read(), None);
    feed(&mut assembler, b"789");
    assert_eq!(assembler.end_of_read(), None);
    assert!(assembler.pending());
    assert_eq!(assembler.end(), Some(Input::TooLong { bytes: 9 }));
    feed(&mut assembler, b"ok");
    assert_eq!(assembler.end_of_read(), Some(line("ok")));
}

#[test]
fn editing_erases_whole_characters_and_words() {
    assert_eq!(fresh(99, "ab\x7Fc\u{8}d\n".as_bytes()), [line("ad")]);
    assert_eq!(fresh(99, "aä€😀\u{8}\u{8}\u{8}b\n".as_bytes()), [line("ab")]);
    assert_eq!(fresh(99, b"/msg bob  hi there  \x17you\n"), [line("/msg bob  hi you")]);
    assert_eq!(fresh(99, b"word\x17\x17\x08secret\x15x\n"), [line("x")]);
}

#[test]
fn without_editing_control_characters_are_data() {
    let mut assembler = Assembler::new(99, false);
    assert_eq!(feed(&mut assembler, b"a\x7Fb\x08\x15\x17\r\n"), [line("a\x7Fb\x08\x15\x17")]);
}

#[test]
fn erased_bytes_count_as_received() {
    let mut assembler = Assembler::new(99, true);
    for _ in 0..limits::FLOOD_BYTES / 2 {
        assert!(!assembler.flooded());
        feed(&mut assembler, b"x\x7F");
    }
    assert!(assembler.flooded());
}

#[test]
fn line_end_resets_the_flood_guard() {
    let most = vec![b'x'; limits::FLOOD_BYTES as usize - 1];
    let mut assembler = Assembler::new(99, true);
    for _ in 0..3 {
        feed(&mut assembler, &most);
        assert_eq!(feed(&mut assembler, b"\n").len(), 1);
        assert!(!assembler.flooded());
    }
    let one_more = [&most[..], b"x\n/users\n"].concat();
    assert_eq!(feed(&mut assembler, &one_more), []);
    assert!(assembler.flooded());
}

#[test]
fn endless_line_takes_no_memory() {
    let mut assembler = Assembler::new(4096, true);
    for _ in 0..limits::FLOOD_BYTES / 1000 + 1 {
        feed(&mut assembler, &[b'x'; 1000]);
        assert!(assembler.line.capacity() <= 2 * 4096);
    }
    assert!(assembler.flooded());
    assert_eq!(assembler.line.capacity(), 0);
}

/// Line editing, written for characters.
fn edited(typed: &[char]) -> String {
    let mut line: Vec<char> = Vec::new();
    for &c in typed {
        match c {
            '\u{8}' | '\u{7F}' => drop(line.pop()),
            '\u{15}' => line.clear(),
            '\u{17}' => {
                while line.pop_if(|c| *c == ' ').is_some() {}
                while line.pop_if(|c| *c != ' ').is_some() {}
            }
            other => line.push(other),
        }
    }
    line.into_iter().collect()
}

fn typed() -> impl Strategy<Value = Vec<char>> {
    let key = proptest::sample::select(vec!['\u{8}', '\u{7F}', '\u{15}', '\u{17}', ' ', 'ß', '€', '😀', '\u{301}']);
    proptest::collection::vec(prop_oneof![4 => proptest::char::range('a', 'z'), 3 => key], 0..60)
}

proptest! {
    #[test]
    fn editing_equals_the_model(typed in typed()) {
        let bytes: String = typed.iter().collect();
        prop_assert_eq!(fresh(999, format!("{bytes}\n").as_bytes()), [line(&edited(&typed))]);
    }

    #[test]
    fn any_split_gives_the_same(data in line_noise()) {
        let mut assembler = Assembler::new(8, true);
        let bytewise: Vec<Input> = data.iter().flat_map(|byte| feed(&mut assembler, &[*byte])).collect();
        prop_assert_eq!(bytewise, fresh(8, &data));
    }

    #[test]
    fn no_line_is_above_the_limit_or_holds_an_end(data in line_noise()) {
        for input in fresh(8, &data) {
            match input {
                Input::Line(line) => prop_assert!(line.len() < 8 && !line.contains(&b'\n') && !line.contains(&b'\r')),
                Input::TooLong { bytes } => prop_assert!(bytes > 8),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}

fn line_noise() -> impl Strategy<Value = Vec<u8>> {
    let special = proptest::sample::select(b"\n\r\0\x08\x7F\x15\x17 ".to_vec());
    proptest::collection::vec(prop_oneof![2 => special, 3 => any::<u8>()], 0..80)
}

/// The commands of the plain door.
pub(in crate::transport) const COMMANDS: LegacyCommands = LegacyCommands {
    with_arguments: &["msg", "broadcast", "create_group", "join_group", "leave_group", "group_msg"],
    alone: &["exit", "quit", "users", "groups_users", "help"],
};

fn pieces(message: &str) -> Vec<String> {
    COMMANDS.split(message.as_bytes()).into_iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
}

#[test]
fn commands_sent_in_quick_succession_are_split() {
    assert_eq!(pieces("/create_group A/create_group B"), ["/create_group A", "/create_group B"]);
    assert_eq!(pieces("/msg bob hi/group_msg g ho/users"), ["/msg bob hi", "/group_msg g ho", "/users"]);
    assert_eq!(pieces("/users/groups_users/exit"), ["/users", "/groups_users", "/exit"]);
    assert_eq!(pieces("/users/msg bob hi"), ["/users", "/msg bob hi"]);
    assert_eq!(pieces("/msg bob hi/help/leave_group g"), ["/msg bob hi", "/help", "/leave_group g"]);
}

#[test]
fn single_messages_stay_whole() {
    for whole in [
        "/users",
        "/msg bob",
        "/msg bob try /msg me or /users",
        "/msg bob \t/broadcast x",
        "/msg bob and/or /usr/quit/ or /users.",
        "/msg bob /exit",
        "a/msg",
        "a/usersx",
    ] {
        assert_eq!(pieces(whole), [whole]);
    }
    assert!(COMMANDS.split(b"").is_empty());
}

fn joined_text() -> impl Strategy<Value = Vec<u8>> {
    let words = COMMANDS.with_arguments.iter().map(|word| format!("/{word} ").into_bytes());
    let words: Vec<Vec<u8>> = words.chain(COMMANDS.alone.iter().map(|word| format!("/{word}").into_bytes())).collect();
    let part = prop_oneof![
        proptest::sample::select(words),
        "[a /]{0,3}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..3)
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn the_pieces_together_are_the_message(message in joined_text()) {
        let pieces = COMMANDS.split(&message);
        prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
        prop_assert_eq!(pieces.concat(), message);
    }

    #[test]
    fn no_piece_can_be_split_further(message in joined_text()) {
        for piece in COMMANDS.split(&message) {
            prop_assert_eq!(COMMANDS.split(piece), [piece]);
        }
    }
}
