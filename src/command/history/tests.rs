//! Parsing the words after `/history`.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Option<History> {
    History::parse(&mut Args::new(text)).map(|history| History { or_user: None, ..history })
}

#[test]
fn a_number_alone_may_be_a_user() {
    let or_user = |text: &str| History::parse(&mut Args::new(text)).unwrap().or_user;
    assert_eq!((or_user("5"), or_user("5 before 7")), (Some("5".to_owned()), Some("5".to_owned())));
    assert_eq!((or_user("5 20"), or_user("@5"), or_user("bob 5"), or_user("")), (None, None, None, None));
    assert_eq!(parse("@before 20"), history("@before", 20, 0));
}

fn history(of: &str, count: usize, before: u64) -> Option<History> {
    let before = (before > 0).then_some(MessageId(before));
    Some(History { of: (!of.is_empty()).then(|| of.to_owned()), count, before, or_user: None })
}

#[test]
fn each_part_may_be_left_out() {
    assert_eq!(parse(""), history("", 20, 0));
    assert_eq!(parse("bob"), history("bob", 20, 0));
    assert_eq!(parse("#12 7"), history("#12", 7, 0));
    assert_eq!(parse("7 Before #12"), history("", 7, 12));
    assert_eq!(parse("all 501 before 12"), history("all", 500, 12));
    assert_eq!(parse(&"9".repeat(40)), history("", 500, 0));
}

#[test]
fn users_may_be_named_like_the_other_parts() {
    assert_eq!(parse("20 20"), history("20", 20, 0));
    assert_eq!(parse("before"), history("before", 20, 0));
    assert_eq!(parse("before 12"), history("", 20, 12));
    assert_eq!(parse("before 20 before 12"), history("before", 20, 12));
    assert_eq!(parse("before before 12"), history("before", 20, 12));
}

#[test]
fn anything_else_is_answered_with_the_usage() {
    for text in ["0", "bob 0", "bob before", "bob x", "bob 5 x", "bob before x", "before 0", "bob 5 6", "bob eve 5"] {
        assert_eq!(parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_follows_the_usage_is_parsed_as_meant(
        of in proptest::option::of("#?[A-Za-z0-9][A-Za-z0-9_.-]{0,31}"),
        count in proptest::option::of(1..=500usize),
        before in proptest::option::of(1..=u64::MAX),
        sign in any::<bool>(),
    ) {
        let mut words: Vec<String> = of.iter().cloned().chain(count.map(|count| count.to_string())).collect();
        if let Some(before) = before {
            words.extend(["before".to_owned(), format!("{}{before}", if sign { "#" } else { "" })]);
        }
        // A number alone is a count; a user of that name needs a count behind it.
        prop_assume!(count.is_some() || of.as_ref().is_none_or(|of| of.bytes().any(|b| !b.is_ascii_digit())));
        // And `before 12` is a position in the log.
        prop_assume!(!(of.as_ref().is_some_and(|of| of.eq_ignore_ascii_case("before")) && before.is_none() && count.is_some()));
        let expected = History { of, count: count.unwrap_or(HISTORY_COUNT), before: before.map(MessageId), or_user: None };
        prop_assert_eq!(parse(&words.join(" ")), Some(expected));
    }

    #[test]
    fn no_words_break_the_parser(text in "[ #0-9a-z]{0,60}|(before|#?[0-9]{1,30}|bob| ){0,8}") {
        if let Some(history) = parse(&text) {
            prop_assert!((1..=HISTORY_MAX).contains(&history.count));
        }
    }
}
