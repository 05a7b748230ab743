//! Takes apart what a client without line ends sent quickly, one thing after the other, and the network glued into one read.
//!
//! A heuristic, so it is used for such clients only. It must not know what the commands do, nor whether they are right.

/// Commands that may follow anything: they are told by the space behind the word.
const EMBEDDED: [&[u8]; 6] =
    [b"/msg ", b"/broadcast ", b"/create_group ", b"/join_group ", b"/leave_group ", b"/group_msg "];

/// Commands without arguments: only at the very end of a piece are they told from text.
const TRAILING: [&[u8]; 5] = [b"/exit", b"/quit", b"/users", b"/groups_users", b"/help"];

/// The pieces of one read, in order and none empty; together they are `message`.
///
/// A cut is made before a command that follows directly on something other than white space:
/// people write `try /msg bob`, glued sends read `hello/msg bob`.
pub(super) fn split(message: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = message;
    while let Some(cut) = (1..rest.len()).find(|&at| starts_command(rest, at)) {
        split_tail(&rest[..cut], &mut pieces);
        rest = &rest[cut..];
    }
    split_tail(rest, &mut pieces);
    pieces
}

fn starts_command(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b'/' && glued(bytes, at) && EMBEDDED.iter().any(|word| bytes[at..].starts_with(word))
}

fn split_tail<'a>(piece: &'a [u8], pieces: &mut Vec<&'a [u8]>) {
    let first = pieces.len();
    let mut rest = piece;
    while let Some(cut) = tail(rest) {
        pieces.push(&rest[cut..]);
        rest = &rest[..cut];
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces[first..].reverse();
}

fn tail(piece: &[u8]) -> Option<usize> {
    let word = TRAILING.iter().find(|word| piece.ends_with(word))?;
    let cut = piece.len() - word.len();
    glued(piece, cut).then_some(cut)
}

fn glued(bytes: &[u8], at: usize) -> bool {
    at > 0 && !bytes[at - 1].is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(message: &str) -> Vec<String> {
        split(message.as_bytes()).into_iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    #[test]
    fn glued_commands_come_apart() {
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
        assert!(split(b"").is_empty());
    }

    fn glued_text() -> impl Strategy<Value = Vec<u8>> {
        let words: Vec<Vec<u8>> = EMBEDDED.iter().chain(&TRAILING).map(|word| word.to_vec()).collect();
        let part = prop_oneof![
            proptest::sample::select(words),
            "[a /]{0,3}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..3)
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn pieces_together_are_the_message(message in glued_text()) {
            let pieces = split(&message);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert_eq!(pieces.concat(), message);
        }

        #[test]
        fn every_piece_is_whole(message in glued_text()) {
            for piece in split(&message) {
                prop_assert_eq!(split(piece), [piece]);
            }
        }
    }
}
